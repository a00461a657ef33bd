"""What one more battle of a pair teaches about the order of the contestants.

With d and v the posterior mean and variance of the difference of a pair p, the pair is out of
order with the chance Φ(−|d|/√v). A battle of contestants i and j with Fisher information h takes
from v, by the rank-one update of the covariance C,

    s²_p = h (e_pᵀ C e_ij)² / (1 + h e_ijᵀ C e_ij)        e_ij = 1 at i, −1 at j

and its gain is Σ_p Φ(−|d_p|/√v_p) s²_p/v_p over all pairs p: the chance that p is out of order
times the part of what is unknown about p that the battle settles. This is weighted A-optimality:
with the weights of all pairs in one Laplacian W it is h eᵀ C W C e / (1 + h eᵀ C e), e = e_ij.
An exact look-ahead over one outcome gives next to nothing to a pair whose order one battle can't
turn, however many battles might; and the entropy of the skills is spent on far contestants whose
order nobody doubts.

The posterior has to stay calibrated although the pairs were chosen by it. Under a prior much
wider than the contestants are, it does not: pairs that look far apart by chance aren't heard
again, and stated differences are too great. So the spread of the skills is estimated first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import erfc, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.davidson import DavidsonFit
from leaderboards.ranking.merging import Merged
from leaderboards.ranking.outcomes import FloatArray, IntArray

BoolArray = NDArray[np.bool_]

SPREADS: Final = 24
# Variances, in squared log-odds, below which a difference is known for certain.
TINY: Final = 1e-12
# How much the merged order counts against one group's own. Twelve groups, which a battle teaches
# with less than is known of everybody already, would outweigh it: with 3, the merged order needs
# half as many battles again, and the groups' own orders are no better.
MERGED_WEIGHT: Final = 10.0


@dataclass(frozen=True)
class Knowledge:
    """What one tournament knows of K contestants, and how much its order matters.

    `skill` (K,) in log-odds with its `covariance` (K, K), and `tie_propensity` ν; `weight`, at
    least 0, is that of its dimension and of the tournament among the others. `reach`, from 0 to 1,
    is the part of the battles that it learns from: 1 for everybody's and for the merged ranking,
    and for a group's the part of the raters that are in the group.
    """

    skill: FloatArray
    covariance: FloatArray
    tie_propensity: float
    weight: float = 1.0
    reach: float = 1.0


@dataclass(frozen=True)
class Prospect:
    """What further battles of K contestants can teach T tournaments.

    `information` (T, K, K) of a battle of each pair; `concern` (T, K, K), the Laplacians W;
    `covariance` (T, K, K), which falls with every battle counted by `after_battles`, and `reach`
    (T,), the part of them that a tournament learns from.
    """

    information: FloatArray
    concern: FloatArray
    covariance: FloatArray
    reach: FloatArray


def knowledge_of(fit: DavidsonFit, *, weight: float = 1.0, reach: float = 1.0) -> Knowledge:
    """What a fitted tournament knows, its contestants' spread estimated instead of assumed."""
    skill, covariance = with_estimated_spread(fit.skill, fit.covariance, fit.prior.skill_sd)
    return Knowledge(skill, covariance, fit.tie_propensity, weight, reach)


def knowledge_of_merged(
    merged: Merged, everybody: DavidsonFit, *, weight: float = 1.0
) -> Knowledge:
    """What the merged ranking knows: its skills and sds, correlated as in everybody's tournament.

    The regression that merges treats each contestant alone, so that it has no covariances.
    """
    scale = np.divide(merged.sd, everybody.sd, where=everybody.sd > 0, out=np.zeros(len(merged.sd)))
    covariance = everybody.covariance * scale * scale[:, np.newaxis]
    return Knowledge(merged.skill, covariance, everybody.tie_propensity, weight)


def among(known: Knowledge, contestants: IntArray) -> Knowledge:
    """What is known of some contestants (S,) alone: who has withdrawn is no longer asked about."""
    covariance = known.covariance[np.ix_(contestants, contestants)]
    return replace(known, skill=known.skill[contestants], covariance=covariance)


def with_estimated_spread(
    skill: FloatArray, covariance: FloatArray, assumed_sd: float
) -> tuple[FloatArray, FloatArray]:
    """Trade the prior's sd of the skills for the one that the battles speak for.

    Takes and returns a normal posterior of skills (K,) that add up to 0, with its covariance
    (K, K). Its prior Normal(0, assumed_sd²) is divided out. The new prior's variance is the mean
    over sds up to the assumed one, all equally likely before, by their marginal likelihood: a
    mode could be 0 after a few battles, and everything would seem known.
    """
    if len(skill) < 2:
        return skill, covariance
    # The first eigenvalue is that of the overall level, 0.
    variance, axes = np.linalg.eigh(covariance)
    variance, axes = np.maximum(variance[1:], TINY), axes[:, 1:]
    pull = skill @ axes / variance
    precision = np.maximum(1 / variance - assumed_sd**-2, 0)
    sd = assumed_sd * (np.arange(SPREADS) + 0.5) / SPREADS
    prior = sd[:, np.newaxis] ** -2
    total = precision + prior
    log_likelihood = (np.log(prior / total) + pull**2 / total).sum(axis=1) / 2
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    settled = 1 / (precision + likelihood.sum() / (likelihood @ sd**2))
    return axes @ (pull * settled), (axes * settled) @ axes.T


def look_ahead(
    tournaments: Sequence[Knowledge], *, in_flight: Sequence[FloatArray] | None = None
) -> Prospect:
    """Prepare the gains of pairs in T tournaments of the same K contestants.

    `in_flight` has for each tournament the battles (K, K), by side A and side B, that were given
    out and aren't in its posterior: they count as played, with the information they will bring.
    """
    skill = np.array([known.skill for known in tournaments])
    covariance = np.array([known.covariance for known in tournaments])
    ties = np.array([known.tie_propensity for known in tournaments])[:, np.newaxis, np.newaxis]
    difference = skill[:, :, np.newaxis] - skill[:, np.newaxis]
    information = fisher_information(difference, ties)
    if in_flight is not None:
        covariance = np.array(
            [
                _with_played(each, h, given)
                for each, h, given in zip(covariance, information, in_flight, strict=True)
            ]
        )
    weight = np.array([known.weight for known in tournaments])
    reach = np.array([known.reach for known in tournaments])
    laplacian = concern(skill, covariance, weight * reach)
    return Prospect(information, laplacian, covariance, reach)


def gains(prospect: Prospect) -> FloatArray:
    """Gain of one more battle of each pair, (K, K), over all tournaments; 0 with oneself."""
    gain: FloatArray = gains_apart(prospect).sum(axis=0)
    return gain


def gains_apart(prospect: Prospect) -> FloatArray:
    """Gain of one more battle of each pair for each tournament, (T, K, K)."""
    C, h = prospect.covariance, prospect.information
    taught = variance_of_differences(C @ prospect.concern @ C)
    gain: FloatArray = h * taught / (1 + h * variance_of_differences(C))
    return gain


def after_battles(
    prospect: Prospect, a: int | IntArray, b: int | IntArray, *, times: float = 1
) -> Prospect:
    """Count `times` battles of contestants a and b as played, with their expected information.

    `a` and `b` may be arrays (T,), if each tournament has a pair of its own.
    """
    times_each = times * prospect.reach
    fallen = _less(prospect.covariance, prospect.information, a, b, times_each)
    return replace(prospect, covariance=fallen)


def concern(
    skill: FloatArray, covariance: FloatArray, weight: FloatArray | float = 1.0
) -> FloatArray:
    """Laplacians W (T, K, K) of the chances that pairs are out of order, by weight (T,)."""
    variance = np.maximum(variance_of_differences(covariance), TINY)
    difference = np.abs(skill[..., np.newaxis] - skill[..., np.newaxis, :])
    edge = np.reshape(weight, (-1, 1, 1)) * _tail(difference / np.sqrt(variance)) / variance
    diagonal = np.arange(skill.shape[-1])
    edge[:, diagonal, diagonal] = 0
    laplacian: FloatArray = -edge
    laplacian[:, diagonal, diagonal] = edge.sum(axis=2)
    return laplacian


def fisher_information(difference: FloatArray, tie_propensity: FloatArray | float) -> FloatArray:
    """Information on a difference, in log-odds, that a battle brings under Davidson's model."""
    # All three terms divided by e^|difference/2|, so that none overflows.
    half = np.abs(difference) / 2
    upset, tie = np.exp(-2 * half), tie_propensity * np.exp(-half)
    total = 1 + tie + upset
    information: FloatArray = (1 + upset) / total / 4 - ((1 - upset) / total / 2) ** 2
    return information


def variance_of_differences(covariance: FloatArray) -> FloatArray:
    """Variance of the difference of each two contestants, (..., K, K), from their covariance."""
    own: FloatArray = np.einsum("...ii->...i", covariance)
    own = own[..., np.newaxis] + own[..., np.newaxis, :]
    # Rounding must not make a variance negative.
    variance: FloatArray = np.maximum(own - 2 * covariance, 0)
    return variance


def _with_played(
    covariance: FloatArray, information: FloatArray, battles: FloatArray
) -> FloatArray:
    """Covariance (K, K) after battles (K, K) with the information (K, K) that each brings."""
    between = np.triu(battles + battles.T, 1)
    left, information = covariance[np.newaxis], information[np.newaxis]
    for a, b in np.argwhere(between).tolist():
        left = _less(left, information, a, b, float(between[a, b]))
    after: FloatArray = left[0]
    return after


def _less(
    covariance: FloatArray,
    information: FloatArray,
    a: int | IntArray,
    b: int | IntArray,
    times: FloatArray | float,
) -> FloatArray:
    """Covariances (T, K, K) less what `times` battles of a and b settle, by a rank-one update."""
    each = np.arange(len(covariance))
    towards = covariance[each, :, a] - covariance[each, :, b]
    h = times * information[each, a, b]
    share = h / (1 + h * (towards[each, a] - towards[each, b]))
    fallen: FloatArray = covariance - (
        share[:, np.newaxis, np.newaxis] * towards[:, :, np.newaxis] * towards[:, np.newaxis]
    )
    return fallen


def _tail(z: FloatArray) -> FloatArray:
    """Upper tail of the standard normal distribution."""
    return np.asarray(np.frompyfunc(erfc, 1, 1)(z / sqrt(2)), float) / 2
