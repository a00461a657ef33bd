"""What is measured of one side of a conversation, so that two sides can be compared.

Word lists are English: of other languages only what they don't need is told. Nothing says who
the side is.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.outcomes import FloatArray, IntArray
from raters.quality.drift_features import content_stems
from raters.quality.style import style_of
from raters.quality.words import words as words_of

# Embeddings are large, and no endpoint gives more digits than these.
Vectors = NDArray[np.float32]

# A power of two: words that share a bucket share a weight.
BUCKETS: Final = 4096
# Of a longer side, what is read. It bounds the time.
MOST_SIGNS: Final = 20_000
SHORT, LONG = math.log1p(20), math.log1p(200)

_HEDGES: Final = re.compile(
    r"\b(may|might|maybe|perhaps|possibly|probably|likely|seems?|appears?|generally|usually|"
    r"could be|i think|i believe|not sure|it depends|in general)\b"
)
_REFUSALS: Final = re.compile(
    r"\b(i (can'?t|cannot|can not|am unable|am not able|won'?t|will not|don'?t have|do not have)|"
    r"i'm (unable|not able)|unable to (help|assist|provide)|as an ai|as a language model)\b"
)
_APOLOGIES: Final = re.compile(r"\b(sorry|apologi[sz]e|apologies|unfortunately)\b")
_COURTESIES: Final = re.compile(
    r"\b(sure|certainly|of course|great question|happy to|glad|i hope|feel free|let me know)\b"
)
_ROLES: Final = re.compile(r"^\W*(user|human|assistant|question|answer|input|output)\W*:", re.M)
_BREVITY: Final = re.compile(
    r"\b(only|just|brief|briefly|short|concise|one word|one sentence|summar[iy]\w*|tl;?dr)\b"
)
_ASKS_CODE: Final = re.compile(r"\b(code|function|script|program|regex|sql|json|html|svg)\b")
_SENTENCE: Final = re.compile(r"[^.?!\n]+[.?!\n]*")
_COMPLETE: Final = re.compile(r"[.!?:;)\]}>`\"'”’。！？*|]\s*$")

NAMES: Final = (
    "length", "short", "long", "length where brevity is asked", "length by the message's",
    "list items", "headings", "bold", "links", "code blocks", "emoji", "code where it is asked",
    "questions", "exclamations", "hedges", "refusals", "apologies", "courtesies", "roles played",
    "overlap with the message", "words of the message", "begins with the message",
    "different words", "repetition", "word length", "sentence length", "lines", "digits",
    "signs", "capitals", "ends in mid-sentence", "says nothing",
)  # fmt: skip
LENGTH: Final = NAMES.index("length")


@dataclass(frozen=True)
class Words:
    """Words and pairs of words of a side: ln(1 + n) (W,), by the bucket of their hash (W,)."""

    buckets: IntArray
    values: FloatArray


@dataclass(frozen=True)
class Measured:
    """One side: its measures (S,), in the order of `NAMES`, its words, and its embedding.

    The embedding is (E,), or (0,) where nobody was asked for it.
    """

    style: FloatArray
    words: Words
    embedding: Vectors = field(default_factory=lambda: np.zeros(0, np.float32))


def measure(messages: Sequence[str], replies: Sequence[str]) -> Measured:
    """Measure what one side replied to a rater's messages."""
    asked, text = "\n\n".join(messages)[:MOST_SIGNS], "\n\n".join(replies)[:MOST_SIGNS]
    said = words_of(text.lower())
    found = (
        _length(asked, text, said)
        | _marks(asked, text)
        | _manners(text.lower())
        | _thread(asked.lower(), text.lower(), said)
        | _form(text, said)
    )
    return Measured(np.array([found[name] for name in NAMES]), hashed_words(said))


def hashed_words(said: Sequence[str]) -> Words:
    """Words and pairs of words by bucket: the same in every process."""
    counted = Counter(said) + Counter(f"{a} {b}" for a, b in pairwise(said))
    found: dict[int, float] = {}
    for term, count in counted.items():
        bucket = zlib.crc32(term.encode()) % BUCKETS
        found[bucket] = found.get(bucket, 0.0) + math.log1p(count)
    return Words(np.array(list(found), np.int32), np.array(list(found.values()), float))


def embedding_of(replies: Sequence[Vectors]) -> Vectors:
    """The embedding of a side (E,): the mean of its replies' (E,), each at unit length.

    Raises ValueError for a side without a reply, or for replies of different E.
    """
    vectors = np.stack(replies)
    mean: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
    return mean


def _length(asked: str, text: str, said: Sequence[str]) -> dict[str, float]:
    length = math.log1p(len(said))
    return {
        "length": length,
        "short": max(SHORT - length, 0.0),
        "long": max(length - LONG, 0.0),
        "length where brevity is asked": length * bool(_BREVITY.search(asked.lower())),
        "length by the message's": length * math.log1p(len(words_of(asked))),
        "says nothing": float(not text.strip()),
    }


def _marks(asked: str, text: str) -> dict[str, float]:
    """Marks of Markdown, as they are shown."""
    style = style_of(text)
    wants_code = bool(_ASKS_CODE.search(asked.lower()))
    return {
        "list items": math.log1p(style.list_items),
        "headings": math.log1p(style.headers),
        "bold": math.log1p(style.bold),
        "links": math.log1p(style.links),
        "code blocks": math.log1p(style.code_blocks),
        "emoji": math.log1p(style.emoji),
        "code where it is asked": float(wants_code and style.code_blocks > 0),
    }


def _manners(text: str) -> dict[str, float]:
    patterns = {
        "hedges": _HEDGES,
        "refusals": _REFUSALS,
        "apologies": _APOLOGIES,
        "courtesies": _COURTESIES,
        "roles played": _ROLES,
    }
    found = {name: math.log1p(len(each.findall(text))) for name, each in patterns.items()}
    return found | {
        "questions": math.log1p(text.count("?")),
        "exclamations": math.log1p(text.count("!")),
    }


def _thread(asked: str, text: str, said: Sequence[str]) -> dict[str, float]:
    """How far the side keeps to what it was asked, or repeats it."""
    stems, wanted = content_stems(said), content_stems(words_of(asked))
    shared = len(stems & wanted)
    return {
        "overlap with the message": shared / len(stems) if stems else 0.0,
        "words of the message": shared / len(wanted) if wanted else 0.0,
        "begins with the message": float(bool(asked) and text.strip()[:40] in asked),
    }


def _form(text: str, said: Sequence[str]) -> dict[str, float]:
    signs = max(len(text), 1)
    sentences = [len(each.split()) for each in _SENTENCE.findall(text)]
    encoded = text.encode()
    return {
        # By the root, since longer texts always repeat more words (Guiraud 1954).
        "different words": len(set(said)) / math.sqrt(len(said)) if said else 0.0,
        "repetition": math.log(max(len(encoded), 1) / len(zlib.compress(encoded))),
        "word length": sum(map(len, said)) / len(said) if said else 0.0,
        "sentence length": math.log1p(sum(sentences) / len(sentences)) if sentences else 0.0,
        "lines": math.log1p(text.count("\n")),
        "digits": sum(map(str.isdigit, text)) / signs,
        "signs": sum(not each.isalnum() and not each.isspace() for each in text) / signs,
        "capitals": sum(map(str.isupper, text)) / signs,
        "ends in mid-sentence": float(bool(text.strip()) and not _COMPLETE.search(text)),
    }
