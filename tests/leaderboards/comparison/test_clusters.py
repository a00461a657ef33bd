"""Figures of verdicts that hang together."""

import numpy as np
import pytest
from scipy import stats

from leaderboards.comparison.clusters import clustered_sd, mean_of
from leaderboards.ranking.controls_fit import fit_controlled
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray

SKILL = np.array([0.6, 0.2, -0.2, -0.6])


def drawn(
    raters: int, each: int, *, effect: float, differ: float, seed: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray, IntArray]:
    """Verdicts with a covariate whose worth differs between raters by a sd of `differ`."""
    rng = np.random.default_rng(seed)
    n = raters * each
    rater = np.repeat(np.arange(raters), each)
    a, b = np.array([rng.permutation(4)[:2] for _ in range(n)]).T
    # Hers is a habit too: who asks for something gets it from one side more often.
    x = np.sign(rng.normal(rng.normal(0, 0.7, raters)[rater]))
    own = rng.normal(effect, differ, raters)[rater]
    eta = SKILL[a] - SKILL[b] + own * x
    weight = np.exp(np.stack([eta / 2, np.full(n, np.log(0.5)), -eta / 2], axis=1))
    chance = (weight / weight.sum(axis=1, keepdims=True)).cumsum(axis=1)
    code = (rng.random((n, 1)) > chance).sum(axis=1)
    return a, b, np.array([A_WINS, TIE, B_WINS])[code], x, rater


def sds(a: IntArray, b: IntArray, outcome: IntArray, x: FloatArray, rater: IntArray):  # type: ignore[no-untyped-def]
    fit = fit_controlled(a, b, outcome, contestants=4, covariates=x[:, np.newaxis])
    return fit, clustered_sd(a, b, outcome, x, rater, fit)


def test_of_independent_verdicts_the_sd_is_the_model_s() -> None:
    a, b, outcome, x, _ = drawn(3_000, 1, effect=0.3, differ=0.0, seed=1)
    fit, sd = sds(a, b, outcome, x, np.arange(len(a)))
    assert sd == pytest.approx(fit.effect_sd[0], rel=0.05)


def test_of_raters_who_differ_it_covers_what_the_model_s_does_not() -> None:
    covered = {"model": 0, "clustered": 0}
    for seed in range(80):
        given = drawn(120, 15, effect=0.3, differ=0.8, seed=seed)
        fit, sd = sds(*given)
        # Raters' own worths are drawn about it, and a logistic mean lies nearer to 0.
        off = abs(fit.effect[0] - 0.27)
        covered["model"] += off < 1.96 * fit.effect_sd[0]
        covered["clustered"] += off < 1.98 * sd
    assert covered["clustered"] >= 0.88 * 80
    assert covered["model"] < 0.85 * 80


def test_one_cluster_alone_has_no_sd() -> None:
    a, b, outcome, x, _ = drawn(30, 1, effect=0.3, differ=0.0, seed=1)
    assert np.isnan(sds(a, b, outcome, x, np.zeros(30, np.int64))[1])


def test_a_mean_over_clusters_of_one_is_student_s() -> None:
    values = np.random.default_rng(0).normal(3, 1, 40)
    found = mean_of(values, np.arange(40))
    low, high = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert [found.value, found.low, found.high] == pytest.approx(
        [values.mean(), low, high], abs=0.003
    )
    assert found.n == 40


def test_values_that_a_cluster_repeats_make_a_mean_no_surer() -> None:
    values = np.random.default_rng(0).normal(3, 1, 40)
    once = mean_of(values, np.arange(40))
    again = mean_of(np.tile(values, 5), np.tile(np.arange(40), 5))
    assert [again.low, again.high] == pytest.approx([once.low, once.high])
    assert again.n == 200
    assert np.isnan(mean_of(values, np.zeros(40, np.int64)).low)
    assert np.isnan(mean_of(values[:0], np.zeros(0, np.int64)).value)
