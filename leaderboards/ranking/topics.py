"""Skills by topic, each drawn towards all topics together as far as its own battles say little.

Partial pooling of T tournaments, which no battle is in two of:

    θ_t = θ + δ_t        θ ~ Normal(0, s²)        δ_t ~ Normal(0, τ²)

with half-normal s and τ: the model of `hierarchical`, its one axis being the topic, with a side
effect and a tie propensity for each topic, and taken apart by topic, so that there may be many.

A tournament enters by the normal that its likelihood is near where the pooled skills are: to the
second order exp(h_tᵀθ_t − ½ θ_tᵀJ_tθ_t), with side effect and tie propensity integrated out. (Near
each topic's own best skills, τ would come out too small.) At given s and τ all
is normal,

    θ ~ Normal(A⁻¹a, A⁻¹)        A = s⁻² + Σ_t J_t R_t        a = Σ_t R_t h_t
    θ_t given θ ~ Normal(R_t (θ + τ² h_t), τ² R_t)            R_t = (1 + τ² J_t)⁻¹

and the marginal likelihood is known, so that s and τ are averaged over on grids: intervals are
not too narrow where topics are few. The skill overall is the mean over topics with stated
weights, whatever topics were heard most. Whose raters they were is not looked at.

Gelman and Hill (2007), Data analysis using regression and multilevel/hierarchical models, ch. 12.
"""

from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.davidson import connected_parts, fit_tournaments
from leaderboards.ranking.errors import DisconnectedError, RankingError
from leaderboards.ranking.hierarchical import HIERARCHICAL_PRIOR, HierarchicalPrior
from leaderboards.ranking.information import flow, information, moments, score
from leaderboards.ranking.merging import SHARES_TOLERANCE
from leaderboards.ranking.outcomes import FloatArray, tally
from leaderboards.ranking.uncertainty import LEVEL

BoolArray = NDArray[np.bool_]

# Battles of a contestant in a topic below which its rank there says next to nothing of it there.
ENOUGH_BATTLES: Final = 10
# Draws of 28 contestants in so many topics take 100 MB.
MAX_TOPICS: Final = 200
# The grid of τ: up to so many of its prior's scales, from such a part of that, in so many points.
WIDEST: Final = 4.0
NARROWEST: Final = 0.002
POINTS: Final = 24
# The grid of s, in its prior's scale.
SKILL_SDS: Final = np.geomspace(0.02, 3, 16)
# Part of the posterior on a grid that is left out of the finer one.
NEGLIGIBLE: Final = 1e-5
MAX_EXPANSIONS: Final = 20
# Change of any unknown, in log-odds, at which likelihoods are expanded no more.
SETTLED: Final = 1e-4


class _Likelihoods(NamedTuple):
    """Normal likelihoods of T topics: J = U diag(`precision`) Uᵀ, and `pull` Uᵀh.

    `precision` and `pull` are (T, K), `axes` U is (T, K, K). At skills θ_t, side effect and log ν
    are best at `shared` (T, 2) − `to_shared` (T, 2, K) θ_t.
    """

    precision: FloatArray
    pull: FloatArray
    axes: FloatArray
    shared: FloatArray
    to_shared: FloatArray


class _AtSpread(NamedTuple):
    """The posterior at one τ: its log density but for a constant; θ's mean and covariance.

    Given θ, a topic's skills are `base` (T, K) + `share` (T, K, K) θ, with covariance τ² `share`.
    """

    spread: float
    log_density: float
    mean: FloatArray
    covariance: FloatArray
    base: FloatArray
    share: FloatArray


@dataclass(frozen=True)
class PooledTopics:
    """Skills of K contestants in T topics, in log-odds, adding up to 0 in each.

    `skill` (T, K) with `covariance` (T, K, K); `overall` (K,) with `overall_covariance` (K, K),
    the mean over topics by their `weights` (T,); `battles` (T, K) of each contestant. `tau` is
    the sd between topics, its mean with 95 % interval; `tie_propensity` that of all battles.
    """

    skill: FloatArray
    covariance: FloatArray
    overall: FloatArray
    overall_covariance: FloatArray
    weights: FloatArray
    battles: FloatArray
    tau: float
    tau_low: float
    tau_high: float
    tie_propensity: float
    prior: HierarchicalPrior
    _at: tuple[tuple[float, _AtSpread], ...]

    @property
    def sd(self) -> FloatArray:
        """Posterior standard deviation of each skill, (T, K)."""
        variance: FloatArray = np.einsum("tkk->tk", self.covariance)
        return np.sqrt(variance)

    @property
    def is_enough(self) -> BoolArray:
        """Whether a contestant was in enough battles of a topic to be placed there, (T, K)."""
        return self.battles >= ENOUGH_BATTLES

    def draw(self, draws: int, *, seed: int) -> FloatArray:
        """Draw skills in all topics at once, (draws, T, K)."""
        rng = np.random.default_rng(seed)
        topics, contestants = self.skill.shape
        found = np.empty((draws, topics, contestants))
        which = rng.choice(len(self._at), draws, p=[part for part, _ in self._at])
        for place, (_, at) in enumerate(self._at):
            here = np.flatnonzero(which == place)
            noise = rng.standard_normal((len(here), 1 + topics, contestants))
            common = at.mean + noise[:, 0] @ np.linalg.cholesky(at.covariance).T
            root = at.spread * _root(at.share)
            found[here] = (
                at.base
                + np.einsum("tkl,nl->ntk", at.share, common)
                + np.einsum("tkl,ntl->ntk", root, noise[:, 1:])
            )
        centred: FloatArray = found - found.mean(axis=2, keepdims=True)
        return centred


def pool_topics(
    counts: FloatArray, weights: FloatArray, *, prior: HierarchicalPrior = HIERARCHICAL_PRIOR
) -> PooledTopics:
    """Fit T topics from counts (T, K, K, 3): side A, side B, outcome; `weights` (T,) add up to 1.

    A topic without battles gets the skill overall, with the sd between topics. Raises
    DisconnectedError if all battles together fall into parts that never met, and RankingError
    for weights that don't add up and for more than MAX_TOPICS.
    """
    counts, weights = np.asarray(counts, float), np.asarray(weights, float)
    together = counts.sum(axis=0)
    _require(counts, weights)
    parts = connected_parts(together)
    if len(parts) > 1:
        raise DisconnectedError(parts)
    flat = fit_tournaments(together[np.newaxis])[0]
    start = np.append(flat.skill, [flat.side_effect, np.log(flat.tie_propensity)])
    likelihoods = _expanded(counts, start, prior)
    part, every = _over_spreads(likelihoods, prior)
    skill, covariance = _moments(part, [_of_topics(each) for each in every])
    overall, overall_covariance = _moments(part, [_of_mix(each, weights) for each in every])
    spreads = np.array([each.spread for each in every])
    low, high = np.searchsorted(part.cumsum(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return PooledTopics(
        skill=skill,
        covariance=covariance,
        overall=overall,
        overall_covariance=overall_covariance,
        weights=weights,
        battles=tally(counts).battles,
        tau=float(part @ spreads),
        tau_low=float(spreads[low]),
        tau_high=float(spreads[high]),
        tie_propensity=flat.tie_propensity,
        prior=prior,
        _at=tuple(zip(part.tolist(), every, strict=True)),
    )


def _expanded(counts: FloatArray, start: FloatArray, prior: HierarchicalPrior) -> _Likelihoods:
    """Expand likelihoods where they lead to themselves, from the unknowns (K + 2,) of all."""
    at = np.tile(start, (len(counts), 1))
    for _ in range(MAX_EXPANSIONS):
        likelihoods = _likelihoods(counts, at, prior)
        part, every = _on_grid(likelihoods, *_widest(prior), prior)
        means = np.array([_of_topics(each)[0] for each in every])
        skill = np.einsum("s,stk->tk", part, means)
        skill -= skill.mean(axis=1, keepdims=True)
        shared = likelihoods.shared - np.einsum("tpk,tk->tp", likelihoods.to_shared, skill)
        before, at = at, np.hstack([skill, shared])
        if np.abs(at - before).max(initial=0) < SETTLED:
            break
    return likelihoods


def _over_spreads(
    likelihoods: _Likelihoods, prior: HierarchicalPrior
) -> tuple[FloatArray, list[_AtSpread]]:
    """The posterior of τ on a grid, adding up to 1, and all else at each τ."""
    part, every = _on_grid(likelihoods, *_widest(prior), prior)
    # So wide a grid is too coarse for many topics, of which little is left of it.
    near = np.flatnonzero(part > NEGLIGIBLE)
    low, high = max(near[0] - 1, 0), min(near[-1] + 1, len(part) - 1)
    return _on_grid(likelihoods, every[low].spread, every[high].spread, prior)


def _widest(prior: HierarchicalPrior) -> tuple[float, float]:
    high = prior.effect_scale * WIDEST
    return high * NARROWEST, high


def _on_grid(
    likelihoods: _Likelihoods, low: float, high: float, prior: HierarchicalPrior
) -> tuple[FloatArray, list[_AtSpread]]:
    spreads = np.geomspace(low, high, POINTS)
    every = [_at_spread(likelihoods, spread, prior.skill_scale) for spread in spreads]
    # The grid is even in log τ: a point stands for a width of τ that is as τ itself.
    log_density = np.array([each.log_density for each in every])
    log_density += np.log(spreads) - np.square(spreads / prior.effect_scale) / 2
    part = np.exp(log_density - log_density.max())
    return part / part.sum(), every


def _require(counts: FloatArray, weights: FloatArray) -> None:
    if len(counts) > MAX_TOPICS:
        raise RankingError(f"{len(counts)} topics are too many: {MAX_TOPICS} are the most at once.")
    if weights.shape != counts.shape[:1] or not (weights >= 0).all():
        raise ValueError("Each topic has a weight of at least 0.")
    if abs(weights.sum() - 1) > SHARES_TOLERANCE:
        raise RankingError(f"The topics' weights add up to {weights.sum():.6g}, not to 1.")


def _likelihoods(counts: FloatArray, at: FloatArray, prior: HierarchicalPrior) -> _Likelihoods:
    """Expand the likelihoods of topics at their unknowns (T, K + 2)."""
    pairs = flow(counts, moments(at[:, :-2], at[:, -2], np.exp(at[:, -1])))
    J = information(pairs)
    h = score(pairs) + np.einsum("tpq,tq->tp", J, at)
    precision = np.array([prior.side_effect_sd, prior.log_tie_sd]) ** -2.0
    J[:, [-2, -1], [-2, -1]] += precision
    h[:, -2:] += precision * [0, prior.log_tie_mean]
    inverse = np.asarray(np.linalg.inv(J[:, -2:, -2:]), float)
    to_shared = inverse @ J[:, -2:, :-2]
    shared = np.einsum("tpq,tq->tp", inverse, h[:, -2:])
    of_skills = J[:, :-2, :-2] - J[:, :-2, -2:] @ to_shared
    pull = h[:, :-2] - np.einsum("tkp,tp->tk", J[:, :-2, -2:], shared)
    values, axes = np.linalg.eigh((of_skills + of_skills.swapaxes(1, 2)) / 2)
    # Rounding must not leave less than nothing.
    return _Likelihoods(
        precision=np.maximum(values, 0),
        pull=np.einsum("tkl,tk->tl", axes, pull),
        axes=axes,
        shared=shared,
        to_shared=to_shared,
    )


def _at_spread(likelihoods: _Likelihoods, spread: float, skill_scale: float) -> _AtSpread:
    """The posterior at this τ, averaged over s."""
    precision, pull, axes = likelihoods[:3]
    variance = spread**2
    kept = 1 / (1 + variance * precision)
    back = axes.swapaxes(1, 2)
    common = ((axes * (kept * precision)[:, np.newaxis]) @ back).sum(axis=0)
    log_density, mean, covariance = _of_common(
        common, np.einsum("tkm,tm->k", axes, kept * pull), skill_scale * SKILL_SDS, skill_scale
    )
    log_density += (np.log(kept) + variance * kept * pull**2).sum() / 2
    return _AtSpread(
        spread=spread,
        log_density=log_density,
        mean=mean,
        covariance=covariance,
        base=np.einsum("tkm,tm->tk", axes, variance * kept * pull),
        share=(axes * kept[:, np.newaxis]) @ back,
    )


def _of_common(
    information: FloatArray, pull: FloatArray, sds: FloatArray, skill_scale: float
) -> tuple[float, FloatArray, FloatArray]:
    """Log density, mean (K,) and covariance (K, K) of θ from A − s⁻² and a, over a grid of s."""
    values, axes = np.linalg.eigh(information)
    along = pull @ axes
    prior = sds[:, np.newaxis] ** -2
    # Rounding must not leave less than nothing.
    variances = 1 / (np.maximum(values, 0) + prior)
    means = along * variances
    log_density = (np.log(prior * variances) + along * means).sum(axis=1) / 2
    # As for τ, the grid is even in the logarithm.
    log_density += np.log(sds) - np.square(sds / skill_scale) / 2
    part = np.exp(log_density - log_density.max())
    total = float(part.sum())
    part /= total
    mean = part @ means
    off = means - mean
    within = np.diag(part @ variances) + (off * part[:, np.newaxis]).T @ off
    return float(log_density.max()) + log(total), axes @ mean, axes @ within @ axes.T


def _root(share: FloatArray) -> FloatArray:
    """S (T, K, K) with S Sᵀ = share, which is symmetric with eigenvalues from 0 to 1."""
    values, axes = np.linalg.eigh(share)
    root: FloatArray = axes * np.sqrt(np.maximum(values, 0))[:, np.newaxis]
    return root


def _of_topics(at: _AtSpread) -> tuple[FloatArray, FloatArray]:
    """Mean (T, K) and covariance (T, K, K) of the skills in each topic."""
    common = at.share @ at.covariance @ at.share
    return at.base + at.share @ at.mean, at.spread**2 * at.share + common


def _of_mix(at: _AtSpread, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (K,) and covariance (K, K) of the weighted mean over topics."""
    share = np.einsum("t,tkl->kl", weights, at.share)
    own = at.spread**2 * np.einsum("t,tkl->kl", weights**2, at.share)
    return weights @ at.base + share @ at.mean, own + share @ at.covariance @ share


def _moments(
    part: FloatArray, found: list[tuple[FloatArray, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of a mixture of normals, with contestants adding up to 0."""
    means = np.array([mean - mean.mean(axis=-1, keepdims=True) for mean, _ in found])
    mean = np.einsum("s,s...->...", part, means)
    covariance = sum(p * each for p, (_, each) in zip(part, found, strict=True))
    centre = np.eye(mean.shape[-1]) - 1 / max(mean.shape[-1], 1)
    covariance = centre @ covariance @ centre
    off = means - mean
    return mean, covariance + np.einsum("s,s...k,s...l->...kl", part, off, off)
