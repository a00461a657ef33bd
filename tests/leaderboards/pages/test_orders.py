"""How far two tables agree, and what noise alone would leave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.models import Board, BoardRow
from leaderboards.pages.board import read_rows
from leaderboards.pages.orders import (
    Agreement,
    agreement,
    orders_apart,
    orders_of_groups,
)
from leaderboards.ranking.boards import DimensionInput, Engine
from leaderboards.ranking.hierarchical import fit_hierarchical
from leaderboards.ranking.hierarchical_cells import spread_over_cells
from leaderboards.verdicts import Frame, read_board_input
from studies.models import Contestant
from tests.leaderboards.pages.rows import row


def rows(*scores: float, half: float = 0.01, doubtful: int = -1) -> list[BoardRow]:
    """Contestants with these scores, each with an interval of twice `half`."""
    return [
        row(
            "Ash",
            1,
            1,
            1,
            contestant=Contestant(pk=k),
            contestant_id=k,
            score=score,
            score_low=score - half,
            score_high=score + half,
            is_provisional=k == doubtful,
        )
        for k, score in enumerate(scores)
    ]


def of(one: list[BoardRow], other: list[BoardRow]) -> Agreement:
    """How far tables agree that have nothing in common."""
    found = agreement(*orders_apart([one, other]))
    assert found is not None
    return found


def with_everybody(everybody: list[BoardRow], group: list[BoardRow]) -> Agreement:
    """How far a group agrees with everybody."""
    found = agreement(*orders_of_groups(everybody, [group]))
    assert found is not None
    return found


@given(st.lists(st.integers(-20, 20), min_size=3, max_size=8, unique=True))
def test_an_order_agrees_with_itself_and_in_nothing_with_its_reverse(scores: list[int]) -> None:
    values = [float(score) for score in scores]
    assert of(rows(*values), rows(*values)).seen == 1
    assert of(rows(*values), rows(*(-value for value in values))).seen == 0


def test_a_naive_count_of_pairs_is_the_same() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 9))
    pairs = [(i, j) for i in range(9) for j in range(i)]
    same = sum((one[i] > one[j]) == (other[i] > other[j]) for i, j in pairs)
    assert of(rows(*one), rows(*other)).seen == pytest.approx(same / len(pairs))


def test_the_interval_is_as_wide_as_the_scores_are_uncertain() -> None:
    firm = of(rows(1, 2, 3, 4), rows(1, 2, 4, 3))
    assert (firm.seen, firm.low, firm.high) == pytest.approx((5 / 6, 5 / 6, 5 / 6))
    loose = of(rows(1, 2, 3, 4, half=3), rows(1, 2, 4, 3, half=3))
    assert loose.seen == firm.seen
    assert loose.low < 0.5 < loose.high
    assert firm.words == "83–83\N{NO-BREAK SPACE}%"
    assert firm.tau == "0.67 to 0.67"


def test_provisional_places_say_nothing_and_two_contestants_too_little() -> None:
    assert of(rows(1, 2, 3, 9, doubtful=3), rows(1, 2, 3, -9)).seen == 1
    assert agreement(*orders_apart([rows(1, 2), rows(2, 1)])) is None
    assert agreement(*orders_apart([[], rows(1, 2, 3)])) is None
    assert agreement(*orders_of_groups([], [[]])) is None


def test_a_group_that_is_only_noisy_does_not_disagree() -> None:
    everybody = rows(1, 2, 3, 4, 5, half=0.1)
    noisy = with_everybody(everybody, rows(2, 1, 3, 5, 4, half=3))
    assert not noisy.is_more_than_noise
    sure = with_everybody(everybody, rows(2, 1, 3, 5, 4, half=0.2))
    assert sure.is_more_than_noise
    assert sure.noise_low == 1


def test_of_a_group_that_knows_no_more_than_everybody_all_noise_is_shared() -> None:
    everybody = rows(1, 2, 3, 4, half=5)
    alike = with_everybody(everybody, rows(1, 2, 3, 4, half=5))
    assert (alike.low, alike.high) == (1, 1)


@pytest.mark.django_db
@pytest.mark.one_database
def test_the_intervals_are_those_of_draws_from_the_whole_posterior(board: Board) -> None:
    asked = read_board_input(Frame.of(board.study), Engine.DAVIDSON)
    dimension = asked.dimensions[0]
    assert isinstance(dimension, DimensionInput)
    counts = dimension.counts(len(asked.contestants))
    battles = spread_over_cells(counts, dimension.crossings, cells=asked.cells)
    fit = fit_hierarchical(battles, cells=asked.cells)
    size = fit.effect.size
    covariance = fit.covariance.reshape(size, size)
    factor = np.linalg.cholesky(covariance + np.eye(size) * 1e-9)
    noise = np.random.default_rng(2).standard_normal((4000, size)) @ factor.T
    effect = fit.effect + noise.reshape(4000, *fit.effect.shape)
    mixes = [np.diagonal(fit.crossed_shares)] + [fit.mix_of_group(g) for g in range(5)]
    skill = effect @ np.column_stack([np.ones(6), mixes]).T
    sections = list(board.sections.filter(dimension_key=dimension.key).exclude(scope="sample"))
    rows_of = read_rows(sections)
    everybody = rows_of[sections[0].pk]
    for g, section in enumerate(sections[1:], start=1):
        i, j = np.triu_indices(skill.shape[1], 1)
        above = skill[:, i] > skill[:, j]
        drawn = (above[:, :, 0] == above[:, :, g]).mean(axis=1)
        found = with_everybody(everybody, rows_of[section.pk])
        if found.contestants == len(asked.contestants):
            low, high = np.quantile(drawn, [0.025, 0.975])
            # One of ten pairs is a tenth.
            assert found.low == pytest.approx(low, abs=0.11)
            assert found.high == pytest.approx(high, abs=0.11)
