"""Embeddings over real sockets: each is its own text's, or there is an exception."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from studies.providers import (
    MOST_TEXTS,
    AddressRefusedError,
    Embeddings,
    Endpoint,
    EndpointError,
    MalformedAnswerError,
    MissingKeyError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    RefusedRequestError,
    ServerError,
    StreamCutError,
    UnreachableError,
    embed,
)
from studies.providers.embeddings import MOST_NUMBERS
from tests.chat_server import Drip, Line, Refuse, Whole
from tests.embedding_server import NUMBERS, EmbeddingServer, answer_with, vector_of
from tests.studies.providers.conftest import within

TEXTS = ("Boil the rice.", "Rinse it first.", "Serve.")


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


def ask(
    server: EmbeddingServer,
    texts: tuple[str, ...] = TEXTS,
    *,
    seconds: float = 20,
    **fields: Any,
) -> Embeddings:
    """The embeddings of texts by the server's endpoint."""
    told = {"base_url": server.base_url, "model_id": "moss-8", **fields}
    return embed(Endpoint(**told), texts, deadline=within(seconds))


def test_each_text_has_its_own_embedding_in_whichever_order_they_came(
    server: EmbeddingServer,
) -> None:
    found = ask(server)
    assert found.vectors.shape == (3, NUMBERS)
    assert np.allclose(found.vectors, [vector_of(text) for text in TEXTS])
    assert found.tokens == 7


def test_the_request_says_what_is_asked_of_whom_and_the_key_stands_in_its_header_alone(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSS_API_KEY", "sk-secret")
    ask(server, parameters={"dimensions": 8, "user": None}, key_variable="MOSS_API_KEY")
    (request,) = server.requests
    assert request.path == "/v1/embeddings"
    assert request.body == {
        "model": "moss-8",
        "input": list(TEXTS),
        "dimensions": 8,
        "encoding_format": "float",
    }
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert request.headers["accept-encoding"] == "identity"


def row(index: Any, embedding: Any = (1.0, 2.0)) -> dict[str, Any]:
    return {"index": index, "embedding": embedding}


@pytest.mark.parametrize(
    "data",
    [
        [row(0), row(1)],
        [row(0), row(1), row(2), row(3)],
        [row(0), row(1), row(1)],
        [row(0), row(1), row(3)],
        [row(0), row(1), row(-1)],
        [row(0), row(1), row(None)],
        [row(0), row(True), row(2)],
        [row(0), row(1), row("2")],
        [row(0), row(1), row(2, [1.0])],
        [row(0), row(1), row(2, [])],
        [row(0, []), row(1, []), row(2, [])],
        [row(0), row(1), row(2, [1.0, "2.0"])],
        [row(0), row(1), row(2, [1.0, None])],
        [row(0), row(1), row(2, [1.0, True])],
        [row(0), row(1), row(2, "AACAPw==")],
        [row(0), row(1), row(2, [1.0, float("nan")])],
        [row(0), row(1), row(2, [1.0, float("inf")])],
        [row(0), row(1), row(2, [1.0, 1e300])],
        [row(0), row(1), row(2, [1.0, 10**400])],
        [row(0), row(1), row(2, [0.0, 0.0])],
        [row(place, [1.0] * (MOST_NUMBERS + 1)) for place in range(3)],
        [row(0), row(1), [1.0, 2.0]],
        {"0": row(0)},
        None,
    ],
)
def test_an_answer_that_leaves_a_doubt_is_an_error(server: EmbeddingServer, data: object) -> None:
    server.play(Whole(json.dumps({"data": data}).encode()))
    with pytest.raises(MalformedAnswerError):
        ask(server)


@pytest.mark.parametrize(
    "answer",
    [
        Whole(b"[]"),
        Whole(b'{"data": ['),
        Whole(b"{}", kind="text/html"),
        Whole(b"{}", headers={"content_encoding": "gzip"}),
        answer_with([[1.0], [2.0], [3.0]], usage=[]),
    ],
)
def test_what_is_no_answer_of_the_protocol_is_an_error(
    server: EmbeddingServer, answer: Whole
) -> None:
    server.play(answer)
    with pytest.raises(MalformedAnswerError):
        ask(server)


def test_tokens_that_were_not_counted_are_not_known(server: EmbeddingServer) -> None:
    server.play(answer_with([[1.0], [2.0], [3.0]], usage={"prompt_tokens": "many"}))
    assert ask(server).tokens is None


@pytest.mark.parametrize(
    ("script", "error", "is_retryable"),
    [
        (Refuse(429, retry_after="3"), RateLimitedError, True),
        (Refuse(500), ServerError, True),
        (Refuse(400), RefusedRequestError, False),
        (Refuse(404), RefusedRequestError, False),
        (Refuse(302, location="https://elsewhere.example/"), RefusedRequestError, False),
        (Whole(b'{"error": {"message": "overloaded", "code": 503}}'), ServerError, True),
    ],
)
def test_a_refusal_is_the_error_that_it_stands_for(
    server: EmbeddingServer, script: Any, error: type[ProviderError], *, is_retryable: bool
) -> None:
    server.play(script)
    with pytest.raises(error) as refusal:
        ask(server)
    assert refusal.value.is_retryable is is_retryable
    if isinstance(refusal.value, RateLimitedError):
        assert refusal.value.retry_after == timedelta(seconds=3)


def test_a_key_that_the_endpoint_repeats_is_in_no_message(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSS_API_KEY", "sk-secret")
    server.play(Refuse(401, body=b"wrong key: sk-secret"))
    with pytest.raises(RefusedRequestError) as refusal:
        ask(server, key_variable="MOSS_API_KEY")
    assert "sk-secret" not in str(refusal.value)


def test_a_connection_that_is_cut_is_an_error(server: EmbeddingServer) -> None:
    class HangUp:
        def play(self, line: Line) -> None:
            line.begin(content_type="application/json", content_length="500")
            line.wfile.write(b'{"data": [')
            line.wfile.flush()
            time.sleep(0.05)
            line.hang_up()

    server.play(HangUp())
    with pytest.raises(StreamCutError):
        ask(server)


def test_a_server_that_drips_is_left_at_the_deadline(server: EmbeddingServer) -> None:
    server.play(Drip(is_in_headers=True))
    started = time.monotonic()
    with pytest.raises(ProviderTimeoutError):
        ask(server, seconds=0.5)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"base_url": "https://10.0.0.1/v1"}, AddressRefusedError),
        ({"base_url": "https://169.254.169.254/v1"}, AddressRefusedError),
        ({"base_url": "bot:helper"}, EndpointError),
        ({"base_url": "http://127.0.0.1:9/v1"}, UnreachableError),
        ({"key_variable": "NOBODY_SET_THIS_API_KEY"}, MissingKeyError),
        ({"parameters": {"input": ["more"]}}, EndpointError),
        ({"parameters": {"dimensions": float("nan")}}, EndpointError),
    ],
)
def test_who_cannot_be_asked_is_not_asked(
    server: EmbeddingServer, fields: dict[str, Any], error: type[ProviderError]
) -> None:
    with pytest.raises(error):
        ask(server, **fields)
    assert server.requests == []


@pytest.mark.parametrize("texts", [(), ("Boil.", "  \n"), ("Boil.",) * (MOST_TEXTS + 1)])
def test_nothing_blank_and_not_too_much_is_asked(
    server: EmbeddingServer, texts: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="none of them blank"):
        ask(server, texts)
