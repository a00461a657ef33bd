"""Intervals, win shares and ranks of fitted skills."""

from math import erf
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import A_WINS, FloatArray
from leaderboards.ranking.uncertainty import (
    DavidsonScore,
    ExpectedScore,
    GaussianScore,
    Summary,
    summarise,
    win_share,
)

DAVIDSON = DavidsonScore(tie_propensity=0.8)
TRUESKILL = GaussianScore(beta=25 / 6, margin=1.5)
MODELS = [DAVIDSON, TRUESKILL]


def _names(contestants: int) -> list[str]:
    return [f"model-{k:02}" for k in range(contestants)]


def _davidson_points(difference: float) -> float:
    win, loss = np.exp(difference / 2), np.exp(-difference / 2)
    return float((win + 0.4) / (win + 0.8 + loss))


def _trueskill_points(difference: float) -> float:
    def above(margin: float) -> float:
        return (1 + erf((difference - margin) / (2 * 25 / 6))) / 2

    return (above(1.5) + above(-1.5)) / 2


def _some(contestants: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.3, (contestants, contestants))
    return rng.normal(0, 1, contestants), root @ root.T


@pytest.mark.parametrize(
    ("score", "points"), [(DAVIDSON, _davidson_points), (TRUESKILL, _trueskill_points)]
)
def test_a_score_without_uncertainty_is_the_models_own(score: ExpectedScore, points) -> None:
    differences = np.array([-8.0, -1.0, 0.0, 0.3, 5.0])

    expected = [points(d) for d in differences]

    assert score(differences, np.zeros(5)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("score", "points"), [(DAVIDSON, _davidson_points), (TRUESKILL, _trueskill_points)]
)
@pytest.mark.parametrize("sd", [0.2, 1.0, 3.0])
def test_an_uncertain_score_is_the_mean_over_the_normal(
    score: ExpectedScore, points, sd: float
) -> None:
    at = np.linspace(-8, 8, 4001)
    weight = np.exp(-(at**2) / 2)
    naive = np.sum([points(1.2 + sd * x) for x in at] * weight) / weight.sum()

    assert score(np.array([1.2]), np.array([sd**2]))[0] == pytest.approx(naive, abs=2e-5)


@pytest.mark.parametrize("score", MODELS)
def test_win_shares_are_the_mean_over_draws(score: ExpectedScore) -> None:
    mean, covariance = _some(4)
    skills = np.random.default_rng(1).multivariate_normal(mean, covariance, 20_000)
    difference = skills[:, :, np.newaxis] - skills[:, np.newaxis]
    points = score(difference, np.zeros_like(difference)).mean(axis=0)
    naive = (points.sum(axis=1) - 0.5) / 3

    assert win_share(mean, covariance, score) == pytest.approx(naive, abs=0.01)


@pytest.mark.parametrize("score", MODELS)
def test_win_shares_add_up_to_half_the_contestants(score: ExpectedScore) -> None:
    mean, covariance = _some(7)

    assert win_share(mean, covariance, score).sum() == pytest.approx(3.5)


def test_a_perfect_contestant_takes_every_point_and_a_huge_difference_does_not_overflow() -> None:
    for score in MODELS:
        shares = win_share(np.array([1e4, 0.0, -1e4]), np.zeros((3, 3)), score)
        assert shares == pytest.approx([1, 0.5, 0])


def test_intervals_are_the_normals() -> None:
    summary = summarise(
        np.array([1.0, -1.0]), sd=np.array([0.5, 0.1]), names=["a", "b"], score=DAVIDSON, seed=1
    )

    assert summary.low == pytest.approx([1 - 0.98, -1 - 0.196], abs=1e-4)
    assert summary.high == pytest.approx([1 + 0.98, -1 + 0.196], abs=1e-4)


def test_certain_skills_have_certain_ranks() -> None:
    summary = summarise(
        np.array([0.0, 2.0, 1.0]), sd=np.zeros(3), names=_names(3), score=DAVIDSON, seed=1
    )

    assert summary.rank.tolist() == [3, 1, 2]
    assert summary.rank_low.tolist() == summary.rank_high.tolist() == [3, 1, 2]
    assert summary.p_best.tolist() == [0, 1, 0]


def test_equal_skills_rank_by_name() -> None:
    summary = summarise(
        np.zeros(3), sd=np.zeros(3), names=["zeta", "alpha", "mu"], score=DAVIDSON, seed=1
    )

    assert summary.rank.tolist() == [3, 1, 2]
    assert summary.rank_low.tolist() == [3, 1, 2]


def test_p_best_is_the_probability_of_being_ahead() -> None:
    summary = summarise(
        np.array([1.0, 0.0]),
        sd=np.array([1.0, 1.0]),
        names=["a", "b"],
        score=DAVIDSON,
        seed=1,
        draws=40_000,
    )

    assert summary.p_best[0] == pytest.approx((1 + erf(0.5)) / 2, abs=0.01)
    assert summary.p_best.sum() == pytest.approx(1)


def test_what_contestants_share_does_not_blur_their_ranks() -> None:
    together = np.full((2, 2), 100.0) + np.eye(2) * 1e-4

    summary = summarise(
        np.array([0.5, 0.0]), covariance=together, names=["a", "b"], score=DAVIDSON, seed=1
    )

    assert summary.p_best[0] == 1


def test_a_rank_interval_holds_the_middle_95_of_100_draws() -> None:
    mean, covariance = _some(6, seed=3)
    summary = summarise(mean, covariance=covariance, names=_names(6), score=DAVIDSON, seed=1)
    skills = np.random.default_rng(9).multivariate_normal(mean, covariance, 50_000)
    ranks = 1 + (skills[:, np.newaxis] > skills[:, :, np.newaxis]).sum(axis=2)
    inside = ((ranks >= summary.rank_low) & (ranks <= summary.rank_high)).mean(axis=0)

    assert (inside > 0.94).all()
    assert (summary.rank_low <= summary.rank).all()
    assert (summary.rank <= summary.rank_high).all()
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    assert np.abs(summary.rank_low - low).max() <= 1
    assert np.abs(summary.rank_high - high).max() <= 1


def test_a_seed_fixes_the_draws() -> None:
    mean, covariance = _some(5)

    def p_best(seed: int) -> list[float]:
        summary = summarise(mean, covariance=covariance, names=_names(5), score=DAVIDSON, seed=seed)
        return summary.p_best.tolist()

    assert p_best(1) == p_best(1)
    assert p_best(1) != p_best(2)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(4)))
def test_relabelling_contestants_permutes_the_summary(order: list[int]) -> None:
    mean, covariance = _some(4)
    names = np.array(_names(4))

    def summary(index: list[int]) -> Summary:
        return summarise(
            mean[index],
            covariance=covariance[np.ix_(index, index)],
            names=names[index].tolist(),
            score=DAVIDSON,
            seed=1,
        )

    plain, relabelled = summary([0, 1, 2, 3]), summary(order)

    assert relabelled.rank.tolist() == plain.rank[order].tolist()
    assert relabelled.win_share == pytest.approx(plain.win_share[order])
    assert relabelled.p_best == pytest.approx(plain.p_best[order])
    assert relabelled.rank_high.tolist() == plain.rank_high[order].tolist()


def test_the_fit_of_a_contestant_that_always_wins_can_be_summarised() -> None:
    counts = np.zeros((3, 3, 3))
    counts[0, 1, A_WINS] = counts[0, 2, A_WINS] = counts[1, 2, A_WINS] = 1000
    fit = fit_davidson(counts)

    summary = summarise(
        fit.skill,
        covariance=fit.covariance,
        names=_names(3),
        score=DavidsonScore(fit.tie_propensity),
        seed=1,
    )

    assert summary.rank.tolist() == [1, 2, 3]
    assert summary.win_share[0] > 0.95


def test_one_contestant_is_the_best_with_half_the_points() -> None:
    summary = summarise(np.zeros(1), sd=np.ones(1), names=["a"], score=TRUESKILL, seed=1)

    assert summary.rank.tolist() == [1]
    assert summary.p_best.tolist() == [1]
    assert summary.win_share.tolist() == [0.5]


def test_no_contestants_are_an_empty_summary() -> None:
    for score in MODELS:
        summary = summarise(np.zeros(0), sd=np.zeros(0), names=[], score=score, seed=1)
        assert summary.rank.shape == summary.p_best.shape == summary.win_share.shape == (0,)


@pytest.mark.parametrize("both", [True, False])
def test_either_the_covariance_or_the_sds_are_given(both: bool) -> None:
    spread = {"sd": np.ones(2), "covariance": np.eye(2)} if both else {}

    with pytest.raises(ValueError, match="either"):
        summarise(np.zeros(2), names=["a", "b"], score=DAVIDSON, seed=1, **spread)


@pytest.mark.parametrize("score", MODELS)
def test_the_boards_of_61_tournaments_are_summarised_within_a_second(score: ExpectedScore) -> None:
    mean, covariance = _some(30)

    start = process_time()
    for seed in range(61):
        summarise(mean, covariance=covariance, names=_names(30), score=score, seed=seed)

    assert process_time() - start < 1.5


def test_a_davidson_score_without_ties_is_a_logit() -> None:
    difference = np.array([0.7])

    assert DavidsonScore(0)(difference, np.zeros(1))[0] == pytest.approx(1 / (1 + np.exp(-0.7)))
    assert GaussianScore(1, 0)(difference, np.zeros(1))[0] == pytest.approx((1 + erf(0.7 / 2)) / 2)
