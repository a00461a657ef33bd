"""Replies: claimed, made on a real server, finished once; whatever fails is no answer."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from raters.models import Battle, Reply, Turn
from raters.services import replies
from raters.services.answers import ANONYMITY_RULE
from raters.services.battles import retry_reply
from raters.services.replies import (
    FULL_DELAY,
    TIME_LIMIT,
    claim_reply,
    due_replies,
    finish_reply,
    make_reply,
    return_expired_leases,
    ring_due_replies,
)
from raters.shown import text_for_rater
from raters.tasks import ring_due_replies as beat
from studies.models import ChatModel, Study
from studies.providers import FinishReason
from studies.providers import Reply as Answer
from tests.chat_server import ChatServer, Cut, Events, Refuse, Talk, Whole, text_event
from tests.raters.live import (
    answer,
    later,
    make_live_study,
    model_of,
    open_battle,
    reply_to,
    say,
    server,  # noqa: F401  a fixture
    shared_database,  # noqa: F401  a fixture
)

pytestmark = pytest.mark.django_db

FAST = timedelta(milliseconds=20)
SHORT_LEASE = timedelta(seconds=1)


@pytest.fixture
def battle(server: ChatServer) -> Battle:  # noqa: F811
    return open_battle(make_live_study(server.base_url))


@pytest.fixture
def turn(battle: Battle) -> Turn:
    return say(battle)


def make(turn: Turn, side: str) -> Reply:
    """Let the reply fall due, make it, and see what came of it."""
    Reply.objects.filter(turn=turn, side=side).update(due_at=timezone.now())
    make_reply(reply_to(turn, side).pk, write_every=FAST)
    return reply_to(turn, side)


def whole(text: str = "Boil it.") -> Answer:
    return Answer(text, FinishReason.STOP, 1, 2, 3, 4)


def test_a_reply_is_made_and_kept_with_its_figures(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    reply = make(turn, "a")
    assert (reply.state, reply.text) == ("finished", "Boil the rice in salted water.")
    assert (reply.prompt_tokens, reply.completion_tokens) == (12, 6)
    assert reply.first_piece_ms is not None
    assert reply.total_ms is not None
    assert reply.first_piece_ms <= reply.total_ms
    assert (reply.claim, reply.error, reply.attempts) == (None, "", 1)


def test_a_side_hears_its_own_conversation_and_not_to_name_itself(
    server: ChatServer,  # noqa: F811
    battle: Battle,
    turn: Turn,
) -> None:
    answer(turn, "a", "Boil it.")
    answer(turn, "b", "Steam it.")
    second = say(battle, "How long?", number=2)
    make(second, "b")
    messages = server.requests[0].body["messages"]
    system, *said = messages
    assert system["role"] == "system"
    assert system["content"].startswith(f"You are {battle.side_b.name}.")
    assert system["content"].endswith(ANONYMITY_RULE)
    assert said == [
        {"role": "user", "content": "How do I cook rice?"},
        {"role": "assistant", "content": "Steam it."},
        {"role": "user", "content": "How long?"},
    ]
    assert server.requests[0].body["model"] == model_of(battle, "b")


def test_each_claim_says_when_the_chat_model_was_asked(turn: Turn) -> None:
    reply, now = reply_to(turn, "a"), timezone.now()
    assert reply.asked_at is None
    for at in (now, now + 2 * SHORT_LEASE):
        assert claim_reply(reply.pk, at=at, lease=SHORT_LEASE)
        reply.refresh_from_db()
        assert reply.asked_at == at


def test_alone_a_side_is_asked_as_ever(server: ChatServer) -> None:  # noqa: F811
    battle = open_battle(make_live_study(server.base_url, protocol="single"))
    reply = make(say(battle), "a")
    assert (reply.state, reply.text) == ("finished", "Boil the rice in salted water.")
    assert server.requests[0].body["model"] == model_of(battle, "a")


def test_a_reply_of_a_side_that_its_battle_has_not_is_nobody_s() -> None:
    turn = say(open_battle(make_live_study(protocol="single")))
    stray = Reply.objects.create(turn=turn, side="b", due_at=timezone.now())
    with pytest.raises(ValueError, match="only one contestant"):
        replies.contestant_of(stray)


def test_a_second_bell_asks_nobody(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    make(turn, "a")
    make(turn, "a")
    assert len(server.requests) == 1


def test_when_asked_too_often_it_waits_as_long_as_it_is_told(
    server: ChatServer,  # noqa: F811
    turn: Turn,
) -> None:
    server.play(Refuse(429, retry_after="7"))
    reply = make(turn, "a")
    assert reply.state == "waiting"
    assert reply.error.startswith("RateLimitedError: status 429")
    assert timedelta(seconds=6) < reply.due_at - timezone.now() < timedelta(seconds=9)
    make_reply(reply.pk)
    assert len(server.requests) == 1, "It was asked before its time."
    assert make(turn, "a").state == "finished"
    assert reply_to(turn, "a").attempts == 2


@pytest.mark.parametrize(
    "trouble",
    [
        Refuse(500),
        Cut(),
        Cut(is_reset=True),
        Events((text_event("", "stop"), "[DONE]")),
        Events(("{not json",)),
        Whole(b"<html>", kind="text/html"),
    ],
    ids=["500", "cut", "reset", "empty", "garbage", "html"],
)
def test_what_fails_is_no_answer_and_is_asked_for_again(
    server: ChatServer,  # noqa: F811
    turn: Turn,
    trouble: object,
) -> None:
    server.play(trouble)
    reply = make(turn, "a")
    assert (reply.state, reply.text, reply.claim) == ("waiting", "", None)
    assert reply.error
    assert reply.due_at > timezone.now()
    reply = make(turn, "a")
    assert (reply.state, reply.error) == ("finished", "")
    assert reply.text == "Boil the rice in salted water."


def test_it_gives_up_after_four_attempts_and_the_rater_may_ask_again(
    server: ChatServer,  # noqa: F811
    turn: Turn,
) -> None:
    server.play(*[Refuse(503)] * 4)
    states = [make(turn, "a").state for _ in range(4)]
    assert states == ["waiting", "waiting", "waiting", "failed"]
    reply = reply_to(turn, "a")
    assert (reply.text, reply.claim) == ("", None)
    assert "503" in reply.error
    retry_reply(reply, at=timezone.now())
    assert make(turn, "a").state == "finished"


def test_what_cannot_be_mended_is_given_up_at_once(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    server.play(Refuse(401))
    assert make(turn, "a").state == "failed"


def test_a_chat_model_without_an_address_fails_with_a_word_for_the_admin() -> None:
    turn = say(open_battle(make_live_study("")))
    reply = make(turn, "a")
    assert reply.state == "failed"
    assert "has no address" in reply.error


def test_after_two_minutes_it_is_given_up(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    server.play(Refuse(500))
    Turn.objects.update(created_at=later(seconds=0.5) - TIME_LIMIT)
    assert make(turn, "a").state == "failed"


def test_one_that_nobody_asked_for_in_time_is_asked_for_once(
    server: ChatServer,  # noqa: F811
    turn: Turn,
) -> None:
    Turn.objects.update(created_at=timezone.now() - 10 * TIME_LIMIT)
    assert make(turn, "a").state == "finished"


# Claims


def test_a_reply_has_one_claim(turn: Turn) -> None:
    reply, now = reply_to(turn, "a"), timezone.now()
    assert claim_reply(reply.pk, at=now)
    assert claim_reply(reply.pk, at=now) is None


def test_an_ended_lease_is_claimed_anew_and_the_old_claim_writes_nothing(turn: Turn) -> None:
    reply, now = reply_to(turn, "a"), timezone.now()
    first = claim_reply(reply.pk, at=now, lease=SHORT_LEASE)
    assert first
    second = claim_reply(reply.pk, at=now + 2 * SHORT_LEASE)
    assert second
    assert not finish_reply(first, whole("Old."), at=now)
    assert finish_reply(second, whole("New."), at=now)
    assert not finish_reply(first, whole("Old."), at=now)
    assert reply_to(turn, "a").text == "New."


def test_who_has_lost_the_claim_hangs_up(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    reply = reply_to(turn, "a")
    claim = claim_reply(reply.pk, at=timezone.now())
    assert claim
    Reply.objects.filter(pk=reply.pk).update(claim="0" * 32)
    server.play(Talk(seconds_between=0.05))
    with pytest.raises(replies.ClaimLostError):
        replies._ask(claim, lease=SHORT_LEASE, write_every=FAST)
    assert reply_to(turn, "a").text == ""


def test_a_silent_chat_model_does_not_cost_the_worker_its_lease(
    server: ChatServer,  # noqa: F811
    turn: Turn,
) -> None:
    server.play(Talk(seconds_before=1.5))
    reply = reply_to(turn, "a")
    make_reply(reply.pk, lease=timedelta(seconds=0.9), write_every=FAST)
    reply.refresh_from_db()
    assert (reply.state, reply.attempts) == ("finished", 1)


def test_the_lease_of_a_dead_worker_is_returned(turn: Turn) -> None:
    a, b, now = reply_to(turn, "a"), reply_to(turn, "b"), timezone.now()
    assert claim_reply(a.pk, at=now, lease=SHORT_LEASE)
    assert claim_reply(b.pk, at=now)
    Reply.objects.filter(pk=a.pk).update(text="Boil the")
    assert return_expired_leases(at=now + 2 * SHORT_LEASE) == 1
    a.refresh_from_db()
    assert (a.state, a.text) == ("waiting", "")
    assert reply_to(turn, "b").state == "claimed"


def test_a_reply_that_kills_its_workers_is_given_up(turn: Turn) -> None:
    reply, now = reply_to(turn, "a"), timezone.now()
    for _ in range(4):
        assert claim_reply(reply.pk, at=now, lease=SHORT_LEASE)
        now += 2 * SHORT_LEASE
        return_expired_leases(at=now)
    reply.refresh_from_db()
    assert (reply.state, reply.error) == ("failed", replies.DIED)


def test_no_more_calls_at_once_than_the_endpoint_bears(server: ChatServer) -> None:  # noqa: F811
    study = make_live_study(server.base_url, max_concurrent=1)
    first, second = say(open_battle(study)), say(open_battle(study))
    same = {
        side: model_of(second.battle, side) == model_of(first.battle, "a") for side in ("a", "b")
    }
    side = next(side for side, is_same in same.items() if is_same)
    now = timezone.now()
    claim = claim_reply(reply_to(first, "a").pk, at=now)
    assert claim
    assert claim_reply(reply_to(second, side).pk, at=now) is None
    assert reply_to(second, side).due_at == now + FULL_DELAY
    assert claim_reply(reply_to(first, "b").pk, at=now), "Another endpoint has places of its own."
    finish_reply(claim, whole(), at=now)
    replies._ring_next(claim.chat_model, at=now)
    assert claim_reply(reply_to(second, side).pk, at=now)


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_take_no_place_too_many(
    server: ChatServer,  # noqa: F811
    shared_database: str,  # noqa: F811
) -> None:
    study = make_live_study(server.base_url, max_concurrent=3)
    turns = [say(open_battle(study)) for _ in range(8)]
    ids = list(Reply.objects.filter(turn__in=turns).values_list("pk", flat=True)) * 2
    claims: list[object] = []

    def work(reply_id: int) -> None:
        claims.append(claim_reply(reply_id, at=timezone.now()))
        connection.close()

    in_threads([lambda reply_id=reply_id: work(reply_id) for reply_id in ids])
    assert len(claims) == 32
    for model in ChatModel.objects.all():
        assert replies._under_way(model, at=timezone.now()) == 3
    assert len([claim for claim in claims if claim]) == 6


def in_threads(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Bells


def test_what_is_due_is_rung_for(
    turn: Turn, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(
        "raters.tasks.make_reply.apply_async", lambda args, **_: rung.append(args[0])
    )
    answer(turn, "a")
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_due_replies(at=timezone.now()) == 1
    assert rung == [reply_to(turn, "b").pk]
    assert not due_replies(at=turn.created_at - SHORT_LEASE).exists()


def test_a_broker_that_is_gone_loses_nothing(
    battle: Battle, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable
) -> None:
    from kombu.exceptions import OperationalError

    def refuse(*_args: object, **_options: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr("raters.tasks.make_reply.apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        turn = say(battle)
    assert due_replies(at=timezone.now()).filter(turn=turn).count() == 2
    beat()


def test_a_closed_study_does_not_stop_a_reply_under_way(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    Study.objects.update(state=Study.State.CLOSED)
    assert make(turn, "a").state == "finished"


# What is shown


def test_names_are_masked_and_the_original_is_kept(server: ChatServer, turn: Turn) -> None:  # noqa: F811
    server.play(Talk(pieces=("I am Ash", " 7B from Copse", " Labs, and not Birch.")))
    reply = make(turn, "a")
    hidden = "[name hidden]"
    assert text_for_rater(reply) == f"I am {hidden} from {hidden}, and not {hidden}."
    assert reply.text == "I am Ash 7B from Copse Labs, and not Birch."
    assert reply.masked == 3
    assert list(Battle.objects.marked()) == [turn.battle]


def test_an_answer_of_nothing_but_names_is_kept_as_well(turn: Turn) -> None:
    claim = claim_reply(reply_to(turn, "a").pk, at=timezone.now())
    assert claim
    assert finish_reply(claim, whole("Birch " * 40_000), at=timezone.now())
    assert reply_to(turn, "a").masked == replies.MOST_MASKED


def test_of_a_failed_reply_nothing_is_shown(turn: Turn) -> None:
    reply = reply_to(turn, "a")
    reply.state, reply.text = Reply.State.FAILED, "Boil"
    assert text_for_rater(reply) == ""


# A worker that is killed

WORKER = """
import sys, time
from datetime import timedelta
import django
django.setup()
from django.utils import timezone
from raters.services.replies import due_replies, make_reply, return_expired_leases
while True:
    return_expired_leases(at=timezone.now())
    for pk in due_replies(at=timezone.now()).values_list("pk", flat=True):
        make_reply(pk, lease=timedelta(seconds=1), write_every=timedelta(seconds=0.05))
    time.sleep(0.05)
"""


EMBEDDED = """
import time
import django
django.setup()
from hustings.management.commands.demo import embedded_worker
from raters.models import Reply
from raters.services.replies import ring_due_replies
from django.utils import timezone
with embedded_worker():
    ring_due_replies(at=timezone.now())
    until = time.monotonic() + 30
    while Reply.objects.filter(state="claimed").exclude(text="").count() < 8:
        assert time.monotonic() < until, list(Reply.objects.values_list("state", "error"))
        time.sleep(0.05)
    began = time.monotonic()
print(time.monotonic() - began)
"""


def start_worker(
    database_url: str, script: str = WORKER, **options: Any
) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "only-for-tests",
        "IDENTITY_KEY": "only-for-tests-as-well",
        "DJANGO_SETTINGS_MODULE": "hustings.settings",
        "PYTHONPATH": os.pathsep.join([".", "platform"]),
    }
    return subprocess.Popen([sys.executable, "-c", script], env=environment, **options)


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_reply_of_a_killed_worker_is_finished_by_the_next_once(
    server: ChatServer,  # noqa: F811
    shared_database: str,  # noqa: F811
) -> None:
    turn = say(open_battle(make_live_study(server.base_url)))
    answer(turn, "b")
    server.play(Talk(seconds_between=5))
    first = start_worker(shared_database)
    try:
        wait_until(lambda: reply_to(turn, "a").text != "")
    finally:
        first.kill()
        first.wait()
    killed_at = time.monotonic()
    assert reply_to(turn, "a").state == "claimed"
    second = start_worker(shared_database)
    try:
        wait_until(lambda: reply_to(turn, "a").state == "finished")
    finally:
        second.kill()
        second.wait()
    reply = reply_to(turn, "a")
    assert reply.text == "Boil the rice in salted water."
    assert (reply.attempts, len(server.requests)) == (2, 2)
    assert time.monotonic() - killed_at < 15
    assert Reply.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_embedded_worker_writes_many_replies_at_once_and_hands_them_back_at_its_end(
    server: ChatServer,  # noqa: F811
    shared_database: str,  # noqa: F811
) -> None:
    server.default = Talk(seconds_between=5)
    study = make_live_study(server.base_url)
    for _ in range(4):
        say(open_battle(study))
    worker = start_worker(shared_database, EMBEDDED, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, errors = worker.communicate(timeout=60)
    assert (worker.returncode, errors) == (0, b"")
    assert float(printed) < 5
    assert set(Reply.objects.values_list("state", "text", "attempts")) == {("waiting", "", 0)}
