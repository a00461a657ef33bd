"""A cheap judge first, a strong one where that is in doubt, and a person where both are.

An item stays with a judge whose reliability reaches its threshold. All are measured by the same
rule: how often what was said is what another person says of the item. So a person's accuracy is
that of one person by another, which is the most that a judge can reach, too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import Figure, share_of
from leaderboards.comparison.items import NO_OUTCOME, BoolArray, Items, Judged, Votes
from leaderboards.comparison.logistic import folds
from leaderboards.comparison.reliability import Reliability
from leaderboards.ranking.outcomes import FloatArray, IntArray

# Thresholds that are tried for each judge: so many quantiles of its reliability, all, and none.
THRESHOLDS: Final = 12
BUDGETS: Final = 11


@dataclass(frozen=True)
class Stage:
    """One judge of a cascade: its verdicts, how far each is relied on, and what one costs in $."""

    judged: Judged
    reliability: Reliability
    cost: float


@dataclass(frozen=True)
class Point:
    """What a cascade comes to with a mean of `budget` $ for an item: `cost`, and its `accuracy`.

    `shares` are the parts of the items that stay with each judge, and last with a person;
    `thresholds` the reliabilities that the judges have to reach, learned from all items, None
    of a judge that is never relied on.
    """

    budget: float
    cost: float
    accuracy: Figure
    shares: tuple[float, ...]
    thresholds: tuple[float | None, ...]


@dataclass(frozen=True)
class Cascade:
    """The `curve` of accuracy by cost, and each judge and a person `alone`, of `n` items."""

    curve: tuple[Point, ...]
    alone: tuple[Point, ...]
    n: int


@dataclass(frozen=True)
class _Data:
    """Of N items and S judges: `right` (N, S + 1) shares, the person's last; `reliability` (N, S).

    `costs` (S + 1,) are of each stage with those before it.
    """

    right: FloatArray
    reliability: FloatArray
    costs: FloatArray


def accuracy_by_cost(
    items: Items,
    votes: Votes,
    stages: tuple[Stage, ...],
    *,
    person_cost: float,
    budgets: int = BUDGETS,
    seed: int = 0,
) -> Cascade:
    """Find thresholds for budgets from the first judge alone to a person for every item.

    Of items that two people or more, and all judges, compared. Thresholds are learned on other
    items than they are tried on. ValueError unless there are one or two judges.
    """
    if len(stages) not in (1, 2):
        raise ValueError(f"A cascade has one judge or two, not {len(stages)}.")
    data = _data(items, votes, stages, person_cost)
    size = len(data.right)
    if size < 2:
        return Cascade((), (), size)
    settings = _settings(data.reliability)
    stage = np.array([_stage(data.reliability, thresholds) for thresholds in settings])
    fold = folds(size, seed=seed)
    return Cascade(
        curve=tuple(
            _point(data, settings, stage, fold, float(budget))
            for budget in np.linspace(data.costs[0], data.costs[-1], budgets)
        ),
        alone=tuple(_alone(data, place) for place in range(len(stages) + 1)),
        n=size,
    )


def _data(items: Items, votes: Votes, stages: tuple[Stage, ...], person_cost: float) -> _Data:
    counts = votes.counts(items)
    n = counts.sum(axis=1)
    said = np.stack([stage.judged.says(items) for stage in stages], axis=1)
    reliability = np.stack([stage.reliability.reliability for stage in stages], axis=1)
    there = (n > 1) & (said != NO_OUTCOME).all(axis=1) & np.isfinite(reliability).all(axis=1)
    counts, n, said = counts[there], n[there], said[there]
    by_judges = np.take_along_axis(counts, said, axis=1) / n[:, np.newaxis]
    by_person = (counts * (counts - 1)).sum(axis=1) / (n * (n - 1))
    costs = np.cumsum([*(stage.cost for stage in stages), person_cost])
    return _Data(np.column_stack([by_judges, by_person]), reliability[there], costs)


def _settings(reliability: FloatArray) -> FloatArray:
    """Thresholds to try (T, S); those of 0 take all items, those of ∞ none."""
    inner = np.quantile(reliability, np.linspace(0, 1, THRESHOLDS)[1:-1], axis=0)
    each = [np.concatenate([[0], column, [np.inf]]) for column in inner.T]
    return np.stack([axis.ravel() for axis in np.meshgrid(*each, indexing="ij")], axis=1)


def _stage(reliability: FloatArray, thresholds: FloatArray) -> IntArray:
    """Who has each item (N,): the first judge that is relied on, or the person after them."""
    is_kept: BoolArray = np.column_stack(
        [reliability >= thresholds, np.ones(len(reliability), bool)]
    )
    return np.asarray(is_kept.argmax(axis=1), np.int64)


def _point(
    data: _Data, settings: FloatArray, stage: IntArray, fold: IntArray, budget: float
) -> Point:
    """Try on each fold the setting that was the best of the others within the budget."""
    right = np.take_along_axis(data.right.T, stage, axis=0)
    cost = data.costs[stage]

    def best(among: BoolArray) -> int:
        within = cost[:, among].mean(axis=1) <= budget * (1 + 1e-9)
        return int(np.where(within, right[:, among].mean(axis=1), -1).argmax())

    chosen = np.empty(len(fold), np.int64)
    for each in np.unique(fold):
        chosen[fold == each] = best(fold != each)
    learned = settings[best(np.ones(len(fold), bool))]
    item = np.arange(len(fold))
    kept = stage[chosen, item]
    return Point(
        budget=budget,
        cost=float(cost[chosen, item].mean()),
        accuracy=share_of(right[chosen, item], np.ones(len(fold))),
        shares=_shares(kept, len(data.costs)),
        thresholds=tuple(None if np.isinf(each) else float(each) for each in learned),
    )


def _alone(data: _Data, place: int) -> Point:
    """All items with one judge, or with a person, nobody else being asked."""
    own = float(np.diff(data.costs, prepend=0)[place])
    size = len(data.right)
    return Point(
        budget=own,
        cost=own,
        accuracy=share_of(data.right[:, place], np.ones(size)),
        shares=_shares(np.full(size, place), len(data.costs)),
        thresholds=(),
    )


def _shares(stage: IntArray, stages: int) -> tuple[float, ...]:
    return tuple((np.bincount(stage, minlength=stages) / len(stage)).tolist())
