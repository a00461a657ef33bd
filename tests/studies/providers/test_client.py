"""Asking a chat model over real sockets: an answer is whole, or it is an exception."""

import gc
import json
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from studies.providers import (
    EmptyAnswerError,
    Endpoint,
    EndpointError,
    FinishReason,
    MalformedAnswerError,
    Message,
    MissingKeyError,
    OversizedAnswerError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    RefusedRequestError,
    Role,
    ServerError,
    StreamCutError,
    UnreachableError,
    client,
    connection,
    stream_reply,
)
from tests.chat_server import (
    WORDS,
    ChatServer,
    Cut,
    Drip,
    Events,
    Flood,
    Refuse,
    Talk,
    Whole,
    text_event,
)
from tests.studies.providers.conftest import QUESTION, ask, within

# What goes well


def test_an_answer_comes_piece_by_piece_and_adds_up_to_a_reply(server: ChatServer) -> None:
    with ask(server) as stream:
        assert tuple(stream) == WORDS
    reply = stream.reply
    assert reply.text == "Boil the rice in salted water."
    assert reply.finish_reason is FinishReason.STOP
    assert (reply.prompt_tokens, reply.completion_tokens) == (12, 6)
    assert 0 <= reply.first_piece_ms <= reply.total_ms


def test_the_first_piece_is_here_before_the_last_is_sent(server: ChatServer) -> None:
    server.play(Talk(seconds_before=0.1, seconds_between=0.1))
    with ask(server) as stream:
        started = time.monotonic()
        next(stream)
        assert time.monotonic() - started < 0.5
        list(stream)
    assert 100 <= stream.reply.first_piece_ms < stream.reply.total_ms - 300


def test_the_request_says_who_said_what_and_carries_the_parameters(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEDAR_API_KEY", "  sk-secret\n")
    endpoint = Endpoint(
        server.base_url + "/",
        "cedar-9b",
        parameters={"temperature": 0.2, "stop": ["\n\n"]},
        system_prompt="Be brief.",
        key_variable="CEDAR_API_KEY",
    )
    conversation = (*QUESTION, Message(Role.ASSISTANT, "Boil it."), Message(Role.USER, "Höw?"))
    list(stream_reply(endpoint, conversation, deadline=within(20)))
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert request.body == {
        "model": "cedar-9b",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "stop": ["\n\n"],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How do I cook rice?"},
            {"role": "assistant", "content": "Boil it."},
            {"role": "user", "content": "Höw?"},
        ],
    }


def test_without_a_key_variable_no_key_is_sent(server: ChatServer) -> None:
    list(ask(server))
    assert "authorization" not in server.requests[0].headers


def test_a_parameter_that_is_none_takes_out_what_an_old_server_does_not_know(
    server: ChatServer,
) -> None:
    list(ask(server, parameters={"stream_options": None}))
    assert "stream_options" not in server.requests[0].body


def test_an_answer_in_one_piece_is_an_answer_too(server: ChatServer) -> None:
    answer = {
        "choices": [{"message": {"content": "Boil it."}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    server.play(Whole(json.dumps(answer).encode()))
    stream = ask(server)
    assert list(stream) == ["Boil it."]
    assert stream.reply.finish_reason is FinishReason.LENGTH
    assert (stream.reply.prompt_tokens, stream.reply.completion_tokens) == (5, 2)


def test_what_compatible_servers_do_differently_is_understood(server: ChatServer) -> None:
    reasoning = {"choices": [{"delta": {"role": "assistant", "reasoning_content": "Hm."}}]}
    server.play(
        Events((
            reasoning,
            # An empty finish reason where null belongs (ollama #4357, sglang #3912) ...
            text_event("Boil ", finish_reason=""),
            # ... usage in every event, of which the last is right ...
            {**text_event("it."), "usage": {"prompt_tokens": 3, "completion_tokens": 1}},
            {**text_event("", "stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
            # ... an event with nothing in it, and no [DONE].
            {"choices": [], "usage": None},
        ))
    )  # fmt: skip
    stream = ask(server)
    assert list(stream) == ["Boil ", "it."]
    assert stream.reply.completion_tokens == 2


def test_without_token_counts_they_are_unknown_and_not_zero(server: ChatServer) -> None:
    server.play(Talk(usage=None))
    stream = ask(server)
    list(stream)
    assert stream.reply.prompt_tokens is None
    assert stream.reply.completion_tokens is None


def test_an_answer_whose_line_is_lost_after_its_end_is_whole(server: ChatServer) -> None:
    server.play(Cut((text_event("Boil it."), text_event("", "stop"))))
    stream = ask(server)
    assert list(stream) == ["Boil it."]
    assert stream.reply.text == "Boil it."


def test_text_that_no_database_takes_is_mended(server: ChatServer) -> None:
    emoji = ["Ri\0ce \ud83c", "\udf5a", " \ud83c", "!"]  # One whole in two halves, and a lone half.
    server.play(Events((*map(text_event, emoji), text_event("", "stop"))))
    stream = ask(server)
    list(stream)
    assert stream.reply.text == "Rice 🍚 \ufffd!"


def test_signs_that_are_torn_between_packets_arrive_whole(server: ChatServer) -> None:
    event = 'data: {"choices": [{"delta": {"content": "Reis, süß 🍚"}, "finish_reason": "stop"}]}'
    body = f"{event}\r\n\r\ndata: [DONE]\r\n\r\n".encode()

    class ByteByByte:
        def play(self, line) -> None:
            line.begin_stream()
            for byte in body:
                line.send_chunk(bytes([byte]))
            line.send_chunk(b"")

    server.play(ByteByByte())
    assert "".join(ask(server)) == "Reis, süß 🍚"


def test_a_key_for_nobody_else_goes_through_no_proxy(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "".join(ask(server))


def test_forty_at_once_each_get_their_own_answer(server: ChatServer) -> None:
    server.default = Talk(seconds_between=0.02)
    with ThreadPoolExecutor(40) as pool:
        texts = list(pool.map(lambda _: "".join(ask(server)), range(40)))
    assert texts == ["".join(WORDS)] * 40


def test_the_http_client_is_not_loaded_before_it_is_needed() -> None:
    code = "import studies.providers, sys; sys.exit('httpx2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# What goes wrong: never an answer


def failure_of(server: ChatServer, **fields: object) -> ProviderError:
    """The error that a call raises; what came before it is no reply."""
    stream = ask(server, **fields)
    with pytest.raises(ProviderError) as caught:
        list(stream)
    with pytest.raises(ValueError, match="no reply"):
        _ = stream.reply
    return caught.value


def test_too_many_requests_say_when_to_come_back(server: ChatServer) -> None:
    server.play(Refuse(429, retry_after="7"))
    error = failure_of(server)
    assert type(error) is RateLimitedError
    assert error.is_retryable
    assert error.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "kind", "is_retryable"),
    [
        (500, ServerError, True),
        (503, ServerError, True),
        (529, ServerError, True),
        (408, ServerError, True),
        (400, RefusedRequestError, False),
        (401, RefusedRequestError, False),
        (404, RefusedRequestError, False),
        (204, MalformedAnswerError, True),
    ],
)
def test_every_status_but_200_is_a_failure_by_its_kind(
    server: ChatServer, status: int, kind: type[ProviderError], is_retryable: bool
) -> None:
    server.play(Refuse(status, body=b"" if status == 204 else b'{"error": "out of\n luck"}'))
    error = failure_of(server)
    assert type(error) is kind
    assert error.is_retryable is is_retryable
    assert str(status) in str(error)
    assert status == 204 or 'out of luck' in str(error)  # fmt: skip


def test_a_redirect_is_not_followed(server: ChatServer) -> None:
    server.play(Refuse(302, location="http://169.254.169.254/latest/meta-data/"))
    error = failure_of(server)
    assert type(error) is RefusedRequestError
    assert "redirect" in str(error)
    assert len(server.requests) == 1


def test_an_endpoint_that_repeats_the_key_does_not_get_it_into_our_errors(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEDAR_API_KEY", "sk-secret")
    server.play(Refuse(401, body=b"Incorrect API key provided: sk-secret."))
    error = failure_of(server, key_variable="CEDAR_API_KEY")
    assert "Incorrect API key provided: …." in str(error)


def test_a_key_that_is_not_there_is_missed_by_its_name_before_anything_is_sent(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CEDAR_API_KEY", raising=False)
    error = failure_of(server, key_variable="CEDAR_API_KEY")
    assert type(error) is MissingKeyError
    assert "CEDAR_API_KEY" in str(error)
    monkeypatch.setenv("CEDAR_API_KEY", "sk-1\r\nx-evil: 1")
    assert type(failure_of(server, key_variable="CEDAR_API_KEY")) is MissingKeyError
    assert server.requests == []


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_stream_that_is_cut_carries_no_answer(server: ChatServer, is_reset: bool) -> None:
    server.play(Cut(is_reset=is_reset))
    error = failure_of(server)
    assert type(error) is StreamCutError
    assert "Boil" not in str(error)


def test_a_stream_that_ends_without_saying_so_is_cut_too(server: ChatServer) -> None:
    server.play(Events((text_event("Boil "),)), Talk(finish_reason=None))
    assert type(failure_of(server)) is StreamCutError
    # Nor is [DONE] a finish: a gateway that lost the model says it as well.
    assert type(failure_of(server)) is StreamCutError


def test_a_connection_that_ends_before_any_answer_is_cut(server: ChatServer) -> None:
    class HangUp:
        def play(self, line) -> None:
            line.connection.close()

    server.play(HangUp())
    assert type(failure_of(server)) is StreamCutError


@pytest.mark.parametrize(
    "script",
    [
        Talk(pieces=()),
        Talk(pieces=(" ", "\n")),
        Events(({"choices": [{"delta": {"reasoning_content": "Hm."}, "finish_reason": "stop"}]},)),
        Whole(b'{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}'),
    ],
)
def test_an_answer_without_a_word_is_a_failure(server: ChatServer, script) -> None:
    server.play(script)
    assert type(failure_of(server)) is EmptyAnswerError


@pytest.mark.parametrize(
    "script",
    [
        Events((text_event("Boil "), "{garbage")),
        Events(("[1, 2]",)),
        Events(("[" * 100_000,)),
        Events(({"choices": {"0": "text"}},)),
        Events(({"choices": [{"delta": "text"}]},)),
        Events(({"choices": [{"delta": {"content": ["text"]}}]},)),
        Events((text_event("Boil ", "tool_calls"),)),
        Events((text_event("Boil ", "insufficient_system_resource"),)),
        Whole(b"<html>Please sign in</html>", "text/html"),
        Whole(b"", "application/json"),
        Whole(b"\xff\xfe", "application/json"),
        Whole(b"{}", headers={"content-encoding": "gzip"}),
    ],
)
def test_garbage_is_a_failure(server: ChatServer, script) -> None:
    server.play(script)
    assert type(failure_of(server)) is MalformedAnswerError


@pytest.mark.parametrize(
    ("reported", "kind"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, RateLimitedError),
        ({"error": {"code": "overloaded", "message": "try later"}}, ServerError),
        ({"error": "out of memory", "choices": []}, ServerError),
        ({"error": {"code": 400, "message": "context is full"}}, RefusedRequestError),
        (text_event("", "error"), ServerError),
    ],
)
def test_an_error_in_the_middle_of_a_stream_is_that_error(
    server: ChatServer, reported: object, kind: type[ProviderError]
) -> None:
    server.play(Events((text_event("Boil "), reported)))
    assert type(failure_of(server)) is kind


def test_nobody_listening_is_told_from_nobody_answering() -> None:
    with ChatServer() as server:
        pass  # Its port is free again.
    assert type(failure_of(server)) is UnreachableError


def test_parameters_that_json_cannot_say_are_the_endpoint_s_fault(server: ChatServer) -> None:
    error = failure_of(server, parameters={"temperature": float("nan")})
    assert type(error) is EndpointError
    assert server.requests == []


# Bounds


def test_a_silence_before_the_first_byte_ends_by_the_timeout(server: ChatServer) -> None:
    server.play(Talk(seconds_before=5))
    started = time.monotonic()
    error = failure_of(server, silence=0.2)
    assert type(error) is ProviderTimeoutError
    assert "silent" in str(error)
    assert time.monotonic() - started < 2


def test_a_silence_in_the_middle_ends_by_the_timeout(server: ChatServer) -> None:
    server.play(Talk(seconds_between=5))
    assert "silent" in str(failure_of(server, silence=0.2))


@pytest.mark.parametrize(
    "script",
    [Talk(seconds_between=0.1, pieces=WORDS * 20), Drip(), Drip(is_in_headers=True)],
    ids=["pieces", "comments", "headers"],
)
def test_whatever_drips_is_over_by_the_deadline(server: ChatServer, script) -> None:
    server.play(script)
    started = time.monotonic()
    error = failure_of(server, seconds=0.5)
    assert type(error) is ProviderTimeoutError
    assert "deadline" in str(error)
    assert 0.4 < time.monotonic() - started < 1.5


def test_after_the_deadline_nothing_is_sent(server: ChatServer) -> None:
    assert type(failure_of(server, seconds=-1)) is ProviderTimeoutError
    assert server.requests == []


def test_a_deadline_without_a_time_zone_is_refused(server: ChatServer) -> None:
    with pytest.raises(ValueError, match="time zone"):
        stream_reply(Endpoint(server.base_url, "cedar"), QUESTION, deadline=datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    "event",
    [
        b": " + b"x" * 65_000 + b"\n\n",
        b"data: " + b"x" * 65_000,
        b"data: " + json.dumps(text_event("")).encode() + b"\n\n",
    ],
    ids=["comments", "one event", "events without text"],
)
def test_an_endless_answer_is_cut_off(
    server: ChatServer, event: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BYTE_LIMIT", 2_000_000)
    server.play(Flood(event))
    error = failure_of(server)
    assert type(error) is OversizedAnswerError
    assert not error.is_retryable


def test_an_answer_that_nobody_reads_to_its_end_is_a_failure(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CHARACTER_LIMIT", 100)
    server.play(Talk(pieces=("x" * 60, "y" * 60)))
    assert type(failure_of(server)) is OversizedAnswerError


def test_hanging_up_early_closes_the_connection(server: ChatServer) -> None:
    server.play(Talk(seconds_between=0.2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ask(server) as stream:
            assert next(stream) == "Boil "
        assert list(stream) == []
        with pytest.raises(ValueError, match="no reply"):
            _ = stream.reply
        del stream
        gc.collect()
