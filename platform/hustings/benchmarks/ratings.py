"""How well ratings of single contestants add up to scores of an electorate, truth being known."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.ratings import Estimate, fit_ratings, plain_means
from leaderboards.ranking.simulation import Quotas, SimulatedRatings, simulate_ratings
from leaderboards.ranking.uncertainty import HALF_WIDTH

RATERS: Final = (300, 2_000, 20_000)
SCALES: Final = (None, (1, 7))


@dataclass(frozen=True)
class Column:
    """One number of raters `n`, one kind of `quotas` and one scale, over all seeds.

    Errors are root mean square errors in points, coverages the part of the 95 % intervals that
    hold the truth: of overall scores, of differences between two of them, and of groups' scores;
    `plain_error` is that of the plain means. `bounded` scores can't leave 1 to 7, which the model
    doesn't know.
    """

    n: int
    quotas: Quotas
    bounded: bool
    error: float
    coverage: float
    difference_coverage: float
    group_error: float
    group_coverage: float
    plain_error: float


@dataclass(frozen=True)
class RatingsResult:
    """All columns of the table."""

    columns: tuple[Column, ...]


def run(*, raters: tuple[int, ...] = RATERS, seeds: int = 60, first_seed: int = 0) -> RatingsResult:
    """Rank simulated studies: raters rate 4 of 20 contestants; 12 groups on 3 axes differ.

    Sds, in points: contestants .5, effects of an axis's groups .25, raters .7, residual 1. With
    balanced quotas the mix of raters is unlike the electorate, whose shares differ from seed to
    seed.
    """
    return RatingsResult(
        tuple(
            _column(n, quotas, scale, range(first_seed, first_seed + seeds))
            for n in raters
            for quotas in Quotas
            for scale in SCALES
        )
    )


def _column(n: int, quotas: Quotas, scale: tuple[int, int] | None, seeds: range) -> Column:
    studies = [
        _measure(simulate_ratings(raters=n, quotas=quotas, seed=seed, scale=scale))
        for seed in seeds
    ]
    error, coverage, difference, group_error, group_coverage, plain = np.mean(studies, axis=0)
    return Column(
        n=n,
        quotas=quotas,
        bounded=scale is not None,
        error=float(np.sqrt(error)),
        coverage=float(coverage),
        difference_coverage=float(difference),
        group_error=float(np.sqrt(group_error)),
        group_coverage=float(group_coverage),
        plain_error=float(np.sqrt(plain)),
    )


def _measure(study: SimulatedRatings) -> tuple[float, ...]:
    """Fit one study: squared errors and coverages, in the order of `Column`."""
    fit = fit_ratings(study.given, axis=study.axis, shares=study.shares)
    overall = fit.of_electorate()
    groups = [fit.of_group(g) for g in range(len(study.axis))]
    group_error = np.array([each.mean for each in groups]) - study.group_score
    group_sd = np.sqrt([np.diagonal(each.covariance) for each in groups])
    error = overall.mean - study.score
    return (
        float(np.square(error).mean()),
        float((np.abs(error) <= HALF_WIDTH * np.sqrt(np.diagonal(overall.covariance))).mean()),
        _difference_coverage(overall, study.score),
        float(np.square(group_error).mean()),
        float((np.abs(group_error) <= HALF_WIDTH * group_sd).mean()),
        float(np.square(plain_means(study.given).mean - study.score).mean()),
    )


def _difference_coverage(overall: Estimate, truth: FloatArray) -> float:
    """How many of the differences between two contestants lie in their 95 % intervals."""
    i, j = np.triu_indices(len(truth), 1)
    variance = np.diagonal(overall.covariance)
    sd = np.sqrt(variance[i] + variance[j] - 2 * overall.covariance[i, j])
    error = (overall.mean - truth)[i] - (overall.mean - truth)[j]
    return float((np.abs(error) <= HALF_WIDTH * sd).mean())
