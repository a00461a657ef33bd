"""Single conversations that people and a judge rated on a scale of their own each."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import (
    NOTHING,
    Figure,
    pearson,
    spearman,
    with_correlation_interval,
)
from leaderboards.ranking.outcomes import FloatArray, IntArray

RESAMPLES: Final = 500


@dataclass(frozen=True)
class RatingAgreement:
    """Correlations of people's mean score of a conversation with the judge's.

    `pearson` and `spearman` are over conversations, `order` is Spearman's over contestants' means,
    with intervals over conversations; `n` counts conversations, and contestants in `order`.
    """

    pearson: Figure
    spearman: Figure
    order: Figure


def compare_ratings(
    people: FloatArray,
    judge: FloatArray,
    contestant: IntArray,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> RatingAgreement:
    """Compare scores of N conversations, each (N,); those without one of the two are left out."""
    both = np.isfinite(people) & np.isfinite(judge)
    x, y, whose = people[both], judge[both], contestant[both]
    size = len(x)
    if not size:
        return RatingAgreement(NOTHING, NOTHING, NOTHING)
    rng = np.random.default_rng(seed)
    drawn = [np.arange(size), *rng.integers(0, size, (resamples, size))]
    each = np.array([_correlations(x[rows], y[rows], whose[rows]) for rows in drawn])
    sizes = (size, size, len(np.unique(whose)))
    return RatingAgreement(
        *(
            with_correlation_interval(float(column[0]), column[1:], n=n)
            for column, n in zip(each.T, sizes, strict=True)
        )
    )


def _correlations(x: FloatArray, y: FloatArray, whose: IntArray) -> tuple[float, float, float]:
    code = np.unique(whose, return_inverse=True)[1]
    n = np.bincount(code)
    means = [np.bincount(code, values) / n for values in (x, y)]
    return pearson(x, y), spearman(x, y), spearman(*means)
