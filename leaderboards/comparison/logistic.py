"""Probabilities learned from few data: ridge logistic regression, isotonic steps, and folds."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.items import total
from leaderboards.ranking.outcomes import FloatArray, IntArray

# Sd of the normal prior of a coefficient, by columns of sd 1.
COEFFICIENT_SD: Final = 1.0
# Observations that the overall share is worth beside the data.
PSEUDO: Final = 1.0
MAX_STEPS: Final = 100
SETTLED: Final = 1e-8
FOLDS: Final = 10


@dataclass(frozen=True)
class Logistic:
    """P(yes) = 1 / (1 + e^−(intercept + x·coefficient)), by columns less `mean`, over `scale`."""

    mean: FloatArray
    scale: FloatArray
    coefficient: FloatArray
    intercept: float

    def __call__(self, X: FloatArray) -> FloatArray:
        """Probabilities (N,) from columns (N, p)."""
        return _sigmoid((X - self.mean) / self.scale @ self.coefficient + self.intercept)


def fit_logistic(X: FloatArray, yes: FloatArray, of: FloatArray) -> Logistic:
    """Fit N rows of p columns to `yes` of `of` (N,), both at least 0.

    The mode under a normal prior of sd 1 of each coefficient, by Newton; without any data ½.
    """
    mean = X.mean(axis=0) if len(X) else np.zeros(X.shape[1])
    scale = X.std(axis=0) if len(X) else np.ones(X.shape[1])
    scale = np.where(scale > 0, scale, 1.0)
    Z = np.column_stack([np.ones(len(X)), (X - mean) / scale])
    # One observation of ½ bounds the intercept.
    Z, yes, of = (
        np.vstack([Z, np.eye(1, Z.shape[1])]),
        np.append(yes, PSEUDO / 2),
        np.append(of, PSEUDO),
    )
    ridge = np.full(Z.shape[1], COEFFICIENT_SD**-2.0)
    ridge[0] = 0
    point = np.zeros(Z.shape[1])
    for _ in range(MAX_STEPS):
        chance = _sigmoid(Z @ point)
        gradient = Z.T @ (yes - of * chance) - ridge * point
        curve = (Z.T * (of * chance * (1 - chance))) @ Z + np.diag(ridge)
        step = np.linalg.solve(curve, gradient)
        # Newton from 0 overshoots where data are nearly separated.
        point = point + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < SETTLED:
            break
    return Logistic(mean, scale, point[1:], float(point[0]))


@dataclass(frozen=True)
class Isotonic:
    """A share that never falls with x: `level` (S,) at `x` (S,), and on a line between."""

    x: FloatArray
    level: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Shares (N,) at x (N,), the outer ones going on beyond the data."""
        return np.asarray(np.interp(x, self.x, self.level), float)


def fit_isotonic(x: FloatArray, yes: FloatArray, of: FloatArray) -> Isotonic:
    """Pool adjacent violators (Ayer et al. 1955) of `yes` of `of` (N,) over x (N,).

    Each pool is drawn to the overall share by one observation of it. ValueError without any.
    """
    if not of.sum() > 0:
        raise ValueError("There is nothing to learn from.")
    places, code = np.unique(x, return_inverse=True)
    counts, weights = (total(code, len(places), each) for each in (yes, of))
    places, counts, weights = (each[weights > 0] for each in (places, counts, weights))
    overall = counts.sum() / weights.sum()
    pools: list[list[float]] = []
    for place, count, weight in zip(places, counts, weights, strict=True):
        pools.append([count, weight, place * weight])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            later = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], later, strict=True)]
    pooled = np.array(pools)
    level = (pooled[:, 0] + PSEUDO * overall) / (pooled[:, 1] + PSEUDO)
    # Shrinking a small pool more than a large one must not make the share fall.
    return Isotonic(pooled[:, 2] / pooled[:, 1], np.maximum.accumulate(level))


def folds(size: int, *, seed: int, count: int = FOLDS) -> IntArray:
    """The fold (N,) of each of N clusters, of sizes that differ by at most one."""
    return np.random.default_rng(seed).permutation(np.arange(size) % count)


def _sigmoid(x: FloatArray) -> FloatArray:
    half: FloatArray = 0.5 * (1 + np.tanh(x / 2))
    return half
