"""What a fitted skill means for a reader: intervals, win share, and where a contestant ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc
from typing import Final, Protocol

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray

LEVEL: Final = 0.95
# Half the width of the interval in standard deviations.
HALF_WIDTH: Final = 1.959963984540054
DRAWS: Final = 4000
# Part of the total variance that is added to each.
RIDGE: Final = 1e-10
# Gauss-Hermite nodes: a score is so smooth that 21 of them are good to 1e-6 for any sd up to 3.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
WEIGHTS /= WEIGHTS.sum()


class ExpectedScore(Protocol):
    """Expected points (win 1, tie ½) of a battle whose difference in skill is uncertain."""

    def __call__(self, difference: FloatArray, variance: FloatArray) -> FloatArray:
        """Average the score over normal differences of these means and variances."""
        ...


@dataclass(frozen=True)
class DavidsonScore:
    """Expected points under Davidson's model, sides averaged out: differences in log-odds."""

    tie_propensity: float

    def __call__(self, difference: FloatArray, variance: FloatArray) -> FloatArray:
        """Average the score over normal differences of these means and variances."""
        half = (difference[..., np.newaxis] + np.sqrt(variance)[..., np.newaxis] * NODES) / 2
        # (e^h + ν/2) / (e^h + ν + e^−h), divided by its largest power so as not to overflow.
        top = np.abs(half)
        win, loss, tie = np.exp(half - top), np.exp(-half - top), np.exp(-top)
        tie *= self.tie_propensity
        score: FloatArray = (win + tie / 2) / (win + tie + loss) @ WEIGHTS
        return score


@dataclass(frozen=True)
class GaussianScore:
    """Expected points where performances are normal: their sd `beta`, and the draw `margin`."""

    beta: float
    margin: float

    def __call__(self, difference: FloatArray, variance: FloatArray) -> FloatArray:
        """Average the score over normal differences of these means and variances."""
        # ½ P(d > −margin) + ½ P(d > margin), d the difference of performances.
        spread = np.sqrt(2 * (2 * self.beta**2 + variance))
        erfcs = np.frompyfunc(erfc, 1, 1)
        up = erfcs((self.margin - difference) / spread)
        down = erfcs((-self.margin - difference) / spread)
        return np.asarray((up + down) / 4, float)


@dataclass(frozen=True)
class Summary:
    """What a board says of K contestants; every field is (K,).

    `mean` and `sd` of the skill with its 95 % interval `low` to `high`; `win_share`, expected
    points against every other contestant in a round robin, 0 to 1; `p_best`, probability of
    the greatest skill; `rank` by mean, 1 the best, ties broken by name; 95 % interval
    `rank_low` (best) to `rank_high` of the rank.
    """

    mean: FloatArray
    sd: FloatArray
    low: FloatArray
    high: FloatArray
    win_share: FloatArray
    p_best: FloatArray
    rank: IntArray
    rank_low: IntArray
    rank_high: IntArray


def summarise(
    mean: FloatArray,
    *,
    names: Sequence[str],
    score: ExpectedScore,
    seed: int,
    covariance: FloatArray | None = None,
    sd: FloatArray | None = None,
    draws: int = DRAWS,
) -> Summary:
    """Summarise normal skills (K,) with their `covariance` (K, K), or independent with `sd` (K,).

    Ranks and P(best) come from `draws` draws with `seed`; the win share is the mean over the
    same normal by quadrature or in closed form. Alone, a contestant is the best, and has a
    win share of ½. Raises ValueError unless exactly one of `covariance` and `sd` is given.
    """
    mean = np.asarray(mean, float)
    if covariance is None and sd is not None:
        covariance = np.diag(np.square(np.asarray(sd, float)))
    elif covariance is None or sd is not None:
        raise ValueError("Give either the covariance or the sds.")
    spread = np.sqrt(np.diagonal(covariance))
    by_rank = np.array(sorted(range(len(mean)), key=lambda k: (-mean[k], names[k])), np.intp)
    ranks = _rank_distribution(mean, covariance, by_rank, seed=seed, draws=draws)
    cumulative = ranks.cumsum(axis=1)
    tail = (1 - LEVEL) / 2 * draws
    rank = np.empty(len(mean), np.intp)
    rank[by_rank] = np.arange(1, len(mean) + 1)
    return Summary(
        mean=mean,
        sd=spread,
        low=mean - HALF_WIDTH * spread,
        high=mean + HALF_WIDTH * spread,
        win_share=win_share(mean, covariance, score),
        p_best=ranks[:, 0] / draws if len(mean) else np.zeros(0),
        rank=rank,
        rank_low=(cumulative <= tail).sum(axis=1) + 1,
        rank_high=(cumulative < draws - tail).sum(axis=1) + 1,
    )


def win_share(mean: FloatArray, covariance: FloatArray, score: ExpectedScore) -> FloatArray:
    """Expected share of points (K,) of each contestant in a round robin against all others."""
    contestants = len(mean)
    if contestants < 2:
        return np.full(contestants, 0.5)
    variance = np.diagonal(covariance)
    # Rounding must not make the variance of a difference negative.
    of_difference = np.maximum(variance[:, np.newaxis] + variance - 2 * covariance, 0)
    points = score(mean[:, np.newaxis] - mean, of_difference)
    np.fill_diagonal(points, 0)
    share: FloatArray = points.sum(axis=1) / (contestants - 1)
    return share


def _rank_distribution(
    mean: FloatArray, covariance: FloatArray, by_rank: IntArray, *, seed: int, draws: int
) -> FloatArray:
    """Count over draws how often each contestant (row) came out at each rank (column), (K, K)."""
    contestants = len(mean)
    if not covariance.any():
        # Equal draws would come out in any order; they rank by name, as `by_rank` does.
        certain = np.zeros((contestants, contestants))
        certain[by_rank, np.arange(contestants)] = draws
        return certain
    # Skills that add up to 0 have a singular covariance; this much more lets it be factored.
    # The factor is unique, unlike eigenvectors, whose signs differ between machines; and in the
    # order of the ranks it doesn't depend on the order in which contestants are listed.
    ranked = covariance[np.ix_(by_rank, by_rank)]
    ranked = ranked + np.eye(contestants) * np.trace(covariance) * RIDGE
    factor = np.linalg.cholesky(ranked)
    noise = np.random.default_rng(seed).standard_normal((draws, contestants))
    # Not `@`: threads of the matrix library cost several times the product on a busy machine.
    shortfall = np.einsum("dk,lk->dl", noise, -factor) - mean[by_rank]
    order = by_rank[np.argsort(shortfall, axis=1)]
    cell = order * contestants + np.arange(contestants)
    counted = np.bincount(cell.ravel(), minlength=contestants**2)
    return counted.reshape(contestants, contestants).astype(float)
