"""Where people and a judge part ways: gaps between their means, scenario by scenario.

A scenario is a part of the data: a topic, a group of raters, battles of so many turns. In it a
contestant has a mean by people and one by the judge: of its share of points (win 1, tie ½), or
of its scores where single conversations are rated. Both are means over the same items, so that
their difference is paired by item.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from leaderboards.comparison.figures import benjamini_hochberg, t_half_width, t_p_value
from leaderboards.comparison.items import BoolArray, Items, Judged, Votes, points, total
from leaderboards.ranking.outcomes import FloatArray, IntArray

# Items that the whole table's spread is worth beside a gap's own: a few that happen to be alike
# would otherwise seem certain. Smyth (2004), Linear models and empirical Bayes methods.
SPREAD_WORTH: Final = 4.0
# A gap of fewer items is not shown: it would be one or two conversations.
FEWEST_ITEMS: Final = 5
FALSE_PART: Final = 0.05


@dataclass(frozen=True)
class Scenario:
    """A part of N items and M votes: `items` (N,) and `votes` (M,), None for all of them.

    A group of raters is a scenario of votes, a topic one of items; `axis` is what it is one of.
    """

    axis: str
    name: str
    items: BoolArray | None = None
    votes: BoolArray | None = None


@dataclass(frozen=True)
class Scores:
    """What people and a judge gave, comparable by row: R people's scores and S of the judge, (R,).

    `item` and `contestant` say of what; `judge_item`, `judge_contestant` and `judge` (S,) are the
    judge's. `vote` (R,) is the index by which a scenario's `votes` pick rows.
    """

    item: IntArray
    contestant: IntArray
    people: FloatArray
    vote: IntArray
    judge_item: IntArray
    judge_contestant: IntArray
    judge: FloatArray

    def less(self, points: float) -> "Scores":
        """The same with the judge's scores so many points lower."""
        return replace(self, judge=self.judge - points)


@dataclass(frozen=True)
class Gap:
    """One scenario's gap, judge less people, of one contestant, or of all with `contestant` None.

    In points (0 to 1) or points of the scale, with its 95 % interval; `votes` are people's.
    `p_value` and `q_value` are of no gap, the latter by Benjamini and Hochberg over the table.
    """

    axis: str
    name: str
    contestant: int | None
    people: float
    judge: float
    gap: float
    low: float
    high: float
    items: int
    votes: int
    p_value: float
    q_value: float

    @property
    def at_least(self) -> float:
        """How large the gap is at the least, by its interval: 0 where that holds 0."""
        return max(self.low, -self.high, 0.0)

    @property
    def is_found(self) -> bool:
        """Whether the gap is more than noise, all the table's gaps taken into account."""
        return self.q_value < FALSE_PART


def pair_scores(items: Items, votes: Votes, judged: Judged) -> Scores:
    """Points of both contestants of each item, by each vote and by all that the judge said."""
    won = 1 - votes.outcome / 2
    share = points(judged.counts(items))
    seen = np.flatnonzero(np.isfinite(share))
    return Scores(
        item=np.tile(votes.item, 2),
        contestant=np.concatenate([items.a[votes.item], items.b[votes.item]]),
        people=np.concatenate([won, 1 - won]),
        vote=np.tile(np.arange(len(votes.item)), 2),
        judge_item=np.tile(seen, 2),
        judge_contestant=np.concatenate([items.a[seen], items.b[seen]]),
        judge=np.concatenate([share[seen], 1 - share[seen]]),
    )


def gap_table(
    scores: Scores, scenarios: Sequence[Scenario], *, contestants: int, by_contestant: bool = True
) -> tuple[Gap, ...]:
    """Every scenario's gaps, the ones that are surely largest first.

    Scenarios and contestants with fewer than 5 shared items are left out. With `by_contestant`
    False, a scenario has one gap over all contestants: it means something for ratings alone, since
    the points of pairs always have the mean ½.
    """
    found = []
    for scenario in scenarios:
        paired = _pair(scores, scenario, contestants)
        whose = paired.contestant if by_contestant else np.zeros(len(paired.contestant), np.int64)
        for contestant in np.unique(whose):
            here = whose == contestant
            if len(np.unique(paired.item[here])) >= FEWEST_ITEMS:
                found.append((scenario, int(contestant) if by_contestant else None, paired, here))
    gaps = _with_intervals(found)
    return tuple(sorted(gaps, key=lambda gap: (-gap.at_least, gap.p_value, gap.axis, gap.name)))


@dataclass(frozen=True)
class _Paired:
    """Means of P pairs of an item and a contestant that people and the judge scored, all (P,)."""

    item: IntArray
    contestant: IntArray
    people: FloatArray
    judge: FloatArray
    votes: FloatArray


_Found = tuple[Scenario, int | None, _Paired, BoolArray]


def _pair(scores: Scores, scenario: Scenario, contestants: int) -> _Paired:
    mine = np.ones(len(scores.item), bool)
    judges = np.ones(len(scores.judge_item), bool)
    if scenario.votes is not None:
        mine &= scenario.votes[scores.vote]
    if scenario.items is not None:
        mine &= scenario.items[scores.item]
        judges &= scenario.items[scores.judge_item]
    place = np.asarray(scores.item[mine], np.int64) * contestants + scores.contestant[mine]
    other = np.asarray(scores.judge_item[judges], np.int64) * contestants
    other = other + scores.judge_contestant[judges]
    both = np.intersect1d(place, other)
    people, votes = _means(both, place, scores.people[mine])
    judge, _ = _means(both, other, scores.judge[judges])
    return _Paired(both // contestants, both % contestants, people, judge, votes)


def _means(places: IntArray, place: IntArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of the values at each of some sorted places, and how many they are."""
    here = np.isin(place, places)
    at = np.searchsorted(places, place[here])
    n = total(at, len(places))
    return total(at, len(places), value[here]) / n, n


def _with_intervals(found: list[_Found]) -> list[Gap]:
    """Gaps with t intervals, each variance drawn towards that of the whole table."""
    if not found:
        return []
    differences = [(paired.judge - paired.people)[here] for _, _, paired, here in found]
    size = np.array([len(each) for each in differences], float)
    squares = np.array([np.square(each - each.mean()).sum() for each in differences])
    common = squares.sum() / max((size - 1).sum(), 1)
    df = size - 1 + SPREAD_WORTH
    sd = np.sqrt((squares + SPREAD_WORTH * common) / df / size)
    gap = np.array([each.mean() for each in differences])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Where nobody ever differs, there is no gap and nothing to be tested.
        t = np.where(sd > 0, gap / sd, 0)
    p_values = t_p_value(t, df)
    half = t_half_width(df) * sd
    rows = zip(found, gap, half, p_values, benjamini_hochberg(p_values), strict=True)
    return [
        Gap(
            axis=scenario.axis,
            name=scenario.name,
            contestant=contestant,
            people=float(paired.people[here].mean()),
            judge=float(paired.judge[here].mean()),
            gap=float(mean),
            low=float(mean - width),
            high=float(mean + width),
            items=len(np.unique(paired.item[here])),
            votes=int(paired.votes[here].sum()),
            p_value=float(p_value),
            q_value=float(q_value),
        )
        for (scenario, contestant, paired, here), mean, width, p_value, q_value in rows
    ]
