"""The registry of chat models: how each is asked, and the bots that come with Hustings."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from studies.models import ChatModel
from studies.providers import (
    AddressRefusedError,
    EndpointError,
    FinishReason,
    MissingKeyError,
    Reply,
    list_bots,
    list_judges,
)
from studies.registry import (
    address_rules,
    ask_once,
    cost_of,
    endpoint_of,
    is_key_set,
    register_bots,
    unregistered_bots,
)
from tests.chat_server import ChatServer

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def soon():
    return datetime.now(UTC) + timedelta(seconds=10)


def make_model(**fields):
    model = ChatModel.objects.create(name="Ash", **fields)
    model.refresh_from_db()
    return model


def test_an_endpoint_is_what_the_registry_says():
    model = make_model(
        base_url="https://models.example/v1",
        model_id="ash-1",
        parameters={"temperature": 0.5},
        system_prompt="Be kind.",
        key_variable="ASH_API_KEY",
        timeout_s=20,
    )
    endpoint = endpoint_of(model)
    assert (endpoint.base_url, endpoint.model_id) == ("https://models.example/v1", "ash-1")
    assert dict(endpoint.parameters) == {"temperature": 0.5}
    assert (endpoint.system_prompt, endpoint.key_variable) == ("Be kind.", "ASH_API_KEY")
    assert endpoint.timeout == timedelta(seconds=20)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Ash has no address"),
        ({"base_url": "bot:echo", "key_variable": "SECRET_KEY"}, "no name for a key"),
        ({"base_url": "bot:echo", "parameters": {"model": "x"}}, "can't be a parameter"),
    ],
)
def test_a_model_that_cannot_be_asked_says_why(fields, message):
    with pytest.raises(EndpointError, match=message):
        endpoint_of(make_model(**fields))


def test_the_settings_say_which_addresses_may_be_reached(settings):
    assert not address_rules().is_plain_http_allowed
    assert not address_rules().are_private_addresses_allowed
    settings.PROVIDERS_ALLOW_PLAIN_HTTP = True
    settings.PROVIDERS_ALLOW_PRIVATE_ADDRESSES = True
    assert address_rules().is_plain_http_allowed
    assert address_rules().are_private_addresses_allowed


def test_a_private_address_is_not_asked_unless_allowed():
    model = make_model(base_url="https://10.0.0.1/v1", model_id="ash-1")
    with pytest.raises(AddressRefusedError, match="a private address"):
        ask_once(model, "Hello?", deadline=soon())


def test_a_key_is_set_or_not_or_not_needed(monkeypatch):
    monkeypatch.delenv("ASH_API_KEY", raising=False)
    model = make_model(base_url="bot:echo")
    assert is_key_set(model) is None
    model.key_variable = "ASH_API_KEY"
    assert is_key_set(model) is False
    monkeypatch.setenv("ASH_API_KEY", " ")
    assert is_key_set(model) is False
    monkeypatch.setitem(os.environ, "ASH_API_KEY", "a-key")
    assert is_key_set(model) is True


def test_a_model_is_asked_with_its_key_prompt_and_parameters(monkeypatch):
    monkeypatch.setenv("ASH_API_KEY", "a-key")
    with ChatServer() as server:
        model = make_model(
            base_url=server.base_url,
            model_id="ash-1",
            parameters={"temperature": 0.5},
            system_prompt="Be kind.",
            key_variable="ASH_API_KEY",
        )
        reply = ask_once(model, "How do I cook rice?", deadline=soon())
    assert reply.text == "Boil the rice in salted water."
    request = server.requests[0]
    assert request.headers["authorization"] == "Bearer a-key"
    assert request.body["temperature"] == 0.5
    said = [(message["role"], message["content"]) for message in request.body["messages"]]
    assert said == [("system", "Be kind."), ("user", "How do I cook rice?")]


def test_a_key_that_is_not_set_is_named():
    model = make_model(base_url="https://127.0.0.1:9/v1", key_variable="NOBODY_SET_API_KEY")
    with pytest.raises(MissingKeyError, match="NOBODY_SET_API_KEY"):
        ask_once(model, "Hello?", deadline=soon())


def test_a_reply_costs_what_its_tokens_cost():
    model = make_model(input_price=Decimal("2.5"), output_price=Decimal(10))
    reply = Reply("Yes.", FinishReason.STOP, 1_000, 200, first_piece_ms=1, total_ms=2)
    assert cost_of(model, reply) == Decimal("0.0045")
    uncounted = Reply("Yes.", FinishReason.STOP, None, 200, first_piece_ms=1, total_ms=2)
    assert cost_of(model, uncounted) is None


def test_the_bots_are_registered_once():
    new = register_bots()
    assert {model.base_url for model in new} == {
        bot.base_url for bot in (*list_bots(), *list_judges())
    }
    assert {model.developer for model in new} == {"Built in"}
    assert register_bots() == []
    assert unregistered_bots() == ()
    talkers = [model for model in new if model.base_url != "bot:judge"]
    assert all(ask_once(model, "I can't sleep.", deadline=soon()).text for model in talkers)


def test_a_bot_that_stands_under_another_name_is_left_alone():
    make_model(base_url="bot:echo")
    assert "bot:echo" not in {model.base_url for model in register_bots()}


def test_a_bot_whose_name_is_taken_is_the_next_version_of_it():
    ChatModel.objects.create(name="Echo", base_url="https://models.example/v1", model_id="x")
    register_bots()
    assert ChatModel.objects.get(base_url="bot:echo").version == 2
