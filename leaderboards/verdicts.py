"""Reads a study's verdicts from the database into arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan
from numpy.typing import NDArray

from leaderboards.ranking.boards import (
    BoardInput,
    DimensionInput,
    Engine,
    GroupShare,
    axis_of_each,
)
from leaderboards.ranking.hierarchical_cells import NO_ELECTORATE, Cells
from leaderboards.ranking.outcomes import A_WINS, B_WINS, OUTCOMES, TIE, FloatArray, IntArray
from raters.models import Outcome, Verdict
from studies.models import CellGroup, Contestant, Dimension, Group, Study

FETCH_ROWS: Final = 100_000

OUTCOME_CODE = Case(
    When(outcome=Outcome.A, then=Value(A_WINS)),
    When(outcome=Outcome.TIE, then=Value(TIE)),
    When(outcome=Outcome.B, then=Value(B_WINS)),
    output_field=IntegerField(),
)
ROW = (
    "dimension_id",
    # Raters of a study without an electorate are in no cell.
    Coalesce("battle__participation__cell_id", Value(0)),
    "battle__side_a_id",
    "battle__side_b_id",
)


@dataclass(frozen=True)
class Frame:
    """A study's contestants (by slug), dimensions and groups, in the order of every array.

    `cell_ids` (C,) is sorted; `groups_of_cell` (C, A) holds the group of each cell on each axis,
    and `cell_shares` (C,) its share.
    A study without an electorate has neither groups nor cells.
    """

    study: Study
    contestants: tuple[Contestant, ...]
    dimensions: tuple[Dimension, ...]
    groups: tuple[Group, ...]
    cell_ids: IntArray
    groups_of_cell: IntArray
    cell_shares: FloatArray

    @classmethod
    def of(cls, study: Study) -> "Frame":
        """Read the frame of a study."""
        groups = tuple(
            Group.objects.filter(axis__electorate__studies=study)
            .select_related("axis", "source")
            .order_by("axis__position", "position")
        )
        place = {group.pk: g for g, group in enumerate(groups)}
        rows = list(
            CellGroup.objects.filter(cell__electorate__studies=study)
            .order_by("cell_id", "axis__position")
            .values_list("cell_id", "group_id", "cell__share")
        )
        share_of = {cell: share for cell, _group, share in rows}
        cell_ids = np.array(list(share_of), np.int64)
        axes = len(rows) // len(cell_ids) if rows else 0
        of_cell = np.array([place[group] for _cell, group, _share in rows], np.int64)
        return cls(
            study=study,
            contestants=tuple(study.contestants.select_related("chat_model").order_by("slug")),
            dimensions=tuple(study.dimensions.order_by("position", "key")),
            groups=groups,
            cell_ids=cell_ids,
            groups_of_cell=of_cell.reshape(len(cell_ids), axes),
            cell_shares=np.array(list(share_of.values())),
        )

    @property
    def group_shares(self) -> tuple[GroupShare, ...]:
        return tuple(GroupShare(g.axis.key, g.key, g.share) for g in self.groups)

    @property
    def cells(self) -> Cells:
        """The electorate's cells, as a ranking knows them."""
        if not self.groups:
            return NO_ELECTORATE
        return Cells(axis_of_each(self.group_shares), self.groups_of_cell, self.cell_shares)

    def tournaments_of(self, cell: IntArray) -> list[IntArray]:
        """The tournaments that verdicts of these cells (V,) belong to: everybody, one an axis."""
        everybody = np.zeros(len(cell), np.int64)
        return [everybody, *(1 + self.groups_of_cell[cell].T if self.groups else ())]


@dataclass(frozen=True)
class Verdicts:
    """V verdicts as indices into a frame, (V,) each; `times` says how often each was given."""

    dimension: IntArray
    cell: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    times: IntArray

    def on(self, dimension: int) -> "Verdicts":
        """The verdicts on one dimension, in the same order."""
        return self.where(self.dimension == dimension)

    def where(self, here: NDArray[np.bool_]) -> "Verdicts":
        """Those that `here` (V,) says, in the same order."""
        return Verdicts(**{field.name: getattr(self, field.name)[here] for field in fields(self)})


def read_counted(frame: Frame, dimensions: Sequence[Dimension]) -> Verdicts:
    """Read the verdicts that count, added up by dimension, cell, pair and outcome."""
    rows = (
        _counting(frame.study, dimensions)
        .order_by()
        .values_list(*ROW, OUTCOME_CODE)
        .annotate(times=Count("pk"))
    )
    return indexed(frame, fetched(rows, width=6))


def read_in_order(
    frame: Frame,
    dimensions: Sequence[Dimension],
    *,
    after: tuple[datetime, int] | None = None,
    until: tuple[datetime, int] | None = None,
) -> Verdicts:
    """Read the verdicts that count one by one, in the order of recording.

    `after` leaves out this verdict and those before it, `until` those after it; both are
    (recorded_at, id).
    """
    verdicts = _counting(frame.study, dimensions).order_by("recorded_at", "pk")
    if after is not None:
        verdicts = verdicts.filter(is_after(*after))
    if until is not None:
        verdicts = verdicts.exclude(is_after(*until))
    return indexed(frame, fetched(verdicts.values_list(*ROW, OUTCOME_CODE, Value(1)), width=6))


def is_after(recorded_at: datetime, pk: int) -> "GreaterThan[Any]":
    """Answers recorded after this one: verdicts or ratings.

    Rows are compared, which is a range of the index: with "or" between its two halves, each chunk
    of many would read again all that came before it.
    """
    there = _Row(Value(recorded_at, DateTimeField()), Value(pk))
    return GreaterThan(_Row(F("recorded_at"), F("pk")), there)


class _Row(Func):
    """Values side by side, which SQL compares one after the other."""

    template = "(%(expressions)s)"
    output_field = DateTimeField()


def read_board_input(
    frame: Frame, engine: Engine, *, dimensions: Sequence[str] | None = None
) -> BoardInput:
    """Read what a board by this engine is computed from; `dimensions` leaves out the others."""
    chosen = [d for d in frame.dimensions if dimensions is None or d.key in dimensions]
    reads_order = engine is Engine.TRUESKILL
    verdicts = (read_in_order if reads_order else read_counted)(frame, chosen)
    raters = _raters(frame, chosen)
    return BoardInput(
        contestants=tuple(contestant.slug for contestant in frame.contestants),
        groups=frame.group_shares,
        cells=frame.cells,
        dimensions=tuple(
            dimension_input(
                frame, dimension, verdicts, raters[dimension.pk], reads_order=reads_order
            )
            for dimension in chosen
        ),
    )


def dimension_input(
    frame: Frame,
    dimension: Dimension,
    verdicts: Verdicts,
    raters: IntArray,
    *,
    reads_order: bool,
) -> DimensionInput:
    """What a dimension's sections are computed from; `raters` (1 + G,) by tournament."""
    on = verdicts.on(frame.dimensions.index(dimension))
    tournaments = frame.tournaments_of(on.cell)
    belongs = np.concatenate(tournaments)
    a, b, outcome, times = (
        np.tile(column, len(tournaments)) for column in (on.a, on.b, on.outcome, on.times)
    )
    if not reads_order:
        belongs, a, b, outcome, times = _added_up(frame, belongs, a, b, outcome, times)
    return DimensionInput(
        key=dimension.key,
        tournament=belongs,
        a=a,
        b=b,
        outcome=outcome,
        times=times,
        crossings=count_crossings(frame, tournaments, on.times),
        raters=raters,
    )


def count_crossings(frame: Frame, tournaments: list[IntArray], times: IntArray) -> IntArray:
    """Count verdicts by two groups of their rater, (G, G), from the tournaments they belong to."""
    groups = len(frame.groups)
    crossings = np.zeros(groups * groups)
    for g in tournaments[1:]:
        for h in tournaments[1:]:
            place = (g - 1) * groups + (h - 1)
            crossings += np.bincount(place, weights=times, minlength=groups * groups)
    return crossings.astype(np.int64).reshape(groups, groups)


def _added_up(frame: Frame, *columns: IntArray) -> tuple[IntArray, ...]:
    """Add up `times`, the last column, over rows that are alike in the others."""
    *keys, times = columns
    contestants = len(frame.contestants)
    shape = (1 + len(frame.groups), contestants, contestants, len(OUTCOMES))
    place = np.ravel_multi_index(tuple(keys), shape)
    counted = np.bincount(place, weights=times, minlength=int(np.prod(shape))).astype(np.int64)
    present = np.flatnonzero(counted)
    return (*np.unravel_index(present, shape), counted[present])


def _raters(frame: Frame, dimensions: Sequence[Dimension]) -> dict[int, IntArray]:
    """How many raters gave a verdict, by dimension and tournament."""
    rows = (
        _counting(frame.study, dimensions)
        .order_by()
        .values_list("dimension_id", "battle__participation__cell_id")
        .annotate(raters=Count("battle__participation", distinct=True))
    )
    tournaments = 1 + len(frame.groups)
    counted: dict[int, IntArray] = {d.pk: np.zeros(tournaments, np.int64) for d in dimensions}
    for dimension, cell, raters in rows:
        counted[dimension][0] += raters
        if frame.groups:
            place = np.searchsorted(frame.cell_ids, cell)
            counted[dimension][1 + frame.groups_of_cell[place]] += raters
    return counted


def _counting(study: Study, dimensions: Sequence[Dimension]) -> QuerySet[Verdict]:
    return Verdict.objects.counting(study).filter(dimension__in=[d.pk for d in dimensions])


def fetched(rows: QuerySet[Any, Any], *, width: int) -> IntArray:
    """The rows as one array (width, V); chunk by chunk, so that few are tuples at a time."""
    chunks = [np.empty((0, width), np.int64)]
    chunks += [np.array(chunk, np.int64) for chunk in _chunks(rows)]
    return np.concatenate(chunks).T


def _chunks(rows: QuerySet[Any, Any]) -> Iterator[list[tuple[int, ...]]]:
    chunk: list[tuple[int, ...]] = []
    for row in rows.iterator(chunk_size=FETCH_ROWS):
        chunk.append(row)
        if len(chunk) == FETCH_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def indexed(frame: Frame, columns: IntArray) -> Verdicts:
    """Rows of a database (6, V) as indices: dimension, cell, sides, outcome, how often."""
    dimension, cell, a, b, outcome, times = columns
    contestants = [contestant.pk for contestant in frame.contestants]
    return Verdicts(
        dimension=positions([d.pk for d in frame.dimensions], dimension),
        cell=np.searchsorted(frame.cell_ids, cell) if frame.groups else cell,
        a=positions(contestants, a),
        b=positions(contestants, b),
        outcome=outcome,
        times=times,
    )


def positions(keys: Sequence[int], column: IntArray) -> IntArray:
    """Where each value of a column (V,) stands among the keys."""
    order = np.argsort(np.array(keys, np.int64))
    found: IntArray = order[np.searchsorted(np.array(keys, np.int64)[order], column)]
    return found
