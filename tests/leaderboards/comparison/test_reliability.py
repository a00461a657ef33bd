"""How far a verdict can be relied on: learned from what tells, and from other items."""

import numpy as np
import pytest

from leaderboards.comparison.items import Items, Judged, Votes
from leaderboards.comparison.reliability import (
    area,
    doubt,
    entropy,
    estimate_reliability,
    length_ratio,
    skill_difference,
)
from leaderboards.ranking.outcomes import A_WINS, B_WINS
from tests.leaderboards.comparison.made_up import codes, pairs, world


def test_entropy_is_of_the_mean_probabilities_of_an_item() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2), (0, 1)])
    judged = Judged.of(
        codes(0, 0, 1, 2),
        codes(0, 0, 0, 0),
        shown_first=codes(0, 1, 0, 0),
        probabilities=np.array([[1, 0, 0], [0, 0, 1], [1, 0, 0], [np.nan] * 3]),
    )

    found = entropy(items, judged)

    assert found[:2] == pytest.approx([np.log(2), 0])
    assert np.isnan(found[2:]).all()


def test_the_area_is_the_chance_of_a_right_one_above_a_wrong_one() -> None:
    score, right = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.5])
    pairs_won, of = 0.0, 0.0
    for x, yes in zip(score, right, strict=True):
        for y, other in zip(score, right, strict=True):
            weight = yes * (1 - other)
            of += weight
            pairs_won += weight * ((x > y) + (x == y) / 2)

    assert area(score, right) == pytest.approx(pairs_won / of)
    assert np.isnan(area(score, np.ones(4)))


def _doubtful(seed: int = 0, size: int = 1500) -> tuple[Items, Votes, Judged]:
    """A judge asked three times in each order, that guesses half of the items."""
    rng = np.random.default_rng(seed)
    items = Items.of(["x", "y", "z"], np.zeros(size, int), rng.integers(1, 3, size))
    truth = np.where(rng.random(size) < 0.5, A_WINS, B_WINS)
    guesses = rng.random(size) < 0.5
    item = np.repeat(np.arange(size), 6)
    chance = np.where(guesses, 0.5, 0.97)[item]
    said = np.where(rng.random(6 * size) < chance, truth[item], 2 - truth[item])
    judged = Judged.of(
        item,
        said,
        shown_first=np.tile([0, 0, 0, 1, 1, 1], size),
        sample=np.tile([1, 2, 3], 2 * size),
    )
    return items, Votes(np.arange(size), np.zeros(size, int), truth), judged


def test_a_judge_that_disagrees_with_itself_is_relied_on_less_and_as_far_as_is_right() -> None:
    items, people, judged = _doubtful()

    found = estimate_reliability(items, people, judged)

    assert found.n == len(items)
    assert found.area > 0.7
    assert found.brier_gain > 0.05
    assert found.curve.error < 0.05


def test_nothing_is_learned_where_nothing_tells() -> None:
    rng = np.random.default_rng(0)
    items, people, _ = _doubtful()
    guessed = Judged.of(np.arange(len(items)), np.where(rng.random(len(items)) < 0.5, 0, 2))

    found = estimate_reliability(items, people, guessed)

    assert abs(found.area - 0.5) < 0.05
    assert abs(found.brier_gain) < 0.01


def test_an_items_own_votes_are_not_in_its_estimate() -> None:
    items, people, judged = _doubtful(size=200)
    turned = people.outcome.copy()
    turned[17] = 2 - turned[17]

    before = estimate_reliability(items, people, judged).reliability
    after = estimate_reliability(
        items, Votes(people.item, people.rater, turned), judged
    ).reliability

    assert after[17] == before[17]
    assert (after != before).any()


def test_items_without_votes_are_estimated_and_those_without_verdict_are_not() -> None:
    items, people, judged = _doubtful(size=200)
    said = judged.item != 3

    found = estimate_reliability(items, people.only(people.item < 150), judged.only(said))

    assert np.isfinite(found.reliability[150:]).all()
    assert np.isnan(found.reliability[3])
    assert found.n == 149
    nobody = estimate_reliability(items, people.only(people.item < 0), judged)
    assert np.isnan(nobody.reliability).all()
    assert nobody.n == 0


def test_another_judge_that_agrees_is_a_reason_to_rely() -> None:
    w = world(items=1000, votes_each=1)
    other = world(items=1000, votes_each=1)
    assert (w.items.a == other.items.a).all()
    rng = np.random.default_rng(5)
    # The other judge sees what people see, with its own noise.
    sided = Judged.of(
        np.arange(1000), np.where(rng.random(1000) < 0.8, w.votes.outcome, rng.integers(0, 3, 1000))
    )

    alone = estimate_reliability(w.items, w.votes, w.judged)
    together = estimate_reliability(w.items, w.votes, w.judged, others=[sided])

    assert together.area > alone.area + 0.1


def test_doubt_is_finite_whatever_is_unknown() -> None:
    items = pairs([(0, 1), (1, 2)])

    found = doubt(items, Judged.of(codes(0), codes(0)))

    assert np.isfinite(found).all()
    assert len(found) == 2
    assert length_ratio(items).tolist() == [0, 0]


def test_a_judges_ranking_counts_an_item_once_however_often_it_was_judged() -> None:
    w = world()
    thrice = np.repeat(np.arange(len(w.judged.item)), 3)

    once, often = (skill_difference(w.items, each) for each in (w.judged, w.judged.only(thrice)))

    assert often == pytest.approx(once)
