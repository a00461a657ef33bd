"""Asking chat models, over the chat-completions protocol or the built-in bots; and embedders."""

from studies.providers.addresses import STRICT, AddressRules, check_address
from studies.providers.bots import BOT_SCHEME, Bot, list_bots, list_judges
from studies.providers.client import Reply, ReplyStream, stream_reply
from studies.providers.embeddings import MOST_TEXTS, Embeddings, Vectors, embed
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
    "MOST_TEXTS",
    "STRICT",
    "AddressRefusedError",
    "AddressRules",
    "Bot",
    "Embeddings",
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
    "Vectors",
    "check_address",
    "embed",
    "list_bots",
    "list_judges",
    "retry_delay",
    "stream_reply",
]
