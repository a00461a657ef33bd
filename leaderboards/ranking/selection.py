"""The best of several variants looks better than it is: by how much, and what remains.

Who enters N variants and shows the best shows the best luck too: of N equal ones, whose estimates
err by σ, the best looks better by σ times the expected maximum of N standard normals, 1.87 for 20
of them. So the variants of a developer are taken as a family, exchangeable before their battles,

    θ̂ ~ Normal(θ, Σ)        θ_v ~ Normal(m, τ²)        m is unknown

and a variant's corrected skill is its posterior mean: drawn to its family's mean as far as chance
explains that they look different. A posterior is not misled by who was picked for looking best;
Dawid (1994), Selection paradoxes of Bayesian inference, IMS Lecture Notes 24:211-220; Efron
(2011), Tweedie's formula and selection bias, JASA 106:1602-1614. The family's spread τ is where
its restricted likelihood is greatest, which may be 0: a mean over τ would leave equal variants
almost twice as much of their luck.

Variants whose skills are not given are counted, but nothing is corrected for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import HALF_WIDTH

# Scale, in log-odds, of the half-normal prior of τ that the sd of a corrected skill is taken over.
SPREAD_SCALE: Final = 1.0
# Values of τ, up to so many of these scales.
SPREADS: Final = 200
WIDEST: Final = 4.0
# Part of the mean variance that is added to each: skills that add up to 0 have a singular one.
RIDGE: Final = 1e-9
# Beyond these a standard normal has no part in the expected maximum of a million.
NORMAL: Final = np.linspace(-10, 10, 4001)


@dataclass(frozen=True)
class Family:
    """The variants of one developer, and what is left of the one that looks best.

    `variants` (n,) are indices of contestants with their `corrected` skills and `sd`, in log-odds
    as the skills given; `tried` is how many there were, n or more. `best` is the index of the one
    that looks best, `raw` its skill as given. `spread` is τ, and `by_chance` by how much the
    best of as many equal variants as were tried would look better.
    """

    developer: int
    variants: IntArray
    tried: int
    best: int
    raw: float
    corrected: FloatArray
    sd: FloatArray
    spread: float
    by_chance: float

    @property
    def corrected_best(self) -> float:
        """Expected skill of the one that looks best."""
        return float(self.corrected[self.variants == self.best][0])

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the skill of the one that looks best."""
        margin = HALF_WIDTH * float(self.sd[self.variants == self.best][0])
        return self.corrected_best - margin, self.corrected_best + margin


def correct_for_variants(
    skill: FloatArray,
    covariance: FloatArray,
    *,
    developer: Sequence[int] | IntArray,
    tried: Sequence[int] | IntArray | None = None,
) -> tuple[Family, ...]:
    """Correct skills (K,) with their covariance (K, K) for how many variants a developer entered.

    `developer` (K,) is an index 0 … V − 1, and `tried` (V,) how many variants each had, at least
    those given here, which is what it is otherwise. One family for each developer that has
    contestants, in their order. An only variant keeps its skill. See above for formula and source.
    A page may say: "The best of 20 variants; of 20 equal ones the best looks better by 0.19
    through chance alone."
    """
    skill, owner = np.asarray(skill, float), np.asarray(developer, int)
    entered = np.bincount(owner, minlength=0 if tried is None else len(tried))
    counted = entered if tried is None else np.asarray(tried, int)
    if len(counted) != len(entered) or (counted < entered).any():
        raise ValueError("A developer tried at least the variants that are given here.")
    found = []
    for v in np.flatnonzero(entered).tolist():
        variants = np.flatnonzero(owner == v)
        own = covariance[np.ix_(variants, variants)]
        found.append(_family(v, variants, skill[variants], own, int(counted[v])))
    return tuple(found)


def expected_maximum(n: int) -> float:
    """Expected greatest of n standard normals: n ∫ x φ(x) Φ(x)ⁿ⁻¹ dx, 0 for one."""
    density = np.exp(-(NORMAL**2) / 2)
    below = np.frompyfunc(lambda x: erfc(-x / sqrt(2)) / 2, 1, 1)(NORMAL).astype(float)
    weight = density * below ** (n - 1)
    return float(NORMAL @ weight / weight.sum())


def _family(
    developer: int, variants: IntArray, skill: FloatArray, covariance: FloatArray, tried: int
) -> Family:
    noise = _differences(skill, covariance) if len(variants) > 1 else None
    corrected, sd, spread = skill, np.sqrt(np.diagonal(covariance)), 0.0
    variance = float(covariance[0, 0])
    if noise is not None:
        corrected, sd, spread = _shrunk(skill, covariance, noise)
        variance = float(noise.variance.mean())
    return Family(
        developer=developer,
        variants=variants,
        tried=tried,
        best=int(variants[skill.argmax()]),
        raw=float(skill.max()),
        corrected=corrected,
        sd=sd,
        spread=spread,
        by_chance=sqrt(variance) * expected_maximum(tried),
    )


class _Differences(NamedTuple):
    """Independent contrasts (n − 1,) among variants, and the variance of each by chance."""

    value: FloatArray
    variance: FloatArray


class _Shrunk(NamedTuple):
    """Skills (n,) drawn to their mean, with their sds (n,), and by which τ."""

    corrected: FloatArray
    sd: FloatArray
    spread: float


def _differences(skill: FloatArray, covariance: FloatArray) -> _Differences:
    n = len(skill)
    across = np.linalg.qr(np.ones((n, 1)), mode="complete")[0][:, 1:]
    variance, axes = np.linalg.eigh(across.T @ covariance @ across)
    least = RIDGE * np.trace(covariance) / n
    return _Differences(skill @ across @ axes, np.maximum(variance, least))


def _shrunk(skill: FloatArray, covariance: FloatArray, noise: _Differences) -> _Shrunk:
    """Take τ at its restricted likelihood's mode, and the sd over all τ about the mean there."""
    typical = float(np.sqrt(noise.variance.mean()))
    if not typical:
        return _Shrunk(skill, np.sqrt(np.diagonal(covariance)), float(np.std(skill)))
    # Even steps below the noise, and even ratios above it.
    step = np.linspace(0, np.arcsinh(WIDEST * SPREAD_SCALE / typical), SPREADS)
    spread = typical * np.sinh(step)
    total = noise.variance + spread[:, np.newaxis] ** 2
    log_likelihood = -(np.log(total) + noise.value**2 / total).sum(axis=1) / 2
    mode = int(log_likelihood.argmax())
    weight = np.exp(log_likelihood - log_likelihood[mode]) * np.cosh(step)
    weight *= np.exp(-((spread / SPREAD_SCALE) ** 2) / 2)
    weight /= weight.sum()
    mean, variance = _given_spreads(skill, covariance, spread)
    corrected = mean[mode]
    about = weight @ (variance + (mean - corrected) ** 2)
    return _Shrunk(corrected, np.sqrt(about), float(spread[mode]))


def _given_spreads(
    skill: FloatArray, covariance: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Posterior means and variances (T, n) of a family's skills at T values of τ, m unknown."""
    n = len(skill)
    ridge = RIDGE * np.trace(covariance) / n
    prior = spread[:, np.newaxis] ** 2
    precision = np.linalg.inv(covariance + (prior + ridge)[..., np.newaxis] * np.eye(n))
    pull = precision.sum(axis=2)
    total = pull.sum(axis=1, keepdims=True)
    mean = (pull @ skill)[:, np.newaxis] / total
    corrected = mean + prior * np.einsum("tvw,tw->tv", precision, skill - mean)
    variance = prior * (1 - prior * np.diagonal(precision, axis1=1, axis2=2))
    variance += (1 - prior * pull) ** 2 / total
    return corrected, np.maximum(variance, 0)
