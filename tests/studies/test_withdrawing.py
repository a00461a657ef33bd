"""Withdrawals: who may go, who would leave others that never met, and what is queued."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from raters.models import Battle, Participation, Rater
from raters.services.drawing import draw_sides
from studies.errors import StateError
from studies.models import AttentionCheck, Contestant, Matchup, Study
from studies.services import enter_contestant, parts_left_by, withdraw_contestant
from tests.cast import NOW, make_admin, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Ash meets all others, and they only Ash; nobody else has met anybody."""
    study = make_study(raters=0, state=Study.State.OPEN)
    meet(study, ("Ash", "Birch"), ("Cherry", "Ash"), ("Ash", "Dogwood"))
    return study


def meet(
    study: Study,
    *pairs: tuple[str, str],
    state: str = Participation.State.COMPLETED,
    **battle: Any,
) -> Sequence[Battle]:
    """Let one rater judge a battle of each pair."""
    participation = Participation.objects.create(
        study=study,
        rater=Rater.objects.create(created_at=NOW),
        state=state,
        created_at=NOW,
    )
    battle = {"judged_at": NOW, "created_at": NOW} | battle
    return [
        Battle.objects.create(
            participation=participation,
            key=str(n),
            side_a=named(study, a),
            side_b=named(study, b),
            **battle,
        )
        for n, (a, b) in enumerate(pairs)
    ]


def named(study: Study, name: str) -> Contestant:
    return study.contestants.get(name=name)


def queue(study: Study, *pairs: tuple[str, str]) -> None:
    for position, (a, b) in enumerate(pairs):
        Matchup.objects.create(
            study=study,
            side_a=named(study, a),
            side_b=named(study, b),
            position=position,
            gain=1.0,
            created_at=NOW,
        )


def test_who_alone_links_others_stays_and_it_is_said_who_would_be_cut_off(study: Study) -> None:
    meet(study, ("Birch", "Cherry"))
    queue(study, ("Ash", "Birch"))
    with pytest.raises(
        StateError, match="Without Ash, Dogwood would be cut off from Birch and Cherry: only"
    ):
        withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)
    assert named(study, "Ash").withdrawn_at is None
    assert study.matchups.count() == 1


def test_several_that_would_be_cut_off_are_told_apart(study: Study) -> None:
    with pytest.raises(
        StateError, match="Cherry; Dogwood would be cut off from Birch and from one another"
    ):
        withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)


def test_a_long_part_is_cut_short_where_it_is_told(study: Study) -> None:
    for n in range(7):
        enter_contestant(study, name=f"Elm {n}")
        meet(study, ("Birch", f"Elm {n}"))
    with pytest.raises(StateError, match="from Birch, Elm 0, Elm 1, Elm 2, Elm 3 and 3 more"):
        withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)


def test_it_may_split_them_where_somebody_says_so(study: Study) -> None:
    withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW, may_split=True)
    assert named(study, "Ash").withdrawn_at == NOW


def test_whoever_cuts_nobody_off_goes_without_a_word(study: Study) -> None:
    newcomer = enter_contestant(study, name="Newcomer")
    for name in ("Birch", "Cherry"):
        withdraw_contestant(named(study, name), reason="Retired.", at=NOW)
    # Those two are gone, so that Ash holds nobody but Dogwood; the newcomer was never linked.
    withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)
    assert set(study.contestants.filter(withdrawn_at=None)) == {newcomer, named(study, "Dogwood")}


def test_battles_of_who_has_withdrawn_link_nobody_any_more(study: Study) -> None:
    meet(study, ("Birch", "Cherry"), ("Cherry", "Dogwood"))
    assert parts_left_by(named(study, "Ash")) == ()
    withdraw_contestant(named(study, "Cherry"), reason="Retired.", at=NOW)
    assert parts_left_by(named(study, "Ash")) == (("Birch",), ("Dogwood",))
    assert parts_left_by(named(study, "Cherry")) == ()


@pytest.mark.parametrize("kind", ["under way", "check", "withdrawn rater"])
def test_battles_that_no_board_will_count_link_nobody(study: Study, kind: str) -> None:
    pairs = [("Birch", "Cherry"), ("Cherry", "Dogwood")]
    if kind == "under way":
        meet(study, *pairs, state=Participation.State.ACTIVE, judged_at=None)
    elif kind == "check":
        check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
        meet(study, *pairs, attention_check=check)
    else:
        meet(study, *pairs, state=Participation.State.WITHDRAWN)
    assert len(parts_left_by(named(study, "Ash"))) == 3
    meet(study, *pairs)
    assert parts_left_by(named(study, "Ash")) == ()


def test_a_contestant_goes_only_once_and_with_a_reason(study: Study) -> None:
    birch = named(study, "Birch")
    with pytest.raises(StateError, match="Say why Birch is withdrawn"):
        withdraw_contestant(birch, reason=" ", at=NOW)
    withdraw_contestant(birch, reason=" Retired. ", at=NOW)
    assert birch.withdrawal_reason == "Retired."
    with pytest.raises(StateError, match="Birch has withdrawn already"):
        withdraw_contestant(birch, reason="Again.", at=NOW)


def test_where_one_model_at_a_time_is_rated_nobody_is_cut_off() -> None:
    study = make_study("rated", raters=0, protocol=Study.Protocol.SINGLE)
    withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)
    assert named(study, "Ash").withdrawn_at == NOW


def test_what_was_queued_is_dropped_when_somebody_goes_or_joins(study: Study) -> None:
    other = make_study("coffee", raters=0, electorate=study.electorate)
    queue(study, ("Birch", "Ash"), ("Cherry", "Dogwood"))
    queue(other, ("Birch", "Ash"))
    withdraw_contestant(named(study, "Birch"), reason="Retired.", at=NOW)
    assert not study.matchups.exists()
    queue(study, ("Cherry", "Dogwood"))
    enter_contestant(study, name="Newcomer")
    assert not study.matchups.exists()
    assert other.matchups.count() == 1


def test_who_has_withdrawn_is_not_met_again_though_it_was_queued(study: Study) -> None:
    (battle,) = meet(study, ("Ash", "Birch"), state=Participation.State.ACTIVE)
    queue(study, ("Birch", "Cherry"), ("Birch", "Dogwood"))
    birch = named(study, "Birch")
    withdraw_contestant(birch, reason="Retired.", at=NOW)
    met = []
    while sides := draw_sides(battle.participation, Random(1)):
        met.append(sides)
        a, b = Contestant.objects.in_bulk(sides).values()
        Battle.objects.create(
            participation=battle.participation,
            key=f"next {len(met)}",
            side_a=a,
            side_b=b,
            created_at=NOW,
        )
    assert len(met) == 3
    assert birch.pk not in {side for sides in met for side in sides}


# The step in the admin


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_admin())
    return client


def step_of(contestant: Contestant) -> str:
    return reverse("admin:studies_contestant_withdraw", args=[contestant.pk])


def test_the_step_asks_for_the_override_only_where_it_splits(boss: Client, study: Study) -> None:
    page = boss.get(step_of(named(study, "Birch"))).content.decode()
    assert "may_split" not in page
    page = boss.get(step_of(named(study, "Ash"))).content.decode()
    assert "may_split" in page
    assert "Without Ash, Cherry; Dogwood would be cut off from Birch" in page


def test_the_step_splits_only_with_the_override(boss: Client, study: Study) -> None:
    ash = named(study, "Ash")
    answer = boss.post(step_of(ash), {"reason": "Retired."})
    assert "Tick this, or go back" in answer.content.decode()
    assert "Retired." in answer.content.decode()
    assert named(study, "Ash").withdrawn_at is None
    answer = boss.post(step_of(ash), {"reason": "Retired.", "may_split": "on"}, follow=True)
    assert "Ash has withdrawn." in answer.content.decode()
    assert named(study, "Ash").withdrawn_at is not None
