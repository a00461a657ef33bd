"""The TOML form: figures stay as published, and nothing misspelt passes."""

import pytest

from studies.census import ElectorateError, cell_shares, parse_electorate

DOCUMENT = """\
slug = "here"
name = "Here"

[[source]]
key = "census"
title = "Census"
year = 2021

[[axis]]
key = "age"
name = "Age"
groups = ["18-64", "65+"]

[[axis]]
key = "party"
name = "Party"
groups = ["Left", "Right", "None"]
unit = "percent"
figures = [27, 27, 45]
source = "census"

[[axis]]
key = "sex"
name = "Sex"
groups = ["Female", "Male"]

[joint]
axes = ["age", "sex"]
unit = "people"
source = "census"
figures = [
  ["18-64", [300, 200]],
  ["65+", [400, 100]],
]
"""


def read(text, **names):
    return parse_electorate(text.encode(), file_name="here.toml", **names)


def test_figures_become_shares():
    spec = read(DOCUMENT)
    assert [axis.key for axis in spec.axes] == ["age", "party", "sex"]
    assert [group.share for group in spec.axes[0].groups] == [0.5, 0.5]
    assert [group.share for group in spec.axes[1].groups] == pytest.approx(
        [27 / 99, 27 / 99, 45 / 99]
    )
    assert spec.joint.shares["65-plus", "female"] == 0.4
    assert spec.sources[0].year == 2021
    assert cell_shares(spec)["65-plus", "left", "female"] == pytest.approx(0.4 * 27 / 99)


def test_slug_and_name_can_be_given_from_outside():
    spec = read(DOCUMENT, slug="there", name="There")
    assert (spec.slug, spec.name) == ("there", "There")


def test_an_axis_of_the_joint_table_may_repeat_its_figures_but_not_contradict_them():
    own = 'groups = ["Female", "Male"]\nunit = "share"\nsource = "census"\nfigures = '
    agreeing = DOCUMENT.replace('groups = ["Female", "Male"]', own + "[0.702, 0.298]")
    assert read(agreeing).axis_for("sex").groups[0].share == pytest.approx(0.7)
    with pytest.raises(ElectorateError, match=r"the joint table gives 0\.7000, the axis 0\.5"):
        read(DOCUMENT.replace('groups = ["Female", "Male"]', own + "[0.5, 0.5]"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('slug = "here"', "slug = here", r"not TOML: .*line 1"),
        ('slug = "here"', "slug = 1", "slug is not a text"),
        ('slug = "here"', 'slag = "here"', "slug missing"),
        ('slug = "here"', 'slug = "here"\nsize = 1', 'unknown name "size"; allowed are: axis'),
        ("year = 2021", 'year = "2021"', "source 1: year is not a whole number"),
        ("year = 2021", "date = 2021", 'source 1: unknown name "date"'),
        ('key = "age"', 'kea = "age"', "axis 1: key missing"),
        ('"18-64", "65+"', '"18-64", "18-64"', 'axis 1: group "18-64" is there 2 times'),
        ('"18-64", "65+"', '"18-64", 65', "65 in groups is not a text"),
        ('"18-64", "65+"', '"18-64", "?"', r'axis 1: "\?" has no letter or digit'),
        ('"percent"', '"per cent"', 'axis "party": unknown unit "per cent"; allowed are: share'),
        ("27, 27, 45", "72, 27, 45", 'axis "party": percentages add up to 144, not about 100'),
        ("27, 27, 45", "27, 72", "2 figures for 3 groups"),
        ("27, 27, 45", '27, 27, "45"', 'figure "45" is not a number'),
        ("27, 27, 45", "27, true, 45", 'figure "True" is not a number'),
        ("27, 27, 45", "127, -72, 45", "figure -72 is negative"),
        ("27, 27, 45", "27, inf, 45", "figure inf is negative or not finite"),
        ("[27, 27, 45]", "27", "figures is not a list"),
        ('"percent"', '"votes"\nvotes = 1', 'axis 2: unknown name "votes"'),
        ("[27, 27, 45]", '[27, 27, 45]\nnote = ""', 'axis 2: unknown name "note"'),
        ('unit = "percent"\nfigures = [27, 27, 45]\nsource = "census"', "", "neither figures of"),
        ('figures = [27, 27, 45]\nsource = "census"', "", "percentages add up to 0, not"),
        ('45]\nsource = "census"', "45]", "every share has a source"),
        ('45]\nsource = "census"', '45]\nsource = "poll"', 'source "poll" is named but not'),
        ('["age", "sex"]', '["age", "party", "sex"]', "joint, row 1"),
        ('["age", "sex"]', '["age", "gender"]', 'joint: unknown axis "gender"; the axes are'),
        ('["age", "sex"]', "[]", "joint: no axis is named"),
        ('"people"', '"persons"', 'joint: unknown unit "persons"'),
        ('  ["65+", [400, 100]],\n', "", r"joint: no row for \('65\+',\)"),
        ('["65+", [400', '["18-64", [400', r"joint, row 2: \('18-64',\) is unknown, or there"),
        ('["65+", [400', '["66+", [400', "joint, row 2: .* is unknown, or there already"),
        ("[400, 100]", "[400]", "joint, row 2: 1 figures for 2 groups"),
        ("[400, 100]", "400, 100", "joint, row 2: a row is one group of each axis but the last"),
        ('[300, 200]],\n  ["65+", [400, 100]', '[0, 0]],\n  ["65+", [0, 0]', "all figures are 0"),
        ("[joint]", "[[joint]]", "joint: this is not a table"),
    ],
)
def test_a_mistake_is_named_with_its_place(old, new, message):
    assert old in DOCUMENT
    text = DOCUMENT.replace(old, new, 1)
    with pytest.raises(ElectorateError, match=rf"^here\.toml.*{message}"):
        read(text)
