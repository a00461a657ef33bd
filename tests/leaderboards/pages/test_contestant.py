"""A profile's charts: titles that claim no more than the intervals do."""

import pytest

from leaderboards.models import BoardSection
from leaderboards.pages.charts import Placed, apart
from leaderboards.pages.contestant import chart_of_groups, chart_of_rivals, verdict
from leaderboards.pages.head_to_head import Battles
from leaderboards.ranking.boards import Scope
from studies.models import Contestant
from tests.leaderboards.pages.rows import rated, row


def group(pk: int, name: str) -> BoardSection:
    return BoardSection(
        pk=pk, scope=Scope.GROUP, dimension_key="overall", axis_key="age", axis_name="Age",
        group_key=name.lower(), group_name=name, raters=9,
    )  # fmt: skip


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("placed", "expected"),
    [
        ([Placed("x", 1, 2), Placed("y", 3, 4), Placed("z", 2, 3)], ("x", "y")),
        ([Placed("x", 1, 3), Placed("y", 3, 4)], None),
        ([Placed("x", 1, 1, is_firm=False), Placed("y", 3, 4)], None),
        ([], None),
    ],
)
def test_best_and_worst_are_named_only_where_they_do_not_meet(
    placed: list[Placed], expected: tuple[str, str] | None
) -> None:
    found = apart(placed)
    assert (found and tuple(each.name for each in found)) == expected


def test_groups_that_place_it_apart_are_named_with_their_intervals() -> None:
    own = {1: row("Ash", 1, 1, 1), 2: row("Ash", 4, 3, 4)}
    overall = row("Ash", 2, 1, 2)
    found = chart_of_groups(overall, [group(1, "Young"), group(2, "Old")], own, 5)
    assert found.title == "Age: Young (1) places it higher than Age: Old (3–4)"
    assert [bar.cells[:2] for bar in found.bars] == [("1", "not apart"), ("3–4", "2 lower")]
    # The first place is to the right.
    assert (found.start, found.end, found.mark) == (5.5, 0.5, 2.0)


def test_a_group_without_a_ranking_stands_in_the_table_and_is_not_drawn() -> None:
    found = chart_of_groups(row("Ash", 1, 1, 1), [group(1, "Young")], {}, 3)
    (bar,) = found.bars
    assert bar.cells[0] == "not enough data"
    assert not bar.is_drawn
    assert found.title == "No two groups place it clearly apart"


def test_a_provisional_contestant_is_called_so() -> None:
    everybody = BoardSection(scope=Scope.SAMPLE)
    found = verdict(row("Ash", 1, 1, 3, is_provisional=True, losses=0), 4, everybody)
    assert found == "Ash takes places 1–3 of 4, provisionally: it has not lost a battle yet"
    assert verdict(rated("Ash", 1, 1, 1), 4, everybody) == (
        "Ash takes place 1 of 4 in the eyes of the raters as they came"
    )


def test_rivals_are_in_the_order_of_the_board_with_their_battles() -> None:
    names = ("Ash", "Fir", "Oak")
    rows = [
        row(name, n, n, n, contestant=Contestant(pk=n, slug=name.lower()))
        for n, name in enumerate(names, start=1)
    ]
    battles = Battles(("ash", "fir", "oak"), ((0, 30, 0), (2, 0, 0), (0, 0, 0)), ((0,) * 3,) * 3)
    found = chart_of_rivals(rows[0], rows, battles)
    assert found is not None
    assert found.title == "It has the better of 1 and the worse of 0 of 2 others"
    fir, oak = found.bars
    assert tuple(map(plain, fir.cells)) == ("80–98 %", "94 %", "32", "30", "0", "2")
    assert oak.cells[0] == "never met"
    assert not oak.is_drawn
    assert chart_of_rivals(rows[0], rows, None) is None
