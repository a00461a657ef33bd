"""Whose preferences a judge mirrors: found where it does, and not made of a few raters' habits."""

import numpy as np
import pytest

from leaderboards.comparison.items import Judged, Votes
from leaderboards.comparison.similarity import compare_preferences
from leaderboards.ranking.outcomes import TIE
from tests.leaderboards.comparison.made_up import CONTESTANTS, World, draw_outcomes, world


def _two_groups(seed: int = 0) -> tuple[World, dict[str, np.ndarray]]:
    """Forty raters, half of whom see the contestants the other way round; the judge is no such."""
    w = world(seed, items=1200)
    rng = np.random.default_rng(seed)
    rater = rng.integers(0, 40, len(w.votes.item)) + 40 * w.votes.rater
    turned = rater % 2 == 1
    ahead = (w.skill[w.items.a] - w.skill[w.items.b])[w.votes.item]
    outcome = draw_outcomes(np.where(turned, -ahead, ahead), rng)
    votes = Votes(w.votes.item, rater, outcome)
    return World(w.items, votes, w.judged, w.skill), {"with it": ~turned, "against it": turned}


def test_a_judge_mirrors_the_group_that_it_is_like_and_misses_the_other() -> None:
    w, groups = _two_groups()

    found = compare_preferences(w.items, w.votes, w.judged, groups, resamples=60)

    mirrored, missed = found.mirrors
    assert (mirrored.group, missed.group) == ("with it", "against it")
    assert mirrored.is_mirrored
    assert missed.is_missed
    assert missed.similarity.high < 0 < mirrored.similarity.low
    assert mirrored.against_rest.value == pytest.approx(-missed.against_rest.value)
    assert mirrored.raters == missed.raters == 60
    assert 0 < mirrored.similarity.value < mirrored.ceiling <= 1


def test_tables_are_compared_with_each_other_the_judges_last() -> None:
    w, groups = _two_groups()

    found = compare_preferences(w.items, w.votes, w.judged, groups, resamples=2)

    assert found.groups == ("with it", "against it")
    assert found.between.shape == (3, 3)
    assert np.allclose(found.between, found.between.T)
    assert np.allclose(np.diag(found.between), 1)
    similarity = {mirror.group: mirror.similarity.value for mirror in found.mirrors}
    assert found.between[2, 0] == pytest.approx(similarity["with it"])
    assert found.between[0, 1] < 0


def test_which_side_a_contestant_stood_on_changes_no_table() -> None:
    w, groups = _two_groups()
    turned = np.random.default_rng(1).random(len(w.items)) < 0.5
    items = type(w.items).of(
        w.items.contestants,
        np.where(turned, w.items.b, w.items.a),
        np.where(turned, w.items.a, w.items.b),
    )
    outcome = np.where(turned[w.votes.item], 2 - w.votes.outcome, w.votes.outcome)
    said = np.where(turned[w.judged.item], 2 - w.judged.outcome, w.judged.outcome)

    before = compare_preferences(w.items, w.votes, w.judged, groups, resamples=2)
    after = compare_preferences(
        items,
        Votes(w.votes.item, w.votes.rater, outcome),
        Judged.of(w.judged.item, said),
        groups,
        resamples=2,
    )

    assert np.allclose(before.between, after.between)


def test_a_few_raters_who_always_tie_make_no_group_missed() -> None:
    found = []
    for seed in range(30):
        w = world(seed, items=500, contestants=CONTESTANTS)
        rng = np.random.default_rng(seed)
        # Ten raters give most of the verdicts, and each ties as often as she likes.
        rater = np.where(w.votes.rater == 0, rng.integers(0, 10, 1500), np.arange(1500) + 10)
        ties = rng.random(1510)[rater] > rng.random(1500)
        votes = Votes(w.votes.item, rater, np.where(ties, TIE, w.votes.outcome))
        group = rng.random(1510)[rater] < 0.3
        mirror = compare_preferences(
            w.items, votes, w.judged, {"some": group}, resamples=0
        ).mirrors[0]
        found.append(mirror.p_value < 0.05)

    assert np.mean(found) <= 0.14


def test_a_group_without_votes_is_neither() -> None:
    w, groups = _two_groups()
    groups["nobody"] = np.zeros(len(w.votes.item), bool)

    found = compare_preferences(w.items, w.votes, w.judged, groups, resamples=2)

    nobody = next(mirror for mirror in found.mirrors if mirror.group == "nobody")
    assert (nobody.raters, nobody.votes, nobody.similarity.n) == (0, 0, 0)
    assert np.isnan([nobody.ceiling, nobody.agreement.value, nobody.q_value]).all()
    assert not nobody.is_mirrored
    assert not nobody.is_missed
