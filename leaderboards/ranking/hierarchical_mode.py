"""Posterior mode of the hierarchical model at given scales, and the information there.

Unknown are the coefficients B (K, P): a contestant's skill and its effects on a basis in which
the electorate's shares of an axis weigh them to 0; the side effect; and log ν. Given the scales,
sds of the columns of B, the log posterior is concave, since it is linear less a sum of
log-sum-exps less a square: Newton ends at the one mode.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.hierarchical_cells import CellBattles, Cells
from leaderboards.ranking.outcomes import FloatArray, IntArray

MAX_NEWTON_STEPS: Final = 200
MAX_HALVINGS: Final = 40
# Squared distance from the mode, in posterior standard deviations, at which Newton stops.
CONVERGED: Final = 1e-16
# Pairs × cells whose information is in memory at once.
BLOCK: Final = 4_000_000


@dataclass(frozen=True)
class Model:
    """What is fitted, before any battle: P columns of B, S scales.

    `basis` (1 + G, P) turns a row of B into θ and the effect of each group; `column` (P,) is the
    number of a column's scale, `half_normal` (S,) the scales' prior, and `fixed_mean` and
    `fixed_sd` (2,) the priors of side effect and log ν.
    """

    basis: FloatArray
    column: IntArray
    half_normal: FloatArray
    fixed_mean: FloatArray
    fixed_sd: FloatArray


@dataclass(frozen=True)
class Problem:
    """Battles of K contestants in the coordinates of a model, without the cells of no battle.

    `z` (C, P) is each cell's row of the basis; `pair` (R,) numbers the pairs that met, `pairs`
    (2, M) has their contestants; `total` (K·P + 2,) is what the unknowns are multiplied with in
    the likelihood.
    """

    model: Model
    battles: CellBattles
    z: FloatArray
    pair: IntArray
    pairs: IntArray
    total: FloatArray

    @property
    def contestants(self) -> int:
        """How many contestants there are, K."""
        return len(self.battles.points)

    def precision(self, log_scale: FloatArray) -> FloatArray:
        """Prior precision of every unknown, (K·P + 2,)."""
        of_column = np.exp(-2 * log_scale)[self.model.column]
        return np.append(np.tile(of_column, self.contestants), self.model.fixed_sd**-2.0)

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Cut cells, and the rows that are in them, so that each pair of slices fits in memory."""
        size = max(1, BLOCK // max(1, self.pairs.shape[1]))
        for first in range(0, len(self.z), size):
            last = min(first + size, len(self.z))
            yield slice(first, last), slice(*np.searchsorted(self.battles.cell, (first, last)))


class Mode(NamedTuple):
    """Where the log posterior is greatest: the unknowns, its value, and the information there."""

    point: FloatArray
    log_posterior: float
    information: FloatArray
    covariance: FloatArray


class _Odds(NamedTuple):
    """Rows' log of Z (R,), and their mean and variances of points as A and of being a tie."""

    log_total: FloatArray
    lead: FloatArray
    tie: FloatArray
    curve: FloatArray
    cross: FloatArray


def pose(battles: CellBattles, cells: Cells, model: Model) -> Problem:
    """Bring battles into the coordinates of a model."""
    contestants = len(battles.points)
    observed, cell = np.unique(battles.cell, return_inverse=True)
    low, high = np.minimum(battles.a, battles.b), np.maximum(battles.a, battles.b)
    met, pair = np.unique(low * contestants + high, return_inverse=True)
    points = (battles.points @ model.basis).ravel()
    return Problem(
        model=model,
        battles=replace(battles, cell=cell),
        z=np.column_stack([np.ones(len(observed)), cells.members[observed]]) @ model.basis,
        pair=pair,
        pairs=np.array(np.divmod(met, max(contestants, 1))),
        total=np.append(points, [battles.side_points, battles.ties]),
    )


def find_mode(
    problem: Problem,
    precision: FloatArray,
    start: FloatArray | None = None,
    distance: float = CONVERGED,
) -> Mode:
    """Climb to the mode by Newton's method with step halving, from 0 or a `start`.

    Steps end within a squared `distance`, in posterior standard deviations.
    """
    point = np.zeros(len(precision)) if start is None else start
    if start is None:
        point[-2:] = problem.model.fixed_mean
    terms = _terms(problem, point, precision)
    for _ in range(MAX_NEWTON_STEPS):
        step = np.linalg.solve(terms.information, terms.gradient)
        if step @ terms.gradient < distance:
            break
        # Rounding of a sum over many battles may lower it by this much at the mode itself.
        floor = terms.log_posterior - 1e-10 * (1 + abs(terms.log_posterior))
        for _ in range(MAX_HALVINGS):
            after = _terms(problem, point + step, precision)
            if after.log_posterior >= floor:
                break
            step /= 2
        point, terms = point + step, after
    covariance = np.linalg.inv(terms.information)
    return Mode(point, terms.log_posterior, terms.information, (covariance + covariance.T) / 2)


class _Terms(NamedTuple):
    """Log posterior, its gradient (U,) and its negative Hessian (U, U) at a point (U,)."""

    log_posterior: float
    gradient: FloatArray
    information: FloatArray


def _terms(problem: Problem, point: FloatArray, precision: FloatArray) -> _Terms:
    """Evaluate the log posterior and its derivatives."""
    n, odds = problem.battles.battles, _odds(problem, point)
    offset = point.copy()
    offset[-2:] -= problem.model.fixed_mean
    log_posterior = problem.total @ point - n @ odds.log_total - precision @ offset**2 / 2
    gradient = problem.total - _unknowns(problem, n * odds.lead, float(n @ odds.tie))
    gradient -= precision * offset
    curve, cross = n * odds.curve, n * odds.cross
    information = np.zeros((len(point), len(point)))
    information[:-2, :-2] = _information(problem, curve)
    information[-2] = _unknowns(problem, curve, cross.sum())
    information[-1] = _unknowns(problem, cross, float(n @ (odds.tie * (1 - odds.tie))))
    information[:, -2:] = information[-2:].T
    information[np.diag_indices(len(point))] += precision
    return _Terms(float(log_posterior), gradient, information)


def _odds(problem: Problem, point: FloatArray) -> _Odds:
    """Each row's outcomes at a point."""
    battles = problem.battles
    skill = problem.z @ point[:-2].reshape(problem.contestants, problem.z.shape[1]).T
    half = (skill[battles.cell, battles.a] - skill[battles.cell, battles.b] + point[-2]) / 2
    # Scaled by the largest of the three, so that none overflows.
    top = np.maximum(np.abs(half), point[-1])
    a, tie, b = np.exp(half - top), np.exp(point[-1] - top), np.exp(-half - top)
    total = a + tie + b
    a, tie, b = a / total, tie / total, b / total
    lead = (a - b) / 2
    return _Odds(top + np.log(total), lead, tie, (a + b) / 4 - lead**2, -lead * tie)


def _unknowns(problem: Problem, of_difference: FloatArray, of_tie: float) -> FloatArray:
    """Add up a quantity of rows (R,) over the unknowns: plus as A, minus as B, and the side."""
    battles, K = problem.battles, problem.contestants
    size = len(problem.z) * K
    net = np.bincount(battles.cell * K + battles.a, of_difference, size)
    net -= np.bincount(battles.cell * K + battles.b, of_difference, size)
    coefficients = net.reshape(len(problem.z), K).T @ problem.z
    return np.concatenate([coefficients.ravel(), [of_difference.sum(), of_tie]])


def _information(problem: Problem, curve: FloatArray) -> FloatArray:
    """Information on the coefficients (K·P, K·P) from that of each row on its difference (R,)."""
    K, P = problem.contestants, problem.z.shape[1]
    # Products of two columns are symmetric, so that one triangle of them is enough.
    p, q = np.triu_indices(P)
    of_pair = np.zeros((problem.pairs.shape[1], len(p)))
    for cells, rows in problem.blocks():
        z = problem.z[cells]
        place = problem.pair[rows] * len(z) + problem.battles.cell[rows] - cells.start
        weight = np.bincount(place, curve[rows], len(of_pair) * len(z))
        of_pair += weight.reshape(len(of_pair), len(z)) @ (z[:, p] * z[:, q])
    low, high = problem.pairs[:, :, np.newaxis]
    shared = np.zeros((K, K, P, P))
    shared[low, high, p, q] = shared[high, low, p, q] = of_pair
    shared[low, high, q, p] = shared[high, low, q, p] = of_pair
    information = -shared.transpose(0, 2, 1, 3)
    information[np.arange(K), :, np.arange(K)] += shared.sum(axis=1)
    return information.reshape(K * P, K * P)


def log_determinant_slopes(problem: Problem, mode: Mode) -> FloatArray:
    """How the log determinant of the information changes with each unknown, (K·P + 2,).

    By the third cumulants of a row's points and ties, and the variances of its η and log ν.
    """
    battles, odds = problem.battles, _odds(problem, mode.point)
    of_eta, with_tie = _variances(problem, mode.covariance)
    of_tie = mode.covariance[-1, -1]
    lead, tie = odds.lead, odds.tie
    a, b = (1 - tie) / 2 + lead, (1 - tie) / 2 - lead
    ahead, behind, other = 0.5 - lead, 0.5 + lead, 1 - tie
    won, lost = a * ahead**2, b * behind**2
    eee = won * ahead - lost * behind - tie * lead**2 * lead
    eet = tie * (lead**2 * other - won - lost)
    ett = tie * (tie * (a * ahead - b * behind) - lead * other**2)
    ttt = tie * other * (other**2 - tie**2)
    n = battles.battles
    by_eta = n * (of_eta * eee + 2 * with_tie * eet + of_tie * ett)
    by_tie = n @ (of_eta * eet + 2 * with_tie * ett + of_tie * ttt)
    return _unknowns(problem, by_eta, by_tie)


def _variances(problem: Problem, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Posterior variance of each row's η, and its covariance with log ν: two arrays (R,)."""
    battles, K, P = problem.battles, problem.contestants, problem.z.shape[1]
    low, high = problem.pairs
    C = covariance[:-2, :-2].reshape(K, P, K, P).transpose(0, 2, 1, 3)
    of_pair = C[low, low] + C[high, high] - C[low, high] - C[high, low]
    p, q = np.triu_indices(P)
    of_pair = of_pair[:, p, q] * np.where(p == q, 1, 2)
    of_eta = np.empty(len(battles.cell))
    for cells, rows in problem.blocks():
        z = problem.z[cells]
        table = of_pair @ (z[:, p] * z[:, q]).T
        of_eta[rows] = table[problem.pair[rows], battles.cell[rows] - cells.start]
    with_side, with_tie = (problem.z @ row.reshape(K, P).T for row in covariance[-2:, :-2])
    of_eta += 2 * (with_side[battles.cell, battles.a] - with_side[battles.cell, battles.b])
    tie = with_tie[battles.cell, battles.a] - with_tie[battles.cell, battles.b]
    return of_eta + covariance[-2, -2], tie + covariance[-2, -1]
