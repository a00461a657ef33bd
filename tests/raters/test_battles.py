"""Battles: pairs and sides in balance, messages and verdicts that count once, two tabs."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from raters.errors import (
    BattleOverError,
    JudgementRefusedError,
    MessageRefusedError,
    NobodyLeftError,
    PlaceLostError,
    RaterError,
    ReplyPendingError,
    RetryRefusedError,
    SideFailedError,
    StudyRestsError,
    TopicStaysError,
    TurnConflictError,
)
from raters.models import Battle, Participation, Rating, Reply, Turn, Verdict
from raters.services.battle_rules import LONGEST_TEXT, current_battle, whole_turns
from raters.services.battles import (
    MOST_PUT_AWAY,
    give_ratings,
    give_verdicts,
    may_put_topic_away,
    next_battle,
    put_topic_away,
    replace_battle,
    retry_reply,
    send_message,
)
from raters.services.drawing import draw_task
from studies.models import Study, Task
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
SCORES = {"overall": 6, "warmth": 1}


def talk(battle: Battle, number: int = 1) -> Turn:
    turn = say(battle, number=number)
    for side in battle.sides:
        answer(turn, side)
    return turn


def judge(battle: Battle, **outcomes: str) -> Battle:
    return give_verdicts(battle, outcomes=VERDICTS | outcomes, at=timezone.now())


def rate(battle: Battle, **scores: int) -> Battle:
    return give_ratings(battle, scores=SCORES | scores, at=timezone.now())


def judged_battle(study: Study, seed: int) -> Battle:
    battle = open_battle(study, seed=seed)
    talk(battle)
    return rate(battle) if study.protocol == Study.Protocol.SINGLE else judge(battle)


def make_single_study(**fields: Any) -> Study:
    return make_live_study(protocol=Study.Protocol.SINGLE, **fields)


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
    with pytest.raises(MessageRefusedError, match="the most here"):
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
        ({"overall": "a"}, "is missing: warmth"),
        (VERDICTS | {"colour": "a"}, "does not ask for: colour"),
        (VERDICTS | {"overall": "A"}, '"A" is no answer for overall'),
    ],
)
def test_every_dimension_gets_a_known_outcome(outcomes: dict[str, str], words: str) -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    with pytest.raises(JudgementRefusedError, match=words):
        give_verdicts(battle, outcomes=outcomes, at=timezone.now())
    assert not Verdict.objects.exists()


def test_verdicts_need_so_many_turns_that_both_answered() -> None:
    battle = open_battle(make_live_study(min_turns=2))
    talk(battle)
    with pytest.raises(JudgementRefusedError, match="at least 2 messages, 1 are answered"):
        judge(battle)
    turn = say(battle, number=2)
    answer(turn, "a")
    with pytest.raises(ReplyPendingError):
        judge(battle)
    fail(turn, "b")
    with pytest.raises(JudgementRefusedError):
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


# One model at a time


def test_alone_she_meets_one_contestant_and_no_side_b() -> None:
    battle = open_battle(make_single_study())
    assert (battle.side_b, battle.sides) == (None, ("a",))
    turn = say(battle)
    assert [reply.side for reply in turn.replies.all()] == ["a"]
    assert whole_turns(battle) == 0
    answer(turn, "a")
    assert whole_turns(battle) == 1
    assert say(battle, number=2).number == 2


def test_alone_contestants_stay_in_balance() -> None:
    study = make_single_study(contestants=3)
    met = Counter(judged_battle(study, n).side_a_id for n in range(12))
    assert set(met.values()) == {4}


def test_alone_the_same_seed_gives_the_same_battle() -> None:
    study = make_single_study(contestants=4)
    first = open_battle(study, seed=5)
    first.participation.battles.all().delete()
    again = next_battle(first.participation, at=timezone.now(), seed=5)
    assert again is not None
    assert again.side_a == first.side_a


def test_alone_she_meets_nobody_twice_and_is_done_when_she_has_met_everybody() -> None:
    participation = take_part(make_single_study(contestants=3, battles_each=9))
    met = []
    while (battle := next_battle(participation, at=timezone.now())) is not None:
        met.append(battle.side_a_id)
        talk(battle)
        rate(battle)
    assert sorted(met) == sorted(participation.study.contestants.values_list("pk", flat=True))


def test_an_assistant_that_cannot_go_on_is_asked_again_or_left_for_another() -> None:
    battle = open_battle(make_single_study(contestants=2))
    turn = say(battle)
    fail(turn, "a")
    assert retry_reply(reply_to(turn, "a"), at=timezone.now()).state == "waiting"
    fail(turn, "a")
    another = replace_battle(battle, at=timezone.now())
    assert another.side_a != battle.side_a
    fail(say(another), "a")
    with pytest.raises(NobodyLeftError):
        replace_battle(another, at=timezone.now())


def test_ratings_end_the_battle_and_the_first_ones_stay() -> None:
    battle = open_battle(make_single_study())
    talk(battle)
    give_ratings(battle, scores=SCORES, reason=" Clear. ", at=timezone.now())
    assert battle.reason == "Clear."
    again = rate(Battle.objects.get(pk=battle.pk), overall=2)
    assert again.judged_at == battle.judged_at
    assert dict(Rating.objects.values_list("dimension__key", "score")) == SCORES
    with pytest.raises(BattleOverError):
        say(battle, number=2)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"overall": 6}, "is missing: warmth"),
        (SCORES | {"colour": 3}, "does not ask for: colour"),
        (SCORES | {"overall": 0}, '"0" is no answer for overall'),
        (SCORES | {"overall": 8}, '"8" is no answer for overall'),
    ],
)
def test_every_dimension_gets_a_score_from_1_to_7(scores: dict[str, int], words: str) -> None:
    battle = open_battle(make_single_study())
    talk(battle)
    with pytest.raises(JudgementRefusedError, match=words):
        give_ratings(battle, scores=scores, at=timezone.now())
    assert not Rating.objects.exists()


def test_ratings_wait_for_the_minimum_and_for_the_answer() -> None:
    battle = open_battle(make_single_study(min_turns=2))
    talk(battle)
    with pytest.raises(JudgementRefusedError, match="at least 2"):
        rate(battle)
    say(battle, number=2)
    with pytest.raises(ReplyPendingError):
        rate(battle)


def test_a_study_that_compares_takes_no_ratings() -> None:
    battle = open_battle(make_live_study())
    talk(battle)
    with pytest.raises(JudgementRefusedError, match="side by side"):
        rate(battle)
    assert not Rating.objects.exists()


def test_a_study_that_rates_takes_no_verdicts() -> None:
    battle = open_battle(make_single_study())
    talk(battle)
    with pytest.raises(JudgementRefusedError, match="one model at a time"):
        judge(battle)
    assert not Verdict.objects.exists()


@pytest.mark.parametrize("protocol", Study.Protocol.values)
def test_in_a_preview_the_battle_ends_and_nothing_is_recorded(protocol: str) -> None:
    study = make_live_study(protocol=protocol)
    Study.objects.update(preview_of=Study.objects.create(slug="real", title="Real"))
    study.refresh_from_db()
    battle = judged_battle(study, seed=1)
    battle.refresh_from_db()
    assert battle.judged_at is not None
    assert not Rating.objects.exists()
    assert not Verdict.objects.exists()
    assert next_battle(battle.participation, at=timezone.now()) != battle


# Tasks


def add_tasks(study: Study, **wanted: int | None) -> None:
    for name, battles_wanted in wanted.items():
        Task.objects.create(study=study, name=name, text="Do it.", battles_wanted=battles_wanted)


def tasks_of(battles: list[Battle]) -> Mapping[str, int]:
    return Counter(battle.task.name for battle in battles if battle.task)


def test_without_tasks_a_battle_has_none() -> None:
    assert open_battle(make_live_study()).task is None


@pytest.mark.parametrize("protocol", Study.Protocol.values)
def test_tasks_without_quotas_get_equal_shares(protocol: str) -> None:
    study = make_live_study(protocol=protocol, contestants=4)
    add_tasks(study, cook=None, clean=None, plan=None)
    assert tasks_of([judged_battle(study, n) for n in range(12)]) == {
        "cook": 4, "clean": 4, "plan": 4,
    }  # fmt: skip


def test_the_least_filled_task_comes_first_and_a_full_one_only_when_all_are() -> None:
    study = make_live_study(contestants=4)
    add_tasks(study, cook=6, clean=2)
    battles = [open_battle(study, seed=n) for n in range(8)]
    assert tasks_of(battles[:4]) == {"cook": 3, "clean": 1}
    assert tasks_of(battles) == {"cook": 6, "clean": 2}
    assert open_battle(study).task is not None


def test_a_task_whose_battle_came_to_nothing_is_free_again() -> None:
    study = make_live_study(contestants=4)
    add_tasks(study, cook=1, clean=1)
    first, second = (open_battle(study, seed=n) for n in range(2))
    assert first.task != second.task
    Participation.objects.filter(pk=first.participation_id).update(
        state=Participation.State.TIMED_OUT
    )
    assert open_battle(study).task == first.task


def test_what_a_rater_has_withdrawn_fills_no_task() -> None:
    study = make_live_study(contestants=4)
    add_tasks(study, cook=1, clean=1)
    first, second = (judged_battle(study, n) for n in range(2))
    Participation.objects.filter(pk=first.participation_id).update(
        state=Participation.State.WITHDRAWN
    )
    assert second.task != first.task
    assert open_battle(study).task == first.task


def test_she_gets_no_task_twice_while_there_is_another() -> None:
    study = make_live_study(contestants=4, battles_each=4)
    add_tasks(study, cook=100, clean=1, plan=1)
    others = [open_battle(study, seed=n) for n in range(9)]
    assert tasks_of(others)["cook"] >= 7
    participation, had = take_part(study), []
    for _ in range(4):
        battle = next_battle(participation, at=timezone.now())
        assert battle is not None
        assert battle.task is not None
        had.append(battle.task.name)
        talk(battle)
        judge(battle)
    assert set(had[:3]) == {"cook", "clean", "plan"}
    assert had[3] == "cook", "All were had: the least filled one comes again."


def test_the_same_seed_gives_the_same_task() -> None:
    study = make_live_study()
    add_tasks(study, **dict.fromkeys(("cook", "clean", "plan", "shop", "sew"), None))
    first = open_battle(study, seed=5)
    first.participation.battles.all().delete()
    again = next_battle(first.participation, at=timezone.now(), seed=5)
    assert again is not None
    assert again.task == first.task


def test_drawing_a_task_counts_in_one_query() -> None:
    study = make_live_study(contestants=4)
    add_tasks(study, cook=6, clean=2)
    for n in range(6):
        judged_battle(study, n)
    participation = take_part(study)
    with CaptureQueriesContext(connection) as queries:
        draw_task(participation, Random(1))
    assert len(queries) == 3, "Her study's tasks, those she has had, and one count of all battles."


# Marks


def test_a_battle_is_marked_by_a_question_who_they_are_and_by_a_name_that_was_masked() -> None:
    study = make_live_study()
    plain, probed, named = (open_battle(study, seed=n) for n in range(3))
    talk(plain)
    turn = say(probed, "Which model are you?")
    assert turn.is_identity_probe
    assert not Turn.objects.get(battle=plain).is_identity_probe
    named_turn = talk(named)
    talk(named, 2)
    named_turn.replies.update(masked=2)
    assert set(Battle.objects.marked()) == {probed, named}
    assert Battle.objects.marked().count() == 2
    answer(turn, "a")
    answer(turn, "b")
    assert judge(probed).judged_at, "The battle goes on, and counts."


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


# Sensitive topics


def make_sensitive_study(*plain: str, sensitive: int = 1, **fields: Any) -> Study:
    """A study of sensitive topics, and of tasks of these names that are none."""
    study = make_live_study(**fields)
    for name in plain:
        Task.objects.create(study=study, area="Home", name=name, text=f"Talk about {name}.")
    for number in range(sensitive):
        Task.objects.create(study=study, area=Task.SENSITIVE, name=f"Grief {number}", text="…")
    return study


def on_sensitive(study: Study) -> Battle:
    """A new rater's battle, on a sensitive topic."""
    battle = open_battle(study)
    battle.task = study.tasks.filter(area=Task.SENSITIVE).earliest("pk")
    battle.save(update_fields=["task"])
    return battle


def test_a_sensitive_topic_is_put_away_for_another_with_the_same_two() -> None:
    study = make_sensitive_study("cooking")
    battle = on_sensitive(study)
    talk(battle)
    another = put_topic_away(battle, at=timezone.now(), seed=1)
    assert another.task is not None
    assert another.task.name == "cooking"
    assert (another.side_a, another.side_b) == (battle.side_a, battle.side_b)
    assert current_battle(battle.participation) == another
    assert list(Battle.objects.put_away()) == [battle]
    assert not battle.participation.strikes.exists()
    with pytest.raises(BattleOverError):
        judge(battle)
    # It takes none of the battles that she is asked for.
    talk(another)
    assert judge(another).judged_at is not None
    assert next_battle(battle.participation, at=timezone.now()) is None
    assert Battle.objects.put_away().count() == 1


def test_a_topic_that_is_not_sensitive_stays() -> None:
    study = make_sensitive_study("cooking", "walking", sensitive=0)
    with pytest.raises(TopicStaysError):
        put_topic_away(open_battle(study), at=timezone.now())
    assert not Battle.objects.put_away().exists()


def test_of_sensitive_topics_alone_she_gets_one_that_she_has_not_had_until_she_had_all() -> None:
    study = make_sensitive_study(sensitive=2)
    battle = on_sensitive(study)
    another = put_topic_away(battle, at=timezone.now())
    assert another.task != battle.task
    with pytest.raises(TopicStaysError, match="no other topic left"):
        put_topic_away(another, at=timezone.now())
    assert current_battle(battle.participation) == another


def test_she_puts_away_so_many_and_no_more() -> None:
    battle = on_sensitive(make_sensitive_study(sensitive=5))
    for _ in range(MOST_PUT_AWAY):
        battle = put_topic_away(battle, at=timezone.now())
    assert not may_put_topic_away(battle)
    with pytest.raises(TopicStaysError, match="leave whenever you like"):
        put_topic_away(battle, at=timezone.now())


def test_what_failed_and_was_replaced_is_not_counted_as_put_away() -> None:
    study = make_sensitive_study("cooking", contestants=3)
    battle = on_sensitive(study)
    fail(say(battle), "a")
    replace_battle(battle, at=timezone.now())
    assert not Battle.objects.put_away().exists()


def test_one_model_at_a_time_is_met_again_on_another_topic() -> None:
    study = make_sensitive_study("cooking", protocol=Study.Protocol.SINGLE)
    battle = on_sensitive(study)
    another = put_topic_away(battle, at=timezone.now())
    assert (another.side_a, another.side_b) == (battle.side_a, None)
