"""How well tournaments of groups merge into one ranking, where the truth is known."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.boards import Engine
from leaderboards.ranking.merging import Merged, composition, merge_davidson, merge_trueskill
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.simulation import Quotas, Simulated, by_davidson, simulate
from leaderboards.ranking.trueskill import DEFAULTS, TrueSkillParameters, estimate_draw_probability
from leaderboards.ranking.uncertainty import HALF_WIDTH

BATTLES: Final = (20_000, 100_000)
SKILL_SD: Final = 3.0
HETEROGENEITY_SD: Final = 1.2
# A normal difference of performances, in sds, is close to a logit divided by 1.702.
LOG_ODDS_PER_POINT: Final = 1.702 / (sqrt(2) * DEFAULTS.beta)
# As many ties between equals, a quarter, as in the simulation for TrueSkill.
TIE_PROPENSITY: Final = 2 / 3


@dataclass(frozen=True)
class Column:
    """One number of battles `n` and one kind of `quotas`, over all seeds.

    `error` is the root mean square error of the centred overall skills, in skill points, and
    `coverage` the part of the 95 % intervals that hold the truth.
    """

    n: int
    quotas: Quotas
    error: float
    coverage: float


@dataclass(frozen=True)
class MergeResult:
    """All columns of the table."""

    columns: tuple[Column, ...]


def run(
    *,
    engine: Engine = Engine.TRUESKILL,
    battles: tuple[int, ...] = BATTLES,
    seeds: int = 30,
    first_seed: int = 0,
) -> MergeResult:
    """Merge simulated studies: 20 contestants, 12 groups on 3 axes that differ by 1.2 points.

    With balanced quotas the mix of raters is unlike the electorate, whose shares differ from
    seed to seed. Each seed's error counts as much as another's.
    """
    measured = []
    for n in battles:
        for quotas in Quotas:
            studies = [_measure(engine, n, quotas, first_seed + seed) for seed in range(seeds)]
            error, coverage = np.mean(studies, axis=0)
            measured.append(Column(n, quotas, float(error), float(coverage)))
    return MergeResult(tuple(measured))


def _measure(engine: Engine, n: int, quotas: Quotas, seed: int) -> tuple[float, float]:
    """Simulate and merge one study: error in skill points, and coverage."""
    if engine is Engine.TRUESKILL:
        study = simulate(
            battles=n,
            quotas=quotas,
            seed=seed,
            skill_sd=SKILL_SD,
            heterogeneity_sd=HETEROGENEITY_SD,
        )
        return _compare(study.skill, merge_by_trueskill(study))
    study = simulate(
        battles=n,
        quotas=quotas,
        seed=seed,
        skill_sd=SKILL_SD * LOG_ODDS_PER_POINT,
        heterogeneity_sd=HETEROGENEITY_SD * LOG_ODDS_PER_POINT,
        law=by_davidson(TIE_PROPENSITY),
    )
    error, coverage = _compare(study.skill, merge_by_davidson(study))
    return error / LOG_ODDS_PER_POINT, coverage


def merge_by_trueskill(study: Simulated) -> Merged:
    """Merge a simulated study's TrueSkill tournaments, its draw probability estimated."""
    once = slice(len(study.outcome) // (int(study.axis.max()) + 1))
    counts = count_outcomes(
        study.a[once], study.b[once], study.outcome[once], contestants=len(study.skill)
    )
    return merge_trueskill(
        study.tournament,
        study.a,
        study.b,
        study.outcome,
        contestants=len(study.skill),
        composition=composition(study.crossings),
        axis=study.axis,
        shares=study.shares,
        parameters=TrueSkillParameters(draw_probability=estimate_draw_probability(counts)),
    )


def merge_by_davidson(study: Simulated) -> Merged:
    """Merge a simulated study's Davidson tournaments."""
    counts = count_outcomes(
        study.a,
        study.b,
        study.outcome,
        contestants=len(study.skill),
        tournament=study.tournament,
        tournaments=len(study.axis),
    )
    return merge_davidson(
        counts,
        composition=composition(study.crossings),
        axis=study.axis,
        shares=study.shares,
    )


def _compare(truth: FloatArray, merged: Merged) -> tuple[float, float]:
    """Root mean square error and coverage of the 95 % intervals."""
    error = merged.skill - truth
    covered = np.abs(error) <= HALF_WIDTH * merged.sd
    return float(np.sqrt(np.square(error).mean())), float(covered.mean())
