"""The scales of the hierarchical model, s and τ, and what their uncertainty does to the rest.

The scales have the half-normal priors that are stated. They are put where the density of their
logarithms is greatest, by Laplace's approximation of the marginal likelihood, with F for its
logarithm, b for all other unknowns and H for the negative Hessian at their mode:

    F(log τ) = log p(verdicts, b | τ) − ½ log|H| + Σ (log τ − τ²/(2 scale²))

The density of log τ vanishes at τ = 0, so that effects are never taken to be none. Its curvature
gives the scales' uncertainty. It is carried into b by ∂b/∂log τ (Kass and Steffey 1989,
Approximate Bayesian inference in conditionally independent hierarchical models, JASA 84:717-726),
or, where it is great, by integrating over the scale. The mean of b is its mode less
½ H⁻¹ ∂log|H|/∂b (Tierney and Kadane 1986, Accurate approximations for posterior moments, JASA
81:82-86): so a skill leans outwards whose contestant hardly lost.
"""

from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.hierarchical_mode import (
    CONVERGED,
    MAX_HALVINGS,
    Mode,
    Problem,
    find_mode,
    log_determinant_slopes,
)
from leaderboards.ranking.outcomes import FloatArray

MAX_SCALE_STEPS: Final = 100
# A scale changes by no more than this factor, e^1, in one step.
LONGEST_STEP: Final = 1.0
# Squared distance from the greatest density, in standard deviations, at which the search stops.
SETTLED: Final = 1e-12
# On the way, and where it only weighs, the mode is found to this squared distance.
NEAR: Final = 1e-6
# A scale whose logarithm has at most this sd has a density that is nearly normal.
WELL_KNOWN: Final = 0.25
# In sds of the logarithm.
POINTS: Final = (-3, -2, -1, 0, 1, 2, 3)


class Posterior(NamedTuple):
    """Normal posterior of the unknowns with that of the log scales, whose part is in it."""

    mean: FloatArray
    covariance: FloatArray
    log_scale: FloatArray
    log_scale_covariance: FloatArray
    log_marginal: float


def fit_scales(problem: Problem) -> Posterior:
    """Find the scales where their density is greatest, and integrate over it."""
    found = _at_scales(problem, np.log(problem.model.half_normal) - 1, None, NEAR)
    for _ in range(MAX_SCALE_STEPS):
        if found.distance < SETTLED:
            break
        step = found.step * min(1, LONGEST_STEP / np.abs(found.step).max())
        found = _better(problem, found, step, max(CONVERGED, NEAR * min(1, found.distance)))
    return _integrated(problem, found)


def fit_given_scales(problem: Problem, scales: FloatArray) -> Posterior:
    """The posterior at scales (S,) that are known."""
    found = _at_scales(problem, np.log(scales), None, CONVERGED)
    unknown = np.zeros_like(found.scale_covariance)
    return Posterior(found.mean, found.mode.covariance, found.log_scale, unknown, found.log_density)


class _AtScales(NamedTuple):
    """What is known of one point `log_scale` (S,) of the search.

    `log_density` F with its `gradient` (S,); `scale_covariance` (S, S), of minus its curvature's
    inverse; `slopes` (K·P + 2, S), ∂b/∂log τ; `skew` (K·P + 2,), by how much the mean of b is
    beyond its mode.
    """

    log_scale: FloatArray
    mode: Mode
    log_density: float
    gradient: FloatArray
    scale_covariance: FloatArray
    slopes: FloatArray
    skew: FloatArray

    @property
    def step(self) -> FloatArray:
        """Newton's step to the greatest density, (S,)."""
        return self.scale_covariance @ self.gradient

    @property
    def distance(self) -> float:
        """Squared distance from the greatest density, in its standard deviations."""
        return float(self.gradient @ self.step)

    @property
    def mean(self) -> FloatArray:
        """The mean of b to the first order, where the mode leaves out its skewness."""
        return self.mode.point + self.skew


def _integrated(problem: Problem, found: _AtScales) -> Posterior:
    """Carry the uncertainty of the scales into the unknowns.

    That of a scale which is well known by ∂b/∂log τ. Others' densities have a long tail towards
    0, so that they are integrated, each by itself, over POINTS of their own sd.
    """
    sd = np.sqrt(np.diagonal(found.scale_covariance))
    known = np.flatnonzero(sd <= WELL_KNOWN)
    slopes = found.slopes[:, known]
    carried = slopes @ found.scale_covariance[np.ix_(known, known)] @ slopes.T
    mean, covariance = found.mean, found.mode.covariance + carried
    for s in np.flatnonzero(sd > WELL_KNOWN):
        shift, spread = _moments_over_scale(problem, found, sd[s] * np.eye(len(sd))[s])
        mean = mean + shift
        covariance += spread
    return Posterior(mean, covariance, found.log_scale, found.scale_covariance, found.log_density)


def _moments_over_scale(
    problem: Problem, found: _AtScales, step: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """By how much mean and covariance differ from `found` if the scales are unsure by `step`."""
    weight, mean, square = 0.0, np.zeros_like(found.mean), np.zeros_like(found.mode.covariance)
    for t in POINTS:
        start = found.mode.point + t * found.slopes @ step
        at = found if t == 0 else _at_scales(problem, found.log_scale + t * step, start, NEAR)
        density = np.exp(at.log_density - found.log_density)
        shift = at.mean - found.mean
        weight += density
        mean += density * shift
        square += density * (at.mode.covariance + np.outer(shift, shift))
    mean /= weight
    return mean, square / weight - np.outer(mean, mean) - found.mode.covariance


def _better(problem: Problem, found: _AtScales, step: FloatArray, distance: float) -> _AtScales:
    """Move the log scales by `step`, halved until F doesn't fall, or its peak is much nearer."""
    floor = found.log_density - 1e-9 * (1 + abs(found.log_density))
    for _ in range(MAX_HALVINGS):
        start = found.mode.point + found.slopes @ step
        after = _at_scales(problem, found.log_scale + step, start, distance)
        if after.log_density >= floor or after.distance < found.distance / 2:
            break
        step = step / 2
    return after


def _at_scales(
    problem: Problem, log_scale: FloatArray, start: FloatArray | None, distance: float
) -> _AtScales:
    """Find the mode at these scales, to a squared distance, and how F changes with them."""
    mode = find_mode(problem, problem.precision(log_scale), start, distance)
    size = len(mode.point) - 2
    b, C = mode.point[:size], mode.covariance[:size, :size]
    column = np.tile(problem.model.column, problem.contestants)
    one_of = column == np.arange(len(log_scale))[:, np.newaxis]
    precision = one_of / np.exp(2 * log_scale)[:, np.newaxis]
    pull = precision * b
    slopes = 2 * mode.covariance[:, :size] @ pull.T
    squares, unknown = pull @ b, precision @ np.diagonal(C)
    prior = np.exp(2 * log_scale) / problem.model.half_normal**2
    steepening = log_determinant_slopes(problem, mode)
    gradient = squares + unknown - one_of.sum(axis=1) + 1 - prior - steepening @ slopes / 2
    curvature = 2 * pull @ slopes[:size] + 2 * precision @ C**2 @ precision.T
    curvature -= 2 * np.diag(squares + unknown + prior)
    log_density = mode.log_posterior
    log_density -= float(np.log(np.diagonal(np.linalg.cholesky(mode.information))).sum())
    log_density += float((log_scale - prior / 2 - one_of.sum(axis=1) * log_scale).sum())
    return _AtScales(
        log_scale=log_scale,
        mode=mode,
        log_density=log_density,
        gradient=gradient,
        scale_covariance=_inverse_of_peak(curvature),
        slopes=slopes,
        skew=-mode.covariance @ steepening / 2,
    )


def _inverse_of_peak(curvature: FloatArray) -> FloatArray:
    """Invert minus a curvature, bent downwards where it isn't a peak's."""
    values, axes = np.linalg.eigh(-curvature)
    inverse: FloatArray = axes / np.maximum(np.abs(values), 1) @ axes.T
    return inverse
