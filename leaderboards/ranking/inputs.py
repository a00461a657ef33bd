"""What a board is computed from: verdicts or ratings by group, and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from leaderboards.ranking.hierarchical import HierarchicalPrior
from leaderboards.ranking.hierarchical_cells import NO_ELECTORATE, Cells
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from leaderboards.ranking.ratings import RatingPrior
from leaderboards.ranking.scores import RatingInput
from leaderboards.ranking.trueskill import TrueSkillParameters


class Engine(StrEnum):
    """How standings are computed."""

    DAVIDSON = "davidson"
    TRUESKILL = "trueskill"
    RATINGS = "ratings"


@dataclass(frozen=True)
class BoardParameters:
    """What a board's numbers depend on besides verdicts or ratings; published with it."""

    engine: Engine = Engine.DAVIDSON
    seed: int = 1
    draws: int = 4000
    hierarchical: HierarchicalPrior = field(default_factory=HierarchicalPrior)
    trueskill: TrueSkillParameters = field(default_factory=TrueSkillParameters)
    ratings: RatingPrior = field(default_factory=RatingPrior)


@dataclass(frozen=True)
class GroupShare:
    """A group of the electorate: its axis, its key, and its share of the population."""

    axis: str
    key: str
    share: float


def axis_of_each(groups: Sequence[GroupShare]) -> IntArray:
    """The index of each group's axis, (G,), axes in the order in which they first come."""
    axes = list(dict.fromkeys(group.axis for group in groups))
    return np.array([axes.index(group.axis) for group in groups], int)


@dataclass(frozen=True)
class DimensionInput:
    """The verdicts on one dimension. Tournament 0 is everybody, tournament 1 + g is group g.

    `tournament`, `a`, `b` and `outcome` are (V,), one entry for each verdict and tournament that
    it belongs to, each tournament's in the order of recording; or, for the engine that reads no
    order, one for each pair and outcome, with how often in `times`. `crossings` (G, G) counts the
    battles of raters who are in both groups, and `raters` (1 + G,) the raters of a tournament.
    """

    key: str
    tournament: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    times: IntArray
    crossings: IntArray
    raters: IntArray

    def counts(self, contestants: int) -> FloatArray:
        """Battles by tournament, side A, side B and outcome: (1 + G, K, K, 3)."""
        shape = (len(self.raters), contestants, contestants, len(OUTCOMES))
        place = np.ravel_multi_index((self.tournament, self.a, self.b, self.outcome), shape)
        counted = np.bincount(place, weights=self.times, minlength=int(np.prod(shape)))
        return counted.astype(float).reshape(shape)


@dataclass(frozen=True)
class BoardInput:
    """What a board is computed from: K contestants by slug, G groups, verdicts or ratings.

    `cells` are the electorate's; their groups are those of `groups`.
    """

    contestants: tuple[str, ...]
    groups: tuple[GroupShare, ...]
    dimensions: tuple[DimensionInput, ...] | tuple[RatingInput, ...]
    cells: Cells = NO_ELECTORATE

    @property
    def axis_of_group(self) -> IntArray:
        """The index of each group's axis, (G,)."""
        return axis_of_each(self.groups)

    @property
    def shares(self) -> FloatArray:
        """Each group's share of the electorate, (G,)."""
        return np.array([group.share for group in self.groups], float)
