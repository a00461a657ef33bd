"""Cell shares from what is known of them: a joint table of some axes, margins of the others."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from studies.census.errors import ElectorateError, RakingError
from studies.census.specification import ElectorateSpec, JointSpec

# Beyond this no study fills its cells, and a table of doubles for each draw gets heavy.
CELL_LIMIT = 20_000

# How far a share may be off after raking: below what any published figure can tell.
MARGIN_TOLERANCE = 1e-10

Table = NDArray[np.float64]


def cell_shares(spec: ElectorateSpec) -> dict[tuple[str, ...], float]:
    """The share of each cell, keyed by one group key of each axis in axis order.

    The joint table is kept exactly; every other axis is independent of it and of the rest,
    which is what raking a uniform table gives: the least that has to be assumed. Cells of
    share 0 are listed. Raises ElectorateError beyond CELL_LIMIT cells.
    """
    if spec.cell_count > CELL_LIMIT:
        sizes = " × ".join(str(len(axis.groups)) for axis in spec.axes)
        raise ElectorateError(
            f"{sizes} groups make {spec.cell_count:,} cells, and {CELL_LIMIT:,} is the limit",
            where=f'electorate "{spec.slug}"',
            remedy="drop an axis, or merge groups",
        )
    shape = tuple(len(axis.groups) for axis in spec.axes)
    shares = np.minimum(rake(np.ones(shape), _margins(spec)), 1.0).ravel().tolist()
    cells = itertools.product(*([group.key for group in axis.groups] for axis in spec.axes))
    return dict(zip(cells, shares, strict=True))


def rake(
    seed_table: Table, margins: Mapping[tuple[int, ...], Table], *, max_rounds: int = 10_000
) -> Table:
    """Scale a table to margins by iterative proportional fitting (Deming and Stephan 1940).

    `seed_table` has one dimension for each axis and no negative cell. `margins` maps the axes
    of each margin, ascending, to its shares, an array with one dimension for each of these
    axes and sum 1. The result has sum 1, meets each margin within MARGIN_TOLERANCE, keeps
    cells of 0 at 0, and is otherwise as close to the seed as can be (least Kullback-Leibler
    divergence). Raises RakingError where no such table exists or `max_rounds` are too few.
    """
    table = np.asarray(seed_table, dtype=np.float64)
    _check_seed(table)
    targets = [_target(table, axes, shares) for axes, shares in margins.items()]
    table = table / table.max()
    table = table / table.sum()
    worst = math.inf
    for _ in range(max_rounds):
        for target in targets:
            table = _scaled(table, target)
        misses = (np.abs(_margin_of(table, target) - target).max() for target in targets)
        worst = float(max(misses, default=0.0))
        if worst <= MARGIN_TOLERANCE:
            return table
    raise RakingError(
        f"margins are still missed by up to {worst:.1g} after {max_rounds} rounds",
        remedy="allow more, or fill cells of 0 that contradict the margins",
    )


def _margins(spec: ElectorateSpec) -> dict[tuple[int, ...], Table]:
    known = spec.joint.axes if spec.joint is not None else ()
    margins: dict[tuple[int, ...], Table] = {
        (place,): np.array([group.share for group in axis.groups])
        for place, axis in enumerate(spec.axes)
        if axis.key not in known
    }
    if spec.joint is not None:
        places = tuple(place for place, axis in enumerate(spec.axes) if axis.key in known)
        margins[places] = _joint_table(spec, spec.joint, places)
    return margins


def _joint_table(spec: ElectorateSpec, joint: JointSpec, places: tuple[int, ...]) -> Table:
    """The joint shares as an array, in the electorate's order of axes and groups."""
    axes = [spec.axes[place] for place in places]
    columns = [joint.axes.index(axis.key) for axis in axes]
    index = [{group.key: place for place, group in enumerate(axis.groups)} for axis in axes]
    table = np.zeros([len(axis.groups) for axis in axes])
    for cell, share in joint.shares.items():
        groups = (cell[column] for column in columns)
        table[tuple(places[group] for places, group in zip(index, groups, strict=True))] = share
    return table


def _check_seed(table: Table) -> None:
    if not np.isfinite(table).all() or (table < 0).any() or not table.any():
        raise RakingError(
            "the table to rake has a negative or infinite cell, or nothing but zeros",
            remedy="give it counts or shares",
        )


def _target(table: Table, axes: tuple[int, ...], shares: Table) -> Table:
    """The shares of a margin, checked, in a shape that broadcasts against the table."""
    if list(axes) != sorted(set(axes) & set(range(table.ndim))):
        raise RakingError(
            f"margin of axes {axes} of a table with {table.ndim} axes",
            remedy="number them from 0, ascending",
        )
    target = np.asarray(shares, dtype=np.float64)
    wanted = tuple(table.shape[axis] for axis in axes)
    if target.shape != wanted:
        raise RakingError(
            f"the margin of axes {axes} has shape {target.shape}, the table {wanted}",
            remedy="give one share for each combination of groups",
        )
    if not np.isfinite(target).all() or (target < 0).any() or abs(target.sum() - 1) > 1e-9:
        raise RakingError(
            f"the margin of axes {axes} has a negative share, or does not add up to 1",
            remedy="give shares of a whole",
        )
    return target.reshape([size if axis in axes else 1 for axis, size in enumerate(table.shape)])


def _margin_of(table: Table, target: Table) -> Table:
    others = tuple(axis for axis, size in enumerate(target.shape) if size != table.shape[axis])
    return np.asarray(table.sum(axis=others, keepdims=True))


def _scaled(table: Table, target: Table) -> Table:
    """The table with one of its margins made right."""
    margin = _margin_of(table, target)
    if stuck := np.argwhere((margin == 0) & (target > 0)).tolist():
        raise RakingError(
            f"a share of {target[tuple(stuck[0])]:.4g} is asked for at {tuple(stuck[0])}, "
            "where every cell of the table is 0",
            remedy="fill one of these cells, or set the share to 0",
        )
    # First the quotient, which is at most 1: the other way round small cells would overflow.
    within = np.divide(table, margin, out=np.zeros_like(table), where=margin > 0)
    return np.asarray(within * target)
