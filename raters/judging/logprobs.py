"""How sure a chat model was of the value it gave: log-probabilities at that value's token.

Liu et al. (2023), G-Eval, arXiv 2303.16634, weight scores by the probabilities of their tokens.
Here they are renormalised over the values that the schema allows.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from json import JSONDecoder
from typing import Final, TypeVar

from raters.judging.answers import SCORES
from raters.judging.calls import Answer
from studies.providers import TokenLogprob

Value = TypeVar("Value", str, int)

SPACE: Final = re.compile(r"\s*")
# What may stand in one token with a value, after it.
VALUE_ENDS: Final = re.compile(r'["},\]\s]')


def probabilities_at(
    answer: Answer, path: Sequence[str], allowed: Sequence[Value]
) -> dict[Value, float] | None:
    """How probable each allowed value was where the answer's value at `path` stands; sum 1.

    None without log-probabilities, without alternatives, and where the value's token can't be
    found or stands for none of them.
    """
    start = find_value(answer.text, path)
    if start is None or not answer.token_logprobs:
        return None
    found = _token_at(answer.token_logprobs, answer.text[start:])
    if found is None:
        return None
    token, before = found
    masses = dict.fromkeys(allowed, 0.0)
    # The token itself may be less probable than the alternatives that are told.
    for text, logprob in {token.token: token.logprob, **dict(token.alternatives)}.items():
        value = _value_meant(text, before, allowed)
        if value is not None:
            masses[value] += math.exp(logprob)
    total = math.fsum(masses.values())
    if not token.alternatives or total <= 0:
        return None
    return {value: mass / total for value, mass in masses.items()}


def weighted_score(answer: Answer, path: Sequence[str]) -> float | None:
    """The expected score, Σ k·p(k) over 1 to 5; None as in `probabilities_at`."""
    probabilities = probabilities_at(answer, path, SCORES)
    if probabilities is None:
        return None
    return math.fsum(score * probability for score, probability in probabilities.items())


def entropy(probabilities: Iterable[float]) -> float:
    """How undecided a verdict is, in bits: 0 if it is certain, log2(n) if n are as probable."""
    return max(0.0, -math.fsum(p * math.log2(p) for p in probabilities if p > 0))


def find_value(text: str, path: Sequence[str]) -> int | None:
    """Where in a JSON text the value of nested names begins, inside its quote; None if nowhere."""
    place = 0
    for name in path:
        member = _find_member(text, place, name)
        if member is None:
            return None
        place = member
    return place + 1 if text[place] == '"' else place


def _find_member(text: str, place: int, name: str) -> int | None:
    """Where the value of a name begins in the object that stands at a place."""
    decoder = JSONDecoder()
    place = _skip_space(text, place)
    if text[place : place + 1] != "{":
        return None
    try:
        while text[place] in "{,":
            found, place = decoder.raw_decode(text, _skip_space(text, place + 1))
            place = _skip_space(text, _skip_space(text, place) + 1)
            if found == name:
                return place if place < len(text) else None
            _, place = decoder.raw_decode(text, place)
            place = _skip_space(text, place)
    except (json.JSONDecodeError, IndexError):
        return None
    return None


def _skip_space(text: str, place: int) -> int:
    match = SPACE.match(text, place)
    return match.end() if match else place


def _token_at(tokens: Sequence[TokenLogprob], rest: str) -> tuple[TokenLogprob, str] | None:
    """The token in which the answer's `rest` begins, and what stands before it in the token.

    Sought from the end: a sign that fell into two tokens before it can't shift it then.
    """
    start = "".join(token.token for token in tokens).rfind(rest)
    if start < 0:
        return None
    end = 0
    for token in tokens:
        end += len(token.token)
        if end > start:
            return token, token.token[: start - end + len(token.token)]
    return None


def _value_meant(text: str, before: str, allowed: Sequence[Value]) -> Value | None:
    """The one value that a token begins after what stands `before` it, or None."""
    if not text.startswith(before):
        return None
    begun = VALUE_ENDS.split(text[len(before) :].lstrip(), maxsplit=1)[0]
    meant = [value for value in allowed if begun and str(value).startswith(begun)]
    exact = [value for value in meant if str(value) == begun]
    candidates = exact or meant
    return candidates[0] if len(candidates) == 1 else None
