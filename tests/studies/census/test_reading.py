"""Files of electorates: both CSV forms, packed or plain, and what people are told of mistakes."""

import gzip
import pickle

import pytest

from studies.census import ElectorateError, cell_shares, parse_electorate, read_electorate
from tests.data import data_file

MARGINS = """\
axis,group,share,source
Age,18-34,0.3,"Census 2021, table 1"
Age,35+,0.7,"Census 2021, table 1"
Party,Left,0.55,Survey
Party,Right,0.45,Survey
"""

JOINT = """\
age_band,sex,share,source
18-34,Female,0.2,Census 2021
18-34,Male,0.1,Census 2021
35+,Female,0.3,Census 2021
35+,Male,0.4,Census 2021
"""


def read(text, file_name="electorate.csv", **names):
    return parse_electorate(text.encode(), file_name=file_name, **names)


def error_of(text, file_name="electorate.csv"):
    with pytest.raises(ElectorateError) as caught:
        read(text, file_name)
    return str(caught.value)


def test_margins_become_axes_in_the_order_of_the_file():
    spec = read(MARGINS, slug="here", name="Here")
    assert (spec.slug, spec.name, spec.joint) == ("here", "Here", None)
    assert [(axis.key, axis.name) for axis in spec.axes] == [("age", "Age"), ("party", "Party")]
    assert [(g.key, g.name, g.share) for g in spec.axes[0].groups] == [
        ("18-34", "18-34", 0.3),
        ("35-plus", "35+", 0.7),
    ]
    assert {source.key: source.title for source in spec.sources} == {
        "source-1": "Census 2021, table 1",
        "source-2": "Survey",
    }
    assert spec.axis_for("party").group_for("Left").source == "source-2"
    assert cell_shares(spec)["35-plus", "left"] == pytest.approx(0.7 * 0.55)


def test_a_joint_table_becomes_axes_with_its_margins():
    spec = read(JOINT)
    assert spec.joint.axes == ("age-band", "sex")
    assert spec.axis_for("age_band").group_for("35+").share == pytest.approx(0.7)
    assert spec.axis_for("sex").group_for("female").share == pytest.approx(0.5)
    assert cell_shares(spec) == pytest.approx(dict(spec.joint.shares))
    assert [source.title for source in spec.sources] == ["Census 2021"]


def test_populations_may_stand_in_place_of_shares():
    text = "age,population,source\nyoung,3000000,Census\nold,1000000,Census\n"
    assert [group.share for group in read(text).axes[0].groups] == [0.75, 0.25]
    text = "axis,group,population,source\nage,young,30,Census\nage,old,10,Census\n"
    assert [group.share for group in read(text).axes[0].groups] == [0.75, 0.25]


def test_where_shares_and_populations_are_both_there_shares_count():
    text = "age,Population,share,source\nyoung,?,0.75,Census\nold,?,0.25,Census\n"
    spec = read(text)
    assert [axis.key for axis in spec.axes] == ["age"]
    assert [group.share for group in spec.axes[0].groups] == [0.75, 0.25]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + MARGINS,
        MARGINS.replace("\n", "\r\n"),
        MARGINS.replace(",", ", "),
        MARGINS.replace("\n", "\n\n"),
        MARGINS.replace("Age,18-34", '"Age","18-34"'),
        MARGINS.replace("axis,group,share,source", "Axis,Group,Share,Source"),
    ],
    ids=["byte order mark", "Windows lines", "spaces", "blank lines", "quotes", "capitals"],
)
def test_what_spreadsheets_do_to_a_file_changes_nothing(text):
    assert read(text).axes == read(MARGINS).axes


def test_a_file_on_disk_is_read_plain_and_packed(tmp_path):
    plain, packed = tmp_path / "New Zealand.csv", tmp_path / "nz.csv.gz"
    plain.write_text(JOINT, encoding="utf-8")
    packed.write_bytes(gzip.compress(JOINT.encode()))
    assert read_electorate(plain).axes == read_electorate(packed).axes
    assert read_electorate(plain).slug == "new-zealand"
    assert read_electorate(packed).slug == "nz"
    named = read_electorate(packed, slug="aotearoa", name="Aotearoa")
    assert (named.slug, named.name) == ("aotearoa", "Aotearoa")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ElectorateError, match=r"gone\.csv: the file can't be read: No such file"):
        read_electorate(tmp_path / "gone.csv")


def test_a_published_table_is_read_once_it_names_its_source():
    text = data_file("census/us_2023_adults_bands.csv").read_text(encoding="utf-8")
    assert "every share has a source: add a column source" in error_of(text)
    header, *rows = text.splitlines()
    sourced = [f"{header},source", *(f"{row},Census Bureau 2023" for row in rows)]
    spec = read("\n".join(sourced))
    assert spec.cell_count == 84
    assert spec.axis_for("sex").group_for("Female").share == pytest.approx(0.5097, abs=1e-4)


# Mistakes


def test_a_share_that_is_no_number_is_named_with_file_and_line():
    text = MARGINS + "Sex,Female,abc,Census\n"
    assert error_of(text).startswith('electorate.csv, line 6: share "abc" is not a number')


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.3,", "27 %,", 'line 2: share "27 %" is not a number'),
        ("0.3,", "nan,", 'line 2: share "nan" is not a number'),
        ("0.3,", "0_3,", 'line 2: share "0_3" is not a number'),
        ("0.3,", ",", 'line 2: share "" is not a number'),
        ("0.3,", "-0.3,", "line 2: share -0.3 is negative"),
        ("0.3,", "0.2,", 'axis "Age": shares add up to 0.9, not 1'),
        ("Age,35+", "Age,18-34", 'line 3: axis "Age" has a group "18-34" already'),
        ("Age,35+", ",35+", 'line 3: column "axis" is empty'),
        ("Age,35+", "Age,", 'line 3: column "group" is empty'),
        ("Age,35+", "Age,?", 'line 3: "?" has no letter or digit'),
        ("Age,35+", "?,35+", 'line 3: "?" has no letter or digit'),
        ("Party,Left", "age,Left", 'axis "age": shares add up to 0.55'),
        ("Left,0.55,Survey", "Left,0.55,", "line 4: every share has a source"),
        ("Left,0.55,Survey", "Left,0.55", "line 4: 3 values for 4 columns"),
        ("Left,0.55,Survey", "Left,0,55,Survey", "line 4: 5 values for 4 columns"),
        ("axis,group", "axis,cell", "line 1: of the columns axis and group one is missing"),
        ("axis,group,share", "axis,group,weight", "line 1: there is no column share"),
        ("share,source", "share,note", "line 1: every share has a source"),
        ("share,source", "share,share", 'line 1: column "share" is there 2 times'),
        ('"Census 2021, table 1"', '"Census 2021, table 1', "not CSV"),
        (MARGINS, "", "the file is empty"),
        (MARGINS, "axis,group,share,source\n", "a header and no rows"),
        (MARGINS, "share,source\n1,Census\n", "line 1: there is no column of an axis"),
        ("axis,group,share,source", "axis;group;share;source", "there is no column share"),
    ],
)
def test_a_mistake_in_margins_is_named_with_its_line(old, new, message):
    error = error_of(MARGINS.replace(old, new, 1))
    assert error.startswith("electorate.csv")
    assert message in error


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.2,", "x,", 'line 2: share "x" is not a number'),
        ("0.2,", "0.3,", "joint shares: shares add up to 1.1, not 1"),
        ("18-34,Male", "18-34,Female", "line 3: 18-34 × female is there already"),
        ("18-34,Male", "18-34,", 'line 3: column "sex" is empty'),
        ("18-34,Male", "18-34,?", 'line 3: "?" has no letter or digit'),
        ("35+,Female", "35+,female", 'line 4: "female" and "Female" can hardly be told apart'),
        ("0.1,Census 2021", "0.1,Survey", "line 3: a joint table has one source"),
        ("0.1,Census 2021", "0.1,", "line 3: every share has a source"),
        ("age_band,sex", "sex,Sex", 'joint shares: axis "sex" is there 2 times'),
    ],
)
def test_a_mistake_in_a_joint_table_is_named_with_its_line(old, new, message):
    error = error_of(JOINT.replace(old, new, 1))
    assert error.startswith("electorate.csv")
    assert message in error


def test_populations_that_are_all_zero_are_refused():
    text = "axis,group,population,source\nage,young,0,Census\n"
    assert 'axis "age": the populations are all 0' in error_of(text)
    assert "the populations are all 0" in error_of("age,population,source\nyoung,0,Census\n")
    text = "age,population,source\nyoung,many,Census\n"
    assert 'line 2: population "many" is not a number; write digits' in error_of(text)


def test_a_column_that_means_nothing_is_refused():
    text = "axis,group,region,share,source\nage,young,north,1,Census\n"
    assert 'line 1: unknown column "region" beside axis and group' in error_of(text)


def test_the_line_of_an_error_is_the_one_where_its_record_begins():
    text = 'axis,group,share,source\nAge,young,0.5,"Census,\ntable 1"\nAge,old,?,Census\n'
    assert 'line 4: share "?"' in error_of(text)


def test_a_file_in_another_encoding_is_named_with_the_line():
    content = JOINT.replace("35+,Male", "35+,Männlich").encode("latin-1")
    with pytest.raises(ElectorateError, match=r"electorate\.csv, line 5: this is not UTF-8"):
        parse_electorate(content, file_name="electorate.csv")
    with pytest.raises(ElectorateError, match=r"electorate\.csv, line 1: this is not UTF-8"):
        parse_electorate(JOINT.encode("utf-16"), file_name="electorate.csv")


@pytest.mark.parametrize(
    "content",
    [JOINT.encode(), gzip.compress(JOINT.encode())[:-12], b"\x1f\x8b" + bytes(30)],
    ids=["plain", "cut off", "rubbish"],
)
def test_a_file_that_only_looks_packed_is_named(content):
    with pytest.raises(ElectorateError, match=r"electorate\.csv\.gz: the file can't be unpacked"):
        parse_electorate(content, file_name="electorate.csv.gz")


def test_a_packed_file_does_not_unfold_without_end():
    content = gzip.compress(b"axis,group,share,source\n" + b"\n" * 20_000_000)
    with pytest.raises(ElectorateError, match="more than 20,000,000 bytes"):
        parse_electorate(content, file_name="electorate.csv.gz")


def test_another_kind_of_file_is_refused():
    assert "its name ends in .csv or .toml" in error_of("{}", "electorate.json")


def test_an_error_survives_the_way_from_a_worker():
    with pytest.raises(ElectorateError) as caught:
        read("")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
