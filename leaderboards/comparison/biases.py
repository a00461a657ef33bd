"""What sways a judge besides the words: position, length, and its own family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import (
    NOTHING,
    Figure,
    difference_of,
    resampled,
    share_of,
)
from leaderboards.comparison.items import BoolArray, Items, Judged, Votes, is_decided, total
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray

# Outcomes of either side that a log-odds is thought to have had before, lest it be infinite.
PSEUDO_OUTCOMES: Final = 0.5


@dataclass(frozen=True)
class Position:
    """Whether the judge prefers whoever stands first.

    `first` is the share of its decided verdicts that go to the side shown first, ½ if position
    is nothing to it and sides were drawn; `first_of_all` is the share of all, ties included.
    Of items that it judged in both orders, `swayed_to_first` went to the side shown first both
    times, `swayed_to_last` to the other both times: these are position alone, whoever stood there.
    """

    first: Figure
    first_of_all: Figure
    swayed_to_first: Figure
    swayed_to_last: Figure


@dataclass(frozen=True)
class Length:
    """Whether the judge prefers more words than people do, on items where both decided.

    `judge` and `people` are shares of decided verdicts that go to the longer replies, by item;
    `log_odds` is by how much the judge's log-odds are above people's. `verbosity` is how much
    more often it takes the longer against people than the shorter against people: P(it says
    longer | people say shorter) − P(it says shorter | people say longer). Saito et al. (2023),
    Verbosity bias in preference labeling by large language models, arXiv:2310.10076.
    """

    judge: Figure
    people: Figure
    log_odds: Figure
    verbosity: Figure


@dataclass(frozen=True)
class SelfFamily:
    """Whether the judge prefers its own developer's contestants more than people do.

    Shares of the points that these win against others, by the judge and by people on the same
    items, and the difference.
    """

    judge: Figure
    people: Figure
    beyond: Figure


@dataclass(frozen=True)
class Biases:
    """All biases; `family` is None if no contestant, or every one, is of the judge's developer."""

    position: Position
    length: Length
    family: SelfFamily | None


def find_biases(
    items: Items,
    votes: Votes,
    judged: Judged,
    *,
    developers: Sequence[str] = (),
    judge_developer: str = "",
    seed: int = 0,
) -> Biases:
    """Measure a judge's biases; `developers` (K,) are the contestants', with that of the judge."""
    own = np.array([bool(judge_developer) and name == judge_developer for name in developers], bool)
    return Biases(
        position=position(items, judged),
        length=length(items, votes, judged, seed=seed),
        family=self_family(items, votes, judged, own) if own.any() and not own.all() else None,
    )


def position(items: Items, judged: Judged) -> Position:
    """How often the judge's verdicts go to the side that stood first."""
    for_first = judged.outcome == np.where(judged.shown_first == 0, A_WINS, B_WINS)
    sides = is_decided(judged.outcome)
    ones = np.ones(len(judged.item))
    # For each order, the share of its verdicts that go to its first and to its last.
    to_first, to_last, n = (
        _by_order(items, judged, each) for each in (for_first, sides & ~for_first, ones)
    )
    both = (n > 0).all(axis=0)
    swayed = [(each[:, both] == n[:, both]).all(axis=0) for each in (to_first, to_last)]
    return Position(
        first=share_of(to_first.sum(axis=0), (to_first + to_last).sum(axis=0)),
        first_of_all=share_of(to_first.sum(axis=0), n.sum(axis=0)),
        swayed_to_first=share_of(swayed[0].astype(float), np.ones(int(both.sum()))),
        swayed_to_last=share_of(swayed[1].astype(float), np.ones(int(both.sum()))),
    )


def length(items: Items, votes: Votes, judged: Judged, *, seed: int = 0) -> Length:
    """How often verdicts go to the longer replies, of items whose lengths are known to differ."""
    a_longer = items.words[:, 0] > items.words[:, 1]
    b_longer = items.words[:, 0] < items.words[:, 1]
    judge, people = (
        _longer_shorter(each.counts(items), a_longer, b_longer) for each in (judged, votes)
    )
    there = (judge.sum(axis=1) > 0) & (people.sum(axis=1) > 0)
    # An item counts once, whatever the number of its votes, orders and samples.
    judge, people = (
        each[there] / each[there].sum(axis=1, keepdims=True) for each in (judge, people)
    )
    ones = np.ones(int(there.sum()))
    return Length(
        judge=share_of(judge[:, 0], ones),
        people=share_of(people[:, 0], ones),
        log_odds=resampled(np.hstack([judge, people]), _log_odds_beyond, seed=seed),
        verbosity=_verbosity(judge, people),
    )


def self_family(items: Items, votes: Votes, judged: Judged, own: BoolArray) -> SelfFamily:
    """Points of `own` (K,) contestants against the others, by the judge and by people."""
    a_own = own[items.a] & ~own[items.b]
    b_own = own[items.b] & ~own[items.a]
    tables = []
    for each in (judged, votes):
        counts = each.counts(items)
        turned = np.where(a_own[:, np.newaxis], counts, counts[:, ::-1])
        tables.append(np.where((a_own | b_own)[:, np.newaxis], turned, 0))
    both = (tables[0].sum(axis=1) > 0) & (tables[1].sum(axis=1) > 0)
    judge, people = (table[both] / table[both].sum(axis=1, keepdims=True) for table in tables)
    if not both.any():
        return SelfFamily(NOTHING, NOTHING, NOTHING)
    ones = np.ones(int(both.sum()))
    won, peoples = (each[:, A_WINS] + each[:, TIE] / 2 for each in (judge, people))
    return SelfFamily(
        judge=share_of(won, ones),
        people=share_of(peoples, ones),
        beyond=difference_of(won, ones, peoples, ones),
    )


def _by_order(items: Items, judged: Judged, weight: FloatArray | BoolArray) -> FloatArray:
    """Sums of a weight (J,) by order and item, (2, N)."""
    place = np.asarray(judged.shown_first, np.int64) * len(items) + judged.item
    return total(place, 2 * len(items), weight.astype(float)).reshape(2, len(items))


def _longer_shorter(counts: FloatArray, a_longer: BoolArray, b_longer: BoolArray) -> FloatArray:
    """Decided verdicts for the longer and for the shorter side, (N, 2)."""
    sides = counts[:, [A_WINS, B_WINS]]
    by_length = np.where(a_longer[:, np.newaxis], sides, sides[:, ::-1])
    return np.where((a_longer | b_longer)[:, np.newaxis], by_length, 0)


def _log_odds_beyond(sums: FloatArray) -> FloatArray:
    odds = np.log(sums + PSEUDO_OUTCOMES)
    beyond: FloatArray = odds[..., 0] - odds[..., 1] - odds[..., 2] + odds[..., 3]
    return beyond


def _verbosity(judge: FloatArray, people: FloatArray) -> Figure:
    """By people's own leaning: items on which they stand half and half say nothing of it."""
    shorter = (people[:, 0] < people[:, 1]).astype(float)
    longer = (people[:, 0] > people[:, 1]).astype(float)
    return difference_of(judge[:, 0] * shorter, shorter, judge[:, 1] * longer, longer)
