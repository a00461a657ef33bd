"""Single conversations rated by people and by a judge."""

import numpy as np
import pytest
from scipy import stats

from leaderboards.comparison.ratings import compare_ratings


def test_correlations_are_scipys_and_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    contestant = np.arange(120) % 6
    people = rng.normal(contestant, 1)
    judge = people + rng.normal(0, 1, 120)

    found = compare_ratings(people, judge, contestant)

    assert found.pearson.value == pytest.approx(stats.pearsonr(people, judge).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(people, judge).statistic)
    means = [[values[contestant == k].mean() for k in range(6)] for values in (people, judge)]
    assert found.order.value == pytest.approx(stats.spearmanr(*means).statistic)
    assert (found.pearson.n, found.order.n) == (120, 6)
    z = np.arctanh(found.pearson.value)
    fisher = np.tanh([z - 1.96 / np.sqrt(117), z + 1.96 / np.sqrt(117)])
    assert [found.pearson.low, found.pearson.high] == pytest.approx(fisher, abs=0.05)


def test_a_conversation_that_one_of_the_two_did_not_rate_is_left_out() -> None:
    people = np.array([1.0, 2, 3, np.nan, 5])
    judge = np.array([1.0, 2, 3, 4, np.nan])

    found = compare_ratings(people, judge, np.array([0, 0, 1, 1, 1]))

    assert (found.pearson.value, found.pearson.n) == (pytest.approx(1), 3)
    assert compare_ratings(people[3:4], judge[3:4], np.array([0])).pearson.n == 0
