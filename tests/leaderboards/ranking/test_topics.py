"""Skills by topic: calibration, pooling, degenerate input, and the engine that sees cells."""

import numpy as np
import pytest

from leaderboards.ranking.davidson import fit_tournaments
from leaderboards.ranking.errors import DisconnectedError, RankingError
from leaderboards.ranking.hierarchical import fit_hierarchical
from leaderboards.ranking.hierarchical_cells import Cells, count_by_cell
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.simulation import by_davidson
from leaderboards.ranking.topics import ENOUGH_BATTLES, MAX_TOPICS, pool_topics


def _drawn(
    seed: int, *, contestants: int = 8, topics: int = 6, n: int = 1500, tau: float = 0.4
) -> tuple[FloatArray, FloatArray]:
    """True skills (T, K), and counts (T, K, K, 3) of battles unevenly spread over topics."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(0, 0.8, contestants) + rng.normal(0, tau, (topics, contestants))
    skill -= skill.mean(axis=1, keepdims=True)
    topic = rng.choice(topics, n, p=rng.dirichlet(np.full(topics, 2)))
    a = rng.integers(0, contestants, n)
    b = (a + rng.integers(1, contestants, n)) % contestants
    outcome = by_davidson(0.7)(skill[topic, a] - skill[topic, b] + 0.1, rng)
    counts = count_outcomes(
        a, b, outcome, contestants=contestants, tournament=topic, tournaments=topics
    )
    return skill, counts


def _even(topics: int) -> FloatArray:
    return np.full(topics, 1 / topics)


def test_intervals_hold_and_pooled_skills_err_less_than_each_alone_or_all_alike() -> None:
    covered, covered_overall, tau_covered = [], [], []
    errors: list[list[float]] = []
    for seed in range(60):
        truth, counts = _drawn(seed)
        pooled = pool_topics(counts, _even(6))
        alone = np.array([fit.skill for fit in fit_tournaments(counts)])
        alike = fit_tournaments(counts.sum(axis=0)[np.newaxis])[0].skill
        covered.append((np.abs(pooled.skill - truth) < 1.96 * pooled.sd).mean())
        sd = np.sqrt(np.diagonal(pooled.overall_covariance))
        covered_overall.append((np.abs(pooled.overall - truth.mean(axis=0)) < 1.96 * sd).mean())
        tau_covered.append(pooled.tau_low <= 0.4 <= pooled.tau_high)
        errors.append([np.square(each - truth).mean() for each in (pooled.skill, alone, alike)])
    assert 0.93 <= np.mean(covered) <= 0.97
    assert 0.93 <= np.mean(covered_overall) <= 0.975
    assert np.mean(tau_covered) > 0.88
    of_pooled, of_alone, of_alike = np.sqrt(np.mean(errors, axis=0))
    assert of_pooled < 0.8 * of_alone
    assert of_pooled < 0.8 * of_alike


def test_it_agrees_with_the_engine_whose_one_axis_is_the_topic() -> None:
    _, counts = _drawn(3, contestants=5, topics=4, n=3000)
    cells = Cells(np.zeros(4, int), np.arange(4)[:, np.newaxis], _even(4))
    topic, a, b, outcome = np.nonzero(counts)
    times = counts[topic, a, b, outcome]
    battles = count_by_cell(topic, a, b, outcome, cells=cells, contestants=5, times=times)
    engine, pooled = fit_hierarchical(battles, cells=cells), pool_topics(counts, _even(4))
    for t in range(4):
        theirs = engine.of_group(t)
        # The engine has one side effect and one tie propensity for all, and where a contestant
        # hardly lost its mean is farther out than the mode.
        assert np.abs(theirs.mean - pooled.skill[t]).max() < 0.6 * pooled.sd[t].max()
        np.testing.assert_allclose(pooled.sd[t], theirs.sd, rtol=0.1)
    overall = engine.of_electorate()
    np.testing.assert_allclose(pooled.overall, overall.mean, atol=0.03)
    sd = np.sqrt(np.diagonal(pooled.overall_covariance))
    np.testing.assert_allclose(sd, overall.sd, rtol=0.1)


def test_draws_have_the_moments_that_are_stated() -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    pooled = pool_topics(_drawn(1, contestants=5, topics=4)[1], weights)
    drawn = pooled.draw(20_000, seed=1)
    assert np.abs(drawn.mean(axis=0) - pooled.skill).max() < 0.02
    np.testing.assert_allclose(drawn.std(axis=0), pooled.sd, rtol=0.03)
    overall = np.einsum("ntk,t->nk", drawn, weights)
    np.testing.assert_allclose(np.cov(overall.T), pooled.overall_covariance, atol=2e-3)
    np.testing.assert_allclose(pooled.overall, weights @ pooled.skill, atol=1e-9)
    np.testing.assert_allclose(drawn.sum(axis=2), 0, atol=1e-9)
    assert (pooled.draw(50, seed=2) == pooled.draw(50, seed=2)).all()


def test_a_topic_without_battles_gets_the_overall_skills_and_more_doubt() -> None:
    _, counts = _drawn(5, contestants=5, topics=4)
    counts[2] = 0
    pooled = pool_topics(counts, _even(4))
    played = [0, 1, 3]
    # It knows no more of the topic than what all topics have in common.
    assert np.corrcoef(pooled.skill[2], pooled.skill[played].mean(axis=0))[0, 1] > 0.98
    assert (pooled.sd[2] > pooled.sd[played].min(axis=0)).all()
    assert (pooled.sd[2] > 0.8 * pooled.tau * np.sqrt(4 / 5)).all()
    assert not pooled.is_enough[2].any()
    assert (pooled.is_enough == (pooled.battles >= ENOUGH_BATTLES)).all()


def test_topics_that_do_not_differ_are_drawn_together() -> None:
    truth, counts = _drawn(7, n=4000, tau=0)
    pooled = pool_topics(counts, _even(6))
    assert pooled.tau < 0.2
    assert np.sqrt(np.square(pooled.skill - truth).mean()) < 0.12


def test_the_order_of_topics_and_contestants_does_not_matter() -> None:
    _, counts = _drawn(9, contestants=5, topics=4)
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    t, k = np.array([2, 0, 3, 1]), np.array([4, 2, 0, 1, 3])
    straight = pool_topics(counts, weights)
    turned = pool_topics(counts[t][:, k][:, :, k], weights[t])
    np.testing.assert_allclose(turned.skill, straight.skill[t][:, k], atol=1e-6)
    np.testing.assert_allclose(turned.overall, straight.overall[k], atol=1e-6)
    np.testing.assert_allclose(turned.sd, straight.sd[t][:, k], atol=1e-6)


@pytest.mark.parametrize("contestants", [1, 2])
def test_who_never_met_anybody_is_as_good_as_the_prior_says(contestants: int) -> None:
    pooled = pool_topics(np.zeros((3, contestants, contestants, 3)), _even(3))
    assert (pooled.skill == 0).all()
    assert np.isfinite(pooled.covariance).all()


def test_a_contestant_that_always_wins_is_held_by_the_prior() -> None:
    counts = np.zeros((2, 3, 3, 3))
    counts[0, 0, 1:, 0] = 30
    counts[1, 1, 2] = [4, 2, 4]
    pooled = pool_topics(counts, _even(2))
    assert np.isfinite(pooled.skill).all()
    assert 1 < pooled.skill[0, 0] < 6
    assert pooled.skill[1, 0] > 0.5


def test_what_cannot_be_pooled_is_refused() -> None:
    _, counts = _drawn(11, contestants=4, topics=2)
    parted = counts.copy()
    parted[:, :2, 2:] = parted[:, 2:, :2] = 0
    with pytest.raises(DisconnectedError):
        pool_topics(parted, _even(2))
    with pytest.raises(RankingError, match=r"add up to 1\.2"):
        pool_topics(counts, np.array([0.6, 0.6]))
    with pytest.raises(ValueError, match="Each topic has a weight"):
        pool_topics(counts, np.array([1.5, -0.5]))
    many = MAX_TOPICS + 1
    with pytest.raises(RankingError, match="are too many"):
        pool_topics(np.zeros((many, 2, 2, 3)), _even(many))
