"""A chat-model server on loopback, and what is needed to ask it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from studies.providers import Endpoint, Message, ReplyStream, Role, stream_reply
from tests.chat_server import ChatServer

QUESTION = (Message(Role.USER, "How do I cook rice?"),)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server that answers well unless a test tells it otherwise."""
    with ChatServer() as running:
        yield running


def within(seconds: float) -> datetime:
    """The instant so many seconds from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def ask(
    server: ChatServer, *, seconds: float = 20, silence: float = 10, **fields: object
) -> ReplyStream:
    """A call of the server's endpoint."""
    endpoint = Endpoint(
        **{
            "base_url": server.base_url,
            "model_id": "cedar-9b",
            "timeout": timedelta(seconds=silence),
            **fields,
        }
    )
    return stream_reply(endpoint, QUESTION, deadline=within(seconds))
