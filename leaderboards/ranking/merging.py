"""Tournaments of overlapping groups merged into one ranking that speaks for the electorate.

Multilevel regression and post-stratification. A battle is in one tournament for each axis, and
the mix of raters is not the electorate's, so neither pooling nor averaging the groups will do.
For each contestant, its centred skills in G groups are regressed on the composition of each
group's battles,

    m_g = μ + Σ_h X_gh δ_h + e_g      δ_h ~ Normal(0, τ_axis(h)²)

and the overall skill is μ + Σ_h share_h δ_h, with the electorate's shares.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.davidson import WEAK_PRIOR, DavidsonPrior, fit_tournaments
from leaderboards.ranking.errors import SharesError
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.trueskill import DEFAULTS, TrueSkillParameters, draw_margin, fold

SHARES_TOLERANCE: Final = 1e-6
# Part of the noise that two tournaments don't share where their battles are the same: each has
# its own prior and order. With .05 of it, intervals of 100,000 battles with balanced quotas
# cover .93, with .2 they cover .95; with all of it the error of 20,000 is a tenth greater.
UNSHARED_NOISE: Final = 0.2
# The spread inside the groups starts at 0; what the third round is told is within 2 % of where
# further rounds would end.
ROUNDS: Final = 3
# Relative change of the spread inside the groups at which the rounds end early.
SETTLED: Final = 0.01
MIN_CONTESTANTS: Final = 2
MAX_SCORING_STEPS: Final = 100
MAX_HALVINGS: Final = 30


@dataclass(frozen=True)
class Merged:
    """One ranking of K contestants by G groups on A axes, in the unit of the skills.

    `skill` and `sd` (K,) of the whole electorate, skills adding up to 0; `effect` and
    `effect_sd` (G, K), by how much a group departs from μ; `tau` (A,), sd of the effects of an
    axis; `noise_variance` (G,), variance of a contestant's skill among the raters of a group
    that the group's tournament was told of.
    """

    skill: FloatArray
    sd: FloatArray
    effect: FloatArray
    effect_sd: FloatArray
    tau: FloatArray
    noise_variance: FloatArray


def composition(crossings: IntArray | FloatArray) -> FloatArray:
    """Turn counts of battles whose rater is in both groups, (G, G), into the composition X.

    X_gh is the share of group g's battles whose rater is in group h: 1 for h = g, and 0 for
    another group of g's axis. The row of a group without battles is all zeros.
    """
    together = np.asarray(crossings, float)
    X: FloatArray = together / np.maximum(np.diagonal(together), 1)[:, np.newaxis]
    return X


def merge(
    skill: FloatArray,
    variance: FloatArray,
    *,
    composition: FloatArray,
    axis: IntArray,
    shares: FloatArray,
) -> Merged:
    """Merge skills (G, K) with their variances (G, K) into one ranking for the electorate.

    `composition` is X (G, G), see the function of that name; where raters have no group on an
    axis, they count as the electorate's mix of it. `axis` (G,) gives each group's axis,
    0 … A−1; `shares` (G,) are the electorate's and add up to 1 on each axis, or SharesError is
    raised. A group without battles (a row of zeros) is left out: its effect is 0 with the sd of
    its axis. With no battles, or fewer than two contestants, there is nothing to compare:
    skills are 0 with the sd that came in.
    """
    skill, variance = np.asarray(skill, float), np.asarray(variance, float)
    axis, shares = np.asarray(axis), np.asarray(shares, float)
    require_shares(axis, shares)
    groups, contestants = skill.shape
    axes = int(axis.max(initial=-1)) + 1
    played = np.diagonal(composition) > 0
    if contestants < MIN_CONTESTANTS or not played.any():
        nothing = np.zeros((groups, contestants))
        sd = np.sqrt(variance.max(axis=0, initial=0))
        return Merged(nothing.sum(axis=0), sd, nothing, nothing, np.zeros(axes), np.zeros(groups))
    data = _Regression(
        skill=_centred(skill[played], variance[played]),
        noise=_noise(variance[played], composition[np.ix_(played, played)], axes),
        X=_completed(composition[played], axis, shares),
        on_axis=(axis == np.arange(axes)[:, np.newaxis]).astype(float),
    )
    tau_squared = _restricted_maximum_likelihood(data)
    return _post_stratify(_normal_equations(data, tau_squared), tau_squared, axis, shares)


def merge_trueskill(
    tournament: IntArray,
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    *,
    contestants: int,
    composition: FloatArray,
    axis: IntArray,
    shares: FloatArray,
    parameters: TrueSkillParameters = DEFAULTS,
    compiled: bool | None = None,
) -> Merged:
    """Fold battles into a TrueSkill tournament for each group, and merge: skill points.

    `tournament`, `a`, `b` and `outcome` are as in `fold`, groups numbered as in `axis` (G,): a
    battle is there once for each group of its rater. `composition` and `shares` are as in
    `merge`. Skills are about 0, not about the prior's mean.
    """
    shape = len(axis), contestants

    def tournaments(noise_variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        beta = np.sqrt(parameters.beta**2 + noise_variance)
        margin = draw_margin(parameters.draw_probability, beta=1) * beta
        start = np.full(shape, parameters.mu), np.full(shape, parameters.sigma)
        battles = tournament, a, b, outcome
        mu, sigma = fold(*start, *battles, beta=beta, margin=margin, compiled=compiled)
        return mu, sigma**2

    return _merge_with_spread(tournaments, composition, axis, shares)


def merge_davidson(
    counts: FloatArray,
    *,
    composition: FloatArray,
    axis: IntArray,
    shares: FloatArray,
    prior: DavidsonPrior = WEAK_PRIOR,
) -> Merged:
    """Fit each group's tournament from counts (G, K, K, 3) by Davidson, and merge: log-odds."""

    def tournaments(noise_variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        fits = fit_tournaments(counts, prior=prior, noise_variance=noise_variance)
        shape = counts.shape[:2]
        skill = np.array([fit.skill for fit in fits]).reshape(shape)
        return skill, np.array([fit.sd**2 for fit in fits]).reshape(shape)

    return _merge_with_spread(tournaments, composition, axis, shares)


def spread_inside_groups(tau: FloatArray, composition: FloatArray, axis: IntArray) -> FloatArray:
    """Variance of a contestant's skill among the raters of each group, (G,).

    Raters of one group differ on the other axes. Effects of variance τ², mixed in shares X_gh,
    have variance τ² (1 − Σ_h X_gh²) on an axis, and the axes add up. A tournament takes it for
    noise of performance: not told of it, it sees skills too close together.
    """
    on_axis = axis == np.arange(len(tau))[:, np.newaxis]
    has_battles = composition.any(axis=1, keepdims=True).astype(float)
    mixed = has_battles - np.square(composition) @ on_axis.T
    spread: FloatArray = mixed @ np.square(tau)
    return spread


def require_shares(axis: IntArray, shares: FloatArray) -> None:
    """Raise SharesError unless the shares (G,) of each axis are at least 0 and add up to 1."""
    if not (shares >= 0).all():
        raise ValueError("Shares are numbers of at least 0.")
    for x in np.unique(axis):
        total = float(shares[axis == x].sum())
        if abs(total - 1) > SHARES_TOLERANCE:
            raise SharesError(int(x), total)


class _Regression(NamedTuple):
    """Centred skills (K, G) with their noise (K, G, G), X (G, H) and the axes of H (A, H)."""

    skill: FloatArray
    noise: FloatArray
    X: FloatArray
    on_axis: FloatArray


class _NormalEquations(NamedTuple):
    """The regression solved at given τ², V being the marginal covariance of the skills.

    `mean` (K,) estimates μ and `weight` (K,) is its precision 1ᵀV⁻¹1. With P the projection
    V⁻¹ − V⁻¹11ᵀV⁻¹/weight, `q` (K, H) is XᵀP·skill and `M` (K, H, H) is XᵀPX; `shared` (K, H)
    is 1ᵀV⁻¹X. `log_likelihood` is the restricted one.
    """

    mean: FloatArray
    weight: FloatArray
    shared: FloatArray
    q: FloatArray
    M: FloatArray
    log_likelihood: float


def _merge_with_spread(
    tournaments: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    composition: FloatArray,
    axis: IntArray,
    shares: FloatArray,
) -> Merged:
    """Merge what `tournaments` makes of a noise variance (G,), until it agrees with the merger.

    τ comes from the merged ranking and the spread inside groups from τ, but the tournaments
    that are merged want to know the spread first: so it begins at 0 and goes round.
    """
    completed = _completed(composition, axis, shares)
    spread = np.zeros(len(axis))
    for _ in range(ROUNDS):
        told = spread
        skill, variance = tournaments(told)
        merged = merge(skill, variance, composition=composition, axis=axis, shares=shares)
        spread = spread_inside_groups(merged.tau, completed, axis)
        if np.allclose(spread, told, rtol=SETTLED, atol=0):
            break
    return replace(merged, noise_variance=told)


def _completed(X: FloatArray, axis: IntArray, shares: FloatArray) -> FloatArray:
    """Fill up rows (G, H) to 1 on each axis, for raters without a group, with the shares.

    The rows of groups without battles stay zeros.
    """
    same_axis = axis[:, np.newaxis] == axis
    missing = X.any(axis=1, keepdims=True) - X @ same_axis
    completed: FloatArray = X + missing * shares
    return completed


def _centred(skill: FloatArray, variance: FloatArray) -> FloatArray:
    """Centre skills (G, K) in each group, by precision, and turn them into (K, G).

    A contestant that has hardly played in a group must not move the others there.
    """
    precision = 1 / variance
    level = (skill * precision).sum(axis=1, keepdims=True) / precision.sum(axis=1, keepdims=True)
    centred: FloatArray = (skill - level).T
    return centred


def _noise(variance: FloatArray, X: FloatArray, axes: int) -> FloatArray:
    """Covariance of the groups' errors for each contestant, (K, G, G).

    Groups g and h have the share √(X_gh X_hg) of their battles in common, and that is the
    correlation of their errors; taking them for independent would count each battle A times.
    A part is taken as not shared, with A times the variance to make up for just that.
    """
    sd = np.sqrt(variance).T
    shared = np.sqrt(X * X.T) * sd[:, :, np.newaxis] * sd[:, np.newaxis]
    unshared = axes * variance.T[:, :, np.newaxis] * np.eye(len(X))
    noise: FloatArray = (1 - UNSHARED_NOISE) * shared + UNSHARED_NOISE * unshared
    return noise


def _normal_equations(data: _Regression, tau_squared: FloatArray) -> _NormalEquations:
    """Solve each contestant's regression at these τ² (A,)."""
    spread = tau_squared @ data.on_axis
    V = data.noise + (data.X * spread) @ data.X.T
    inverse = np.linalg.inv(V)
    ones = inverse.sum(axis=2)
    weight = ones.sum(axis=1)
    mean = (ones * data.skill).sum(axis=1) / weight
    solved = np.einsum("kgh,kh->kg", inverse, data.skill - mean[:, np.newaxis])
    shared = ones @ data.X
    M = data.X.T @ inverse @ data.X
    M -= shared[:, :, np.newaxis] * shared[:, np.newaxis] / weight[:, np.newaxis, np.newaxis]
    deviance = (np.linalg.slogdet(V)[1] + np.log(weight)).sum() * _freedom(data)
    deviance += (data.skill * solved).sum()
    return _NormalEquations(mean, weight, shared, solved @ data.X, M, -float(deviance) / 2)


def _freedom(data: _Regression) -> float:
    """Part of the contestants' freedom that is left after centring, (K − 1)/K."""
    return 1 - 1 / len(data.skill)


def _restricted_maximum_likelihood(data: _Regression) -> FloatArray:
    """Estimate τ² (A,) over all contestants, by Fisher scoring that stays at or above 0.

    An axis of which only one group has battles says nothing of its τ: it gets the mean of the
    other axes' τ².
    """
    axes = len(data.on_axis)
    tau_squared = np.full(axes, np.square(data.skill).mean() / axes)
    normal = _normal_equations(data, tau_squared)
    reach = data.on_axis @ np.einsum("khh->h", normal.M) * tau_squared.mean()
    identified = reach > 1e-9 * len(data.skill)
    tau_squared[~identified] = 0
    normal = _normal_equations(data, tau_squared)
    for _ in range(MAX_SCORING_STEPS):
        trace = data.on_axis @ np.einsum("khh->h", normal.M) * _freedom(data)
        score = data.on_axis @ np.square(normal.q).sum(axis=0) - trace
        free = identified & ((tau_squared > 0) | (score > 0))
        if not free.any():
            break
        information = data.on_axis @ np.square(normal.M).sum(axis=0) @ data.on_axis.T
        step = np.zeros(axes)
        # Axes that split the raters alike can't be told apart: then least squares halves τ².
        block = information[np.ix_(free, free)] * _freedom(data)
        step[free] = np.linalg.lstsq(block, score[free])[0]
        before = tau_squared
        tau_squared, normal = _halved_step(data, before, step, normal)
        if np.abs(tau_squared - before).max() <= 1e-8 * np.abs(tau_squared).max():
            break
    if identified.any():
        tau_squared[~identified] = tau_squared[identified].mean()
    return tau_squared


def _halved_step(
    data: _Regression, tau_squared: FloatArray, step: FloatArray, normal: _NormalEquations
) -> tuple[FloatArray, _NormalEquations]:
    """Take the step, clipped at 0, halved until it doesn't lower the restricted likelihood."""
    for _ in range(MAX_HALVINGS):
        moved = np.maximum(tau_squared + step, 0)
        after = _normal_equations(data, moved)
        if after.log_likelihood >= normal.log_likelihood:
            return moved, after
        step = step / 2
    return tau_squared, normal


def _post_stratify(
    normal: _NormalEquations, tau_squared: FloatArray, axis: IntArray, shares: FloatArray
) -> Merged:
    """Weigh μ and the groups' effects with the electorate's shares, and carry the variances."""
    spread = tau_squared[axis]
    weighted = spread * shares
    effect = spread[:, np.newaxis] * normal.q.T
    effect_variance = spread - spread**2 * np.einsum("khh->kh", normal.M)
    skill = normal.mean + shares @ effect
    variance = (1 - 2 * normal.shared @ weighted) / normal.weight
    variance += weighted @ shares - np.einsum("h,khl,l->k", weighted, normal.M, weighted)
    return Merged(
        skill=skill - skill.mean(),
        sd=np.sqrt(variance),
        effect=effect,
        effect_sd=np.sqrt(np.maximum(effect_variance, 0)).T,
        tau=np.sqrt(tau_squared),
        noise_variance=np.zeros(len(axis)),
    )
