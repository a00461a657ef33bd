"""What sways a judge that scores single conversations, whether it repeats itself, where it errs."""

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
from leaderboards.comparison.items import BoolArray, part, total
from leaderboards.comparison.rated import Rated
from leaderboards.comparison.scenarios import Gap, Scenario, gap_table
from leaderboards.ranking.outcomes import FloatArray

# Scores put on another scale differ from themselves by less.
ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class LengthSlope:
    """By how many points of people's scale a score rises when replies are twice as long.

    By `people` and by the `judge` on the same items, and `beyond`: the judge's less people's.
    Better contestants may write more, so that only the last is a bias.
    """

    people: Figure
    judge: Figure
    beyond: Figure


@dataclass(frozen=True)
class FamilyGap:
    """By how many points a judge's own developer's contestants lie above all others.

    By `people`, by the `judge` and `beyond`, as above.
    """

    people: Figure
    judge: Figure
    beyond: Figure


@dataclass(frozen=True)
class Repeated:
    """Of items that the judge was asked about several times: how alike its scores are.

    `same` is the share of pairs of askings with the same score, `apart` their mean distance in
    points of people's scale. An item counts once.
    """

    same: Figure
    apart: Figure


@dataclass(frozen=True)
class RatingGap:
    """A scenario's gap, and what is left of it `beyond` the judge's gap over all items.

    `gap` is the judge's mean less people's. A judge that is milder than people everywhere has such
    a gap in every scenario: `beyond` says where it is milder still, or less so.
    """

    gap: Gap
    beyond: Gap

    @property
    def is_found(self) -> bool:
        """Whether the judge is off here otherwise than elsewhere, by more than noise."""
        return self.beyond.is_found


def length_slope(rated: Rated, *, seed: int = 0) -> LengthSlope:
    """Slopes over the items that both rated and whose words were counted."""
    both = rated.shared()
    known = np.isfinite(both.words) & (both.words > 0)
    doublings = np.log2(both.words[known])
    people, judge = both.people[known], both.judge[known]
    return LengthSlope(
        *(_slope(doublings, each, seed=seed) for each in (people, judge, judge - people))
    )


def family_gap(rated: Rated, own: BoolArray) -> FamilyGap | None:
    """The gap of `own` (K,) contestants; None if none of the items, or all, are theirs."""
    both = rated.shared()
    mine = own[both.contestant].astype(float)
    others = 1 - mine
    if not mine.any() or not others.any():
        return None
    people, judge = both.people, both.judge
    return FamilyGap(
        *(
            difference_of(each * mine, mine, each * others, others)
            for each in (people, judge, judge - people)
        )
    )


def repeated(rated: Rated, *, seed: int = 0) -> Repeated:
    """Compare what a judge said of the same item, time after time."""
    n = total(rated.again_item, len(rated))
    pairs = n * (n - 1) / 2
    order = np.argsort(rated.again_item, kind="stable")
    item, score = rated.again_item[order], rated.again[order]
    same, apart = np.zeros(len(rated)), np.zeros(len(rated))
    for step in range(1, int(n.max(initial=0))):
        # Rows of one item lie side by side: each with the one so many places on.
        here = item[step:] == item[:-step]
        distance = np.abs(score[step:] - score[:-step])[here]
        same += total(item[step:][here], len(rated), (distance < ROUNDING).astype(float))
        apart += total(item[step:][here], len(rated), distance)
    several = pairs > 0
    if not several.any():
        return Repeated(NOTHING, NOTHING)
    ones = np.ones(int(several.sum()))
    of_item = part(apart, pairs)[several]
    return Repeated(
        same=share_of(part(same, pairs)[several], ones),
        apart=resampled(
            np.column_stack([of_item, ones]), lambda sums: sums[..., 0] / sums[..., 1], seed=seed
        ),
    )


def rating_gaps(rated: Rated, scenarios: Sequence[Scenario]) -> tuple[RatingGap, ...]:
    """Every scenario's gap, those that are surely largest first; with fewer than 5 items, none."""
    both = rated.shared()
    if not len(both):
        return ()
    leniency = float((both.judge - both.people).mean())
    size = len(rated.contestants)
    scores = rated.scores()
    plain = gap_table(scores, scenarios, contestants=size, by_contestant=False)
    alike = gap_table(scores.less(leniency), scenarios, contestants=size, by_contestant=False)
    beyond = {(gap.axis, gap.name): gap for gap in alike}
    return tuple(RatingGap(gap, beyond[gap.axis, gap.name]) for gap in plain)


def _slope(x: FloatArray, y: FloatArray, *, seed: int) -> Figure:
    if len(x) < 3:
        return NOTHING
    # Sums of squares of centred values lose no digits.
    x, y = x - x.mean(), y - y.mean()
    return resampled(
        np.column_stack([np.ones(len(x)), x, y, x * x, x * y]), _least_squares, seed=seed
    )


def _least_squares(sums: FloatArray) -> FloatArray:
    n, x, y, xx, xy = np.moveaxis(np.asarray(sums, float), -1, 0)
    spread = n * xx - x * x
    with np.errstate(invalid="ignore", divide="ignore"):
        slope: FloatArray = np.where(spread > ROUNDING, (n * xy - x * y) / spread, np.nan)
    return slope
