"""What each verdict counts for: so that the sample has the electorate's mix, and nobody too much.

Weights are raked: scaled until the weighted verdicts of each group of every axis have its share
(Deming and Stephan 1940). However they are scaled, they say no more than a sample of equal weights
would: N verdicts of weights w are worth (Σw)²/Σw² of these (Kish 1965, Survey Sampling).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray

# The group on an axis of a rater who said nothing of it.
UNSAID: Final = -1
RAKING_ROUNDS: Final = 200
# As near as a group's share has to be met.
MISSED: Final = 1e-6


@dataclass(frozen=True)
class Electorate:
    """A axes by key, the shares (G_x,) of the groups of each, and the group of N verdicts' raters.

    `groups` (N, A) are places among the groups of their axis, or UNSAID: such a rater counts as
    the electorate's mix of it.
    """

    axes: tuple[str, ...]
    shares: tuple[FloatArray, ...]
    groups: IntArray

    def without(self, axis: str) -> "Electorate":
        """The same as if nobody had asked about an axis."""
        kept = [x for x, key in enumerate(self.axes) if key != axis]
        return Electorate(
            tuple(self.axes[x] for x in kept),
            tuple(self.shares[x] for x in kept),
            self.groups[:, kept],
        )


def raked(electorate: Electorate, base: FloatArray) -> FloatArray:
    """Scale weights (N,) by cell until every group has its share; their sum stays.

    A group without a verdict can't be made up for: the others of its axis share what it has.
    Where shares contradict each other in so small a sample, the last round stands.
    """
    weight = base.astype(float)
    if not electorate.axes or not weight.any():
        return weight
    # As one number a cell: to tell rows apart takes twenty times as long.
    sizes = tuple(1 + len(shares) for shares in electorate.shares)
    code = np.ravel_multi_index(tuple(electorate.groups.T - UNSAID), sizes)
    codes, cell = np.unique(code, return_inverse=True)
    cells = np.column_stack(np.unravel_index(codes, sizes)) + UNSAID
    before = np.bincount(cell, base, len(cells)).astype(float)
    table = before.copy()
    for _ in range(RAKING_ROUNDS):
        missed = 0.0
        for axis, shares in enumerate(electorate.shares):
            factor, off = _factor(table, cells[:, axis], shares)
            table, missed = table * factor, max(missed, off)
        if missed <= MISSED:
            break
    scale = np.divide(table, before, out=np.zeros_like(table), where=before > 0)
    weight = weight * scale[cell]
    return np.asarray(weight * (base.sum() / weight.sum()), float)


def capped(rater: IntArray, cap: float) -> FloatArray:
    """Weights (N,) of verdicts by their rater (N,), so that nobody's add up to more than `cap`."""
    _, person, given = np.unique(rater, return_inverse=True, return_counts=True)
    return np.minimum(1.0, cap / given)[person]


def once(cluster: IntArray) -> FloatArray:
    """Weights (N,) of verdicts by their cluster (N,), so that each cluster's add up to 1."""
    _, place, size = np.unique(cluster, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / size[place], float)


def effective(weight: FloatArray) -> float:
    """How many verdicts of equal weight these are worth."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def _factor(table: FloatArray, group: IntArray, shares: FloatArray) -> tuple[FloatArray, float]:
    """What to scale cells (C,) with for one axis, and by how much of all a share was missed."""
    said = group != UNSAID
    had = np.bincount(group[said], table[said], len(shares))
    wanted = np.where(had > 0, shares, 0.0)
    if not wanted.sum():
        return np.ones(len(table)), 0.0
    wanted *= had.sum() / wanted.sum()
    by_group = np.divide(wanted, had, out=np.ones_like(had), where=had > 0)
    factor = np.where(said, by_group[np.where(said, group, 0)], 1.0)
    return factor, float(np.abs(had - wanted).max() / max(table.sum(), 1e-300))
