"""How the replies of a battle look is stored once she has judged it, and goes with her data."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from raters.models import Battle, Reply, SideStyle
from raters.services.battles import give_verdicts
from raters.services.erasing import withdraw_and_erase
from raters.services.screening import screen_battle
from raters.services.styles import store_missing_styles, store_styles
from studies.models import AttentionCheck, Study
from tests.cast import make_study
from tests.raters.live import answer, make_live_study, open_battle, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_live_study()


def judged(study: Study) -> Battle:
    """A battle of two turns: A in lists and bold, B in a few plain words."""
    battle = open_battle(study)
    for number, ms in ((1, 400), (2, 800)):
        turn = say(battle, "How do I cook rice?", number)
        answer(turn, "a", "## Rice\n- **Wash** it\n- Boil it")
        answer(turn, "b", "Boil it.")
        turn.replies.filter(side="a").update(first_piece_ms=ms)
    give_verdicts(battle, outcomes={"overall": "a", "warmth": "b"}, at=timezone.now())
    return battle


def styles() -> list[dict[str, object]]:
    return list(SideStyle.objects.order_by("battle", "side").values())


def test_the_screen_of_a_judged_battle_stores_how_both_sides_look(study: Study) -> None:
    battle = judged(study)
    assert styles() == []
    screen_battle(battle.pk, at=timezone.now())
    a, b = SideStyle.objects.order_by("side")
    assert (a.battle, a.side, a.words, a.list_items, a.headers, a.bold) == (
        battle, "a", 10, 4, 2, 2,
    )  # fmt: skip
    assert a.first_piece_ms == 600
    assert (b.side, b.words, b.list_items, b.headers, b.bold) == ("b", 4, 0, 0, 0)
    assert b.first_piece_ms is None


def test_what_is_stored_stays_as_it_is(study: Study) -> None:
    battle = judged(study)
    assert store_styles([battle.pk]) == 2
    before = styles()
    Reply.objects.update(text="Something else, and a lot more of it")
    store_styles([battle.pk])
    assert styles() == before


def test_older_battles_are_caught_up_with_so_many_at_a_time_the_newest_first(study: Study) -> None:
    battles = [judged(study) for _ in range(3)]
    assert store_missing_styles(study, most=2) == 1
    assert set(SideStyle.objects.values_list("battle", flat=True)) == {b.pk for b in battles[1:]}
    assert store_missing_styles(study, most=2) == 0
    assert SideStyle.objects.count() == 6
    before = styles()
    assert store_missing_styles(study, most=2) == 0
    assert styles() == before


def test_neither_checks_nor_battles_under_way_are_asked_for(study: Study) -> None:
    answer(say(open_battle(study)), "a")
    check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
    Battle.objects.filter(pk=judged(study).pk).update(attention_check=check)
    assert store_missing_styles(study, most=10) == 0
    assert styles() == []


def test_an_imported_study_is_not_looked_at_battle_by_battle() -> None:
    imported = make_study(raters=4)
    with CaptureQueriesContext(connection) as asked:
        assert store_missing_styles(imported, most=10) == 0
    assert len(asked) == 1


def test_it_goes_when_she_has_her_data_erased(study: Study) -> None:
    battle, other = judged(study), judged(study)
    store_styles([battle.pk, other.pk])
    withdraw_and_erase(battle.participation, at=timezone.now())
    assert set(SideStyle.objects.values_list("battle", flat=True)) == {other.pk}
    assert store_missing_styles(study, most=10) == 0
    assert SideStyle.objects.count() == 2
