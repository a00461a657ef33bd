"""Gaps between people and a judge by scenario: found where they are, and not made of noise."""

import numpy as np
import pytest

from leaderboards.comparison.items import Items, Judged
from leaderboards.comparison.scenarios import Scenario, Scores, gap_table, pair_scores
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from tests.leaderboards.comparison.made_up import CONTESTANTS, codes, pairs, votes, world

ALL = Scenario("all", "all")


def test_a_gap_is_the_mean_difference_of_points_paired_by_item() -> None:
    items = pairs([(0, 1), (1, 0), (0, 1), (0, 2), (2, 0), (0, 1)])
    people = votes([[A_WINS, TIE], [TIE], [B_WINS], [A_WINS], [B_WINS], []])
    judged = Judged.of(np.arange(6), codes(B_WINS, TIE, B_WINS, TIE, A_WINS, A_WINS))

    (gap,) = gap_table(pair_scores(items, people, judged), [ALL], contestants=3)

    # Only contestant 0 is in five items or more that both compared.
    assert (gap.contestant, gap.items, gap.votes) == (0, 5, 6)
    assert gap.people == pytest.approx((0.75 + 0.5 + 0 + 1 + 1) / 5)
    assert gap.judge == pytest.approx((0 + 0.5 + 0 + 0.5 + 0) / 5)
    assert gap.gap == pytest.approx(gap.judge - gap.people)
    assert gap.low < gap.gap < gap.high


def test_a_contestant_that_the_judge_favours_stands_first() -> None:
    bonus = np.where(np.arange(CONTESTANTS) == 4, 2.0, 0.0)
    w = world(items=1500, own_bonus=bonus)

    gaps = gap_table(pair_scores(w.items, w.votes, w.judged), [ALL], contestants=CONTESTANTS)

    assert gaps[0].contestant == 4
    assert gaps[0].is_found
    assert gaps[0].gap > gaps[0].at_least > 0.1
    assert [gap.at_least for gap in gaps] == sorted((gap.at_least for gap in gaps), reverse=True)


def test_of_a_judge_like_people_hardly_any_gap_is_found() -> None:
    found = []
    for seed in range(10):
        w = world(seed, items=1000)
        topic = np.random.default_rng(seed).integers(0, 5, 1000)
        scenarios = [Scenario("topic", str(t), items=topic == t) for t in range(5)]
        gaps = gap_table(
            pair_scores(w.items, w.votes, w.judged), scenarios, contestants=CONTESTANTS
        )
        assert len(gaps) == 5 * CONTESTANTS
        held = np.mean([gap.low <= 0 <= gap.high for gap in gaps])
        found.append((any(gap.is_found for gap in gaps), held))

    some_found, held = np.mean(found, axis=0)
    assert some_found <= 0.2
    assert 0.92 < held < 0.98


def test_a_scenario_takes_the_votes_of_its_raters_only() -> None:
    w = world(items=300)
    # The first person of each item says that side B wins, whatever is shown.
    contrary = w.votes.rater == 0
    outcome = np.where(contrary, B_WINS, w.votes.outcome)
    people = type(w.votes)(w.votes.item, w.votes.rater, outcome)
    scenarios = [Scenario("group", "contrary", votes=contrary), Scenario("all", "all")]

    gaps = gap_table(pair_scores(w.items, people, w.judged), scenarios, contestants=CONTESTANTS)

    of_group = [gap for gap in gaps if gap.name == "contrary"]
    of_all = [gap for gap in gaps if gap.name == "all"]
    assert sum(gap.votes for gap in of_group) == 2 * 300
    assert sum(gap.votes for gap in of_all) == 2 * 900
    assert sum(gap.items for gap in of_group) == sum(gap.items for gap in of_all) == 2 * 300


def test_items_that_happen_to_be_alike_are_not_certain() -> None:
    rng = np.random.default_rng(0)
    size = 200
    items = Items.of(["x", "y"], np.zeros(size, int), np.ones(size, int))
    people = votes([[int(said)] for said in rng.integers(0, 3, size)])
    outcome = rng.integers(0, 3, size)
    alike = np.arange(size) < 5
    outcome[alike], people.outcome[:5] = A_WINS, B_WINS
    scenarios = [Scenario("topic", "alike", items=alike), Scenario("topic", "rest", items=~alike)]

    gaps = gap_table(
        pair_scores(items, people, Judged.of(np.arange(size), outcome)), scenarios, contestants=2
    )

    narrow = next(gap for gap in gaps if gap.name == "alike")
    assert abs(narrow.gap) == 1
    assert narrow.high - narrow.low > 0.5


def test_single_ratings_have_one_gap_for_each_scenario() -> None:
    rng = np.random.default_rng(1)
    item, contestant = np.arange(60), np.arange(60) % 3
    people = rng.integers(1, 6, 60).astype(float)
    scores = Scores(item, contestant, people, item, item, contestant, people + 0.5)
    scenarios = [ALL, Scenario("length", "short", items=item < 30)]

    gaps = gap_table(scores, scenarios, contestants=3, by_contestant=False)

    assert [(gap.contestant, gap.items) for gap in gaps] == [(None, 60), (None, 30)]
    assert [gap.gap for gap in gaps] == pytest.approx([0.5, 0.5])


def test_where_nobody_differs_there_is_no_gap() -> None:
    items = pairs([(0, 1)] * 6)
    people = votes([[TIE]] * 6)
    judged = Judged.of(np.arange(6), np.full(6, TIE))

    gaps = gap_table(pair_scores(items, people, judged), [ALL], contestants=3)

    assert [(gap.gap, gap.p_value, gap.at_least) for gap in gaps] == [(0, 1, 0)] * 2
    assert gap_table(pair_scores(items, people, judged), [], contestants=3) == ()
