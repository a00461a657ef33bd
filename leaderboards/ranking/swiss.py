"""Who would win a Swiss contest over topics, and whom eliminations send home too early.

A contest has some rounds. In each a topic is drawn for all, contestants with equal points meet who
have not met before, as long as that can be, and Davidson's law with their skills in that topic
says who wins: 1 point, a tie ½; who has no opponent gets ½. After a round with elimination share
e the lowest leave, so that (1 − e)ʳ of the field is left after r rounds, rounded up. Contests are
played many times, each with skills drawn from their posterior; the expected score is the share of
points won of those possible.

Without eliminations it hardly matters in which order topics come. With them, who is strong in
some topics and weak in others is gone before a strong one comes, if a weak one comes first; who is
as good everywhere has no such luck, good or bad. So, of each contestant, contests that open with
one of its weak topics are set against those that open with a strong one: by how many more places
it falls back in them as e grows is its sensitivity, negative for a specialist, and 0 for a
generalist. It is asked of the topics that look weak on all evidence; and, since little evidence
makes no generalist, also of those that are weak by the skills that a contest is played with.

The slope of the expected rank itself won't do: eliminations blur all ranks, so that the best fall
and the worst rise, whatever their topics.

After Liu, Wu, Wu et al. (2025), LLM Swiss Round: Aggregating multi-benchmark performance via
competitive Swiss-system dynamics, arXiv:2512.21010. There benchmarks come in one fixed order, who
wins on each is certain, no opponent is no point, and the slope is that of the score.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import ceil, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import HALF_WIDTH

BoolArray = NDArray[np.bool_]

# After r rounds one exchange with another pair undoes any rematch in a field of more than 2r, and
# smaller fields are searched: so nobody meets again who need not.
MAX_ROUNDS: Final = 7
LARGEST_SEARCHED: Final = 2 * (MAX_ROUNDS - 1)
SMALLEST_FIELD: Final = 2
ELIMINATIONS: Final = (0.0, 0.075, 0.15, 0.225, 0.3)
# The points of who has no opponent: what an equal one would leave it, on average.
BYE: Final = 0.5
# Part of the field by which a specialist falls back more, and a generalist doesn't.
NOTABLE: Final = 0.05
# A lead in log-odds that is rounding.
LEAST_LEAD: Final = 1e-9


class Profile(StrEnum):
    """What a contestant's sensitivity to eliminations says of it."""

    SPECIALIST = "specialist"
    GENERALIST = "generalist"
    OPEN = "open"


@dataclass(frozen=True)
class Swiss:
    """What Swiss contests of K contestants come to, at E shares of elimination.

    `score` (E, K) is the expected share of points won of those possible, `score_sd` (E, K) what
    not knowing the skills leaves open of it, `rank` (E, K) the expected rank, ties sharing
    theirs, and `wins` (E, K) the probability of most points. `sensitivity` (2, K) is in places,
    between the least elimination and the greatest, with its `error` (2, K) of simulation: first by
    the topics that are known to be weak, then by those that may be, as skills are uncertain.
    """

    eliminations: tuple[float, ...]
    rounds: int
    runs: int
    score: FloatArray
    score_sd: FloatArray
    rank: FloatArray
    wins: FloatArray
    sensitivity: FloatArray
    error: FloatArray

    @property
    def score_low(self) -> FloatArray:
        """Lower end of the scores' 95 % intervals, (E, K)."""
        return np.maximum(self.score - HALF_WIDTH * self.score_sd, 0)

    @property
    def score_high(self) -> FloatArray:
        """Upper end of the scores' 95 % intervals, (E, K)."""
        return np.minimum(self.score + HALF_WIDTH * self.score_sd, 1)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """What each is: a specialist if it falls back by what is known, a generalist if by nothing.

        Who may fall back by what is not known yet is open.
        """
        notable = -NOTABLE * (self.sensitivity.shape[1] - 1)
        reach = HALF_WIDTH * self.error
        known, possible = self.sensitivity[0] + reach[0], self.sensitivity[1] - reach[1]
        found = []
        for highest, lowest in zip(known, possible, strict=True):
            if highest < notable:
                found.append(Profile.SPECIALIST)
            else:
                found.append(Profile.GENERALIST if lowest > notable else Profile.OPEN)
        return tuple(found)


def rounds_for(contestants: int) -> int:
    """As many rounds as single out one of K, and two more; never more than there are others."""
    needed = ceil(log2(max(contestants, 2)))
    return min(needed + 2, MAX_ROUNDS, max(contestants - 1, 1))


def play_swiss(
    skill: FloatArray,
    weights: FloatArray,
    *,
    tie_propensity: float,
    seed: int,
    rounds: int | None = None,
    eliminations: tuple[float, ...] = ELIMINATIONS,
) -> Swiss:
    """Play a contest with each of M draws (M, T, K) of skills in log-odds, at each elimination.

    Topics are drawn with `weights` (T,). `rounds` is `rounds_for` so many, if not given. Raises
    ValueError for more than MAX_ROUNDS, and for a share that is not from 0 up to below 1.
    """
    runs, topics, contestants = skill.shape
    rounds = rounds_for(contestants) if rounds is None else rounds
    if not 1 <= rounds <= MAX_ROUNDS:
        raise ValueError(f"A contest has 1 to {MAX_ROUNDS} rounds, not {rounds}.")
    if not all(0 <= share < 1 for share in eliminations):
        raise ValueError("A share that is eliminated is at least 0 and less than 1.")
    drawn = np.random.default_rng((seed, 0)).choice(topics, (runs, rounds), p=weights)
    score = np.empty((len(eliminations), runs, contestants))
    rank, wins = np.empty_like(score), np.empty_like(score)
    for e, share in enumerate(eliminations):
        rng = np.random.default_rng((seed, 1))
        points, lasted = _contests(skill, drawn, tie_propensity, share, rng)
        score[e] = points / rounds
        rank[e] = _ranks(points, lasted)
        best = points == points.max(axis=1, keepdims=True)
        wins[e] = best / best.sum(axis=1, keepdims=True)
    sensitivity, error = _sensitivity(rank, skill, weights, drawn[:, 0], eliminations)
    return Swiss(
        eliminations=eliminations,
        rounds=rounds,
        runs=runs,
        score=score.mean(axis=1),
        score_sd=_explained_sd(score, np.einsum("mtk,t->mk", skill, weights)),
        rank=rank.mean(axis=1),
        wins=wins.mean(axis=1),
        sensitivity=sensitivity,
        error=error,
    )


def _sensitivity(
    rank: FloatArray,
    skill: FloatArray,
    weights: FloatArray,
    opening: IntArray,
    eliminations: tuple[float, ...],
) -> tuple[FloatArray, FloatArray]:
    """Minus the slope of what a weak opening costs, from ranks (E, M, K): two (2, K), with errors.

    A topic is weak for a contestant if its skill there is below its own mean over topics: first
    by the means of all draws, then in each contest by the skills that it was played with.
    """
    runs, contestants = rank.shape[1:]
    reach = np.ptp(eliminations)
    if not reach:
        return np.zeros((2, contestants)), np.zeros((2, contestants))
    step = np.array(eliminations) - np.mean(eliminations)
    slope = np.einsum("emk,e->mk", rank, step) / np.square(step).sum() * reach
    # Less the mean slope, which is what eliminations do whatever the topics.
    slope -= slope.mean(axis=0)
    run = np.arange(runs)
    costs = []
    for of_topics in (skill.mean(axis=0, keepdims=True), skill):
        lead = of_topics - np.einsum("mtk,t->mk", of_topics, weights)[:, np.newaxis]
        # Rounding makes nobody weak.
        weak = lead < -LEAST_LEAD
        part = np.einsum("mtk,t->mk", weak, weights)
        # Where no topic, or each that is ever drawn, is weak, no opening costs anything.
        is_told = (part > 0) & (part < 1)
        share = np.where(is_told, part, 0.5)
        opens_weak = weak[run % len(weak), opening]
        contrast = np.where(opens_weak, 1 / share, -1 / (1 - share))
        costs.append(slope * contrast * is_told)
    cost = np.array(costs)
    return -cost.mean(axis=1), cost.std(axis=1) / np.sqrt(runs)


def _explained_sd(score: FloatArray, skill: FloatArray) -> FloatArray:
    """What of the sd of scores (E, M, K) comes from not knowing the skill (M, K): (E, K).

    By the regression of a contest's score on the contestant's own skill in that contest; the
    rest is luck, of which an expected score has none.
    """
    off = skill - skill.mean(axis=0)
    sd = off.std(axis=0)
    together = np.einsum("emk,mk->ek", score, off) / len(off)
    found: FloatArray = np.abs(
        np.divide(together, sd, where=sd > 1e-9, out=np.zeros_like(together))
    )
    return found


def _contests(
    skill: FloatArray,
    drawn: IntArray,
    tie_propensity: float,
    share: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, IntArray]:
    """Points (M, K) and rounds lasted (M, K) of contests over the topics drawn (M, R)."""
    runs, _, contestants = skill.shape
    run = np.arange(runs)[:, np.newaxis]
    points = np.zeros((runs, contestants))
    lasted, byes = np.zeros((2, runs, contestants), np.int64)
    met = np.zeros((runs, contestants, contestants), np.int8)
    left = _in_order(np.tile(np.arange(contestants), (runs, 1)), points, rng)
    for r in range(drawn.shape[1]):
        players, idle = _with_opponents(left, byes)
        points[run, idle] += BYE
        byes[run, idle] += 1
        pair = _pairs(met[run[:, :, np.newaxis], players[:, :, np.newaxis], players[:, np.newaxis]])
        one, other = (np.take_along_axis(players, pair[..., side], axis=1) for side in (0, 1))
        met[run, one, other] += 1
        met[run, other, one] += 1
        topic = drawn[:, r, np.newaxis]
        won = _points(skill[run, topic, one] - skill[run, topic, other], tie_propensity, rng)
        points[run, one] += won
        points[run, other] += 1 - won
        lasted[run, left] += 1
        left = _in_order(left, points, rng)[:, : _field(contestants, share, r + 1)]
    return points, lasted


def _field(contestants: int, share: float, rounds: int) -> int:
    """How many are left of a field after some rounds: two at least, if there were."""
    # Rounding must not keep one more.
    left = ceil(contestants * (1 - share) ** rounds - 1e-9)
    return max(left, min(SMALLEST_FIELD, contestants))


def _in_order(left: IntArray, points: FloatArray, rng: np.random.Generator) -> IntArray:
    """Those left (M, n) by points, the most first; by lot where they are equal."""
    # Points come in halves: a lot of less than that never overtakes.
    key = np.take_along_axis(points, left, axis=1) + rng.random(left.shape) / 4
    return np.take_along_axis(left, np.argsort(-key, axis=1), axis=1)


def _with_opponents(left: IntArray, byes: IntArray) -> tuple[IntArray, IntArray]:
    """Who plays (M, n), an even number, and who does not (M, 0 or 1).

    That is the lowest of those that had the fewest byes so far.
    """
    size = left.shape[1]
    if size % 2 == 0:
        return left, left[:, :0]
    had = np.take_along_axis(byes, left, axis=1)
    place = (size - 1 - had[:, ::-1].argmin(axis=1))[:, np.newaxis]
    plays = np.arange(size) != place
    return left[plays].reshape(len(left), size - 1), np.take_along_axis(left, place, axis=1)


def _points(difference: FloatArray, tie_propensity: float, rng: np.random.Generator) -> FloatArray:
    """Points of the first of each pair by Davidson's law, sides averaged out."""
    half = difference / 2
    top = np.abs(half)
    win, tie, loss = np.exp(half - top), tie_propensity * np.exp(-top), np.exp(-half - top)
    at = rng.random(half.shape) * (win + tie + loss)
    points: FloatArray = np.where(at < win, 1.0, np.where(at < win + tie, 0.5, 0.0))
    return points


def _ranks(points: FloatArray, lasted: IntArray) -> FloatArray:
    """Ranks (M, K) by points, then by rounds lasted; equals share the mean of their ranks."""
    key = points * 2 * (MAX_ROUNDS + 1) + lasted
    above = (key[:, np.newaxis] > key[:, :, np.newaxis]).sum(axis=2)
    equal = (key[:, np.newaxis] == key[:, :, np.newaxis]).sum(axis=2)
    ranks: FloatArray = above + (equal + 1) / 2
    return ranks


def _pairs(met: IntArray) -> IntArray:
    """Pair n in order of rank, (M, n/2, 2), from how often each two have met, (M, n, n).

    From the top, each gets the next that it has not met. Who then would meet again changes
    opponents with the nearest pair with which that helps; a small field that is stuck even so
    is searched for the pairing with the fewest rematches.
    """
    runs, size, _ = met.shape
    run = np.arange(runs)
    free = np.ones((runs, size), bool)
    pair = np.empty((runs, size // 2, 2), np.intp)
    for p in range(size // 2):
        one = free.argmax(axis=1)
        free[run, one] = False
        new = free & (met[run, one] == 0)
        other = np.where(new.any(axis=1), new.argmax(axis=1), free.argmax(axis=1))
        free[run, other] = False
        pair[:, p, 0], pair[:, p, 1] = one, other
    for p in reversed(range(size // 2)):
        _exchange(pair, met, np.flatnonzero(met[run, pair[:, p, 0], pair[:, p, 1]]), p)
    if size <= LARGEST_SEARCHED:
        again = np.flatnonzero(met[run[:, np.newaxis], pair[..., 0], pair[..., 1]].any(axis=1))
        if again.size:
            pair[again] = _searched(met[again])
    return pair


def _exchange(pair: IntArray, met: IntArray, runs: IntArray, p: int) -> None:
    """In these runs, undo the rematch of pair p by an exchange with the nearest that allows it."""
    places = np.arange(pair.shape[1])
    run = runs[:, np.newaxis]
    x, y = (pair[runs, p, side, np.newaxis] for side in (0, 1))
    u, v = (pair[runs, :, side] for side in (0, 1))
    # x may get u, and y v; or x v, and y u.
    straight = (met[run, x, u] == 0) & (met[run, y, v] == 0)
    crossed = (met[run, x, v] == 0) & (met[run, y, u] == 0)
    allowed = (straight | crossed) & (places != p)
    q = np.where(allowed, np.abs(places - p), len(places)).argmin(axis=1)
    k = np.flatnonzero(allowed.any(axis=1))
    q, runs, is_straight = q[k], runs[k], straight[k, q[k]]
    first, second = u[k, q], v[k, q]
    pair[runs, q, 0], pair[runs, q, 1] = x[k, 0], np.where(is_straight, first, second)
    pair[runs, p, 0], pair[runs, p, 1] = y[k, 0], np.where(is_straight, second, first)


def _searched(met: IntArray) -> IntArray:
    """The pairing (M, n/2, 2) with the fewest rematches, of those the nearest in rank."""
    every = _every_pairing(met.shape[1])
    found = [every[table[every[..., 0], every[..., 1]].sum(axis=1).argmin()] for table in met]
    return np.array(found, np.intp).reshape(len(met), *every.shape[1:])


@cache
def _every_pairing(size: int) -> IntArray:
    """All ways to pair n (even) places, (ways, n/2, 2), those of near places first."""
    ways = np.array(list(_ways(tuple(range(size)))), np.intp)
    distance = np.square(ways[..., 0] - ways[..., 1]).sum(axis=1)
    return ways[np.argsort(distance, kind="stable")]


def _ways(places: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
    if not places:
        yield []
        return
    first, *others = places
    for k, other in enumerate(others):
        for rest in _ways((*others[:k], *others[k + 1 :])):
            yield [(first, other), *rest]
