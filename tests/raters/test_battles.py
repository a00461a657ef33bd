"""Battles: pairs and sides in balance, messages and verdicts that count once, two tabs."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from raters.errors import (
    BattleOverError,
    MessageRefusedError,
    PlaceLostError,
    RaterError,
    ReplyPendingError,
    RetryRefusedError,
    SideFailedError,
    StudyRestsError,
    TurnConflictError,
    VerdictRefusedError,
)
from raters.models import Battle, Participation, Reply, Turn, Verdict
from raters.services.battles import (
    LONGEST_TEXT,
    current_battle,
    give_verdicts,
    next_battle,
    replace_battle,
    retry_reply,
    send_message,
)
from studies.models import Study
from studies.services import withdraw_contestant
from tests.raters.live import (
    answer,
    fail,
    make_live_study,
    open_battle,
    reply_to,
    say,
    shared_database,  # noqa: F401  a fixture
    take_part,
)

pytestmark = pytest.mark.django_db

VERDICTS = {"overall": "a", "warmth": "tie"}


def talk(battle: Battle, number: int = 1) -> Turn:
    turn = say(battle, number=number)
    answer(turn, "a")
    answer(turn, "b")
    return turn


def judge(battle: Battle, **outcomes: str) -> Battle:
    return give_verdicts(battle, outcomes=VERDICTS | outcomes, at=timezone.now())


def judged_battle(study: Study, seed: int) -> Battle:
    battle = open_battle(study, seed=seed)
    talk(battle)
    return judge(battle)


# Whom she meets


def test_the_battle_she_is_in_is_her_next_one() -> None:
    participation = take_part(make_live_study())
    battle = next_battle(participation, at=timezone.now())
    assert next_battle(participation, at=timezone.now()) == battle
    assert current_battle(participation) == battle


def test_pairs_and_sides_stay_in_balance() -> None:
    study = make_live_study(contestants=4)
    sides = Counter(
        (b.side_a_id, b.side_b_id) for b in (judged_battle(study, n) for n in range(24))
    )
    pairs = Counter(tuple(sorted(pair)) for pair in sides.elements())
    assert set(pairs.values()) == {4}
    assert set(sides.values()) == {2}


def test_battles_in_flight_count_for_the_balance_and_abandoned_ones_do_not() -> None:
    study = make_live_study(contestants=3)
    pairs = [{b.side_a_id, b.side_b_id} for b in (open_battle(study, seed=9) for _ in range(3))]
    assert all(pairs.count(pair) == 1 for pair in pairs)
    study.participations.filter(battles__side_a__in=pairs[0], battles__side_b__in=pairs[0]).update(
        state=Participation.State.TIMED_OUT
    )
    fourth = open_battle(study)
    assert {fourth.side_a_id, fourth.side_b_id} == pairs[0]


def test_the_same_seed_gives_the_same_battle() -> None:
    study = make_live_study(contestants=4)
    first = open_battle(study, seed=5)
    sides = (first.side_a_id, first.side_b_id)
    first.participation.battles.all().delete()
    again = next_battle(first.participation, at=timezone.now(), seed=5)
    assert again is not None
    assert (again.side_a_id, again.side_b_id) == sides


def test_she_meets_no_pair_twice_and_is_done_after_so_many() -> None:
    participation = take_part(make_live_study(contestants=3))
    seen = set()
    for _ in range(2):
        battle = next_battle(participation, at=timezone.now())
        assert battle is not None
        seen.add(frozenset({battle.side_a_id, battle.side_b_id}))
        talk(battle)
        judge(battle)
    assert len(seen) == 2
    assert next_battle(participation, at=timezone.now()) is None


def test_she_is_done_when_she_has_met_every_pair() -> None:
    battle = judged_battle(make_live_study(contestants=2, battles_each=9), seed=1)
    assert next_battle(battle.participation, at=timezone.now()) is None


def test_who_has_withdrawn_meets_nobody() -> None:
    study = make_live_study(contestants=3)
    withdrawn = study.contestants.all()[0]
    withdraw_contestant(withdrawn, reason="It was taken off the market.", at=timezone.now())
    for seed in range(4):
        battle = open_battle(study, seed=seed)
        assert withdrawn.pk not in (battle.side_a_id, battle.side_b_id)


@pytest.mark.parametrize(
    ("study_state", "state", "error"),
    [
        (Study.State.PAUSED, Participation.State.ACTIVE, StudyRestsError),
        (Study.State.CLOSED, Participation.State.ACTIVE, StudyRestsError),
        (Study.State.OPEN, Participation.State.RESERVED, PlaceLostError),
        (Study.State.OPEN, Participation.State.RETURNED, PlaceLostError),
    ],
)
def test_nothing_begins_at_rest_or_without_a_place(
    study_state: str, state: str, error: type[RaterError]
) -> None:
    battle = open_battle(make_live_study())
    Study.objects.update(state=study_state)
    Participation.objects.update(state=state)
    with pytest.raises(error):
        next_battle(battle.participation, at=timezone.now())
    with pytest.raises(error):
        say(battle)


# What she says


def test_a_message_waits_for_two_replies() -> None:
    turn = say(open_battle(make_live_study()), " Hello\r\nthere\0 ")
    assert turn.text == "Hello\nthere"
    assert [(r.side, r.state) for r in turn.replies.order_by("side")] == [
        ("a", "waiting"),
        ("b", "waiting"),
    ]


def test_a_message_sent_again_is_the_turn_that_stands() -> None:
    battle = open_battle(make_live_study())
    assert say(battle) == say(battle)
    assert Reply.objects.count() == 2
    with pytest.raises(TurnConflictError):
        say(battle, "Something else")


def test_a_message_waits_for_both_answers_to_the_last() -> None:
    battle = open_battle(make_live_study())
    turn = say(battle)
    answer(turn, "a")
    with pytest.raises(ReplyPendingError):
        say(battle, "And then?", number=2)
    fail(turn, "b")
    with pytest.raises(SideFailedError):
        say(battle, "And then?", number=2)
    answer(turn, "b")
    assert say(battle, "And then?", number=2).number == 2


@pytest.mark.parametrize("text", ["", " \n ", "a" * (LONGEST_TEXT + 1)])
def test_a_message_is_neither_empty_nor_endless(text: str) -> None:
    with pytest.raises(MessageRefusedError):
        say(open_battle(make_live_study()), text)


def test_messages_end_at_the_most_that_the_study_allows() -> None:
    battle = open_battle(make_live_study(max_turns=2))
    talk(battle, 1)
    talk(battle, 2)
    with pytest.raises(MessageRefusedError, match="most here"):
        say(battle, number=3)


def test_a_number_that_leaves_one_out_is_refused() -> None:
    with pytest.raises(TurnConflictError):
        say(open_battle(make_live_study()), number=2)


def test_a_failed_side_is_asked_again_and_the_other_keeps_its_answer() -> None:
    turn = say(open_battle(make_live_study()))
    answer(turn, "a", "Boil it.")
    fail(turn, "b")
    again = retry_reply(reply_to(turn, "b"), at=timezone.now())
    assert (again.state, again.error, again.attempts) == ("waiting", "", 0)
    assert retry_reply(again, at=timezone.now()).state == "waiting"
    assert reply_to(turn, "a").text == "Boil it."
    with pytest.raises(RetryRefusedError):
        retry_reply(reply_to(turn, "a"), at=timezone.now())


def test_a_pair_that_cannot_go_on_is_left_for_another() -> None:
    study = make_live_study(contestants=3)
    battle = open_battle(study)
    turn = say(battle)
    with pytest.raises(RetryRefusedError):
        replace_battle(battle, at=timezone.now())
    fail(turn, "b")
    another = replace_battle(battle, at=timezone.now())
    assert {another.side_a_id, another.side_b_id} != {battle.side_a_id, battle.side_b_id}
    assert next_battle(battle.participation, at=timezone.now()) == another
    with pytest.raises(BattleOverError):
        say(battle, number=2)
    with pytest.raises(BattleOverError):
        judge(battle)


# What she finds


def test_verdicts_end_the_battle() -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    judged = give_verdicts(battle, outcomes=VERDICTS, reason=" Clearer. ", at=timezone.now())
    assert judged.judged_at is not None
    assert judged.reason == "Clearer."
    assert dict(Verdict.objects.values_list("dimension__key", "outcome")) == VERDICTS
    with pytest.raises(BattleOverError):
        say(battle, number=2)


def test_a_repeated_request_keeps_the_first_verdicts() -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    first = judge(battle)
    again = judge(Battle.objects.get(pk=battle.pk), overall="b")
    assert again.judged_at == first.judged_at
    assert Verdict.objects.get(dimension__key="overall").outcome == "a"


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ({"overall": "a"}, "not compared yet: warmth"),
        (VERDICTS | {"colour": "a"}, "does not ask for: colour"),
        (VERDICTS | {"overall": "A"}, '"A" is no outcome'),
    ],
)
def test_every_dimension_gets_a_known_outcome(outcomes: dict[str, str], words: str) -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    with pytest.raises(VerdictRefusedError, match=words):
        give_verdicts(battle, outcomes=outcomes, at=timezone.now())
    assert not Verdict.objects.exists()


def test_verdicts_need_so_many_turns_that_both_answered() -> None:
    battle = open_battle(make_live_study(min_turns=2))
    talk(battle)
    with pytest.raises(VerdictRefusedError, match="1 of at least 2"):
        judge(battle)
    turn = say(battle, number=2)
    answer(turn, "a")
    with pytest.raises(ReplyPendingError):
        judge(battle)
    fail(turn, "b")
    with pytest.raises(VerdictRefusedError):
        judge(battle)


def test_a_paused_study_takes_the_verdicts_of_what_was_begun_and_a_closed_one_none() -> None:
    study = make_live_study()
    battles = [open_battle(study, seed=n) for n in range(2)]
    for battle in battles:
        talk(battle)
    Study.objects.update(state=Study.State.PAUSED)
    assert judge(battles[0]).judged_at
    Study.objects.update(state=Study.State.CLOSED)
    with pytest.raises(StudyRestsError):
        judge(battles[1])


def test_verdicts_end_with_the_participation() -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    Participation.objects.update(state=Participation.State.RETURNED)
    with pytest.raises(PlaceLostError):
        judge(battle)


# Two tabs


def at_once(work: Callable[[], object], times: int = 4) -> list[object]:
    """What each of several threads gets, or the error it raises."""
    results: list[object] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except RaterError as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_tabs_open_one_battle_send_one_message_and_judge_once(shared_database: str) -> None:  # noqa: F811
    participation = take_part(make_live_study(contestants=4))
    opened = at_once(lambda: next_battle(participation, at=timezone.now()))
    assert len(set(opened)) == 1
    assert Battle.objects.count() == 1
    battle = Battle.objects.get()
    sent = at_once(lambda: send_message(battle, text="Hello", number=1, at=timezone.now()))
    assert len(set(sent)) == 1
    assert Reply.objects.count() == 2
    answer(Turn.objects.get(), "a")
    answer(Turn.objects.get(), "b")
    judged = at_once(lambda: judge(Battle.objects.get(pk=battle.pk)).judged_at)
    assert len(set(judged)) == 1
    assert Verdict.objects.count() == 2
