"""How fast the TrueSkill kernel folds battles, and how far it is from the `trueskill` package."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt
from statistics import NormalDist, median
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np
import trueskill

from leaderboards.ranking.outcomes import B_WINS, TIE, FloatArray, IntArray
from leaderboards.ranking.simulation import by_performance
from leaderboards.ranking.trueskill import TrueSkillParameters, fold, is_numba_installed

CONTESTANTS: Final = 30
SKILL_SD: Final = 4.0
REFERENCE_BATTLES: Final = 3_000
PARAMETERS: Final = TrueSkillParameters(draw_probability=0.25)


def _cumulative(x: float) -> float:
    """Standard normal distribution function."""
    return erfc(-x / sqrt(2)) / 2


def _density(x: float) -> float:
    """Standard normal density."""
    return exp(-x * x / 2) / sqrt(2 * pi)


# The package's distribution function, density and quantile function.
Backend = tuple[Callable[[float], float], Callable[[float], float], Callable[[float], float]]
EXACT: Final[Backend] = (_cumulative, _density, NormalDist().inv_cdf)


@dataclass(frozen=True)
class KernelResult:
    """What a run measured.

    `updates_per_s` battles folded in a second, of `n`; `ratio_to_trueskill` that rate by the
    package's; `max_abs_difference` of any mean or sd from the package's, in skill points, after
    the battles that both folded; `peak_mib` the most memory the process has held.
    """

    n: int
    updates_per_s: float
    ratio_to_trueskill: float
    max_abs_difference: float
    peak_mib: float


class _Battles(NamedTuple):
    """Battles of one tournament: four arrays (N,)."""

    tournament: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray


def run(
    n: int = 1_000_000, *, compiled: bool | None = None, seed: int = 1, repeats: int = 5
) -> KernelResult:
    """Fold `n` battles of 30 contestants in one tournament, and some of them by the package.

    The package is `trueskill.rate_1vs1` with τ = 0. It is timed with its own backend, its
    default; that one's erfc is good to 1e-7 only, so the difference is taken from the standard
    library's erfc in its place. The two take turns `repeats` times and medians count, since the
    speed of a shared machine changes from second to second. `compiled` asks for numba's loop
    (the default where numba is installed) or, False, for Python's; compiling is not timed.
    """
    compiled = is_numba_installed() if compiled is None else compiled
    battles = _draw_battles(n, np.random.default_rng(seed))
    some = _Battles(*(column[:REFERENCE_BATTLES] for column in battles))
    ours = _fold(some, compiled=compiled)
    theirs, _ = _fold_by_package(some, EXACT)
    rates, ratios = [], []
    for _ in range(repeats):
        _, reference_seconds = _fold_by_package(some)
        rates.append(n / _seconds(battles, compiled=compiled))
        ratios.append(rates[-1] * reference_seconds / len(some.outcome))
    return KernelResult(
        n=n,
        updates_per_s=median(rates),
        ratio_to_trueskill=median(ratios),
        max_abs_difference=float(np.abs(ours - theirs).max()),
        peak_mib=peak_mib(),
    )


def peak_mib() -> float:
    """The most memory that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _draw_battles(n: int, rng: np.random.Generator) -> _Battles:
    """Let contestants meet at random; small integers, so that ten million fit in little."""
    skill = rng.normal(0, SKILL_SD, CONTESTANTS).astype(np.float32)
    a = rng.integers(0, CONTESTANTS, n, dtype=np.int8)
    b = (a + rng.integers(1, CONTESTANTS, n, dtype=np.int8)) % np.int8(CONTESTANTS)
    outcome = by_performance(PARAMETERS)(skill[a] - skill[b], rng)
    return _Battles(np.zeros(n, np.int8), a, b, outcome)


def _fold(battles: _Battles, *, compiled: bool) -> FloatArray:
    """Fold from the prior into means and sds, (2, K)."""
    mu, sigma = fold(
        np.full((1, CONTESTANTS), PARAMETERS.mu),
        np.full((1, CONTESTANTS), PARAMETERS.sigma),
        *battles,
        beta=np.array([PARAMETERS.beta]),
        margin=np.array([PARAMETERS.margin]),
        compiled=compiled,
    )
    return np.concatenate([mu, sigma])


def _seconds(battles: _Battles, *, compiled: bool) -> float:
    """Time one fold of all battles."""
    start = perf_counter()
    _fold(battles, compiled=compiled)
    return perf_counter() - start


def _fold_by_package(battles: _Battles, backend: Backend | None = None) -> tuple[FloatArray, float]:
    """Fold by the package: means and sds (2, K), and the seconds it took."""
    environment = trueskill.TrueSkill(
        mu=PARAMETERS.mu,
        sigma=PARAMETERS.sigma,
        beta=PARAMETERS.beta,
        tau=0,
        draw_probability=PARAMETERS.draw_probability,
        backend=backend,
    )
    ratings = [environment.create_rating() for _ in range(CONTESTANTS)]
    columns = zip(battles.a.tolist(), battles.b.tolist(), battles.outcome.tolist(), strict=True)
    start = perf_counter()
    for a, b, outcome in columns:
        winner, loser = (b, a) if outcome == B_WINS else (a, b)
        ratings[winner], ratings[loser] = trueskill.rate_1vs1(
            ratings[winner], ratings[loser], drawn=outcome == TIE, env=environment
        )
    elapsed = perf_counter() - start
    return np.array([[r.mu for r in ratings], [r.sigma for r in ratings]]), elapsed
