"""The TOML form of an electorate: the one that is shipped, and that people can write too.

    slug, name, description     of the electorate
    [[source]]                  key, title; publisher, table, year, licence, url, note
    [[axis]]                    key, name, groups; and unless the joint table has the axis:
                                unit, source, figures: one for each group
    [joint]                     axes, unit, source, figures: rows of one group of each axis
                                but the last, then a list with a figure for each of its groups

Figures stay as they were published; `unit` says what they are and so how they become shares.
"""

import itertools
import math
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from studies.census.errors import ElectorateError, located
from studies.census.specification import (
    AxisSpec,
    ElectorateSpec,
    GroupSpec,
    JointSpec,
    SourceSpec,
    check_unique,
    key_for,
)

UNITS = ("share", "percent", "people", "votes")

# Published percentages are rounded, and leave out the few who gave no answer.
PERCENT_TOLERANCE = 2

_FIGURES = {"unit", "source", "figures"}


class _Table:
    """A TOML table whose names are checked at once, and whose values are checked when read."""

    def __init__(self, value: object, *, required: set[str], optional: set[str]) -> None:
        if not isinstance(value, dict):
            raise ElectorateError("this is not a table", remedy="see an electorate that is shipped")
        self.values: dict[str, Any] = value
        if missing := sorted(required - value.keys()):
            raise ElectorateError(f"{', '.join(missing)} missing", remedy="add what is missing")
        if unknown := sorted(value.keys() - required - optional):
            allowed = ", ".join(sorted(required | optional))
            raise ElectorateError(f'unknown name "{unknown[0]}"', remedy=f"allowed are: {allowed}")

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """A text, without space around it; empty where the table has none."""
        value = self.values.get(name, "")
        if not isinstance(value, str):
            raise ElectorateError(f"{name} is not a text", remedy='put it in "quotes"')
        return value.strip()

    def year(self) -> int | None:
        value = self.values.get("year")
        if value is not None and type(value) is not int:
            raise ElectorateError("year is not a whole number", remedy="write it as 2024")
        return value

    def rows(self, name: str) -> list[Any]:
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise ElectorateError(f"{name} is not a list", remedy="put it in [brackets]")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.rows(name)
        for value in values:
            if not isinstance(value, str):
                raise ElectorateError(
                    f"{value} in {name} is not a text", remedy='put it in "quotes"'
                )
        return tuple(values)


def parse_toml(text: str, *, where: str) -> ElectorateSpec:
    """The electorate that a TOML text describes; `where` names the file in errors."""
    with located(where):
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ElectorateError(f"not TOML: {error}", remedy="correct the syntax") from error
        return _electorate_from(document)


def _electorate_from(document: object) -> ElectorateSpec:
    table = _Table(
        document, required={"slug", "name", "source", "axis"}, optional={"description", "joint"}
    )
    axes = [_axis_table(value, number) for number, value in enumerate(table.rows("axis"), start=1)]
    groups = {axis.text("key"): axis.texts("groups") for axis in axes}
    joint = _joint_from(table.values["joint"], groups) if "joint" in table else None
    return ElectorateSpec(
        slug=table.text("slug"),
        name=table.text("name"),
        description=table.text("description"),
        axes=tuple(_axis_from(axis, joint) for axis in axes),
        joint=joint,
        sources=tuple(
            _source_from(value, number)
            for number, value in enumerate(table.rows("source"), start=1)
        ),
    )


def _source_from(value: object, number: int) -> SourceSpec:
    with located(f"source {number}"):
        table = _Table(
            value,
            required={"key", "title"},
            optional={"publisher", "table", "year", "licence", "url", "note"},
        )
        texts = {name: table.text(name) for name in table.values if name != "year"}
        return SourceSpec(year=table.year(), **texts)


def _axis_table(value: object, number: int) -> _Table:
    with located(f"axis {number}"):
        table = _Table(value, required={"key", "name", "groups"}, optional=_FIGURES)
        # Here, because two groups with one key would be one in the joint table.
        check_unique(map(key_for, table.texts("groups")), "group")
        return table


def _axis_from(table: _Table, joint: JointSpec | None) -> AxisSpec:
    key, groups = table.text("key"), table.texts("groups")
    with located(f'axis "{key}"'):
        if _FIGURES & table.values.keys():
            shares = _shares(table.rows("figures"), table.text("unit"))
            source = table.text("source")
        elif joint is not None and key in joint.axes:
            margin = joint.margin(key)
            shares = [margin[key_for(group)] for group in groups]
            source = joint.source
        else:
            raise ElectorateError(
                "neither figures of its own nor a place in the joint table",
                remedy="add unit, figures and source",
            )
        _check_length(shares, groups)
        specs = (
            GroupSpec(key=key_for(group), name=group, share=share, source=source)
            for group, share in zip(groups, shares, strict=True)
        )
        return AxisSpec(key=key, name=table.text("name"), groups=tuple(specs))


def _joint_from(value: object, groups: Mapping[str, Sequence[str]]) -> JointSpec:
    with located("joint"):
        table = _Table(value, required={"axes", *_FIGURES}, optional=set())
        axes = table.texts("axes")
        if not axes:
            raise ElectorateError("no axis is named", remedy="name the axes of the table")
        if unknown := [axis for axis in axes if axis not in groups]:
            known = ", ".join(groups)
            raise ElectorateError(f'unknown axis "{unknown[0]}"', remedy=f"the axes are: {known}")
        figures = _figures_by_cell(table.rows("figures"), [groups[axis] for axis in axes])
        shares = _shares(list(figures.values()), table.text("unit"))
        return JointSpec(
            axes=axes,
            shares={
                tuple(key_for(group) for group in cell): share
                for cell, share in zip(figures, shares, strict=True)
            },
            source=table.text("source"),
        )


def _figures_by_cell(
    rows: Sequence[Any], groups: Sequence[Sequence[str]]
) -> dict[tuple[str, ...], object]:
    """The figure of each combination of group names, which must all be there, each once."""
    *heads, last = groups
    wanted = set(itertools.product(*heads))
    figures: dict[tuple[str, ...], object] = {}
    for number, row in enumerate(rows, start=1):
        with located(f"row {number}"):
            if not isinstance(row, list) or not row or not isinstance(row[-1], list):
                raise ElectorateError(
                    "a row is one group of each axis but the last, then a list of figures",
                    remedy='write it as ["18-24", "Female", [1, 2, 3]]',
                )
            head = tuple(str(group) for group in row[:-1])
            if head not in wanted:
                raise ElectorateError(
                    f"{head} is unknown, or there already",
                    remedy="give each combination of groups one row",
                )
            wanted.remove(head)
            _check_length(row[-1], last)
            figures |= {(*head, group): figure for group, figure in zip(last, row[-1], strict=True)}
    if wanted:
        raise ElectorateError(
            f"no row for {min(wanted)}", remedy="add it, with figures of 0 if need be"
        )
    return figures


def _shares(figures: Sequence[object], unit: str) -> list[float]:
    """Published figures as shares; those whose unit is not `share` are normalised to 1."""
    if unit not in UNITS:
        raise ElectorateError(f'unknown unit "{unit}"', remedy=f"allowed are: {', '.join(UNITS)}")
    numbers = [_number(figure) for figure in figures]
    if unit == "share":
        return numbers
    total = math.fsum(numbers)
    if unit == "percent" and abs(total - 100) > PERCENT_TOLERANCE:
        raise ElectorateError(
            f"percentages add up to {total:g}, not about 100", remedy="check that none is missing"
        )
    if total <= 0:
        raise ElectorateError("all figures are 0", remedy="enter the published figures")
    return [number / total for number in numbers]


def _number(figure: object) -> float:
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        raise ElectorateError(
            f'figure "{figure}" is not a number', remedy="write it without quotes"
        )
    if not math.isfinite(figure) or figure < 0:
        raise ElectorateError(f"figure {figure} is negative or not finite", remedy="correct it")
    return float(figure)


def _check_length(figures: Sequence[object], groups: Sequence[str]) -> None:
    if len(figures) != len(groups):
        raise ElectorateError(
            f"{len(figures)} figures for {len(groups)} groups", remedy="give each group one figure"
        )
