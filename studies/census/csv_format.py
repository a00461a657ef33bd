"""The CSV forms of an electorate: margins, or a joint table.

Margins have the columns `axis, group, share, source`. A joint table has one column for each
axis, and `share, source`. Either may give `population`, in people, in place of `share`; where
both are there the share counts. Axes and groups keep the order of their first appearance.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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

_MEASURES = ("share", "population")
_RESERVED = {"axis", "group", "source", *_MEASURES}

# Empty ones get an error of their own, or don't matter beside the other measure.
_CHECKED_LATER = {"source", *_MEASURES}


@dataclass(frozen=True)
class _Sheet:
    """A CSV file with its header read: the rows by line number and column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]

    @property
    def measure(self) -> str:
        return next(measure for measure in _MEASURES if measure in self.columns)

    def shares(self, numbers: Sequence[float]) -> list[float]:
        """Populations as shares of their sum; shares as they are."""
        total = math.fsum(numbers)
        if self.measure == "share":
            return list(numbers)
        if total <= 0:
            raise ElectorateError("the populations are all 0", remedy="enter the published ones")
        return [number / total for number in numbers]


class _Sources:
    """The sources that a file names, described by nothing but the text of its source column."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def key_for(self, text: str) -> str:
        if not text:
            raise ElectorateError("every share has a source", remedy="fill the column source")
        return self._keys.setdefault(text, f"source-{len(self._keys) + 1}")

    def specs(self) -> tuple[SourceSpec, ...]:
        return tuple(SourceSpec(key=key, title=text) for text, key in self._keys.items())


def parse_csv(
    text: str, *, where: str, slug: str, name: str, description: str = ""
) -> ElectorateSpec:
    """The electorate that a CSV text describes; `where` names the file in errors."""
    with located(where):
        sheet = _read(text)
        sources = _Sources()
        joint = None
        if "axis" in sheet.columns:
            axes = _axes_from_margins(sheet, sources)
        else:
            joint, axes = _joint_and_axes(sheet, sources)
        return ElectorateSpec(
            slug=slug,
            name=name,
            description=description,
            axes=axes,
            joint=joint,
            sources=sources.specs(),
        )


def _axes_from_margins(sheet: _Sheet, sources: _Sources) -> tuple[AxisSpec, ...]:
    groups: dict[tuple[str, str], dict[str, tuple[str, float, str]]] = {}
    for line, row in sheet.rows:
        with located(f"line {line}"):
            of_axis = groups.setdefault((key_for(row["axis"]), row["axis"]), {})
            key = key_for(row["group"])
            if key in of_axis:
                raise ElectorateError(
                    f'axis "{row["axis"]}" has a group "{row["group"]}" already',
                    remedy="keep one of the two lines",
                )
            share = _number(row[sheet.measure], sheet.measure)
            of_axis[key] = (row["group"], share, sources.key_for(row["source"]))
    axes = []
    for (axis_key, axis), by_key in groups.items():
        with located(f'axis "{axis}"'):
            shares = sheet.shares([share for _, share, _ in by_key.values()])
        specs = (
            GroupSpec(key=key, name=group, share=share, source=source)
            for (key, (group, _, source)), share in zip(by_key.items(), shares, strict=True)
        )
        axes.append(AxisSpec(key=axis_key, name=axis, groups=tuple(specs)))
    return tuple(axes)


def _joint_and_axes(sheet: _Sheet, sources: _Sources) -> tuple[JointSpec, tuple[AxisSpec, ...]]:
    columns = [column for column in sheet.columns if column not in _RESERVED]
    numbers: dict[tuple[str, ...], float] = {}
    names: list[dict[str, str]] = [{} for _ in columns]
    source = ""
    for line, row in sheet.rows:
        with located(f"line {line}"):
            cell = tuple(key_for(row[column]) for column in columns)
            if cell in numbers:
                raise ElectorateError(
                    f"{' × '.join(cell)} is there already", remedy="keep one of the two lines"
                )
            numbers[cell] = _number(row[sheet.measure], sheet.measure)
            for known, key, column in zip(names, cell, columns, strict=True):
                if known.setdefault(key, row[column]) != row[column]:
                    raise ElectorateError(
                        f'"{row[column]}" and "{known[key]}" can hardly be told apart',
                        remedy="write a group the same everywhere",
                    )
            source = _same_source(source, sources.key_for(row["source"]))
    shares = zip(numbers, sheet.shares(list(numbers.values())), strict=True)
    joint = JointSpec(
        axes=tuple(key_for(column) for column in columns), shares=dict(shares), source=source
    )
    axes = (
        _axis_of_joint(joint, column, known) for column, known in zip(columns, names, strict=True)
    )
    return joint, tuple(axes)


def _axis_of_joint(joint: JointSpec, name: str, groups: dict[str, str]) -> AxisSpec:
    margin = joint.margin(key_for(name))
    specs = (
        GroupSpec(key=key, name=group, share=margin[key], source=joint.source)
        for key, group in groups.items()
    )
    return AxisSpec(key=key_for(name), name=name, groups=tuple(specs))


def _same_source(known: str, source: str) -> str:
    if known and source != known:
        raise ElectorateError(
            "a joint table has one source, and the lines above name another",
            remedy="name both in the same words on every line",
        )
    return source


def _read(text: str) -> _Sheet:
    lines = _lines(text)
    try:
        line, header = next(lines)
    except StopIteration:
        raise ElectorateError("the file is empty", remedy="add a header and rows") from None
    with located(f"line {line}"):
        columns = tuple(_column(name) for name in header)
        _check_columns(columns)
    rows = []
    for line, values in lines:
        with located(f"line {line}"):
            if len(values) != len(columns):
                raise ElectorateError(
                    f"{len(values)} values for {len(columns)} columns",
                    remedy='put values that hold a comma in "quotes"',
                )
            row = dict(zip(columns, values, strict=True))
            if blank := [name for name in columns if name not in _CHECKED_LATER and not row[name]]:
                raise ElectorateError(f'column "{blank[0]}" is empty', remedy="fill it")
        rows.append((line, row))
    if not rows:
        raise ElectorateError("the file has a header and no rows", remedy="add the shares")
    return _Sheet(columns=columns, rows=tuple(rows))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, each with the number of the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    begin = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield begin, [value.strip() for value in values]
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ElectorateError(
            f"not CSV: {error}", where=f"line {begin}", remedy="look for a quote left open"
        ) from error


def _column(name: str) -> str:
    # "Population" as an axis of its own, with a group for each number, helps nobody.
    return name.casefold() if name.casefold() in _RESERVED else name


def _check_columns(columns: Sequence[str]) -> None:
    check_unique(columns, "column")
    remedy = "columns are axis, group, share, source; or one for each axis, and share, source"
    if not any(measure in columns for measure in _MEASURES):
        raise ElectorateError("there is no column share", remedy=remedy)
    if "source" not in columns:
        raise ElectorateError("every share has a source: add a column source", remedy=remedy)
    if ("axis" in columns) != ("group" in columns):
        raise ElectorateError("of the columns axis and group one is missing", remedy=remedy)
    others = [column for column in columns if column not in _RESERVED]
    if "axis" in columns and others:
        raise ElectorateError(f'unknown column "{others[0]}" beside axis and group', remedy=remedy)
    if "axis" not in columns and not others:
        raise ElectorateError("there is no column of an axis", remedy=remedy)


def _number(text: str, measure: str) -> float:
    try:
        # Python reads 1_000 as a number; a person who meant 1.000 has to hear of it.
        number = float("nan" if "_" in text else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        example = "a fraction such as 0.25" if measure == "share" else "digits such as 125000"
        raise ElectorateError(f'{measure} "{text}" is not a number', remedy=f"write {example}")
    if number < 0:
        raise ElectorateError(f"{measure} {text} is negative", remedy="write 0 or more")
    return number
