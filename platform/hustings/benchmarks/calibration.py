"""Whether the hierarchical engine's intervals hold what they say, where the truth is known.

Simulation-based calibration: every data set has a truth of its own, drawn from what the model
assumes, the scales included; over them, 95 of 100 intervals have to hold it.

Two countries of three axes each, age (3 groups in both), ethnicity (4 and 4) and politics (3 and
5), make 22 groups on 6 axes. Who is in a country is on its three axes, and on the others of it
in no group. The study hears as many of each of the 96 cells, whatever its share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
from django.core.management.base import CommandError

from hustings.benchmarks.kernel import peak_mib
from leaderboards.ranking.davidson import fit_tournaments
from leaderboards.ranking.hierarchical import (
    HIERARCHICAL_PRIOR,
    HierarchicalFit,
    Skills,
    fit_hierarchical,
    model_of,
    rank_shift,
)
from leaderboards.ranking.hierarchical_cells import (
    UNSAID,
    CellBattles,
    Cells,
    count_by_cell,
    spread_over_cells,
)
from leaderboards.ranking.hierarchical_mode import Problem, pose
from leaderboards.ranking.outcomes import FloatArray, IntArray, count_outcomes
from leaderboards.ranking.simulation import by_davidson, count_crossings
from leaderboards.ranking.uncertainty import HALF_WIDTH, LEVEL, DavidsonScore, summarise

CONTESTANTS: Final = 28
COUNTRIES: Final = ((3, 4, 3), (3, 4, 5))
POPULATIONS: Final = (0.7, 0.3)
# All six axes crossed: as many cells as a study may see battles of, for the timing.
CROSSED: Final = (4, 4, 4, 4, 3, 3)
BATTLES: Final = 24_000
MANY_BATTLES: Final = 120_000
DIMENSIONS: Final = 5
DRAWS: Final = 2000
WARM_UP: Final = 500
SAMPLES: Final = 1500


@dataclass(frozen=True)
class CalibrationResult:
    """What a run measured over `n` data sets.

    `coverage_overall` and `coverage_group` are the parts of 95 % intervals of skills that hold
    the truth. `coverage_rank` is that of ranks, a rank at the end of an interval counting by
    the part of it that makes 95 % of the posterior; `coverage_rank_whole` counts whole ranks, as
    a board prints them, and these hold more. The errors of groups' skills, root mean squares,
    are given by that of groups' own tournaments, of one tournament of everybody, and of a fit
    that knows the cell of every battle instead of the groups' tables.

    `fit_s` is of one fit of 120,000 battles in up to 2,304 cells, `boards_s` of all sections of
    five dimensions from the groups' tables. The last four compare the posterior with one drawn
    by NUTS: the largest difference of means, in its sds, and the ratios of sds.
    """

    n: int
    coverage_group: float
    coverage_overall: float
    coverage_rank: float
    coverage_rank_whole: float
    error_ratio_to_no_pooling: float
    error_ratio_to_flat: float
    error_ratio_to_cells: float
    fit_s: float
    boards_s: float
    peak_mib: float
    nuts_mean_difference: float | None = None
    nuts_lowest_sd_ratio: float | None = None
    nuts_highest_sd_ratio: float | None = None
    nuts_s: float | None = None


class Size(NamedTuple):
    """How large a study is."""

    battles: int = BATTLES
    contestants: int = CONTESTANTS


class Study(NamedTuple):
    """A simulated study: battles (N,), and the true skills (1 + G, K) of everybody and groups."""

    cells: Cells
    cell: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    truth: FloatArray

    @property
    def contestants(self) -> int:
        """How many contestants there are, K."""
        return len(self.truth.T)

    @property
    def by_cell(self) -> CellBattles:
        """The battles counted by the cell of their rater."""
        of_battles = self.cell, self.a, self.b, self.outcome
        return count_by_cell(*of_battles, cells=self.cells, contestants=self.contestants)

    @property
    def by_group(self) -> tuple[FloatArray, IntArray]:
        """The tables that a board publishes: counts (1 + G, K, K, 3) and crossings (G, G)."""
        group = self.cells.groups[self.cell].T
        groups = len(self.cells.axis)
        tournament = np.append(np.zeros((1, len(self.cell)), int), 1 + group, axis=0)
        said = tournament > UNSAID + 1
        said[0] = True
        columns = (
            np.broadcast_to(column, said.shape)[said] for column in (self.a, self.b, self.outcome)
        )
        counts = count_outcomes(
            *columns,
            contestants=self.contestants,
            tournament=tournament[said],
            tournaments=1 + groups,
        )
        # Who is in no group of an axis is counted as group number G, and left out.
        crossings = count_crossings(np.where(group == UNSAID, groups, group), groups=groups + 1)
        return counts, crossings[:groups, :groups]


def run(
    n: int = 200,
    *,
    nuts: bool = False,
    battles: int = BATTLES,
    many_battles: int = MANY_BATTLES,
    dimensions: int = DIMENSIONS,
    contestants: int = CONTESTANTS,
    first_seed: int = 0,
) -> CalibrationResult:
    """Fit `n` data sets of so many battles and contestants, and compare with their truths.

    `many_battles` are for the time of one fit, `dimensions` for that of all boards.
    """
    size = Size(battles, contestants)
    nuts_figures = compare_with_nuts(size, first_seed) if nuts else {}
    fit_s = _seconds_of_a_fit(Size(many_battles, contestants), first_seed)
    boards_s = _seconds_of_boards(dimensions, size, first_seed)
    sets = [_measure(size, first_seed + seed) for seed in range(n)]
    overall, group, rank, whole = (
        float(np.mean([each.covered[column] for each in sets])) for column in range(4)
    )
    error, alone, flat, by_cell = np.mean([each.errors for each in sets], axis=0)
    return CalibrationResult(
        n=n,
        coverage_group=group,
        coverage_overall=overall,
        coverage_rank=rank,
        coverage_rank_whole=whole,
        error_ratio_to_no_pooling=float(error / alone),
        error_ratio_to_flat=float(error / flat),
        error_ratio_to_cells=float(error / by_cell),
        fit_s=fit_s,
        boards_s=boards_s,
        peak_mib=peak_mib(),
        **nuts_figures,
    )


def two_countries(rng: np.random.Generator) -> Cells:
    """Cells of two countries that have no axis in common, with uneven shares."""
    sizes = [size for country in COUNTRIES for size in country]
    starts = np.cumsum([0, *sizes])
    groups, shares = [], []
    for number, (country, population) in enumerate(zip(COUNTRIES, POPULATIONS, strict=True)):
        axes = np.arange(len(country)) + number * len(country)
        inside = np.indices(country).reshape(len(country), -1).T
        of_country = np.full((len(inside), len(sizes)), UNSAID)
        of_country[:, axes] = inside + starts[axes]
        groups.append(of_country)
        shares.append(population * rng.dirichlet(np.full(len(inside), 2.0)))
    axis = np.repeat(np.arange(len(sizes)), sizes)
    return Cells(axis, np.concatenate(groups), np.concatenate(shares))


def draw_study(cells: Cells, rng: np.random.Generator, size: Size) -> Study:
    """Draw a truth from the priors, and battles of pairs at random in every cell alike."""
    battles, contestants = size
    prior, model = HIERARCHICAL_PRIOR, model_of(cells)
    scale = np.abs(rng.normal(0, model.half_normal))[model.column]
    effect = rng.normal(0, scale, (contestants, len(scale))) @ model.basis.T
    effect -= effect.mean(axis=0)
    side = rng.normal(0, prior.side_effect_sd)
    tie_propensity = float(np.exp(rng.normal(prior.log_tie_mean, prior.log_tie_sd)))
    cell = rng.integers(0, len(cells.share), battles)
    a = rng.integers(0, contestants, battles)
    b = (a + rng.integers(1, contestants, battles)) % contestants
    of_cell = np.column_stack([np.ones(len(cells.share)), cells.members]) @ effect.T
    outcome = by_davidson(tie_propensity)(of_cell[cell, a] - of_cell[cell, b] + side, rng)
    inside = cells.members * cells.share[:, np.newaxis]
    groups = (inside / inside.sum(axis=0)).T @ of_cell
    return Study(cells, cell, a, b, outcome, np.vstack([cells.share @ of_cell, groups]))


class _Measured(NamedTuple):
    """Coverage overall, of groups, of ranks, and of whole ranks; and the four errors of groups."""

    covered: tuple[float, float, float, float]
    errors: tuple[float, float, float, float]


def _measure(size: Size, seed: int) -> _Measured:
    """Simulate one data set, fit it from the tables of groups, and compare."""
    rng = np.random.default_rng(seed)
    study = draw_study(two_countries(rng), rng, size)
    counts, crossings = study.by_group
    cells, truth = study.cells, study.truth
    fit = fit_hierarchical(spread_over_cells(counts, crossings, cells=cells), cells=cells)
    sections = list(_sections(fit))
    z = np.array(
        [(skills.mean - true) / skills.sd for skills, true in zip(sections, truth, strict=True)]
    )
    held = np.abs(z) <= HALF_WIDTH
    ranks = [_rank_coverage(s, true, seed) for s, true in zip(sections, truth, strict=True)]
    rank, whole = np.mean(ranks, axis=0)
    tournaments = np.array([each.skill for each in fit_tournaments(counts)])
    informed = fit_hierarchical(study.by_cell, cells=cells)
    guesses = (
        np.array([skills.mean for skills in sections[1:]]),
        tournaments[1:],
        tournaments[:1],
        np.array([skills.mean for skills in list(_sections(informed))[1:]]),
    )
    errors = [float(np.sqrt(np.square(guess - truth[1:]).mean())) for guess in guesses]
    return _Measured(
        (float(held[0].mean()), float(held[1:].mean()), float(rank), float(whole)),
        (errors[0], errors[1], errors[2], errors[3]),
    )


def _sections(fit: HierarchicalFit) -> Iterator[Skills]:
    """Everybody's skills, then each group's."""
    yield fit.of_electorate()
    yield from map(fit.of_group, range(len(fit.axis)))


def _rank_coverage(skills: Skills, truth: FloatArray, seed: int) -> tuple[float, float]:
    """Part of the true ranks inside the intervals, with their ends in part, and whole."""
    true = (-truth).argsort().argsort()
    covariance = skills.covariance
    ridge = np.trace(covariance) * 1e-10 * np.eye(len(true))
    noise = np.random.default_rng(seed).standard_normal((DRAWS, len(true)))
    drawn = skills.mean + noise @ np.linalg.cholesky(covariance + ridge).T
    rank = (-drawn).argsort(axis=1).argsort(axis=1)
    below, here = (rank < true).mean(axis=0), (rank == true).mean(axis=0)
    tail = (1 - LEVEL) / 2
    # Where the true rank lies in the posterior, spread evenly over the chance of that rank.
    end = np.clip([tail, 1 - tail] - below[:, np.newaxis], 0, here[:, np.newaxis])
    certain = (below > tail) & (below < 1 - tail)
    part = np.where(here > 0, np.diff(end)[:, 0] / np.maximum(here, 1 / DRAWS), certain)
    whole = (below + here > tail) & (below < 1 - tail)
    return float(part.mean()), float(whole.mean())


def _seconds_of_a_fit(size: Size, seed: int) -> float:
    """Time one fit of many battles with its search for τ, from counts by cell."""
    rng = np.random.default_rng(seed)
    axis = np.repeat(np.arange(len(CROSSED)), CROSSED)
    shares = np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in CROSSED])
    study = draw_study(Cells.of_margins(axis, shares), rng, size)
    counted = study.by_cell
    start = perf_counter()
    fit_hierarchical(counted, cells=study.cells, require_connected=False)
    return perf_counter() - start


def _seconds_of_boards(dimensions: int, size: Size, seed: int) -> float:
    """Time all that is reported of some dimensions, from the tables that a board publishes."""
    rng = np.random.default_rng(seed)
    cells = two_countries(rng)
    tables = [draw_study(cells, rng, size).by_group for _ in range(dimensions)]
    names = [f"{k:02}" for k in range(size.contestants)]
    start = perf_counter()
    for counts, crossings in tables:
        fit = fit_hierarchical(spread_over_cells(counts, crossings, cells=cells), cells=cells)
        score = DavidsonScore(fit.tie_propensity)
        for skills in _sections(fit):
            summarise(
                skills.mean, covariance=skills.covariance, names=names, score=score, seed=seed
            )
        rank_shift(fit, seed=seed)
    return perf_counter() - start


def compare_with_nuts(
    size: Size, seed: int, *, warm_up: int = WARM_UP, samples: int = SAMPLES
) -> dict[str, float]:
    """Draw the same posterior by NUTS, and compare the skills of everybody and of groups."""
    rng = np.random.default_rng(seed)
    study = draw_study(two_countries(rng), rng, size)
    fit = fit_hierarchical(study.by_cell, cells=study.cells)
    problem = pose(study.by_cell, study.cells, model_of(study.cells))
    start = perf_counter()
    drawn = draw_by_nuts(problem, seed=seed, warm_up=warm_up, samples=samples)
    elapsed = perf_counter() - start
    crossed = study.cells.crossed_shares
    mixes = [np.diagonal(crossed), *map(fit.mix_of_group, range(len(crossed)))]
    weights = np.column_stack([np.ones(len(mixes)), mixes]) @ problem.model.basis
    skill = np.einsum("dkp,sp->dsk", drawn, weights, optimize=True)
    skill -= skill.mean(axis=2, keepdims=True)
    mean, sd = skill.mean(axis=0), skill.std(axis=0)
    sections = list(_sections(fit))
    ratio = np.array([skills.sd for skills in sections]) / sd
    difference = np.array([skills.mean for skills in sections]) - mean
    return {
        "nuts_mean_difference": float((np.abs(difference) / sd).max()),
        "nuts_lowest_sd_ratio": float(ratio.min()),
        "nuts_highest_sd_ratio": float(ratio.max()),
        "nuts_s": elapsed,
    }


def draw_by_nuts(problem: Problem, *, seed: int, warm_up: int, samples: int) -> FloatArray:
    """Draw coefficients (D, K, P) from the posterior by the No-U-Turn sampler, in two chains.

    The scales, too, are drawn. Needs the extra `nuts`; raises CommandError without it.
    """
    try:
        import jax
        import numpyro
    except ModuleNotFoundError as error:
        raise CommandError("NUTS needs the extra: pip install hustings[nuts]") from error
    numpyro.set_host_device_count(2)
    numpyro.enable_x64()
    model, battles = problem.model, problem.battles
    normal, half_normal = numpyro.distributions.Normal, numpyro.distributions.HalfNormal

    def posterior() -> Any:
        scale = numpyro.sample("scale", half_normal(model.half_normal))
        shape = [problem.contestants, len(model.column)]
        B = numpyro.sample("raw", normal(0, 1).expand(shape)) * scale[model.column]
        side, log_tie = numpyro.sample("fixed", normal(model.fixed_mean, model.fixed_sd))
        skill = problem.z @ B.T
        half = (skill[battles.cell, battles.a] - skill[battles.cell, battles.b] + side) / 2
        ways = jax.numpy.stack([half, jax.numpy.full_like(half, log_tie), -half])
        point = jax.numpy.append(B.ravel(), jax.numpy.stack([side, log_tie]))
        log_total = jax.nn.logsumexp(ways, axis=0)
        numpyro.factor("verdicts", problem.total @ point - battles.battles @ log_total)
        numpyro.deterministic("B", B)

    sampler = numpyro.infer.MCMC(
        numpyro.infer.NUTS(posterior),
        num_warmup=warm_up,
        num_samples=samples,
        num_chains=2,
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(seed))
    return np.asarray(sampler.get_samples()["B"], float)
