"""All sections of a board from a study's verdicts: by group, for the electorate, for the sample.

A pure function of `BoardInput` and parameters, so that anybody who holds a board's public export
can compute it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Final

import numpy as np

from leaderboards.ranking.davidson import (
    DavidsonFit,
    DavidsonPrior,
    connected_parts,
    fit_tournaments,
    provisional,
)
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.merging import Merged, composition, merge_davidson, merge_trueskill
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from leaderboards.ranking.trueskill import (
    TrueSkillParameters,
    draw_margin,
    estimate_draw_probability,
    fold,
)
from leaderboards.ranking.uncertainty import (
    DavidsonScore,
    ExpectedScore,
    Summary,
    TrueSkillScore,
    summarise,
)

MAX_NAMES_IN_REFUSAL: Final = 8


class Engine(StrEnum):
    """How standings are computed."""

    DAVIDSON = "davidson"
    TRUESKILL = "trueskill"


class Scope(StrEnum):
    """For whom a section speaks."""

    ELECTORATE = "electorate"
    GROUP = "group"
    SAMPLE = "sample"


@dataclass(frozen=True)
class BoardParameters:
    """What a board's numbers depend on besides the verdicts; published with it."""

    engine: Engine = Engine.DAVIDSON
    seed: int = 1
    draws: int = 4000
    davidson: DavidsonPrior = field(default_factory=DavidsonPrior)
    trueskill: TrueSkillParameters = field(default_factory=TrueSkillParameters)


@dataclass(frozen=True)
class GroupShare:
    """A group of the electorate: its axis, its key, and its share of the population."""

    axis: str
    key: str
    share: float


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
    """What a board is computed from: K contestants by slug, G groups, the verdicts."""

    contestants: tuple[str, ...]
    groups: tuple[GroupShare, ...]
    dimensions: tuple[DimensionInput, ...]

    @property
    def axis_of_group(self) -> IntArray:
        """The index of each group's axis, (G,)."""
        axes = list(dict.fromkeys(group.axis for group in self.groups))
        return np.array([axes.index(group.axis) for group in self.groups], int)

    @property
    def shares(self) -> FloatArray:
        """Each group's share of the electorate, (G,)."""
        return np.array([group.share for group in self.groups], float)


@dataclass(frozen=True)
class Section:
    """One table of a board.

    `group` is the index of the group where the scope is one. `summary` is None where no ranking
    can be made, and `refusal` says why. `fit` holds the numbers of the model by name, `counts`
    (K, K, 3) the battles, `provisional` (K,) whether a contestant's place rests on the prior.
    """

    dimension: str
    scope: Scope
    group: int | None
    raters: int
    counts: FloatArray
    provisional: tuple[bool, ...]
    fit: dict[str, float]
    summary: Summary | None
    refusal: str


@dataclass(frozen=True)
class _Ranked:
    """What an engine makes of one section: normal skills, score function, the model's numbers."""

    mean: FloatArray
    covariance: FloatArray
    score: ExpectedScore
    fit: dict[str, float]


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


def _rank_dimension(
    given: BoardInput, dimension: DimensionInput, parameters: BoardParameters
) -> Iterator[Section]:
    engine = {Engine.DAVIDSON: _davidson, Engine.TRUESKILL: _trueskill}[parameters.engine]
    counts = dimension.counts(len(given.contestants))
    (
        everybody,
        *groups,
    ) = engine(given, dimension, counts, parameters)
    merged = groups.pop() if given.groups else None
    places: list[tuple[Scope, int | None, int, _Ranked]] = []
    if merged is not None:
        places.append((Scope.ELECTORATE, None, 0, merged))
    places.append((Scope.SAMPLE, None, 0, everybody))
    places += [(Scope.GROUP, g, 1 + g, ranked) for g, ranked in enumerate(groups)]
    for scope, group, tournament, ranked in places:
        refusal = _refusal(counts[tournament], given.contestants)
        yield Section(
            dimension=dimension.key,
            scope=scope,
            group=group,
            raters=int(dimension.raters[tournament]),
            counts=counts[tournament],
            provisional=tuple(reason is not None for reason in provisional(counts[tournament])),
            fit={} if refusal else ranked.fit,
            summary=None if refusal else _summary(ranked, given, parameters),
            refusal=refusal,
        )


def _summary(ranked: _Ranked, given: BoardInput, parameters: BoardParameters) -> Summary:
    return summarise(
        ranked.mean,
        covariance=ranked.covariance,
        names=given.contestants,
        score=ranked.score,
        seed=parameters.seed,
        draws=parameters.draws,
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
        numbers = _numbers(fits[0]) | _heterogeneity(merged, given)
        score = DavidsonScore(fits[0].tie_propensity)
        ranked.append(_Ranked(merged.skill, np.diag(merged.sd**2), score, numbers))
    return ranked


def _numbers(fit: DavidsonFit) -> dict[str, float]:
    return {
        "tie_propensity": fit.tie_propensity,
        "side_effect": fit.side_effect,
        "side_effect_sd": fit.side_effect_sd,
    }


def _heterogeneity(merged: Merged, given: BoardInput) -> dict[str, float]:
    """How far groups of an axis differ: τ of each axis, in the unit of the skills."""
    axes = dict.fromkeys(group.axis for group in given.groups)
    return {f"tau_{axis}": float(tau) for axis, tau in zip(axes, merged.tau, strict=True)}


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
    score = TrueSkillScore(prior.beta, margin)
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
        numbers = numbers | _heterogeneity(merged, given)
        ranked.append(_Ranked(prior.mu + merged.skill, np.diag(merged.sd**2), score, numbers))
    return ranked


def _refusal(counts: FloatArray, contestants: tuple[str, ...]) -> str:
    """Why these battles allow no ranking, in words; empty where they do."""
    if not counts.any():
        return "No battles yet."
    parts = connected_parts(counts)
    if len(parts) < 2:
        return ""
    named = "; ".join(_names(part, contestants) for part in parts)
    return f"The battles fall into {len(parts)} parts that never met: {named}."


def _names(part: tuple[int, ...], contestants: tuple[str, ...]) -> str:
    names = ", ".join(contestants[k] for k in islice(part, MAX_NAMES_IN_REFUSAL))
    more = len(part) - MAX_NAMES_IN_REFUSAL
    return f"{names} and {more} more" if more > 0 else names


__all__ = [
    "BoardInput",
    "BoardParameters",
    "DimensionInput",
    "Engine",
    "GroupShare",
    "RankingError",
    "Scope",
    "Section",
    "rank_board",
]
