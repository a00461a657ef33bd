"""Whether a judge puts the contestants in the order in which people put them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from leaderboards.comparison.figures import (
    NOTHING,
    Figure,
    kendall,
    spearman,
    stepped_up,
    with_correlation_interval,
)
from leaderboards.comparison.items import Items, Judged, Votes, pair_counts, total
from leaderboards.ranking.davidson import fit_tournaments
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray, tally

RESAMPLES: Final = 200
# Fits at a time: each holds some arrays (K, K).
AT_ONCE: Final = 25
# Halves into which people's votes are split, again and again.
SPLITS: Final = 20


class Scale(StrEnum):
    """What contestants are ordered by: Davidson's skill, or the share of points they won."""

    SKILL = "skill"
    POINTS = "points"


@dataclass(frozen=True)
class Orders:
    """The order of the K contestants by people and by a judge.

    `spearman` and `kendall` are over the contestants that both compared, with `n` of them. Their
    intervals are of what as many verdicts on other items would give: noise in both orders draws
    that towards 0, the more the fewer they are. `ceiling` is what Spearman's correlation would be
    with people asked anew, as many of them, by halves of their votes: a judge can hardly be above
    it. Scores are (K,), NaN of a contestant that was not compared.
    """

    spearman: Figure
    kendall: Figure
    ceiling: float
    people: FloatArray
    judge: FloatArray


def compare_orders(
    items: Items,
    votes: Votes,
    judged: Judged,
    *,
    scale: Scale = Scale.SKILL,
    shared: bool = True,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Orders:
    """Order contestants by people and by a judge: by the `shared` items only, or each by all.

    On shared items both saw the same conversations; by all, each order is the best to be had.
    """
    people, machine = votes.counts(items), _outcomes(items, judged)
    if shared:
        both = (people.any(axis=1) & machine.any(axis=1)).reshape(-1, 1)
        people, machine = people * both, machine * both
    # Items that nobody compared are no data that could be drawn again.
    seen = np.flatnonzero((people + machine).any(axis=1))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(seen), (resamples, len(seen)))
    times = [total(each, len(seen)) for each in drawn]
    weights = np.ones((1 + resamples, len(items)))
    weights[1:, seen] = np.array(times).reshape(resamples, len(seen))
    by_people = scores(items, people, weights, scale=scale)
    by_judge = scores(items, machine, weights, scale=scale)
    compared = np.isfinite(by_people[0]) & np.isfinite(by_judge[0])
    return Orders(
        spearman=_over(spearman, by_people[:, compared], by_judge[:, compared]),
        kendall=_over(kendall, by_people[:, compared], by_judge[:, compared]),
        ceiling=_ceiling(items, people, scale, rng),
        people=by_people[0],
        judge=by_judge[0],
    )


def scores(
    items: Items, counts: FloatArray, weights: FloatArray, *, scale: Scale = Scale.SKILL
) -> FloatArray:
    """Scores (S, K) of the contestants from counts (N, 3), each item weighted by weights (S, N).

    A contestant without any is NaN.
    """
    found = []
    for first in range(0, len(weights), AT_ONCE):
        some = weights[first : first + AT_ONCE]
        pairs = np.array([pair_counts(items, counts * each[:, np.newaxis]) for each in some])
        record = tally(pairs)
        if scale is Scale.SKILL:
            score = np.array([fit.skill for fit in fit_tournaments(pairs)])
        else:
            score = (record.wins + record.ties / 2) / np.maximum(record.battles, 1)
        found.append(np.where(record.battles > 0, score, np.nan))
    return np.concatenate(found)


def _outcomes(items: Items, judged: Judged) -> FloatArray:
    """The judge's word on each item as one vote, (N, 3), in parts where it said several things."""
    counts = judged.counts(items)
    parts: FloatArray = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return parts


def _over(
    correlation: Callable[[FloatArray, FloatArray], float], x: FloatArray, y: FloatArray
) -> Figure:
    """A correlation of first rows with its interval by the other rows; x and y are (1 + R, C)."""
    if x.shape[1] < 2:
        return NOTHING
    each = []
    for one, other in zip(x, y, strict=True):
        there = np.isfinite(one) & np.isfinite(other)
        each.append(correlation(one[there], other[there]))
    return with_correlation_interval(each[0], np.array(each[1:]), n=x.shape[1])


def _ceiling(items: Items, counts: FloatArray, scale: Scale, rng: np.random.Generator) -> float:
    """Spearman between halves of people's votes, stepped up to all of them."""
    whole = counts.astype(np.int64)
    found = []
    for _ in range(SPLITS):
        half = _half(whole, rng)
        one, other = (
            scores(items, part, np.ones((1, len(items))), scale=scale)[0]
            for part in (half, whole - half)
        )
        there = np.isfinite(one) & np.isfinite(other)
        found.append(stepped_up(spearman(one[there], other[there])))
    return float(np.mean(found))


def _half(counts: IntArray, rng: np.random.Generator) -> FloatArray:
    """Half of each item's votes, (N, 3), drawn without replacement; of one left over, by chance."""
    n = counts.sum(axis=1)
    size = (n + rng.integers(0, 2, len(n))) // 2
    half = np.zeros(counts.shape)
    for outcome in OUTCOMES:
        good, rest = counts[:, outcome], counts[:, outcome + 1 :].sum(axis=1)
        half[:, outcome] = rng.hypergeometric(good, rest, size)
        size = size - half[:, outcome].astype(np.int64)
    return half
