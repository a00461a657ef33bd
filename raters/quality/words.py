"""Texts as words and shingles, in any script, so that what is the same is seen to be the same."""

import re
import unicodedata
from typing import Final

SHINGLE_WORDS: Final = 3

# Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana and Han. Two of their
# signs are counted as a word, which is about what segmented Chinese and Japanese have.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_PAIR: Final = re.compile(rf"[{_UNSPACED}]{{1,2}}")
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")


def words(text: str) -> tuple[str, ...]:
    """The text's words in order, without case, punctuation or width: what a person reads.

    Apostrophes and hyphens inside stay. Pieces without a letter or digit, as emoji, are no words.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    pieces = _PAIR.sub(r" \g<0> ", plain).split()
    return tuple(word for piece in pieces if (word := _EDGES.sub("", piece)))


def shingles(text: str, size: int = SHINGLE_WORDS) -> frozenset[tuple[str, ...]]:
    """Every `size` words that follow each other; of a shorter text, all its words as one."""
    found = words(text)
    if len(found) < size:
        return frozenset([found] if found else [])
    return frozenset(zip(*(found[start:] for start in range(size)), strict=False))


def similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Jaccard's index of two sets of shingles (Broder 1997), 0 to 1; of two empty sets 0."""
    together = len(one | other)
    return len(one & other) / together if together else 0.0
