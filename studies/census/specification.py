"""An electorate as it is described, before it enters the database.

Every object checks itself when it is made, so that whoever holds an ElectorateSpec
holds shares that add up to 1, agree with each other, and have a source.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType

from studies.census.errors import ElectorateError, located

# Published shares are rounded: a table of 84 shares with four decimals can miss 1 by .004.
SUM_TOLERANCE = 0.005

# What fits where keys and names are stored and shown.
KEY_LENGTH = 50
NAME_LENGTH = 100
TEXT_LENGTH = 200
TITLE_LENGTH = 300

# Signs that tell two groups apart ("<18", "18+"), and letters that are no base with an accent.
_SPELT_OUT = str.maketrans(
    {"+": "-plus ", "<": "under ", ">": "over ", "≤": "up to ", "≥": "from ", "&": " and "}
    | {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


def key_for(name: str) -> str:
    """The key of a name: lower case, accents dropped, words joined by hyphens, fit for a URL.

    `18-34` stays, `65+` becomes `65-plus`, `Two or more (any race)` `two-or-more-any-race`.
    Letters of other scripts become their code points. At most KEY_LENGTH characters, whole
    words where possible. Raises ElectorateError for a name without a letter or digit.
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_SPELT_OUT))
    words = "".join(_in_ascii(sign) for sign in decomposed).split()
    if not words:
        raise ElectorateError(
            f'"{name}" has no letter or digit', remedy="give the axis or group a name"
        )
    while len(words) > 1 and len("-".join(words)) > KEY_LENGTH:
        words.pop()
    return "-".join(words)[:KEY_LENGTH]


def _in_ascii(sign: str) -> str:
    if unicodedata.combining(sign):
        return ""
    if sign.isascii():
        return sign if sign.isalnum() else " "
    return f"u{ord(sign):x}" if unicodedata.category(sign)[0] in "LNM" else " "


@dataclass(frozen=True)
class SourceSpec:
    """Where shares come from: publisher, table and year, so that anyone can look them up."""

    key: str
    title: str
    publisher: str = ""
    table: str = ""
    year: int | None = None
    licence: str = ""
    url: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not self.key.strip() or not self.title.strip():
            raise ElectorateError(
                "a source has no key or no title", remedy="name the publication that it stands for"
            )
        with located(f'source "{self.key}"'):
            _check_length(self.title, TITLE_LENGTH)
            for text in (self.publisher, self.table, self.licence, self.url):
                _check_length(text, TEXT_LENGTH)


@dataclass(frozen=True)
class GroupSpec:
    """One group of an axis, its share of the electorate (0 to 1), and the key of the source."""

    key: str
    name: str
    share: float
    source: str

    def __post_init__(self) -> None:
        with located(f'group "{self.name}"'):
            _check_share(self.share)
            _check_source(self.source)
            if not self.key.strip() or not self.name.strip():
                raise ElectorateError("a group has no key or no name", remedy="give it both")
            _check_length(self.key, KEY_LENGTH)
            _check_length(self.name, NAME_LENGTH)


@dataclass(frozen=True)
class AxisSpec:
    """One axis and its groups, in the order in which people should read them.

    Shares that miss 1 by at most SUM_TOLERANCE are renormalised; further off is an
    ElectorateError, as are no group at all and two groups that cannot be told apart.
    """

    key: str
    name: str
    groups: tuple[GroupSpec, ...]

    def __post_init__(self) -> None:
        with located(f'axis "{self.name}"'):
            if not self.key.strip() or not self.groups:
                raise ElectorateError(
                    "an axis needs a key and at least one group", remedy="add its groups and shares"
                )
            _check_length(self.key, KEY_LENGTH)
            _check_length(self.name, NAME_LENGTH)
            self._check_labels()
            factor = _factor_to_one(group.share for group in self.groups)
        groups = tuple(
            # Rounding must not lift the share of a single group above 1.
            replace(group, share=min(1.0, group.share * factor))
            for group in self.groups
        )
        object.__setattr__(self, "groups", groups)

    def group_for(self, value: str) -> GroupSpec:
        """The group whose key or name is exactly `value`; else an error that lists them."""
        for group in self.groups:
            if value in (group.key, group.name):
                return group
        allowed = ", ".join(group.name for group in self.groups)
        raise ElectorateError(
            f'axis "{self.key}" has no group "{value}"', remedy=f"allowed are: {allowed}"
        )

    def _check_labels(self) -> None:
        check_unique((group.key for group in self.groups), "group")
        for group in self.groups:
            # Otherwise `group_for` would give this group for one spelling, another for the other.
            if any(group.name == other.key for other in self.groups if other is not group):
                raise ElectorateError(
                    f'"{group.name}" is the name of one group and the key of another',
                    remedy="rename one of them",
                )


@dataclass(frozen=True)
class JointSpec:
    """Shares of the combinations of groups of some axes, keyed by group keys in axis order.

    A combination that is not listed has share 0. The sum is treated as AxisSpec treats it.
    """

    axes: tuple[str, ...]
    shares: Mapping[tuple[str, ...], float]
    source: str

    def __post_init__(self) -> None:
        with located("joint shares"):
            _check_source(self.source)
            if not self.axes:
                raise ElectorateError("no axis is named", remedy="name the axes of the table")
            check_unique(self.axes, "axis")
            for cell, share in self.shares.items():
                with located(" × ".join(cell)):
                    _check_share(share)
                    if len(cell) != len(self.axes):
                        raise ElectorateError(
                            f"{len(cell)} groups for {len(self.axes)} axes",
                            remedy="give one group of each axis",
                        )
            factor = _factor_to_one(self.shares.values())
        shares = {cell: min(1.0, share * factor) for cell, share in self.shares.items()}
        object.__setattr__(self, "shares", MappingProxyType(shares))

    def margin(self, axis: str) -> dict[str, float]:
        """The share of each group of one of the table's axes, by group key."""
        place = self.axes.index(axis)
        parts: dict[str, list[float]] = {}
        for cell, share in self.shares.items():
            parts.setdefault(cell[place], []).append(share)
        return {group: min(1.0, math.fsum(shares)) for group, shares in parts.items()}


@dataclass(frozen=True)
class ElectorateSpec:
    """The population that a study speaks for: axes, groups, shares, and the source of each.

    Where a joint table is known its margins are the shares of its axes' groups, to the last
    digit; shares of the axis itself may differ from them by rounding, and no further.
    """

    slug: str
    name: str
    description: str
    axes: tuple[AxisSpec, ...]
    joint: JointSpec | None
    sources: tuple[SourceSpec, ...]

    def __post_init__(self) -> None:
        with located(f'electorate "{self.slug}"'):
            if not self.slug.strip() or not self.name.strip():
                raise ElectorateError("an electorate has no slug or no name", remedy="give it both")
            _check_length(self.slug, KEY_LENGTH)
            _check_length(self.name, TEXT_LENGTH)
            if not self.axes:
                raise ElectorateError("an electorate has no axis", remedy="add at least one")
            check_unique((axis.key for axis in self.axes), "axis")
            check_unique((source.key for source in self.sources), "source")
            self._check_sources_are_known()
            if self.joint is not None:
                self._check_joint_is_known(self.joint)
                axes = tuple(_axis_with_margin(axis, self.joint) for axis in self.axes)
                object.__setattr__(self, "axes", axes)

    @property
    def cell_count(self) -> int:
        """How many combinations of one group of each axis there are."""
        return reduce(lambda count, axis: count * len(axis.groups), self.axes, 1)

    def axis_for(self, value: str) -> AxisSpec:
        """The axis whose key or name is exactly `value`; else an error that lists them."""
        for axis in self.axes:
            if value in (axis.key, axis.name):
                return axis
        known = ", ".join(axis.key for axis in self.axes)
        raise ElectorateError(
            f'electorate "{self.slug}" has no axis "{value}"', remedy=f"its axes are: {known}"
        )

    def _check_sources_are_known(self) -> None:
        known = {source.key for source in self.sources}
        named = {group.source for axis in self.axes for group in axis.groups}
        if self.joint is not None:
            named.add(self.joint.source)
        for key in sorted(named - known):
            raise ElectorateError(
                f'source "{key}" is named but not described', remedy="add it to the sources"
            )

    def _check_joint_is_known(self, joint: JointSpec) -> None:
        groups = {axis.key: {group.key for group in axis.groups} for axis in self.axes}
        for axis in joint.axes:
            if axis not in groups:
                raise ElectorateError(
                    f'joint shares have an axis "{axis}" that the electorate has not',
                    remedy=f"its axes are: {', '.join(groups)}",
                )
        for cell in joint.shares:
            for axis, group in zip(joint.axes, cell, strict=True):
                if group not in groups[axis]:
                    raise ElectorateError(
                        f'joint shares have a group "{group}" that axis "{axis}" has not',
                        remedy=f"its groups are: {', '.join(sorted(groups[axis]))}",
                    )


def _axis_with_margin(axis: AxisSpec, joint: JointSpec) -> AxisSpec:
    if axis.key not in joint.axes:
        return axis
    margin = joint.margin(axis.key)
    groups = []
    for group in axis.groups:
        share = margin.get(group.key, 0.0)
        if abs(share - group.share) > SUM_TOLERANCE:
            raise ElectorateError(
                f"the joint table gives {share:.4f}, the axis {group.share:.4f}",
                where=f'axis "{axis.key}", group "{group.name}"',
                remedy="correct one of the two; they describe the same people",
            )
        groups.append(replace(group, share=share))
    return replace(axis, groups=tuple(groups))


def _check_share(share: float) -> None:
    if not math.isfinite(share) or share < 0:
        raise ElectorateError(
            f"share {share} is not a number from 0 to 1", remedy="write a fraction such as 0.25"
        )


def _check_length(text: str, limit: int) -> None:
    if len(text) > limit:
        raise ElectorateError(
            f'"{text[:40]}…" has {len(text)} characters, {limit} is the limit', remedy="shorten it"
        )


def _check_source(source: str) -> None:
    if not source.strip():
        raise ElectorateError("every share has a source", remedy="name the one of this share")


def check_unique(keys: Iterable[str], what: str) -> None:
    """Raise ElectorateError for the first key that is there twice; `what` says what keys are of."""
    for key, count in Counter(keys).items():
        if count > 1:
            raise ElectorateError(
                f'{what} "{key}" is there {count} times', remedy="keep one, or rename the others"
            )


def _factor_to_one(shares: Iterable[float]) -> float:
    """What to multiply the shares with, so that they add up to 1."""
    total = math.fsum(shares)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ElectorateError(
            f"shares add up to {total:.6g}, not 1",
            remedy="write fractions (0.27 for 27 %) and check that no group is missing",
        )
    # What is 1 but for floating point stays as it is: made twice, a spec is the same.
    return 1.0 if abs(total - 1) < 1e-12 else 1 / total
