"""The engine `davidson`: hierarchical, Bayesian, post-stratified.

Davidson's model (see `davidson`) with a contestant's skill θ_i in each cell of the electorate:

    θ_i(cell) = θ_i + (1/√A) Σ_axes u_{i, group of the cell on that axis}
    θ_i ~ Normal(0, s²)        u_ig ~ Normal(0, τ_axis²), given Σ_g share_g u_ig = 0
    s ~ half-normal            τ_axis ~ half-normal

Shares are the electorate's on each axis, so that θ_i is the overall skill whomever the study
heard, and who says nothing of an axis counts as its mix. Of θ and u only differences between
contestants are known, and reported: Σ_i = 0. The spread s is estimated like τ, so that intervals
hold although pairs were chosen by what was known of them.

Raters of one cell are taken to judge alike but for chance. Where a rater is heard many times, on
one dimension, her verdicts say less than as many raters', and the intervals are too narrow.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.davidson import connected_parts
from leaderboards.ranking.errors import DisconnectedError
from leaderboards.ranking.hierarchical_cells import CellBattles, Cells
from leaderboards.ranking.hierarchical_mode import Model, Problem, pose
from leaderboards.ranking.hierarchical_scales import Posterior, fit_given_scales, fit_scales
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import LEVEL, RIDGE

SHIFT_DRAWS: Final = 1000
# Variance that is added where nothing is uncertain.
TINY: Final = 1e-300


@dataclass(frozen=True)
class HierarchicalPrior:
    """What is assumed before the first battle, in log-odds.

    `skill_scale` and `effect_scale` are those of the half-normal priors of s and of every
    τ: with probability .95, s is below 3.9 and τ below 2. Side effect and log tie propensity are
    normal as in `DavidsonPrior`.
    """

    skill_scale: float = 2.0
    effect_scale: float = 1.0
    side_effect_sd: float = 0.5
    log_tie_mean: float = -0.5
    log_tie_sd: float = 1.5


HIERARCHICAL_PRIOR: Final = HierarchicalPrior()


@dataclass(frozen=True)
class Skills:
    """Normal skills of K contestants in one mix of people: `mean` (K,), `covariance` (K, K).

    In log-odds, adding up to 0.
    """

    mean: FloatArray
    covariance: FloatArray

    @property
    def sd(self) -> FloatArray:
        """Posterior standard deviation of each skill, (K,)."""
        return np.sqrt(np.diagonal(self.covariance))


@dataclass(frozen=True)
class HierarchicalFit:
    """Posterior of K contestants' skills, and of the effects of G groups on A axes.

    `effect` (K, 1 + G) holds θ and u/√A, `covariance` (K, 1 + G, K, 1 + G) theirs. `skill_sd` s
    and `tau` (A,) with their `log_sd` (1 + A,), the sds of their logarithms; `tie_propensity` ν
    and `side_effect` in log-odds, positive if side A gains by it, with sds. `crossed_shares`
    (G, G) is what part of the electorate is in two groups.
    """

    effect: FloatArray
    covariance: FloatArray
    skill_sd: float
    tau: FloatArray
    log_sd: FloatArray
    tie_propensity: float
    log_tie_sd: float
    side_effect: float
    side_effect_sd: float
    log_marginal: float
    axis: IntArray
    crossed_shares: FloatArray
    prior: HierarchicalPrior

    def of_electorate(self) -> Skills:
        """The skills that the electorate's cells have on average."""
        return self._of_mix(np.diagonal(self.crossed_shares))

    def of_group(self, group: int) -> Skills:
        """The skills in one group, mixed on the other axes as the electorate's group is."""
        return self._of_mix(self.mix_of_group(group))

    def mix_of_group(self, group: int) -> FloatArray:
        """What part of a group is in each group, (G,); where nobody is in it, of the electorate."""
        shares = self.crossed_shares[group]
        if shares[group] > 0:
            mix: FloatArray = shares / shares[group]
            return mix
        mix = np.where(self.axis == self.axis[group], 0.0, np.diagonal(self.crossed_shares))
        mix[group] = 1
        return mix

    def _of_mix(self, mix: FloatArray) -> Skills:
        weights = np.append(1.0, mix)
        covariance = np.einsum("ipjq,p,q->ij", self.covariance, weights, weights, optimize=True)
        return Skills(self.effect @ weights, (covariance + covariance.T) / 2)


@dataclass(frozen=True)
class RankShift:
    """Mean absolute difference of a contestant's rank in a group and overall, for A axes.

    `mean` over the posterior with 95 % interval `low` to `high`, each (A,), in ranks.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray


def fit_hierarchical(
    battles: CellBattles,
    *,
    cells: Cells,
    prior: HierarchicalPrior = HIERARCHICAL_PRIOR,
    scales: FloatArray | None = None,
    require_connected: bool = True,
) -> HierarchicalFit:
    """Fit one dimension's battles in the cells of an electorate.

    `scales` (1 + A,) fixes s and τ, which otherwise are estimated. Without an electorate,
    `cells` is NO_ELECTORATE, and the fit one tournament's. Raises DisconnectedError if the
    battles fall into parts that never met, unless `require_connected` is False.
    """
    if require_connected:
        _require_connected(battles)
    problem = pose(battles, cells, model_of(cells, prior))
    posterior = fit_scales(problem) if scales is None else fit_given_scales(problem, scales)
    return _as_fit(posterior, problem, cells, prior)


def rank_shift(fit: HierarchicalFit, *, seed: int, draws: int = SHIFT_DRAWS) -> RankShift:
    """By how many ranks groups place contestants off their overall place, by axis.

    Counted in draws of all groups' skills at once, so that noise isn't taken for disagreement.
    """
    groups, axes = len(fit.axis), len(fit.tau)
    mixes = np.array([np.diagonal(fit.crossed_shares), *map(fit.mix_of_group, range(groups))])
    size = fit.effect.size
    covariance = fit.covariance.reshape(size, size)
    # Effects that add up to 0 have a singular covariance; this much more lets it be factored.
    factor = np.linalg.cholesky(covariance + np.eye(size) * (np.trace(covariance) * RIDGE + TINY))
    noise = np.random.default_rng(seed).standard_normal((draws, size))
    effect = fit.effect + (noise @ factor.T).reshape(draws, *fit.effect.shape)
    skill = effect @ np.column_stack([np.ones(1 + groups), mixes]).T
    rank = skill.argsort(axis=1).argsort(axis=1)
    shift = np.abs(rank[:, :, 1:] - rank[:, :, :1]).sum(axis=1) / max(len(fit.effect), 1)
    of_axis = np.empty((axes, draws))
    for x in range(axes):
        of_axis[x] = shift[:, fit.axis == x].mean(axis=1)
    low, high = np.quantile(of_axis, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return RankShift(of_axis.mean(axis=1), low, high)


def model_of(cells: Cells, prior: HierarchicalPrior = HIERARCHICAL_PRIOR) -> Model:
    """The coordinates in which battles of an electorate are fitted, and their priors.

    An axis has as many columns as groups, less one: u is normal on what the shares weigh to 0.
    """
    shares = np.diagonal(cells.crossed_shares)
    columns, scale = [np.eye(1 + len(shares), 1)], [0]
    for x in range(cells.axes):
        here = np.flatnonzero(cells.axis == x)
        across = np.linalg.qr(shares[here, np.newaxis], mode="complete")[0][:, 1:]
        block = np.zeros((1 + len(shares), len(here) - 1))
        block[1 + here] = across / np.sqrt(cells.axes)
        columns.append(block)
        scale += [1 + x] * (len(here) - 1)
    return Model(
        basis=np.hstack(columns),
        column=np.array(scale),
        half_normal=np.append(prior.skill_scale, np.full(cells.axes, prior.effect_scale)),
        fixed_mean=np.array([0.0, prior.log_tie_mean]),
        fixed_sd=np.array([prior.side_effect_sd, prior.log_tie_sd]),
    )


def _require_connected(battles: CellBattles) -> None:
    contestants = len(battles.points)
    counts = np.zeros((contestants, contestants, 3))
    counts[battles.a, battles.b] = 1
    parts = connected_parts(counts)
    if len(parts) > 1:
        raise DisconnectedError(parts)


def _as_fit(
    posterior: Posterior,
    problem: Problem,
    cells: Cells,
    prior: HierarchicalPrior,
) -> HierarchicalFit:
    """Put a posterior into the model's own terms, with Σ_i = 0."""
    K, basis = problem.contestants, problem.model.basis
    size = K * basis.shape[1]
    # The likelihood knows differences only, so the overall level is independent of them and
    # projecting it out is the same as conditioning on a sum of 0.
    centre = np.eye(K) - 1 / max(K, 1)
    effect = centre @ posterior.mean[:size].reshape(K, basis.shape[1]) @ basis.T
    to_model = np.einsum("ij,gp->igjp", centre, basis).reshape(effect.size, size)
    covariance = to_model @ posterior.covariance[:size, :size] @ to_model.T
    sd = np.sqrt(np.diagonal(posterior.covariance)[size:])
    scale = np.exp(posterior.log_scale)
    return HierarchicalFit(
        effect=effect,
        covariance=covariance.reshape(*effect.shape, *effect.shape),
        axis=cells.axis,
        crossed_shares=cells.crossed_shares,
        skill_sd=float(scale[0]),
        tau=scale[1:],
        log_sd=np.sqrt(np.diagonal(posterior.log_scale_covariance)),
        tie_propensity=float(np.exp(posterior.mean[-1])),
        log_tie_sd=float(sd[1]),
        side_effect=float(posterior.mean[-2]),
        side_effect_sd=float(sd[0]),
        log_marginal=posterior.log_marginal,
        prior=prior,
    )
