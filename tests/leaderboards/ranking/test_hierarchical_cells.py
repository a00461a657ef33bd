"""Cells of an electorate, and battles guessed into them from the tables of groups."""

import numpy as np
import pytest

from hustings.benchmarks.calibration import Size, draw_study, two_countries
from leaderboards.ranking.errors import RankingError, SharesError
from leaderboards.ranking.hierarchical import fit_hierarchical
from leaderboards.ranking.hierarchical_cells import (
    NO_ELECTORATE,
    UNSAID,
    Cells,
    cells_of_battles,
    count_by_cell,
    design_effect,
    spread_over_cells,
)
from leaderboards.ranking.outcomes import A_WINS, count_outcomes

ONE_AXIS = Cells.of_margins(np.zeros(3, int), np.array([0.5, 0.3, 0.2]))


def test_margins_cross_as_if_independent() -> None:
    cells = Cells.of_margins(np.array([0, 0, 1, 1]), np.array([0.9, 0.1, 0.4, 0.6]))

    assert cells.groups.tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    assert cells.share == pytest.approx([0.36, 0.54, 0.04, 0.06])
    assert cells.crossed_shares[0] == pytest.approx([0.9, 0, 0.36, 0.54])


def test_no_axes_are_one_cell() -> None:
    cells = Cells.of_margins(np.zeros(0, int), np.zeros(0))

    assert cells.groups.shape == NO_ELECTORATE.groups.shape == (1, 0)
    assert cells.share.tolist() == [1]


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(SharesError, match=r"axis 1 add up to 0\.9"):
        Cells.of_margins(np.array([0, 1, 1]), np.array([1, 0.4, 0.5]))
    with pytest.raises(RankingError, match=r"cells add up to 0\.9"):
        Cells(np.array([0, 0]), np.array([[0], [1]]), np.array([0.4, 0.5]))


def test_a_cells_group_is_one_of_its_axis() -> None:
    with pytest.raises(ValueError, match="of that axis"):
        Cells(np.array([0, 1]), np.array([[1, 0]]), np.ones(1))
    with pytest.raises(ValueError, match="no group 2"):
        Cells(np.array([0, 1]), np.array([[0, 2]]), np.ones(1))
    with pytest.raises(ValueError, match="on each of 2 axes"):
        Cells(np.array([0, 1]), np.array([[0]]), np.ones(1))


def test_a_battle_is_in_a_cell_that_there_is() -> None:
    with pytest.raises(ValueError, match="no cell 3"):
        count_by_cell(
            np.array([3]), np.zeros(1), np.ones(1), np.zeros(1), cells=ONE_AXIS, contestants=2
        )


def test_rows_that_stand_for_several_battles_are_as_several_rows() -> None:
    once = np.array([[0, 0, 1, 0], [1, 1, 0, 2], [1, 1, 0, 1]])
    times = np.array([3, 2, 4])

    counted = count_by_cell(*once.T, cells=ONE_AXIS, contestants=2, times=times)
    repeated = count_by_cell(*once.repeat(times, axis=0).T, cells=ONE_AXIS, contestants=2)

    assert counted.battles.tolist() == repeated.battles.tolist() == [3, 6]
    assert (
        counted.points.tolist()
        == repeated.points.tolist()
        == [[2.5, 1.5, 1, 0], [-2.5, -1.5, -1, 0]]
    )
    assert (counted.side_points, counted.ties) == (0.5, 4) == (repeated.side_points, repeated.ties)


def test_with_one_axis_the_groups_tables_are_the_cells() -> None:
    rng = np.random.default_rng(1)
    group, a, outcome = (rng.integers(0, 3, 500) for _ in range(3))
    b = (a + rng.integers(1, 3, 500)) % 3
    counts = np.stack(
        [
            count_outcomes(a[here], b[here], outcome[here], contestants=3)
            for here in (group >= 0, group == 0, group == 1, group == 2)
        ]
    )

    spread = spread_over_cells(counts, np.diag(np.bincount(group)), cells=ONE_AXIS)
    counted = count_by_cell(group, a, b, outcome, cells=ONE_AXIS, contestants=3)

    assert spread.cell.tolist() == counted.cell.tolist()
    assert (spread.a.tolist(), spread.b.tolist()) == (counted.a.tolist(), counted.b.tolist())
    assert spread.battles == pytest.approx(counted.battles, rel=1e-5)
    assert spread.points == pytest.approx(counted.points)
    assert (spread.side_points, spread.ties) == (counted.side_points, counted.ties)


def test_the_groups_tables_tell_nearly_what_the_cells_do() -> None:
    rng = np.random.default_rng(2)
    study = draw_study(two_countries(rng), rng, Size(3000, 8))
    counts, crossings = study.by_group

    spread = spread_over_cells(counts, crossings, cells=study.cells)

    counted = study.by_cell
    assert spread.points == pytest.approx(counted.points)
    assert (spread.side_points, spread.ties) == (counted.side_points, counted.ties)
    of_group = np.bincount(spread.cell, spread.battles, 96) @ study.cells.members
    assert of_group == pytest.approx(np.diagonal(crossings), rel=1e-3)
    told, known = (fit_hierarchical(each, cells=study.cells) for each in (spread, counted))
    assert (np.abs(np.log(told.tau / known.tau)) < known.log_sd[1:]).all()
    apart = told.of_electorate().mean - known.of_electorate().mean
    assert np.abs(apart / known.of_electorate().sd).max() < 0.4
    assert told.of_electorate().sd == pytest.approx(known.of_electorate().sd, rel=0.1)


def test_crossings_say_which_cells_are_full() -> None:
    cells = Cells.of_margins(np.array([0, 0, 1, 1]), np.full(4, 0.5))
    crossings = np.array([[60, 0, 50, 10], [0, 40, 5, 35], [50, 5, 55, 0], [10, 35, 0, 45]])

    part = cells_of_battles(crossings, 100, cells=cells)

    assert part == pytest.approx([0.5, 0.1, 0.05, 0.35], abs=1e-5)


def test_raters_without_a_group_need_a_cell_of_their_own() -> None:
    counts = np.zeros((4, 2, 2, 3))
    counts[0, 0, 1, A_WINS], counts[1, 0, 1, A_WINS] = 10, 7
    with_unsaid = Cells(
        ONE_AXIS.axis, np.vstack([ONE_AXIS.groups, [UNSAID]]), np.append(ONE_AXIS.share, 0)
    )

    with pytest.raises(RankingError, match="group that no cell is in"):
        spread_over_cells(counts, np.diag([7, 0, 0]), cells=ONE_AXIS)

    spread = spread_over_cells(counts, np.diag([7, 0, 0]), cells=with_unsaid)
    assert spread.cell.tolist() == [0, 3]
    assert spread.battles == pytest.approx([7, 3])


def test_no_battles_are_no_rows() -> None:
    spread = spread_over_cells(np.zeros((4, 2, 2, 3)), np.zeros((3, 3)), cells=ONE_AXIS)

    assert spread.cell.shape == (0,)
    assert fit_hierarchical(spread, cells=ONE_AXIS).of_electorate().mean.tolist() == [0, 0]


def test_the_design_effect_is_kishs() -> None:
    halves = Cells.of_margins(np.array([0, 0]), np.array([0.9, 0.1]))

    # Weights of 1.8 and 0.2, half of the battles each.
    assert design_effect(np.diag([50, 50]), 100, cells=halves) == pytest.approx(1.64)
    assert design_effect(np.diag([90, 10]), 100, cells=halves) == pytest.approx(1)
    assert design_effect(np.zeros((2, 2)), 0, cells=halves) >= 1
