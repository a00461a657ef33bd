"""The heat map: what is marked, what is hatched, and what its title claims."""

from leaderboards.models import BoardRow, BoardSection
from leaderboards.pages.heat_map import HeatColumn, HeatMap, heat_map
from tests.leaderboards.pages.rows import row


def of_one_axis(overall: list[BoardRow], *groups: list[BoardRow]) -> HeatMap | None:
    sections = [
        BoardSection(pk=n, axis_name="Age", group_key=f"g{n}", group_name=f"G{n}", raters=9)
        for n, _ in enumerate(groups)
    ]
    columns = tuple(HeatColumn(s.group_key, s.group_name, "", s.raters, False) for s in sections)
    rows_of = dict(enumerate(groups))
    return heat_map(overall, {"age": sections}, rows_of, {"age": columns}, raters=20)


def test_only_places_apart_from_the_overall_one_are_counted_as_moved() -> None:
    overall = [row("Ash", 1, 1, 1), row("Fir", 2, 2, 3), row("Oak", 3, 2, 3)]
    turned = [row("Oak", 1, 1, 1), row("Fir", 2, 2, 3), row("Ash", 3, 2, 3)]
    found = of_one_axis(overall, turned, overall)
    assert found is not None
    assert found.finding == "In 2 groups, 2 of 6 places are clearly apart from the overall one"
    marks = [[cell.of.mark for cell in each.cells if cell.of] for each in found.rows]
    assert marks == [["▼2", ""], ["", ""], ["▲2", ""]]
    assert [cell.begins_axis for cell in found.rows[0].cells] == [True, False]


def test_a_provisional_place_and_a_refused_group_have_not_enough_data() -> None:
    overall = [row("Ash", 1, 1, 1), row("Fir", 2, 2, 2)]
    early = [row("Fir", 1, 1, 1, is_provisional=True), row("Ash", 2, 2, 2)]
    found = of_one_axis(overall, early, [])
    assert found is not None
    assert [[cell.is_thin for cell in each.cells] for each in found.rows] == [
        [False, True],
        [True, True],
    ]
    # Ash is apart, and counted; Fir is provisional, and the second group ranks nobody.
    assert found.finding == "In 2 groups, 1 of 1 places is clearly apart from the overall one"


def test_where_all_is_provisional_nothing_is_compared() -> None:
    found = of_one_axis([row("Ash", 1, 1, 1)], [row("Ash", 1, 1, 1, is_provisional=True)])
    assert found is not None
    assert found.finding == "In 1 group, too little is known to compare places"


def test_nothing_moved_is_said() -> None:
    found = of_one_axis([row("Ash", 1, 1, 1)], [row("Ash", 1, 1, 1)])
    assert found is not None
    assert found.finding == "In 1 group, no place is clearly apart from the overall one"


def test_without_a_ranking_or_groups_there_is_no_heat_map() -> None:
    assert of_one_axis([], []) is None
    assert heat_map([row("Ash", 1, 1, 1)], {}, {}, {}, raters=1) is None
