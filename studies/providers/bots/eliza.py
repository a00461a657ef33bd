"""A bot that turns what it is told into questions, after Weizenbaum's program of 1966.

Weizenbaum, J. (1966), ELIZA: a computer program for the study of natural language
communication between man and machine, CACM 9:36-45. The method is his: keywords with ranks,
parts of the sentence put together again with the persons exchanged, and a memory for when no
keyword is found. The script (eliza.toml) is ours, and short.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from studies.providers.bots.words import read_script, sentences_of

MEMORY: Final = re.compile(r"\bmy ([^\W\d_]+)", re.IGNORECASE)
# Where a part of a sentence ends that can be said again as it stands.
JOINT: Final = re.compile(r"[,;:]|\b(?:because|but|although|and|so that)\b", re.IGNORECASE)
# Of a longer part only the beginning is said again.
LONGEST_PART: Final = 14


@dataclass(frozen=True)
class Keyword:
    """A pattern, and the answers that its parts go into."""

    pattern: re.Pattern[str]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """Keywords by rank, answers where none is found, and the persons to exchange."""

    keywords: tuple[Keyword, ...]
    passed_over: tuple[str, ...]
    other_person: Mapping[str, str]


def answer(said: Sequence[str], chance: Random) -> str:
    """The answer of the highest keyword in the last message, or of something said before."""
    sentences = sentences_of(said[-1])
    for keyword in _script().keywords:
        for sentence in sentences:
            if match := keyword.pattern.search(sentence):
                parts = [_turned(part) for part in match.groups()]
                return chance.choice(keyword.answers).format(*parts)
    return _remembered(said[:-1], chance) or chance.choice(_script().passed_over)


@cache
def _script() -> Script:
    script = read_script("eliza")
    keywords = tuple(
        Keyword(re.compile(entry["pattern"], re.IGNORECASE), tuple(entry["answers"]))
        for entry in script["keyword"]
    )
    return Script(keywords, tuple(script["passed_over"]), script["other_person"])


def _remembered(said: Sequence[str], chance: Random) -> str:
    """A question about something of the rater's own that she mentioned before, or ""."""
    mentions = [match[1] for text in said for match in MEMORY.finditer(text)]
    if not mentions:
        return ""
    return f"Earlier you mentioned your {chance.choice(mentions)}. Does this have to do with it?"


def _turned(part: str) -> str:
    """A part of a sentence as the other person would say it."""
    others = _script().other_person
    beginning = JOINT.split(part, maxsplit=1)[0] or part
    words = beginning.strip(" .,;:!?\"'").split()[:LONGEST_PART]
    return " ".join(others.get(word.casefold().replace("’", "'"), word) for word in words)
