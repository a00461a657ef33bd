"""Fraud over participations: signals for a reviewer, with their figures, never strikes.

Votes: an honest rater is taken to answer with the probabilities that the board predicts. Tastes
differ, so a rater of rare taste looks odd too: what is found here is a reason to look. On real
votes of 124 crowd workers (llmfao), with ties left out, the tests of level .01 flag .05
(sequential) and .08 (likelihood) of them; with ties, each rater having a habit of her own, .07
and .13, and they find no more. So ties are left out: see `without_ties`.
"""

import hashlib
import hmac
import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raters.quality.words import shingles, similarity, words

# One honest rater in a hundred is flagged, however often she is looked at.
LEVEL: Final = 0.01
SIMULATIONS: Final = 9_999
# Shorter texts are written by two honest people: "what is the capital of france".
MIN_SHARED_WORDS: Final = 8
SHARED: Final = 0.8
# A shingle of more texts than this is a common phrase, and no reason to compare their texts.
COMMON_SHINGLE: Final = 50
# A provider gives a household a /64 of IPv6, and a device walks about in it.
IPV6_HOUSEHOLD: Final = 64

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Shingle = tuple[str, ...]


@dataclass(frozen=True)
class SequentialTest:
    """M after each vote (N,), its greatest value, and the vote (from 1) that first passed 1/α.

    `p_value` is 1 / max M, valid whenever one stops.
    """

    path: FloatArray
    highest: float
    p_value: float
    flagged_at: int | None


@dataclass(frozen=True)
class LikelihoodTest:
    """−2 Σ log p of the given votes, its mean for honest raters, and the one-sided p-value."""

    statistic: float
    expected: float
    p_value: float
    is_flagged: bool


@dataclass(frozen=True)
class SharedText:
    """One text of two raters or more, or two texts that are nearly the same.

    `similarity` is Jaccard's index of their shingles, 1 for one text.
    """

    raters: tuple[str, ...]
    texts: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class SharedKey:
    """One recruiting id, address or device, and all the participations that have it."""

    key: str
    participations: tuple[str, ...]


def without_ties(
    probabilities: FloatArray, outcome: IntArray, *, tie: int = 1
) -> tuple[FloatArray, IntArray]:
    """The decided votes alone: probabilities (M, K − 1) given that it is no tie, and outcomes."""
    decided = outcome != tie
    kept = np.delete(probabilities, tie, axis=1)[decided]
    said = outcome[decided]
    return kept / kept.sum(axis=1, keepdims=True), said - (said > tie)


def sequential_test(
    probabilities: FloatArray, outcome: IntArray, *, level: float = LEVEL
) -> SequentialTest:
    """M = Π 1/(K p): is the rater answering by chance rather than as predicted?

    `probabilities` (N, K) are of the K outcomes of each of her votes in order, predicted without
    that vote and those after it; `outcome` (N,) is what she said. With K = 2 it is the arena's
    M = Π 1/(2p). For an honest rater M is a martingale of mean 1, the likelihood ratio of votes
    at random against hers, so by Ville's inequality it ever passes 1/α with probability at most
    α: she may be tested after every vote. Her taste may be rare: see the module.
    """
    given = _given(probabilities, outcome)
    # Kept as logarithms, which don't overflow; a path beyond e^700 says no more than e^700.
    path = np.exp(np.minimum(np.cumsum(-np.log(probabilities.shape[1] * given)), 700))
    passed = np.flatnonzero(path > 1 / level)
    highest = float(path.max(initial=1.0))
    first = int(passed[0]) + 1 if len(passed) else None
    return SequentialTest(path, highest, 1 / highest, first)


def likelihood_test(
    probabilities: FloatArray,
    outcome: IntArray,
    *,
    seed: int,
    level: float = LEVEL,
    simulations: int = SIMULATIONS,
) -> LikelihoodTest:
    """Are the votes less likely than honest ones? −2 Σ log p against simulated raters.

    Min et al. (2025), Improving Your Model Ranking on Chatbot Arena by Vote Rigging. Arguments
    as in `sequential_test`; looked at once, at a fixed number of votes. Simulated raters answer
    the same battles by the same probabilities, so the p-value (1 + as unlikely) / (1 + all) is
    exact.
    """
    given = _given(probabilities, outcome)
    surprise = -2 * np.log(np.maximum(probabilities, np.finfo(float).tiny))
    statistic = float(-2 * np.log(given).sum())
    rng = np.random.default_rng(seed)
    honest = np.zeros(simulations)
    limits = np.cumsum(probabilities, axis=1)[:, :-1]
    for row, limit in zip(surprise, limits, strict=True):
        honest += row[np.searchsorted(limit, rng.random(simulations), side="right")]
    # The same sum in another order differs in the last digit.
    as_unlikely = int((honest >= statistic - 1e-9).sum())
    p_value = (1 + as_unlikely) / (1 + simulations)
    expected = float((probabilities * surprise).sum())
    return LikelihoodTest(statistic, expected, p_value, p_value < level)


def find_shared_texts(
    texts: Iterable[tuple[str, str]], *, known: Collection[str] = ()
) -> tuple[SharedText, ...]:
    """Texts of at least eight words that raters share, the same or nearly; most raters first.

    `texts` are (rater, text) pairs. What stands mostly in `known` texts, as task cards and
    suggestions, is no news.
    """
    public = frozenset[Shingle]().union(*map(shingles, known))
    writings: dict[tuple[str, ...], _Writing] = {}
    for rater, text in sorted(texts):
        said, own = words(text), shingles(text)
        if len(said) >= MIN_SHARED_WORDS and len(own & public) < SHARED * len(own):
            writings.setdefault(said, _Writing(text, own, set())).raters.add(rater)
    same = [
        SharedText(tuple(sorted(each.raters)), (each.text,), 1.0)
        for each in writings.values()
        if len(each.raters) > 1
    ]
    found = same + _nearly_same(list(writings.values()))
    return tuple(sorted(found, key=lambda each: (-len(each.raters), each.raters, each.texts)))


def find_shared_keys(
    keys: Iterable[tuple[str, str]], *, more_than: int = 1
) -> tuple[SharedKey, ...]:
    """Keys of `more_than` participations, from (participation, key) pairs, the largest first.

    For recruiting ids, hashed addresses and hashed devices alike. An empty key is unknown, and
    shared by nobody.
    """
    users: defaultdict[str, set[str]] = defaultdict(set)
    for participation, key in keys:
        if key:
            users[key].add(participation)
    shared = [SharedKey(key, tuple(sorted(p))) for key, p in users.items() if len(p) > more_than]
    return tuple(sorted(shared, key=lambda each: (-len(each.participations), each.key)))


def hash_address(address: str, *, salt: bytes) -> str:
    """HMAC-SHA-256 of a network address, in hex: told apart within a study and nowhere else.

    The salt is the study's own secret; without one, all addresses of the internet could be
    tried, so an empty salt is refused. An IPv6 address counts as its /64, one household. Raises
    ValueError for what is no address.
    """
    parsed = ipaddress.ip_address(address.strip())
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        else:
            home = ipaddress.ip_network((int(parsed), IPV6_HOUSEHOLD), strict=False)
            parsed = home.network_address
    return hash_fingerprint(str(parsed), salt=salt)


def hash_fingerprint(fingerprint: str, *, salt: bytes) -> str:
    """HMAC-SHA-256 of a device's fingerprint, in hex, by the study's salt."""
    if not salt:
        raise ValueError("A hash without a salt hides nothing.")
    return hmac.new(salt, fingerprint.encode(), hashlib.sha256).hexdigest()


class _Writing(NamedTuple):
    """A text as first written, its shingles, and who wrote it, up to case and punctuation."""

    text: str
    shingles: frozenset[Shingle]
    raters: set[str]


def _nearly_same(writings: list[_Writing]) -> list[SharedText]:
    """Pairs of different texts, of different raters, that are much alike."""
    holders: defaultdict[Shingle, list[int]] = defaultdict(list)
    for index, writing in enumerate(writings):
        for shingle in writing.shingles:
            holders[shingle].append(index)
    # A common phrase would pair everybody with everybody, and says nothing.
    telling = [indices for indices in holders.values() if len(indices) <= COMMON_SHINGLE]
    found = []
    for i, j in sorted({pair for indices in telling for pair in combinations(indices, 2)}):
        one, other = writings[i], writings[j]
        alike = similarity(one.shingles, other.shingles)
        raters = one.raters | other.raters
        if alike >= SHARED and len(raters) > 1:
            found.append(SharedText(tuple(sorted(raters)), (one.text, other.text), alike))
    return found


def _given(probabilities: FloatArray, outcome: IntArray) -> FloatArray:
    """Probabilities (N,) of what was said; ValueError unless each row is a distribution."""
    if probabilities.ndim != 2 or len(probabilities) != len(outcome):
        raise ValueError("Each vote needs one row of probabilities.")
    if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1):
        raise ValueError("The probabilities of a vote are at least 0 and add up to 1.")
    if ((outcome < 0) | (outcome >= probabilities.shape[1])).any():
        raise ValueError(f"Outcomes are 0 … {probabilities.shape[1] - 1}.")
    given: FloatArray = probabilities[np.arange(len(outcome)), outcome]
    if (given <= 0).any():
        raise ValueError("A vote that was given had no probability: the prediction is wrong.")
    return given
