"""Reads how the places of contestants changed over the boards of a study."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.charts import Head, Line, Lines, Moment, Placed, Range, apart
from leaderboards.pages.words import day_and_time, rank_text, signed
from leaderboards.ranking.boards import Scope
from studies.models import Study


@dataclass(frozen=True)
class History:
    """The page of history; without `chart` there is one board, or none ranks this dimension."""

    entry: PastBoard
    section: BoardSection
    dimensions: tuple[Option, ...]
    boards: int
    chart: Lines | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_history(
    study: Study, entry: PastBoard, past: Sequence[PastBoard], choice: Choice
) -> History:
    """Read the page of history. Raises NothingToRankError for a dimension the board lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    found = read_past(study, section.dimension_key)
    # The oldest first; a board without a table of this dimension has no column.
    boards = [each for each in reversed(past) if each.board.pk in found]
    return History(
        entry=entry,
        section=section,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        boards=len(boards),
        chart=chart_of_history(study, boards, found) if len(boards) > 1 else None,
    )


def read_past(study: Study, dimension: str) -> dict[UUID, dict[int, BoardRow]]:
    """All boards' rows of everybody on a dimension, by board and contestant.

    Everybody is the electorate where a board has one, and else its raters as they came.
    """
    rows = (
        BoardRow.objects.filter(
            section__board__study=study,
            section__dimension_key=dimension,
            section__scope__in=(Scope.ELECTORATE, Scope.SAMPLE),
        )
        .select_related("section", "contestant")
        .order_by("rank")
    )
    by_scope: dict[tuple[UUID, str], dict[int, BoardRow]] = defaultdict(dict)
    for row in rows:
        by_scope[row.section.board_id, row.section.scope][row.contestant_id] = row
    boards = {board for board, _ in by_scope}
    return {
        board: by_scope.get((board, Scope.ELECTORATE)) or by_scope[board, Scope.SAMPLE]
        for board in boards
    }


def chart_of_history(
    study: Study, boards: Sequence[PastBoard], rows: Mapping[UUID, Mapping[int, BoardRow]]
) -> Lines:
    """Every contestant's rank interval on each board, the oldest board first.

    Contestants are in the order of the newest board that stands, and then by name.
    """
    stretches = _stretches(boards)
    order = _order(boards, rows)
    lines = tuple(
        Line(
            row.name,
            reverse("leaderboards:contestant", args=[study.slug, row.contestant.slug]),
            tuple(
                _moment(rows[each.board.pk].get(row.contestant_id), each, stretch)
                for each, stretch in zip(boards, stretches, strict=True)
            ),
        )
        for row in order
    )
    return Lines(
        key="history",
        title=_title(lines),
        reading=(
            _(
                "Each panel is a contestant, each upright bar where its rank lies on one "
                "board with 95 % probability, better further up, the oldest board to the "
                "left. Boards share battles: later ones hold those of earlier ones. No "
                "line joins boards of different engines, for these measure differently, "
                "nor a board that was withdrawn, which is hollow and grey like a "
                "provisional place."
            )
        ),
        contestants=max(row.rank_high for table in rows.values() for row in table.values()),
        heads=tuple(
            _head(study, each, is_change=k > 0 and stretch != stretches[k - 1])
            for k, (each, stretch) in enumerate(zip(boards, stretches, strict=True))
        ),
        lines=lines,
    )


def _stretches(boards: Sequence[PastBoard]) -> list[int]:
    """Numbers of the runs of boards by one engine."""
    found: list[int] = []
    for k, each in enumerate(boards):
        is_change = k > 0 and each.board.engine != boards[k - 1].board.engine
        found.append((found[-1] if found else 0) + is_change)
    return found


def _order(
    boards: Sequence[PastBoard], rows: Mapping[UUID, Mapping[int, BoardRow]]
) -> list[BoardRow]:
    standing = [each for each in boards if each.is_standing] or list(boards)
    newest = list(rows[standing[-1].board.pk].values())
    known = {row.contestant_id for row in newest}
    gone = {
        row.contestant_id: row
        for each in boards
        for row in rows[each.board.pk].values()
        if row.contestant_id not in known
    }
    return newest + sorted(gone.values(), key=lambda row: row.name)


def _moment(row: BoardRow | None, entry: PastBoard, stretch: int) -> Moment | None:
    if row is None:
        return None
    ranks = rank_text(row.rank_low, row.rank_high)
    scores = _("%(score_low)s to %(score_high)s") % {
        "score_low": signed(row.score_low),
        "score_high": signed(row.score_high),
    }
    return Moment(
        text=_("%(ranks)s, provisional") % {"ranks": ranks}
        if row.is_provisional
        else f"{ranks} ({scores})",
        ranks=Range(row.rank, row.rank_low, row.rank_high),
        is_doubtful=row.is_provisional or entry.is_withdrawn,
        stretch=stretch,
    )


def _head(study: Study, entry: PastBoard, *, is_change: bool) -> Head:
    state = _("withdrawn") if entry.is_withdrawn else _("superseded")
    state = _("stands") if entry.is_standing else state
    board = entry.board
    return Head(
        name=day_and_time(board.taken_at),
        note=f"{board.get_engine_display()}, {state}",
        address=reverse("leaderboards:board", args=[study.slug, board.pk]),
        is_change=is_change,
    )


def _title(lines: Sequence[Line]) -> str:
    """Whose place clearly changed over boards of one engine that stand or stood."""
    moved = sum(_has_moved(line) for line in lines)
    if not moved:
        return _("No contestant’s place has clearly changed over the boards of this study")
    return _(
        "The place of %(moved)s of %(lines)s contestants has clearly changed over the "
        "boards of this study"
    ) % {"moved": moved, "lines": len(lines)}


def _has_moved(line: Line) -> bool:
    stretches: dict[int, list[Placed]] = defaultdict(list)
    for moment in line.moments:
        if moment is not None:
            low, high = int(moment.ranks.low), int(moment.ranks.high)
            stretches[moment.stretch].append(Placed("", low, high, is_firm=not moment.is_doubtful))
    return any(apart(placed) is not None for placed in stretches.values())
