"""The chat-completions protocol: what a request says, and what an answer's JSON means.

Servers that call themselves compatible differ: an empty string where null belongs, no
[DONE], usage in each event or in none, an answer in one piece although a stream was asked
for, an error inside an answer of status 200. What can be meant in one way only is read that
way; the rest is an error, for a guess here would become a rater's verdict.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from studies.providers.endpoint import Endpoint, Message
from studies.providers.errors import (
    EndpointError,
    MalformedAnswerError,
    ProviderError,
    RateLimitedError,
    RefusedRequestError,
    ServerError,
)

# How much of an endpoint's own words an error quotes.
QUOTED_CHARACTERS: Final = 300

# What some say for impossible, where others say minus infinity, which no database takes as JSON.
LEAST_LOGPROB: Final = -9999.0


class FinishReason(StrEnum):
    """Why an answer ended. Only these make an answer: the rest is a failure."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"


FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    **{reason.value: reason for reason in FinishReason},
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
}


@dataclass(frozen=True)
class TokenLogprob:
    """A token of an answer, its natural log-probability, and those of what could stand there."""

    token: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Chunk:
    """What one event, or a whole answer in one piece, says. None is what it does not say."""

    text: str = ""
    finish_reason: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    token_logprobs: tuple[TokenLogprob, ...] | None = None


def build_request(endpoint: Endpoint, messages: Sequence[Message]) -> bytes:
    """The request's body. EndpointError for parameters that JSON cannot say."""
    spoken = [{"role": message.role.value, "content": message.content} for message in messages]
    if endpoint.system_prompt:
        spoken.insert(0, {"role": "system", "content": endpoint.system_prompt})
    body: dict[str, object] = {"stream_options": {"include_usage": True}, **endpoint.parameters}
    body = {name: value for name, value in body.items() if value is not None}
    body |= {"model": endpoint.model_id, "messages": spoken, "stream": True}
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise EndpointError(f"parameters that JSON cannot say: {error}") from error


def parse_chunk(data: str | bytes) -> Chunk:
    """What an event's data say, or a whole answer's.

    Raises MalformedAnswerError for what the protocol doesn't know, and what the endpoint
    itself reports as an error, as that error.
    """
    answer = parse_object(data)
    usage = object_in(answer, "usage", data)
    text, finish_reason = _parse_choice(answer.get("choices"), data)
    return Chunk(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        completion_tokens=count_of(usage.get("completion_tokens")),
        token_logprobs=_parse_logprobs(answer.get("choices")),
    )


def parse_object(data: str | bytes) -> Mapping[str, Any]:
    """An answer's JSON object.

    Raises MalformedAnswerError for what is none, and what the endpoint itself reports as an error,
    as that error.
    """
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(f"the answer is not JSON: {_quoted(data)}") from error
    if not isinstance(answer, dict):
        raise MalformedAnswerError(f"the answer is no JSON object: {_quoted(data)}")
    if answer.get("error"):
        raise _reported_error(answer["error"])
    return answer


def error_for_status(
    status: int, message: str, *, retry_after: timedelta | None = None
) -> ProviderError:
    """The error that an HTTP status other than 200 stands for."""
    if status == 429:
        return RateLimitedError(message, retry_after=retry_after)
    if status >= 500 or status in (408, 425):  # The latter two say: not now.
        return ServerError(message, retry_after=retry_after)
    if 300 <= status < 500:
        return RefusedRequestError(message)
    return MalformedAnswerError(message)


def _parse_choice(choices: object, data: str | bytes) -> tuple[str, FinishReason | None]:
    if not choices:  # The event that carries usage has none, and neither have some keep-alives.
        return "", None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise MalformedAnswerError(f"the answer's choices are no list: {_quoted(data)}")
    choice: dict[str, Any] = choices[0]
    said = object_in(choice, "delta", data) or object_in(choice, "message", data)
    text = said.get("content")
    if text is not None and not isinstance(text, str):
        raise MalformedAnswerError(f"the answer's content is no text: {_quoted(data)}")
    reason = choice.get("finish_reason")
    if not reason:
        return text or "", None
    if reason == "error":
        raise ServerError(f"the endpoint broke its answer off: {_quoted(data)}")
    if not isinstance(reason, str) or reason not in FINISH_REASONS:
        raise MalformedAnswerError(
            f"the answer ended for an unknown reason, {_quoted(str(reason))}"
        )
    return text or "", FINISH_REASONS[reason]


def _parse_logprobs(choices: object) -> tuple[TokenLogprob, ...] | None:
    """The tokens of a choice; None if it gives none, or any that can't be read.

    Nobody's answer is dropped for them: it is whole without.
    """
    try:
        tokens = choices[0]["logprobs"]["content"]  # type: ignore[index]
        return tuple(
            TokenLogprob(
                *_parse_token(token),
                tuple(_parse_token(other) for other in token.get("top_logprobs") or ()),
            )
            for token in tokens
        )
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _parse_token(token: Mapping[str, Any]) -> tuple[str, float]:
    """A token's text and its log-probability, from LEAST_LOGPROB to 0; ValueError if neither."""
    text, logprob = token["token"], token["logprob"]
    is_number = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    if not isinstance(text, str) or not is_number or math.isnan(logprob):
        raise ValueError("a token without a text or a log-probability")
    return text, min(0.0, max(LEAST_LOGPROB, float(logprob)))


def _reported_error(error: object) -> ProviderError:
    """An error in an answer that began with status 200; a number as its code is a status."""
    code = error.get("code") if isinstance(error, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return error_for_status(status, f"the endpoint reported an error: {_quoted(str(text))}")


def object_in(parent: Mapping[str, Any], name: str, data: str | bytes) -> Mapping[str, Any]:
    """An object within an object, empty if it is not there; MalformedAnswerError for no object."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswerError(f"the answer's {name} is no object: {_quoted(data)}")
    return value


def count_of(value: object) -> int | None:
    """Tokens as they are stored: what is no count is not known, and no reason to drop an answer."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count and isinstance(value, int) else None


def _quoted(data: str | bytes) -> str:
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    return quote(text)


def quote(text: str) -> str:
    """The beginning of an endpoint's own words, on one line and without control signs."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return f"{line[:QUOTED_CHARACTERS]}…" if len(line) > QUOTED_CHARACTERS else line
