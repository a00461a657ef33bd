"""Agreement: published worked examples, definitions written out, and edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raters.quality.agreement import (
    Level,
    agreement_with_others,
    krippendorff_alpha,
    self_consistency,
    wilson,
)
from tests.data import data_file

NONE = np.nan
# Krippendorff (2011), section D: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)


@pytest.mark.parametrize(
    ("level", "published"),
    [(Level.NOMINAL, 0.743), (Level.ORDINAL, 0.815), (Level.INTERVAL, 0.849)],
)
def test_alpha_is_that_of_krippendorffs_example(level: Level, published: float) -> None:
    alpha = krippendorff_alpha(KRIPPENDORFF, level)

    assert alpha.alpha == pytest.approx(published, abs=0.0005)
    assert alpha.low < alpha.alpha < alpha.high
    assert (alpha.units, alpha.values) == (11, 40)


def test_alpha_is_that_of_krippendorffs_two_observers() -> None:
    """His sections A (binary) and B (five letters a to e)."""
    binary = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], float)
    letters = np.array([[ord(x) for x in row] for row in ("aabbdcccedda", "babbbccceddd")], float)

    assert krippendorff_alpha(binary, Level.NOMINAL).alpha == pytest.approx(0.095, abs=0.0005)
    assert krippendorff_alpha(letters, Level.NOMINAL).alpha == pytest.approx(0.692, abs=0.0005)


def _naive_alpha(values: np.ndarray, level: Level) -> float:
    """The definition over pairs of values, one by one."""
    units = [unit[~np.isnan(unit)] for unit in values.T]
    units = [unit for unit in units if len(unit) > 1]
    pooled = np.concatenate(units) if units else np.array([])

    def squared(x: float, y: float) -> float:
        if level is Level.NOMINAL:
            return float(x != y)
        if level is Level.INTERVAL:
            return float((x - y) ** 2)
        low, high = min(x, y), max(x, y)
        between = ((pooled >= low) & (pooled <= high)).sum()
        return float((between - ((pooled == x).sum() + (pooled == y).sum()) / 2) ** 2)

    def total(group: np.ndarray) -> float:
        return sum(squared(x, y) for x in group for y in group)

    expected = total(pooled) / max(len(pooled) - 1, 1)
    if not expected:
        return np.nan
    return 1 - sum(total(unit) / (len(unit) - 1) for unit in units) / expected


@given(
    st.lists(
        st.lists(st.sampled_from([NONE, 0.0, 1.0, 2.0, 5.0]), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(Level),
)
def test_alpha_is_its_definition(units: list[list[float]], level: Level) -> None:
    values = np.array(units).T

    ours = krippendorff_alpha(values, level, resamples=0).alpha

    assert ours == pytest.approx(_naive_alpha(values, level), nan_ok=True)


def test_ratings_at_random_have_no_agreement_and_equal_ones_have_all() -> None:
    rng = np.random.default_rng(2)
    chance = krippendorff_alpha(rng.integers(0, 3, (5, 400)).astype(float), Level.NOMINAL)
    same = krippendorff_alpha(np.tile(rng.integers(0, 3, 50), (4, 1)).astype(float), Level.NOMINAL)

    assert chance.low < 0 < chance.high
    assert chance.high - chance.low < 0.1
    assert (same.alpha, same.low, same.high) == (1, 1, 1)


def test_where_nothing_varies_or_nobody_overlaps_alpha_has_no_value() -> None:
    assert np.isnan(krippendorff_alpha(np.ones((3, 4)), Level.NOMINAL).alpha)
    assert krippendorff_alpha(np.array([[1.0, NONE], [NONE, 2.0]]), Level.NOMINAL).units == 0


def test_the_interval_of_alpha_comes_from_its_seed() -> None:
    first, again, other = (
        krippendorff_alpha(KRIPPENDORFF, Level.ORDINAL, seed=s) for s in (1, 1, 2)
    )

    assert first == again
    assert first != other
    assert first.alpha == other.alpha


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_interval_of_a_share_is_wilsons(count: int, more: int) -> None:
    n = count + more
    theirs = stats.binomtest(count, n).proportion_ci(method="wilson")

    ours = wilson(count, n)

    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.share <= ours.high


def test_a_share_of_nothing_may_be_anything() -> None:
    nothing = wilson(0, 0)

    assert np.isnan(nothing.share)
    assert (nothing.low, nothing.high, nothing.n) == (0, 1, 0)


def test_a_rater_agrees_with_the_majority_of_the_others() -> None:
    # Item 0: a a b; item 1: a b (each against one other); item 2: a b c: the others tie.
    item = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    rater = np.array([0, 1, 2, 0, 1, 0, 1, 2])
    label = np.array([0, 0, 1, 0, 1, 0, 1, 2])

    first, second, third, absent = agreement_with_others(item, rater, label, raters=4)

    # On item 0, raters 0 and 1 each see one a and one b in the others: a tie says nothing.
    assert (first.count, first.n) == (0, 1)
    assert (second.count, second.n) == (0, 1)
    assert (third.count, third.n) == (0, 1)
    assert absent.n == 0


@given(st.data())
def test_agreement_with_others_is_its_definition(data: st.DataObject) -> None:
    table = data.draw(
        st.lists(st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=4, max_size=4), max_size=6)
    )
    rows = [(i, r, x) for i, row in enumerate(table) for r, x in enumerate(row) if x >= 0]
    item, rater, label = np.array(rows, int).reshape(-1, 3).T

    shares = agreement_with_others(item, rater, label, raters=4)

    for r in range(4):
        seen = agreed = 0
        for row in table:
            others = [x for s, x in enumerate(row) if s != r and x >= 0]
            leaders = [x for x in set(others) if others.count(x) == max(map(others.count, others))]
            if row[r] >= 0 and len(leaders) == 1:
                seen, agreed = seen + 1, agreed + (row[r] == leaders[0])
        assert (shares[r].count, shares[r].n) == (agreed, seen)


def test_two_labels_of_one_rater_for_an_item_are_refused() -> None:
    same = np.array([0, 0])

    with pytest.raises(ValueError, match="twice"):
        agreement_with_others(same, same, same, raters=1)


def test_a_repeated_battle_with_swapped_sides_is_turned_back() -> None:
    share = self_consistency(
        ["a", "a", "tie", "b", "b"],
        ["a", "b", "tie", "a", "a"],
        swapped=[False, True, True, True, False],
    )

    assert (share.count, share.n) == (4, 5)


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="'A' is no outcome"):
        self_consistency(["a"], ["A"], swapped=[False])


def test_real_raters_agree_more_than_by_chance() -> None:
    rows = np.genfromtxt(
        data_file("crowd/bluebirds.csv.gz"), delimiter=",", skip_header=1, dtype=str
    )
    item, rater, label = (np.unique(column, return_inverse=True)[1] for column in rows.T[:3])
    values = np.full((rater.max() + 1, item.max() + 1), np.nan)
    values[rater, item] = label

    alpha = krippendorff_alpha(values, Level.NOMINAL)
    shares = agreement_with_others(item, rater, label, raters=len(values))

    assert 0.05 < alpha.low < alpha.alpha < alpha.high < 0.4
    assert 0.5 < np.mean([share.share for share in shares]) < 0.9
