"""Quotas: largest remainders, what rounding costs, and who still finds a place."""

import csv
import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studies.census import ElectorateError, cell_shares, load_shipped, shipped_electorates
from studies.census.quotas import (
    allocate_cells,
    allocate_margins,
    fits,
    full_groups,
    open_share,
)
from tests.data import data_file


@st.composite
def shares(draw):
    """Shares of up to thirty groups, some of them 0."""
    weights = draw(
        st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(lambda ws: sum(ws) > 0)
    )
    total = sum(weights)
    keys = draw(st.permutations([f"g{place}" for place in range(len(weights))]))
    return {key: weight / total for key, weight in zip(keys, weights, strict=True)}


RATERS = st.integers(1, 5000)


def allocate(group_shares, raters):
    return allocate_margins({"axis": group_shares}, raters)["axis"]


@given(shares(), RATERS)
def test_targets_add_up_to_the_number_of_raters(group_shares, raters):
    allocation = allocate(group_shares, raters)
    assert sum(allocation.targets.values()) == allocation.raters == raters
    assert list(allocation.targets) == list(group_shares)


@given(shares(), RATERS)
def test_every_target_is_the_exact_quota_rounded_down_or_up(group_shares, raters):
    for quota in allocate(group_shares, raters).quotas:
        assert quota.exact == pytest.approx(quota.share * raters, abs=1e-8)
        assert quota.target in (math.floor(quota.exact), math.ceil(quota.exact))
        assert abs(quota.deviation) < 1


@given(shares(), RATERS)
def test_a_share_of_zero_gets_nobody(group_shares, raters):
    for quota in allocate(group_shares, raters).quotas:
        if quota.share == 0:
            assert quota.target == 0
            assert not quota.is_left_out
            assert quota.relative_deviation == 0


@given(shares(), RATERS)
def test_a_larger_share_never_gets_fewer(group_shares, raters):
    quotas = sorted(allocate(group_shares, raters).quotas, key=lambda quota: quota.share)
    for smaller, larger in itertools.pairwise(quotas):
        if smaller.exact < larger.exact:
            assert smaller.target <= larger.target


@given(shares(), RATERS, st.randoms())
def test_the_order_in_which_shares_are_given_does_not_matter(group_shares, raters, chance):
    shuffled = list(group_shares.items())
    chance.shuffle(shuffled)
    assert allocate(dict(shuffled), raters).targets == allocate(group_shares, raters).targets


@given(shares(), RATERS)
def test_the_deviations_cancel_out_and_no_other_division_has_a_smaller_sum_of_them(
    group_shares, raters
):
    quotas = allocate(group_shares, raters).quotas
    assert math.fsum(quota.deviation for quota in quotas) == pytest.approx(0, abs=1e-6)
    # Hamilton's is the least Σ|target − exact|: moving one rater never makes it smaller.
    for giver, taker in itertools.permutations(quotas, 2):
        if giver.target:
            before = abs(giver.deviation) + abs(taker.deviation)
            after = abs(giver.deviation - 1) + abs(taker.deviation + 1)
            assert after >= before - 1e-8


def naive_hamilton(weights: dict[str, int], raters: int) -> dict[str, int]:
    """Largest remainders in exact fractions."""
    total = sum(weights.values())
    exact = {key: Fraction(weight * raters, total) for key, weight in weights.items()}
    targets = {key: math.floor(quota) for key, quota in exact.items()}
    for key in sorted(exact, key=lambda key: (targets[key] - exact[key], key)):
        if sum(targets.values()) == raters:
            break
        targets[key] += 1
    return targets


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 200), min_size=1), RATERS)
@example({"a": 110, "b": 24, "c": 155, "aa": 130, "aaa": 105}, 144)
def test_floating_point_gives_what_exact_fractions_give(weights, raters):
    total = sum(weights.values())
    group_shares = {key: weight / total for key, weight in weights.items()}
    assert allocate(group_shares, raters).targets == naive_hamilton(weights, raters)


def test_equal_remainders_go_by_key():
    thirds = {"c": 1 / 3, "a": 1 / 3, "b": 1 / 3}
    assert allocate(thirds, 4).targets == {"c": 1, "a": 2, "b": 1}
    assert allocate(thirds, 5).targets == {"c": 1, "a": 2, "b": 2}


def test_what_floating_point_makes_of_equal_shares_decides_nothing():
    noisy = {"z": 0.1 + 0.2, "a": 0.3, "m": 0.4 - 1e-17}
    assert allocate(noisy, 5).targets == {"z": 1, "a": 2, "m": 2}
    assert allocate({"x": 0.29, "y": 0.71}, 100).targets == {"x": 29, "y": 71}


def test_the_example_of_the_textbooks_is_reproduced():
    votes = {"yellows": 47_000, "whites": 16_000, "reds": 15_800, "greens": 12_000, "blues": 6_100,
             "pinks": 3_100}  # fmt: skip
    allocation = allocate({party: count / 100_000 for party, count in votes.items()}, 10)
    assert allocation.targets == {
        "yellows": 5, "whites": 2, "reds": 1, "greens": 1, "blues": 1, "pinks": 0,
    }  # fmt: skip


def test_what_rounding_costs_is_shown():
    allocation = allocate({"many": 0.58, "some": 0.395, "few": 0.02, "rare": 0.005}, 10)
    assert allocation.targets == {"many": 6, "some": 4, "few": 0, "rare": 0}
    assert [quota.key for quota in allocation.left_out] == ["few", "rare"]
    assert allocation.share_left_out == pytest.approx(0.025)
    assert allocation.largest_deviation.key in ("many", "few")
    assert abs(allocation.largest_deviation.deviation) == pytest.approx(0.2)
    assert allocation.largest_relative_deviation.relative_deviation == -1


def test_each_axis_is_divided_for_itself():
    allocations = allocate_margins(
        {"age": {"young": 0.26, "old": 0.74}, "shore": {"north": 0.5, "south": 0.5}}, 11
    )
    assert allocations["age"].targets == {"young": 3, "old": 8}
    assert allocations["shore"].targets == {"north": 6, "south": 5}


@pytest.mark.parametrize(
    ("group_shares", "raters", "message"),
    [
        ({"a": 0.5, "b": 0.4}, 10, r'axis "axis": shares add up to 0\.9, not 1'),
        ({}, 10, "shares add up to 0, not 1"),
        ({"a": 1.2, "b": -0.2}, 10, r"share -0\.2 of b is not a number from 0 to 1"),
        ({"a": math.nan}, 10, "share nan of a"),
        ({"a": 1.0}, 0, "0 raters can't be divided; ask for at least one"),
    ],
)
def test_what_can_not_be_divided_is_named(group_shares, raters, message):
    with pytest.raises(ElectorateError, match=message):
        allocate(group_shares, raters)


# Real electorates


@pytest.mark.parametrize("slug", shipped_electorates())
@pytest.mark.parametrize("raters", [1, 100, 287, 500, 2_000, 23_404])
def test_shipped_electorates_are_divided_by_margins_and_by_cells(slug, raters):
    spec = load_shipped(slug)
    by_axis = {axis.key: {g.key: g.share for g in axis.groups} for axis in spec.axes}
    for allocation in allocate_margins(by_axis, raters).values():
        assert sum(allocation.targets.values()) == raters
    allocation = allocate_cells(cell_shares(spec), raters)
    assert sum(allocation.targets.values()) == raters
    assert all(abs(quota.deviation) < 1 for quota in allocation.quotas)


def test_few_raters_leave_much_of_the_electorate_out_by_cells_and_nobody_by_margins():
    spec = load_shipped("us-2023")
    few = allocate_cells(cell_shares(spec), 287)
    many = allocate_cells(cell_shares(spec), 5_000)
    assert few.share_left_out > 0.04 > 10 * many.share_left_out
    by_axis = {axis.key: {g.key: g.share for g in axis.groups} for axis in spec.axes}
    assert all(not axis.left_out for axis in allocate_margins(by_axis, 287).values())


def prism_sample(country: str) -> Counter[tuple[str, str, str]]:
    """The people of PRISM's representative samples: age band, sex and ethnicity."""
    with data_file("prism/rep_sample_cells.csv").open(encoding="utf-8", newline="") as file:
        return Counter(
            {
                (row["age_band"], row["sex"], row["ethnicity"]): int(row["participants"])
                for row in csv.DictReader(file)
                if row["country"] == country
            }
        )


@pytest.mark.parametrize(("country", "people"), [("UK", 274), ("US", 287)])
def test_shares_of_a_real_sample_give_the_sample_again(country, people):
    counts = prism_sample(country)
    assert counts.total() == people
    by_cell = {cell: count / people for cell, count in counts.items()}
    allocation = allocate_cells(by_cell, people)
    assert allocation.targets == counts
    assert allocation.left_out == ()
    assert allocation.largest_deviation.deviation == 0
    assert allocate_cells(by_cell, 100).targets == naive_hamilton(counts, 100)


@pytest.mark.parametrize(("country", "slug"), [("UK", "ew-2021"), ("US", "us-2023")])
def test_a_real_sample_is_admitted_to_census_quotas_until_its_groups_are_full(country, slug):
    spec = load_shipped(slug)
    counts = prism_sample(country)
    axes = [spec.axis_for("age"), spec.axis_for("sex")]
    allocations = allocate_margins(
        {axis.key: {g.key: g.share for g in axis.groups} for axis in axes}, counts.total()
    )
    targets = {
        (axis, group): target
        for axis, allocation in allocations.items()
        for group, target in allocation.targets.items()
    }
    taken: Counter[tuple[str, str]] = Counter()
    full: Counter[tuple[str, str]] = Counter()
    admitted = 0
    for person in counts.elements():
        groups = [
            (axis.key, axis.group_for(name).key)
            for axis, name in zip(axes, person[:2], strict=True)
        ]
        fit = fits(groups, targets=targets, taken=taken)
        full.update(fit.full)
        if fit.is_admitted:
            admitted += 1
            taken.update(groups)
    assert all(taken[group] <= target for group, target in targets.items())
    assert sum(taken.values()) == 2 * admitted
    assert 0.75 * counts.total() < admitted < counts.total()
    # The panel was younger than the country: of the old too few were found.
    assert taken["age", "65-plus"] < targets["age", "65-plus"]
    assert ("age", "65-plus") not in full_groups(targets, taken)
    assert set(full) <= set(full_groups(targets, taken))


# Places

TARGETS = {("age", "young"): 2, ("age", "old"): 3, ("sex", "female"): 3, ("sex", "male"): 2}


def test_a_rater_needs_a_place_in_each_of_her_groups():
    taken = {("age", "young"): 2, ("sex", "female"): 2}
    assert fits([("age", "old"), ("sex", "female")], targets=TARGETS, taken=taken).is_admitted
    fit = fits([("age", "young"), ("sex", "female")], targets=TARGETS, taken=taken)
    assert not fit.is_admitted
    assert fit.full == (("age", "young"),)


def test_groups_that_took_too_many_are_full_too():
    taken = {("age", "young"): 7, ("sex", "male"): 2}
    assert full_groups(TARGETS, taken) == (("age", "young"), ("sex", "male"))


def test_a_quota_of_nobody_is_full_from_the_beginning():
    assert full_groups({"a": 0, "b": 1}, {}) == ("a",)


def test_by_cells_her_cell_is_her_only_group():
    targets = {("young", "female"): 1, ("old", "male"): 0}
    assert fits([("young", "female")], targets=targets, taken={}).is_admitted
    assert not fits([("old", "male")], targets=targets, taken={}).is_admitted


def test_a_group_without_a_quota_is_an_error_and_no_open_door():
    with pytest.raises(ElectorateError, match=r"age × yuong has no quota; there are: age × young"):
        fits([("age", "yuong")], targets=TARGETS, taken={})


@given(st.lists(st.tuples(st.sampled_from(["young", "old"]), st.sampled_from(["female", "male"]))))
def test_whoever_comes_in_whatever_order_no_quota_is_exceeded(people):
    taken = Counter()
    for age, sex in people:
        groups = [("age", age), ("sex", sex)]
        if fits(groups, targets=TARGETS, taken=taken).is_admitted:
            taken.update(groups)
        else:
            assert any(taken[group] == TARGETS[group] for group in groups)
    assert all(taken[group] <= target for group, target in TARGETS.items())


def test_the_share_that_still_fits_tells_how_long_the_last_places_take():
    cells = {
        ("young", "female"): 0.01,
        ("young", "male"): 0.39,
        ("old", "female"): 0.35,
        ("old", "male"): 0.25,
    }
    axes = ("age", "sex")
    assert open_share(cells, axes, full=()) == pytest.approx(1)
    assert open_share(cells, axes, full={("age", "old")}) == pytest.approx(0.4)
    assert open_share(cells, axes, full={("age", "old"), ("sex", "male")}) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="zip"):
        open_share(cells, ("age",), full=())
