"""The registry of chat models: how each of them is asked, and the bots that come with Hustings."""

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from studies.models import ChatModel
from studies.providers import (
    AddressRules,
    Bot,
    Embeddings,
    Endpoint,
    EndpointError,
    Message,
    Reply,
    Role,
    embed,
    list_bots,
    list_judges,
    stream_reply,
)

BUILT_IN = "Built in"
TOKENS_OF_A_PRICE = 1_000_000


def address_rules() -> AddressRules:
    """What this site's settings allow besides https to public addresses, and loopback."""
    return AddressRules(
        is_plain_http_allowed=settings.PROVIDERS_ALLOW_PLAIN_HTTP,
        are_private_addresses_allowed=settings.PROVIDERS_ALLOW_PRIVATE_ADDRESSES,
    )


def endpoint_of(chat_model: ChatModel) -> Endpoint:
    """How a chat model is asked; EndpointError if it has no address, or one of its fields is off.

    So it is for an embedder, which answers nobody. The address itself is checked by what opens the
    connection.
    """
    if chat_model.is_embedder:
        raise EndpointError(
            _("%(chat_model)s embeds texts, and holds no conversation") % {"chat_model": chat_model}
        )
    return _endpoint(chat_model)


def embedder_of(chat_model: ChatModel) -> Endpoint:
    """How an embedder is asked for embeddings; EndpointError for a chat model that is none."""
    if not chat_model.is_embedder:
        raise EndpointError(
            _("%(chat_model)s is not registered as one that embeds texts")
            % {"chat_model": chat_model}
        )
    return _endpoint(chat_model)


def _endpoint(chat_model: ChatModel) -> Endpoint:
    if not chat_model.base_url:
        raise EndpointError(
            _("%(chat_model)s has no address; say in the registry where it answers")
            % {"chat_model": chat_model}
        )
    return Endpoint(
        base_url=chat_model.base_url,
        model_id=chat_model.model_id,
        parameters=chat_model.parameters,
        system_prompt=chat_model.system_prompt,
        key_variable=chat_model.key_variable,
        timeout=timedelta(seconds=chat_model.timeout_s),
    )


def pinned_digest(chat_model: ChatModel) -> str:
    """SHA-256 of a chat model's pinned fields: it tells that they are the same, and not what."""
    pinned = {field: getattr(chat_model, field) for field in ChatModel.PINNED}
    return hashlib.sha256(json.dumps(pinned, sort_keys=True).encode()).hexdigest()


def is_key_set(chat_model: ChatModel) -> bool | None:
    """Whether the environment variable with the key is set; None if the model needs no key."""
    if not chat_model.key_variable:
        return None
    return bool(os.environ.get(chat_model.key_variable, "").strip())


def cost_of(chat_model: ChatModel, reply: Reply) -> Decimal | None:
    """What a reply costs in US dollars; None if its endpoint counted no tokens."""
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        return None
    return charge(
        chat_model, prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens
    )


def charge(chat_model: ChatModel, *, prompt_tokens: int, completion_tokens: int) -> Decimal:
    """What so many tokens, read and written, cost in US dollars."""
    charged = chat_model.input_price * prompt_tokens + chat_model.output_price * completion_tokens
    return charged / TOKENS_OF_A_PRICE


def ask_once(chat_model: ChatModel, message: str, *, deadline: datetime) -> Reply:
    """What a chat model answers to one message, to try it out; nothing is stored.

    Raises ProviderError, whose message is for admins.
    """
    said = [Message(Role.USER, message)]
    with stream_reply(
        endpoint_of(chat_model), said, deadline=deadline, rules=address_rules()
    ) as stream:
        for _ in stream:
            pass
        return stream.reply


def embed_once(chat_model: ChatModel, text: str, *, deadline: datetime) -> Embeddings:
    """The embedding of one text, to try an embedder out; nothing is stored.

    Raises ProviderError, whose message is for admins.
    """
    return embed(embedder_of(chat_model), [text], deadline=deadline, rules=address_rules())


def unregistered_bots() -> tuple[Bot, ...]:
    """The built-in bots that the registry lacks, whatever names they stand under."""
    bots = (*list_bots(), *list_judges())
    addresses = [bot.base_url for bot in bots]
    standing = set(
        ChatModel.objects.filter(base_url__in=addresses).values_list("base_url", flat=True)
    )
    return tuple(bot for bot in bots if bot.base_url not in standing)


@transaction.atomic
def register_bots() -> Sequence[ChatModel]:
    """Register every built-in bot that the registry lacks; returns those that are new.

    A name that another chat model has already is left to it: the bot is its next version.
    """
    return [_register(bot) for bot in unregistered_bots()]


def _register(bot: Bot) -> ChatModel:
    name = bot.name.capitalize()
    last = ChatModel.objects.filter(name=name).aggregate(last=Max("version"))["last"]
    return ChatModel.objects.create(
        name=name,
        version=(last or 0) + 1,
        developer=BUILT_IN,
        base_url=bot.base_url,
        model_id=bot.name,
    )
