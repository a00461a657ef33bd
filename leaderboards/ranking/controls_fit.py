"""Davidson's model over single verdicts, each with a weight and with covariates of its pair.

With η = θ_i − θ_j + side effect + xᵀβ, and everything else as in `leaderboards.ranking.davidson`.
x is what side A has more of than side B, so that β is the advantage, in log-odds, of a unit of it
while the contestants are the same. A weight w counts a verdict as w of them.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.davidson import (
    CONVERGED_DECREMENT,
    MAX_HALVINGS,
    MAX_NEWTON_STEPS,
    WEAK_PRIOR,
    DavidsonPrior,
)
from leaderboards.ranking.outcomes import (
    A_WINS,
    B_WINS,
    OUTCOMES,
    TIE,
    FloatArray,
    IntArray,
    require_battles,
)

# Sd of the normal prior of β, by covariates of mean square 1: weaker than anybody has found one.
EFFECT_SD: Final = 1.0


@dataclass(frozen=True)
class ControlledFit:
    """Posterior mode and Gaussian spread (Laplace) of K skills and p effects of covariates.

    `skill` (K,) in log-odds, adding up to 0, with its `covariance` (K, K). `effect` (p,) and
    `effect_sd` (p,) are in log-odds for a unit of each covariate as given; of one that never
    differs between sides, they are 0 and infinite. `side_effect` and its sd are 0 where it was
    left out.
    """

    skill: FloatArray
    covariance: FloatArray
    tie_propensity: float
    side_effect: float
    side_effect_sd: float
    effect: FloatArray
    effect_sd: FloatArray


class _Rows(NamedTuple):
    """Verdicts (N,) with what is added to θ_i − θ_j: columns (N, q), the side's first if any."""

    a: IntArray
    b: IntArray
    outcome: IntArray
    weight: FloatArray
    columns: FloatArray
    contestants: int


class _Terms(NamedTuple):
    """Log posterior, gradient (P,) and negative Hessian (P, P): K skills, log ν, q effects."""

    log_posterior: float
    gradient: FloatArray
    information: FloatArray


def fit_controlled(
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    *,
    contestants: int,
    weight: FloatArray | None = None,
    covariates: FloatArray | None = None,
    has_side_effect: bool = True,
    prior: DavidsonPrior = WEAK_PRIOR,
) -> ControlledFit:
    """Fit N verdicts by contestants `a` on side A and `b` on side B, each with an outcome code.

    `weight` (N,) is 1 for each if not given, and `covariates` (N, p) are differences, A's less
    B's. Raises ValueError for what is no verdict, and for a weight or covariate that is no number.
    """
    require_battles(a, b, outcome, contestants=contestants)
    weight = np.ones(len(a)) if weight is None else np.asarray(weight, float)
    x = np.zeros((len(a), 0)) if covariates is None else np.asarray(covariates, float)
    if weight.shape != (len(a),) or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("Each verdict has a weight, finite and not negative.")
    if x.ndim != 2 or len(x) != len(a) or not np.isfinite(x).all():
        raise ValueError("Each verdict has a row of covariates, all finite.")
    # About 0 and not about the mean: equal replies of both sides are to speak for neither.
    scale = np.sqrt((x**2).mean(axis=0)) if len(x) else np.zeros(x.shape[1])
    varies = scale > 0
    side = np.ones((len(a), int(has_side_effect)))
    columns = np.hstack([side, x[:, varies] / scale[varies]])
    rows = _Rows(a, b, outcome, weight, columns, contestants)
    if not varies.any():
        rows = _added_up(rows)
    sds = [prior.side_effect_sd] * int(has_side_effect) + [EFFECT_SD] * int(varies.sum())
    mode, covariance = _posterior_mode(rows, prior, np.array(sds))
    return _centred(mode, covariance, contestants, has_side_effect, scale)


def _added_up(rows: _Rows) -> _Rows:
    """Verdicts of one pair, with one outcome, as a single row: their columns are the same."""
    contestants = rows.contestants
    shape = (contestants, contestants, len(OUTCOMES))
    place = np.ravel_multi_index((rows.a, rows.b, rows.outcome), shape)
    total = np.bincount(place, rows.weight, int(np.prod(shape))).astype(float)
    present = np.flatnonzero(total)
    a, b, outcome = np.unravel_index(present, shape)
    columns = np.ones((len(present), rows.columns.shape[1]))
    return _Rows(a, b, outcome, total[present], columns, contestants)


def _centred(
    mode: FloatArray,
    covariance: FloatArray,
    contestants: int,
    has_side_effect: bool,  # noqa: FBT001  told apart by its name where it is called
    scale: FloatArray,
) -> ControlledFit:
    """Condition on Σθ = 0, and give effects for the units that came in."""
    # The likelihood knows differences only: projecting the level out is conditioning on it.
    centre = np.eye(contestants) - 1 / max(contestants, 1)
    block = centre @ covariance[:contestants, :contestants] @ centre
    sd = np.sqrt(np.diagonal(covariance))
    first = contestants + 1
    shared = first + int(has_side_effect)
    effect, effect_sd = np.zeros(len(scale)), np.full(len(scale), np.inf)
    varies = scale > 0
    effect[varies] = mode[shared:] / scale[varies]
    effect_sd[varies] = sd[shared:] / scale[varies]
    return ControlledFit(
        skill=centre @ mode[:contestants],
        covariance=(block + block.T) / 2,
        tie_propensity=float(np.exp(mode[contestants])),
        side_effect=float(mode[first]) if has_side_effect else 0.0,
        side_effect_sd=float(sd[first]) if has_side_effect else 0.0,
        effect=effect,
        effect_sd=effect_sd,
    )


def _posterior_mode(
    rows: _Rows, prior: DavidsonPrior, effect_sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Find the mode (P,) and the covariance there; the log posterior is strictly concave."""
    contestants = rows.contestants
    sds = np.concatenate([np.full(contestants, prior.skill_sd), [prior.log_tie_sd], effect_sd])
    precision = sds**-2.0
    centre = np.zeros(len(sds))
    centre[contestants] = prior.log_tie_mean
    mode = centre.copy()
    terms = _terms(rows, mode, centre, precision)
    for _ in range(MAX_NEWTON_STEPS):
        step = np.asarray(np.linalg.solve(terms.information, terms.gradient), float)
        decrement = float(step @ terms.gradient)
        # Rounding of a sum over many verdicts may lower it by this much at the mode itself.
        floor = terms.log_posterior - 1e-10 * (1 + abs(terms.log_posterior))
        for halvings in range(MAX_HALVINGS):
            moved = mode + step / 2**halvings
            terms = _terms(rows, moved, centre, precision)
            if terms.log_posterior >= floor:
                break
        mode = moved
        if decrement < CONVERGED_DECREMENT:
            break
    return mode, np.asarray(np.linalg.inv(terms.information), float)


def _terms(rows: _Rows, point: FloatArray, centre: FloatArray, precision: FloatArray) -> _Terms:
    """Evaluate the log posterior and its derivatives at a point (P,)."""
    contestants, x, weight = rows.contestants, rows.columns, rows.weight
    skill, log_tie = point[:contestants], point[contestants]
    half = (skill[rows.a] - skill[rows.b] + x @ point[contestants + 1 :]) / 2
    # Scaled by the largest of the three, so that none overflows.
    top = np.maximum(np.abs(half), log_tie)
    a, tie, b = np.exp(half - top), np.exp(log_tie - top), np.exp(-half - top)
    total = a + tie + b
    a, tie, b = a / total, tie / total, b / total
    net = (rows.outcome == A_WINS).astype(float) - (rows.outcome == B_WINS)
    tied = (rows.outcome == TIE).astype(float)
    lead = (a - b) / 2
    pull = weight * (net / 2 - lead)
    curve = weight * ((a + b) / 4 - lead**2)
    cross = -weight * lead * tie

    offset = point - centre
    gradient = -precision * offset
    gradient[:contestants] += _net_of_sides(rows, pull)
    gradient[contestants] += float(weight @ (tied - tie))
    gradient[contestants + 1 :] += pull @ x
    information = np.diag(precision)
    information[:contestants, :contestants] += _laplacian(rows, curve)
    shared = np.column_stack([cross, curve[:, np.newaxis] * x])
    with_skill = np.column_stack([_net_of_sides(rows, column) for column in shared.T])
    information[:contestants, contestants:] += with_skill
    information[contestants:, :contestants] += with_skill.T
    information[contestants, contestants] += float(weight @ (tie * (1 - tie)))
    information[contestants, contestants + 1 :] += cross @ x
    information[contestants + 1 :, contestants] += cross @ x
    information[contestants + 1 :, contestants + 1 :] += shared[:, 1:].T @ x
    likelihood = weight @ (net * half + tied * log_tie - top - np.log(total))
    return _Terms(float(likelihood - precision @ offset**2 / 2), gradient, information)


def _net_of_sides(rows: _Rows, value: FloatArray) -> FloatArray:
    """Sum a quantity of verdicts (N,) over contestants (K,): plus as A, minus as B."""
    k = rows.contestants
    return (np.bincount(rows.a, value, k) - np.bincount(rows.b, value, k)).astype(float)


def _laplacian(rows: _Rows, curve: FloatArray) -> FloatArray:
    """The information of skills (K, K), from that of each verdict about its pair's difference."""
    k = rows.contestants
    pairs = np.bincount(rows.a * k + rows.b, curve, k * k).reshape(k, k)
    both = pairs + pairs.T
    laplacian: FloatArray = np.diag(both.sum(axis=1)) - both
    return laplacian
