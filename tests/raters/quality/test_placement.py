"""Where checks come: the same for the same seed, and never where they must not."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from raters.quality.placement import Placement, place_checks

designs = st.fixed_dictionaries(
    {
        "battles": st.integers(1, 12),
        "dimensions": st.integers(1, 8),
        "items": st.lists(st.integers(1, 40), max_size=6, unique=True),
        "gold": st.lists(st.integers(41, 60), max_size=4, unique=True),
        "has_repeat": st.booleans(),
    }
)


def place(seed: str = "1:1", **changes: object) -> Placement:
    design = {"battles": 4, "dimensions": 3, "items": (), "gold": (), "has_repeat": False}
    return place_checks(seed, **{**design, **changes})  # type: ignore[arg-type]


@given(st.text(), designs)
def test_the_same_seed_draws_the_same_places(seed, design):
    assert place_checks(seed, **design) == place_checks(seed, **design)


@given(st.text(), designs)
def test_checks_that_are_battles_are_added_to_those_that_count(seed, design):
    placement = place_checks(seed, **design)
    assert placement.battles == design["battles"] + len(design["gold"]) + design["has_repeat"]
    assert sorted(check for check, _ in placement.gold.values()) == sorted(design["gold"])
    assert (placement.repeated is not None) == design["has_repeat"]
    assert placement.is_repeat(placement.battles) == design["has_repeat"]
    assert sum(map(placement.is_repeat, range(1, placement.battles + 1))) <= 1


@given(st.text(), designs)
def test_the_first_battle_is_never_gold_and_the_last_only_without_a_repeat(seed, design):
    placement = place_checks(seed, **design)
    last = placement.battles - design["has_repeat"]
    assert all(1 < number <= last for number in placement.gold)
    assert {side for _, side in placement.gold.values()} <= {"a", "b"}


@given(st.text(), designs)
def test_what_is_repeated_counts_and_is_not_the_battle_just_before_if_there_are_others(
    seed, design
):
    placement = place_checks(seed, **design)
    counting = [n for n in range(1, placement.battles + 1) if n not in placement.gold]
    counting = counting[: design["battles"]]
    if placement.repeated is not None:
        assert placement.repeated in counting
        assert placement.repeated != counting[-1] or len(counting) == 1


@given(st.text(), designs)
def test_each_item_stands_once_in_a_battle_that_counts_after_a_dimension(seed, design):
    placement = place_checks(seed, **design)
    assert sorted(item.check for item in placement.items) == sorted(design["items"])
    for item in placement.items:
        assert item.battle not in placement.gold
        assert not placement.is_repeat(item.battle)
        assert 1 <= item.after <= design["dimensions"]
        assert item in placement.items_in(item.battle)


@given(st.text(), designs)
def test_items_are_spread_over_the_battles(seed, design):
    crowd = Counter(item.battle for item in place_checks(seed, **design).items)
    fullest = max(crowd.values(), default=0)
    assert fullest <= -(-len(design["items"]) // design["battles"])


def test_raters_meet_them_in_different_places():
    design = {"items": [1], "gold": [2], "has_repeat": True}
    drawn = [place(f"1:{rater}", **design) for rater in range(2_000)]
    gold = Counter(next(iter(placement.gold)) for placement in drawn)
    assert set(gold) == {2, 3, 4, 5}
    assert min(gold.values()) > 400
    assert set(Counter(placement.items[0].battle for placement in drawn)) == {1, 2, 3, 4, 5}
    assert set(Counter(placement.items[0].after for placement in drawn)) == {1, 2, 3}
    assert set(Counter(placement.repeated for placement in drawn)) == {1, 2, 3, 4}
    sides = Counter(side for placement in drawn for _, side in placement.gold.values())
    assert abs(sides["a"] - sides["b"]) < 200


def test_a_study_without_checks_has_only_its_battles():
    placement = place()
    assert (placement.battles, placement.items, placement.gold) == (4, (), {})
    assert not any(placement.is_repeat(number) for number in range(1, 5))
