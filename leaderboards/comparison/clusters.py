"""Spread of figures of verdicts that hang together, as those of one rater do."""

import numpy as np

from leaderboards.comparison.figures import Figure, t_half_width
from leaderboards.comparison.items import total
from leaderboards.ranking.controls_fit import EFFECT_SD, ControlledFit
from leaderboards.ranking.davidson import WEAK_PRIOR, DavidsonPrior
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray


def by_cluster(cluster: IntArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums of values (N,) by cluster, and how many each has: both (R,)."""
    names, code = np.unique(cluster, return_inverse=True)
    return total(code, len(names), value), total(code, len(names))


def mean_of(value: FloatArray, cluster: IntArray) -> Figure:
    """The mean of values (N,) with a t interval over clusters; `n` counts the values.

    A ratio over clusters, linearised; of one cluster there is no interval.
    """
    sums, n = by_cluster(cluster, value)
    clusters = len(n)
    if not clusters:
        return Figure(np.nan, np.nan, np.nan, 0)
    mean = float(sums.sum() / n.sum())
    if clusters < 2:
        return Figure(mean, np.nan, np.nan, len(value))
    pull = (sums - mean * n) / n.sum()
    sd = np.sqrt(clusters / (clusters - 1) * np.square(pull).sum())
    half = float(t_half_width(equal_clusters(n) - 1)) * float(sd)
    return Figure(mean, mean - half, mean + half, len(value))


def equal_clusters(n: FloatArray) -> float:
    """To how many clusters of equal size those of sizes (R,) amount (Kish); at least 2."""
    return max(2.0, float(n.sum() ** 2 / np.square(n).sum()))


def clustered_sd(
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    x: FloatArray,
    cluster: IntArray,
    fit: ControlledFit,
    *,
    prior: DavidsonPrior = WEAK_PRIOR,
) -> float:
    """The sd of the effect of one covariate x (N,), verdicts of a cluster hanging together.

    `fit` is that of all N verdicts; see `leaderboards.ranking.controls_fit`. J⁻¹ M J⁻¹ with the
    information J, prior included, and M the sum over clusters of the outer products of their
    scores: Liang and Zeger (1986), Longitudinal data analysis using generalized linear models.
    Times R / (R − 1) for R clusters; NaN of one alone.
    """
    names, code = np.unique(cluster, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    contestants = len(fit.skill)
    design = np.zeros((len(a), contestants + 2))
    rows = np.arange(len(a))
    design[rows, a] += 1
    design[rows, b] -= 1
    design[:, contestants], design[:, -1] = 1, x
    pull, curve = _of_verdicts(design @ [*fit.skill, fit.side_effect, fit.effect[0]], fit, outcome)
    scale = float(np.mean(np.square(x)))
    precision = np.array(
        [
            *[prior.skill_sd**-2] * contestants,
            prior.side_effect_sd**-2,
            scale / EFFECT_SD**2,
            prior.log_tie_sd**-2,
        ]
    )
    scores = np.hstack([design * pull[:, :1], pull[:, 1:]])
    information = np.diag(precision)
    information[:-1, :-1] += design.T @ (design * curve[0][:, np.newaxis])
    crossed = design.T @ curve[1]
    information[:-1, -1] += crossed
    information[-1, :-1] += crossed
    information[-1, -1] += curve[2].sum()
    summed = np.array([total(code, len(names), column) for column in scores.T])
    # The prior's pull is in the mode: what is left of the sum is no cluster's own.
    summed -= summed.mean(axis=1, keepdims=True)
    towards = np.linalg.solve(information, np.eye(len(precision))[-2])
    spread = np.square(towards @ summed).sum() * len(names) / (len(names) - 1)
    return float(np.sqrt(spread))


def _of_verdicts(
    eta: FloatArray, fit: ControlledFit, outcome: IntArray
) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
    """Scores of η and log ν (N, 2), and their information: of η, of both, and of log ν, (N,)."""
    weights = np.stack(
        [np.exp(eta / 2), np.full(len(eta), fit.tie_propensity), np.exp(-eta / 2)], axis=1
    )
    chance = weights / weights.sum(axis=1, keepdims=True)
    p_a, p_tie, p_b = chance.T
    lead = p_a - p_b
    won = (outcome == A_WINS) * 1.0 - (outcome == B_WINS)
    pull = np.stack([(won - lead) / 2, (outcome == TIE) - p_tie], axis=1)
    return pull, ((p_a + p_b - lead**2) / 4, -lead * p_tie / 2, p_tie * (1 - p_tie))
