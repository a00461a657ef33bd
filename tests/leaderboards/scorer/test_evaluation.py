"""How good a scorer is said to be: on held-out blocks alone, and never better than it is."""

from pathlib import Path

import numpy as np
import pytest

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from leaderboards.scorer.comparisons import Comparisons
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import cross_fit, measure_accuracy, measure_calibration
from tests.data import data_file
from tests.leaderboards.scorer.drawn import draw_comparisons


def test_known_wishes_are_told_better_than_by_length_or_majority() -> None:
    found = cross_fit(draw_comparisons(1, verdicts=500), seed=0).evaluation
    assert found.scorer.accuracy > found.length_only.accuracy > found.majority.accuracy
    assert found.scorer.loss < found.length_only.loss
    assert found.scorer.accuracy > found.contestants_alone.accuracy
    assert found.new_contestants is not None
    assert found.new_contestants.accuracy > 0.6
    assert found.scorer.low < found.scorer.accuracy < found.scorer.high
    assert found.calibration.error < 0.12


def test_verdicts_at_random_are_told_by_nobody() -> None:
    told = [
        cross_fit(
            draw_comparisons(seed, verdicts=300, wishes={}), seed=0, with_new_contestants=False
        )
        for seed in (10, 11, 12)
    ]
    accuracies = [each.evaluation.scorer.accuracy for each in told]
    # Three times the standard error of some 700 tosses.
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.06)


def test_nothing_of_a_block_is_known_outside_of_it() -> None:
    # Who wins is a matter of the block alone, by chance: whoever peeks into it is always right.
    drawn = draw_comparisons(3, verdicts=400, blocks=40, wishes={})
    winner = np.random.default_rng(0).choice([A_WINS, B_WINS], 40)
    peeked = Comparisons(**{**vars(drawn), "outcome": winner[drawn.block]})
    found = cross_fit(peeked, seed=0, with_new_contestants=False).evaluation
    assert found.scorer.accuracy < 0.65


def test_each_group_has_its_own_accuracy() -> None:
    drawn = draw_comparisons(4, verdicts=300)
    both = cross_fit(drawn, seed=0, with_new_contestants=False).evaluation
    counted = [each.decided for each in both.by_group if each is not None]
    assert sum(counted) == both.scorer.decided
    assert both.new_contestants is None


def test_accuracy_counts_winners_and_halves_a_toss() -> None:
    drawn = draw_comparisons(5, verdicts=4)
    given = Comparisons(**{**vars(drawn), "outcome": np.array([A_WINS, B_WINS, TIE, A_WINS])})
    said = np.array([[0.6, 0.1, 0.3], [0.6, 0.1, 0.3], [0.2, 0.6, 0.2], [0.4, 0.2, 0.4]])
    found = measure_accuracy(said, given, seed=0)
    assert (found.verdicts, found.decided) == (4, 3)
    assert found.accuracy == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.three_way == pytest.approx(3 / 4)
    assert found.loss == pytest.approx(-np.log([0.6, 0.3, 0.6, 0.4]).mean())


def test_calibration_compares_confidence_with_what_came() -> None:
    drawn = draw_comparisons(6, verdicts=400)
    outcome = np.where(np.arange(400) % 4 == 0, B_WINS, A_WINS)
    given = Comparisons(**{**vars(drawn), "outcome": outcome})
    sure = measure_calibration(np.tile([0.9, 0.0, 0.1], (400, 1)), given)
    assert sure.error == pytest.approx(0.15)
    fair = measure_calibration(np.tile([0.6, 0.2, 0.2], (400, 1)), given)
    assert fair.error == pytest.approx(0)
    assert [(each.verdicts, each.right) for each in fair.bins] == [(400, 0.75)]


def test_ties_alone_have_no_winner_to_be_told() -> None:
    drawn = draw_comparisons(7, verdicts=8)
    ties = Comparisons(**{**vars(drawn), "outcome": np.full(8, TIE)})
    with pytest.raises(ScorerError, match="no winner"):
        measure_accuracy(np.full((8, 3), 1 / 3), ties, seed=0)


def test_the_benchmark_beats_length_and_majority_on_pandalm() -> None:
    from hustings.benchmarks.scorer import read_pandalm_comparisons

    folder = Path(data_file("judges/pandalm.jsonl.gz")).parents[1]
    given = read_pandalm_comparisons(folder)
    found = cross_fit(given, seed=0, with_new_contestants=False).evaluation
    assert found.scorer.accuracy > found.length_only.accuracy + 0.02
    assert found.scorer.accuracy > found.majority.accuracy + 0.15
