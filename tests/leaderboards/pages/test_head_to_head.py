"""Who has the better of whom: shares, intervals and what is coloured."""

import pytest

from leaderboards.pages.head_to_head import Battles, Record, finding, matrix
from studies.models import Contestant
from tests.leaderboards.pages.rows import row

BATTLES = Battles(
    contestants=("ash", "fir", "oak"),
    wins=((0, 18, 5), (2, 0, 0), (5, 0, 0)),
    ties=((0, 0, 2), (0, 0, 0), (2, 0, 0)),
)


def rows(*names: str) -> list[object]:
    return [
        row(name, n, n, n, contestant=Contestant(pk=n, slug=name.lower()))
        for n, name in enumerate(names, start=1)
    ]


def test_a_tie_counts_half_and_a_record_is_seen_from_both_sides() -> None:
    mine, theirs = BATTLES.between("ash", "oak"), BATTLES.between("oak", "ash")
    assert (mine.wins, mine.ties, mine.losses) == (5, 2, 5)
    assert mine.share.share == theirs.share.share == 0.5
    assert BATTLES.between("ash", "nobody") == Record(0, 0, 0)


@pytest.mark.parametrize(
    ("record", "lead"),
    [(Record(18, 0, 2), 1), (Record(2, 0, 18), -1), (Record(6, 0, 4), 0), (Record(1, 0, 0), 0)],
)
def test_a_lead_is_one_only_where_the_interval_does_not_hold_one_half(
    record: Record, lead: int
) -> None:
    assert record.lead == lead


def test_the_matrix_colours_leads_and_leaves_pairs_that_never_met_empty() -> None:
    lines = matrix(rows("Ash", "Fir", "Oak"), BATTLES)  # type: ignore[arg-type]
    styles = [[cell and cell.style for cell in line.cells] for line in lines]
    assert styles == [[None, "up-3", ""], ["down-3", None, None], ["", None, None]]
    cell = lines[0].cells[1]
    assert cell is not None
    assert (cell.battles, cell.hint) == (20, "18 won, 0 ties, 2 lost")
    assert finding(lines) == "1 of 2 pairs that met is told apart by their own battles"
    assert finding(matrix(rows("Fir", "Oak"), BATTLES)) == "No two contestants have met"  # type: ignore[arg-type]
