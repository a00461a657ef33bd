"""What labels go with: the worth of a side's label beside skill, ties and spread. Pure."""

from dataclasses import dataclass
from math import isfinite, nan, sqrt
from typing import Final

import numpy as np

from leaderboards.comparison.clusters import by_cluster, clustered_sd, equal_clusters
from leaderboards.comparison.figures import (
    Figure,
    share_of,
    t_half_width,
    t_p_value,
)
from leaderboards.ranking.controls_fit import fit_controlled
from leaderboards.ranking.outcomes import TIE, IntArray
from leaderboards.ranking.topics import BoolArray

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
        """Whether there were enough to say anything, by more than one rater."""
        return self.n >= FEWEST and isfinite(self.low)


@dataclass(frozen=True)
class Ties:
    """How often verdicts were ties with a label, and a p for that beside all others."""

    share: Figure
    p_value: float


def label_effect(
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    has: IntArray,
    rater: IntArray,
    *,
    contestants: int,
) -> Effect:
    """The advantage of having a label; `has` (N, 2) says which sides have it: 1, 0, or -1 unknown.

    Davidson's model with the label as covariate; see `leaderboards.ranking.controls_fit`. Verdicts
    of one `rater` (N,) hang together: its interval and its p, of Student's t, are over raters. They
    are no surer than those of independent verdicts, of whom few raters alike could seem to be.
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
    effect = float(fit.effect[0])
    of_raters = clustered_sd(a[known], b[known], outcome[known], x.astype(float), rater[known], fit)
    if not of_raters > 0:
        return Effect(effect, nan, nan, nan, n)
    sd = max(of_raters, float(fit.effect_sd[0]))
    # Raters without a verdict on sides that differ say nothing of it.
    asked = by_cluster(rater[known][x != 0], np.ones(n))[1]
    df = equal_clusters(asked) - 1
    half = float(t_half_width(df)) * sd
    p_value = float(t_p_value(np.array([abs(effect) / sd]), df)[0])
    return Effect(effect, effect - half, effect + half, p_value, n)


def ties_with(outcome: IntArray, here: BoolArray, rater: IntArray) -> Ties:
    """Ties among verdicts (N,) that are `here`, beside those that are not; by `rater` (N,).

    The p is of a score test, so that shares of 0 and 1 can be told apart: all take one share of
    ties, and verdicts of one rater hang together.
    """
    tied = (outcome == TIE).astype(float)
    n, rest = int(here.sum()), int((~here).sum())
    share = share_of(*by_cluster(rater[here], tied[here]))
    if min(n, rest) < FEWEST:
        return Ties(share, nan)
    apart = tied[here].mean() - tied[~here].mean()
    off = (tied - tied.mean()) * np.where(here, 1 / n, -1 / rest)
    pull, asked = by_cluster(rater, off)
    raters = len(asked)
    variance = raters / max(raters - 1, 1) * float(np.square(pull).sum())
    if raters < 2 or not variance > 0:
        return Ties(share, nan)
    df = equal_clusters(asked) - 1
    return Ties(share, float(t_p_value(np.array([apart / sqrt(variance)]), df)[0]))


def spread_of(a: IntArray, b: IntArray, outcome: IntArray, *, contestants: int) -> float:
    """The sd of skills in log-odds, the part that their uncertainty explains taken off.

    NaN with fewer than FEWEST verdicts a contestant.
    """
    if len(a) < FEWEST * max(contestants, 1):
        return nan
    fit = fit_controlled(a, b, outcome, contestants=contestants)
    variance = float((fit.skill**2).sum() - np.trace(fit.covariance)) / max(contestants - 1, 1)
    return sqrt(max(variance, 0.0))
