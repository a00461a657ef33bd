"""What battles of each pair say of Davidson's model beyond what was fitted: scores, information.

Davidson's likelihood is an exponential family: a battle gives its side A points, ½ for a win,
0 for a tie and −½ for a loss, and may be a tie. Its gradient is what a pair had of both less what
the fit expects, and its negative Hessian their covariance. Arrays may have leading dimensions
(...), one entry a tournament.
"""

from typing import NamedTuple

import numpy as np

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray


class Moments(NamedTuple):
    """Of one battle of contestants i on side A and j on side B, each (..., K, K).

    `lead` and `curve` are mean and variance of the points of side A, `tie` the probability of a
    tie, and `cross` the covariance of the two.
    """

    lead: FloatArray
    tie: FloatArray
    curve: FloatArray
    cross: FloatArray


class Flow(NamedTuple):
    """What pairs say, whichever side they were shown on: skew-symmetric arrays (..., K, K).

    `residual` is by how many points i beat j beyond the fit, and `weight` (symmetric) its Fisher
    information. Side effect and log ν, in this order, have the scores `shared_score` (..., 2),
    the information `shared_information` (..., 2, 2), and with each pair `crossed`
    (..., 2, K, K).
    """

    residual: FloatArray
    weight: FloatArray
    crossed: FloatArray
    shared_score: FloatArray
    shared_information: FloatArray


def moments(
    skill: FloatArray, side_effect: FloatArray | float, tie_propensity: FloatArray | float
) -> Moments:
    """Moments of battles at skills (..., K), side effects (...) and tie propensities ν (...)."""
    difference = skill[..., :, np.newaxis] - skill[..., np.newaxis, :]
    half = (difference + np.asarray(side_effect)[..., np.newaxis, np.newaxis]) / 2
    log_tie = np.log(np.asarray(tie_propensity))[..., np.newaxis, np.newaxis]
    # Scaled by the largest of the three, so that none overflows.
    top = np.maximum(np.abs(half), log_tie)
    a, tie, b = np.exp(half - top), np.exp(log_tie - top), np.exp(-half - top)
    total = a + tie + b
    lead, tie = (a - b) / total / 2, tie / total
    return Moments(lead, tie, (a + b) / total / 4 - lead**2, -lead * tie)


def flow(counts: FloatArray, expected: Moments) -> Flow:
    """Compare counts (..., K, K, 3) with what a fit expects of each battle."""
    battles = counts.sum(axis=-1)
    points = (counts[..., A_WINS] - counts[..., B_WINS]) / 2 - battles * expected.lead
    ties = counts[..., TIE] - battles * expected.tie
    curve, cross = battles * expected.curve, battles * expected.cross
    of_ties = battles * expected.tie * (1 - expected.tie)
    rows = [_sums(curve, cross), _sums(cross, of_ties)]
    return Flow(
        residual=points - points.swapaxes(-1, -2),
        weight=curve + curve.swapaxes(-1, -2),
        crossed=np.stack([m - m.swapaxes(-1, -2) for m in (curve, cross)], axis=-3),
        shared_score=_sums(points, ties),
        shared_information=np.stack(rows, axis=-2),
    )


def information(flow: Flow) -> FloatArray:
    """Fisher information (..., K + 2, K + 2) of the skills, the side effect and log ν."""
    contestants = flow.weight.shape[-1]
    found = np.zeros((*flow.weight.shape[:-2], contestants + 2, contestants + 2))
    with_shared = flow.crossed.sum(axis=-1)
    found[..., :contestants, :contestants] = -flow.weight
    np.einsum("...ii->...i", found)[..., :contestants] += flow.weight.sum(axis=-1)
    found[..., contestants:, :contestants] = with_shared
    found[..., :contestants, contestants:] = with_shared.swapaxes(-1, -2)
    found[..., contestants:, contestants:] = flow.shared_information
    return found


def score(flow: Flow) -> FloatArray:
    """Gradient (..., K + 2) of the log likelihood, in the order of `information`."""
    return np.concatenate([flow.residual.sum(axis=-1), flow.shared_score], axis=-1)


def _sums(*pairs: FloatArray) -> FloatArray:
    return np.stack([each.sum(axis=(-1, -2)) for each in pairs], axis=-1)
