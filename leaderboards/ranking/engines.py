"""The engines of a board: each makes normal skills and a score of one dimension's answers."""

from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.hierarchical import (
    HierarchicalFit,
    Skills,
    fit_hierarchical,
    rank_shift,
)
from leaderboards.ranking.hierarchical_cells import (
    NO_ELECTORATE,
    Cells,
    design_effect,
    spread_over_cells,
)
from leaderboards.ranking.inputs import BoardInput, BoardParameters, DimensionInput, Engine
from leaderboards.ranking.merging import composition, merge_trueskill
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.ratings import Estimate, fit_ratings, plain_means
from leaderboards.ranking.scores import RatingInput
from leaderboards.ranking.trueskill import draw_margin, estimate_draw_probability, fold
from leaderboards.ranking.uncertainty import DavidsonScore, ExpectedScore, GaussianScore

# By which a group's share may differ from that of its cells: shares are published in rounded parts.
TOLERANCE: Final = 1e-4


@dataclass(frozen=True)
class Ranked:
    """What an engine makes of one section: normal skills, score function, the model's numbers.

    Skills on a scale end where it does: nothing is said beyond `lowest` and `highest`.
    """

    mean: FloatArray
    covariance: FloatArray
    score: ExpectedScore
    fit: dict[str, float]
    lowest: float = -inf
    highest: float = inf


def rank(
    given: BoardInput, dimension: DimensionInput | RatingInput, parameters: BoardParameters
) -> list[Ranked]:
    """Everybody, each group, and last the merged ranking where there are groups."""
    if isinstance(dimension, RatingInput):
        if parameters.engine is Engine.RATINGS:
            return _ratings(given, dimension, parameters)
        raise RankingError(f"Ratings can't be ranked by {parameters.engine}.")
    counts = dimension.counts(len(given.contestants))
    if parameters.engine is Engine.DAVIDSON:
        return _davidson(given, dimension, counts, parameters)
    if parameters.engine is Engine.TRUESKILL:
        return _trueskill(given, dimension, counts, parameters)
    raise RankingError("Verdicts can't be ranked as ratings.")


def _davidson(
    given: BoardInput, dimension: DimensionInput, counts: FloatArray, parameters: BoardParameters
) -> list[Ranked]:
    """Everybody, each group, and last the electorate where there are groups."""
    no_groups = np.zeros((0, 0))
    everybody = _fit(counts[:1], no_groups, NO_ELECTORATE, parameters)
    ranked = [_of_skills(everybody.of_electorate(), everybody, _numbers(everybody))]
    if given.groups:
        _require_one_electorate(given)
        fit = _fit(counts, dimension.crossings, given.cells, parameters)
        numbers = _numbers(fit) | _heterogeneity(fit.tau, given)
        groups = range(len(given.groups))
        ranked += [_of_skills(fit.of_group(g), fit, numbers) for g in groups]
        numbers = numbers | _of_the_whole(given, dimension, counts, fit, parameters)
        ranked.append(_of_skills(fit.of_electorate(), fit, numbers))
    return ranked


def _require_one_electorate(given: BoardInput) -> None:
    """Raise RankingError unless the groups' shares are those of their cells."""
    of_cells = np.diagonal(given.cells.crossed_shares)
    if len(of_cells) != len(given.groups) or np.abs(of_cells - given.shares).max() > TOLERANCE:
        raise RankingError("The shares of the groups are not those of their cells.")


def _fit(
    counts: FloatArray, crossings: FloatArray | IntArray, cells: Cells, parameters: BoardParameters
) -> HierarchicalFit:
    """Fit tables of groups. Whether everybody's battles hang together is asked elsewhere."""
    battles = spread_over_cells(counts, crossings, cells=cells)
    prior = parameters.hierarchical
    return fit_hierarchical(battles, cells=cells, prior=prior, require_connected=False)


def _of_skills(skills: Skills, fit: HierarchicalFit, numbers: dict[str, float]) -> Ranked:
    return Ranked(skills.mean, skills.covariance, DavidsonScore(fit.tie_propensity), numbers)


def _numbers(fit: HierarchicalFit) -> dict[str, float]:
    return {
        "tie_propensity": fit.tie_propensity,
        "side_effect": fit.side_effect,
        "side_effect_sd": fit.side_effect_sd,
        "skill_sd": fit.skill_sd,
    }


def _of_the_whole(
    given: BoardInput,
    dimension: DimensionInput,
    counts: FloatArray,
    fit: HierarchicalFit,
    parameters: BoardParameters,
) -> dict[str, float]:
    """What is said of the electorate alone: the effective number of battles, and rank shifts."""
    battles = float(counts[0].sum())
    effect = design_effect(dimension.crossings, battles, cells=given.cells)
    shift = rank_shift(fit, seed=parameters.seed)
    numbers = {"effective_battles": battles / effect}
    for x, axis in enumerate(dict.fromkeys(group.axis for group in given.groups)):
        numbers[f"rank_shift_{axis}"] = float(shift.mean[x])
        numbers[f"rank_shift_low_{axis}"] = float(shift.low[x])
        numbers[f"rank_shift_high_{axis}"] = float(shift.high[x])
    return numbers


def _heterogeneity(tau: FloatArray, given: BoardInput) -> dict[str, float]:
    """How far groups of an axis differ: τ (A,) of each axis, in the unit of the skills."""
    axes = dict.fromkeys(group.axis for group in given.groups)
    return {f"tau_{axis}": float(sd) for axis, sd in zip(axes, tau, strict=True)}


def _trueskill(
    given: BoardInput, dimension: DimensionInput, counts: FloatArray, parameters: BoardParameters
) -> list[Ranked]:
    """Everybody, each group, and last the merged ranking where there are groups."""
    prior = parameters.trueskill
    draw_probability = estimate_draw_probability(counts[0])
    margin = draw_margin(draw_probability, beta=prior.beta)
    shape = counts.shape[:2]
    mu, sigma = fold(
        np.full(shape, prior.mu),
        np.full(shape, prior.sigma),
        dimension.tournament,
        dimension.a,
        dimension.b,
        dimension.outcome,
        beta=np.full(len(counts), prior.beta),
        margin=np.full(len(counts), margin),
    )
    score = GaussianScore(prior.beta, margin)
    numbers = {"draw_probability": draw_probability}
    ranked = [
        Ranked(mean, np.diag(sd**2), score, numbers) for mean, sd in zip(mu, sigma, strict=True)
    ]
    if given.groups:
        in_group = dimension.tournament > 0
        merged = merge_trueskill(
            dimension.tournament[in_group] - 1,
            dimension.a[in_group],
            dimension.b[in_group],
            dimension.outcome[in_group],
            contestants=len(given.contestants),
            composition=composition(dimension.crossings),
            axis=given.axis_of_group,
            shares=given.shares,
            parameters=replace(prior, draw_probability=draw_probability),
        )
        numbers = numbers | _heterogeneity(merged.tau, given)
        ranked.append(Ranked(prior.mu + merged.skill, np.diag(merged.sd**2), score, numbers))
    return ranked


def _ratings(
    given: BoardInput, dimension: RatingInput, parameters: BoardParameters
) -> list[Ranked]:
    """Everybody, each group, and last the post-stratified ranking where there are groups."""
    prior = parameters.ratings

    def ranked(estimate: Estimate, fit: dict[str, float]) -> Ranked:
        # The same rater rates both: where she sees them alike, it is a tie.
        score = GaussianScore(estimate.spread, margin=0)
        ends = prior.lowest, prior.highest
        return Ranked(estimate.mean, estimate.covariance, score, fit, *ends)

    everybody = plain_means(dimension, prior)
    unweighted = {"rater_sd": everybody.rater_sd, "residual_sd": everybody.spread}
    if not given.groups:
        return [ranked(everybody, unweighted)]
    fit = fit_ratings(dimension, axis=given.axis_of_group, shares=given.shares, prior=prior)
    numbers = {"rater_sd": fit.rater_sd, "residual_sd": fit.residual_sd}
    numbers |= _heterogeneity(fit.tau, given)
    groups = [fit.of_group(g) for g in range(len(given.groups))]
    return [
        ranked(everybody, unweighted),
        *(ranked(estimate, numbers) for estimate in (*groups, fit.of_electorate())),
    ]
