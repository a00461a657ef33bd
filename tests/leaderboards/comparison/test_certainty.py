"""Whether stated certainty holds: curves worked by hand, and learned where it does not."""

import numpy as np
import pytest

from leaderboards.comparison.certainty import calibrate_certainty, calibration_curve
from leaderboards.comparison.items import Items, Judged, Votes
from leaderboards.ranking.outcomes import A_WINS, B_WINS
from tests.leaderboards.comparison.made_up import codes, pairs, votes


def test_a_curve_is_the_one_worked_out_by_hand() -> None:
    probability = np.array([0.92, 0.98, 0.55, 1.0])
    right = np.array([1.0, 0.5, 0.0, 1.0])

    curve = calibration_curve(probability, right, np.arange(4))

    assert [(each.low, each.high) for each in curve.bins] == [(0.5, 0.6), (0.9, 1.0)]
    assert curve.bins[1].mean == pytest.approx((0.92 + 0.98 + 1) / 3)
    assert (curve.bins[1].right.value, curve.bins[1].right.n) == (pytest.approx(2.5 / 3), 3)
    assert curve.error == pytest.approx((abs(2.9 - 2.5) + 0.55) / 4)
    # By single votes: (.08² + (.02² + .98²)/2 + .55² + 0) / 4.
    assert curve.brier == pytest.approx((0.08**2 + (0.02**2 + 0.98**2) / 2 + 0.55**2) / 4)


def _boaster(seed: int = 0, size: int = 2000) -> tuple[Items, Votes, Judged]:
    """A judge that is right in .5 + .3 (c − .5) of the items when it states c."""
    rng = np.random.default_rng(seed)
    stated = rng.uniform(0.5, 1, size)
    right = rng.random(size) < 0.5 + 0.3 * (stated - 0.5)
    items = Items.of(["x", "y"], np.zeros(size, int), np.ones(size, int))
    people = Votes(np.arange(size), np.zeros(size, int), np.where(right, A_WINS, B_WINS))
    return items, people, Judged.of(np.arange(size), np.zeros(size, int), certainty=stated)


def test_a_judge_that_boasts_is_found_out_and_its_word_is_learned() -> None:
    found = calibrate_certainty(*_boaster())

    assert found.stated.error > 0.15
    assert found.platt.error < 0.04
    assert found.isotonic.error < 0.04
    assert found.platt.brier < found.stated.brier
    assert found.stated.n == found.platt.n == 2000


def test_verdicts_without_certainty_or_votes_are_left_out() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2)])
    judged = Judged.of(codes(0, 1, 2), codes(0, 0, 0), certainty=[0.9, np.nan, 0.9])

    found = calibrate_certainty(items, votes([[0], [0], []]), judged)

    assert found.stated.n == 1
    assert found.stated.error == pytest.approx(0.1)
    # One item alone: there are no others to learn from.
    assert found.platt.bins[0].mean == 0.5


def test_no_certainty_at_all_gives_no_curve() -> None:
    items, people, judged = _boaster(size=5)

    found = calibrate_certainty(items, people, Judged.of(judged.item, judged.outcome))

    assert found.stated.n == 0
    assert np.isnan(found.stated.error)
