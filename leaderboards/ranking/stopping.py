"""When a question is answered, however often one looks; and how many battles that may still take.

A stopping rule is looked at after every batch of battles, and a fixed threshold would be crossed
by chance sooner or later. So two contestants count as separated by a test that holds at all times
at once: the likelihood ratio of a difference drawn from a half-normal of variance v₀ against no
difference,

    R = 2 √(v/(v + v₀)) e^(z²/2) Φ(z)        z = |d| √(v₀/(v (v + v₀)))

is a martingale if there is none (d is the estimated difference and v its variance), so that it
ever reaches 1/ε with a chance of at most ε (Ville's inequality; Robbins, H. (1970), Statistical
methods related to the law of the iterated logarithm, Ann. Math. Statist. 41:1397-1409). Pairs may
be chosen by what was seen before.

A false claim about a whole order, or about who is in the top k, claims the wrong order of two
contestants that are neighbours in the true one: and of these there are K − 1, whatever the data.
So R has to reach 2 (K − 1)/ε, the 2 being for the two directions between equals, for every pair
on which the claim rests: not those alone that are neighbours in the estimated order.
"""

from dataclasses import dataclass
from math import erfc, inf, log, sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.gain import (
    TINY,
    BoolArray,
    Knowledge,
    Prospect,
    after_battles,
    concern,
    fisher_information,
    gains_apart,
    variance_of_differences,
)
from leaderboards.ranking.outcomes import FloatArray, require_index
from leaderboards.ranking.policies import BY_GAIN, Policy

# v₀: that of two contestants whose skills have a standard deviation of 1 in log-odds. Any value is
# valid; this one is soonest for differences of that size.
MIXTURE_VARIANCE: Final = 2.0
DRAWS: Final = 20
# Battles that are played forward at a time, as a part of those played so far.
STEP: Final = 0.04
# A forecast of more than this many times the battles so far says no number.
HORIZON: Final = 20
TAIL: Final = 0.05


@dataclass(frozen=True)
class SigmaBelow:
    """Stop when the sd of every skill, in log-odds, is at most `target`. Claims no order."""

    target: float

    def __post_init__(self) -> None:
        """Refuse a target that no number of battles reaches."""
        if not self.target > 0:
            raise ValueError("The target is a standard deviation above 0.")


@dataclass(frozen=True)
class Separated:
    """Stop when all contestants are separated from their neighbours at this confidence.

    Or, with `pair`, when these two are.
    """

    confidence: float = 0.95
    pair: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse a confidence of 0 or 1."""
        _require_confidence(self.confidence)


@dataclass(frozen=True)
class TopSettled:
    """Stop when it is settled with this probability who the best `k` are, in whatever order."""

    k: int
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse a confidence of 0 or 1, and a top of nobody."""
        _require_confidence(self.confidence)
        if self.k < 1:
            raise ValueError("The top k are at least one.")


StoppingRule = SigmaBelow | Separated | TopSettled


@dataclass(frozen=True)
class Forecast:
    """Battles still expected: the median, and a 90 % interval from `low` to `high`.

    Infinite where it may take more than 20 times the battles so far.
    """

    battles: float
    low: float
    high: float


def is_answered(known: Knowledge, rule: StoppingRule) -> bool:
    """Say whether a tournament of K contestants has answered what the rule asks."""
    answered = _answered(known.skill[np.newaxis], known.covariance[np.newaxis], rule)
    return bool(answered[0])


def separated(known: Knowledge, *, confidence: float) -> BoolArray:
    """Which pairs (K, K) are separated so surely that the order of all would be at `confidence`."""
    evidence = _log_evidence(known.skill[np.newaxis], known.covariance[np.newaxis])[0]
    enough: BoolArray = evidence >= _needed(1 - confidence, len(known.skill) - 1)
    return enough


def battles_expected(
    known: Knowledge,
    rule: StoppingRule,
    *,
    battles: int,
    seed: int,
    policy: Policy = Policy.GAIN,
    draws: int = DRAWS,
) -> Forecast:
    """Extrapolate when the rule will be fulfilled, `battles` having led to what is known.

    Skills are drawn from the posterior, and each draw is taken as true and played forward: every
    battle takes from the covariance what it is expected to, and pairs are chosen by gain or, under
    another policy, in turn. The longer it takes, the longer are the steps.
    """
    rng = np.random.default_rng(seed)
    contestants = len(known.skill)
    if is_answered(known, rule):
        return Forecast(0, 0, 0)
    values, axes = np.linalg.eigh(known.covariance)
    noise = rng.standard_normal((draws, contestants)) * np.sqrt(np.maximum(values, 0))
    skill = known.skill + noise @ axes.T
    difference = skill[:, :, np.newaxis] - skill[:, np.newaxis]
    information = fisher_information(difference, known.tie_propensity)
    covariance = np.repeat(known.covariance[np.newaxis], draws, axis=0)
    # Under other policies than gain all draws go the same way.
    played = np.zeros((contestants, contestants))
    taken, done = np.full(draws, inf), 0.0
    while done <= HORIZON * max(battles, 1):
        open_ = np.isinf(taken)
        taken[open_] = np.where(_answered(skill[open_], covariance[open_], rule), done, inf)
        open_ = np.isinf(taken)
        if not open_.any():
            break
        times = max(1.0, STEP * (battles + done))
        here = Prospect(
            information[open_],
            concern(skill[open_], covariance[open_]),
            covariance[open_],
            np.ones(open_.sum()),
        )
        score = gains_apart(here)
        if policy not in BY_GAIN:
            score = np.broadcast_to(-played, score.shape).copy()
        score[:, np.arange(contestants), np.arange(contestants)] = -inf
        a, b = np.divmod(score.reshape(len(score), -1).argmax(axis=1), contestants)
        covariance[open_] = after_battles(here, a, b, times=times).covariance
        played[[a[0], b[0]], [b[0], a[0]]] += times
        done += times
    low, median, high = np.quantile(taken, [TAIL, 0.5, 1 - TAIL], method="higher")
    return Forecast(float(median), float(low), float(high))


def _answered(skill: FloatArray, covariance: FloatArray, rule: StoppingRule) -> BoolArray:
    """Say of T states of knowledge, (T, K) and (T, K, K), whether they fulfil the rule, (T,)."""
    contestants = skill.shape[1]
    if isinstance(rule, SigmaBelow):
        variance = np.einsum("tii->ti", covariance)
        return np.asarray((variance <= rule.target**2).all(axis=1))
    evidence = _log_evidence(skill, covariance)
    if isinstance(rule, Separated) and rule.pair is not None:
        require_index(np.array(rule.pair), contestants, "contestant")
        return np.asarray(evidence[:, rule.pair[0], rule.pair[1]] >= _needed(1 - rule.confidence))
    asked = np.ones(evidence.shape, bool)
    if isinstance(rule, TopSettled):
        place = np.argsort(np.argsort(-skill, axis=1, kind="stable"), axis=1)
        on_top = place < rule.k
        asked = on_top[:, :, np.newaxis] & ~on_top[:, np.newaxis]
    asked[:, np.arange(contestants), np.arange(contestants)] = False
    enough = evidence >= _needed(1 - rule.confidence, contestants - 1)
    return np.asarray((enough | ~asked).all(axis=(1, 2)))


def _log_evidence(skill: FloatArray, covariance: FloatArray) -> FloatArray:
    """Logarithm of R for each two contestants, (T, K, K); −∞ or less than 0 with oneself."""
    variance = np.maximum(variance_of_differences(covariance), TINY)
    part = MIXTURE_VARIANCE / (variance + MIXTURE_VARIANCE)
    z = np.abs(skill[:, :, np.newaxis] - skill[:, np.newaxis]) * np.sqrt(part / variance)
    twice_phi = np.asarray(np.frompyfunc(erfc, 1, 1)(-z / sqrt(2)), float)
    evidence: FloatArray = np.log(1 - part) / 2 + z**2 / 2 + np.log(twice_phi)
    return evidence


def _needed(error: float, neighbours: int = 1) -> float:
    """Logarithm of R that a claim needs which may err on any of so many true neighbours."""
    return log(2 * max(neighbours, 1) / error)


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError("A confidence is between 0 and 1.")
