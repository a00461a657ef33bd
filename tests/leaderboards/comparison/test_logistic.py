"""Probabilities learned: against scipy's isotonic regression and a plain optimiser."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression, minimize

from leaderboards.comparison.logistic import fit_isotonic, fit_logistic, folds


def test_the_logistic_mode_is_the_one_that_an_optimiser_finds() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(2, 3, (200, 3))
    of = rng.integers(1, 5, 200).astype(float)
    yes = rng.binomial(of.astype(int), 1 / (1 + np.exp(-X[:, 0] / 3))).astype(float)
    Z = np.column_stack([np.ones(200), (X - X.mean(axis=0)) / X.std(axis=0)])

    def loss(point: np.ndarray) -> float:
        eta = Z @ point
        pseudo = np.logaddexp(0, point[0]) - point[0] / 2
        return float(
            (of * np.logaddexp(0, eta) - yes * eta).sum() + pseudo + (point[1:] ** 2).sum() / 2
        )

    expected = minimize(loss, np.zeros(4), tol=1e-10).x
    found = fit_logistic(X, yes, of)

    assert [found.intercept, *found.coefficient] == pytest.approx(expected, abs=1e-4)
    assert found(X) == pytest.approx(1 / (1 + np.exp(-Z @ expected)), abs=1e-4)


def test_separated_data_give_no_infinite_coefficient() -> None:
    X = np.array([[0.0], [0], [1], [1]])

    found = fit_logistic(X, np.array([0.0, 0, 100, 100]), np.full(4, 100.0))

    assert np.isfinite(found.coefficient).all()
    assert found(X)[0] < 0.05 < 0.95 < found(X)[-1]


def test_without_data_every_chance_is_even() -> None:
    found = fit_logistic(np.zeros((0, 2)), np.zeros(0), np.zeros(0))

    assert found(np.array([[1.0, 2.0]])).tolist() == [0.5]


def test_isotonic_steps_are_scipys_where_pools_are_large() -> None:
    rng = np.random.default_rng(1)
    x = np.sort(rng.random(30))
    of = np.full(30, 1e6)
    share = np.clip(x + rng.normal(0, 0.2, 30), 0, 1)

    found = fit_isotonic(x, share * of, of)

    expected = isotonic_regression(share, weights=of)
    firsts = expected.blocks[:-1]
    assert found.level == pytest.approx(expected.x[firsts], abs=1e-5)
    assert (np.diff(found(np.linspace(0, 1, 50))) >= 0).all()


def test_small_pools_do_not_make_the_share_fall() -> None:
    found = fit_isotonic(
        np.array([0.1, 0.5, 0.9]), np.array([0.0, 90.0, 1.0]), np.array([1.0, 100.0, 1.0])
    )

    assert (np.diff(found.level) >= 0).all()
    assert ((found.level > 0) & (found.level < 1)).all()
    with pytest.raises(ValueError, match="nothing to learn"):
        fit_isotonic(np.zeros(2), np.zeros(2), np.zeros(2))


def test_folds_share_out_everybody_once() -> None:
    found = folds(103, seed=0)

    assert sorted(np.bincount(found).tolist()) == [10] * 7 + [11] * 3
    assert (found == folds(103, seed=0)).all()
    assert (found != folds(103, seed=1)).any()
