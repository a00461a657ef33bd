"""A study that is going on, with chat models on loopback, and a database that processes share."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from raters.identities import Identity, fields_for
from raters.models import Battle, Participation, Rater, Reply, Turn
from raters.services.battles import next_battle, send_message
from studies.models import ChatModel, Dimension, Study
from studies.services import enter_contestant
from tests.chat_server import ChatServer


def make_live_study(
    base_url: str = "bot:echo", *, contestants: int = 2, max_concurrent: int = 8, **fields: object
) -> Study:
    """An open study on two dimensions, whose contestants all answer at `base_url`."""
    study = Study.objects.create(
        **{
            "slug": "live",
            "title": "Live",
            "state": Study.State.OPEN,
            "battles_each": 2,
            "min_turns": 1,
            "max_turns": 3,
            **fields,
        }
    )
    for position, key in enumerate(("overall", "warmth")):
        Dimension.objects.create(
            study=study, key=key, name=key, position=position, is_overall=position == 0
        )
    for name in ("Ash 7B", "Birch", "Cherry", "Dogwood")[:contestants]:
        model = ChatModel.objects.create(
            name=name,
            developer="Copse Labs",
            base_url=base_url,
            model_id=name.lower().replace(" ", "-"),
            system_prompt=f"You are {name}.",
            timeout_s=10,
            max_concurrent=max_concurrent,
        )
        enter_contestant(study, name=name, chat_model=model)
    return study


def take_part(study: Study, *, at: datetime | None = None) -> Participation:
    """A rater who is in the middle of the study."""
    at = at or timezone.now()
    rater = Rater.objects.create(created_at=at)
    return Participation.objects.create(
        study=study,
        rater=rater,
        **fields_for(study.pk, Identity(f"platform-{rater.pk}")),
        state=Participation.State.ACTIVE,
        created_at=at,
    )


def open_battle(study: Study, *, seed: int = 1) -> Battle:
    """The battle of a new rater."""
    battle = next_battle(take_part(study), at=timezone.now(), seed=seed)
    assert battle is not None
    return battle


def say(battle: Battle, text: str = "How do I cook rice?", number: int = 1) -> Turn:
    """Send a message now."""
    return send_message(battle, text=text, number=number, at=timezone.now())


def reply_to(turn: Turn, side: str) -> Reply:
    """One side's reply as it stands."""
    return Reply.objects.select_related("turn__battle__participation__study").get(
        turn=turn, side=side
    )


def answer(turn: Turn, side: str, text: str = "Boil it.", *, at: datetime | None = None) -> None:
    """Let a side have answered, without asking anybody."""
    turn.replies.filter(side=side).update(
        state=Reply.State.FINISHED, text=text, finished_at=at or timezone.now()
    )


def fail(turn: Turn, side: str) -> None:
    """Let a side have failed."""
    turn.replies.filter(side=side).update(state=Reply.State.FAILED, error="RefusedRequestError")


def model_of(battle: Battle, side: str) -> str:
    """The model id of a side, by which the server knows whom it plays."""
    contestant = battle.side_a if side == "a" else battle.side_b
    assert contestant is not None
    return contestant.chat_model.model_id


def later(**units: float) -> datetime:
    """An instant so long after now."""
    return timezone.now() + timedelta(**units)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server that answers well unless a test tells it otherwise."""
    with ChatServer() as running:
        yield running


@pytest.fixture
def shared_database(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The test's database for other threads and processes; yields its address.

    On SQLite tests run in memory, which only one connection can use in earnest: a copy in a
    file stands in for it.
    """
    from django.db import connection

    if connection.vendor == "postgresql":
        name = connection.settings_dict["NAME"]
        port, host = connection.settings_dict["PORT"], connection.settings_dict["HOST"]
        yield f"postgres://postgres@{host}:{port}/{name}"
        return
    connection.ensure_connection()
    in_memory, name = connection.connection, connection.settings_dict["NAME"]
    file = tmp_path / "shared.sqlite3"
    with sqlite3.connect(file) as copy:
        in_memory.backup(copy)
    copy.close()
    connection.connection = None
    connection.settings_dict["NAME"] = str(file)
    try:
        yield f"sqlite:///{file}"
    finally:
        if connection.connection is not None:
            connection.connection.close()
        connection.connection = in_memory
        connection.settings_dict["NAME"] = name
        shutil.rmtree(file, ignore_errors=True)
