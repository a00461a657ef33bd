"""One-versus-one TrueSkill with draws and without drift, for any number of tournaments.

Herbrich, R., Minka, T. and Graepel, T. (2006), TrueSkill: a Bayesian skill rating system,
NIPS 19. A contestant is pinned and doesn't learn, so the dynamics variance τ² is 0. The
`trueskill` package is the reference: `fold` agrees with its scipy backend to 1e-9.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from math import erfc, exp, inf, isfinite, pi, sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import (
    B_WINS,
    TIE,
    FloatArray,
    IntArray,
    require_battles,
    require_index,
)

# Battles folded at a time: Python's loop wants lists, and lists of every battle don't fit.
CHUNK: Final = 1 << 17
# Compiling takes about a second, in which Python's loop folds this many battles and more.
WORTH_COMPILING: Final = 500_000

TWO_OVER_ROOT_PI: Final = 2 / sqrt(pi)
# erfc(x) and exp(−x²) vanish soon after this x; the asymptotic series of their quotient, good
# to 1e-12 from here on, does not.
FAR: Final = 25.0
# With a margin below this many sds a tie says that the performances were equal.
NARROW: Final = 1e-5

# Means, sds, winners, losers, whether tied, 2β², draw margin; changes the first two.
Loop = Callable[[Any, Any, Any, Any, Any, float, float], None]


@dataclass(frozen=True)
class TrueSkillParameters:
    """Prior mean `mu` and sd `sigma` of a skill, sd `beta` of a performance, in skill points.

    `draw_probability` is that of two equal contestants.
    """

    mu: float = 25.0
    sigma: float = 25 / 3
    beta: float = 25 / 6
    draw_probability: float = 0.1

    def __post_init__(self) -> None:
        if not (isfinite(self.mu) and 0 < self.sigma < inf and 0 < self.beta < inf):
            raise ValueError("mu is finite; sigma and beta are finite and positive.")
        if not 0 <= self.draw_probability < 1:
            raise ValueError("draw_probability is at least 0 and less than 1.")

    @property
    def margin(self) -> float:
        """Performances closer than this, in skill points, make a draw."""
        return draw_margin(self.draw_probability, beta=self.beta)


DEFAULTS: Final = TrueSkillParameters()


def draw_margin(draw_probability: float, *, beta: float) -> float:
    """Give the margin ε, in skill points, at which two equals draw with this probability.

    Φ(ε / (√2 β)) − Φ(−ε / (√2 β)) = p, as in Herbrich et al. (2006), section 2.
    """
    return NormalDist().inv_cdf((draw_probability + 1) / 2) * sqrt(2) * beta


def estimate_draw_probability(counts: FloatArray) -> float:
    """Estimate how often equal contestants tie, from counts (K, K, 3) of one dimension.

    It is ν/(2 + ν) of Davidson's model. The plain share of ties is too low, as unequal
    contestants tie less; taken for the draw probability it shortens the scale of skills by
    2 to 3 %, more than the error that 100,000 battles leave.
    """
    ties = fit_davidson(counts, require_connected=False).tie_propensity
    return ties / (2 + ties)


def fold(
    mu: FloatArray,
    sigma: FloatArray,
    tournament: IntArray,
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    *,
    beta: FloatArray,
    margin: FloatArray,
    compiled: bool | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Fold battles into skills, one after the other, and return the new means and sds.

    `mu` and `sigma` are (T, K) in skill points; `tournament`, `a`, `b` and `outcome` are (N,)
    in the order of play; `beta` and `margin` are (T,). Folding a sequence in parts gives the
    same bits as folding it at once. `compiled` asks for numba's loop or for Python's; if not
    given, numba folds many battles where it is installed. Raises ValueError for an unknown
    outcome, an index out of range, and a contestant that meets itself.
    """
    mu, sigma = np.array(mu, float), np.array(sigma, float)
    noise = np.broadcast_to(2 * np.square(beta), len(mu))
    margin = np.broadcast_to(margin, len(mu))
    if compiled is None:
        compiled = len(outcome) >= WORTH_COMPILING and is_numba_installed()
    loop = _compiled_loop() if compiled else None
    for start in range(0, len(outcome), CHUNK):
        part = slice(start, start + CHUNK)
        require_index(tournament[part], len(mu), "tournament")
        require_battles(a[part], b[part], outcome[part], contestants=mu.shape[1])
        order, ends = _by_tournament(tournament[part], len(mu))
        side_a, side_b, result = a[part][order], b[part][order], outcome[part][order]
        # Swaps the sides where B won, ten times faster than np.where.
        swap = (side_a ^ side_b) * (result == B_WINS)
        winner, loser, tied = side_a ^ swap, side_b ^ swap, result == TIE
        first = 0
        for t, end in ends:
            now = slice(first, end)
            if loop:
                loop(mu[t], sigma[t], winner[now], loser[now], tied[now], noise[t], margin[t])
            else:
                means, sds = mu[t].tolist(), sigma[t].tolist()
                columns = winner[now].tolist(), loser[now].tolist(), tied[now].tolist()
                _fold_in_order(means, sds, *columns, float(noise[t]), float(margin[t]))
                mu[t], sigma[t] = means, sds
            first = end
    return mu, sigma


def is_numba_installed() -> bool:
    """Say whether the compiled loop is to be had (the extra named `fast`)."""
    return find_spec("numba") is not None


@cache
def _compiled_loop() -> Loop:
    """Compile the loop below with numba, once for each process.

    Numba's cache on disk stays off: several workers would write it at once.
    """
    loop: Loop = import_module("numba").njit(_fold_in_order)
    return loop


def _by_tournament(
    tournament: IntArray, tournaments: int
) -> tuple[slice | IntArray, list[tuple[int, int]]]:
    """Order battles (N,) by tournament, keeping the order of play, and say where each ends.

    Tournaments share no skill, so each can be folded in one go with its own β and margin.
    """
    ends = np.cumsum(np.bincount(tournament, minlength=tournaments))
    present = np.flatnonzero(np.diff(ends, prepend=0))
    order: slice | IntArray = slice(None)
    if len(present) > 1:
        # numpy sorts 16-bit integers by radix, several times faster than wider ones.
        narrow = tournament.astype(np.int16 if tournaments <= 1 << 15 else np.int64)
        order = np.argsort(narrow, kind="stable")
    return order, [(int(t), int(ends[t])) for t in present]


def _fold_in_order(
    mu: Any, sigma: Any, winners: Any, losers: Any, tied: Any, noise: float, margin: float
) -> None:
    """Update skills (K,) in place by one battle after the other: `noise` is 2β².

    One source for two loops: over lists in Python, over arrays compiled by numba. With c² the
    variance of the difference of performances, `pull` is v/c and `gain` w/c², v and w being
    the functions of Herbrich et al.: the first and minus the second derivative of the log
    evidence by the winner's mean. Everything is inline since a call costs Python a tenth of
    an update, and 1/(√2 c) is the unit since erfc and exp take it as it is.
    """
    for i, j, tie in zip(winners, losers, tied):  # noqa: B905  numba knows no strict=
        mean_i = mu[i]
        mean_j = mu[j]
        sd_i = sigma[i]
        sd_j = sigma[j]
        variance_i = sd_i * sd_i
        variance_j = sd_j * sd_j
        precision = 1.0 / (variance_i + variance_j + noise)
        unit = sqrt(0.5 * precision)
        if tie:
            lead = mean_i - mean_j
            near = (abs(lead) - margin) * unit
            if margin * unit < NARROW:
                pull = -lead * precision
                gain = precision
            else:
                if near < FAR:
                    other = (abs(lead) + margin) * unit
                    at_near = exp(-near * near)
                    at_other = exp(-other * other)
                    scale = TWO_OVER_ROOT_PI * unit / (erfc(near) - erfc(other))
                    pull = (at_other - at_near) * scale
                    gain = pull * pull - 2.0 * unit * scale * (near * at_near - other * at_other)
                else:
                    tail = 0.5 / (near * near)
                    series = 1.0 + tail * (1.0 - tail * (2.0 - tail * (10.0 - 74.0 * tail)))
                    pull = -2.0 * near * unit * series
                    gain = pull * (pull + 2.0 * near * unit)
                if lead < 0.0:
                    pull = -pull
        else:
            lag = margin - mean_i + mean_j
            short = lag * unit
            if short < FAR:
                pull = exp(-short * short) / erfc(short) * unit * TWO_OVER_ROOT_PI
            else:
                tail = 0.5 / (short * short)
                series = 1.0 + tail * (1.0 - tail * (2.0 - tail * (10.0 - 74.0 * tail)))
                pull = lag * precision * series
            gain = pull * (pull - lag * precision)
        mu[i] = mean_i + variance_i * pull
        mu[j] = mean_j - variance_j * pull
        sigma[i] = sd_i * sqrt(1.0 - variance_i * gain)
        sigma[j] = sd_j * sqrt(1.0 - variance_j * gain)
