"""Screens at work: after each turn and battle, once for each flaw, as the study's rules say."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from raters import tasks
from raters.models import Battle, Participation, Rating, Reply, Signal, Strike, Turn, Verdict
from raters.quality.flaws import FlawKind
from raters.quality.lenience import FORGIVEN
from raters.services.battles import give_verdicts, next_battle
from raters.services.habits import OTHERS_NEEDED, habits_of, others_of
from raters.services.screening import LEASE, Rules, ring_due_screens, screen_battle, screen_turn
from raters.services.talk import read_talk
from studies.models import AttentionCheck, ScreenRule, Study, Task
from tests.raters.live import answer, make_live_study, open_battle, say, take_part

OVEN = "How do I clean the oven after a roast, and what do I need for it?"
DOOR = "And the glass of its door, does it need anything else than that?"
MASHED = "sdfghjkl qwrtzp xcvbnm dfghjklk"
SNAKE = "How long does the longest snake in the jungles of Brazil grow?"
LONG = "Warm the oven, spread the soda on it, wait for an hour and wipe it out again. " * 5

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_live_study(max_turns=5, task="Ask for help with something at home.")


@pytest.fixture
def battle(study: Study) -> Battle:
    return open_battle(study)


def screen(row: Turn | Battle) -> None:
    run = screen_turn if isinstance(row, Turn) else screen_battle
    run(row.pk, at=timezone.now())
    row.refresh_from_db()
    assert row.screen_due_at is None


def talk(battle: Battle, *texts: str, seconds: float = 60) -> list[Turn]:
    """Messages that are answered, each written in so many seconds, and screened."""
    before = battle.turns.order_by("number").last()
    at = before.created_at if before else timezone.now() - timedelta(hours=1)
    if before is None:
        Battle.objects.filter(pk=battle.pk).update(created_at=at)
    turns = []
    for text in texts:
        turn = say(battle, text, battle.turns.count() + 1)
        at += timedelta(seconds=seconds)
        Turn.objects.filter(pk=turn.pk).update(created_at=at)
        for side in ("a", "b"):
            answer(turn, side, LONG, at=at)
        screen(turn)
        turns.append(turn)
    return turns


def judge(battle: Battle, *, after: float = 600, outcomes: Sequence[str] = ("a", "b")) -> None:
    """Verdicts so many seconds after the last answers, screened."""
    at = battle.turns.latest("number").created_at + timedelta(seconds=after)
    chosen = dict(zip(("overall", "warmth"), outcomes, strict=True))
    give_verdicts(battle, outcomes=chosen, at=at)
    screen(battle)


def kinds(model: type[Strike] | type[Signal]) -> list[str]:
    return list(model.objects.order_by("pk").values_list("kind", flat=True))


# After each turn


def test_a_careful_conversation_leaves_nothing(battle: Battle) -> None:
    talk(battle, OVEN, DOOR, "How often should one do that, if one roasts every Sunday?")
    judge(battle)
    assert kinds(Strike) == kinds(Signal) == []


def test_gibberish_strikes_and_quotes_her(battle: Battle) -> None:
    (turn,) = talk(battle, MASHED)
    strike = Strike.objects.get()
    assert (strike.kind, strike.key) == ("gibberish", f"gibberish:turn:{turn.pk}")
    assert (strike.turn, strike.battle, strike.screen) == (turn, battle, "find_gibberish")
    assert MASHED in strike.evidence


def test_a_message_screened_again_counts_once(battle: Battle) -> None:
    (turn,) = talk(battle, MASHED)
    for _ in range(2):
        Turn.objects.filter(pk=turn.pk).update(screen_due_at=timezone.now())
        screen(turn)
    assert kinds(Strike) == ["gibberish"]


def test_one_message_is_struck_once_whatever_is_wrong_with_it(study: Study, battle: Battle) -> None:
    Study.objects.filter(pk=study.pk).update(task=f"Say {MASHED} {MASHED}.")
    battle.refresh_from_db()
    turn = talk(battle, f"{MASHED} {MASHED}")[0]
    for _ in range(2):
        assert kinds(Strike) == ["gibberish"]
        assert kinds(Signal) == ["copied_task"]
        Turn.objects.filter(pk=turn.pk).update(screen_due_at=timezone.now())
        screen(turn)


def test_the_battles_own_task_is_a_card_too(study: Study, battle: Battle) -> None:
    task = Task.objects.create(study=study, name="Oven", text="Ask how one cleans a dirty oven.")
    Battle.objects.filter(pk=battle.pk).update(task=task)
    talk(battle, "Ask how one cleans a dirty oven")
    assert kinds(Strike) == ["copied_task"]


def test_the_same_message_in_another_battle_is_a_repeat(study: Study, battle: Battle) -> None:
    talk(battle, OVEN)
    judge(battle)
    another = next_battle(battle.participation, at=timezone.now(), seed=2)
    if another is None:
        another = Battle.objects.create(
            participation=battle.participation, key="2", side_a=battle.side_a,
            side_b=battle.side_b, created_at=timezone.now(),
        )  # fmt: skip
    talk(another, OVEN)
    assert kinds(Strike) == ["repeated"]


def test_leaving_the_topic_again_and_again_strikes(battle: Battle) -> None:
    talk(battle, OVEN, SNAKE, "Why do cats purr at night?")
    assert kinds(Signal) == ["drift"] * FORGIVEN[FlawKind.DRIFT]
    talk(battle, "Did Mozart write any operas about kings?")
    strike = Strike.objects.get()
    assert strike.kind == "drift"
    assert "“Did Mozart write any operas about kings?”" in strike.evidence
    assert "“Why do cats purr at night?”" in strike.evidence


def test_what_the_browser_tells_is_a_signal_only(study: Study, battle: Battle) -> None:
    for kind in ("pasted", "away"):
        ScreenRule.objects.create(study=study, kind=kind, action="strike")
    turn = say(battle, OVEN)
    Turn.objects.filter(pk=turn.pk).update(
        pasted_signs=len(OVEN), times_away=7, created_at=battle.created_at + timedelta(minutes=2)
    )
    screen(turn)
    assert sorted(kinds(Signal)) == ["away", "pasted"]
    assert kinds(Strike) == []


def test_faster_than_anybody_types_is_a_signal_only(battle: Battle) -> None:
    talk(battle, OVEN, seconds=1)
    assert kinds(Signal) == ["speeding"]
    assert Signal.objects.get().figures["seconds"] == 1.0


# A study's own rules


@pytest.mark.parametrize(
    ("action", "strikes", "signals"),
    [("strike", ["gibberish"], []), ("signal", [], ["gibberish"]), ("off", [], [])],
)
def test_a_study_says_what_a_screen_may_do(
    study: Study, battle: Battle, action: str, strikes: list[str], signals: list[str]
) -> None:
    ScreenRule.objects.create(study=study, kind="gibberish", action=action)
    talk(battle, MASHED)
    assert (kinds(Strike), kinds(Signal)) == (strikes, signals)


def test_a_study_sets_its_own_thresholds(study: Study, battle: Battle) -> None:
    talk(battle, "Clean my oven")
    assert kinds(Signal) == []
    ScreenRule.objects.create(study=study, kind="too_short", action="signal", threshold=4)
    talk(battle, "Clean its door")
    assert kinds(Signal) == ["too_short"]


def test_a_rule_of_an_unknown_kind_is_an_error(study: Study) -> None:
    ScreenRule.objects.create(study=study, kind="laziness", action="strike")
    with pytest.raises(ValueError, match="laziness"):
        Rules.of(study)


# After each battle


def test_a_battle_of_single_words_strikes_once(battle: Battle) -> None:
    talk(battle, "Ovens", "Yes", "Soda")
    assert kinds(Strike) == []
    judge(battle)
    assert Strike.objects.get().key == f"single_word:battle:{battle.pk}"


def test_judging_what_nobody_can_have_read_strikes_in_the_end(study: Study) -> None:
    hers = take_part(study)
    for n in range(FORGIVEN[FlawKind.SPEEDING] + 1):
        battle = Battle.objects.create(
            participation=hers, key=str(n), side_a=study.contestants.all()[0],
            side_b=study.contestants.all()[1], created_at=timezone.now(),
        )  # fmt: skip
        talk(battle, f"{OVEN} I have {n} of them, all different, all black inside.")
        judge(battle, after=1, outcomes=("a", "b") if n % 2 else ("b", "tie"))
    slips = Signal.objects.filter(screen="find_fast_comparison")
    assert slips.count() == FORGIVEN[FlawKind.SPEEDING]
    assert Strike.objects.get(kind="speeding").battle == battle


def test_time_runs_from_the_first_words_of_an_answer(battle: Battle) -> None:
    (turn,) = talk(battle, OVEN)
    asked_at = turn.created_at + timedelta(seconds=30)
    Reply.objects.filter(turn=turn, side="a").update(asked_at=asked_at, first_piece_ms=2_000)
    Reply.objects.filter(turn=turn, side="b").update(asked_at=asked_at, first_piece_ms=9_000)
    turn.refresh_from_db()
    assert read_talk(turn).replies_began_at == asked_at + timedelta(seconds=2)


def others_vote(study: Study, *, raters: int = OTHERS_NEEDED, battles: int = 3) -> None:
    """Raters who answer every third battle alike, and prefer each side as often."""
    sides = study.contestants.all()
    dimensions = study.dimensions.order_by("position")
    for n in range(raters):
        participation = take_part(study)
        for m in range(battles):
            vote(participation, str(m), sides, dimensions, "ab"[(n + m) % 2], m % 3 == 0)


def vote(participation, key, sides, dimensions, side, is_alike) -> Battle:  # type: ignore[no-untyped-def]
    at: datetime = timezone.now()
    battle = Battle.objects.create(
        participation=participation, key=key, side_a=sides[0], side_b=sides[1],
        created_at=at, judged_at=at, screen_due_at=at,
    )  # fmt: skip
    for dimension, outcome in zip(dimensions, (side, side if is_alike else "tie"), strict=True):
        Verdict.objects.create(battle=battle, dimension=dimension, outcome=outcome, recorded_at=at)
    return battle


def test_the_same_answer_to_everything_strikes_where_others_differ(study: Study) -> None:
    others_vote(study)
    hers, dimensions = take_part(study), study.dimensions.order_by("position")
    assert others_of(hers).population is not None
    for n in range(9):
        battle = vote(hers, str(n), study.contestants.all(), dimensions, "ab"[n % 2], True)
        screen(battle)
    strike = Strike.objects.get()
    assert (strike.kind, strike.key) == ("straight_lining", "straight_lining:participation")


def test_always_the_same_side_strikes_once(study: Study) -> None:
    hers, dimensions = take_part(study), study.dimensions.order_by("position")
    for n in range(16):
        screen(vote(hers, str(n), study.contestants.all(), dimensions, "a", False))
    assert kinds(Strike) == ["one_sided"]


def test_what_others_do_is_not_guessed_from_few(study: Study) -> None:
    others_vote(study, raters=OTHERS_NEEDED - 1, battles=1)
    others = others_of(take_part(study))
    assert (others.population, others.share_of_a) == (None, 0.5)


def test_attention_checks_are_not_among_her_verdicts(study: Study) -> None:
    hers, dimensions = take_part(study), study.dimensions.order_by("position")
    battle = vote(hers, "1", study.contestants.all(), dimensions, "a", True)
    vote(hers, "2", study.contestants.all(), dimensions, "b", False)
    check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
    Battle.objects.filter(pk=battle.pk).update(attention_check=check, broken_side="b")
    assert habits_of(hers).sides == ("b",)
    assert habits_of(hers).answers.tolist() == [[2, 1]]


def test_a_battle_shown_again_is_not_screened_again(study: Study, battle: Battle) -> None:
    talk(battle, MASHED)
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    again = Battle.objects.create(
        participation=battle.participation, key="2", side_a=battle.side_b, side_b=battle.side_a,
        created_at=timezone.now(), attention_check=check, repeats=battle,
    )  # fmt: skip
    now = timezone.now()
    shown = Turn.objects.create(
        battle=again, number=1, text=MASHED, created_at=now, screen_due_at=now
    )
    screen(shown)
    assert kinds(Strike) == ["gibberish"]


def test_a_study_of_ratings_is_read_too(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(protocol="single")
    study.refresh_from_db()
    hers, at = take_part(study), timezone.now()
    for n in range(2):
        battle = Battle.objects.create(
            participation=hers, key=str(n), side_a=study.contestants.all()[n],
            created_at=at, judged_at=at, screen_due_at=at,
        )  # fmt: skip
        for dimension in study.dimensions.all():
            Rating.objects.create(battle=battle, dimension=dimension, score=4 + n, recorded_at=at)
        screen(battle)
    assert habits_of(hers).answers.tolist() == [[4, 4], [5, 5]]
    assert kinds(Strike) == []


# Bells


def bells(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is rung for, in order."""
    rung: list[tuple[str, int]] = []
    for bell in (tasks.screen_turn, tasks.screen_battle):
        monkeypatch.setattr(
            bell, "apply_async", lambda ids, name=bell.name, **_: rung.append((name, *ids))
        )
    return rung


def test_a_message_and_a_verdict_ring_for_their_screens(
    study: Study,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    rung = bells(monkeypatch)
    battle = open_battle(study)
    with django_capture_on_commit_callbacks(execute=True):
        turn = say(battle, OVEN)
    for side in ("a", "b"):
        answer(turn, side, LONG)
    with django_capture_on_commit_callbacks(execute=True):
        give_verdicts(battle, outcomes={"overall": "a", "warmth": "b"}, at=timezone.now())
    assert rung == [
        ("raters.tasks.screen_turn", turn.pk),
        ("raters.tasks.screen_battle", battle.pk),
    ]


def test_a_bell_that_was_lost_is_rung_again(
    battle: Battle,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    rung = bells(monkeypatch)
    turn = say(battle, MASHED)
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_due_screens(at=timezone.now()) == 1
    assert rung == [("raters.tasks.screen_turn", turn.pk)]
    tasks.screen_turn(turn.pk)
    assert kinds(Strike) == ["gibberish"]
    assert ring_due_screens(at=timezone.now()) == 0


def test_a_worker_that_died_leaves_its_screen_to_another(battle: Battle) -> None:
    turn = say(battle, MASHED)
    now = timezone.now()
    Turn.objects.filter(pk=turn.pk).update(screen_due_at=now + LEASE)
    screen_turn(turn.pk, at=now)
    assert kinds(Strike) == [], "Somebody else has begun."
    screen_turn(turn.pk, at=now + LEASE)
    assert kinds(Strike) == ["gibberish"]


def test_a_broker_that_cant_be_reached_fails_no_message(
    battle: Battle,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def refuse(*_ids: object, **_options: object) -> None:
        raise OperationalError("no broker")

    for bell in (tasks.screen_turn, tasks.make_reply):
        monkeypatch.setattr(bell, "apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        turn = say(battle, OVEN)
    turn.refresh_from_db()
    assert turn.screen_due_at is not None


def test_words_that_are_erased_are_not_read(battle: Battle) -> None:
    turn = say(battle, MASHED)
    Turn.objects.filter(pk=turn.pk).update(text="", is_erased=True)
    screen(turn)
    assert kinds(Strike) == []
    assert Participation.objects.get().state == "active"
