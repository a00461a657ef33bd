"""A table of a board as its page shows it: positions on the common axis, tiers, marks. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.models import BoardRow, BoardSection
from leaderboards.pages.words import (
    PERCENT,
    percent,
    probability,
    provisional_notes,
    rank_text,
    signed,
    tiers,
)
from raters.models import Rating

TICKS: Final = 5
MARGIN: Final = 0.04
# Shifts of this many places or more look the same.
MAX_SHIFT_LEVEL: Final = 3


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: its label, and its position as an SVG length."""

    label: str
    position: str


@dataclass(frozen=True)
class Scale:
    """The common axis of a table, from `low` to `high` in the unit of its scores.

    Scores themselves end at `first` and `last`: no tick is beyond.
    """

    low: float
    high: float
    average: float
    first: float = -math.inf
    last: float = math.inf

    @classmethod
    def of(cls, rows: Sequence[BoardRow]) -> "Scale":
        """The axis that holds every interval of the rows, and some air beside it."""
        low = min(row.score_low for row in rows)
        high = max(row.score_high for row in rows)
        air = (high - low) * MARGIN or 1.0
        ends = (Rating.LOWEST, Rating.HIGHEST) if rows[0].is_rating else (-math.inf, math.inf)
        return cls(low - air, high + air, sum(row.score for row in rows) / len(rows), *ends)

    def position(self, value: float) -> str:
        """Where a value stands on the axis, as an SVG length: "12.5%"."""
        return f"{(value - self.low) / (self.high - self.low) * 100:.2f}%"

    @property
    def average_position(self) -> str:
        """Where the average contestant stands."""
        return self.position(self.average)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Three to some six round numbers on the axis."""
        step = _round_step((self.high - self.low) / TICKS)
        decimals = max(0, -math.floor(math.log10(step)))
        first = math.ceil(max(self.low, self.first) / step)
        last = math.floor(min(self.high, self.last) / step)
        return tuple(
            Tick(signed(n * step, decimals=decimals), self.position(n * step))
            for n in range(first, last + 1)
        )


@dataclass(frozen=True)
class TableRow:
    """One contestant in a table; lengths are positions on the table's scale.

    Where it was rated, `mean` is the mean rating and there are no ties.
    """

    rank: str
    name: str
    slug: str
    developer: str
    begins_tier: bool
    is_provisional: bool
    withdrawn_at: datetime | None
    withdrawal_reason: str
    low: str
    middle: str
    high: str
    score: str
    mean: str
    win_share: str
    p_best: str
    battles: int
    ties: int | None


@dataclass(frozen=True)
class Table:
    """A section's rows on one axis."""

    scale: Scale
    rows: tuple[TableRow, ...]
    provisional_notes: tuple[str, ...]
    has_withdrawn: bool
    is_of_ratings: bool


def table(rows: Sequence[BoardRow]) -> Table | None:
    """The table of rows in order of rank; None of no rows. Contestants must be loaded."""
    if not rows:
        return None
    scale = Scale.of(rows)
    firsts = {id(tier[0]) for tier in tiers(rows)}
    shown = tuple(_table_row(row, scale, begins_tier=id(row) in firsts) for row in rows)
    return Table(
        scale=scale,
        rows=shown,
        provisional_notes=provisional_notes(rows),
        has_withdrawn=any(row.withdrawn_at for row in shown),
        is_of_ratings=rows[0].is_rating,
    )


def _table_row(row: BoardRow, scale: Scale, *, begins_tier: bool) -> TableRow:
    low, high = signed(row.score_low), signed(row.score_high)
    value = signed(row.score)
    return TableRow(
        rank=rank_text(row.rank_low, row.rank_high),
        name=row.name,
        slug=row.contestant.slug,
        developer=row.developer,
        begins_tier=begins_tier,
        is_provisional=row.is_provisional,
        withdrawn_at=row.contestant.withdrawn_at,
        withdrawal_reason=row.contestant.withdrawal_reason,
        low=scale.position(row.score_low),
        middle=scale.position(row.score),
        high=scale.position(row.score_high),
        score=_("Mean rating %(value)s, 95%(percent)s interval %(low)s to %(high)s")
        % {"value": value, "percent": PERCENT, "low": low, "high": high}
        if row.is_rating
        else _("Score %(value)s, 95%(percent)s interval %(low)s to %(high)s")
        % {"value": value, "percent": PERCENT, "low": low, "high": high},
        mean=signed(row.score) if row.is_rating else "",
        win_share=percent(row.win_share),
        p_best=probability(row.p_best),
        battles=row.battles,
        ties=row.ties,
    )


def _round_step(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if step <= m * power * (1 + 1e-9))


@dataclass(frozen=True)
class OverviewColumn:
    """A group in the overview of an axis."""

    key: str
    name: str
    raters: int


@dataclass(frozen=True)
class OverviewCell:
    """A contestant's rank in one group.

    `shift` is by how many places it stands higher (above 0) than overall, where the two rank
    intervals don't overlap; `mark` and `hint` say it to the eye and in words.
    """

    rank: str
    is_provisional: bool
    shift: int
    mark: str
    hint: str
    style: str


@dataclass(frozen=True)
class OverviewRow:
    """A contestant in the overview: its rank overall and in each group (None: no ranking)."""

    name: str
    overall: str
    cells: tuple[OverviewCell | None, ...]


@dataclass(frozen=True)
class Overview:
    """Contestants by the groups of one axis.

    `rank_shift` is the mean distance, in places, between a rank in a group and overall.
    """

    axis_name: str
    columns: tuple[OverviewColumn, ...]
    rows: tuple[OverviewRow, ...]
    rank_shift: float


def overview(
    overall: Sequence[BoardRow],
    groups: Sequence[BoardSection],
    rows_of: Mapping[int, Sequence[BoardRow]],
) -> Overview | None:
    """The overview of one axis: overall rows in order of rank, its sections, their rows by key.

    None where nothing is ranked overall or there are no groups.
    """
    if not overall or not groups:
        return None
    columns = [{row.contestant_id: row for row in rows_of.get(g.pk, ())} for g in groups]
    distances = [
        abs(column[row.contestant_id].rank - row.rank)
        for row in overall
        for column in columns
        if row.contestant_id in column
    ]
    return Overview(
        axis_name=groups[0].axis_name,
        columns=tuple(OverviewColumn(g.group_key, g.group_name, g.raters) for g in groups),
        rows=tuple(
            OverviewRow(
                name=row.name,
                overall=rank_text(row.rank_low, row.rank_high),
                cells=tuple(
                    overview_cell(column.get(row.contestant_id), row) for column in columns
                ),
            )
            for row in overall
        ),
        rank_shift=sum(distances) / len(distances) if distances else 0.0,
    )


def rank_distance(row: BoardRow, overall: BoardRow) -> int:
    """By how many places a row stands higher than another; 0 where the rank intervals meet."""
    is_apart = row.rank_low > overall.rank_high or row.rank_high < overall.rank_low
    return overall.rank - row.rank if is_apart else 0


def shift_hint(shift: int) -> str:
    """By how many places a place stands higher than overall, in words; empty for none."""
    if shift > 0:
        return ngettext(
            "%(shift)s place higher than overall", "%(shift)s places higher than overall", shift
        ) % {"shift": shift}
    if shift:
        return ngettext(
            "%(shift)s place lower than overall", "%(shift)s places lower than overall", -shift
        ) % {"shift": -shift}
    return ""


def overview_cell(row: BoardRow | None, overall: BoardRow) -> OverviewCell | None:
    """A row beside another of the same contestant; None of no ranking."""
    if row is None:
        return None
    shift = rank_distance(row, overall)
    direction = "up" if shift > 0 else "down"
    return OverviewCell(
        rank=rank_text(row.rank_low, row.rank_high),
        is_provisional=row.is_provisional,
        shift=shift,
        mark=f"{'▲' if shift > 0 else '▼'}{abs(shift)}" if shift else "",
        hint=shift_hint(shift),
        style=f"{direction}-{min(abs(shift), MAX_SHIFT_LEVEL)}" if shift else "",
    )
