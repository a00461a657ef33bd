"""Battles by the cell of their rater, and the cells of the electorate.

Davidson's model is an exponential family: how battles ended enters its likelihood by totals
alone, each contestant's wins less losses in each group, and the cells are asked only how often
a pair met in them. `spread_over_cells` guesses that from the groups' tables, so that a board can
be computed, by anybody, from tables in which no cell of several groups is found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.merging import SHARES_TOLERANCE, require_shares
from leaderboards.ranking.outcomes import (
    A_WINS,
    B_WINS,
    TIE,
    FloatArray,
    IntArray,
    require_battles,
    require_counts,
    require_index,
)

# A cell's group on an axis of which its raters said nothing.
UNSAID: Final = -1
RAKING_ROUNDS: Final = 100
# Part of the largest margin by which one may be missed, and battles that count as none.
MISSED: Final = 1e-6
NONE: Final = 1e-6


@dataclass(frozen=True)
class Cells:
    """C cells of an electorate of G groups on A axes.

    `axis` (G,) is each group's axis, 0 … A−1; `groups` (C, A) each cell's group on each axis, or
    UNSAID; `share` (C,) that of the electorate, adding up to 1. Raters without a group on an
    axis are in a cell of their own, of share 0: they count as the electorate's mix of it.
    """

    axis: IntArray
    groups: IntArray
    share: FloatArray

    def __post_init__(self) -> None:
        if not (self.share >= 0).all() or abs(self.share.sum() - 1) > SHARES_TOLERANCE:
            total = self.share.sum()
            raise RankingError(f"The shares of the cells add up to {total:.6g}, not to 1.")
        if self.groups.shape != (len(self.share), self.axes):
            raise ValueError(f"{len(self.share)} cells have a group on each of {self.axes} axes.")
        said = self.groups != UNSAID
        require_index(self.groups[said], len(self.axis), "group")
        if (self.axis[self.groups] != np.arange(self.axes))[said].any():
            raise ValueError("A cell's group on an axis is one of that axis.")

    @classmethod
    def of_margins(cls, axis: IntArray, shares: FloatArray) -> Self:
        """Cross all groups, of which only the shares (G,) are known, as if independent.

        This is what raking a uniform table gives. Raises SharesError unless the shares of each
        axis add up to 1.
        """
        axis, shares = np.asarray(axis, int), np.asarray(shares, float)
        require_shares(axis, shares)
        on_axis = [np.flatnonzero(axis == x) for x in range(axis.max(initial=-1) + 1)]
        places = np.indices([len(here) for here in on_axis])
        crossed = [here[place].ravel() for here, place in zip(on_axis, places, strict=True)]
        groups = np.column_stack(crossed) if crossed else np.zeros((1, 0), int)
        share = shares[groups].prod(axis=1)
        return cls(axis, groups, share / share.sum())

    @property
    def axes(self) -> int:
        """How many axes there are, A."""
        return int(self.axis.max(initial=-1)) + 1

    @property
    def members(self) -> FloatArray:
        """1 where a cell is in a group, (C, G)."""
        here = self.groups[:, :, np.newaxis] == np.arange(len(self.axis))
        members: FloatArray = here.any(axis=1).astype(float)
        return members

    @property
    def crossed_shares(self) -> FloatArray:
        """Share of the electorate that is in both of two groups, (G, G)."""
        members = self.members
        shares: FloatArray = (members * self.share[:, np.newaxis]).T @ members
        return shares


NO_ELECTORATE: Final = Cells(np.zeros(0, int), np.zeros((1, 0), int), np.ones(1))


@dataclass(frozen=True)
class CellBattles:
    """All that the likelihood asks of the battles of K contestants, in R rows and totals.

    Contestant `a` on side A met `b` in a `cell` so many times: `cell`, `a`, `b` and `battles` are
    (R,), rows in the order of cells. `points` (K, 1 + G) are half of wins less losses, of
    everybody and by group; `side_points` half of the wins of side A less those of side B; `ties`
    are counted.
    """

    cell: IntArray
    a: IntArray
    b: IntArray
    battles: FloatArray
    points: FloatArray
    side_points: float
    ties: float


def count_by_cell(
    cell: IntArray,
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    *,
    cells: Cells,
    contestants: int,
    times: IntArray | FloatArray | None = None,
) -> CellBattles:
    """Count battles by cell and pair, from rows (N,) that stand for `times` battles, or for one.

    Raises ValueError for an index out of range, an unknown outcome, and a contestant that meets
    itself.
    """
    cell, a, b, outcome = (np.asarray(column, np.int64) for column in (cell, a, b, outcome))
    require_battles(a, b, outcome, contestants=contestants)
    require_index(cell, len(cells.share), "cell")
    times = np.ones(len(a)) if times is None else np.asarray(times, float)
    present, row = np.unique((cell * contestants + a) * contestants + b, return_inverse=True)
    in_cell, pair = np.divmod(present, max(contestants**2, 1))
    met_a, met_b = np.divmod(pair, max(contestants, 1))
    net = np.where(outcome == A_WINS, times, np.where(outcome == B_WINS, -times, 0)) / 2
    by_cell = np.bincount(cell * contestants + a, net, len(cells.share) * contestants)
    by_cell -= np.bincount(cell * contestants + b, net, len(cells.share) * contestants)
    by_cell = by_cell.reshape(len(cells.share), contestants)
    return CellBattles(
        cell=in_cell,
        a=met_a,
        b=met_b,
        battles=np.bincount(row, times, len(present)).astype(float),
        points=np.column_stack([by_cell.sum(axis=0), by_cell.T @ cells.members]),
        side_points=float(net.sum()),
        ties=float(times[outcome == TIE].sum()),
    )


def spread_over_cells(
    counts: FloatArray, crossings: IntArray | FloatArray, *, cells: Cells
) -> CellBattles:
    """Guess in which cells pairs met, from counts (1 + G, K, K, 3) of everybody and of groups.

    `crossings` (G, G) counts battles by two groups of the rater. Each pair's battles are raked
    over the cells to what its groups had of them, from where all battles were, and that from
    the crossings. How battles ended is not guessed; and since each group keeps what it had, a
    wrong guess only changes how a pair's raters were mixed on other axes. Raises RankingError
    where raters are in a group, or in none, of which there is no cell.
    """
    counts = np.asarray(counts, float)
    require_counts(counts)
    contestants = counts.shape[1]
    battles = counts.sum(axis=-1).reshape(len(counts), -1)
    met = np.flatnonzero(battles[0])
    part = cells_of_battles(crossings, battles[0].sum(), cells=cells)
    margins = battles[:, met].T @ _completed(cells).T
    spread = _raked(np.outer(battles[0, met], part), margins, _places(cells))
    cell, pair = np.nonzero(spread.T > NONE)
    net = (counts[..., A_WINS] - counts[..., B_WINS]) / 2
    points: FloatArray = net.sum(axis=2) - net.sum(axis=1)
    a, b = np.divmod(met[pair], max(contestants, 1))
    return CellBattles(
        cell=cell,
        a=a,
        b=b,
        battles=spread[pair, cell],
        points=points.T,
        side_points=float(net[0].sum()),
        ties=float(counts[0, ..., TIE].sum()),
    )


def cells_of_battles(
    crossings: IntArray | FloatArray, battles: float, *, cells: Cells
) -> FloatArray:
    """Guess the part of all battles that are in each cell (C,), raked to the crossings (G, G)."""
    complete, places = _completed(cells), _places(cells)
    crossings = np.asarray(crossings, float)
    own = np.diagonal(crossings)
    single = complete @ np.append(battles, own)
    if np.delete(single, np.unique(places)).max(initial=0) > MISSED:
        raise RankingError("Some battles' raters are in a group that no cell is in.")
    both = complete @ np.block([[np.full((1, 1), battles), own], [own[:, np.newaxis], crossings]])
    both = both @ complete.T / max(battles, 1)
    crossed = [p * len(complete) + q for x, p in enumerate(places) for q in places[: x + 1]]
    even = np.full((1, len(cells.share)), 1 / len(cells.share))
    part: FloatArray = _raked(even, both.reshape(1, -1), crossed)[0]
    return part


def design_effect(crossings: IntArray | FloatArray, battles: float, *, cells: Cells) -> float:
    """By how much the sample's mix lowers its effective size, at least 1 (Kish 1965).

    That is the mean square of the weights that rake the battles' cells to the shares of every
    group, by the square of their mean. A group that nobody is from is made up by none.
    """
    part = cells_of_battles(crossings, battles, cells=cells)
    shares = _completed(cells) @ np.append(1.0, np.diagonal(cells.crossed_shares))
    wanted = _raked(part[np.newaxis], shares[np.newaxis], _places(cells))[0]
    heard = part > 0
    total = float(wanted.sum())
    return float((wanted[heard] ** 2 / part[heard]).sum() / total**2) if total else 1.0


def _completed(cells: Cells) -> FloatArray:
    """What turns a count of everybody and of groups into one of G + A groups, (G + A, 1 + G).

    To say nothing of an axis is to be in one group more, so that the groups of an axis hold all.
    """
    groups, axes = len(cells.axis), cells.axes
    of_axis = (cells.axis == np.arange(axes)[:, np.newaxis]).astype(float)
    said = np.column_stack([np.zeros(groups), np.eye(groups)])
    return np.vstack([said, np.column_stack([np.ones(axes), -of_axis])])


def _places(cells: Cells) -> IntArray:
    """The groups of each cell among the G + A, (A, C)."""
    unsaid = len(cells.axis) + np.arange(cells.axes)
    return np.where(cells.groups == UNSAID, unsaid, cells.groups).T


def _raked(table: FloatArray, wanted: FloatArray, places: Iterable[IntArray]) -> FloatArray:
    """Scale T tables (T, C) until their margins are as `wanted` (T, M), or as near as they get.

    Each of `places` (C,) names the margin that a cell counts to.
    """
    margins = []
    for place in places:
        names, inverse = np.unique(place, return_inverse=True)
        here = (inverse[:, np.newaxis] == np.arange(len(names))).astype(float)
        margins.append((np.maximum(wanted[:, names], 0), inverse, here))
    off = MISSED * float(wanted.max(initial=0))
    for _ in range(RAKING_ROUNDS):
        missed = 0.0
        for target, inverse, here in margins:
            had = table @ here
            missed = max(missed, float(np.abs(had - target).max(initial=0)))
            factor = np.divide(target, had, where=had > 0, out=np.zeros_like(had))
            table = table * factor[:, inverse]
        if missed <= off:
            break
    return table
