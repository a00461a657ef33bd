"""Asking chat models: over the chat-completions protocol, or the built-in bots."""

from studies.providers.addresses import STRICT, AddressRules, check_address
from studies.providers.bots import BOT_SCHEME, Bot, list_bots, list_judges
from studies.providers.client import Reply, ReplyStream, stream_reply
from studies.providers.endpoint import Endpoint, Message, Role
from studies.providers.errors import (
    AddressRefusedError,
    EmptyAnswerError,
    EndpointError,
    MalformedAnswerError,
    MissingKeyError,
    OversizedAnswerError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    RefusedRequestError,
    ServerError,
    StreamCutError,
    UnreachableError,
)
from studies.providers.protocol import FinishReason, TokenLogprob
from studies.providers.retries import MAX_ATTEMPTS, retry_delay

__all__ = [
    "BOT_SCHEME",
    "MAX_ATTEMPTS",
    "STRICT",
    "AddressRefusedError",
    "AddressRules",
    "Bot",
    "EmptyAnswerError",
    "Endpoint",
    "EndpointError",
    "FinishReason",
    "MalformedAnswerError",
    "Message",
    "MissingKeyError",
    "OversizedAnswerError",
    "ProviderError",
    "ProviderTimeoutError",
    "RateLimitedError",
    "RefusedRequestError",
    "Reply",
    "ReplyStream",
    "Role",
    "ServerError",
    "StreamCutError",
    "TokenLogprob",
    "UnreachableError",
    "check_address",
    "list_bots",
    "list_judges",
    "retry_delay",
    "stream_reply",
]
