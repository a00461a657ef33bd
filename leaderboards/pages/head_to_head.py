"""Reads who met whom and how it ended, from the counts that a board was computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards import document
from leaderboards.models import Board, BoardRow
from leaderboards.pages.board import (
    Choice,
    Contents,
    Option,
    PastBoard,
    read_contents,
    read_section_rows,
)
from leaderboards.pages.tables import MAX_SHIFT_LEVEL
from leaderboards.pages.words import battles_in_words, percent
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from raters.quality.agreement import Share, wilson
from studies.models import Study

BOARDS_KEPT: Final = 64
# Shares this far from one half get the next stronger colour.
STEP: Final = 0.1
EVEN: Final = 0.5


@dataclass(frozen=True)
class Record:
    """How one contestant fared against another."""

    wins: int
    ties: int
    losses: int

    @property
    def battles(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def share(self) -> Share:
        """Its share of the points, a tie counting half, with Wilson's 95 % interval.

        A tie varies less than a win and a loss do, so that with ties the interval is on the
        safe side.
        """
        return wilson(self.wins + self.ties / 2, self.battles)

    @property
    def lead(self) -> int:
        """Above 0 if the interval lies above one half, below 0 if it lies below, else 0."""
        share = self.share
        return int(share.low > EVEN) - int(share.high < EVEN)

    @property
    def interval(self) -> str:
        """The interval as text, in per cent: "48–74 %"."""
        low, high = f"{self.share.low * 100:.0f}", percent(self.share.high)
        return f"{low}–{high}"


@dataclass(frozen=True)
class Battles:
    """Battles of everybody, or of a group, on one dimension, by the slugs of K contestants.

    `wins[i][j]` is how often i won against j, on whichever side, and `ties[i][j]` how often they
    tied.
    """

    contestants: tuple[str, ...]
    wins: tuple[tuple[int, ...], ...]
    ties: tuple[tuple[int, ...], ...]

    def between(self, one: str, other: str) -> Record:
        """How `one` fared against `other`; of contestants it does not know, nothing."""
        if one not in self.contestants or other not in self.contestants:
            return Record(0, 0, 0)
        i, j = self.contestants.index(one), self.contestants.index(other)
        return Record(self.wins[i][j], self.ties[i][j], self.wins[j][i])


def read_battles(
    board: Board, dimension: str, *, axis: str = "", group: str = ""
) -> Battles | None:
    """The battles behind a board on one dimension, of everybody or of a group of an axis.

    None where contestants were rated singly, and of a dimension or group that the board lacks.
    """
    return None if board.is_of_ratings else _published(board.pk, axis, group).get(dimension)


@lru_cache(maxsize=BOARDS_KEPT)
def _published(board_id: UUID, axis: str, group: str) -> dict[str, Battles]:
    # Boards never change: of a large document this little part is unpacked once.
    packed = Board.objects.values_list("document", flat=True).get(pk=board_id)
    given = document.unpack(bytes(packed))["input"]
    slugs = tuple(given["contestants"])
    # The first tournament is everybody's, then one of each group.
    tournaments = [("", ""), *((each["axis"], each["key"]) for each in given["groups"])]
    if (axis, group) not in tournaments:
        return {}
    tournament = tournaments.index((axis, group))
    return {each["key"]: _battles(slugs, each, tournament) for each in given["dimensions"]}


def _battles(slugs: tuple[str, ...], dimension: document.Json, of: int) -> Battles:
    names = ("tournament", "a", "b", "outcome", "times")
    tournament, a, b, outcome, times = (np.array(dimension[name], np.int64) for name in names)
    wins, ties = (np.zeros((len(slugs), len(slugs)), np.int64) for _ in range(2))
    inside = tournament == of
    for ended, first, second, counted in (
        (A_WINS, a, b, wins), (B_WINS, b, a, wins), (TIE, a, b, ties), (TIE, b, a, ties),
    ):  # fmt: skip
        here = inside & (outcome == ended)
        np.add.at(counted, (first[here], second[here]), times[here])
    return Battles(slugs, *(tuple(map(tuple, counted.tolist())) for counted in (wins, ties)))


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix; `style` is that of a lead or a lag that is more than chance."""

    share: str
    interval: str
    battles: int
    hint: str
    style: str

    @property
    def counted(self) -> str:
        """Its battles in words."""
        return battles_in_words(self.battles)


@dataclass(frozen=True)
class Line:
    """A contestant's row of the matrix; None is itself, or somebody whom it never met."""

    row: BoardRow
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Matrix:
    """Who has the better of whom on a dimension, in the order of the board."""

    entry: PastBoard
    dimensions: tuple[Option, ...]
    dimension_key: str
    dimension_name: str
    refusal: str
    finding: str
    lines: tuple[Line, ...]

    @property
    def board(self) -> Board:
        return self.entry.board


def read_matrix(study: Study, entry: PastBoard, choice: Choice) -> Matrix:
    """Read the matrix of a board. Raises NothingToRankError for a dimension that it lacks."""
    contents: Contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    rows = read_section_rows(section)
    battles = read_battles(entry.board, section.dimension_key)
    lines = () if battles is None else matrix(rows, battles)
    return Matrix(
        entry=entry,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        dimension_key=section.dimension_key,
        dimension_name=section.dimension_name,
        refusal=section.refusal,
        finding=finding(lines),
        lines=lines,
    )


def matrix(rows: Sequence[BoardRow], battles: Battles) -> tuple[Line, ...]:
    """The matrix of rows in order of rank; their contestants must be loaded."""
    slugs = [row.contestant.slug for row in rows]
    return tuple(
        Line(row, tuple(_cell(battles.between(slug, other)) for other in slugs))
        for row, slug in zip(rows, slugs, strict=True)
    )


def finding(lines: Sequence[Line]) -> str:
    """How many pairs are told apart by their own battles, in words."""
    above = [(i, j) for i, line in enumerate(lines) for j in range(i + 1, len(line.cells))]
    met = [cell for i, j in above if (cell := lines[i].cells[j])]
    if not met:
        return _("No two contestants have met")
    told = sum(bool(cell.style) for cell in met)
    pairs = ngettext("%(met)s pair that met", "%(met)s pairs that met", len(met)) % {
        "met": len(met)
    }
    return ngettext(
        "%(told)s of %(pairs)s is told apart by their own battles",
        "%(told)s of %(pairs)s are told apart by their own battles",
        told,
    ) % {"told": told, "pairs": pairs}


def _cell(record: Record) -> Cell | None:
    if not record.battles:
        return None
    share, lead = record.share, record.lead
    level = min(int(abs(share.share - EVEN) / STEP) + 1, MAX_SHIFT_LEVEL)
    tied = ngettext("%(ties)s tie", "%(ties)s ties", record.ties) % {"ties": record.ties}
    return Cell(
        share=percent(share.share),
        interval=record.interval,
        battles=record.battles,
        hint=_("%(wins)s won, %(tied)s, %(losses)s lost")
        % {"wins": record.wins, "tied": tied, "losses": record.losses},
        style=f"{'up' if lead > 0 else 'down'}-{level}" if lead else "",
    )
