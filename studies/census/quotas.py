"""Quotas from shares: how many raters of each group or cell, and who still finds a place.

By margins every axis is divided for itself, and a rater needs a place in each of her groups.
By cells every combination is divided on its own: closer to the electorate, but with few raters
most combinations get nobody. What rounding costs is shown with every allocation.
"""

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from studies.census.errors import ElectorateError, located
from studies.census.specification import SUM_TOLERANCE

# Exact quotas are rounded to this many decimals before they are compared: shares such as
# 0.1 + 0.2 and 0.3 would otherwise differ by what floating point makes of them.
EXACT_DECIMALS = 9

CellKey = tuple[str, ...]
Key = TypeVar("Key", bound=str | CellKey)
# What the caller knows its quotas by: (axis, group), a cell's key, a row's number.
Place = TypeVar("Place", bound=Hashable)


@dataclass(frozen=True)
class QuotaPlan(Generic[Key]):
    """The quota of one group or cell: its share, raters by share (`exact`), and whole raters."""

    key: Key
    share: float
    exact: float
    target: int

    @property
    def deviation(self) -> float:
        """Raters more than the share asks for; below 0 it is short of them."""
        return self.target - self.exact

    @property
    def relative_deviation(self) -> float:
        """The deviation as a part of what the share asks for: −1 with no rater at all."""
        return self.deviation / self.exact if self.exact else 0.0

    @property
    def is_left_out(self) -> bool:
        """Whether it has a share and gets nobody, so that nobody speaks for it."""
        return self.target == 0 and self.share > 0


@dataclass(frozen=True)
class Allocation(Generic[Key]):
    """A number of raters divided among groups or cells, and what whole raters cost.

    `quotas` in the order in which the shares were given; their targets add up to `raters`.
    """

    raters: int
    quotas: tuple[QuotaPlan[Key], ...]

    @property
    def targets(self) -> dict[Key, int]:
        """How many raters of each key."""
        return {quota.key: quota.target for quota in self.quotas}

    @property
    def left_out(self) -> tuple[QuotaPlan[Key], ...]:
        """Quotas with a share and no rater."""
        return tuple(quota for quota in self.quotas if quota.is_left_out)

    @property
    def share_left_out(self) -> float:
        """The part of the electorate that nobody is asked for, 0 to 1."""
        return math.fsum(quota.share for quota in self.left_out)

    @property
    def largest_deviation(self) -> QuotaPlan[Key]:
        """The quota that is furthest off in raters: always by less than one."""
        return max(self.quotas, key=lambda quota: abs(quota.deviation))

    @property
    def largest_relative_deviation(self) -> QuotaPlan[Key]:
        """The quota that is furthest off for its size."""
        return max(self.quotas, key=lambda quota: abs(quota.relative_deviation))


@dataclass(frozen=True)
class Fit(Generic[Place]):
    """Whether one more rater finds a place, and which of her groups are full if not."""

    full: tuple[Place, ...]

    @property
    def is_admitted(self) -> bool:
        """Every one of her groups has a place."""
        return not self.full


def allocate_margins(
    shares_by_axis: Mapping[str, Mapping[str, float]], raters: int
) -> dict[str, Allocation[str]]:
    """Divide `raters` among the groups of each axis by largest remainder.

    `shares_by_axis` has the share of each group, by axis and group key; see `allocate_cells`.
    """
    allocations = {}
    for axis, shares in shares_by_axis.items():
        with located(f'axis "{axis}"'):
            allocations[axis] = _allocate(shares, raters)
    return allocations


def allocate_cells(cell_shares: Mapping[CellKey, float], raters: int) -> Allocation[CellKey]:
    """Divide `raters` among cells by largest remainder (Hamilton's method).

    Each gets the whole part of share × raters; who is left goes to the largest remainders,
    equal ones in the order of their keys. So every target is the exact quota rounded down or
    up, and a share of 0 gets nobody. Raises ElectorateError for shares that don't add up to 1
    within SUM_TOLERANCE, and for fewer than one rater.
    """
    return _allocate(cell_shares, raters)


def fits(
    groups: Iterable[Place], *, targets: Mapping[Place, int], taken: Mapping[Place, int]
) -> Fit[Place]:
    """Whether a rater who is in all of `groups` can be admitted.

    `taken` counts the places that are reserved or completed; a group that is not in it has
    none taken. By cells, `groups` is her one cell. Raises ElectorateError for a group without
    a quota: leave out the axes that have none, and don't let a misspelt one pass.
    """
    return Fit(tuple(group for group in groups if _is_full(group, targets, taken)))


def full_groups(targets: Mapping[Place, int], taken: Mapping[Place, int]) -> tuple[Place, ...]:
    """The groups or cells without a place, in the order of the targets."""
    return tuple(key for key in targets if _is_full(key, targets, taken))


def open_share(
    cell_shares: Mapping[CellKey, float],
    axes: Sequence[str],
    *,
    full: Collection[tuple[str, str]],
) -> float:
    """The part of the electorate whose groups all have a place, 0 to 1.

    `axes` are those of the cells' keys, in their order; `full` holds (axis, group) without one.
    By margins the last places can be such that hardly anybody fits: 1 / open_share is how many
    people have to be invited, drawn from the electorate, until one is admitted.
    """
    return math.fsum(
        share
        for cell, share in cell_shares.items()
        if not any(group in full for group in zip(axes, cell, strict=True))
    )


def _allocate(shares: Mapping[Key, float], raters: int) -> Allocation[Key]:
    total = _checked_total(shares, raters)
    exact = {key: round(share * raters / total, EXACT_DECIMALS) for key, share in shares.items()}
    targets = {key: math.floor(quota) for key, quota in exact.items()}
    # Rounded again: taking the whole part off brings back what floating point makes of it.
    by_remainder = sorted(
        exact, key=lambda key: (round(targets[key] - exact[key], EXACT_DECIMALS), key)
    )
    for key in by_remainder[: raters - sum(targets.values())]:
        targets[key] += 1
    return Allocation(
        raters,
        tuple(
            QuotaPlan(key, share / total, exact[key], targets[key]) for key, share in shares.items()
        ),
    )


def _checked_total(shares: Mapping[Key, float], raters: int) -> float:
    if raters < 1:
        raise ElectorateError(f"{raters} raters can't be divided", remedy="ask for at least one")
    for key, share in shares.items():
        if not math.isfinite(share) or share < 0:
            raise ElectorateError(
                f"share {share} of {_spoken(key)} is not a number from 0 to 1",
                remedy="write a fraction such as 0.25",
            )
    total = math.fsum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ElectorateError(
            f"shares add up to {total:.6g}, not 1", remedy="check that no group or cell is missing"
        )
    return total


def _is_full(key: Place, targets: Mapping[Place, int], taken: Mapping[Place, int]) -> bool:
    if key not in targets:
        known = ", ".join(map(_spoken, targets))
        raise ElectorateError(f"{_spoken(key)} has no quota", remedy=f"there are: {known}")
    return taken.get(key, 0) >= targets[key]


def _spoken(key: Hashable) -> str:
    return " × ".join(key) if isinstance(key, tuple) else str(key)
