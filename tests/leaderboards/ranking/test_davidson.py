"""Davidson's model: against a naive fit, simulated truth, and degenerate input."""

from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from leaderboards.ranking.davidson import (
    WEAK_PRIOR,
    DavidsonPrior,
    Provisional,
    attenuation,
    connected_parts,
    fit_davidson,
    fit_tournaments,
    provisional,
)
from leaderboards.ranking.errors import DisconnectedError
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, count_outcomes
from leaderboards.ranking.simulation import by_davidson


def _counts(contestants: int, *battles: tuple[int, int, int, float]) -> FloatArray:
    counts = np.zeros((contestants, contestants, 3))
    for a, b, outcome, times in battles:
        counts[a, b, outcome] += times
    return counts


def _naive_log_posterior(
    point: FloatArray, counts: FloatArray, prior: DavidsonPrior = WEAK_PRIOR
) -> float:
    """Davidson's log posterior as the definition has it, one pair at a time."""
    *skill, side, log_tie = point
    total = 0.0
    for a, b in np.ndindex(counts.shape[:2]):
        eta = skill[a] - skill[b] + side
        weight = np.array([np.exp(eta / 2), np.exp(log_tie), np.exp(-eta / 2)])
        total += counts[a, b] @ np.log(weight / weight.sum())
    total -= sum(s**2 for s in skill) / (2 * prior.skill_sd**2)
    total -= side**2 / (2 * prior.side_effect_sd**2)
    return total - (log_tie - prior.log_tie_mean) ** 2 / (2 * prior.log_tie_sd**2)


def _simulated_counts(rng: np.random.Generator, contestants: int = 5, n: int = 300) -> FloatArray:
    skill = rng.normal(0, 1.5, contestants)
    a = rng.integers(0, contestants, n)
    b = (a + rng.integers(1, contestants, n)) % contestants
    outcome = by_davidson(0.7)(skill[a] - skill[b] + 0.3, rng)
    return count_outcomes(a, b, outcome, contestants=contestants)


small_counts = arrays(float, (4, 4, 3), elements=st.integers(0, 20)).map(
    lambda counts: counts * (1 - np.eye(4))[:, :, np.newaxis]
)


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_agrees_with_a_naive_one(seed: int) -> None:
    counts = _simulated_counts(np.random.default_rng(seed))

    naive = minimize(lambda point: -_naive_log_posterior(point, counts), np.zeros(7), method="BFGS")
    fit = fit_davidson(counts)

    assert fit.skill == pytest.approx(naive.x[:5], abs=1e-4)
    assert fit.side_effect == pytest.approx(naive.x[5], abs=1e-4)
    assert np.log(fit.tie_propensity) == pytest.approx(naive.x[6], abs=1e-4)


def test_the_covariance_is_the_inverse_of_the_naive_curvature() -> None:
    counts = _simulated_counts(np.random.default_rng(5))
    fit = fit_davidson(counts)
    mode = np.array([*fit.skill, fit.side_effect, np.log(fit.tie_propensity)])
    step = 1e-4
    curvature = np.empty((7, 7))
    for p, q in np.ndindex(7, 7):
        ends = [
            (u * v, mode + step * (u * np.eye(7)[p] + v * np.eye(7)[q]))
            for u in (-1, 1)
            for v in (-1, 1)
        ]
        curvature[p, q] = -sum(s * _naive_log_posterior(x, counts) for s, x in ends) / 4 / step**2
    naive = np.linalg.inv(curvature)
    centre = np.eye(5) - 1 / 5

    assert fit.covariance == pytest.approx(centre @ naive[:5, :5] @ centre, rel=1e-3, abs=1e-5)
    assert fit.side_effect_sd == pytest.approx(np.sqrt(naive[5, 5]), rel=1e-3)
    assert fit.log_tie_sd == pytest.approx(np.sqrt(naive[6, 6]), rel=1e-3)


def test_intervals_cover_what_they_say_when_truth_is_drawn_from_the_prior() -> None:
    rng = np.random.default_rng(1)
    tournaments, contestants, n = 1500, 8, 250
    prior = DavidsonPrior()
    skill = rng.normal(0, prior.skill_sd, (tournaments, contestants))
    side = rng.normal(0, prior.side_effect_sd, tournaments)
    log_tie = rng.normal(prior.log_tie_mean, prior.log_tie_sd, tournaments)
    tournament = np.repeat(np.arange(tournaments), n)
    a = rng.integers(0, contestants, tournaments * n)
    b = (a + rng.integers(1, contestants, tournaments * n)) % contestants
    eta = skill[tournament, a] - skill[tournament, b] + side[tournament]
    win, loss, tie = np.exp(eta / 2), np.exp(-eta / 2), np.exp(log_tie[tournament])
    at = rng.random(len(a)) * (win + loss + tie)
    outcome = np.where(at < win, A_WINS, np.where(at < win + loss, B_WINS, TIE))
    counts = count_outcomes(
        a, b, outcome, contestants=contestants, tournament=tournament, tournaments=tournaments
    )

    fits = fit_tournaments(counts, prior=prior)

    truth = skill - skill.mean(axis=1, keepdims=True)
    fitted = np.array([[f.side_effect, np.log(f.tie_propensity)] for f in fits])
    sds = np.array([[f.side_effect_sd, f.log_tie_sd] for f in fits])
    z = (np.stack([f.skill for f in fits]) - truth) / np.stack([f.sd for f in fits])
    z_side, z_tie = ((fitted - np.column_stack([side, log_tie])) / sds).T
    for scores in (z, z_side, z_tie):
        assert 0.93 <= (np.abs(scores) <= 1.96).mean() <= 0.97


@settings(max_examples=40, deadline=None)
@given(counts=small_counts, order=st.permutations(range(4)))
def test_relabelling_contestants_permutes_the_fit(counts: FloatArray, order: list[int]) -> None:
    fit = fit_davidson(counts, require_connected=False)
    relabelled = fit_davidson(counts[np.ix_(order, order)], require_connected=False)

    assert relabelled.skill == pytest.approx(fit.skill[order], abs=1e-6)
    assert relabelled.covariance == pytest.approx(fit.covariance[np.ix_(order, order)], abs=1e-6)
    assert relabelled.side_effect == pytest.approx(fit.side_effect, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(counts=small_counts)
def test_swapping_the_sides_flips_the_side_effect_and_nothing_else(counts: FloatArray) -> None:
    fit = fit_davidson(counts, require_connected=False)
    swapped = fit_davidson(counts.transpose(1, 0, 2)[..., ::-1], require_connected=False)

    assert swapped.side_effect == pytest.approx(-fit.side_effect, abs=1e-6)
    assert swapped.skill == pytest.approx(fit.skill, abs=1e-6)
    assert swapped.tie_propensity == pytest.approx(fit.tie_propensity, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(counts=small_counts, scale=st.sampled_from([1, 1e3, 1e7]))
def test_the_gradient_is_zero_at_the_fit_whatever_the_counts(
    counts: FloatArray, scale: float
) -> None:
    fit = fit_davidson(counts * scale, require_connected=False)
    mode = np.array([*fit.skill, fit.side_effect, np.log(fit.tie_propensity)])

    best = _naive_log_posterior(mode, counts * scale)

    for direction in np.eye(6):
        for shift in (-1e-3, 1e-3):
            assert _naive_log_posterior(mode + shift * direction, counts * scale) <= best
    assert abs(fit.skill.sum()) < 1e-9


def test_tournaments_fitted_together_are_as_fitted_alone() -> None:
    counts = np.stack([_simulated_counts(np.random.default_rng(seed)) for seed in range(4)])
    counts[2] = 0

    together = fit_tournaments(counts)

    for fit, own in zip(together, counts, strict=True):
        assert fit.skill == pytest.approx(fit_davidson(own).skill, abs=1e-9)


def test_sixty_tournaments_of_thirty_contestants_are_fitted_well_under_a_second() -> None:
    rng = np.random.default_rng(2)
    counts = np.stack([_simulated_counts(rng, contestants=30, n=3000) for _ in range(60)])

    start = process_time()
    fit_tournaments(counts)

    assert process_time() - start < 1


def test_one_contestant_has_skill_0_for_certain() -> None:
    fit = fit_davidson(np.zeros((1, 1, 3)))

    assert fit.skill.tolist() == [0]
    assert fit.covariance.tolist() == [[0]]


def test_no_contestants_are_an_empty_fit() -> None:
    assert fit_davidson(np.zeros((0, 0, 3))).skill.shape == (0,)


def test_no_battles_leave_the_prior() -> None:
    fit = fit_davidson(np.zeros((3, 3, 3)))

    assert fit.skill.tolist() == [0, 0, 0]
    assert fit.sd == pytest.approx(np.full(3, 2 * np.sqrt(2 / 3)))
    assert fit.tie_propensity == pytest.approx(np.exp(-0.5))
    assert fit.side_effect_sd == pytest.approx(0.5)


def test_nothing_but_ties_make_contestants_equal_and_ties_likely() -> None:
    fit = fit_davidson(_counts(2, (0, 1, TIE, 1000)))

    assert fit.skill == pytest.approx([0, 0], abs=1e-9)
    assert 10 < fit.tie_propensity < np.inf


def test_a_contestant_that_always_wins_is_bounded_by_the_prior() -> None:
    counts = _counts(
        3, (0, 1, A_WINS, 50), (0, 2, A_WINS, 50), (1, 2, A_WINS, 5), (2, 1, A_WINS, 5)
    )

    fit = fit_davidson(counts)

    assert 2 < fit.skill[0] < 8
    assert fit.sd[0] > 1.5 * fit.sd[1]
    assert provisional(counts) == (Provisional.NEVER_LOST, None, None)


def test_a_million_victories_stay_finite() -> None:
    fit = fit_davidson(_counts(2, (0, 1, A_WINS, 1e6)))

    assert np.isfinite(fit.skill).all()
    assert 5 < fit.skill[0] < 10


def test_a_contestant_is_provisional_by_what_it_never_did() -> None:
    counts = _counts(4, (0, 1, A_WINS, 2), (1, 0, TIE, 1), (0, 2, A_WINS, 1), (2, 1, B_WINS, 1))

    assert provisional(counts) == (
        Provisional.NEVER_LOST,
        None,
        Provisional.NEVER_WON,
        Provisional.NEVER_PLAYED,
    )


def test_parts_that_never_met_are_refused_by_name() -> None:
    counts = _counts(6, (3, 4, TIE, 1), (0, 2, A_WINS, 5), (2, 5, B_WINS, 1))

    with pytest.raises(DisconnectedError, match=r"2 parts.*0, 2, 5; 3, 4") as caught:
        fit_davidson(counts)

    assert caught.value.parts == ((0, 2, 5), (3, 4))


def test_a_contestant_that_never_played_is_no_part() -> None:
    assert connected_parts(_counts(3, (2, 0, TIE, 1))) == [(0, 2)]
    assert connected_parts(np.zeros((3, 3, 3))) == []


def test_connection_runs_through_common_opponents() -> None:
    chain = _counts(4, (0, 1, TIE, 1), (2, 1, TIE, 1), (2, 3, TIE, 1))

    assert connected_parts(chain) == [(0, 1, 2, 3)]


def test_parts_can_be_fitted_on_the_prior_if_asked() -> None:
    counts = _counts(4, (0, 1, A_WINS, 5), (2, 3, A_WINS, 5))

    fit = fit_davidson(counts, require_connected=False)

    assert fit.skill[0] == pytest.approx(fit.skill[2])


def test_noise_among_raters_is_taken_out_of_skills_and_their_spread() -> None:
    counts = _simulated_counts(np.random.default_rng(3))
    plain, widened = fit_davidson(counts), fit_davidson(counts, noise_variance=0.5)
    slope = attenuation(0.5, plain.tie_propensity)

    assert 0.7 < slope < 1
    assert widened.skill == pytest.approx(plain.skill / slope)
    assert widened.covariance == pytest.approx(plain.covariance / slope**2)


@pytest.mark.parametrize("tie_propensity", [0.3, 1.0, 3.0])
def test_attenuation_is_what_simulated_noise_does_to_a_fit(tie_propensity: float) -> None:
    rng = np.random.default_rng(7)
    n, noise_variance = 1_000_000, 0.2
    skill = np.linspace(-1.5, 1.5, 8)
    a = rng.integers(0, 8, n)
    b = (a + rng.integers(1, 8, n)) % 8
    noise = rng.normal(0, np.sqrt(2 * noise_variance), n)
    outcome = by_davidson(tie_propensity)(skill[a] - skill[b] + noise, rng)

    fit = fit_davidson(count_outcomes(a, b, outcome, contestants=8))

    measured = np.polyfit(skill, fit.skill, 1)[0]
    assert measured == pytest.approx(attenuation(noise_variance, fit.tie_propensity), abs=0.012)
