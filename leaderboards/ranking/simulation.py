"""Simulated battles and ratings of an electorate whose groups differ: for plans and for tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from math import erfc, sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.davidson import DavidsonFit, fit_tournaments
from leaderboards.ranking.gain import Knowledge, knowledge_of
from leaderboards.ranking.merging import Merged, composition, merge_davidson
from leaderboards.ranking.outcomes import A_WINS, B_WINS, OUTCOMES, TIE, FloatArray, IntArray
from leaderboards.ranking.policies import QueueState
from leaderboards.ranking.scores import RatingInput, count_ratings
from leaderboards.ranking.trueskill import TrueSkillParameters

# Which side wins, from the true difference of skills (N,): outcome codes (N,).
Law = Callable[[FloatArray, np.random.Generator], IntArray]

# A quarter of the battles of equals is a tie.
QUARTER_TIES: Final = TrueSkillParameters(draw_probability=0.25)


class Quotas(StrEnum):
    """Whom a study hears: as many from each group of an axis, or the electorate in small."""

    BALANCED = "balanced"
    ELECTORATE = "electorate"


@dataclass(frozen=True)
class Simulated:
    """Battles with the truth behind them: K contestants, G groups.

    `tournament`, `a`, `b`, `outcome` (A·N,) hold each battle once for each axis; `crossings`
    (G, G) counts battles by two groups of the rater; `axis` and `shares` (G,); `skill` (K,),
    what the electorate's mean of skills is, adding up to 0; `effect` (G, K).
    """

    tournament: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    crossings: IntArray
    axis: IntArray
    shares: FloatArray
    skill: FloatArray
    effect: FloatArray


@dataclass(frozen=True)
class Preferences:
    """What an electorate prefers: shares (G,) on axes (G,), skills (K,) and effects (G, K).

    To a rater, a contestant has its skill plus one effect for each of her groups.
    """

    axis: IntArray
    shares: FloatArray
    skill: FloatArray
    effect: FloatArray

    @property
    def merged(self) -> FloatArray:
        """Mean skill (K,) of the electorate."""
        mean: FloatArray = self.skill + self.shares @ self.effect
        return mean

    @property
    def own(self) -> FloatArray:
        """Mean skill (G, K) in each group, mixed on the other axes as the electorate is."""
        same_axis = self.axis[:, np.newaxis] == self.axis
        mean: FloatArray = self.merged + self.effect - (same_axis * self.shares) @ self.effect
        return mean

    def lead(self, raters: IntArray, a: IntArray, b: IntArray) -> FloatArray:
        """By how much raters of groups (A, N) prefer contestants a to b, (N,)."""
        of_groups = (self.effect[raters, a] - self.effect[raters, b]).sum(axis=0)
        difference: FloatArray = self.skill[a] - self.skill[b] + of_groups
        return difference


def draw_preferences(
    rng: np.random.Generator,
    *,
    contestants: int,
    groups_per_axis: tuple[int, ...],
    skill_sd: float,
    heterogeneity_sd: float,
    shares: FloatArray | None = None,
) -> Preferences:
    """Draw normal skills, and for each group normal effects; and shares, if none are given.

    They come from a Dirichlet distribution whose 2 makes them uneven.
    """
    if shares is None:
        shares = np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in groups_per_axis])
    axis = np.repeat(np.arange(len(groups_per_axis)), groups_per_axis)
    skill = rng.normal(0, skill_sd, contestants)
    effect = rng.normal(0, heterogeneity_sd, (len(axis), contestants))
    return Preferences(axis, shares, skill, effect)


def draw_raters(
    rng: np.random.Generator, raters: int, *, axis: IntArray, shares: FloatArray
) -> IntArray:
    """Draw one group of each axis for each of N raters, (A, N), axes being independent."""
    axes = range(int(axis.max(initial=-1)) + 1)
    drawn = [rng.choice(np.flatnonzero(axis == x), raters, p=shares[axis == x]) for x in axes]
    return np.array(drawn, int).reshape(len(axes), raters)


class PlayedStudy:
    """One simulated study, whose battles are counted as they are played.

    `counts` (G + 1, K, K, 3) has the groups' tournaments and last everybody's; `crossings` (G, G)
    counts battles by two groups of the rater.
    """

    def __init__(self, truth: Preferences, law: Law, rng: np.random.Generator) -> None:
        self.truth = truth
        self._law = law
        self._rng = rng
        groups, contestants = truth.effect.shape
        self.counts = np.zeros((groups + 1, contestants, contestants, len(OUTCOMES)))
        self.crossings = np.zeros((groups, groups))

    def play(self, a: IntArray, b: IntArray, raters: IntArray) -> None:
        """Let raters, by their groups (A, N), judge contestants a on side A and b on side B."""
        outcome = self._law(self.truth.lead(raters, a, b), self._rng)
        for tournament in (*raters, np.full(len(a), len(self.crossings))):
            np.add.at(self.counts, (tournament, a, b, outcome), 1)
        self.crossings += count_crossings(raters, groups=len(self.crossings))

    def merge(self) -> Merged:
        """The merged ranking of the battles so far, for a study that has groups."""
        return merge_davidson(
            self.counts[:-1],
            composition=composition(self.crossings),
            axis=self.truth.axis,
            shares=self.truth.shares,
        )

    def fit(self) -> tuple[DavidsonFit, ...]:
        """Each group's tournament so far, and last everybody's."""
        return fit_tournaments(self.counts)

    def queue_state(
        self, overall: Knowledge, fits: tuple[DavidsonFit, ...], *, times: float = 1.0
    ) -> QueueState:
        """What the next pairs are chosen from: the overall ranking, every group's, who has met.

        The unit is `times` battles: a pair that is chosen stands for so many.
        """
        battles = self.counts.sum(axis=(1, 2, 3))
        reach = times * battles[:-1] / max(battles[-1], 1)
        own = zip(fits[:-1], reach.tolist(), strict=True)
        met = self.counts[-1].sum(axis=-1) / times
        return QueueState.of(
            replace(overall, reach=times),
            *(knowledge_of(fit, reach=part) for fit, part in own if part),
            met=met,
            today=met.sum(axis=0) + met.sum(axis=1),
        )


def kendall_tau(skill: FloatArray, truth: FloatArray) -> FloatArray:
    """Kendall's τ between two orders of K contestants, (..., K) each."""
    i, j = np.triu_indices(truth.shape[-1], 1)
    agree = np.sign(skill[..., i] - skill[..., j]) * np.sign(truth[..., i] - truth[..., j])
    return np.asarray(agree.mean(axis=-1))


def by_performance(parameters: TrueSkillParameters = QUARTER_TIES) -> Law:
    """TrueSkill's law: normal performances, a tie if they are closer than the margin."""

    def outcome(difference: FloatArray, rng: np.random.Generator) -> IntArray:
        lead = difference + rng.normal(0, sqrt(2) * parameters.beta, difference.shape)
        won, lost = lead > parameters.margin, lead < -parameters.margin
        return np.where(won, A_WINS, np.where(lost, B_WINS, TIE)).astype(np.int8)

    return outcome


def by_davidson(tie_propensity: float) -> Law:
    """Davidson's law, for differences in log-odds."""

    def outcome(difference: FloatArray, rng: np.random.Generator) -> IntArray:
        win, loss = np.exp(difference / 2), np.exp(-difference / 2)
        at = rng.random(difference.shape) * (win + tie_propensity + loss)
        return np.where(at < win, A_WINS, np.where(at < win + loss, B_WINS, TIE)).astype(np.int8)

    return outcome


def simulate(
    *,
    battles: int,
    quotas: Quotas,
    seed: int,
    contestants: int = 20,
    groups_per_axis: tuple[int, ...] = (4, 4, 4),
    skill_sd: float = 3.0,
    heterogeneity_sd: float = 1.2,
    law: Law | None = None,
) -> Simulated:
    """Let raters, each heard once, judge pairs drawn at random.

    A rater's contestant has its skill plus one effect for each of her groups, all normal, with
    the sds given in the unit of `law` (skill points by default), and shares are drawn as in
    `draw_preferences`.
    """
    rng = np.random.default_rng(seed)
    prefers = draw_preferences(
        rng,
        contestants=contestants,
        groups_per_axis=groups_per_axis,
        skill_sd=skill_sd,
        heterogeneity_sd=heterogeneity_sd,
    )
    equal = 1 / np.repeat(groups_per_axis, groups_per_axis)
    mix = equal if quotas is Quotas.BALANCED else prefers.shares
    group = draw_raters(rng, battles, axis=prefers.axis, shares=mix)
    axes = len(groups_per_axis)
    a = rng.integers(0, contestants, battles)
    b = (a + rng.integers(1, contestants, battles)) % contestants
    outcome = (law or by_performance())(prefers.lead(group, a, b), rng)
    return Simulated(
        tournament=group.ravel(),
        a=np.tile(a, axes),
        b=np.tile(b, axes),
        outcome=np.tile(outcome, axes),
        crossings=count_crossings(group, groups=len(prefers.axis)),
        axis=prefers.axis,
        shares=prefers.shares,
        skill=prefers.merged - prefers.merged.mean(),
        effect=prefers.effect,
    )


def count_crossings(group: IntArray, *, groups: int) -> IntArray:
    """Count battles whose rater is in both of two groups, (G, G), from their groups (A, N)."""
    together = np.zeros(groups**2, int)
    for mine in group:
        for other in group:
            together += np.bincount(mine * groups + other, minlength=groups**2)
    return together.reshape(groups, groups)


@dataclass(frozen=True)
class SimulatedRatings:
    """Ratings with the truth behind them: K contestants, G groups.

    `axis` and `shares` (G,); `score` (K,), the electorate's mean of scores, and `group_score`
    (G, K), a group's, mixed on the other axes as the electorate is.
    """

    given: RatingInput
    axis: IntArray
    shares: FloatArray
    score: FloatArray
    group_score: FloatArray


def simulate_ratings(
    *,
    raters: int,
    quotas: Quotas,
    seed: int,
    contestants: int = 20,
    each: int = 4,
    groups_per_axis: tuple[int, ...] = (4, 4, 4),
    contestant_sd: float = 0.5,
    heterogeneity_sd: float = 0.25,
    rater_sd: float = 0.7,
    residual_sd: float = 1.0,
    centre: float = 4.5,
    scale: tuple[int, int] | None = None,
) -> SimulatedRatings:
    """Let raters rate `each` contestants, drawn at random, by the model of `ratings`.

    Scores are rounded; with `scale`, also kept within its lowest and highest score, which the
    model doesn't know of, and the truth is the mean of what would be given then. All sds are in
    points. Shares are drawn as in `simulate`.
    """
    rng = np.random.default_rng(seed)
    axes = len(groups_per_axis)
    axis = np.repeat(np.arange(axes), groups_per_axis)
    shares = np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in groups_per_axis])
    mu = rng.normal(centre, contestant_sd, contestants)
    effect = rng.normal(0, heterogeneity_sd, (len(axis), contestants))
    equal = 1 / np.repeat(groups_per_axis, groups_per_axis)
    mix = equal if quotas is Quotas.BALANCED else shares
    of_rater = draw_raters(rng, raters, axis=axis, shares=mix)
    contestant = rng.permuted(np.tile(np.arange(contestants), (raters, 1)), axis=1)[
        :, :each
    ].ravel()
    rater = np.repeat(np.arange(raters), each)
    group = of_rater[:, rater]
    expected = mu[contestant] + effect[group, contestant].sum(axis=0)
    noise = rng.normal(0, rater_sd, raters)[rater] + rng.normal(0, residual_sd, len(rater))
    score = np.rint(expected + noise).astype(int)
    if scale is not None:
        score = score.clip(*scale)
    noise_sd = sqrt(rater_sd**2 + residual_sd**2)
    score_of, group_score = _truth(mu, effect, axis, shares, noise_sd, scale)
    given = count_ratings(
        "overall", rater, contestant, score, group, contestants=contestants, groups=len(axis)
    )
    return SimulatedRatings(given, axis, shares, score_of, group_score)


def _truth(
    mu: FloatArray,
    effect: FloatArray,
    axis: IntArray,
    shares: FloatArray,
    noise_sd: float,
    scale: tuple[int, int] | None,
) -> tuple[FloatArray, FloatArray]:
    """Mean scores of the electorate (K,) and of its groups (G, K), over all cells."""
    cells = np.array(list(product(*(np.flatnonzero(axis == x) for x in np.unique(axis)))))
    mean = mu + effect[cells].sum(axis=1)
    if scale is not None:
        # E of a rounded, bounded score: the lowest, and 1 for each step it goes beyond.
        steps = np.arange(scale[0], scale[1]) + 0.5
        beyond = np.frompyfunc(erfc, 1, 1)((steps - mean[..., np.newaxis]) / (noise_sd * sqrt(2)))
        mean = scale[0] + beyond.astype(float).sum(axis=-1) / 2
    weight = shares[cells].prod(axis=1)
    inside = (cells[:, :, np.newaxis] == np.arange(len(axis))).any(axis=1).T * weight
    return weight @ mean, inside @ mean / inside.sum(axis=1, keepdims=True)
