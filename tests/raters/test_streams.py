"""Streams: what raters see of replies as they grow, in step, read once for all who watch."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from raters import streams
from raters.models import Battle, Reply, Turn
from raters.streams import PACE, Release, ReplyRow, ReplyUpdate, watch_battle
from tests.chat_server import ChatServer, Talk
from tests.raters.live import (
    answer,
    fail,
    make_live_study,
    model_of,
    open_battle,
    reply_to,
    say,
    server,  # noqa: F401  a fixture
    shared_database,  # noqa: F401  a fixture
)

LONG = "word " * 100
NO_NAMES: frozenset[str] = frozenset()


def row(side: str, text: str = "", state: str = Reply.State.CLAIMED) -> ReplyRow:
    return ReplyRow(side, state, text)


def finished(side: str, text: str) -> ReplyRow:
    return row(side, text, Reply.State.FINISHED)


def lengths(updates: list[ReplyUpdate]) -> dict[str, int]:
    return {update.side: len(update.text) for update in updates}


# In step


def test_the_faster_side_waits_for_the_slower() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a"), row("b")), at=0)
    release.advance((row("a", LONG), row("b", LONG[:200])), at=10)
    a, b = release._shown["a"], release._shown["b"]
    assert len(a.text) == len(b.text) > 100
    assert not release.advance((finished("a", LONG), row("b", LONG[:200])), at=20)
    assert release._shown["a"].state == "claimed", "That it has finished would tell its speed."


def test_neither_shows_anything_while_the_other_is_silent() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a"), row("b", state=Reply.State.WAITING)), at=0)
    assert not release.advance((finished("a", LONG), row("b")), at=60)


def test_when_both_have_ended_the_rest_comes_at_a_steady_pace() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a"), row("b")), at=0)
    rows = (finished("a", LONG * 4), finished("b", "Short."))
    assert lengths(release.advance(rows, at=1)) == {"a": PACE, "b": 6}
    assert release._shown["b"].state == "finished"
    assert lengths(release.advance(rows, at=2)) == {"a": 2 * PACE}
    assert not release.is_over
    release.advance(rows, at=9)
    assert release.is_over
    assert release._shown["a"] == ReplyUpdate(1, "a", "finished", LONG * 4, 0)


def test_after_a_failure_the_other_side_goes_on_alone() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a"), row("b")), at=0)
    updates = release.advance((row("a", LONG), row("b", "", Reply.State.FAILED)), at=10)
    assert {update.side: update.state for update in updates} == {"a": "claimed", "b": "failed"}
    assert lengths(updates)["a"] > 0


def test_a_discarded_answer_begins_anew_and_the_other_stays() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a", LONG), row("b", LONG)), at=0)
    shown = release._shown["a"]
    updates = release.advance((row("a", LONG), row("b", "", Reply.State.WAITING)), at=1)
    assert updates == [ReplyUpdate(1, "b", "claimed", "", 0)]
    assert release._shown["a"] == shown


def test_who_comes_late_sees_at_once_what_there_is() -> None:
    release = Release(1, NO_NAMES)
    updates = release.advance((finished("a", LONG), finished("b", LONG)), at=0)
    assert lengths(updates) == {"a": len(LONG), "b": len(LONG)}
    assert release.is_over


def test_a_name_in_two_pieces_never_flashes_up() -> None:
    release, text = Release(1, frozenset({"Cedar 9B"})), "So, hello: I am Cedar 9B. " + LONG
    release.advance((row("a"), finished("b", LONG * 9)), at=0)
    for end in range(len(text)):
        for update in release.advance((row("a", text[:end]), finished("b", LONG)), at=end):
            assert "edar" not in update.text
    assert "[name hidden]" in release._shown["a"].text
    assert release._shown["a"].masked == 1


def test_one_that_answers_alone_waits_for_nobody_and_keeps_the_pace() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a"),), at=0)
    assert lengths(release.advance((row("a", LONG * 4),), at=1)) == {"a": PACE}
    done = (finished("a", LONG * 4),)
    assert not release.is_over
    release.advance(done, at=9)
    assert release._shown == {"a": ReplyUpdate(1, "a", "finished", LONG * 4, 0)}
    assert release.is_over


def test_what_is_withdrawn_while_it_is_shown_is_over() -> None:
    release = Release(1, NO_NAMES)
    release.advance((row("a", LONG), row("b", LONG)), at=0)
    erased = tuple(row(side, "", Reply.State.ERASED) for side in ("a", "b"))
    assert {update.text for update in release.advance(erased, at=1)} == {""}
    assert release.is_over


# From the database


async def collect(battle: Battle) -> list[ReplyUpdate]:
    return [update async for update in watch_battle(battle.pk)]


def run(work: Coroutine[Any, Any, Any], seconds: float = 20) -> Any:
    return asyncio.run(asyncio.wait_for(work, seconds))


def in_background(work: Callable[[], object]) -> threading.Thread:
    def run_and_close() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run_and_close)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_text_travels_from_the_worker_to_the_page(server: ChatServer, shared_database: str) -> None:  # noqa: F811
    from raters.services.replies import make_reply

    battle = open_battle(make_live_study(server.base_url))
    turn = say(battle)
    words = tuple(f"word{n} " for n in range(20))
    server.play(Talk(words, seconds_between=0.05), model=model_of(battle, "a"))
    server.play(Talk(words), model=model_of(battle, "b"))
    ids = [reply_to(turn, side).pk for side in ("a", "b")]
    workers = [in_background(partial(make_reply, pk)) for pk in ids]
    updates = run(collect(battle))
    for worker in workers:
        worker.join()
    last = {update.side: update for update in updates}
    assert {side: (u.state, u.text) for side, u in last.items()} == {
        side: ("finished", "".join(words)) for side in ("a", "b")
    }
    midway = [u for u in updates if u.side == "b" and 0 < len(u.text) < len("".join(words))]
    assert midway, "The fast side was held back to the slow one's pace."
    assert all(u.state == "claimed" for u in midway)


@pytest.mark.django_db(transaction=True)
def test_a_battle_without_a_message_ends_at_once(shared_database: str) -> None:  # noqa: F811
    assert run(collect(open_battle(make_live_study()))) == []


@pytest.mark.django_db(transaction=True)
def test_a_failed_side_is_told_and_ends_the_stream(shared_database: str) -> None:  # noqa: F811
    battle = open_battle(make_live_study())
    turn = say(battle)
    answer(turn, "a", "Boil it.")
    fail(turn, "b")
    assert run(collect(battle)) == [
        ReplyUpdate(1, "a", "finished", "Boil it.", 0),
        ReplyUpdate(1, "b", "failed", "", 0),
    ]


@pytest.mark.django_db(transaction=True)
def test_all_who_watch_cost_one_query_a_tick_and_leave_nothing_behind(
    shared_database: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make_live_study()
    battles = [open_battle(study, seed=n) for n in range(12)]
    for battle in battles:
        say(battle)
    reads: list[int] = []
    original = streams._read

    def counted(turn_ids: set[int]) -> object:
        with CaptureQueriesContext(connection) as queries:
            rows = original(turn_ids)
        assert len(queries) == 1
        reads.append(len(turn_ids))
        return rows

    monkeypatch.setattr(streams, "_read", counted)

    async def watch_all() -> None:
        reader = streams._reader()
        tasks = [asyncio.create_task(collect(battle)) for battle in battles]
        await asyncio.sleep(3)
        assert len(reader._watches) == len(battles)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not reader._watches
        await asyncio.sleep(0.5)
        assert reader._task is None
        is_open = await reader._in_thread(lambda: connection.connection is not None)
        assert not is_open

    run(watch_all())
    assert max(reads) == len(battles)
    assert len(reads) <= 3 / streams.TICK_S + 2


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_ends_no_stream(
    shared_database: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.db import OperationalError

    battle = open_battle(make_live_study())
    turn = say(battle)
    original, troubles = streams._read, [OperationalError("gone"), OperationalError("gone")]

    def failing(turn_ids: set[int]) -> object:
        if troubles:
            raise troubles.pop()
        return original(turn_ids)

    monkeypatch.setattr(streams, "_read", failing)

    def end() -> None:
        time.sleep(1)
        for side in ("a", "b"):
            answer(Turn.objects.get(pk=turn.pk), side)

    ending = in_background(end)
    updates = run(collect(battle))
    ending.join()
    assert [update.state for update in updates[-2:]] == ["finished", "finished"]
