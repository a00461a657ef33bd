"""The hierarchical engine: against naive fits, a flat one, simulated truth, degenerate input."""

from typing import Any

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from leaderboards.ranking import hierarchical_mode, hierarchical_scales
from leaderboards.ranking.davidson import DavidsonPrior, fit_davidson
from leaderboards.ranking.errors import DisconnectedError
from leaderboards.ranking.gain import Knowledge, after_battles, gains, look_ahead
from leaderboards.ranking.hierarchical import (
    HIERARCHICAL_PRIOR,
    HierarchicalPrior,
    fit_hierarchical,
    model_of,
    rank_shift,
)
from leaderboards.ranking.hierarchical_cells import (
    NO_ELECTORATE,
    UNSAID,
    CellBattles,
    Cells,
    count_by_cell,
)
from leaderboards.ranking.hierarchical_mode import find_mode, pose
from leaderboards.ranking.hierarchical_scales import fit_scales
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray, count_outcomes
from leaderboards.ranking.simulation import by_davidson

# Two groups and three, unevenly shared and not independent; and raters who say nothing of age.
AXIS = np.array([0, 0, 1, 1, 1])
GROUPS = np.array([(g, h) for g in (0, 1) for h in (2, 3, 4)] + [(UNSAID, h) for h in (2, 3, 4)])
CELLS = Cells(AXIS, GROUPS, np.array([0.2, 0.25, 0.05, 0.1, 0.1, 0.3, 0, 0, 0]))
SCALES = np.array([1.0, 0.8, 0.5])

Row = tuple[int, int, int, int, int]


def _battles(contestants: int, *rows: Row, cells: Cells = NO_ELECTORATE) -> CellBattles:
    """Rows of cell, side A, side B, outcome and times."""
    cell, a, b, outcome, times = np.array(rows, int).reshape(-1, 5).T
    return count_by_cell(cell, a, b, outcome, cells=cells, contestants=contestants, times=times)


def _drawn(
    seed: int, n: int = 400, contestants: int = 4, scales: FloatArray = SCALES
) -> tuple[tuple[IntArray, IntArray, IntArray, IntArray], FloatArray]:
    """Battles (N,) in CELLS, and the true effects (K, 1 + G)."""
    rng = np.random.default_rng(seed)
    model = model_of(CELLS)
    effect = rng.normal(0, scales[model.column], (contestants, len(model.column))) @ model.basis.T
    effect -= effect.mean(axis=0)
    skill = np.column_stack([np.ones(len(GROUPS)), CELLS.members]) @ effect.T
    cell = rng.integers(0, len(GROUPS), n)
    a = rng.integers(0, contestants, n)
    b = (a + rng.integers(1, contestants, n)) % contestants
    outcome = by_davidson(0.7)(skill[cell, a] - skill[cell, b] + 0.3, rng)
    return (cell, a, b, outcome), effect


def _naive_log_posterior(
    point: FloatArray, rows: tuple[IntArray, ...], scales: FloatArray, contestants: int
) -> float:
    """The model as it is written down, battle by battle."""
    model = model_of(CELLS)
    *coefficients, side, log_tie = point
    B = np.reshape(coefficients, (contestants, -1))
    effect = B @ model.basis.T
    total = 0.0
    for cell, a, b, outcome in zip(*rows, strict=True):
        mine = [1 + g for g in GROUPS[cell] if g != UNSAID]
        theta = effect[:, 0] + effect[:, mine].sum(axis=1)
        eta = theta[a] - theta[b] + side
        weight = {A_WINS: np.exp(eta / 2), TIE: np.exp(log_tie), B_WINS: np.exp(-eta / 2)}
        total += np.log(weight[outcome] / sum(weight.values()))
    prior = HIERARCHICAL_PRIOR
    total -= np.square(B / scales[model.column]).sum() / 2
    total -= (side / prior.side_effect_sd) ** 2 / 2
    return total - ((log_tie - prior.log_tie_mean) / prior.log_tie_sd) ** 2 / 2


def test_the_mode_agrees_with_a_naive_fit_of_the_written_model() -> None:
    rows, _ = _drawn(1, n=120, contestants=3)
    problem = pose(count_by_cell(*rows, cells=CELLS, contestants=3), CELLS, model_of(CELLS))

    mode = find_mode(problem, problem.precision(np.log(SCALES)))

    size = len(mode.point)
    naive = minimize(
        lambda point: -_naive_log_posterior(point, rows, SCALES, 3), np.zeros(size), tol=1e-8
    )
    assert mode.point == pytest.approx(naive.x, abs=1e-5)
    best = _naive_log_posterior(mode.point, rows, SCALES, 3)
    assert mode.log_posterior == pytest.approx(best, abs=1e-6)
    step = 1e-4
    for direction in np.random.default_rng(2).normal(size=(4, size)):
        ends = [
            _naive_log_posterior(mode.point + t * step * direction, rows, SCALES, 3)
            for t in (-1, 1)
        ]
        assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(0, abs=1e-6)
        curvature = (2 * best - sum(ends)) / step**2
        assert curvature == pytest.approx(direction @ mode.information @ direction, rel=1e-4)


def test_without_an_electorate_the_fit_is_that_of_one_tournament() -> None:
    (_, a, b, outcome), _ = _drawn(2)
    nowhere = np.zeros_like(a)
    battles = count_by_cell(nowhere, a, b, outcome, cells=NO_ELECTORATE, contestants=4)
    problem = pose(battles, NO_ELECTORATE, model_of(NO_ELECTORATE))
    flat = fit_davidson(count_outcomes(a, b, outcome, contestants=4))

    mode = find_mode(problem, problem.precision(np.log([DavidsonPrior().skill_sd])))
    fit = fit_hierarchical(battles, cells=NO_ELECTORATE, scales=np.array([2.0]))

    assert mode.point[:4] == pytest.approx(flat.skill, abs=1e-6)
    assert mode.point[4] == pytest.approx(flat.side_effect, abs=1e-6)
    assert np.exp(mode.point[5]) == pytest.approx(flat.tie_propensity, abs=1e-6)
    assert fit.of_electorate().covariance == pytest.approx(flat.covariance, abs=1e-6)
    assert fit.side_effect_sd == pytest.approx(flat.side_effect_sd, abs=1e-6)
    assert fit.log_tie_sd == pytest.approx(flat.log_tie_sd, abs=1e-6)


def test_without_ties_and_sides_it_is_bradley_and_terrys_as_choix_has_it() -> None:
    (cell, a, b, _), _ = _drawn(3)
    won = np.where(np.random.default_rng(3).random(len(a)) < 0.6, A_WINS, B_WINS)
    pairs = [(i, j) if o == A_WINS else (j, i) for i, j, o in zip(a, b, won, strict=True)]
    prior = HierarchicalPrior(side_effect_sd=1e-6, log_tie_mean=-30, log_tie_sd=1e-6)
    battles = count_by_cell(cell * 0, a, b, won, cells=NO_ELECTORATE, contestants=4)
    problem = pose(battles, NO_ELECTORATE, model_of(NO_ELECTORATE, prior))

    mode = find_mode(problem, problem.precision(np.log([2.0])))

    theirs = choix.opt_pairwise(4, pairs, alpha=1 / 2 / 2.0**2, tol=1e-10)
    assert mode.point[:4] == pytest.approx(theirs - theirs.mean(), abs=1e-5)


def test_the_mean_takes_account_of_what_the_mode_leaves_out() -> None:
    # One contestant won all five: the posterior of the difference leans to the right.
    prior = HierarchicalPrior(side_effect_sd=1e-6, log_tie_mean=-30, log_tie_sd=1e-6)
    battles = _battles(2, (0, 0, 1, A_WINS, 5))
    fit = fit_hierarchical(battles, cells=NO_ELECTORATE, scales=np.array([1.0]), prior=prior)

    skills = fit.of_electorate()

    difference = np.linspace(-12, 16, 20_001)
    density = np.exp(-(difference**2) / 4 - 5 * np.logaddexp(0, -difference))
    density /= density.sum()
    mean = density @ difference
    mode = difference[density.argmax()]
    stated = skills.mean[0] - skills.mean[1]
    assert abs(stated - mean) < 0.3 * abs(mode - mean)


def test_the_slope_of_the_scales_density_is_that_of_its_differences() -> None:
    rows, _ = _drawn(4)
    problem = pose(count_by_cell(*rows, cells=CELLS, contestants=4), CELLS, model_of(CELLS))
    log_scale = np.log([0.9, 0.3, 1.2])

    def density(at: FloatArray) -> float:
        return hierarchical_scales._at_scales(problem, at, None, 1e-12).log_density

    slope = hierarchical_scales._at_scales(problem, log_scale, None, 1e-12).gradient

    step = 1e-4
    differences = [
        (density(log_scale + step * axis) - density(log_scale - step * axis)) / (2 * step)
        for axis in np.eye(3)
    ]
    assert slope == pytest.approx(differences, abs=1e-5)


def test_no_scales_are_more_likely_than_those_that_are_found() -> None:
    rows, _ = _drawn(5, n=3000)
    problem = pose(count_by_cell(*rows, cells=CELLS, contestants=4), CELLS, model_of(CELLS))

    found = fit_scales(problem)

    def loss(at: FloatArray) -> float:
        return -hierarchical_scales._at_scales(problem, at, None, 1e-12).log_density

    slow = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
    assert found.log_scale == pytest.approx(slow.x, abs=1e-3)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(4)))
def test_relabelling_contestants_permutes_the_fit(seed: int, order: list[int]) -> None:
    (cell, a, b, outcome), _ = _drawn(seed, n=60)
    place = np.argsort(order)
    fit = _fitted(cell, a, b, outcome)

    relabelled = _fitted(cell, place[a], place[b], outcome)

    assert relabelled.effect == pytest.approx(fit.effect[order], abs=1e-5)
    assert relabelled.tau == pytest.approx(fit.tau, rel=1e-4)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
def test_swapping_the_sides_flips_the_side_effect_and_nothing_else(seed: int) -> None:
    (cell, a, b, outcome), _ = _drawn(seed, n=60)
    fit = _fitted(cell, a, b, outcome)

    swapped = _fitted(cell, b, a, A_WINS + B_WINS - outcome)

    assert swapped.side_effect == pytest.approx(-fit.side_effect, abs=1e-5)
    assert swapped.effect == pytest.approx(fit.effect, abs=1e-5)
    assert swapped.covariance == pytest.approx(fit.covariance, abs=1e-5)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_the_order_of_rows_does_not_matter(seed: int, data: st.DataObject) -> None:
    rows, _ = _drawn(seed, n=40)
    order = np.array(data.draw(st.permutations(range(40))))

    shuffled = _fitted(*(column[order] for column in rows))

    assert shuffled.effect == pytest.approx(_fitted(*rows).effect, abs=1e-9)


def _fitted(cell: IntArray, a: IntArray, b: IntArray, outcome: IntArray) -> Any:
    battles = count_by_cell(cell, a, b, outcome, cells=CELLS, contestants=4)
    return fit_hierarchical(battles, cells=CELLS, require_connected=False)


def test_groups_in_their_shares_make_the_electorate() -> None:
    rows, _ = _drawn(6)
    fit = _fitted(*rows)
    shares = np.diagonal(CELLS.crossed_shares)

    for axis in (0, 1):
        groups = np.flatnonzero(axis == AXIS)
        mixed = sum(shares[g] * fit.of_group(g).mean for g in groups)
        assert mixed == pytest.approx(fit.of_electorate().mean, abs=1e-9)
    assert fit.of_electorate().mean == pytest.approx(fit.effect[:, 0], abs=1e-9)
    assert fit.effect.sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-9)


def test_a_group_is_mixed_on_the_other_axes_as_it_is_in_the_electorate() -> None:
    rows, _ = _drawn(7)
    fit = _fitted(*rows)

    of_cells = np.column_stack([np.ones(len(GROUPS)), CELLS.members]) @ fit.effect.T
    inside = CELLS.share * CELLS.members[:, 3]
    assert fit.of_group(3).mean == pytest.approx(inside @ of_cells / inside.sum(), abs=1e-9)


def test_raters_who_say_nothing_count_as_the_electorates_mix() -> None:
    (_, a, b, outcome), _ = _drawn(8)
    unsaid = Cells(AXIS, np.vstack([GROUPS, (UNSAID, UNSAID)]), np.append(CELLS.share, 0))
    nowhere = np.full_like(a, len(GROUPS))
    scales = np.array([1.0, 0.8, 0.5])

    silent = count_by_cell(nowhere, a, b, outcome, cells=unsaid, contestants=4)
    flat = count_by_cell(nowhere * 0, a, b, outcome, cells=NO_ELECTORATE, contestants=4)

    of_all = fit_hierarchical(silent, cells=unsaid, scales=scales).of_electorate()
    of_flat = fit_hierarchical(flat, cells=NO_ELECTORATE, scales=scales[:1]).of_electorate()
    assert of_all.mean == pytest.approx(of_flat.mean, abs=1e-7)
    assert of_all.covariance == pytest.approx(of_flat.covariance, abs=1e-7)


def test_the_overall_ranking_is_the_electorates_whoever_was_heard() -> None:
    # All of nine in ten are in group 0, where 0 wins; the study hears mostly group 1.
    cells = Cells.of_margins(np.array([0, 0]), np.array([0.9, 0.1]))
    battles = _battles(
        2,
        (0, 0, 1, A_WINS, 80),
        (0, 0, 1, B_WINS, 20),
        (1, 0, 1, A_WINS, 200),
        (1, 0, 1, B_WINS, 800),
        cells=cells,
    )

    fit = fit_hierarchical(battles, cells=cells)

    assert fit.of_electorate().mean[0] > 0.3
    assert fit.of_group(0).mean[0] > 0.4
    assert fit.of_group(1).mean[0] < -0.4


def test_few_battles_of_a_group_leave_it_near_the_others() -> None:
    cells = Cells.of_margins(np.array([0, 0, 0]), np.full(3, 1 / 3))
    rng = np.random.default_rng(9)
    skill = np.linspace(-1, 1, 8)
    a = rng.integers(0, 8, 3000)
    b = (a + rng.integers(1, 8, 3000)) % 8
    outcome = by_davidson(0.7)(skill[a] - skill[b], rng)
    cell = np.where(np.arange(3000) < 20, 2, rng.integers(0, 2, 3000))

    fit = fit_hierarchical(
        count_by_cell(cell, a, b, outcome, cells=cells, contestants=8), cells=cells
    )

    assert np.abs(fit.of_group(2).mean - skill).max() < 0.5
    assert fit.of_group(2).sd.mean() > fit.of_group(0).sd.mean()


def test_intervals_hold_although_pairs_were_chosen_by_their_gain() -> None:
    contestants, covered = 6, []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        skill = rng.normal(0, 0.6, contestants)
        skill -= skill.mean()
        a, b, outcome = (np.zeros(0, int) for _ in range(3))
        for _ in range(6):
            given_so_far = count_by_cell(
                a * 0, a, b, outcome, cells=NO_ELECTORATE, contestants=contestants
            )
            fit = fit_hierarchical(given_so_far, cells=NO_ELECTORATE, require_connected=False)
            known = fit.of_electorate()
            ahead = look_ahead([Knowledge(known.mean, known.covariance, fit.tie_propensity)])
            for _ in range(25):
                chosen = np.unravel_index(gains(ahead).argmax(), (contestants, contestants))
                i, j = rng.permutation(chosen).tolist()
                ahead = after_battles(ahead, i, j)
                verdict = by_davidson(0.6)(np.array([skill[i] - skill[j]]), rng)
                a, b, outcome = np.append(a, i), np.append(b, j), np.append(outcome, verdict)
        covered.append((np.abs(known.mean - skill) <= 1.96 * known.sd).mean())

    assert 0.9 <= np.mean(covered) <= 0.99


def test_nothing_known_is_the_prior() -> None:
    fit = fit_hierarchical(_battles(3, cells=CELLS), cells=CELLS)

    assert fit.effect.tolist() == np.zeros((3, 6)).tolist()
    assert [fit.skill_sd, *fit.tau] == pytest.approx([2, 1, 1], rel=1e-3)
    assert fit.of_electorate().sd == pytest.approx(np.full(3, 2 * np.sqrt(2 / 3)), rel=0.06)
    assert fit.tie_propensity == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize("contestants", [0, 1])
def test_too_few_to_compare_have_skill_0_for_certain(contestants: int) -> None:
    fit = fit_hierarchical(_battles(contestants, cells=CELLS), cells=CELLS)

    assert fit.of_group(0).mean.tolist() == [0] * contestants
    assert fit.of_group(0).sd.tolist() == [0] * contestants
    assert rank_shift(fit, seed=1, draws=10).mean.tolist() == [0, 0]


def test_nothing_but_ties_make_contestants_equal_and_ties_likely() -> None:
    fit = fit_hierarchical(_battles(2, (0, 0, 1, TIE, 1000)), cells=NO_ELECTORATE)

    assert fit.of_electorate().mean == pytest.approx([0, 0], abs=1e-9)
    assert 10 < fit.tie_propensity < np.inf


def test_a_contestant_that_always_wins_is_bounded_by_the_prior() -> None:
    rows = [
        (0, 0, 1, A_WINS, 50),
        (0, 0, 2, A_WINS, 50),
        (0, 1, 2, A_WINS, 5),
        (0, 2, 1, A_WINS, 5),
    ]

    skills = fit_hierarchical(_battles(3, *rows), cells=NO_ELECTORATE).of_electorate()

    assert 2 < skills.mean[0] < 8
    assert skills.sd[0] > 1.5 * skills.sd[1]


def test_a_contestant_never_met_has_the_others_mean_and_spread() -> None:
    rows, _ = _drawn(10, n=2000)
    battles = count_by_cell(*rows, cells=CELLS, contestants=5)

    fit = fit_hierarchical(battles, cells=CELLS)

    skills = fit.of_electorate()
    assert abs(skills.mean[4]) < 0.2
    assert skills.sd[4] == pytest.approx(fit.skill_sd, rel=0.5)
    assert skills.sd[4] > 3 * skills.sd[:4].max()


def test_a_group_that_nobody_is_from_has_the_spread_of_its_axis() -> None:
    (cell, a, b, outcome), _ = _drawn(11, n=2000)
    heard = CELLS.members[cell, 4] == 0

    fit = _fitted(cell[heard], a[heard], b[heard], outcome[heard])

    assert (fit.of_group(4).sd > fit.of_group(3).sd).all()


def test_parts_that_never_met_are_refused_unless_asked() -> None:
    battles = _battles(4, (0, 0, 1, A_WINS, 5), (0, 2, 3, A_WINS, 5))

    with pytest.raises(DisconnectedError, match=r"2 parts.*0, 1; 2, 3"):
        fit_hierarchical(battles, cells=NO_ELECTORATE)

    skills = fit_hierarchical(battles, cells=NO_ELECTORATE, require_connected=False).of_electorate()
    assert skills.mean[0] == pytest.approx(skills.mean[2])


def test_a_million_victories_stay_finite() -> None:
    fit = fit_hierarchical(_battles(2, (0, 0, 1, A_WINS, 10**6)), cells=NO_ELECTORATE)

    assert 5 < fit.of_electorate().mean[0] < 20


def test_an_axis_of_one_group_says_nothing() -> None:
    cells = Cells.of_margins(np.array([0]), np.array([1.0]))
    rows = (0, 0, 1, A_WINS, 30), (0, 1, 0, A_WINS, 10)

    fit = fit_hierarchical(_battles(2, *rows, cells=cells), cells=cells)
    flat = fit_hierarchical(_battles(2, *rows), cells=NO_ELECTORATE)

    assert fit.of_group(0).mean == pytest.approx(flat.of_electorate().mean, abs=0.02)
    assert fit.effect[:, 1].tolist() == [0, 0]


def test_cells_in_blocks_add_up_to_the_same_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = _drawn(12)
    whole = _fitted(*rows)

    monkeypatch.setattr(hierarchical_mode, "BLOCK", 12)

    assert _fitted(*rows).effect == pytest.approx(whole.effect, abs=1e-9)


def test_the_shift_of_ranks_tells_axes_apart() -> None:
    cells = Cells.of_margins(np.array([0, 0, 1, 1]), np.full(4, 0.5))
    rng = np.random.default_rng(13)
    skill = np.linspace(-1, 1, 6)
    n = 20_000
    cell, a = rng.integers(0, 4, n), rng.integers(0, 6, n)
    b = (a + rng.integers(1, 6, n)) % 6
    # The groups of the first axis rank the other way round; those of the second agree.
    sign = np.where(cells.groups[cell, 0] == 0, 1, -1)
    outcome = by_davidson(0.7)(sign * (skill[a] - skill[b]) + 0.3 * (skill[a] - skill[b]), rng)
    battles = count_by_cell(cell, a, b, outcome, cells=cells, contestants=6)

    shift = rank_shift(fit_hierarchical(battles, cells=cells), seed=1)

    assert shift.mean[0] > 1
    assert shift.mean[1] < 0.3
    assert (shift.low <= shift.mean).all()
    assert (shift.mean <= shift.high).all()
