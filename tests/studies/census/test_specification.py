"""What an electorate may look like, and what people are told when it does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.census import (
    AxisSpec,
    ElectorateError,
    ElectorateSpec,
    GroupSpec,
    JointSpec,
    SourceSpec,
    key_for,
)

CENSUS = SourceSpec(key="census", title="Census 2021")


def group(name, share, source="census"):
    return GroupSpec(key=key_for(name), name=name, share=share, source=source)


def axis(name, **shares):
    groups = tuple(group(label.replace("_", " "), share) for label, share in shares.items())
    return AxisSpec(key=key_for(name), name=name, groups=groups)


def electorate(*axes, joint=None, sources=(CENSUS,)):
    return ElectorateSpec(
        slug="here", name="Here", description="", axes=axes, joint=joint, sources=sources
    )


SEX = axis("Sex", Female=0.5, Male=0.5)
AGE = axis("Age", Young=0.4, Old=0.6)
TABLE = {
    ("young", "female"): 0.3,
    ("young", "male"): 0.1,
    ("old", "female"): 0.2,
    ("old", "male"): 0.4,
}


def joint(shares=None, axes=("age", "sex"), source="census"):
    return JointSpec(axes=axes, shares=TABLE if shares is None else shares, source=source)


# Keys


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("18-34", "18-34"),
        ("65+", "65-plus"),
        ("<18", "under-18"),
        (">65", "over-65"),
        ("age_band", "age-band"),
        ("Two or more (non-Hispanic)", "two-or-more-non-hispanic"),
        ("American Indian/Alaska Native", "american-indian-alaska-native"),
        ("Łódź & Größe", "lodz-and-grosse"),
        ("男", "u7537"),
    ],
)
def test_a_name_becomes_a_key_that_a_person_recognises(name, key):
    assert key_for(name) == key


@given(st.text("abzAZ059 -_/()+<>≤≥&éßøłŻ男हि²½\u0301", min_size=1, max_size=120))
def test_a_key_is_short_ascii_and_its_own_key(name):
    try:
        key = key_for(name)
    except ElectorateError as error:
        assert "no letter or digit" in str(error)  # noqa: PT017
        return
    assert key.isascii()
    assert 0 < len(key) <= 50
    assert key_for(key) == key


def test_a_long_name_keeps_whole_words_in_its_key():
    name = "White: English, Welsh, Scottish, Northern Irish or British"
    assert key_for(name) == "white-english-welsh-scottish-northern-irish-or"


def test_a_name_without_letter_or_digit_is_refused():
    with pytest.raises(ElectorateError, match="no letter or digit"):
        key_for("?!")


# Groups and axes


def test_a_group_is_found_by_its_key_and_by_its_exact_name():
    age = axis("Age", **{"18-64": 0.8, "65+": 0.2})
    assert age.group_for("65+") is age.group_for("65-plus") is age.groups[1]


@pytest.mark.parametrize("value", ["", "female ", "FEMALE", "other"])
def test_an_unknown_value_is_an_error_that_lists_the_allowed_ones(value):
    with pytest.raises(ElectorateError) as caught:
        SEX.group_for(value)
    assert str(caught.value) == f'axis "sex" has no group "{value}"; allowed are: Female, Male'


def test_shares_within_the_tolerance_are_renormalised():
    rounded = axis("Age", Young=0.333, Middle=0.333, Old=0.333)
    assert math.fsum(g.share for g in rounded.groups) == pytest.approx(1, abs=1e-15)
    assert rounded.groups[0].share == pytest.approx(1 / 3)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=12), st.floats(-0.0049, 0.0049))
def test_an_axis_adds_up_to_one_and_stays_the_same_when_made_again(weights, off):
    total = math.fsum(weights)
    groups = tuple(
        group(f"g{number}", weight / total * (1 + off)) for number, weight in enumerate(weights)
    )
    once = AxisSpec(key="a", name="a", groups=groups)
    assert math.fsum(g.share for g in once.groups) == pytest.approx(1, abs=1e-12)
    assert all(0 <= g.share <= 1 for g in once.groups)
    assert AxisSpec(key="a", name="a", groups=once.groups) == once


def test_shares_that_do_not_add_up_to_one_are_refused_with_their_sum():
    with pytest.raises(ElectorateError, match=r'axis "Age": shares add up to 0\.97, not 1'):
        axis("Age", Young=0.4, Old=0.57)


def test_percentages_are_refused_with_advice():
    with pytest.raises(ElectorateError, match=r"write fractions \(0\.27 for 27 %\)"):
        axis("Party", Left=55, Right=45)


@pytest.mark.parametrize("share", [-0.1, math.nan, math.inf])
def test_a_share_that_is_no_share_is_refused(share):
    with pytest.raises(ElectorateError, match=r'group "Young": share .* is not a number from 0'):
        group("Young", share)


def test_every_share_has_a_source():
    with pytest.raises(ElectorateError, match="every share has a source"):
        group("Young", 0.5, source=" ")
    with pytest.raises(ElectorateError, match="every share has a source"):
        joint(source="")


def test_a_group_that_is_there_twice_is_refused():
    with pytest.raises(ElectorateError, match='axis "Sex": group "female" is there 2 times'):
        AxisSpec(key="sex", name="Sex", groups=(group("Female", 0.5), group("female", 0.5)))


def test_a_name_that_is_another_groups_key_is_refused():
    groups = (
        GroupSpec(key="a", name="b", share=0.5, source="census"),
        GroupSpec(key="b", name="a", share=0.5, source="census"),
    )
    with pytest.raises(ElectorateError, match="name of one group and the key of another"):
        AxisSpec(key="x", name="x", groups=groups)


def test_an_axis_without_groups_is_refused():
    with pytest.raises(ElectorateError, match="at least one group"):
        axis("Age")


def test_an_axis_of_one_group_is_allowed():
    assert axis("Country", Wales=1.0).groups[0].share == 1


def test_names_that_no_page_could_hold_are_refused():
    with pytest.raises(ElectorateError, match="101 characters, 100 is the limit"):
        group("x" * 101, 1.0)


def test_what_has_no_key_or_name_is_refused():
    with pytest.raises(ElectorateError, match="no key or no title"):
        SourceSpec(key="census", title=" ")
    with pytest.raises(ElectorateError, match="no key or no name"):
        GroupSpec(key="", name="Young", share=1.0, source="census")
    with pytest.raises(ElectorateError, match="no slug or no name"):
        ElectorateSpec(slug="", name="", description="", axes=(AGE,), joint=None, sources=())


# Electorates and joint tables


def test_an_axis_is_found_by_its_key_and_by_its_exact_name():
    here = electorate(AGE, SEX)
    assert here.axis_for("age") is here.axis_for("Age")
    with pytest.raises(ElectorateError, match='has no axis "party"; its axes are: age, sex'):
        here.axis_for("party")


def test_cells_are_counted_over_all_axes():
    assert electorate(AGE, SEX, axis("Party", A=0.2, B=0.3, C=0.5)).cell_count == 12


def test_an_electorate_has_axes_each_once():
    with pytest.raises(ElectorateError, match=r'electorate "here": an electorate has no axis'):
        electorate()
    with pytest.raises(ElectorateError, match='axis "age" is there 2 times'):
        electorate(AGE, AGE)


def test_a_source_is_described_and_described_once():
    with pytest.raises(ElectorateError, match='source "census" is named but not described'):
        electorate(AGE, sources=())
    with pytest.raises(ElectorateError, match='source "census" is there 2 times'):
        electorate(AGE, sources=(CENSUS, CENSUS))


def test_a_joint_table_adds_up_to_one_as_an_axis_does():
    table = joint({cell: share * 1.004 for cell, share in TABLE.items()})
    assert math.fsum(table.shares.values()) == pytest.approx(1, abs=1e-15)
    with pytest.raises(ElectorateError, match=r"joint shares: shares add up to 0\.9, not 1"):
        joint({cell: share * 0.9 for cell, share in TABLE.items()})


def test_the_margins_of_a_joint_table_are_the_shares_of_its_axes():
    rounded = axis("Age", Young=0.403, Old=0.597)
    here = electorate(rounded, SEX, joint=joint())
    assert [g.share for g in here.axis_for("age").groups] == pytest.approx([0.4, 0.6], abs=1e-15)
    assert here.joint.margin("sex") == pytest.approx({"female": 0.5, "male": 0.5})


def test_a_combination_that_is_not_listed_has_share_zero():
    shares = {("young", "female"): 0.5, ("old", "male"): 0.5}
    here = electorate(axis("Age", Young=0.5, Old=0.5), SEX, joint=joint(shares))
    assert here.joint.margin("age") == {"young": 0.5, "old": 0.5}


def test_a_joint_table_that_contradicts_an_axis_is_refused():
    with pytest.raises(ElectorateError) as caught:
        electorate(axis("Age", Young=0.5, Old=0.5), SEX, joint=joint())
    assert 'axis "age", group "Young": the joint table gives 0.4000, the axis 0.5000' in str(
        caught.value
    )


def test_a_joint_table_names_axes_and_groups_that_are_there():
    with pytest.raises(ElectorateError, match='an axis "sex" that the electorate has not'):
        electorate(AGE, joint=joint())
    shares = {("young", "female"): 0.5, ("old", "Male"): 0.5}
    with pytest.raises(ElectorateError, match='a group "Male" that axis "sex" has not'):
        electorate(AGE, SEX, joint=joint(shares))


def test_a_joint_table_has_one_group_of_each_axis():
    with pytest.raises(ElectorateError, match="young: 1 groups for 2 axes"):
        joint({("young",): 1.0})
    with pytest.raises(ElectorateError, match="no axis is named"):
        joint({(): 1.0}, axes=())
    with pytest.raises(ElectorateError, match='axis "age" is there 2 times'):
        joint(axes=("age", "age"))
    with pytest.raises(ElectorateError, match="young × female: share -1 is not a number"):
        joint({("young", "female"): -1})


def test_a_joint_table_does_not_change_once_it_is_checked():
    table = joint()
    with pytest.raises(TypeError):
        table.shares["young", "female"] = 1.0
