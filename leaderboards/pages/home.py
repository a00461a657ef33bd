"""Reads what the home page shows of each study: its latest board in one line."""

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.board import Contents
from leaderboards.pages.words import verdict
from leaderboards.ranking.boards import Scope
from studies.models import Dimension, Study


@dataclass(frozen=True)
class StudyCard:
    """A study on the home page; `board` is the one that is stood by, if any."""

    study: Study
    board: Board | None
    verdict: str
    refusal: str


def read_cards(studies: Iterable[Study]) -> list[StudyCard]:
    """The studies with their boards' verdicts, in four queries however many there are."""
    studies = list(studies)
    boards: dict[int, Board] = {}
    standing = Board.objects.standing().filter(study__in=studies)
    for board in standing.defer("document").order_by("taken_at"):
        boards[board.study_id] = board
    overall = dict(
        Dimension.objects.filter(study__in=studies, is_overall=True).values_list("study", "key")
    )
    sections: dict[object, list[BoardSection]] = {}
    of_everybody = BoardSection.objects.exclude(scope=Scope.GROUP)
    for section in of_everybody.filter(board__in=boards.values()).order_by("pk"):
        sections.setdefault(section.board_id, []).append(section)
    chosen = {
        key: contents.default_of(contents.default_dimension)
        for key, board in boards.items()
        if (contents := Contents(tuple(sections.get(board.pk, ())), overall.get(key, ""))).sections
    }
    rows: dict[int, list[BoardRow]] = {}
    for row in BoardRow.objects.filter(section__in=chosen.values()).order_by("rank"):
        rows.setdefault(row.section_id, []).append(row)
    return [_card(study, boards.get(study.pk), chosen.get(study.pk), rows) for study in studies]


def _card(
    study: Study,
    board: Board | None,
    section: BoardSection | None,
    rows: dict[int, list[BoardRow]],
) -> StudyCard:
    if section is None:
        return StudyCard(study, board, verdict="", refusal="")
    return StudyCard(study, board, verdict(rows.get(section.pk, ())), section.refusal)
