"""Figures with their intervals: shares, statistics drawn again, correlations of ranks, tests."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import HALF_WIDTH
from raters.quality.agreement import wilson

RESAMPLES: Final = 1000
# Drawn numbers that lie in memory at once.
CELLS: Final = 2_000_000
NORMAL: Final = NormalDist()
# The greatest correlation that draws are told apart by.
STEEPEST: Final = 0.999

Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval, from `n` of what it is counted in; NaN without any."""

    value: float
    low: float
    high: float
    n: int


NOTHING: Final = Figure(np.nan, np.nan, np.nan, 0)


def share_of(count: FloatArray, of: FloatArray) -> Figure:
    """Σ count / Σ of over clusters (N,), such as an item's votes, with `n` the sum of `of`.

    Wilson's interval at the effective size p (1 − p) / var, the variance being that of a ratio
    over clusters; at 0 and 1 a cluster counts once. Korn and Graubard (1998), Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data.
    """
    asked = of > 0
    count, of = count[asked], of[asked]
    clusters, total = len(of), float(of.sum())
    if not clusters:
        return NOTHING
    share = float(count.sum()) / total
    size = float(clusters)
    if clusters > 1 and 0 < share < 1:
        variance = clusters / (clusters - 1) * np.square(count - share * of).sum() / total**2
        # Clusters that happen to be alike don't make each vote count for more than one.
        size = min(share * (1 - share) / variance, total) if variance > 0 else size
    effective = max(1, round(size))
    found = wilson(share * effective, effective)
    return Figure(share, found.low, found.high, round(total))


def difference_of(
    count: FloatArray, of: FloatArray, other_count: FloatArray, other_of: FloatArray
) -> Figure:
    """Σ count / Σ of less the same of others, paired by cluster: all are (N,).

    Interval by linearisation of both ratios, with Student's t for as many clusters of equal size
    as the smaller side is worth (Kish); `n` is the number of clusters that either has.
    """
    there = (of > 0) | (other_of > 0)
    clusters = int(there.sum())
    if not (of > 0).any() or not (other_of > 0).any():
        return Figure(np.nan, np.nan, np.nan, clusters)
    share, other = count.sum() / of.sum(), other_count.sum() / other_of.sum()
    pull = (count - share * of) / of.sum() - (other_count - other * other_of) / other_of.sum()
    value = float(share - other)
    if clusters < 2:
        return Figure(value, np.nan, np.nan, clusters)
    df = max(1.0, min(_equal_clusters(each) for each in (of, other_of)) - 1)
    half = float(t_half_width(df) * np.sqrt(clusters / (clusters - 1) * np.square(pull).sum()))
    return Figure(value, value - half, value + half, clusters)


def p_value_of(figure: Figure, *, none: float = 0.0) -> float:
    """Two-sided p of a figure being `none`, by its interval as a normal's; NaN without one."""
    sd = (figure.high - figure.low) / (2 * HALF_WIDTH)
    if not sd > 0:
        return np.nan
    return 2 * NORMAL.cdf(-abs(figure.value - none) / sd)


def resampled(
    table: FloatArray, statistic: Statistic, *, seed: int, resamples: int = RESAMPLES
) -> Figure:
    """A statistic of the column sums of a table (N, p), rows drawn again with replacement.

    `statistic` takes sums (..., p) and gives (...,), NaN where it has no meaning. One row alone
    has no interval.
    """
    if not len(table):
        return NOTHING
    rows, times = np.unique(table, axis=0, return_counts=True)
    value = float(statistic(times @ rows))
    if len(table) < 2:
        return Figure(value, np.nan, np.nan, len(table))
    rng = np.random.default_rng(seed)
    drawn = []
    # Rows that are alike are drawn together: so the work grows with their kinds, not with N.
    at_once = max(1, CELLS // len(rows))
    for first in range(0, resamples, at_once):
        some = min(at_once, resamples - first)
        sums = rng.multinomial(len(table), times / len(table), size=some) @ rows
        drawn.append(statistic(sums))
    return with_interval(value, np.concatenate(drawn) if drawn else np.zeros(0), n=len(table))


def with_interval(value: float, drawn: FloatArray, *, n: int) -> Figure:
    """The bias-corrected percentile interval of a value from draws of it (R,).

    Efron and Tibshirani (1993), An introduction to the bootstrap, ch. 14.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return Figure(value, np.nan, np.nan, n)
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    # A value outside all draws would send the interval to infinity.
    least = 1 / (len(drawn) + 1)
    shift = 2 * NORMAL.inv_cdf(float(np.clip(below, least, 1 - least)))
    ends = [NORMAL.cdf(shift + sign * HALF_WIDTH) for sign in (-1, 1)]
    low, high = np.quantile(drawn, ends)
    return Figure(value, min(float(low), value), max(float(high), value), n)


def with_correlation_interval(value: float, drawn: FloatArray, *, n: int) -> Figure:
    """The interval of a correlation, normal in z = artanh r with the spread of its draws (R,).

    That z is Fisher's. A correlation falls when its data are drawn again, for that adds noise: so
    draws say how far it may be off, but not about what.
    """
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2 or not abs(value) < 1:
        return Figure(value, np.nan, np.nan, n)
    # A draw of 1 or −1 is infinite in z; it is no farther than the farthest that is told apart.
    half = HALF_WIDTH * float(np.arctanh(np.clip(drawn, -STEEPEST, STEEPEST)).std(ddof=1))
    low, high = np.tanh(np.arctanh(value) + np.array([-half, half]))
    return Figure(value, float(low), float(high), n)


def ranks(values: FloatArray) -> FloatArray:
    """Ranks (K,) from 1, the least first, equal values sharing the mean of theirs."""
    _, code, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    mean: FloatArray = (last - (times - 1) / 2)[code]
    return mean


def pearson(x: FloatArray, y: FloatArray) -> float:
    """Pearson's correlation; NaN with fewer than 2 values or where one is constant."""
    if len(x) < 2:
        return np.nan
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else np.nan


def spearman(x: FloatArray, y: FloatArray) -> float:
    """Spearman's correlation of ranks; NaN as for Pearson's."""
    return pearson(ranks(x), ranks(y))


def kendall(x: FloatArray, y: FloatArray) -> float:
    """Kendall's τ_b, which allows for equal values; NaN as for Pearson's.

    In a time that grows as N log² N: Knight (1966), A computer method for calculating Kendall's
    tau with ungrouped data.
    """
    if len(x) < 2:
        return np.nan
    order = np.lexsort((y, x))
    one, other = (np.unique(each, return_inverse=True)[1][order] for each in (x, y))
    both = one * (int(other.max()) + 1) + other
    alike = [_pairs_within(np.unique(each, return_counts=True)[1]) for each in (one, other, both)]
    pairs = _pairs_within(np.array([len(x)]))
    scale = float(np.sqrt((pairs - alike[0]) * (pairs - alike[1])))
    # Pairs that are alike in x stand in the order of y: one out of order differs in both.
    more = pairs - alike[0] - alike[1] + alike[2] - 2 * _inversions(other)
    return more / scale if scale else np.nan


def _pairs_within(sizes: IntArray) -> float:
    """How many pairs there are within sets of these sizes."""
    return float((sizes * (sizes - 1) // 2).sum())


def _inversions(values: IntArray) -> float:
    """How many pairs of whole numbers from 0 stand with the greater one first.

    Bit by bit: two that share all higher bits are told apart by the first that they don't.
    """
    found = 0.0
    for bit in reversed(range(int(values.max(initial=0)).bit_length())):
        order = np.argsort(values >> (bit + 1), kind="stable")
        shared, is_one = values[order] >> (bit + 1), (values[order] >> bit) & 1
        ones = np.cumsum(is_one)
        starts = np.flatnonzero(np.diff(shared, prepend=-1))
        before = np.repeat(ones[starts] - is_one[starts], np.diff(np.append(starts, len(shared))))
        found += float(((ones - before) * (1 - is_one)).sum())
    return found


def stepped_up(correlation: float) -> float:
    """What two halves' correlation says of the whole's with itself: Spearman (1910), Brown."""
    return 2 * correlation / (1 + correlation) if correlation > -1 else np.nan


def t_p_value(t: FloatArray, df: FloatArray | float) -> FloatArray:
    """Two-sided p of Student's t, by the normal that is near it: Wallace (1959), within .002."""
    z = np.sqrt(df * np.log1p(np.square(t) / df)) * (8 * df + 1) / (8 * df + 3)
    return np.array([2 * NORMAL.cdf(-each) for each in np.atleast_1d(z)])


def t_half_width(df: FloatArray | float) -> FloatArray:
    """Half of a 95 % interval of Student's t, so that it agrees with `t_p_value`."""
    z = HALF_WIDTH * (8 * np.asarray(df, float) + 3) / (8 * np.asarray(df, float) + 1)
    width: FloatArray = np.sqrt(df * np.expm1(np.square(z) / df))
    return width


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """p-values adjusted so that at a level q, a part q of what is found is false; NaN is no test.

    Benjamini and Hochberg (1995), Controlling the false discovery rate.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    falling = tested[np.argsort(-p_values[tested], kind="stable")]
    place = np.arange(len(tested), 0, -1)
    scaled = p_values[falling] * len(tested) / place
    adjusted[falling] = np.minimum(np.minimum.accumulate(scaled), 1) if len(tested) else scaled
    return adjusted


def _equal_clusters(of: FloatArray) -> float:
    """Kish's effective number of clusters of sizes (N,)."""
    return float(of.sum() ** 2 / np.square(of).sum())
