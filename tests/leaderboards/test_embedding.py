"""Who embeds replies is asked for each once, in bounds, and never a guess."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from leaderboards.scorer.errors import ScorerError
from leaderboards.services.embedding import MOST_FAILED, MOST_SIGNS, Embedder
from studies.models import ChatModel
from studies.providers import MOST_TEXTS
from tests.chat_server import Refuse, Whole
from tests.embedding_server import NUMBERS, EmbeddingServer, answer_with, vector_of

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
MANY = [f"Reply {number}." for number in range(3 * MOST_TEXTS)]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


def make_embedder(server: EmbeddingServer, **fields: object) -> ChatModel:
    """An embedder at the server, asked one call at a time."""
    told = {"name": "Moss", "model_id": "moss-8", "max_concurrent": 1, **fields}
    return ChatModel.objects.create(base_url=server.base_url, is_embedder=True, **told)


def embedder_at(server: EmbeddingServer, *, seconds: float = 60, **fields: object) -> Embedder:
    return Embedder(make_embedder(server, **fields), limit=timedelta(seconds=seconds))


def test_no_text_is_embedded_twice(server: EmbeddingServer) -> None:
    embedder = embedder_at(server)
    embedder.fetch(["Boil.", "Rinse.", "Boil.", "  "])
    embedder.fetch(["Rinse.", "Serve."])
    assert server.embedded == ["Boil.", "Rinse.", "Serve."]
    found = embedder.embedding_of("Rinse.")
    assert found is not None
    assert np.allclose(found, vector_of("Rinse."))
    assert embedder.embedding_of("  ") is None
    assert (embedder.texts, embedder.failed, embedder.numbers) == (3, 0, NUMBERS)


def test_texts_are_sent_by_parts_and_of_a_long_one_its_beginning(server: EmbeddingServer) -> None:
    embedder = embedder_at(server, max_concurrent=8)
    long = "a" * (MOST_SIGNS + 1)
    embedder.fetch([*MANY, long])
    sizes = sorted(len(request.body["input"]) for request in server.requests)
    assert sizes == [1, MOST_TEXTS, MOST_TEXTS, MOST_TEXTS]
    assert max(map(len, server.embedded)) == MOST_SIGNS
    assert embedder.embedding_of(long) is not None
    for text in MANY:
        assert np.allclose(embedder.embedding_of(text), vector_of(text))


def test_what_was_read_is_counted_and_costs_what_the_registry_says(server: EmbeddingServer) -> None:
    embedder = embedder_at(server, input_price=Decimal("250000"))
    embedder.fetch(["Boil it.", "Rinse."])
    assert (embedder.tokens, embedder.cost) == (3, Decimal("0.75"))


@pytest.mark.parametrize(
    "script", [Refuse(500), Refuse(429, retry_after="0"), answer_with([[1.0]]), Whole(b"{}")]
)
def test_a_failure_that_may_pass_is_tried_again(server: EmbeddingServer, script: object) -> None:
    server.play(script)
    embedder = embedder_at(server)
    embedder.fetch(["Boil.", "Rinse."])
    assert len(server.requests) == 2
    assert (embedder.texts, embedder.failed, embedder.failure) == (2, 0, None)


def test_a_call_that_fails_for_good_costs_its_own_texts_alone(server: EmbeddingServer) -> None:
    server.play(Refuse(400))
    embedder = embedder_at(server)
    embedder.fetch(MANY)
    assert embedder.embedding_of(MANY[0]) is None
    assert embedder.embedding_of(MANY[-1]) is not None
    assert (embedder.texts, embedder.failed) == (2 * MOST_TEXTS, MOST_TEXTS)
    assert "status 400" in str(embedder.failure)
    embedder.fetch(MANY)
    assert len(server.requests) == 3, "nor is it asked for once more"


def test_who_only_fails_is_not_asked_any_further(server: EmbeddingServer) -> None:
    server.play(*[Refuse(400)] * 20)
    embedder = embedder_at(server)
    embedder.fetch([f"Reply {number}." for number in range(10 * MOST_TEXTS)])
    # One more may be under way when it shows.
    assert MOST_FAILED <= len(server.requests) <= MOST_FAILED + 1
    embedder.fetch(["One more."])
    assert len(server.requests) <= MOST_FAILED + 1
    assert embedder.texts == 0


def test_a_key_that_is_missing_stops_it_at_once(server: EmbeddingServer) -> None:
    embedder = embedder_at(server, key_variable="NOBODY_SET_THIS_API_KEY")
    embedder.fetch(MANY)
    assert server.requests == []
    assert (embedder.texts, embedder.failed) == (0, len(MANY))
    assert "NOBODY_SET_THIS_API_KEY is not set" in str(embedder.failure)


def test_once_the_time_is_up_nobody_is_asked(server: EmbeddingServer) -> None:
    embedder = embedder_at(server, seconds=0)
    embedder.fetch(["Boil."])
    assert server.requests == []
    assert "the time for all of it is up" in str(embedder.failure)


def test_embeddings_of_another_length_are_none(server: EmbeddingServer) -> None:
    server.play(answer_with([[1.0, 2.0]]))
    embedder = Embedder(make_embedder(server), limit=timedelta(seconds=60), numbers=NUMBERS)
    embedder.fetch(["Boil."])
    embedder.fetch(["Rinse."])
    assert embedder.embedding_of("Boil.") is None
    assert embedder.embedding_of("Rinse.") is not None
    assert str(embedder.failure) == "an embedding has 2 numbers, and others have 8"


def test_a_chat_model_that_embeds_nothing_is_refused(server: EmbeddingServer) -> None:
    talker = ChatModel.objects.create(name="Ash", base_url=server.base_url, model_id="ash")
    with pytest.raises(ScorerError, match="Ash is not registered as one that embeds texts"):
        Embedder(talker, limit=timedelta(seconds=1))
