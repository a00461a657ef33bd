"""The outcome model of Davidson (1970) for one tournament: paired comparisons with ties.

With η = θ_i − θ_j + side effect for the contestant i shown as A and j shown as B,

    Z = e^(η/2) + ν + e^(−η/2)    P(A) = e^(η/2)/Z    P(tie) = ν/Z    P(B) = e^(−η/2)/Z

so that θ is on the log-odds scale of Bradley and Terry, and ν is the tie propensity.
Davidson, R. R. (1970), On extending the Bradley-Terry model to accommodate ties in paired
comparison experiments, JASA 65:317-328.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.errors import DisconnectedError
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, require_counts, tally
from studies import graph

MAX_NEWTON_STEPS: Final = 200
MAX_HALVINGS: Final = 40
# Squared distance from the mode, in posterior standard deviations, at which Newton stops.
CONVERGED_DECREMENT: Final = 1e-12
# c of `attenuation`. It is ½ between equals and (16√3/15π)² = .35 over all logits; in
# simulations with ν of .3, 1 and 3, heterogeneity of .35 and .7, what left no slope was .41 to .48.
NOISE_SLOPE: Final = 0.42


class Provisional(StrEnum):
    """Why the verdicts alone don't bound a contestant's skill, so that the prior does."""

    NEVER_PLAYED = "never played"
    NEVER_LOST = "never lost"
    NEVER_WON = "never won"


@dataclass(frozen=True)
class DavidsonPrior:
    """Weak normal priors in log-odds: skill, side effect, and log tie propensity.

    The skill's sd of 2 lets a contestant win 98 of 100 battles against an average one before
    the prior is noticed. A log tie propensity of −0.5 makes 23 % of the battles of equal
    contestants a tie.
    """

    skill_sd: float = 2.0
    side_effect_sd: float = 0.5
    log_tie_mean: float = -0.5
    log_tie_sd: float = 1.5


WEAK_PRIOR: Final = DavidsonPrior()


@dataclass(frozen=True)
class DavidsonFit:
    """Posterior mode and Gaussian spread of one tournament of K contestants.

    `skill` (K,) in log-odds, adding up to 0, and its `covariance` (K, K); `tie_propensity` ν
    and the sd of its logarithm; `side_effect` in log-odds, positive if side A gains by it,
    and its sd. `noise_variance` is the spread that was taken out (see `fit_davidson`) and
    `prior` what was assumed.
    """

    skill: FloatArray
    covariance: FloatArray
    tie_propensity: float
    log_tie_sd: float
    side_effect: float
    side_effect_sd: float
    noise_variance: float
    prior: DavidsonPrior

    @property
    def sd(self) -> FloatArray:
        """Posterior standard deviation of each skill, (K,)."""
        return np.sqrt(np.diagonal(self.covariance))


class _Terms(NamedTuple):
    """Log posterior (G,), gradient (G, K+2) and negative Hessian (G, K+2, K+2) at a point."""

    log_posterior: FloatArray
    gradient: FloatArray
    information: FloatArray


def fit_davidson(
    counts: FloatArray,
    *,
    prior: DavidsonPrior = WEAK_PRIOR,
    noise_variance: float = 0.0,
    require_connected: bool = True,
) -> DavidsonFit:
    """Fit one tournament from counts (K, K, 3): side A, side B, outcome code.

    `noise_variance` is the variance, in squared log-odds, with which a contestant's skill
    differs among the raters of the tournament: it flattens the skills, and is undone with
    `attenuation`. Raises DisconnectedError if the battles fall into parts that never met,
    unless `require_connected` is False: then only the prior holds the parts together.
    """
    counts = np.asarray(counts, float)
    if require_connected:
        parts = connected_parts(counts)
        if len(parts) > 1:
            raise DisconnectedError(parts)
    return fit_tournaments(counts[np.newaxis], prior=prior, noise_variance=[noise_variance])[0]


def fit_tournaments(
    counts: FloatArray,
    *,
    prior: DavidsonPrior = WEAK_PRIOR,
    noise_variance: Sequence[float] | FloatArray | None = None,
) -> tuple[DavidsonFit, ...]:
    """Fit G tournaments of the same K contestants at once, from counts (G, K, K, 3).

    Connection is not asked for: a young group has few battles, and the prior holds it
    together. `noise_variance` is (G,), 0 if not given; see `fit_davidson`.
    """
    counts = np.asarray(counts, float)
    require_counts(counts)
    groups, contestants = counts.shape[:2]
    noise = np.zeros(groups) if noise_variance is None else np.asarray(noise_variance, float)
    mode, covariance = _posterior_mode(counts, prior)
    # The likelihood knows differences only, so the overall level is independent of them and
    # projecting it out is the same as conditioning on Σθ = 0.
    centre = np.eye(contestants) - 1 / max(contestants, 1)
    skill = mode[:, :contestants] @ centre
    covariance[:, :contestants] = centre @ covariance[:, :contestants]
    covariance[:, :, :contestants] = covariance[:, :, :contestants] @ centre
    side, log_tie = contestants, contestants + 1
    fits = []
    for g in range(groups):
        ties = float(np.exp(mode[g, log_tie]))
        slope = attenuation(float(noise[g]), ties)
        block = covariance[g, :contestants, :contestants]
        fits.append(
            DavidsonFit(
                skill=skill[g] / slope,
                covariance=(block + block.T) / (2 * slope**2),
                tie_propensity=ties,
                log_tie_sd=float(np.sqrt(covariance[g, log_tie, log_tie])),
                side_effect=float(mode[g, side]) / slope,
                side_effect_sd=float(np.sqrt(covariance[g, side, side])) / slope,
                noise_variance=float(noise[g]),
                prior=prior,
            )
        )
    return tuple(fits)


def attenuation(noise_variance: float, tie_propensity: float) -> float:
    """Factor, at most 1, by which noise of this variance in each skill flattens fitted skills.

    A logit averaged over normal noise of variance s² is close to the logit times 1/√(1 + c s²).
    Two contestants bring s² = 2 · noise_variance; and ties soften it, since of the three
    outcomes only the decided ones, 2/(2 + ν) between equals, tell the two apart.
    """
    decided = 2 / (2 + tie_propensity)
    return float(1 / np.sqrt(1 + NOISE_SLOPE * decided * 2 * noise_variance))


def connected_parts(counts: FloatArray) -> list[tuple[int, ...]]:
    """List the connected parts among contestants that have met anybody, largest first.

    Counts are (K, K, 3). Each part is an ascending tuple of indices; parts of one size are in
    order of their first contestant.
    """
    counts = np.asarray(counts, float)
    require_counts(counts)
    a, b = (side.tolist() for side in np.nonzero(counts.any(axis=-1)))
    return list(graph.connected_parts([*a, *b], zip(a, b, strict=True)))


def provisional(counts: FloatArray) -> tuple[Provisional | None, ...]:
    """Say of each of K contestants why its skill is provisional, or None; counts are (K, K, 3)."""
    counts = np.asarray(counts, float)
    require_counts(counts)
    record = tally(counts)
    reasons: list[Provisional | None] = []
    for battles, wins, losses in zip(record.battles, record.wins, record.losses, strict=True):
        if battles == 0:
            reasons.append(Provisional.NEVER_PLAYED)
        elif losses == 0:
            reasons.append(Provisional.NEVER_LOST)
        elif wins == 0:
            reasons.append(Provisional.NEVER_WON)
        else:
            reasons.append(None)
    return tuple(reasons)


def _posterior_mode(counts: FloatArray, prior: DavidsonPrior) -> tuple[FloatArray, FloatArray]:
    """Find the modes (G, K+2) of skills, side effect and log ν, and covariances there.

    The log posterior is strictly concave, so Newton with step halving ends at the one mode.
    Tournaments that have arrived drop out of the work.
    """
    groups, contestants = counts.shape[:2]
    mode = np.zeros((groups, contestants + 2))
    mode[:, -1] = prior.log_tie_mean
    covariance = np.empty((groups, contestants + 2, contestants + 2))
    active = np.arange(groups)
    terms = _terms(counts, mode, prior)
    for _ in range(MAX_NEWTON_STEPS):
        if not active.size:
            break
        here = counts[active]
        column = terms.gradient[..., np.newaxis]
        step = np.asarray(np.linalg.solve(terms.information, column)[..., 0], float)
        decrement = np.einsum("gp,gp->g", step, terms.gradient)
        mode[active], terms = _halved_step(here, mode[active], step, terms, prior)
        done = decrement < CONVERGED_DECREMENT
        covariance[active[done]] = np.linalg.inv(terms.information[done])
        active = active[~done]
        terms = _Terms(*(term[~done] for term in terms))
    covariance[active] = np.linalg.inv(terms.information)
    return mode, covariance


def _halved_step(
    counts: FloatArray, point: FloatArray, step: FloatArray, terms: _Terms, prior: DavidsonPrior
) -> tuple[FloatArray, _Terms]:
    """Take the Newton step, halved wherever it would lower the log posterior."""
    # Rounding of a sum over many battles may lower it by this much at the mode itself.
    floor = terms.log_posterior - 1e-10 * (1 + np.abs(terms.log_posterior))
    scale = np.ones(len(point))
    for _ in range(MAX_HALVINGS):
        moved = point + scale[:, np.newaxis] * step
        after = _terms(counts, moved, prior)
        worse = after.log_posterior < floor
        if not worse.any():
            break
        scale[worse] /= 2
    return moved, after


def _terms(counts: FloatArray, point: FloatArray, prior: DavidsonPrior) -> _Terms:
    """Evaluate the log posterior and its derivatives at points (G, K+2)."""
    skill, side, log_tie = point[:, :-2], point[:, -2], point[:, -1]
    contestants = skill.shape[1]
    half = (skill[:, :, np.newaxis] - skill[:, np.newaxis] + side[:, np.newaxis, np.newaxis]) / 2
    log_tie_of_pair = log_tie[:, np.newaxis, np.newaxis]
    # Scaled by the largest of the three, so that none overflows.
    top = np.maximum(np.abs(half), log_tie_of_pair)
    a, tie, b = np.exp(half - top), np.exp(log_tie_of_pair - top), np.exp(-half - top)
    total = a + tie + b
    a, tie, b = a / total, tie / total, b / total
    battles = counts.sum(axis=-1)
    net = counts[..., A_WINS] - counts[..., B_WINS]
    likelihood = net * half + counts[..., TIE] * log_tie_of_pair - battles * (top + np.log(total))

    lead = (a - b) / 2
    slope = net / 2 - battles * lead
    curve = battles * ((a + b) / 4 - lead**2)
    cross = -battles * lead * tie
    precision = np.full(contestants + 2, prior.skill_sd**-2.0)
    precision[-2:] = prior.side_effect_sd**-2.0, prior.log_tie_sd**-2.0
    offset = point.copy()
    offset[:, -1] -= prior.log_tie_mean

    gradient = -precision * offset
    gradient[:, :-2] += _net_of_sides(slope)
    gradient[:, -2] += slope.sum(axis=(1, 2))
    gradient[:, -1] += (counts[..., TIE] - battles * tie).sum(axis=(1, 2))
    both = curve + curve.transpose(0, 2, 1)
    information = np.zeros((*point.shape, contestants + 2))
    information[:, :-2, :-2] = -both
    information[:, :-2, -2] = information[:, -2, :-2] = _net_of_sides(curve)
    information[:, :-2, -1] = information[:, -1, :-2] = _net_of_sides(cross)
    information[:, -2, -1] = information[:, -1, -2] = cross.sum(axis=(1, 2))
    diagonal = np.einsum("gpp->gp", information)
    diagonal[:, :-2] += both.sum(axis=2)
    diagonal[:, -2] = curve.sum(axis=(1, 2))
    diagonal[:, -1] = (battles * tie * (1 - tie)).sum(axis=(1, 2))
    diagonal += precision
    log_posterior = likelihood.sum(axis=(1, 2)) - (precision * offset**2).sum(axis=1) / 2
    return _Terms(log_posterior, gradient, information)


def _net_of_sides(pairs: FloatArray) -> FloatArray:
    """Sum a quantity of ordered pairs (G, K, K) over contestants: plus as A, minus as B."""
    net: FloatArray = pairs.sum(axis=2) - pairs.sum(axis=1)
    return net
