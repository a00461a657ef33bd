"""How a judge's scores of single conversations agree with people's, and whose order they give."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import (
    NOTHING,
    Figure,
    difference_of,
    kendall,
    pearson,
    resampled,
    spearman,
    stepped_up,
    with_correlation_interval,
)
from leaderboards.comparison.items import part, total
from leaderboards.comparison.rated import Rated
from leaderboards.ranking.outcomes import FloatArray, IntArray

RESAMPLES: Final = 300
# Halves into which people are split, again and again.
SPLITS: Final = 20

Correlation = Callable[[FloatArray, FloatArray], float]


@dataclass(frozen=True)
class RatingAgreement:
    """How a judge's scores go with people's, of `items` that both rated, in `ratings` of people.

    `pearson`, `spearman` and `kendall` are of the judge's score and people's mean, over items.
    `with_others` is Spearman's of the judge's score and the mean of an item's ratings but one,
    `people_with_others` that of the one left out and the same mean: people's own ceiling. They are
    over the ratings of items that two or more rated, and NaN without any. `alpha` is Krippendorff's
    for intervals, of judge and people's mean as two raters; `people_alpha` that of people alone.
    `leniency` is the judge's mean less people's, and `distance` the mean distance of the two, in
    points of people's scale. Intervals are over items.
    """

    items: int
    ratings: int
    pearson: Figure
    spearman: Figure
    kendall: Figure
    with_others: Figure
    people_with_others: Figure
    alpha: Figure
    people_alpha: Figure
    leniency: Figure
    distance: Figure


@dataclass(frozen=True)
class RatingOrder:
    """Whether a judge's mean scores put the contestants in the order of people's.

    Over contestants, with intervals over items. `ceiling` is what Spearman's correlation would be
    with people asked anew, by halves of the raters.
    """

    spearman: Figure
    kendall: Figure
    ceiling: float


def compare_ratings(rated: Rated, *, seed: int = 0, resamples: int = RESAMPLES) -> RatingAgreement:
    """Compare what both rated; items that one of the two did not are left out."""
    both = rated.shared()
    people, judge, ones = both.people, both.judge, np.ones(len(both))
    every = np.arange(len(both))
    said, others, left_out = _left_out(both)

    def over(correlation: Correlation, x: FloatArray, y: FloatArray, item: IntArray) -> Figure:
        return _correlated(correlation, x, y, item, seed=seed, resamples=resamples)

    return RatingAgreement(
        items=len(both),
        ratings=len(both.item),
        pearson=over(pearson, people, judge, every),
        spearman=over(spearman, people, judge, every),
        kendall=over(kendall, people, judge, every),
        with_others=over(spearman, judge[left_out], others, left_out),
        people_with_others=over(spearman, said, others, left_out),
        alpha=interval_alpha(
            np.concatenate([every, every]), np.concatenate([people, judge]), seed=seed
        ),
        people_alpha=interval_alpha(both.item, both.score, seed=seed),
        leniency=difference_of(judge, ones, people, ones),
        distance=resampled(np.column_stack([np.abs(judge - people), ones]), _mean, seed=seed),
    )


def compare_rated_orders(rated: Rated, *, seed: int = 0, resamples: int = RESAMPLES) -> RatingOrder:
    """Order the contestants by their mean scores of the items that both rated."""
    both = rated.shared()
    size = len(both.contestants)
    n = len(np.unique(both.contestant))
    if n < 2:
        return RatingOrder(NOTHING, NOTHING, np.nan)
    rng = np.random.default_rng(seed)
    drawn = [np.arange(len(both)), *rng.integers(0, len(both), (resamples, len(both)))]
    pairs = [
        [_means(both.contestant[rows], each[rows], size) for each in (both.people, both.judge)]
        for rows in drawn
    ]

    def over(correlation: Correlation) -> Figure:
        each = np.array([_of_known(correlation, x, y) for x, y in pairs])
        return with_correlation_interval(float(each[0]), each[1:], n=n)

    return RatingOrder(over(spearman), over(kendall), _ceiling(both, rng))


def interval_alpha(
    item: IntArray, score: FloatArray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Figure:
    """Krippendorff's α for intervals, of scores (M,) of items, with `n` items of two or more.

    α = 1 − D_o / D_e from sums of squares, so that its cost grows with M alone: Krippendorff
    (2011), Computing Krippendorff's Alpha-Reliability. The interval is over items.
    """
    # Squares of numbers far from 0 would drown their differences.
    score = score - score.mean() if len(score) else score
    code = np.unique(item, return_inverse=True)[1]
    size = int(code.max(initial=-1)) + 1
    m, sums, squares = (total(code, size, each) for each in (np.ones(len(score)), score, score**2))
    several = m > 1
    m, sums, squares = m[several], sums[several], squares[several]
    within = 2 * (m * squares - sums**2) / (m - 1)
    table = np.column_stack([m, sums, squares, within])
    return resampled(table, _alpha, seed=seed, resamples=resamples)


def _alpha(table: FloatArray) -> FloatArray:
    n, sums, squares, within = np.moveaxis(np.asarray(table, float), -1, 0)
    between = 2 * (n * squares - sums**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Where nothing varies, agreement has no meaning.
        alpha: FloatArray = np.where(between > 0, 1 - (n - 1) * within / between, np.nan)
    return alpha


def _mean(table: FloatArray) -> FloatArray:
    mean: FloatArray = table[..., 0] / table[..., 1]
    return mean


def _left_out(both: Rated) -> tuple[FloatArray, FloatArray, IntArray]:
    """Each rating of an item that others rated too, the mean of theirs, and the item."""
    n, sums = both.ratings, total(both.item, len(both), both.score)
    several = n[both.item] > 1
    item, said = both.item[several], both.score[several]
    return said, (sums[item] - said) / (n[item] - 1), item


def _correlated(
    correlation: Correlation,
    x: FloatArray,
    y: FloatArray,
    item: IntArray,
    *,
    seed: int,
    resamples: int,
) -> Figure:
    """A correlation of rows (R,) with its interval over items; `n` is the number of rows."""
    if len(x) < 2:
        return NOTHING
    order = np.argsort(item, kind="stable")
    x, y = x[order], y[order]
    _, first, size = np.unique(item[order], return_index=True, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = []
    for chosen in rng.integers(0, len(first), (resamples, len(first))):
        # The rows of each item that was drawn, one item after the other.
        many = size[chosen]
        start = np.repeat(first[chosen] - np.concatenate([[0], np.cumsum(many)[:-1]]), many)
        rows = start + np.arange(len(start))
        drawn.append(correlation(x[rows], y[rows]))
    return with_correlation_interval(correlation(x, y), np.array(drawn), n=len(x))


def _means(contestant: IntArray, score: FloatArray, size: int) -> FloatArray:
    return part(total(contestant, size, score), total(contestant, size))


def _of_known(correlation: Correlation, x: FloatArray, y: FloatArray) -> float:
    there = np.isfinite(x) & np.isfinite(y)
    return correlation(x[there], y[there])


def _ceiling(both: Rated, rng: np.random.Generator) -> float:
    """Spearman between the orders of two halves of the raters, stepped up to all of them.

    Whole raters are drawn: what a rater's own level does to her scores is in one half only.
    """
    whose, size = both.contestant[both.item], len(both.contestants)
    raters, person = np.unique(both.rater, return_inverse=True)
    found = []
    for _ in range(SPLITS):
        half = rng.permutation(len(raters))[person] < len(raters) // 2
        means = (_means(whose[each], both.score[each], size) for each in (half, ~half))
        found.append(stepped_up(_of_known(spearman, *means)))
    known = [each for each in found if np.isfinite(each)]
    return float(np.mean(known)) if known else np.nan
