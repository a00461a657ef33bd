"""Embedders in the registry: asked for embeddings, and for nothing else."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from studies.models import ChatModel, Study
from studies.planning import missing_before_opening
from studies.providers import EndpointError
from studies.registry import ask_once, embed_once, embedder_of, endpoint_of
from studies.services import enter_contestant
from tests.cast import make_admin, make_study
from tests.chat_server import Refuse
from tests.embedding_server import EmbeddingServer, vector_of

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def moss(server: EmbeddingServer) -> ChatModel:
    return ChatModel.objects.create(
        name="Moss", base_url=server.base_url, model_id="moss-8", is_embedder=True
    )


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_admin())
    return client


def text_of(response: HttpResponse) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=10)


def register(client: Client, **changes: object) -> HttpResponse:
    """Send the form of a new embedder."""
    form = {
        "name": "Fern",
        "version": 1,
        "is_embedder": "on",
        "base_url": "https://127.0.0.1/v1",
        "model_id": "fern-8",
        "parameters": "",
        "timeout_s": 30,
        "max_concurrent": 4,
        "input_price": "0.02",
        "output_price": "0",
    }
    return client.post(reverse("admin:studies_chatmodel_add"), form | changes)


def test_an_embedder_is_asked_for_embeddings_and_holds_no_conversation(
    moss: ChatModel, server: EmbeddingServer
) -> None:
    found = embed_once(moss, "Boil.", deadline=soon())
    assert found.vectors[0].tolist() == pytest.approx(vector_of("Boil."))
    with pytest.raises(EndpointError, match="Moss embeds texts, and holds no conversation"):
        ask_once(moss, "Hello?", deadline=soon())
    assert len(server.requests) == 1


def test_a_chat_model_that_is_not_said_to_embed_is_not_asked_to(server: EmbeddingServer) -> None:
    talker = ChatModel.objects.create(name="Ash", base_url=server.base_url, model_id="ash")
    assert endpoint_of(talker).model_id == "ash"
    with pytest.raises(EndpointError, match="Ash is not registered as one that embeds texts"):
        embedder_of(talker)


def test_a_study_does_not_open_with_an_embedder_among_its_contestants(moss: ChatModel) -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    enter_contestant(study, name="Moss", chat_model=moss)
    missing = " ".join(missing_before_opening(study))
    assert "Moss can't be asked: Moss embeds texts, and holds no conversation." in missing


def test_the_database_holds_no_embedder_without_an_address() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatModel.objects.create(name="Fern", is_embedder=True)


def test_an_embedder_is_registered_with_all_that_it_takes_to_ask_it(boss: Client) -> None:
    assert register(boss).status_code == 302
    assert ChatModel.objects.get(name="Fern").is_embedder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": ""}, "Say where it answers; no built-in bot embeds texts."),
        ({"base_url": "bot:helper"}, "Say where it answers; no built-in bot embeds texts."),
        ({"base_url": "https://127.0.0.1/v1/embeddings"}, "end it before that"),
        ({"system_prompt": "Be kind."}, "Leave it empty: texts are embedded as they are."),
        ({"key_variable": "SECRET_KEY"}, "ends in _API_KEY"),
    ],
)
def test_what_no_embedder_is_asked_by_is_refused_kindly(
    boss: Client, changes: dict[str, object], message: str
) -> None:
    assert message in text_of(register(boss, **changes))
    assert not ChatModel.objects.exists()


def test_a_contestant_does_not_become_an_embedder(boss: Client) -> None:
    contestant = make_study(raters=0, state=Study.State.DRAFT).contestants.earliest("pk")
    page = reverse("admin:studies_chatmodel_change", args=[contestant.chat_model_id])
    form = {
        "name": contestant.name,
        "version": 1,
        "is_embedder": "on",
        "base_url": "https://127.0.0.1/v1",
        "model_id": "ash",
        "timeout_s": 30,
        "max_concurrent": 4,
        "input_price": 0,
        "output_price": 0,
    }
    assert "It takes part in a study: register another one." in text_of(boss.post(page, form))
    assert not ChatModel.objects.filter(is_embedder=True).exists()


def test_embedders_are_not_offered_as_contestants(boss: Client, moss: ChatModel) -> None:
    ChatModel.objects.create(name="Mosaic", base_url="bot:echo", model_id="echo")
    told = {"app_label": "studies", "model_name": "contestant", "field_name": "chat_model"}
    offered = boss.get(reverse("admin:autocomplete"), {"term": "Mos"} | told).json()["results"]
    assert [each["text"] for each in offered] == ["Mosaic"]


def test_trying_an_embedder_shows_how_long_its_embeddings_are(
    boss: Client, moss: ChatModel, server: EmbeddingServer
) -> None:
    page = reverse("admin:studies_chatmodel_try_out", args=[moss.pk])
    shown = text_of(boss.post(page, {"message": "Boil the rice."}))
    assert f"Numbers 8 The first {vector_of('Boil the rice.')[0]:.6f} Tokens read 3" in shown
    server.play(Refuse(401))
    refused = boss.post(page, {"message": "Boil the rice."})
    assert "Moss did not answer: status 401" in text_of(refused)
    assert "Its embedding" not in text_of(refused)
