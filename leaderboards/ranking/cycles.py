"""Do people prefer in circles? A test of the model that each contestant has one skill.

Beside the skills, let each pair have a part of its own in the log-odds, η = θ_i − θ_j + γ_ij +
side effect, with γ_ij = −γ_ji: what no skills explain is circular. Under the additive model γ = 0,
and how often i beat j beyond the fit, weighed by the pair's Fisher information, is a flow of
residual log-odds. Its part that no change of the skills takes up is the statistic,

    S = Uᵀ I⁻¹ U (pairs, side effect, ν)  −  Uᵀ I⁻¹ U (skills, side effect, ν)

with scores U and information I at the fit, in the model with γ and in the one without: Rao's
score test, in the form that holds at a fit with a weak prior (Neyman's C(α)). S is the squared
length of the residual flow, as HodgeRank takes it apart, with ties as in Davidson's model. Around
a triangle skills cancel, and its curl γ_ij + γ_jk + γ_ki remains. Jiang, Lim, Yao and Ye (2011),
Statistical ranking and combinatorial Hodge theory, Mathematical Programming 127:203-244.

Verdicts are taken as independent. Several people's on the same two answers are not, and make p
too small: take one of them. Those read off one ranking of several contestants can't go in circles,
and make it too large. A circle may also come from groups that differ, none of which prefers in
circles (Condorcet).
"""

from dataclasses import dataclass
from itertools import combinations
from math import erfc, exp, lgamma, log, sqrt
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.davidson import (
    WEAK_PRIOR,
    DavidsonFit,
    DavidsonPrior,
    connected_parts,
    fit_tournaments,
)
from leaderboards.ranking.information import (
    Flow,
    flow,
    information,
    moments,
    score,
)
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.predictions import predict

# Battles of the average pair that met, below which χ² is not trusted and p is simulated.
ENOUGH: Final = 20.0
DRAWS: Final = 499
# Numbers of simulated tables × pairs that are in memory at once.
BLOCK: Final = 1_000_000
# A part of the diagonal that makes solvable what the verdicts leave open, as the level of skills.
RIDGE: Final = 1e-9
# Eigenvalues of a matrix with a diagonal of 1 that count as 0.
SINGULAR: Final = 1e-7
TRIADS: Final = 5


class Triad(NamedTuple):
    """Three contestants of which the first beats the second, that the third, and that the first.

    More often, that is, than their skills say: `curl`, in log-odds, is by how much around the
    circle, and `z` that in standard deviations. `p_value` is for the greatest of all triads
    (Bonferroni).
    """

    contestants: tuple[int, int, int]
    curl: float
    z: float
    p_value: float


@dataclass(frozen=True)
class Cycles:
    """What speaks against one skill for each contestant.

    `statistic` S is χ² with so many `degrees` of freedom if nothing does; `p_value` is by that, or
    where pairs met too seldom by `draws` simulated tournaments, otherwise 0. `spread` is the sd
    of γ_ij among pairs in log-odds, noise taken out, and `triads` are the most circular ones.
    """

    statistic: float
    degrees: int
    p_value: float
    draws: int
    spread: float
    triads: tuple[Triad, ...]


def find_cycles(
    counts: FloatArray,
    *,
    seed: int,
    draws: int = DRAWS,
    prior: DavidsonPrior = WEAK_PRIOR,
    is_simulated: bool | None = None,
    most: int = TRIADS,
) -> Cycles:
    """Test counts (K, K, 3) for preferences that go in circles, and name up to `most` triads.

    With all pairs met there are (K−1)(K−2)/2 degrees of freedom; without any, p is 1. Whether p is
    simulated depends on how often pairs met, unless told: then the same pairs meet as often, from
    the fitted model, `draws` times with `seed`, and are fitted again. See above for formula and
    source. A page may say: "No sign of people preferring in circles (p = .41)."
    """
    counts = np.asarray(counts, float)
    (fit,) = fit_tournaments(counts[np.newaxis], prior=prior)
    here = _flow_of(counts[np.newaxis], (fit,))
    statistic = float(_statistic(here)[0])
    degrees = _degrees(counts, here)
    met = int((here.weight[0] > 0).sum()) // 2
    if is_simulated is None:
        is_simulated = counts.sum() < ENOUGH * met
    if degrees == 0:
        p_value, draws = 1.0, 0
    elif is_simulated:
        as_great = _simulated(counts, fit, draws, seed) >= statistic
        p_value = float(1 + as_great.sum()) / (1 + draws)
    else:
        p_value, draws = chi_square_tail(statistic, degrees), 0
    beyond = max(statistic - degrees, 0.0)
    return Cycles(
        statistic=statistic,
        degrees=degrees,
        p_value=p_value,
        draws=draws,
        spread=sqrt(beyond / (here.weight[0].sum() / 2)) if degrees else 0.0,
        triads=_triads(here, most) if degrees else (),
    )


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Probability that χ² with so many degrees of freedom, at least 1, is at least `statistic`.

    The sum that the incomplete gamma function is for a whole or half number (Abramowitz and
    Stegun 26.4.4 and 26.4.5).
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    odd = degrees % 2
    powers = [j + odd / 2 for j in range(degrees // 2)]
    total = sum(exp(p * log(half) - half - lgamma(p + 1)) for p in powers)
    return min(total + (erfc(sqrt(half)) if odd else 0.0), 1.0)


def _flow_of(counts: FloatArray, fits: tuple[DavidsonFit, ...]) -> Flow:
    """Residual flows of T tournaments (T, K, K, 3), each at its own fit."""
    expected = moments(
        np.array([fit.skill for fit in fits]),
        np.array([fit.side_effect for fit in fits]),
        np.array([fit.tie_propensity for fit in fits]),
    )
    return flow(counts, expected)


class _Freed(NamedTuple):
    """What is left for side effect and log ν where each pair has log-odds of its own.

    `score` (..., 2) and `information` (..., 2, 2); `slopes` (..., 2, K, K) is by how much the
    pairs' own log-odds fall as these two rise.
    """

    score: FloatArray
    information: FloatArray
    slopes: FloatArray


def _freed(here: Flow) -> _Freed:
    slopes = _per_pair(here.crossed, here.weight[..., np.newaxis, :, :])
    # Each pair stands twice in a sum over contestants.
    taken = np.einsum("...qij,...ij->...q", slopes, here.residual) / 2
    both = np.einsum("...qij,...rij->...qr", slopes, here.crossed) / 2
    return _Freed(here.shared_score - taken, here.shared_information - both, slopes)


def _per_pair(pairs: FloatArray, weight: FloatArray) -> FloatArray:
    """Divide what is of pairs by their information; 0 where they haven't met."""
    share: FloatArray = np.divide(pairs, weight, where=weight > 0, out=np.zeros(pairs.shape))
    return share


def _statistic(here: Flow) -> FloatArray:
    """S of T tournaments, (T,)."""
    freed = _freed(here)
    full = (_per_pair(here.residual, here.weight) * here.residual).sum(axis=(-1, -2)) / 2
    full += _length(freed.score, freed.information, _diagonal(here.shared_information))
    additive = information(here)
    beyond: FloatArray = full - _length(score(here), additive, _diagonal(additive))
    return np.maximum(beyond, 0)


def _length(gradient: FloatArray, matrix: FloatArray, diagonal: FloatArray) -> FloatArray:
    """Uᵀ I⁻¹ U for (T, P) and (T, P, P), whatever I leaves open being 0 in U."""
    unit, root = _scaled(matrix, diagonal)
    column = (gradient / root)[..., np.newaxis]
    solved = np.linalg.solve(unit + RIDGE * np.eye(unit.shape[-1]), column)
    length: FloatArray = (solved * column).sum(axis=(-1, -2))
    return length


def _degrees(counts: FloatArray, here: Flow) -> int:
    """Pairs that met, less the differences of skills, and less what is free with skills alone.

    Where every pair was shown on one side only, a side effect is in the pairs' own log-odds.
    """
    met = int((here.weight[0] > 0).sum()) // 2
    differences = sum(len(part) - 1 for part in connected_parts(counts))
    shared = here.shared_information[0]
    diagonal = _diagonal(shared)
    return (
        met - differences + _rank(_freed(here).information[0], diagonal) - _rank(shared, diagonal)
    )


def _diagonal(matrix: FloatArray) -> FloatArray:
    diagonal: FloatArray = np.diagonal(matrix, axis1=-2, axis2=-1)
    return diagonal


def _scaled(matrix: FloatArray, diagonal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Divide rows and columns of (..., P, P) by the roots of a diagonal (..., P): and these."""
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1))
    return matrix / (root[..., :, np.newaxis] * root[..., np.newaxis, :]), root


def _rank(matrix: FloatArray, diagonal: FloatArray) -> int:
    unit, _ = _scaled(matrix, diagonal)
    return int((np.linalg.eigvalsh(unit) > SINGULAR).sum())


def _simulated(counts: FloatArray, fit: DavidsonFit, draws: int, seed: int) -> FloatArray:
    """S (draws,) of tournaments in which the same pairs met as often, by the fitted model."""
    rng = np.random.default_rng(seed)
    battles = counts.sum(axis=-1)
    a, b = np.nonzero(battles)
    times = battles[a, b].astype(int)
    probability = predict(fit, a, b)
    at_once = max(1, BLOCK // counts.size)
    found = []
    for first in range(0, draws, at_once):
        size = min(at_once, draws - first)
        drawn = np.zeros((size, *counts.shape))
        drawn[:, a, b] = rng.multinomial(times, probability, size=(size, len(times)))
        found.append(_statistic(_flow_of(drawn, fit_tournaments(drawn, prior=fit.prior))))
    return np.concatenate(found)


def _triads(here: Flow, most: int) -> tuple[Triad, ...]:
    """The triads that met and whose curl is the most standard deviations from 0."""
    weight, freed = here.weight[0], _freed(here)
    unit, root = _scaled(freed.information[0], _diagonal(here.shared_information[0]))
    covariance = np.linalg.pinv(unit, rcond=SINGULAR, hermitian=True) / np.outer(root, root)
    slopes, step = freed.slopes[0], covariance @ freed.score[0]
    own = _per_pair(here.residual[0], weight) - np.einsum("qij,q->ij", slopes, step)
    i, j, k = _met(weight)
    around = ((i, j), (j, k), (k, i))
    curl = sum(own[pair] for pair in around)
    turn = sum(slopes[:, *pair] for pair in around)
    variance = sum(1 / weight[pair] for pair in around)
    variance = variance + np.einsum("qt,qr,rt->t", turn, covariance, turn)
    z = curl / np.sqrt(variance)
    found = []
    for t in np.argsort(-np.abs(z), kind="stable")[:most].tolist():
        last = (j, k) if z[t] >= 0 else (k, j)
        contestants = (int(i[t]), int(last[0][t]), int(last[1][t]))
        size = abs(float(z[t]))
        p_value = min(1.0, len(z) * erfc(size / sqrt(2)))
        found.append(Triad(contestants, abs(float(curl[t])), size, p_value))
    return tuple(found)


def _met(weight: FloatArray) -> IntArray:
    """All i < j < k of which each met both others, (3, T)."""
    everyone = np.array(list(combinations(range(len(weight)), 3)), int).reshape(-1, 3).T
    i, j, k = everyone
    return everyone[:, (weight[i, j] > 0) & (weight[j, k] > 0) & (weight[k, i] > 0)]
