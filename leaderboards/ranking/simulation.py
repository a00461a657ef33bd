"""Simulated battles of an electorate whose groups differ, for tests and benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray
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
    the sds given in the unit of `law` (skill points by default). Shares are drawn from a
    Dirichlet distribution whose 2 makes them uneven, and axes are independent.
    """
    rng = np.random.default_rng(seed)
    axes = len(groups_per_axis)
    axis = np.repeat(np.arange(axes), groups_per_axis)
    shares = np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in groups_per_axis])
    skill = rng.normal(0, skill_sd, contestants)
    effect = rng.normal(0, heterogeneity_sd, (len(axis), contestants))
    equal = 1 / np.repeat(groups_per_axis, groups_per_axis)
    mix = equal if quotas is Quotas.BALANCED else shares
    group = np.stack(
        [rng.choice(np.flatnonzero(axis == x), battles, p=mix[axis == x]) for x in range(axes)]
    )
    a = rng.integers(0, contestants, battles)
    b = (a + rng.integers(1, contestants, battles)) % contestants
    difference = skill[a] - skill[b] + (effect[group, a] - effect[group, b]).sum(axis=0)
    outcome = (law or by_performance())(difference, rng)
    truth = skill + shares @ effect
    return Simulated(
        tournament=group.ravel(),
        a=np.tile(a, axes),
        b=np.tile(b, axes),
        outcome=np.tile(outcome, axes),
        crossings=count_crossings(group, groups=len(axis)),
        axis=axis,
        shares=shares,
        skill=truth - truth.mean(),
        effect=effect,
    )


def count_crossings(group: IntArray, *, groups: int) -> IntArray:
    """Count battles whose rater is in both of two groups, (G, G), from their groups (A, N)."""
    together = np.zeros(groups**2, int)
    for mine in group:
        for other in group:
            together += np.bincount(mine * groups + other, minlength=groups**2)
    return together.reshape(groups, groups)
