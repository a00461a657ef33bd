"""Reads what a screen on a wall shows: one part of one dimension's table, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from django.http import QueryDict
from django.utils.http import urlencode

from leaderboards.models import Board, BoardSection
from leaderboards.pages.board import (
    Choice,
    Contents,
    PastBoard,
    read_contents,
    read_rows,
)
from leaderboards.pages.tables import Table, TableRow, table
from leaderboards.pages.words import verdict
from studies.models import Study

# A table is read across a room: so long, and with so many lines at once.
SECONDS_ON_THE_WALL: Final = 30
MOST_LINES: Final = 14


@dataclass(frozen=True)
class Turn:
    """What the address asks for: a dimension to stay with, or all in turn."""

    dimension: str
    number: int

    @classmethod
    def parse(cls, query: QueryDict) -> "Turn":
        """Read the query of an address; what is no number is the first turn."""
        number = query.get("turn", "")
        is_number = number.isascii() and number.isdigit() and len(number) < len("1000000")
        return cls(query.get("dimension", ""), int(number) if is_number else 0)

    @property
    def next_query(self) -> str:
        """The query of the turn after it; after the last of a board comes its first again."""
        named = {"dimension": self.dimension} if self.dimension else {}
        return f"?{urlencode(named | {'turn': self.number + 1})}"


@dataclass(frozen=True)
class Wall:
    """One turn of the wall: a table, or so much of it as can be read from afar.

    `rows` are those of the table that are shown, `first` to `last` of `contestants`.
    """

    entry: PastBoard
    section: BoardSection
    verdict: str
    table: Table | None
    rows: tuple[TableRow, ...]
    first: int
    last: int
    contestants: int

    @property
    def board(self) -> Board:
        return self.entry.board


def read_wall(study: Study, entry: PastBoard, turn: Turn) -> Wall:
    """Read a turn of the wall. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    sections = _sections(contents, turn)
    rows_of = read_rows(sections)
    turns = [
        (section, part)
        for section in sections
        for part in range(max(ceil(len(rows_of[section.pk]) / MOST_LINES), 1))
    ]
    section, part = turns[turn.number % len(turns)]
    rows = rows_of[section.pk]
    shown = table(rows)
    parts = sum(each is section for each, _ in turns)
    first, last = part_ends(len(rows), parts, part)
    return Wall(
        entry=entry,
        section=section,
        verdict=verdict(rows),
        table=shown,
        rows=shown.rows[first:last] if shown else (),
        first=first + 1,
        last=last,
        contestants=len(rows),
    )


def _sections(contents: Contents, turn: Turn) -> Sequence[BoardSection]:
    """The dimensions in turn, the overall one first, or the one that was asked for."""
    if turn.dimension:
        return [contents.choose(Choice(turn.dimension))]
    first = contents.default_of(contents.default_dimension)
    return [first, *(each for each in contents.defaults if each != first)]


def part_ends(rows: int, parts: int, part: int) -> tuple[int, int]:
    """From which line to which a part of a table goes, all parts about as long."""
    return rows * part // parts, rows * (part + 1) // parts
