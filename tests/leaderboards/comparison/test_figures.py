"""Small statistics against scipy's, and intervals that hold what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboards.comparison.figures import (
    benjamini_hochberg,
    difference_of,
    kendall,
    p_value_of,
    pearson,
    ranks,
    resampled,
    share_of,
    spearman,
    t_half_width,
    t_p_value,
    with_correlation_interval,
)
from raters.quality.agreement import wilson

SERIES = st.lists(st.integers(-3, 3), min_size=2, max_size=30)


@given(SERIES)
def test_ranks_are_scipys(values: list[int]) -> None:
    assert ranks(np.array(values)).tolist() == stats.rankdata(values).tolist()


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30))
def test_correlations_are_scipys(both: list[tuple[int, int]]) -> None:
    x, y = np.array(both, float).T
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan([pearson(x, y), spearman(x, y), kendall(x, y)]).all()
        return

    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_false_discoveries_are_controlled_as_scipy_does(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values)

    assert benjamini_hochberg(np.array(p_values)) == pytest.approx(expected)


def test_what_was_not_tested_does_not_make_the_others_dearer() -> None:
    adjusted = benjamini_hochberg(np.array([0.01, np.nan, 0.04]))

    assert np.isnan(adjusted[1])
    assert adjusted[[0, 2]].tolist() == [0.02, 0.04]


@pytest.mark.parametrize("df", [4.0, 8.0, 30.0, 1000.0])
def test_students_t_is_near_enough(df: float) -> None:
    t = np.array([0.3, 1.0, 2.0, 3.5])

    assert t_p_value(t, df) == pytest.approx(2 * stats.t.sf(t, df), abs=0.002)
    assert t_half_width(df) == pytest.approx(stats.t.ppf(0.975, df), rel=0.01)
    assert t_p_value(t_half_width(df), df)[0] == pytest.approx(0.05)


def test_a_share_of_single_votes_is_wilsons() -> None:
    found, expected = share_of(np.array([1.0, 0, 1, 1, 0]), np.ones(5)), wilson(3, 5)

    assert (found.value, found.n) == (0.6, 5)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)


def test_votes_that_repeat_each_other_narrow_no_interval() -> None:
    single = np.array([1.0, 0] * 20)

    alone, repeated = share_of(single, np.ones(40)), share_of(10 * single, np.full(40, 10.0))

    assert repeated.value == alone.value
    assert repeated.n == 400
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_a_share_of_all_is_not_certain() -> None:
    found = share_of(np.ones(10), np.ones(10))

    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(wilson(10, 10).low)


def test_a_share_of_clusters_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        of = rng.integers(1, 6, 60).astype(float)
        found = share_of(rng.binomial(of.astype(int), rng.beta(2, 2, 60)).astype(float), of)
        held.append(found.low <= 0.5 <= found.high)

    assert 0.92 < np.mean(held) < 0.98


def test_a_difference_of_paired_shares_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held, ones = [], np.ones(80)
    for _ in range(400):
        chance = rng.beta(2, 2, 80)
        one, other = (rng.binomial(1, chance).astype(float) for _ in range(2))
        found = difference_of(one, ones, other, ones)
        held.append(found.low <= 0 <= found.high)

    assert 0.92 < np.mean(held) < 0.98


def test_a_difference_from_nobody_is_unknown() -> None:
    found = difference_of(np.ones(3), np.ones(3), np.zeros(3), np.zeros(3))

    assert np.isnan(found.value)
    assert np.isnan(p_value_of(found))


def test_a_statistic_drawn_again_is_spread_as_its_formula_says() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)

    found = resampled(np.column_stack([x, np.ones(400)]), lambda s: s[..., 0] / s[..., 1], seed=0)

    assert found.value == pytest.approx(x.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)


def test_one_row_has_no_interval() -> None:
    found = resampled(np.ones((1, 1)), lambda sums: sums[..., 0], seed=0)

    assert (found.value, found.n) == (1, 1)
    assert np.isnan([found.low, found.high]).all()


def test_a_correlation_lies_in_its_interval_though_draws_lie_below() -> None:
    drawn = np.random.default_rng(3).normal(0.6, 0.05, 200)

    found = with_correlation_interval(0.8, drawn, n=20)

    assert -1 < found.low < found.value < found.high < 1
