"""What people and a judge said of the same conversations on scales: ratings of one at a time.

An item is one conversation with one contestant, on one dimension. People rate from 1 to 7 and
judges from 1 to 5. A judge's score is put on people's scale by the ends: its lowest is people's
lowest, its highest their highest, and what lies between keeps its place. Nothing is fitted: a line
through the scores at hand would take away the very thing that is looked for, a judge that is milder
than people or spreads its scores less. Correlations are the same on either scale; gaps, distances
and α are not, and mean what they do if the two scales' ends mean the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.items import BoolArray, part, total
from leaderboards.comparison.scenarios import Scores
from leaderboards.ranking.outcomes import FloatArray, IntArray, require_index


@dataclass(frozen=True)
class Scale:
    """The lowest and the highest score that can be given."""

    lowest: float
    highest: float

    def onto(self, other: "Scale", scores: FloatArray) -> FloatArray:
        """Scores of this scale on another, ends to ends. ValueError for one that is off it."""
        known = scores[np.isfinite(scores)]
        if ((known < self.lowest) | (known > self.highest)).any():
            raise ValueError(f"A score is from {self.lowest:g} to {self.highest:g}.")
        place = (scores - self.lowest) / (self.highest - self.lowest)
        put: FloatArray = other.lowest + place * (other.highest - other.lowest)
        return put


PEOPLES_SCALE: Final = Scale(1, 7)
JUDGES_SCALE: Final = Scale(1, 5)


@dataclass(frozen=True)
class Rated:
    """N items of K contestants, M ratings by people, and a judge's scores: all on people's scale.

    `contestant` and `words` (N,) are of the items, words NaN where nobody counted. `item`, `rater`
    and `score` (M,) are people's. `judge` (N,) is the judge's score of each item, NaN where it gave
    none; where it was asked several times, `again_item` and `again` (J,) are what it said each
    time.
    """

    contestants: tuple[str, ...]
    contestant: IntArray
    words: FloatArray
    item: IntArray
    rater: IntArray
    score: FloatArray
    judge: FloatArray
    again_item: IntArray
    again: FloatArray

    def __post_init__(self) -> None:
        """Refuse a rater's second rating of an item, and scores of what is not there."""
        require_index(self.contestant, len(self.contestants), "contestant")
        for index in (self.item, self.again_item):
            require_index(index, len(self), "item")
        raters = int(self.rater.max(initial=-1)) + 1
        if len(np.unique(np.asarray(self.item, np.int64) * raters + self.rater)) < len(self.item):
            raise ValueError("A rater rated an item twice.")

    @classmethod
    def of(
        cls,
        contestants: Sequence[str],
        contestant: IntArray,
        people: tuple[IntArray, IntArray, FloatArray],
        judge: FloatArray,
        *,
        words: FloatArray | None = None,
        again: tuple[IntArray, FloatArray] | None = None,
    ) -> "Rated":
        """From people's (item, rater, score), and a judge who may have been asked once only."""
        nothing = np.zeros(0, np.int64), np.zeros(0)
        unknown = np.full(len(contestant), np.nan)
        return cls(
            tuple(contestants),
            contestant,
            unknown if words is None else words,
            *people,
            judge,
            *(again or nothing),
        )

    def __len__(self) -> int:
        """How many items there are, N."""
        return len(self.contestant)

    @property
    def ratings(self) -> FloatArray:
        """How many people rated each item, (N,)."""
        return total(self.item, len(self))

    @property
    def people(self) -> FloatArray:
        """People's mean of each item, (N,); NaN where nobody rated it."""
        return part(total(self.item, len(self), self.score), self.ratings)

    @property
    def by_both(self) -> BoolArray:
        """Which items people and the judge both rated, (N,)."""
        both: BoolArray = np.isfinite(self.people) & np.isfinite(self.judge)
        return both

    def scores(self) -> Scores:
        """The same as what tables of gaps are made of."""
        seen = np.flatnonzero(np.isfinite(self.judge))
        return Scores(
            item=self.item,
            contestant=self.contestant[self.item],
            people=self.score,
            vote=np.arange(len(self.item)),
            judge_item=seen,
            judge_contestant=self.contestant[seen],
            judge=self.judge[seen],
        )

    def shared(self) -> "Rated":
        """The items that both rated, with what both said of these."""
        both = self.by_both
        place = np.cumsum(both) - 1
        rated, again = both[self.item], both[self.again_item]
        return Rated(
            self.contestants,
            self.contestant[both],
            self.words[both],
            place[self.item[rated]],
            self.rater[rated],
            self.score[rated],
            self.judge[both],
            place[self.again_item[again]],
            self.again[again],
        )
