"""A study's live figures, each against a count by hand."""

import math
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from raters.models import Battle, Participation, Rating, Reply, Turn, Verdict
from raters.progress import HOURS_SHOWN, PACE_OVER, BattleCount, Latency, Progress, read_progress
from raters.services.battles import give_verdicts
from raters.services.erasing import withdraw_and_erase
from studies.models import ChatModel, Contestant, Study
from studies.services import withdraw_contestant
from tests.cast import NOW, complete_design, make_study
from tests.raters.live import answer, fail, make_live_study, open_battle, say, take_part

pytestmark = pytest.mark.django_db

State = Participation.State
VERDICTS = {"overall": "a", "warmth": "tie"}


def read(study: Study) -> Progress:
    return read_progress(study, at=timezone.now())


def judged_battle(study: Study, seed: int = 1) -> Battle:
    battle = open_battle(study, seed=seed)
    turn = say(battle)
    answer(turn, "a")
    answer(turn, "b")
    return give_verdicts(battle, outcomes=VERDICTS, at=timezone.now())


def on_sides(battle: Battle) -> set[Contestant]:
    return {battle.side_a, battle.side_b}


def of(progress: Progress, contestant: Contestant) -> Any:
    return next(line for line in progress.contestants if line.contestant == contestant)


def endpoint(progress: Progress, contestant: Contestant) -> Any:
    chat_model = contestant.chat_model
    return next(line for line in progress.endpoints if line.chat_model == chat_model)


# Places and raters


def join(study: Study, cell_key: str, state: str, at: datetime = NOW) -> Participation:
    participation = take_part(study, at=at)
    cell = study.electorate.cells.get(key=cell_key) if study.electorate else None
    Participation.objects.filter(pk=participation.pk).update(
        cell=cell, state=state, ended_at=at if state == State.COMPLETED else None
    )
    return participation


def test_quotas_fill_by_group_and_state() -> None:
    study = complete_design(make_study(raters=0, state="open"), raters=20)
    for cell, state in (
        ("18-34|female", State.COMPLETED),
        ("18-34|male", State.COMPLETED),
        ("18-34|male", State.ACTIVE),
        ("35-plus|female", State.RESERVED),
        ("35-plus|female", State.TIMED_OUT),
        ("35-plus|male", State.RETURNED),
    ):
        join(study, cell, state)
    progress = read(study)
    filled = {
        (division.name, fill.quota.group.key): (
            fill.completed, fill.active, fill.reserved, fill.target,
        )
        for division in progress.divisions
        for fill in division.fills
    }  # fmt: skip
    assert filled == {
        ("Age", "18-34"): (2, 1, 0, 8),
        ("Age", "35-plus"): (0, 0, 1, 12),
        ("Sex", "female"): (1, 0, 1, 10),
        ("Sex", "male"): (1, 1, 0, 10),
    }
    assert [division.to_complete for division in progress.divisions] == [18, 18]
    assert {state: count for state, count in progress.participations.items() if count} == {
        "completed": 2, "active": 1, "reserved": 1, "timed_out": 1, "returned": 1,
    }  # fmt: skip


# Battles


def test_battles_are_judged_under_way_or_left() -> None:
    study = make_live_study(contestants=3)
    judged = [judged_battle(study, seed) for seed in range(4)]
    under_way = [open_battle(study, seed=seed) for seed in range(3)]
    gone = open_battle(study)
    Participation.objects.filter(pk=gone.participation_id).update(state=State.TIMED_OUT)
    # Her first battle was replaced by another: nobody goes back to it.
    replaced = under_way[0]
    second = Battle.objects.create(
        participation=replaced.participation,
        key="2",
        side_a=replaced.side_b,
        side_b=replaced.side_a,
        created_at=NOW,
    )
    progress = read(study)
    assert progress.battles == BattleCount(judged=4, under_way=3, left=2)
    for contestant in study.contestants.all():
        assert of(progress, contestant).battles == BattleCount(
            judged=sum(contestant in on_sides(b) for b in judged),
            under_way=sum(contestant in on_sides(b) for b in (second, *under_way[1:])),
            left=sum(contestant in on_sides(b) for b in (gone, replaced)),
        )


def test_simulated_battles_and_rated_ones_are_judged() -> None:
    single = make_live_study(protocol=Study.Protocol.SINGLE)
    study = make_study(raters=10)
    assert Verdict.objects.of(study).count() == 80
    assert read(study).battles == BattleCount(judged=40)
    contestant = single.contestants.all()[0]
    battles = [
        Battle.objects.create(
            participation=take_part(single), key="1", side_a=contestant, created_at=NOW
        )
        for _ in range(2)
    ]
    Rating.objects.create(
        battle=battles[0], dimension=single.dimensions.all()[0], score=5, recorded_at=NOW
    )
    progress = read(single)
    assert progress.battles == BattleCount(judged=1, under_way=1)
    assert of(progress, contestant).battles == BattleCount(judged=1, under_way=1)


def test_a_contestant_that_gave_its_name_away_is_told_from_the_other_side() -> None:
    study = make_live_study()
    battle, other = open_battle(study, seed=1), open_battle(study, seed=2)
    for number in (1, 2):
        turn = say(battle, "Who are you?", number=number)
        answer(turn, "a")
        answer(turn, "b")
        turn.replies.filter(side="a").update(masked=2)
        Turn.objects.filter(pk=turn.pk).update(is_identity_probe=True)
    turn = say(other, "How are you?")
    Turn.objects.filter(pk=turn.pk).update(is_identity_probe=True)
    progress = read(study)
    assert progress.marked == 2
    assert (of(progress, battle.side_a).asked_who, of(progress, battle.side_a).gave_away) == (2, 1)
    assert (of(progress, battle.side_b).asked_who, of(progress, battle.side_b).gave_away) == (2, 0)


# Endpoints


def answer_all(battle: Battle, **figures: Any) -> Turn:
    turn = say(battle)
    answer(turn, "a")
    answer(turn, "b")
    turn.replies.update(**figures)
    return turn


def test_calls_are_counted_by_endpoint_on_both_sides() -> None:
    study = make_live_study()
    by_hand: dict[tuple[int, str], int] = {}
    states = ["finished", "failed", "claimed", "waiting"]
    chance = Random(4)
    for seed in range(12):
        battle = open_battle(study, seed=seed)
        turn = say(battle)
        for side, contestant in (("a", battle.side_a), ("b", battle.side_b)):
            state, attempts = chance.choice(states), chance.randint(1, 4)
            claimed = {"claim": "0" * 32, "leased_until": NOW} if state == "claimed" else {}
            turn.replies.filter(side=side).update(
                state=state, attempts=attempts, text="Yes.", error="ServerError: 500", **claimed
            )
            for key, count in ((state, 1), ("retries", attempts - 1)):
                by_hand[contestant.pk, key] = by_hand.get((contestant.pk, key), 0) + count
    progress = read(study)
    for contestant in study.contestants.all():
        calls = endpoint(progress, contestant).calls
        found = (calls.finished, calls.failed, calls.being_asked, calls.waiting, calls.retries)
        keys = (*states, "retries")
        assert found == tuple(by_hand.get((contestant.pk, key), 0) for key in keys)
        assert math.isclose(calls.failure_share, calls.failed / (calls.finished + calls.failed))


def test_an_endpoint_that_was_never_asked_has_no_share_of_failures() -> None:
    progress = read(make_live_study())
    assert [line.calls.failure_share for line in progress.endpoints] == [None, None]
    assert [line.whole for line in progress.endpoints] == [Latency(), Latency()]
    assert progress.cost_per_battle is None


def test_errors_are_counted_by_their_kind() -> None:
    study = make_live_study()
    by_hand: dict[Contestant, Counter[str]] = defaultdict(Counter)
    for seed in range(5):
        battle = open_battle(study, seed=seed)
        turn = say(battle)
        # One waits to be asked again, one is given up.
        words = f"RateLimitedError: status 429, after {seed} s"
        turn.replies.filter(side="a").update(error=words)
        fail(turn, "b")
        by_hand[battle.side_a]["RateLimitedError"] += 1
        by_hand[battle.side_b]["RefusedRequestError"] += 1
    progress = read(study)
    for contestant, errors in by_hand.items():
        assert dict(endpoint(progress, contestant).errors) == errors


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], Latency()),
        ([7], Latency(7, 7)),
        ([1, 2, 3, 10], Latency(2.5, 10)),
        (list(range(100, 0, -1)), Latency(50.5, 95)),
    ],
)
def test_latency_is_the_median_and_the_nearest_rank(times: list[int], expected: Latency) -> None:
    assert Latency.of(times) == expected


def test_latency_is_that_of_each_endpoint() -> None:
    study = make_live_study()
    first: dict[int, list[int]] = {}
    for n in range(1, 8):
        battle = open_battle(study, seed=n)
        turn = answer_all(battle)
        for side, contestant in (("a", battle.side_a), ("b", battle.side_b)):
            ms = 100 * n + (1 if side == "a" else 50)
            turn.replies.filter(side=side).update(first_piece_ms=ms, total_ms=2 * ms)
            first.setdefault(contestant.pk, []).append(ms)
    progress = read(study)
    for contestant in study.contestants.all():
        line = endpoint(progress, contestant)
        assert line.first_piece == Latency.of(first[contestant.pk])
        assert line.whole == Latency.of([2 * ms for ms in first[contestant.pk]])


def test_cost_stands_against_the_budget_and_for_each_judged_battle() -> None:
    study = make_live_study(budget=Decimal("4.00"))
    ChatModel.objects.update(input_price=1, output_price=2)
    for seed in range(4):
        battle = judged_battle(study, seed)
        Reply.objects.filter(turn__battle=battle).update(
            prompt_tokens=100_000, completion_tokens=12_500, total_ms=10
        )
    study.refresh_from_db()
    progress = read(study)
    assert progress.spending.cost == 1
    assert (progress.budget_share, progress.cost_per_battle) == (0.25, Decimal("0.25"))
    assert sum(line.spending.cost for line in progress.endpoints) == 1


def test_erased_answers_are_counted_as_answers() -> None:
    study = make_live_study()
    battle = open_battle(study)
    answer_all(battle, total_ms=900, first_piece_ms=10, prompt_tokens=5, completion_tokens=5)
    before = read(study).endpoints
    withdraw_and_erase(battle.participation, at=timezone.now())
    assert read(study).endpoints == before


# Pace


def test_hours_count_what_ended_in_them() -> None:
    study = make_live_study()
    at = datetime(2026, 3, 1, 12, 30, tzinfo=NOW.tzinfo)
    ends = [at - timedelta(minutes=m) for m in (0, 29, 31, 91, 60 * HOURS_SHOWN)]
    for seed, end in enumerate(ends):
        battle = judged_battle(study, seed)
        Battle.objects.filter(pk=battle.pk).update(judged_at=end)
        Participation.objects.filter(pk=battle.participation_id).update(
            state=State.COMPLETED, ended_at=end
        )
    hours = read_progress(study, at=at).hours
    assert len(hours) == HOURS_SHOWN
    assert [hour.begins_at.hour for hour in hours[-3:]] == [10, 11, 12]
    assert [hour.battles for hour in hours[-3:]] == [1, 1, 2]
    assert [hour.raters for hour in hours[-3:]] == [1, 1, 2]
    assert sum(hour.battles for hour in hours) == 4


@pytest.fixture
def open_study() -> Study:
    return complete_design(make_study(raters=0, state="open"), raters=20)


def test_the_end_is_expected_by_the_pace_of_the_last_hours(open_study: Study) -> None:
    for minutes in (10, 100, 359, 361):
        join(open_study, "18-34|female", State.COMPLETED, NOW - timedelta(minutes=minutes))
    forecast = read_progress(open_study, at=NOW).forecast
    assert (forecast.to_complete, forecast.completed, forecast.over) == (16, 3, PACE_OVER)
    assert forecast.an_hour == 0.5
    assert forecast.time_left == timedelta(hours=32)


def test_a_study_just_opened_is_measured_since_then(open_study: Study) -> None:
    open_study.opened_at = NOW - timedelta(hours=1)
    for _ in range(4):
        join(open_study, "18-34|female", State.COMPLETED, NOW - timedelta(minutes=5))
    forecast = read_progress(open_study, at=NOW).forecast
    assert (forecast.over, forecast.time_left) == (timedelta(hours=1), timedelta(hours=4))


def test_without_a_pace_or_a_goal_no_end_is_expected(open_study: Study) -> None:
    assert read_progress(open_study, at=NOW).forecast.time_left is None
    boundless = make_live_study(contestants=0)
    join(boundless, "", State.COMPLETED)
    forecast = read_progress(boundless, at=NOW + timedelta(minutes=1)).forecast
    assert (forecast.to_complete, forecast.completed, forecast.time_left) == (None, 1, None)


def test_a_full_study_is_at_its_end(open_study: Study) -> None:
    for cell, count in (("18-34|female", 8), ("35-plus|male", 10), ("35-plus|female", 2)):
        for _ in range(count):
            join(open_study, cell, State.COMPLETED, NOW - timedelta(days=3))
    forecast = read_progress(open_study, at=NOW).forecast
    assert (forecast.to_complete, forecast.time_left) == (0, timedelta())


# All of it


def test_the_number_of_queries_does_not_depend_on_the_study() -> None:
    numbers = []
    for study in (make_live_study(), make_study(raters=40)):
        with CaptureQueriesContext(connection) as queries:
            read(study)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 30


def test_what_happens_in_another_study_changes_nothing() -> None:
    study = make_live_study()
    withdraw_contestant(study.contestants.all()[0], reason="Retired.", at=timezone.now())
    at = timezone.now()
    before = read_progress(study, at=at)
    make_study(raters=10)
    assert read_progress(study, at=at) == before
    assert len(before.contestants) == 2, "One that withdrew is shown with what it has done."
