"""Texts that are the same or nearly the same, found among many.

Two texts are nearly the same where most of their shingles are: Jaccard's index of at least .8, as
elsewhere here. Whoever reaches another in such steps is in its cluster. No pair is missed and
nothing is drawn: texts so much alike share one of their rarest shingles at least, so only those
that do are compared. Bayardo, Ma and Srikant (2007), Scaling up all pairs similarity search, WWW.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Final

from raters.quality.words import shingles, similarity, words

NEARLY_SAME: Final = 0.8

Shingle = tuple[str, ...]


def cluster_texts(texts: Sequence[str], *, alike: float = NEARLY_SAME) -> list[int]:
    """The cluster of each text, named by the index of the first text in it.

    Case, punctuation and width make no difference; of texts without words the signs are compared.
    """
    # To take a text into words is most of the work, and many are the same letter by letter.
    said = {text: words(text) or ("", text.strip()) for text in dict.fromkeys(texts)}
    first: dict[Shingle, int] = {}
    same = [first.setdefault(said[text], n) for n, text in enumerate(texts)]
    parent = {n: n for n in first.values()}
    for one, other in _nearly_same({n: shingles(texts[n]) for n in parent}, alike, parent):
        low, high = sorted((_root(one, parent), _root(other, parent)))
        parent[high] = low
    return [_root(n, parent) for n in same]


def _nearly_same(
    writings: dict[int, frozenset[Shingle]], alike: float, parent: dict[int, int]
) -> Iterator[tuple[int, int]]:
    """Pairs of different texts that are much alike and not in one cluster yet."""
    texts_with = Counter(shingle for own in writings.values() for shingle in own)
    holders: defaultdict[Shingle, list[int]] = defaultdict(list)
    for n, own in sorted(writings.items(), key=lambda item: (len(item[1]), item[0])):
        rarest = sorted(own, key=lambda shingle: (texts_with[shingle], shingle))
        # At least so many are shared with a text that is alike; rounding may not ask for more.
        shared = alike * len(own) - 1e-9
        # So one of these is, or too few of the others can be.
        telling = rarest[: len(own) - ceil(shared) + 1]
        for m in {m for shingle in telling for m in holders[shingle]}:
            if (
                len(writings[m]) >= shared
                and _root(m, parent) != _root(n, parent)
                and similarity(writings[m], own) >= alike
            ):
                yield m, n
        for shingle in telling:
            holders[shingle].append(n)


def _root(n: int, parent: dict[int, int]) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n
