"""Rate ratios against published tables, and the correction for many looks."""

from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raters.quality.fairness import Rate, RateRatio, flags_by_chance, holm, rate_ratio


def test_the_ratio_is_that_of_the_physicians_health_study() -> None:
    # Agresti (2002), Categorical Data Analysis, section 3.1: heart attacks on placebo and on
    # aspirin. Relative risk 1.82, 95 % interval 1.43 to 2.30.
    found = rate_ratio(Rate(189, 11_034), Rate(104, 11_037))
    assert found.ratio == pytest.approx(1.82, abs=0.005)
    assert (found.low, found.high) == pytest.approx((1.43, 2.30), abs=0.01)
    assert found.is_flagged


def test_an_empty_cell_adds_a_half_to_each() -> None:
    found = rate_ratio(Rate(0, 20), Rate(10, 80))
    by_hand = rate_ratio_of_cells(0.5, 20.5, 10.5, 70.5)
    assert (found.ratio, found.low, found.high) == pytest.approx(by_hand)
    assert not found.is_flagged
    all_hit = rate_ratio(Rate(5, 5), Rate(40, 40))
    assert all_hit.low < 1 < all_hit.high, "Five raters of whom all are hit prove little."


def rate_ratio_of_cells(hit: float, spared: float, rest_hit: float, rest_spared: float) -> tuple:
    n, rest_n = hit + spared, rest_hit + rest_spared
    ratio = (hit / n) / (rest_hit / rest_n)
    spread = np.exp(1.959964 * np.sqrt(1 / hit - 1 / n + 1 / rest_hit - 1 / rest_n))
    return ratio, ratio / spread, ratio * spread


@pytest.mark.parametrize(
    ("group", "rest"),
    [(Rate(0, 0), Rate(1, 9)), (Rate(1, 9), Rate(0, 0)), (Rate(0, 9), Rate(0, 9))],
)
def test_without_anything_to_compare_there_is_no_ratio(group: Rate, rest: Rate) -> None:
    found = rate_ratio(group, rest)
    assert all(map(isnan, (found.ratio, found.low, found.high, found.p_value)))
    assert not found.is_flagged


def test_a_rate_of_more_than_all_is_refused() -> None:
    for hit, n in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="raters can't have been hit"):
            Rate(hit, n)


rates = st.integers(1, 400).flatmap(lambda n: st.builds(Rate, st.integers(0, n), st.just(n)))


@given(rates, rates)
def test_swapping_group_and_rest_inverts_the_ratio(one: Rate, other: Rate) -> None:
    found, swapped = rate_ratio(one, other), rate_ratio(other, one)
    if isnan(found.ratio):
        assert isnan(swapped.ratio)
        return
    assert found.low <= found.ratio <= found.high
    assert swapped.ratio == pytest.approx(1 / found.ratio)
    assert (swapped.low, swapped.high) == pytest.approx((1 / found.high, 1 / found.low))
    assert swapped.p_value == pytest.approx(found.p_value)
    assert found.is_flagged == (found.p_value < 0.05)


def test_the_interval_covers_the_true_ratio_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    group, rest = rng.binomial(120, 0.10, 2_000), rng.binomial(400, 0.05, 2_000)
    ratios = [
        rate_ratio(Rate(int(x), 120), Rate(int(y), 400)) for x, y in zip(group, rest, strict=True)
    ]
    covered = np.mean([found.low <= 2 <= found.high for found in ratios])
    assert 0.93 <= covered <= 0.975


def test_holm_rejects_what_the_textbook_example_rejects() -> None:
    # The ordered bounds are .0125, .0167, .025 and .05: the third of them stops it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == (True, False, False, True)


def test_holm_takes_no_notice_of_what_is_no_test() -> None:
    assert holm([float("nan"), 0.03]) == (False, True)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_by_bonferroni(p_values: list[float]) -> None:
    """Oracle: a finding stands if every set that holds it has a member below level / size."""
    sets = [
        [i for i, taken in enumerate(chosen) if taken]
        for chosen in product([False, True], repeat=len(p_values))
    ]
    expected = tuple(
        all(min(p_values[j] for j in each) <= 0.05 / len(each) for each in sets if i in each)
        for i in range(len(p_values))
    )
    assert holm(p_values) == expected


def test_chance_alone_flags_one_in_twenty_of_those_that_can_be() -> None:
    told = rate_ratio(Rate(3, 30), Rate(3, 30))
    untold = RateRatio(Rate(0, 0), Rate(0, 0), *[float("nan")] * 4)
    assert flags_by_chance([told] * 20 + [untold] * 7) == pytest.approx(1.0)
