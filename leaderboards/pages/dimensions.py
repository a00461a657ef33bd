"""Reads how the dimensions of a board put the contestants in different orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents, read_rows
from leaderboards.pages.charts import Bar, Chart, Point, Range, Scatter
from leaderboards.pages.orders import Agreement, agreement, of_agreements, orders_apart
from leaderboards.pages.tables import OverviewCell, overview_cell, rank_distance
from leaderboards.pages.words import percent, rank_text
from studies.models import Study

# Where there are more, only those that stand apart are named in the drawing.
MOST_NAMED: Final = 12

Pair = tuple[BoardSection, BoardSection, Agreement | None]


@dataclass(frozen=True)
class DimensionColumn:
    """A dimension in the table of ranks, and the raters who answered it."""

    name: str
    query: str
    raters: int


@dataclass(frozen=True)
class DimensionLine:
    """A contestant's rank intervals, that on the first dimension and those on the others."""

    row: BoardRow
    rank: str
    cells: tuple[OverviewCell | None, ...]


@dataclass(frozen=True)
class Dimensions:
    """The dimensions of a board against each other; without `pairs` nothing can be compared.

    `options` are all of them, and `across` and `up` the keys of those in the scatter. The first of
    `columns` is the overall one, if there is.
    """

    entry: PastBoard
    options: tuple[Option, ...]
    across: str
    up: str
    refusals: tuple[str, ...]
    finding: str
    pairs: Chart | None
    scatter: Scatter | None
    columns: tuple[DimensionColumn, ...]
    lines: tuple[DimensionLine, ...]

    @property
    def board(self) -> Board:
        return self.entry.board


def read_dimensions(study: Study, entry: PastBoard, choice: Choice) -> Dimensions:
    """Read the page of dimensions. Raises NothingToRankError for one that the board lacks."""
    contents = read_contents(study, entry.board)
    first = contents.choose(Choice(choice.dimension))
    asked = contents.choose(Choice(choice.against)) if choice.against else None
    sections = contents.defaults
    rows_of = read_rows(sections)
    others = [section for section in sections if section != first]
    orders = orders_apart([rows_of[section.pk] for section in sections])
    found = [
        (sections[i], sections[j], agreement(orders[i], orders[j]))
        for i, j in combinations(range(len(sections)), 2)
    ]
    # Where nobody chose: the one that differs most from it.
    second = asked if asked in others else _furthest(first, found)
    baseline = contents.default_of(contents.default_dimension)
    ordered = [baseline, *(section for section in sections if section != baseline)]
    pairs = chart_of_pairs(found)
    return Dimensions(
        entry=entry,
        options=contents.dimension_options(Choice(first.dimension_key)),
        across=first.dimension_key,
        up=second.dimension_key if second else "",
        refusals=tuple(f"{s.dimension_name}: {s.refusal}" for s in sections if s.refusal),
        finding=pairs.title if pairs else "",
        pairs=pairs,
        scatter=chart_of_scores(study, first, second, rows_of) if second else None,
        columns=tuple(
            DimensionColumn(s.dimension_name, Choice(s.dimension_key).query, s.raters)
            for s in ordered
        ),
        lines=rank_lines(rows_of[baseline.pk], [rows_of[s.pk] for s in ordered[1:]]),
    )


def _furthest(first: BoardSection, found: Sequence[Pair]) -> BoardSection | None:
    """The dimension that agrees least with one; None where there is no other."""
    others = [
        (other if one == first else one, agreed)
        for one, other, agreed in found
        if first in (one, other)
    ]
    furthest = min(others, key=lambda each: each[1].middle if each[1] else 1.0, default=None)
    return furthest[0] if furthest else None


def chart_of_pairs(pairs: Sequence[Pair]) -> Chart | None:
    """How far each two dimensions agree; None where of no two it can be said."""
    bars = []
    for one, other, agreed in pairs:
        name = _("%(one)s and %(other)s") % {
            "one": one.dimension_name,
            "other": other.dimension_name,
        }
        query = Choice(one.dimension_key, against=other.dimension_key).query
        if agreed is None:
            bars.append(Bar(name, (_("not enough data"), "–", "–"), address=query))
            continue
        cells = (agreed.words, agreed.tau, f"{agreed.contestants}")
        bars.append(Bar(name, cells, agreed.middle, agreed.low, agreed.high, address=query))
    if not any(bar.is_drawn for bar in bars):
        return None
    return of_agreements(
        "pairs",
        _title_of_pairs(bars),
        _(
            "Of all pairs of contestants, how many stand in the same order on both "
            "dimensions: all would be one order, half none in common. The bar holds 95 % "
            "of draws from both tables’ intervals, the dot their median. Where contestants "
            "are close, chance turns pairs round, so that no bar reaches 100 % for "
            "certain. The same raters answered on all dimensions in the same battles: what "
            "their mood did to both is not in the bars."
        ),
        (_("Dimensions"), _("Pairs in the same order"), _("Kendall’s τ"), _("Contestants")),
        tuple(bars),
    )


def _title_of_pairs(bars: Sequence[Bar]) -> str:
    drawn = [(bar.name, bar.low or 0.0, bar.high or 0.0) for bar in bars if bar.is_drawn]
    if len(drawn) == 1:
        ((name, low, high),) = drawn
        return _("%(name)s put %(low)s to %(high)s of pairs in the same order") % {
            "name": name,
            "low": percent(low),
            "high": percent(high),
        }
    most, least = max(drawn, key=lambda each: each[1]), min(drawn, key=lambda each: each[2])
    if most[1] > least[2]:
        return _("%(least)s agree less than %(most)s") % {"least": least[0], "most": most[0]}
    return _("No two dimensions agree clearly less than two others")


def chart_of_scores(
    study: Study,
    first: BoardSection,
    second: BoardSection,
    rows_of: Mapping[int, Sequence[BoardRow]],
) -> Scatter | None:
    """Contestants by their scores on two dimensions; None where one has no ranking."""
    across = {row.contestant_id: row for row in rows_of[first.pk]}
    both = [
        (across[row.contestant_id], row)
        for row in rows_of[second.pk]
        if row.contestant_id in across
    ]
    if not both:
        return None
    both.sort(key=lambda pair: pair[0].rank)
    points = tuple(_point(study, one, other, len(both)) for one, other in both)
    firm = [pair for pair, point in zip(both, points, strict=True) if not point.is_doubtful]
    moved = sum(bool(rank_distance(one, other)) for one, other in firm)
    names = _("%(first)s and %(second)s") % {
        "first": first.dimension_name,
        "second": second.dimension_name,
    }
    title = _("On %(names)s, no contestant’s places are clearly apart") % {"names": names}
    if moved:
        contestants = ngettext(
            "%(moved)s of %(firm)s contestant", "%(moved)s of %(firm)s contestants", len(firm)
        ) % {"moved": moved, "firm": len(firm)}
        title = _("On %(names)s, the places of %(contestants)s are clearly apart") % {
            "names": names,
            "contestants": contestants,
        }
    return Scatter(
        key="scores",
        title=title,
        reading=(
            _(
                "Each cross is a contestant: its arms are the 95 % intervals of its two "
                "scores, better to the right and further up. Places are apart only where "
                "the two rank intervals do not meet. Hollow and grey is provisional."
            )
        ),
        labels=(first.dimension_name, second.dimension_name),
        heads=(
            _("Contestant"),
            _("Rank: %(dimension_name)s") % {"dimension_name": first.dimension_name},
            _("Rank: %(dimension_name)s") % {"dimension_name": second.dimension_name},
        ),
        points=points,
    )


def _point(study: Study, one: BoardRow, other: BoardRow, contestants: int) -> Point:
    is_doubtful = one.is_provisional or other.is_provisional
    is_apart = not is_doubtful and bool(rank_distance(one, other))
    cells = tuple(rank_text(row.rank_low, row.rank_high) for row in (one, other))
    return Point(
        name=one.name,
        cells=(*cells[:-1], _("%(cells)s, provisional") % {"cells": cells[-1]})
        if is_doubtful
        else cells,
        across=Range(one.score, one.score_low, one.score_high),
        up=Range(other.score, other.score_low, other.score_high),
        is_named=is_apart or contestants <= MOST_NAMED,
        is_doubtful=is_doubtful,
        address=reverse("leaderboards:contestant", args=[study.slug, one.contestant.slug]),
    )


def rank_lines(
    overall: Sequence[BoardRow], others: Sequence[Sequence[BoardRow]]
) -> tuple[DimensionLine, ...]:
    """Contestants in the order of the first dimension, with their cells on the others."""
    columns = [{row.contestant_id: row for row in rows} for rows in others]
    return tuple(
        DimensionLine(
            row,
            rank_text(row.rank_low, row.rank_high),
            tuple(overview_cell(column.get(row.contestant_id), row) for column in columns),
        )
        for row in overall
    )
