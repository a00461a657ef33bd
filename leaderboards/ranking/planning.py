"""How many raters a study needs, from simulation, before it has any.

Studies are drawn whose contestants' skills and groups' effects have the assumed spreads, and are
played: raters come in the electorate's shares, judge pairs that the policy chooses, and the study
is ranked as a board would rank it, on every rung of a ladder of numbers of raters. Raters judge
several dimensions; a plan is for one. Raters of one cell are alike to it, and nobody is careless.

Two approximations make it quick. Between two rungs the pairs are chosen in two rounds, by what
everybody's tournament and the groups' know, where a queue is refilled more often and goes by the
merged ranking; and each choice of a round stands for as many battles as make a hundred choices
enough. With 10 contestants and 12 groups, or 28 and 22, and 400 to 6,400 battles, half-widths under
`gain` are within 3 %, and those of groups within 7 %, of what single choices and a refill every
400 battles come to.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import comb, erf, inf, sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.davidson import DavidsonFit
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.gain import (
    MERGED_WEIGHT,
    TINY,
    Knowledge,
    fisher_information,
    knowledge_of,
    knowledge_of_merged,
    variance_of_differences,
)
from leaderboards.ranking.outcomes import TIE, FloatArray, IntArray
from leaderboards.ranking.policies import BY_GAIN, Policy, propose
from leaderboards.ranking.simulation import (
    PlayedStudy,
    by_davidson,
    draw_preferences,
    draw_raters,
)
from leaderboards.ranking.stopping import separated
from leaderboards.ranking.uncertainty import (
    HALF_WIDTH,
    NODES,
    WEIGHTS,
    DavidsonScore,
    summarise,
)

# Each rung has twice the raters of the one before.
RUNGS: Final = 7
FEWEST: Final = 8
ROUNDS: Final = 2
CHOICES: Final = 100
CONFIDENCE: Final = 0.95
# Of the posterior, for the chance that the leader is the best.
DRAWS: Final = 1000
# ν at which there are next to no ties, and next to nothing else; and the bisections between them.
TIES: Final = (1e-4, 1e4)
BISECTIONS: Final = 60


class Measure(StrEnum):
    """What a plan says of a study of so many raters.

    Half-widths are those of the 95 % interval, averaged over contestants: of a skill in log-odds,
    and in points of win share out of 100; of the ranking that speaks for the electorate, and of
    the median group. `TAU` is Kendall's τ with the true order, `LEADER` the chance that who leads
    is the best, and `SEPARATED` the share of neighbours in the ranking that are separated at 95 %
    however often one looks.

    τ and the leader are as the posterior expects them. A simulation knows the truth as well, but
    a yes or no of each study would take many times as many studies.
    """

    LOG_ODDS = "log_odds"
    POINTS = "points"
    GROUP_LOG_ODDS = "group_log_odds"
    GROUP_POINTS = "group_points"
    TAU = "tau"
    LEADER = "leader"
    SEPARATED = "separated"


# These fall as raters come.
WIDTHS: Final = frozenset(
    {Measure.LOG_ODDS, Measure.POINTS, Measure.GROUP_LOG_ODDS, Measure.GROUP_POINTS}
)


@dataclass(frozen=True)
class Assumptions:
    """What a plan takes for given.

    `groups` has the shares of each axis's groups; none for a study without an electorate.
    `skill_sd` is how far contestants differ and `heterogeneity_sd` how far the groups of an axis
    differ about a contestant, both in log-odds. `tie_rate` is the share of ties among pairs drawn
    at random. A rung of the ladder is a number of raters, ascending.
    """

    contestants: int = 10
    groups: tuple[tuple[float, ...], ...] = ()
    skill_sd: float = 0.8
    heterogeneity_sd: float = 0.3
    tie_rate: float = 0.2
    battles_each: int = 4
    policy: Policy = Policy.GAIN
    ladder: tuple[int, ...] = (50, 100, 200, 400, 800, 1600, 3200)
    studies: int = 8
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what nothing can be planned for."""
        if self.contestants < 2:
            raise RankingError("A plan needs at least two contestants.")
        if not self.skill_sd > 0 or not self.heterogeneity_sd >= 0:
            raise RankingError("Contestants differ by more than 0, and groups by no less than 0.")
        if not 0 < self.tie_rate < 1:
            raise RankingError("The share of ties is above 0 and below 1.")
        if min(self.battles_each, self.studies) < 1:
            raise RankingError("A plan needs at least one battle of each rater, and one study.")
        if not self.ladder or min(np.diff(self.ladder, prepend=0)) < 1:
            raise RankingError("Numbers of raters are at least 1, each greater than the last.")
        if any(min(axis, default=0) < 0 or not any(axis) for axis in self.groups):
            raise RankingError("Shares of groups are at least 0, and not all of them 0.")

    @property
    def shares(self) -> FloatArray:
        """Shares of all groups (G,), adding up to 1 on each axis."""
        axes = [np.array(axis) / sum(axis) for axis in self.groups]
        return np.concatenate([*axes, np.zeros(0)])


@dataclass(frozen=True)
class Curve:
    """One measure along the ladder, each (L,): the mean of the simulated studies and their ends.

    More battles never mean less precision in expectation, and the mean is evened out to that: a
    few studies alone may well say so.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Plan:
    """What S simulated studies came to on the L rungs of the ladder.

    `figures` has (S, L) for each measure; a study without groups lacks those of groups.
    `tie_propensity` is Davidson's ν, and `tie_rate` (L,) the share of ties until then: the policy
    chooses closer pairs than chance does, and closer pairs are more often tied.
    """

    assumptions: Assumptions
    tie_propensity: float
    tie_rate: FloatArray
    figures: dict[Measure, FloatArray]

    @property
    def tie_rate_of_equals(self) -> float:
        """Share of ties between two contestants of the same skill."""
        return self.tie_propensity / (2 + self.tie_propensity)

    def curve(self, measure: Measure) -> Curve:
        """A measure along the ladder."""
        figures = self.figures[measure]
        mean = figures.mean(axis=0)
        mean = -_rising(-mean) if measure in WIDTHS else _rising(mean)
        return Curve(mean, figures.min(axis=0), figures.max(axis=0))


@dataclass(frozen=True)
class Wish:
    """A precision that somebody wishes for: half-widths at most, everything else at least."""

    measure: Measure
    level: float

    def __post_init__(self) -> None:
        """Refuse what no number of raters reaches."""
        if not self.level > 0 or (self.measure not in WIDTHS and not self.level < 1):
            raise RankingError("Wish for a half-width above 0, or for a τ or chance from 0 to 1.")


@dataclass(frozen=True)
class RatersNeeded:
    """Raters for a wish: by the mean of the simulated studies, and by its luckiest and unluckiest.

    Infinite where the ladder ends before; the first rung where that is enough already.
    """

    raters: float
    low: float
    high: float


def ladder_up_to(most: int) -> tuple[int, ...]:
    """Numbers of raters that double, up to `most`."""
    rungs = {round(most / 2**step) for step in range(RUNGS)}
    return tuple(sorted(rung for rung in rungs if rung >= FEWEST or rung == most))


def equal_groups(groups_per_axis: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Shares of axes whose groups are equally large, by how many each has."""
    return tuple((1 / size,) * size for size in groups_per_axis)


def tie_propensity_for(tie_rate: float, difference_sd: float) -> float:
    """Davidson's ν at which battles have this share of ties.

    Two equals tie in ν/(2 + ν) of their battles, and unequals less often: differences between
    the two are taken as normal, with this sd in log-odds.
    """
    apart = 2 * np.cosh(difference_sd * NODES / 2)
    low, high = np.log(TIES)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        ties = np.exp(middle) / (np.exp(middle) + apart) @ WEIGHTS
        low, high = (middle, high) if ties < tie_rate else (low, middle)
    return float(np.exp(low))


def plan(assumptions: Assumptions) -> Plan:
    """Simulate studies, and say how precise they are after so many raters.

    The same assumptions give the same plan. Studies of two policies that have the same seed have
    the same contestants and groups.
    """
    axes = len(assumptions.groups)
    spread = 2 * (assumptions.skill_sd**2 + axes * assumptions.heterogeneity_sd**2)
    ties = tie_propensity_for(assumptions.tie_rate, spread**0.5)
    measured = [_play(assumptions, ties, number) for number in range(assumptions.studies)]
    figures = {
        measure: np.array([[rung[measure] for rung in rungs] for rungs, _ in measured])
        for measure in measured[0][0][0]
    }
    tied = np.mean([tie_rate for _, tie_rate in measured], axis=0)
    return Plan(assumptions, ties, tied, figures)


def raters_needed(made: Plan, wish: Wish) -> RatersNeeded:
    """How many raters fulfil a wish: on the straight line, in logarithms, between two rungs."""
    ladder = np.array(made.assumptions.ladder, float)
    of_each = [_reached(ladder, figures, wish) for figures in made.figures[wish.measure]]
    mean = made.curve(wish.measure).mean
    return RatersNeeded(_reached(ladder, mean, wish), min(of_each), max(of_each))


def points_half_width(known: Knowledge) -> FloatArray:
    """Half-width of the 95 % interval of each contestant's win share, (K,), in points of 100.

    A win share is the mean over the others of the expected score, ½ + E[x] with x = ½, 0 or −½
    by the outcome; its slope by the difference in skill is the variance of x, which is also the
    Fisher information.
    """
    slope = fisher_information(known.skill[:, np.newaxis] - known.skill, known.tie_propensity)
    np.fill_diagonal(slope, 0)
    slope /= len(known.skill) - 1
    gradient = np.diag(slope.sum(axis=1)) - slope
    variance = np.einsum("ik,kl,il->i", gradient, known.covariance, gradient)
    return np.asarray(100 * HALF_WIDTH * np.sqrt(np.maximum(variance, 0)))


def expected_tau(known: Knowledge) -> float:
    """Kendall's τ that the posterior expects between its order and the true one."""
    i, j = np.triu_indices(len(known.skill), 1)
    variance = np.maximum(variance_of_differences(known.covariance)[i, j], TINY)
    z = np.abs(known.skill[i] - known.skill[j]) / np.sqrt(variance)
    # In order with the chance Φ(z), out of order otherwise.
    return float(np.mean([erf(each / sqrt(2)) for each in z]))


def _play(
    assumptions: Assumptions, ties: float, number: int
) -> tuple[list[dict[Measure, float]], list[float]]:
    """One study: its measures on every rung, and the share of ties until then."""
    rng = np.random.default_rng([assumptions.seed, number])
    truth = draw_preferences(
        rng,
        contestants=assumptions.contestants,
        groups_per_axis=tuple(map(len, assumptions.groups)),
        skill_sd=assumptions.skill_sd,
        heterogeneity_sd=assumptions.heterogeneity_sd,
        shares=assumptions.shares,
    )
    study = PlayedStudy(truth, by_davidson(ties), rng)
    rungs, tied, heard = [], [], 0
    for raters in assumptions.ladder:
        for more in _rounds(raters - heard, 1 if heard == 0 else ROUNDS):
            of_battle = draw_raters(rng, more, axis=truth.axis, shares=truth.shares)
            of_battle = of_battle.repeat(assumptions.battles_each, axis=1)
            study.play(*_pairs(study, assumptions.policy, of_battle.shape[1], rng), of_battle)
        heard = raters
        rungs.append(_measure(study))
        tied.append(float(study.counts[-1, ..., TIE].sum() / study.counts[-1].sum()))
    return rungs, tied


def _rounds(raters: int, rounds: int) -> list[int]:
    """Divide raters among rounds, as evenly as can be."""
    parts = np.diff(np.linspace(0, raters, rounds + 1).round().astype(int))
    return [int(part) for part in parts if part]


def _pairs(
    study: PlayedStudy, policy: Policy, battles: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Contestants on side A and on side B (battles,), in any order."""
    contestants = study.counts.shape[1]
    if policy is Policy.RANDOM:
        a = rng.integers(0, contestants, battles)
        return a, (a + rng.integers(1, contestants, battles)) % contestants
    choices = CHOICES if policy in BY_GAIN else max(CHOICES, comb(contestants, 2))
    times = -(-battles // choices)
    fits = study.fit()
    overall = knowledge_of(fits[-1], weight=MERGED_WEIGHT)
    state = study.queue_state(overall, fits, times=times)
    seed = int(rng.integers(2**32))
    chosen = propose(state, policy, count=-(-battles // times), seed=seed)
    pairs = np.array([(pair.a, pair.b) for pair in chosen]).repeat(times, axis=0)
    pairs[1::2] = pairs[1::2, ::-1] if times > 1 else pairs[1::2]
    a, b = rng.permutation(pairs)[:battles].T
    return a, b


def _measure(study: PlayedStudy) -> dict[Measure, float]:
    """What a board of the battles so far would say, and how far it could be trusted."""
    *own, everybody = study.fit()
    # Intervals are as published; the order is judged with the contestants' spread estimated.
    published, known = _published(everybody), knowledge_of(everybody)
    if own:
        published = known = knowledge_of_merged(study.merge(), everybody)
    names = [f"{k:03}" for k in range(len(known.skill))]
    score = DavidsonScore(known.tie_propensity)
    summary = summarise(
        known.skill, covariance=known.covariance, names=names, score=score, seed=0, draws=DRAWS
    )
    order = np.argsort(summary.rank)
    neighbours = separated(known, confidence=CONFIDENCE)[order[:-1], order[1:]]
    figures = {
        Measure.LOG_ODDS: _log_odds_half_width(published),
        Measure.POINTS: float(points_half_width(published).mean()),
        Measure.TAU: expected_tau(known),
        Measure.LEADER: float(summary.p_best[order[0]]),
        Measure.SEPARATED: float(neighbours.mean()),
    }
    return figures | _measure_groups(own)


def _measure_groups(own: list[DavidsonFit]) -> dict[Measure, float]:
    """Half-widths of the median group, from each group's own tournament; nothing without groups."""
    if not own:
        return {}
    known = [_published(fit) for fit in own]
    return {
        Measure.GROUP_LOG_ODDS: float(np.median([_log_odds_half_width(each) for each in known])),
        Measure.GROUP_POINTS: float(np.median([points_half_width(each).mean() for each in known])),
    }


def _published(fit: DavidsonFit) -> Knowledge:
    return Knowledge(fit.skill, fit.covariance, fit.tie_propensity)


def _log_odds_half_width(known: Knowledge) -> float:
    return HALF_WIDTH * float(np.sqrt(np.diagonal(known.covariance)).mean())


def _rising(figures: FloatArray) -> FloatArray:
    """The least-squares fit to figures (L,) that never falls, by the max-min formula."""
    rungs = range(len(figures))
    fitted = [
        max(min(figures[j : k + 1].mean() for k in rungs[i:]) for j in rungs[: i + 1])
        for i in rungs
    ]
    return np.array(fitted)


def _reached(ladder: FloatArray, figures: FloatArray, wish: Wish) -> float:
    """Raters (L,) at which figures (L,) first fulfil a wish; infinite if they never do."""
    # Widths fall, and so do 1 − τ and 1 − a chance: all about in proportion to a power.
    level = wish.level if wish.measure in WIDTHS else 1 - wish.level
    short = figures if wish.measure in WIDTHS else 1 - figures
    enough = np.flatnonzero(short <= level)
    if not enough.size:
        return inf
    at = int(enough[0])
    if at == 0:
        return float(ladder[0])
    # Of whoever is sure of the leader, next to nothing is left.
    ends = np.log(np.maximum(short[[at - 1, at]], TINY))
    part = (ends[0] - np.log(level)) / (ends[0] - ends[1])
    return float(ladder[at - 1] * (ladder[at] / ladder[at - 1]) ** part)
