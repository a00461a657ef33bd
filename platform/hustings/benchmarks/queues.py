"""How many battles the queue saves, beside random pairs and ASAP, where the truth is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hustings.benchmarks import asap
from hustings.benchmarks.battle_queue import QueueTimes, measure_queue
from hustings.benchmarks.group_queues import GroupsRow, measure_groups
from leaderboards.ranking.davidson import DavidsonPrior, fit_tournaments
from leaderboards.ranking.gain import BoolArray, Knowledge, knowledge_of, variance_of_differences
from leaderboards.ranking.hierarchical import fit_hierarchical
from leaderboards.ranking.hierarchical_cells import NO_ELECTORATE, spread_over_cells
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.policies import Policy, QueueState, propose
from leaderboards.ranking.simulation import by_davidson, kendall_tau
from leaderboards.ranking.stopping import separated
from leaderboards.ranking.uncertainty import HALF_WIDTH

SKILL_SD: Final = 1.1
TIE_PROPENSITY: Final = 0.5
REFIT_EVERY: Final = 20
# A precision of .05.
PRIOR: Final = DavidsonPrior(skill_sd=20**0.5)
ENOUGH: Final = 0.95
CONFIDENCE: Final = 0.95
# Contestants, and the battles after which a run ends.
SIZES: Final = ((10, 5_000), (28, 11_000))
AT_ONCE: Final = 100
# Where parallel and sequential queues are compared: by the expected τ, of the smaller size.
ALMOST: Final = 0.93
ALMOST_BY: Final = 2_000


@dataclass(frozen=True)
class Row:
    """Battles until the mean τ over all runs reaches .95, and how many runs end below it.

    `ratio` is gain's number of battles by random's, `ratio_asap` ASAP's; None if one of the two
    never got there.
    """

    ratio: float | None
    ratio_asap: float | None
    gain: float | None
    random: float | None
    asap: float | None
    never_gain: int
    never_random: int
    never_asap: int


@dataclass(frozen=True)
class Played:
    """What simulated studies showed; all but `groups` without groups.

    `coverage` of the 95 % intervals of a board, by its engine, at the end of the runs by gain.
    `false_separated` is the part of these runs in which any two contestants were ever, at any of
    the looks, claimed to be separated (at the level for all of them together, 95 %) in the wrong
    order.
    `parallel_efficiency` is how many battles a sequential queue needs, by how many it needs with
    100 battles always in flight.
    """

    k10: Row
    k28: Row
    groups: GroupsRow
    coverage: float
    false_separated: float
    parallel_efficiency: float


@dataclass(frozen=True)
class QueueResult(Played, QueueTimes):
    """What a run measured: in simulated studies, and of the queue in the database."""


@dataclass
class Run:
    """Studies played side by side: S seeds, looked at every time they were refitted, L looks.

    `battles` (L,) at each look; `tau` (L, S) of the refitted order and `expected_tau` (L, S) by
    the posterior; `false` (S,) whether any pair was separated falsely; `counts` (S, K, K, 3).
    """

    truth: FloatArray
    battles: list[int]
    tau: list[FloatArray]
    expected_tau: list[FloatArray]
    false: BoolArray
    counts: FloatArray

    def first(self, tau: list[FloatArray], level: float) -> float | None:
        """Battles after which the mean over all runs first was at a level."""
        reached = np.flatnonzero(np.mean(tau, axis=1) >= level)
        return float(self.battles[reached[0]]) if reached.size else None

    @property
    def never(self) -> int:
        """How many runs end below .95."""
        return int((self.tau[-1] < ENOUGH).sum())


# From counts (S, K, K, 3), of what is folded and of what is not, and the refit, to pairs.
Chooser = Callable[[FloatArray, FloatArray, list[Knowledge], int], list[list[tuple[int, int]]]]


def run(n: int = 40) -> QueueResult:
    """Play `n` seeds of each simulated study; fill a queue in the database and claim from it."""
    times, played = measure_queue(), play_studies(n)
    return QueueResult(**vars(times), **vars(played))


def play_studies(
    n: int,
    *,
    first_seed: int = 0,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    skill_sd: float = SKILL_SD,
    groups_battles: int = 6_000,
    parallel_battles: int = ALMOST_BY,
) -> Played:
    """Play `n` seeds of studies of 10 and of 28 contestants under each policy.

    Strengths are normal with the sd `skill_sd` in log-odds, ν = .5, and the posterior is refitted
    every 20 battles (ASAP's after each tree) under a prior precision of .05.
    """
    seeds = range(first_seed, first_seed + n)
    rows, by_gain = [], []
    for contestants, battles in sizes:
        gain = play(by_policy(Policy.GAIN), contestants, battles, seeds, skill_sd)
        random = play(by_policy(Policy.RANDOM), contestants, battles, seeds, skill_sd)
        tree = play(_by_asap(n, contestants), contestants, battles, seeds, skill_sd)
        rows.append(_row(gain, random, tree))
        by_gain.append(gain)
    alone, together = (
        play(by_policy(Policy.GAIN), sizes[0][0], parallel_battles, seeds, skill_sd, late=late)
        for late in (0, AT_ONCE)
    )
    level = min(ALMOST, float(np.mean(together.expected_tau[-1])))
    return Played(
        k10=rows[0],
        k28=rows[-1],
        groups=measure_groups(seeds, skill_sd=skill_sd, battles=groups_battles),
        coverage=_coverage(by_gain),
        false_separated=float(np.mean(np.concatenate([gain.false for gain in by_gain]))),
        parallel_efficiency=(alone.first(alone.expected_tau, level) or np.nan)
        / (together.first(together.expected_tau, level) or np.nan),
    )


def by_policy(policy: Policy) -> Chooser:
    """Choose 20 pairs for each study by a policy of the project."""

    def choose(
        counts: FloatArray, waiting: FloatArray, known: list[Knowledge], look: int
    ) -> list[list[tuple[int, int]]]:
        met = (counts + waiting).sum(axis=-1)
        batches = []
        for study, knowledge in enumerate(known):
            state = QueueState.of(
                knowledge,
                in_flight=(waiting[study].sum(axis=-1),),
                met=met[study],
                today=met[study].sum(axis=0) + met[study].sum(axis=1),
            )
            pairs = propose(state, policy, count=REFIT_EVERY, seed=look)
            batches.append([(pair.a, pair.b) for pair in pairs])
        return batches

    return choose


def _by_asap(studies: int, contestants: int) -> Chooser:
    beliefs = asap.Beliefs.none(studies, contestants)

    def choose(
        counts: FloatArray, _waiting: FloatArray, _known: list[Knowledge], _look: int
    ) -> list[list[tuple[int, int]]]:
        return asap.choose(counts, beliefs, skill_sd=PRIOR.skill_sd)

    return choose


def play(
    choose: Chooser,
    contestants: int,
    battles: int,
    seeds: range,
    skill_sd: float = SKILL_SD,
    *,
    late: int = 0,
) -> Run:
    """Play studies side by side; verdicts come in `late` battles after theirs was given out."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    truth = np.array([rng.normal(0, skill_sd, contestants) for rng in rngs])
    counts = np.zeros((len(seeds), contestants, contestants, 3))
    waiting = np.zeros(counts.shape)
    queue: list[tuple[IntArray, ...]] = []
    done = Run(truth, [], [], [], np.zeros(len(seeds), bool), counts)
    study, law = np.arange(len(seeds)), by_davidson(TIE_PROPENSITY)
    given = 0
    while True:
        fits = fit_tournaments(counts, prior=PRIOR)
        known = [knowledge_of(fit) for fit in fits]
        _look(done, np.array([fit.skill for fit in fits]), known, given - len(queue))
        if given >= battles:
            return done
        pairs = np.array(choose(counts, waiting, known, given))
        difference = np.take_along_axis(truth, pairs[..., 0], 1)
        difference = difference - np.take_along_axis(truth, pairs[..., 1], 1)
        outcome = np.array([law(row, rng) for row, rng in zip(difference, rngs, strict=True)])
        for at in range(pairs.shape[1]):
            queue.append((study, pairs[:, at, 0], pairs[:, at, 1], outcome[:, at]))
            waiting[queue[-1]] += 1
        given += pairs.shape[1]
        while len(queue) > late:
            battle = queue.pop(0)
            waiting[battle] -= 1
            counts[battle] += 1


def _look(done: Run, skill: FloatArray, known: list[Knowledge], battles: int) -> None:
    """Write down what a refit shows."""
    i, j = np.triu_indices(skill.shape[1], 1)
    order = np.sign(done.truth[:, i] - done.truth[:, j])
    done.battles.append(battles)
    done.tau.append(kendall_tau(skill, done.truth))
    believed = np.array([each.skill for each in known])
    variance = variance_of_differences(np.array([each.covariance for each in known]))[:, i, j]
    z = np.abs(believed[:, i] - believed[:, j]) / np.sqrt(variance)
    done.expected_tau.append(np.mean(1 - 2 * asap.cumulative(-z), axis=1))
    wrong = np.sign(believed[:, i] - believed[:, j]) * order < 0
    claimed = np.array([separated(each, confidence=CONFIDENCE)[i, j] for each in known])
    done.false |= (claimed & wrong).any(axis=1)


def _row(gain: Run, random: Run, tree: Run) -> Row:
    needed = [each.first(each.tau, ENOUGH) for each in (gain, random, tree)]
    by_gain, at_random, by_tree = needed
    return Row(
        ratio=by_gain / at_random if by_gain and at_random else None,
        ratio_asap=by_tree / at_random if by_tree and at_random else None,
        gain=by_gain,
        random=at_random,
        asap=by_tree,
        never_gain=gain.never,
        never_random=random.never,
        never_asap=tree.never,
    )


def _coverage(runs: list[Run]) -> float:
    """Part of all contestants' skills that are in the 95 % intervals of a board at the end."""
    covered = []
    for each in runs:
        truth = each.truth - each.truth.mean(axis=1, keepdims=True)
        for counts, skill in zip(each.counts, truth, strict=True):
            battles = spread_over_cells(counts[np.newaxis], np.zeros((0, 0)), cells=NO_ELECTORATE)
            published = fit_hierarchical(battles, cells=NO_ELECTORATE).of_electorate()
            covered.append(np.abs(published.mean - skill) <= HALF_WIDTH * published.sd)
    return float(np.concatenate(covered).mean())
