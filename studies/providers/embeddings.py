"""Asking an endpoint for embeddings of texts, over the protocol of /embeddings.

Every vector has to be the one of its text: an answer that leaves a doubt is an error, for a
vector in the wrong place would look like any other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from studies.providers.addresses import EMBEDDINGS_PATH, STRICT, AddressRules
from studies.providers.bots import BOT_SCHEME
from studies.providers.call import call, kind_of
from studies.providers.countdown import Countdown
from studies.providers.endpoint import Endpoint
from studies.providers.errors import EndpointError, MalformedAnswerError
from studies.providers.protocol import count_of, object_in, parse_object, quote

Vectors = NDArray[np.float32]

# As many texts as the least patient servers take at a time.
MOST_TEXTS: Final = 32
# No embedding that is in use has more numbers; with as many texts it stays below BYTE_LIMIT.
MOST_NUMBERS: Final = 8_192
# What the request says already.
OWN: Final = frozenset({"model", "input", "encoding_format"})


@dataclass(frozen=True)
class Embeddings:
    """The vectors of T texts in their order, (T, E), and how many tokens were read for them.

    The count is the endpoint's own, None if it gave none.
    """

    vectors: Vectors
    tokens: int | None


def embed(
    endpoint: Endpoint,
    texts: Sequence[str],
    *,
    deadline: datetime,
    rules: AddressRules = STRICT,
) -> Embeddings:
    """Ask an endpoint for the embeddings of 1 to 32 texts, none of them blank, once.

    It is all over by the `deadline`. Every failure is a ProviderError, see `errors.py`; whether
    to try again is `retries.retry_delay`'s to say.
    """
    if not 1 <= len(texts) <= MOST_TEXTS or not all(text.strip() for text in texts):
        raise ValueError(f"embeddings are asked of 1 to {MOST_TEXTS} texts, none of them blank")
    if endpoint.base_url.startswith(BOT_SCHEME):
        raise EndpointError(f"{endpoint.base_url} is a built-in bot, and none of them embeds")
    with call(
        endpoint,
        EMBEDDINGS_PATH,
        _request(endpoint, texts),
        accept="application/json",
        countdown=Countdown(deadline),
        rules=rules,
    ) as response:
        if (kind := kind_of(response)) != "application/json":
            raise MalformedAnswerError(f"the answer is {quote(kind) or 'of no type'}, not JSON")
        return parse_embeddings(b"".join(response.iter_raw()), count=len(texts))


def _request(endpoint: Endpoint, texts: Sequence[str]) -> bytes:
    parameters = {name: each for name, each in endpoint.parameters.items() if each is not None}
    if taken := sorted(OWN & parameters.keys()):
        raise EndpointError(f"{', '.join(taken)} can't be a parameter; the request sets it")
    own = {"model": endpoint.model_id, "input": list(texts), "encoding_format": "float"}
    try:
        return json.dumps(parameters | own, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise EndpointError(f"parameters that JSON cannot say: {error}") from error


def parse_embeddings(data: bytes, *, count: int) -> Embeddings:
    """The vectors of an answer, in the order of the `count` texts that were sent.

    Raises MalformedAnswerError unless there is exactly one of each, all of the same length and
    of finite numbers, and what the endpoint itself reports as an error, as that error.
    """
    answer = parse_object(data)
    given = answer.get("data")
    if not isinstance(given, list) or len(given) != count:
        found = f"{len(given):,}" if isinstance(given, list) else "no"
        raise MalformedAnswerError(f"the answer has {found} embeddings, of {count:,} texts")
    rows: dict[int, list[Any]] = {}
    for each in given:
        place, row = _row(each)
        if place in rows or not 0 <= place < count:
            raise MalformedAnswerError(f"the answer does not say whose its embedding {place} is")
        rows[place] = row
    vectors = _vectors([rows[place] for place in range(count)])
    return Embeddings(vectors, count_of(object_in(answer, "usage", data).get("prompt_tokens")))


def _row(given: object) -> tuple[int, list[Any]]:
    """The place of an embedding among the texts, and its numbers."""
    if not isinstance(given, dict):
        raise MalformedAnswerError("the answer's embedding is no object")
    place, row = given.get("index"), given.get("embedding")
    if not isinstance(place, int) or isinstance(place, bool):
        raise MalformedAnswerError("the answer does not say whose an embedding is")
    if not isinstance(row, list) or not all(type(number) in (int, float) for number in row):
        raise MalformedAnswerError(f"the answer's embedding {place} is no list of numbers")
    return place, row


def _vectors(rows: Sequence[list[Any]]) -> Vectors:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or not 1 <= min(lengths) <= MOST_NUMBERS:
        found = ", ".join(f"{length:,}" for length in sorted(lengths))
        raise MalformedAnswerError(f"the answer's embeddings have {found} numbers each")
    try:
        with np.errstate(over="ignore"):
            vectors = np.array(rows, np.float64).astype(np.float32)
    except OverflowError as error:
        raise MalformedAnswerError("the answer's embeddings hold what is no number") from error
    if not np.isfinite(vectors).all():
        raise MalformedAnswerError("the answer's embeddings hold what is no finite number")
    if not vectors.any(axis=1).all():
        raise MalformedAnswerError("the answer's embeddings hold one of nothing but zeros")
    return vectors
