"""The benchmark of calibration, in small, and the check against NUTS where it is installed."""

from dataclasses import asdict

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from hustings.benchmarks import calibration
from leaderboards.ranking.hierarchical_cells import UNSAID


def test_calibration_is_measured_beside_no_pooling_and_a_flat_model() -> None:
    result = asdict(
        calibration.run(2, battles=4000, many_battles=4000, dimensions=1, contestants=8)
    )

    assert {"coverage_group", "coverage_overall", "coverage_rank", "fit_s"} <= set(result)
    for key in ("coverage_group", "coverage_overall", "coverage_rank", "coverage_rank_whole"):
        assert 0.8 < result[key] <= 1
    assert result["error_ratio_to_no_pooling"] < 0.85
    assert result["error_ratio_to_flat"] < 1
    assert result["nuts_s"] is None


def test_a_rater_is_on_the_axes_of_her_country_only() -> None:
    cells = calibration.two_countries(np.random.default_rng(1))

    assert cells.groups.shape == (3 * 4 * 3 + 3 * 4 * 5, 6)
    assert len(cells.axis) == 22
    assert ((cells.groups == UNSAID).sum(axis=1) == 3).all()


def test_nuts_draws_the_same_posterior() -> None:
    pytest.importorskip("numpyro")

    figures = calibration.compare_with_nuts(calibration.Size(1000, 6), 1, warm_up=100, samples=150)

    # Few draws: far enough apart to catch another model, not to measure.
    assert figures["nuts_mean_difference"] < 1
    assert 0.6 < figures["nuts_lowest_sd_ratio"] <= figures["nuts_highest_sd_ratio"] < 1.7


def test_other_benchmarks_have_no_nuts() -> None:
    with pytest.raises(CommandError, match="no option for nuts"):
        call_command("bench", "merge", "--nuts")
