"""What labels go with: the worth of a side's label beside skill, ties and spread. Pure."""

from dataclasses import dataclass
from math import erfc, nan, sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.controls_fit import fit_controlled
from leaderboards.ranking.outcomes import TIE, IntArray
from leaderboards.ranking.topics import BoolArray
from leaderboards.ranking.uncertainty import HALF_WIDTH
from raters.quality.agreement import Share, wilson
from raters.quality.fairness import Rate, rate_ratio

# With fewer, an interval says nothing that a person could use.
FEWEST: Final = 20


@dataclass(frozen=True)
class Effect:
    """What a label is worth to a side, in log-odds, while the contestants are the same.

    With a 95 % interval and a two-sided p, from `n` verdicts on battles whose sides differ in it.
    NaN where these are too few.
    """

    log_odds: float
    low: float
    high: float
    p_value: float
    n: int

    @property
    def is_enough(self) -> bool:
        """Whether there were enough to say anything."""
        return self.n >= FEWEST


@dataclass(frozen=True)
class Ties:
    """How often verdicts were ties with a label, and a p for that beside all others."""

    share: Share
    p_value: float


def label_effect(
    a: IntArray, b: IntArray, outcome: IntArray, has: IntArray, *, contestants: int
) -> Effect:
    """The advantage of having a label; `has` (N, 2) says which sides have it: 1, 0, or -1 unknown.

    Davidson's model with the label as covariate; see `leaderboards.ranking.controls_fit`. Several
    verdicts of one rater count as independent.
    """
    known = (has >= 0).all(axis=1)
    x = np.where(known, has[:, 0] - has[:, 1], 0)[known]
    n = int(np.count_nonzero(x))
    if n < FEWEST:
        return Effect(nan, nan, nan, nan, n)
    rows, weight = np.unique(
        np.stack([a[known], b[known], outcome[known], x], axis=1), axis=0, return_counts=True
    )
    fit = fit_controlled(
        rows[:, 0],
        rows[:, 1],
        rows[:, 2],
        contestants=contestants,
        weight=weight.astype(float),
        covariates=rows[:, 3:].astype(float),
    )
    effect, sd = float(fit.effect[0]), float(fit.effect_sd[0])
    half = HALF_WIDTH * sd
    return Effect(effect, effect - half, effect + half, erfc(abs(effect) / sd / sqrt(2)), n)


def ties_with(outcome: IntArray, here: BoolArray) -> Ties:
    """Ties among verdicts (N,) that are `here`, beside those that are not."""
    tied = outcome == TIE
    hit, n = int(tied[here].sum()), int(here.sum())
    rest_hit, rest = int(tied[~here].sum()), int((~here).sum())
    p_value = rate_ratio(Rate(hit, n), Rate(rest_hit, rest)).p_value
    return Ties(wilson(hit, n), p_value if min(n, rest) >= FEWEST else nan)


def spread_of(a: IntArray, b: IntArray, outcome: IntArray, *, contestants: int) -> float:
    """The sd of skills in log-odds, the part that their uncertainty explains taken off.

    NaN with fewer than FEWEST verdicts a contestant.
    """
    if len(a) < FEWEST * max(contestants, 1):
        return nan
    fit = fit_controlled(a, b, outcome, contestants=contestants)
    variance = float((fit.skill**2).sum() - np.trace(fit.covariance)) / max(contestants - 1, 1)
    return sqrt(max(variance, 0.0))
