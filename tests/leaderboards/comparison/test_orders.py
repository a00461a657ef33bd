"""Orders of contestants by people and by a judge."""

import numpy as np
import pytest
from scipy import stats

from leaderboards.comparison.items import Judged, Votes
from leaderboards.comparison.orders import Scale, compare_orders, scores
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import count_outcomes
from tests.leaderboards.comparison.made_up import CONTESTANTS, codes, pairs, votes, world


def test_people_are_ordered_as_on_a_board() -> None:
    w = world()
    a, b = w.items.a[w.votes.item], w.items.b[w.votes.item]
    board = fit_davidson(count_outcomes(a, b, w.votes.outcome, contestants=CONTESTANTS))

    found = compare_orders(w.items, w.votes, w.judged, resamples=0)

    assert found.people == pytest.approx(board.skill)
    expected = stats.spearmanr(found.people, found.judge).statistic
    assert found.spearman.value == pytest.approx(expected)
    assert found.kendall.value == pytest.approx(stats.kendalltau(found.people, found.judge)[0])


def test_a_judge_that_reverses_the_order_is_found_out() -> None:
    w = world(judge_skill=np.linspace(1, -1, CONTESTANTS))

    found = compare_orders(w.items, w.votes, w.judged, resamples=50)

    assert found.spearman.value < -0.9
    assert found.spearman.high < 0
    assert found.spearman.n == CONTESTANTS
    assert found.ceiling > 0.9


def test_shares_of_points_order_as_they_say() -> None:
    w = world()

    found = compare_orders(w.items, w.votes, w.judged, scale=Scale.POINTS, resamples=0)

    assert ((found.people >= 0) & (found.people <= 1)).all()
    assert stats.spearmanr(found.people, w.skill).statistic > 0.9


def test_an_item_counts_as_often_as_its_weight() -> None:
    w = world(items=50)
    counts = w.votes.counts(w.items)
    weights = np.random.default_rng(0).integers(0, 3, (1, 50)).astype(float)

    twice = np.repeat(np.arange(50), weights[0].astype(int))
    item = np.flatnonzero(np.isin(w.votes.item, twice))
    by_hand = np.zeros((CONTESTANTS, CONTESTANTS, 3))
    for v in item:
        i = w.votes.item[v]
        by_hand[w.items.a[i], w.items.b[i], w.votes.outcome[v]] += weights[0, i]

    expected = fit_davidson(by_hand, require_connected=False).skill
    played = by_hand.sum(axis=(1, 2)) + by_hand.sum(axis=(0, 2)) > 0
    assert scores(w.items, counts, weights)[0][played] == pytest.approx(expected[played])


def test_who_was_not_compared_is_in_no_order() -> None:
    items = pairs([(0, 1), (0, 1), (1, 2)])
    people = votes([[0], [0], [0]])
    judged = Judged.of(codes(0, 1), codes(0, 0))

    shared = compare_orders(items, people, judged, resamples=20)
    by_all = compare_orders(items, people, judged, shared=False, resamples=0)

    assert np.isnan(shared.people).tolist() == [False, False, True]
    assert np.isnan(by_all.people).tolist() == [False, False, False]
    assert shared.spearman.value == pytest.approx(1)
    assert shared.spearman.n == by_all.spearman.n == 2


def test_without_votes_there_is_no_order() -> None:
    nobody = Votes(codes(), codes(), codes())

    found = compare_orders(pairs([(0, 1)]), nobody, Judged.of(codes(0), codes(0)), resamples=5)

    assert found.spearman.n == 0
    assert np.isnan([found.spearman.value, found.ceiling]).all()
