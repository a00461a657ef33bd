"""All sections of a board from verdicts or ratings: by group, for the electorate, for the sample.

A pure function of `BoardInput` and parameters, so that anybody who holds a board's public export
can compute it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf

import numpy as np

from leaderboards.ranking.davidson import (
    DavidsonFit,
    DavidsonPrior,
    fit_tournaments,
)
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.merging import composition, merge_davidson, merge_trueskill
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from leaderboards.ranking.ratings import (
    Estimate,
    RatingPrior,
    fit_ratings,
    plain_means,
)
from leaderboards.ranking.records import Record, record_of_battles, record_of_ratings
from leaderboards.ranking.scores import RatingInput
from leaderboards.ranking.trueskill import (
    TrueSkillParameters,
    draw_margin,
    estimate_draw_probability,
    fold,
)
from leaderboards.ranking.uncertainty import (
    DavidsonScore,
    ExpectedScore,
    GaussianScore,
    Summary,
    summarise,
)


class Engine(StrEnum):
    """How standings are computed."""

    DAVIDSON = "davidson"
    TRUESKILL = "trueskill"
    RATINGS = "ratings"


class Scope(StrEnum):
    """For whom a section speaks."""

    ELECTORATE = "electorate"
    GROUP = "group"
    SAMPLE = "sample"


@dataclass(frozen=True)
class BoardParameters:
    """What a board's numbers depend on besides verdicts or ratings; published with it."""

    engine: Engine = Engine.DAVIDSON
    seed: int = 1
    draws: int = 4000
    davidson: DavidsonPrior = field(default_factory=DavidsonPrior)
    trueskill: TrueSkillParameters = field(default_factory=TrueSkillParameters)
    ratings: RatingPrior = field(default_factory=RatingPrior)


@dataclass(frozen=True)
class GroupShare:
    """A group of the electorate: its axis, its key, and its share of the population."""

    axis: str
    key: str
    share: float


def axis_of_each(groups: Sequence[GroupShare]) -> IntArray:
    """The index of each group's axis, (G,), axes in the order in which they first come."""
    axes = list(dict.fromkeys(group.axis for group in groups))
    return np.array([axes.index(group.axis) for group in groups], int)


@dataclass(frozen=True)
class DimensionInput:
    """The verdicts on one dimension. Tournament 0 is everybody, tournament 1 + g is group g.

    `tournament`, `a`, `b` and `outcome` are (V,), one entry for each verdict and tournament that
    it belongs to, each tournament's in the order of recording; or, for the engine that reads no
    order, one for each pair and outcome, with how often in `times`. `crossings` (G, G) counts the
    battles of raters who are in both groups, and `raters` (1 + G,) the raters of a tournament.
    """

    key: str
    tournament: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    times: IntArray
    crossings: IntArray
    raters: IntArray

    def counts(self, contestants: int) -> FloatArray:
        """Battles by tournament, side A, side B and outcome: (1 + G, K, K, 3)."""
        shape = (len(self.raters), contestants, contestants, len(OUTCOMES))
        place = np.ravel_multi_index((self.tournament, self.a, self.b, self.outcome), shape)
        counted = np.bincount(place, weights=self.times, minlength=int(np.prod(shape)))
        return counted.astype(float).reshape(shape)


@dataclass(frozen=True)
class BoardInput:
    """What a board is computed from: K contestants by slug, G groups, verdicts or ratings."""

    contestants: tuple[str, ...]
    groups: tuple[GroupShare, ...]
    dimensions: tuple[DimensionInput, ...] | tuple[RatingInput, ...]

    @property
    def axis_of_group(self) -> IntArray:
        """The index of each group's axis, (G,)."""
        return axis_of_each(self.groups)

    @property
    def shares(self) -> FloatArray:
        """Each group's share of the electorate, (G,)."""
        return np.array([group.share for group in self.groups], float)


@dataclass(frozen=True)
class Section:
    """One table of a board.

    `group` is the index of the group where the scope is one. `summary` is None where no ranking
    can be made. `fit` holds the numbers of the model by name.
    """

    dimension: str
    scope: Scope
    group: int | None
    raters: int
    record: Record
    fit: dict[str, float]
    summary: Summary | None


@dataclass(frozen=True)
class _Ranked:
    """What an engine makes of one section: normal skills, score function, the model's numbers.

    Skills on a scale end where it does: nothing is said beyond `lowest` and `highest`.
    """

    mean: FloatArray
    covariance: FloatArray
    score: ExpectedScore
    fit: dict[str, float]
    lowest: float = -inf
    highest: float = inf


def rank_board(
    given: BoardInput, parameters: BoardParameters, *, dimensions: Sequence[str] | None = None
) -> tuple[Section, ...]:
    """Compute all sections: for each dimension the electorate, then the sample, then each group.

    `dimensions` leaves out the others. Without groups there is no electorate, and the sample is
    all. A section whose battles fall into parts that never met is refused, naming the parts.
    """
    return tuple(
        section
        for dimension in given.dimensions
        if dimensions is None or dimension.key in dimensions
        for section in _rank_dimension(given, dimension, parameters)
    )


def rank_for_all(given: BoardInput, parameters: BoardParameters) -> Section:
    """Compute the section that speaks for all on the first dimension, and no other.

    It is the electorate's, or without groups the sample's.
    """
    return next(_rank_dimension(given, given.dimensions[0], parameters))


def _rank_dimension(
    given: BoardInput, dimension: DimensionInput | RatingInput, parameters: BoardParameters
) -> Iterator[Section]:
    everybody, *groups = _engine(given, dimension, parameters)
    merged = groups.pop() if given.groups else None
    records = _records(given, dimension)
    places: list[tuple[Scope, int | None, int, _Ranked]] = []
    if merged is not None:
        places.append((Scope.ELECTORATE, None, 0, merged))
    places.append((Scope.SAMPLE, None, 0, everybody))
    places += [(Scope.GROUP, g, 1 + g, ranked) for g, ranked in enumerate(groups)]
    for scope, group, tournament, ranked in places:
        record = records[tournament]
        yield Section(
            dimension=dimension.key,
            scope=scope,
            group=group,
            raters=int(dimension.raters[tournament]),
            record=record,
            fit={} if record.refusal else ranked.fit,
            summary=None if record.refusal else _summary(ranked, given, parameters),
        )


def _engine(
    given: BoardInput, dimension: DimensionInput | RatingInput, parameters: BoardParameters
) -> list[_Ranked]:
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


def _records(given: BoardInput, dimension: DimensionInput | RatingInput) -> list[Record]:
    """What each tournament's section rests on, everybody's first."""
    if isinstance(dimension, RatingInput):
        return [record_of_ratings(ratings) for ratings in dimension.ratings]
    counts = dimension.counts(len(given.contestants))
    return [record_of_battles(each, given.contestants) for each in counts]


def _summary(ranked: _Ranked, given: BoardInput, parameters: BoardParameters) -> Summary:
    summary = summarise(
        ranked.mean,
        covariance=ranked.covariance,
        names=given.contestants,
        score=ranked.score,
        seed=parameters.seed,
        draws=parameters.draws,
    )
    ends = ranked.lowest, ranked.highest
    return replace(
        summary,
        mean=summary.mean.clip(*ends),
        low=summary.low.clip(*ends),
        high=summary.high.clip(*ends),
    )


def _davidson(
    given: BoardInput, dimension: DimensionInput, counts: FloatArray, parameters: BoardParameters
) -> list[_Ranked]:
    """Everybody, each group, and last the merged ranking where there are groups."""
    fits = fit_tournaments(counts, prior=parameters.davidson)
    ranked = [
        _Ranked(fit.skill, fit.covariance, DavidsonScore(fit.tie_propensity), _numbers(fit))
        for fit in fits
    ]
    if given.groups:
        merged = merge_davidson(
            counts[1:],
            composition=composition(dimension.crossings),
            axis=given.axis_of_group,
            shares=given.shares,
            prior=parameters.davidson,
        )
        # Ties and sides are read from everybody: neither is a matter of post-stratification.
        numbers = _numbers(fits[0]) | _heterogeneity(merged.tau, given)
        score = DavidsonScore(fits[0].tie_propensity)
        ranked.append(_Ranked(merged.skill, np.diag(merged.sd**2), score, numbers))
    return ranked


def _numbers(fit: DavidsonFit) -> dict[str, float]:
    return {
        "tie_propensity": fit.tie_propensity,
        "side_effect": fit.side_effect,
        "side_effect_sd": fit.side_effect_sd,
    }


def _heterogeneity(tau: FloatArray, given: BoardInput) -> dict[str, float]:
    """How far groups of an axis differ: τ (A,) of each axis, in the unit of the skills."""
    axes = dict.fromkeys(group.axis for group in given.groups)
    return {f"tau_{axis}": float(sd) for axis, sd in zip(axes, tau, strict=True)}


def _trueskill(
    given: BoardInput, dimension: DimensionInput, counts: FloatArray, parameters: BoardParameters
) -> list[_Ranked]:
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
        _Ranked(mean, np.diag(sd**2), score, numbers) for mean, sd in zip(mu, sigma, strict=True)
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
        ranked.append(_Ranked(prior.mu + merged.skill, np.diag(merged.sd**2), score, numbers))
    return ranked


def _ratings(
    given: BoardInput, dimension: RatingInput, parameters: BoardParameters
) -> list[_Ranked]:
    """Everybody, each group, and last the post-stratified ranking where there are groups."""
    prior = parameters.ratings

    def ranked(estimate: Estimate, fit: dict[str, float]) -> _Ranked:
        # The same rater rates both: where she sees them alike, it is a tie.
        score = GaussianScore(estimate.spread, margin=0)
        ends = prior.lowest, prior.highest
        return _Ranked(estimate.mean, estimate.covariance, score, fit, *ends)

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


__all__ = [
    "BoardInput",
    "BoardParameters",
    "DimensionInput",
    "Engine",
    "GroupShare",
    "RankingError",
    "Scope",
    "Section",
    "axis_of_each",
    "rank_board",
    "rank_for_all",
]
