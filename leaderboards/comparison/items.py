"""What people and a judge said of the same items, as arrays.

An item is one pair of conversations, of contestants a and b on the same words, on one dimension.
Any number of people may have compared it, and a judge in one or both orders, once or more often.
A person's verdict on an item is called a vote here, to tell it from a judge's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaderboards.ranking.outcomes import (
    A_WINS,
    B_WINS,
    OUTCOMES,
    TIE,
    FloatArray,
    IntArray,
    require_battles,
    require_index,
)

BoolArray = NDArray[np.bool_]

# In the place of an outcome, where there is none.
NO_OUTCOME: Final = -1


@dataclass(frozen=True)
class Items:
    """N items of K contestants: `a` and `b` (N,) are their indices.

    `words` (N, 2) is how much each side's replies hold, NaN where that is not known.
    """

    contestants: tuple[str, ...]
    a: IntArray
    b: IntArray
    words: FloatArray

    def __post_init__(self) -> None:
        """Refuse items that are no pairs of contestants."""
        outcome = np.zeros(len(self.a), np.int64)
        require_battles(self.a, self.b, outcome, contestants=len(self.contestants))
        if self.words.shape != (len(self.a), 2):
            raise ValueError(f"Words are (N, 2), not {self.words.shape}.")

    @classmethod
    def of(
        cls, contestants: Sequence[str], a: IntArray, b: IntArray, words: FloatArray | None = None
    ) -> Self:
        """Items of which the words may not be known."""
        unknown = np.full((len(a), 2), np.nan)
        return cls(tuple(contestants), a, b, unknown if words is None else np.asarray(words, float))

    def __len__(self) -> int:
        """How many items there are, N."""
        return len(self.a)


@dataclass(frozen=True)
class Votes:
    """M verdicts of people, (M,): of which item, by which rater, and the outcome."""

    item: IntArray
    rater: IntArray
    outcome: IntArray

    def __post_init__(self) -> None:
        """Refuse a rater's second verdict on an item, and what is no outcome."""
        require_index(self.outcome, len(OUTCOMES), "outcome")
        raters = int(self.rater.max(initial=-1)) + 1
        if len(np.unique(np.asarray(self.item, np.int64) * raters + self.rater)) < len(self.item):
            raise ValueError("A rater gave two verdicts on an item.")

    def only(self, which: BoolArray | IntArray) -> "Votes":
        """Some of the verdicts."""
        return Votes(self.item[which], self.rater[which], self.outcome[which])

    def counts(self, items: Items) -> FloatArray:
        """How many people said a, tie and b of each item, (N, 3)."""
        return _counts(items, self.item, self.outcome)


@dataclass(frozen=True)
class Judged:
    """J verdicts of one judge, all (J,) but the probabilities, as if it were one rater.

    `shown_first` is 0 where side A stood first and 1 where side B did; `outcome` is of A and B
    all the same. `sample` numbers verdicts on the same item in the same order. NaN where there is
    none: the stated `certainty` from 0 to 1, the `probabilities` (J, 3) of a, tie and b, the cost
    in US dollars, and the seconds. Abstentions and answers that could not be read are not here.
    """

    item: IntArray
    outcome: IntArray
    shown_first: IntArray
    sample: IntArray
    certainty: FloatArray
    probabilities: FloatArray
    cost: FloatArray
    seconds: FloatArray

    def __post_init__(self) -> None:
        """Refuse what is no outcome, no side, or no probability."""
        require_index(self.outcome, len(OUTCOMES), "outcome")
        require_index(self.shown_first, 2, "side")
        stated = self.certainty[np.isfinite(self.certainty)]
        if ((stated < 0) | (stated > 1)).any():
            raise ValueError("A certainty is from 0 to 1.")
        if self.probabilities.shape != (len(self.item), len(OUTCOMES)):
            raise ValueError(f"Probabilities are (J, 3), not {self.probabilities.shape}.")

    @classmethod
    def of(
        cls,
        item: IntArray,
        outcome: IntArray,
        *,
        shown_first: ArrayLike = 0,
        sample: ArrayLike = 0,
        certainty: ArrayLike = np.nan,
        probabilities: FloatArray | None = None,
        cost: ArrayLike = np.nan,
        seconds: ArrayLike = np.nan,
    ) -> Self:
        """Verdicts of which only some is known; by default, side A always stood first."""
        size = len(item)
        if probabilities is None:
            probabilities = np.full((size, len(OUTCOMES)), np.nan)
        return cls(
            item,
            outcome,
            np.broadcast_to(np.asarray(shown_first, np.int64), size),
            np.broadcast_to(np.asarray(sample, np.int64), size),
            np.broadcast_to(np.asarray(certainty, float), size),
            np.asarray(probabilities, float),
            np.broadcast_to(np.asarray(cost, float), size),
            np.broadcast_to(np.asarray(seconds, float), size),
        )

    def only(self, which: BoolArray | IntArray) -> "Judged":
        """Some of the verdicts."""
        return Judged(
            self.item[which],
            self.outcome[which],
            self.shown_first[which],
            self.sample[which],
            self.certainty[which],
            self.probabilities[which],
            self.cost[which],
            self.seconds[which],
        )

    def counts(self, items: Items) -> FloatArray:
        """How often the judge said a, tie and b of each item, (N, 3)."""
        return _counts(items, self.item, self.outcome)

    def says(self, items: Items) -> IntArray:
        """The judge's one outcome (N,) of each item: what it said most often.

        Where nothing leads, as where two orders disagree, that is a tie; where the judge said
        nothing at all, it is NO_OUTCOME.
        """
        counts = self.counts(items)
        said = leading(counts)
        return np.where((said == NO_OUTCOME) & counts.any(axis=1), TIE, said)


def leading(counts: FloatArray) -> IntArray:
    """The one outcome that leads in counts (N, 3), or NO_OUTCOME where none or several do."""
    most = counts.max(axis=1, keepdims=True)
    leads = (counts == most) & (most > 0)
    return np.where(leads.sum(axis=1) == 1, leads.argmax(axis=1), NO_OUTCOME)


def points(counts: FloatArray) -> FloatArray:
    """Side A's share of the points (N,), win 1 and tie ½, from counts (N, 3); NaN without any."""
    return part(counts[:, A_WINS] + counts[:, TIE] / 2, counts.sum(axis=1))


def decided(counts: FloatArray) -> IntArray:
    """The side that leads among those who saw one ahead, or NO_OUTCOME; counts are (N, 3)."""
    sides = counts.copy()
    sides[:, TIE] = 0
    return leading(sides)


def is_decided(outcome: IntArray) -> BoolArray:
    """Whether an outcome names a side."""
    sides: BoolArray = (outcome == A_WINS) | (outcome == B_WINS)
    return sides


def pair_counts(items: Items, counts: FloatArray) -> FloatArray:
    """Counts by contestants (K, K, 3) from counts by item (N, 3), which may be fractions."""
    contestants = len(items.contestants)
    pair = np.asarray(items.a, np.int64) * contestants + items.b
    found = [total(pair, contestants**2, column) for column in counts.T]
    return np.stack(found, axis=-1).reshape(contestants, contestants, len(OUTCOMES))


def total(index: IntArray, size: int, weight: FloatArray | None = None) -> FloatArray:
    """Sums (size,) of weights (N,), of 1 if not given, by an index (N,)."""
    return np.bincount(index, weight, size).astype(float)


def part(count: FloatArray, of: FloatArray) -> FloatArray:
    """What part of each the count is, (N,); NaN of nothing."""
    share: FloatArray = np.divide(count, of, out=np.full(len(of), np.nan), where=of > 0)
    return share


def _counts(items: Items, item: IntArray, outcome: IntArray) -> FloatArray:
    require_index(item, len(items), "item")
    place = np.asarray(item, np.int64) * len(OUTCOMES) + outcome
    return total(place, len(items) * len(OUTCOMES)).reshape(len(items), len(OUTCOMES))
