"""Battles counted by pair and outcome."""

import numpy as np
import pytest

from leaderboards.ranking.outcomes import (
    A_WINS,
    B_WINS,
    TIE,
    count_outcomes,
    require_counts,
    tally,
)


def test_battles_are_counted_by_side_and_outcome() -> None:
    counts = count_outcomes(
        np.array([0, 0, 2, 1]),
        np.array([1, 1, 0, 0]),
        np.array([A_WINS, A_WINS, TIE, B_WINS]),
        contestants=3,
    )

    assert counts[0, 1, A_WINS] == 2
    assert counts[2, 0, TIE] == 1
    assert counts[1, 0, B_WINS] == 1
    assert counts.sum() == 4


def test_battles_are_counted_by_tournament() -> None:
    counts = count_outcomes(
        np.array([0, 1]),
        np.array([1, 0]),
        np.array([A_WINS, A_WINS]),
        contestants=2,
        tournament=np.array([2, 0]),
        tournaments=3,
    )

    assert counts.shape == (3, 2, 2, 3)
    assert counts[2, 0, 1, A_WINS] == 1
    assert counts[0, 1, 0, A_WINS] == 1


def test_no_battles_are_zero_counts() -> None:
    nothing = np.zeros(0, int)

    assert not count_outcomes(nothing, nothing, nothing, contestants=2).any()


def test_a_tally_adds_up_both_sides() -> None:
    counts = np.zeros((2, 2, 3))
    counts[0, 1] = 5, 3, 1
    counts[1, 0] = 2, 1, 4

    record = tally(counts)

    assert record.wins.tolist() == [9, 3]
    assert record.ties.tolist() == [4, 4]
    assert record.losses.tolist() == [3, 9]
    assert record.battles.tolist() == [16, 16]


@pytest.mark.parametrize("code", [-1, 3])
def test_an_unknown_outcome_is_an_error_and_no_tie(code: int) -> None:
    with pytest.raises(ValueError, match="is no outcome"):
        count_outcomes(np.array([0]), np.array([1]), np.array([code]), contestants=2)


def test_a_contestant_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="no contestant 2 among 2"):
        count_outcomes(np.array([0]), np.array([2]), np.array([TIE]), contestants=2)


def test_a_tournament_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="no tournament 1 among 1"):
        count_outcomes(
            np.array([0]),
            np.array([1]),
            np.array([TIE]),
            contestants=2,
            tournament=np.array([1]),
        )


def test_a_contestant_that_meets_itself_is_an_error() -> None:
    with pytest.raises(ValueError, match="Contestant 1 meets itself"):
        count_outcomes(np.array([1]), np.array([1]), np.array([TIE]), contestants=2)
    with pytest.raises(ValueError, match="meets itself"):
        require_counts(np.ones((2, 2, 3)))


@pytest.mark.parametrize(
    "counts",
    [
        np.zeros((2, 2)),
        np.zeros((2, 2, 2)),
        np.zeros((2, 3, 3)),
        np.full((1, 1, 3), np.nan),
        np.array([[[0, 0, 0], [-1, 0, 0]], [[0, 0, 0], [0, 0, 0]]]),
    ],
)
def test_counts_of_the_wrong_shape_or_sign_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Counts are"):
        require_counts(counts)
