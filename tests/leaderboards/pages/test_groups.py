"""Where groups disagree: what is said of it, and of whom."""

import pytest

from leaderboards.models import BoardSection
from leaderboards.pages.groups import (
    axis_matrix,
    chart_of_groups,
    divided_over,
    finding,
)
from leaderboards.pages.orders import Agreement, orders_of_groups
from studies.models import Contestant
from tests.leaderboards.pages.rows import row


def section(pk: int, name: str) -> BoardSection:
    return BoardSection(
        pk=pk,
        scope="group",
        dimension_key="overall",
        axis_key="age",
        axis_name="Age",
        group_key=name.lower(),
        group_name=name,
        raters=40,
    )


def agreed(seen: float, noise_low: float, *, low: float = 0.4, high: float = 1.0) -> Agreement:
    return Agreement(5, seen, seen, low, high, noise_low)


YOUNG, OLD = section(1, "Young"), section(2, "Old")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([None, None], "Too little is known of any group to compare it with everybody"),
        (
            [agreed(0.9, 0.8), agreed(0.95, 0.9)],
            "None of 2 groups orders the contestants otherwise than noise alone would",
        ),
        (
            [agreed(0.7, 0.8), agreed(0.95, 0.9), None],
            "1 of 2 groups orders the contestants otherwise than everybody does",
        ),
    ],
)
def test_only_what_is_more_than_noise_is_said_to_be_otherwise(
    found: list[Agreement | None], said: str
) -> None:
    assert finding(found) == said


def test_a_group_is_furthest_only_where_its_interval_lies_below_all_others() -> None:
    far = chart_of_groups(
        [YOUNG, OLD],
        {1: agreed(0.5, 0.8, low=0.4, high=0.6), 2: agreed(0.8, 0.8, low=0.7, high=0.9)},
    )
    assert far is not None
    assert far.title == "Age: Young is further from everybody than every other group"
    near = chart_of_groups(
        [YOUNG, OLD],
        {1: agreed(0.5, 0.8, low=0.4, high=0.75), 2: agreed(0.8, 0.8, low=0.7, high=0.9)},
    )
    assert near is not None
    assert near.title == "No group is clearly further from everybody than every other"
    assert [bar.is_doubtful for bar in near.bars] == [False, True]
    assert near.bars[0].cells[1] == "50\N{NO-BREAK SPACE}%, more than noise"
    assert chart_of_groups([YOUNG], {1: None}) is None


def test_two_groups_are_one_pair_seen_from_both_sides() -> None:
    scores = {1: (3.0, 2.0, 1.0), 2: (1.0, 2.0, 3.0)}
    rows = {
        pk: [
            row("Ash", k, k, k, contestant=Contestant(pk=k), contestant_id=k, score=score)
            for k, score in enumerate(of, start=1)
        ]
        for pk, of in scores.items()
    }
    for one in rows.values():
        for each in one:
            each.score_low, each.score_high = each.score - 0.01, each.score + 0.01
    _, *orders = orders_of_groups(rows[1], [rows[1], rows[2]])
    order_of = dict(zip((1, 2), orders, strict=True))
    found = axis_matrix([YOUNG, OLD], order_of, {1: agreed(1, 1), 2: agreed(0, 1)})
    assert found.finding == "Age: two groups disagree by more than noise"
    young, old = found.lines
    assert young.cells[1] is None
    assert young.cells[2] == old.cells[1]
    assert old.cells[1] is not None
    assert old.cells[1].style == "down-3"
    alike = axis_matrix([YOUNG, OLD], dict.fromkeys((1, 2), orders[0]), dict.fromkeys((1, 2)))
    assert alike.finding == "Age: two groups disagree by no more than noise"


def test_a_contestant_divides_groups_whose_intervals_for_it_do_not_meet() -> None:
    contestant = Contestant(pk=1)

    def placed(low: int, high: int, *, is_provisional: bool = False) -> list[object]:
        return [
            row(
                "Ash",
                low,
                low,
                high,
                contestant=contestant,
                contestant_id=1,
                is_provisional=is_provisional,
            )
        ]

    axes = {"age": [YOUNG, OLD]}
    (split,) = divided_over(placed(2, 4), axes, {1: placed(1, 1), 2: placed(3, 5)})  # type: ignore[arg-type,dict-item]
    assert (split.best, split.worst) == ("Age: Young (1)", "Age: Old (3–5)")
    assert (split.apart, split.groups) == (1, 2)
    (meets,) = divided_over(placed(2, 4), axes, {1: placed(1, 3), 2: placed(3, 5)})  # type: ignore[arg-type,dict-item]
    assert (meets.best, meets.apart) == ("", 0)
    (thin,) = divided_over(
        placed(2, 4),  # type: ignore[arg-type]
        axes,
        {1: placed(1, 1, is_provisional=True), 2: placed(3, 5)},  # type: ignore[dict-item]
    )
    assert (thin.best, thin.groups) == ("", 1)
