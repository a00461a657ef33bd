"""Log-probabilities of an answer's tokens: kept where they are asked for and whole, else None."""

import json
import math
from typing import Any

import pytest

from studies.providers import TokenLogprob
from tests.chat_server import ChatServer, Events, Whole, text_event
from tests.studies.providers.conftest import ask

ASKED = {"logprobs": True, "top_logprobs": 2}
BOIL = {
    "token": "Boil ",
    "logprob": -0.25,
    "bytes": [66, 111, 105, 108, 32],
    "top_logprobs": [
        {"token": "Boil ", "logprob": -0.25, "bytes": None},
        {"token": "Steam ", "logprob": -1.5},
    ],
}
IT = {"token": "it.", "logprob": -1, "top_logprobs": []}


def event(text: str, *tokens: object, finish_reason: str | None = None) -> dict[str, Any]:
    """A piece of text with its tokens."""
    said = text_event(text, finish_reason)
    said["choices"][0]["logprobs"] = {"content": list(tokens)}
    return said


def tokens_of(server: ChatServer, *events: object) -> tuple[TokenLogprob, ...] | None:
    """What is kept of a stream that was asked for them; its text is whole in any case."""
    server.play(Events((*events, text_event("", "stop"))))
    stream = ask(server, parameters=ASKED)
    assert "".join(stream) == stream.reply.text == "Boil it."
    return stream.reply.token_logprobs


def test_they_are_asked_for_and_kept_with_what_could_stand_there(server: ChatServer) -> None:
    assert tokens_of(server, event("Boil ", BOIL), event("it.", IT)) == (
        TokenLogprob("Boil ", -0.25, (("Boil ", -0.25), ("Steam ", -1.5))),
        TokenLogprob("it.", -1.0),
    )
    (request,) = server.requests
    assert (request.body["logprobs"], request.body["top_logprobs"]) == (True, 2)


def test_an_answer_in_one_piece_has_them_too(server: ChatServer) -> None:
    choice = {
        "message": {"content": "Boil it."},
        "finish_reason": "stop",
        "logprobs": {"content": [BOIL, IT]},
    }
    server.play(Whole(json.dumps({"choices": [choice]}).encode()))
    stream = ask(server, parameters=ASKED)
    list(stream)
    assert stream.reply.token_logprobs is not None
    assert [token.token for token in stream.reply.token_logprobs] == ["Boil ", "it."]


def test_who_does_not_ask_for_them_keeps_none(server: ChatServer) -> None:
    server.play(Events((event("Boil it.", BOIL, IT), text_event("", "stop"))))
    stream = ask(server)
    list(stream)
    assert stream.reply.token_logprobs is None


def test_an_event_without_text_needs_none(server: ChatServer) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    tokens = tokens_of(server, text_event(""), event("Boil ", BOIL), event("it.", IT), usage)
    assert tokens is not None
    assert len(tokens) == 2


def test_a_server_that_gives_none_gives_none(server: ChatServer) -> None:
    assert tokens_of(server, text_event("Boil it.")) is None


def test_what_comes_for_a_part_of_the_text_only_is_none(server: ChatServer) -> None:
    assert tokens_of(server, event("Boil ", BOIL), text_event("it.")) is None


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        True,
        [],
        {},
        {"content": None},
        {"content": "Boil"},
        {"content": [None]},
        {"content": ["Boil"]},
        {"content": [{"token": "Boil "}]},
        {"content": [{"logprob": -1}]},
        {"content": [{"token": 7, "logprob": -1}]},
        {"content": [{"token": "Boil ", "logprob": "-1"}]},
        {"content": [{"token": "Boil ", "logprob": True}]},
        {"content": [{"token": "Boil ", "logprob": math.nan}]},
        {"content": [{"token": "Boil ", "logprob": -(10**400)}]},
        {"content": [{"token": "Boil ", "logprob": -1, "top_logprobs": 7}]},
        {"content": [{"token": "Boil ", "logprob": -1, "top_logprobs": [{"token": "Boil "}]}]},
        {"tokens": ["Boil "], "token_logprobs": [-1]},
    ],
)
def test_what_can_t_be_read_is_no_reason_to_drop_the_answer(
    server: ChatServer, logprobs: object
) -> None:
    said = text_event("Boil ")
    said["choices"][0]["logprobs"] = logprobs
    assert tokens_of(server, said, event("it.", IT)) is None


def test_what_is_impossible_is_a_number_too(server: ChatServer) -> None:
    other = {"token": "Fry", "logprob": -math.inf}
    token = {"token": "Boil it.", "logprob": 0, "top_logprobs": [other]}
    assert tokens_of(server, event("Boil it.", token)) == (
        TokenLogprob("Boil it.", 0.0, (("Fry", -9999.0),)),
    )


def test_a_probability_that_was_rounded_above_one_is_one(server: ChatServer) -> None:
    tokens = tokens_of(server, event("Boil it.", {"token": "Boil it.", "logprob": 1e-7}))
    assert tokens == (TokenLogprob("Boil it.", 0.0),)
