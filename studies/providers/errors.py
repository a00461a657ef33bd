"""How asking a chat model can fail. Messages are for admins: they may name endpoint and model.

A rater must never see one, only that a side could not answer.
"""

from datetime import timedelta
from typing import ClassVar


class ProviderError(Exception):
    """Base of every failure: whether asking again may help, and when the endpoint wants that.

    `retry_after` is how long the endpoint asked to be left alone, None if it did not say.
    """

    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndpointError(ProviderError):
    """An endpoint that is described in a way in which it cannot be asked."""


class AddressRefusedError(EndpointError):
    """The address, or what its name resolves to, is one that the server must not reach."""


class MissingKeyError(EndpointError):
    """The environment variable that should hold the key is not set, or holds no key."""


class RefusedRequestError(ProviderError):
    """The endpoint understood the request and will not serve it: a 3xx or 4xx of its own."""


class RateLimitedError(ProviderError):
    """The endpoint is asked too often (429)."""

    is_retryable = True


class ServerError(ProviderError):
    """The endpoint failed (5xx), or reported an error in the middle of its answer."""

    is_retryable = True


class UnreachableError(ProviderError):
    """No connection: the name does not resolve, nobody listens, or TLS fails."""

    is_retryable = True


class ProviderTimeoutError(ProviderError):
    """The endpoint was silent for too long, or did not finish by the deadline."""

    is_retryable = True


class StreamCutError(ProviderError):
    """The answer stopped before its end. What had arrived is no answer, and is not carried."""

    is_retryable = True


class EmptyAnswerError(ProviderError):
    """The answer came to its end without a word in it."""

    is_retryable = True


class MalformedAnswerError(ProviderError):
    """What came back is not what the protocol says, or not what was asked for."""

    is_retryable = True


class OversizedAnswerError(MalformedAnswerError):
    """The answer passed the limit of what is read or kept. Asked again it would do the same."""

    is_retryable = False
