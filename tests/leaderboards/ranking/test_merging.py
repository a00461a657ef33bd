"""Tournaments of groups merged into one ranking: naive oracles, simulated truth, edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from hustings.benchmarks.merge import merge_by_davidson, merge_by_trueskill, run
from leaderboards.ranking import trueskill as kernel
from leaderboards.ranking.boards import Engine
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.errors import RankingError, SharesError
from leaderboards.ranking.merging import (
    UNSHARED_NOISE,
    Merged,
    composition,
    merge,
    merge_davidson,
    merge_trueskill,
    spread_inside_groups,
)
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.simulation import Quotas, simulate

# Two axes: groups 0 and 1, and groups 2, 3 and 4.
AXIS = np.array([0, 0, 1, 1, 1])
SHARES = np.array([0.3, 0.7, 0.5, 0.3, 0.2])
CROSSINGS = np.array(
    [
        [600, 0, 300, 200, 100],
        [0, 400, 100, 100, 200],
        [300, 100, 400, 0, 0],
        [200, 100, 0, 300, 0],
        [100, 200, 0, 0, 300],
    ]
)


def _tournaments(
    contestants: int = 12, tau: tuple[float, float] = (0.8, 0.4), seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Skills (5, K) that follow the regression, and their variances."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0, 1, (5, contestants)) * np.array(tau)[AXIS][:, np.newaxis]
    variance = 30 / np.diagonal(CROSSINGS)[:, np.newaxis] * rng.uniform(0.8, 1.2, (5, contestants))
    skill = rng.normal(0, 2, contestants) + composition(CROSSINGS) @ effect
    return skill + rng.normal(0, np.sqrt(variance)), variance


def _merge(skill: FloatArray, variance: FloatArray, crossings: FloatArray = CROSSINGS) -> Merged:
    return merge(skill, variance, composition=composition(crossings), axis=AXIS, shares=SHARES)


def _covariances(variance: FloatArray, tau_squared: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Noise and marginal covariance of each contestant, as written in the module."""
    X = composition(CROSSINGS)
    noise = np.empty((variance.shape[1], 5, 5))
    for k, g, h in np.ndindex(noise.shape):
        shared = np.sqrt(X[g, h] * X[h, g] * variance[g, k] * variance[h, k])
        noise[k, g, h] = (1 - UNSHARED_NOISE) * shared
        noise[k, g, h] += UNSHARED_NOISE * 2 * variance[g, k] * (g == h)
    return noise, noise + X @ np.diag(tau_squared[AXIS]) @ X.T


def _centred(skill: FloatArray, variance: FloatArray) -> FloatArray:
    return skill - np.average(skill, axis=1, weights=1 / variance)[:, np.newaxis]


def test_tau_is_that_of_a_naive_restricted_likelihood() -> None:
    skill, variance = _tournaments()
    centred = _centred(skill, variance)
    freedom = 11 / 12

    def deviance(log_tau_squared: FloatArray) -> float:
        _, V = _covariances(variance, np.exp(log_tau_squared))
        total = 0.0
        for k in range(12):
            inverse = np.linalg.inv(V[k])
            mean = inverse.sum(axis=0) @ centred[:, k] / inverse.sum()
            residual = centred[:, k] - mean
            total += freedom * (np.linalg.slogdet(V[k])[1] + np.log(inverse.sum()))
            total += residual @ inverse @ residual
        return total

    naive = minimize(deviance, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})

    assert _merge(skill, variance).tau == pytest.approx(np.exp(naive.x / 2), rel=1e-3)


def test_skills_and_effects_are_those_of_a_naive_gaussian_posterior() -> None:
    skill, variance = _tournaments()
    merged = _merge(skill, variance)
    centred = _centred(skill, variance)
    noise, _ = _covariances(variance, merged.tau**2)
    design = np.column_stack([np.ones(5), composition(CROSSINGS)])
    prior = np.diag(np.concatenate([[0], merged.tau[AXIS] ** -2.0]))
    aim = np.concatenate([[1], SHARES])
    overall = np.empty(12)
    for k in range(12):
        covariance = np.linalg.inv(design.T @ np.linalg.inv(noise[k]) @ design + prior)
        posterior = covariance @ design.T @ np.linalg.inv(noise[k]) @ centred[:, k]
        overall[k] = aim @ posterior
        assert merged.sd[k] == pytest.approx(np.sqrt(aim @ covariance @ aim))
        assert merged.effect[:, k] == pytest.approx(posterior[1:], abs=1e-9)
        assert merged.effect_sd[:, k] == pytest.approx(np.sqrt(np.diagonal(covariance)[1:]))

    assert merged.skill == pytest.approx(overall - overall.mean(), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)))
def test_relabelling_contestants_permutes_the_ranking(order: list[int]) -> None:
    skill, variance = _tournaments(contestants=6)

    plain, relabelled = _merge(skill, variance), _merge(skill[:, order], variance[:, order])

    assert relabelled.skill == pytest.approx(plain.skill[order], abs=1e-6)
    assert relabelled.sd == pytest.approx(plain.sd[order], abs=1e-6)
    assert relabelled.tau == pytest.approx(plain.tau, abs=1e-6)


def test_where_a_tournament_puts_its_level_does_not_matter() -> None:
    skill, variance = _tournaments()
    level = np.array([25.0, 0, -3, 7, 100])[:, np.newaxis]

    assert _merge(skill + level, variance).skill == pytest.approx(_merge(skill, variance).skill)


def test_groups_that_agree_leave_no_heterogeneity() -> None:
    skill = np.tile(np.linspace(-2, 2, 12), (5, 1))

    merged = _merge(skill, np.full((5, 12), 0.1))

    assert merged.tau.tolist() == [0, 0]
    assert merged.skill == pytest.approx(skill[0])
    assert not merged.effect.any()


@pytest.mark.parametrize(
    ("engine", "errors"),
    [(Engine.TRUESKILL, [0.29, 0.19, 0.12, 0.095]), (Engine.DAVIDSON, [0.29, 0.22, 0.13, 0.1])],
)
def test_intervals_cover_and_errors_are_small_in_every_column(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, errors: list[float]
) -> None:
    pytest.importorskip("numba", reason="without the compiled loop this takes a minute")
    monkeypatch.setattr(kernel, "WORTH_COMPILING", 0)

    columns = run(engine=engine, seeds=12).columns

    assert all(column.coverage >= 0.9 for column in columns)
    for column, error in zip(columns, errors, strict=True):
        assert column.error <= error


def test_the_merged_ranking_speaks_for_the_electorate_and_the_pool_for_the_sample() -> None:
    study = simulate(battles=40_000, quotas=Quotas.BALANCED, seed=2)
    counts = count_outcomes(
        study.a[:40_000], study.b[:40_000], study.outcome[:40_000], contestants=20
    )
    pooled = fit_davidson(counts).skill
    pooled *= study.skill.std() / pooled.std()

    merged = merge_by_trueskill(study).skill

    assert np.abs(merged - study.skill).mean() < 0.6 * np.abs(pooled - study.skill).mean()


def test_tau_and_the_spread_inside_groups_are_recovered() -> None:
    study = simulate(battles=60_000, quotas=Quotas.ELECTORATE, seed=4, contestants=40)

    merged = merge_by_trueskill(study)

    assert merged.tau == pytest.approx(np.full(3, 1.2), rel=0.2)
    expected = spread_inside_groups(np.full(3, 1.2), composition(study.crossings), study.axis)
    assert merged.noise_variance == pytest.approx(expected, rel=0.4)


def test_both_engines_agree_on_the_order() -> None:
    study = simulate(battles=40_000, quotas=Quotas.BALANCED, seed=6)

    by_points, by_log_odds = merge_by_trueskill(study).skill, merge_by_davidson(study).skill

    assert np.corrcoef(by_points, by_log_odds)[0, 1] > 0.998


def test_the_spread_is_that_of_the_other_axes() -> None:
    X = composition(CROSSINGS)

    spread = spread_inside_groups(np.array([2.0, 3.0]), X, AXIS)

    assert spread[0] == pytest.approx(9 * (1 - (X[0, 2:] ** 2).sum()))
    assert spread[4] == pytest.approx(4 * (1 - (X[4, :2] ** 2).sum()))


def test_raters_without_a_group_count_as_the_electorates_mix() -> None:
    skill, variance = _tournaments()
    partly = CROSSINGS.astype(float)
    partly[0, 2:] *= 0.5
    completed = composition(partly)
    completed[0, 2:] += 0.5 * SHARES[2:]

    merged = _merge(skill, variance, partly)
    stated = merge(skill, variance, composition=completed, axis=AXIS, shares=SHARES)

    # The noise that tournaments share is still that of the battles known to be shared.
    assert merged.skill == pytest.approx(stated.skill, abs=0.1)


def test_an_empty_group_has_an_effect_of_0_with_the_sd_of_its_axis() -> None:
    skill, variance = _tournaments()
    skill[4], variance[4] = 25, 70
    crossings = CROSSINGS.copy()
    crossings[4] = crossings[:, 4] = 0
    crossings[0, 3] = crossings[3, 0] = 300
    crossings[1, 2] = crossings[2, 1] = 300

    merged = _merge(skill, variance, crossings)

    assert merged.effect[4].tolist() == [0] * 12
    assert merged.effect_sd[4] == pytest.approx(np.full(12, merged.tau[1]))
    assert merged.noise_variance.tolist() == [0] * 5


def test_an_axis_of_which_one_group_was_heard_is_as_uncertain_as_the_others() -> None:
    skill, variance = _tournaments()
    heard = [0, 1, 2]
    crossings = np.zeros((5, 5))
    crossings[:2, :2] = np.diag([600, 400])
    crossings[2, :3] = crossings[:3, 2] = 600, 400, 1000

    merged = _merge(skill, variance, crossings)

    assert merged.tau[1] == merged.tau[0] > 0
    assert merged.effect_sd[3:] == pytest.approx(np.full((2, 12), merged.tau[1]))
    assert (merged.sd > 0.5 * merged.tau[1]).all()
    assert np.isfinite(merged.effect[heard]).all()


def test_two_axes_that_split_the_raters_alike_share_what_either_would_explain() -> None:
    skill, variance = _tournaments()
    twice = np.tile(np.diag([600, 400]), (2, 2))
    rows = [0, 1, 0, 1]

    merged = merge(
        skill[rows],
        variance[rows],
        composition=composition(twice),
        axis=np.array([0, 0, 1, 1]),
        shares=np.array([0.3, 0.7, 0.3, 0.7]),
    )

    assert merged.tau[0] == pytest.approx(merged.tau[1])
    assert merged.tau[0] > 0
    assert np.isfinite(merged.sd).all()


def test_one_axis_with_one_group_is_the_tournament_itself() -> None:
    rng = np.random.default_rng(3)
    skill, variance = rng.normal(25, 2, (1, 6)), np.full((1, 6), 0.2)

    merged = merge(
        skill, variance, composition=np.eye(1), axis=np.array([0]), shares=np.array([1.0])
    )

    assert merged.skill == pytest.approx(skill[0] - skill.mean())
    assert merged.sd == pytest.approx(np.sqrt(variance[0]))
    assert merged.tau.tolist() == [0]


def test_one_axis_is_a_weighted_mean_of_its_groups() -> None:
    rng = np.random.default_rng(3)
    skill, variance = rng.normal(0, 2, (2, 30)), np.full((2, 30), 1e-4)
    shares = np.array([0.2, 0.8])

    merged = merge(skill, variance, composition=np.eye(2), axis=np.array([0, 0]), shares=shares)

    centred = _centred(skill, variance)
    assert merged.skill == pytest.approx(shares @ centred, abs=1e-3)


@pytest.mark.parametrize("contestants", [0, 1, 4])
def test_no_battles_leave_skills_at_0_with_the_sd_that_came_in(contestants: int) -> None:
    nothing = np.zeros(0, int)
    common = {"composition": np.zeros((5, 5)), "axis": AXIS, "shares": SHARES}

    points = merge_trueskill(*[nothing] * 4, contestants=contestants, **common)
    log_odds = merge_davidson(np.zeros((5, contestants, contestants, 3)), **common)

    assert points.skill.tolist() == log_odds.skill.tolist() == [0] * contestants
    assert points.sd == pytest.approx(np.full(contestants, 25 / 3))
    assert points.effect.shape == (5, contestants)
    assert points.tau.tolist() == log_odds.tau.tolist() == [0, 0]


def test_one_contestant_is_compared_with_nobody() -> None:
    merged = _merge(np.full((5, 1), 25.0), np.full((5, 1), 4.0))

    assert merged.skill.tolist() == [0]
    assert merged.sd.tolist() == [2]


def test_a_contestant_that_never_played_moves_nobody() -> None:
    skill, variance = _tournaments()
    with_idle = np.column_stack([skill, np.full(5, 30.0)])
    wide = np.column_stack([variance, np.full(5, 70.0)])

    plain, merged = _merge(skill, variance), _merge(with_idle, wide)

    difference = merged.skill[:12] - plain.skill
    assert difference - difference.mean() == pytest.approx(np.zeros(12), abs=0.1)
    assert merged.sd[12] > 5 * merged.sd[:12].max()


def test_shares_that_do_not_add_up_are_refused_by_axis() -> None:
    skill, variance = _tournaments()
    shares = np.array([0.3, 0.7, 0.5, 0.3, 0.3])

    with pytest.raises(SharesError, match=r"axis 1 add up to 1\.1, not to 1") as caught:
        merge(skill, variance, composition=composition(CROSSINGS), axis=AXIS, shares=shares)

    assert caught.value.axis == 1
    assert isinstance(caught.value, RankingError)


def test_a_negative_share_is_refused() -> None:
    skill, variance = _tournaments()
    shares = np.array([-0.3, 1.3, 0.5, 0.3, 0.2])

    with pytest.raises(ValueError, match="at least 0"):
        merge(skill, variance, composition=composition(CROSSINGS), axis=AXIS, shares=shares)


def test_a_composition_is_counted_from_crossings() -> None:
    X = composition(CROSSINGS)

    assert X[0].tolist() == [1, 0, 0.5, 200 / 600, 100 / 600]
    assert np.diagonal(X).tolist() == [1] * 5
    assert not composition(np.zeros((2, 2))).any()
