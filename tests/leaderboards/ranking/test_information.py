"""Scores and information of Davidson's model, against the fit that they belong to."""

import numpy as np
import pytest

from leaderboards.ranking.davidson import WEAK_PRIOR, fit_davidson
from leaderboards.ranking.information import flow, information, moments, score
from leaderboards.ranking.outcomes import count_outcomes
from leaderboards.ranking.simulation import by_davidson

RNG = np.random.default_rng(4)
A = RNG.integers(0, 5, 400)
B = (A + RNG.integers(1, 5, 400)) % 5
COUNTS = count_outcomes(
    A,
    B,
    by_davidson(0.7)(np.linspace(1, -1, 5)[A] - np.linspace(1, -1, 5)[B] + 0.4, RNG),
    contestants=5,
)
PRECISION = np.array([WEAK_PRIOR.skill_sd] * 5 + [WEAK_PRIOR.side_effect_sd, WEAK_PRIOR.log_tie_sd])
PRECISION **= -2.0


def test_with_the_prior_the_information_is_the_inverse_of_the_fits_covariance() -> None:
    fit = fit_davidson(COUNTS)
    here = flow(COUNTS, moments(fit.skill, fit.side_effect, fit.tie_propensity))

    covariance = np.linalg.inv(information(here) + np.diag(PRECISION))

    centre = np.eye(5) - 1 / 5
    assert centre @ covariance[:5, :5] @ centre == pytest.approx(fit.covariance, abs=1e-9)
    assert covariance[5, 5] == pytest.approx(fit.side_effect_sd**2)
    assert covariance[6, 6] == pytest.approx(fit.log_tie_sd**2)


def test_the_score_at_the_fit_is_what_the_prior_holds_against() -> None:
    fit = fit_davidson(COUNTS)
    here = flow(COUNTS, moments(fit.skill, fit.side_effect, fit.tie_propensity))

    off = [*fit.skill, fit.side_effect, np.log(fit.tie_propensity) - WEAK_PRIOR.log_tie_mean]

    assert score(here) == pytest.approx(PRECISION * off, abs=1e-6)


def test_tournaments_side_by_side_are_as_each_alone() -> None:
    counts = np.array([COUNTS, 2 * COUNTS])
    skill, side, ties = np.array([[0.0] * 5, [1.0, 0, 0, 0, -1]]), np.array([0, 0.3]), [0.5, 2.0]

    both = flow(counts, moments(skill, side, np.array(ties)))

    for t in range(2):
        alone = flow(counts[t], moments(skill[t], side[t], ties[t]))
        assert information(both)[t] == pytest.approx(information(alone))
        assert score(both)[t] == pytest.approx(score(alone))


def test_odds_beyond_all_bounds_stay_finite() -> None:
    expected = moments(np.array([2000.0, -2000.0]), 0.0, 1.0)

    assert expected.lead == pytest.approx(np.array([[0, 0.5], [-0.5, 0]]))
    assert expected.curve[0, 1] == 0
