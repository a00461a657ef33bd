"""The best of several variants: how much of it is chance, and what the correction leaves."""

from math import pi, sqrt

import numpy as np
import pytest

from leaderboards.ranking.davidson import fit_tournaments
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.selection import Family, correct_for_variants, expected_maximum
from leaderboards.ranking.simulation import by_davidson

NOISE = 0.1


def _families(
    spread: float, variants: int, studies: int = 120
) -> tuple[list[Family], list[FloatArray]]:
    """One family in each of many studies, with the true skills of its variants."""
    rng = np.random.default_rng(1)
    families, truths = [], []
    for _ in range(studies):
        truth = rng.normal(0.5, spread, variants)
        found = correct_for_variants(
            truth + rng.normal(0, NOISE, variants),
            NOISE**2 * np.eye(variants),
            developer=[0] * variants,
        )
        families += found
        truths.append(truth)
    return families, truths


def _bias(families: list[Family], truths: list[FloatArray]) -> tuple[float, float]:
    """By how much the best looks better than it is, as given and corrected."""
    pairs = list(zip(families, truths, strict=True))
    return (
        float(np.mean([family.raw - truth[family.best] for family, truth in pairs])),
        float(np.mean([family.corrected_best - truth[family.best] for family, truth in pairs])),
    )


def test_twenty_equal_variants_inflate_the_best_and_the_correction_removes_it() -> None:
    raw, corrected = _bias(*_families(spread=0, variants=20))

    assert raw == pytest.approx(1.87 * NOISE, rel=0.08)
    assert abs(corrected) < 0.3 * NOISE


def test_twenty_equal_variants_in_a_tournament_of_thirty_are_seen_through() -> None:
    rng = np.random.default_rng(2)
    truth = np.concatenate([np.zeros(20), np.linspace(0.8, -0.8, 10)])
    a = rng.integers(0, 30, (24, 3000))
    b = (a + rng.integers(1, 30, a.shape)) % 30
    outcome = by_davidson(0.6)(truth[a] - truth[b], rng)
    played = zip(a, b, outcome, strict=True)
    fits = fit_tournaments(np.array([count_outcomes(*one, contestants=30) for one in played]))
    developer = [0] * 20 + list(range(1, 11))

    families = [
        correct_for_variants(fit.skill, fit.covariance, developer=developer)[0] for fit in fits
    ]

    raw = np.mean([family.raw for family in families])
    assert raw == pytest.approx(np.mean([family.by_chance for family in families]), rel=0.1)
    assert raw > 0.2
    assert abs(np.mean([family.corrected_best for family in families])) < 0.15 * raw


def test_an_only_variant_keeps_its_skill_and_its_sd() -> None:
    rng = np.random.default_rng(3)
    skill = rng.normal(0, 1, 6)
    root = rng.normal(0, 0.1, (6, 6))
    covariance = root @ root.T

    families = correct_for_variants(skill, covariance, developer=[0, 1, 1, 2, 1, 3])

    assert [family.variants.tolist() for family in families] == [[0], [1, 2, 4], [3], [5]]
    for family in (families[0], families[2], families[3]):
        assert family.corrected_best == family.raw == skill[family.best]
        assert family.sd[0] == sqrt(covariance[family.best, family.best])
        assert family.by_chance == pytest.approx(0, abs=1e-12)


def test_variants_that_truly_differ_hardly_change() -> None:
    families, truths = _families(spread=1.0, variants=8)
    raw, corrected = _bias(families, truths)

    assert abs(corrected) < 0.2 * NOISE
    assert np.mean([abs(f.corrected_best - f.raw) for f in families]) < 0.3 * NOISE
    assert raw < 0.5 * NOISE
    assert np.mean([family.spread for family in families]) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("spread", [0.0, 0.1])
@pytest.mark.parametrize("variants", [2, 5, 20])
def test_the_interval_holds_the_best_ones_skill(spread: float, variants: int) -> None:
    families, truths = _families(spread, variants)
    held = [
        family.interval[0] <= truth[family.best] <= family.interval[1]
        for family, truth in zip(families, truths, strict=True)
    ]

    assert np.mean(held) >= 0.9


def test_who_is_known_worse_is_drawn_further_to_the_others() -> None:
    sd = np.array([0.05, 0.05, 0.05, 0.3])
    (family,) = correct_for_variants(
        np.array([0.3, 0.0, -0.3, 0.5]), np.diag(sd**2), developer=[0] * 4
    )

    drawn = family.corrected - np.array([0.3, 0.0, -0.3, 0.5])
    assert family.best == 3
    assert drawn[3] < -0.1
    assert abs(drawn[:3]).max() < 0.02


def test_variants_without_a_skill_count_as_tried() -> None:
    skill, covariance = np.array([0.2, 0.1, 0.0]), 0.01 * np.eye(3)
    given = correct_for_variants(skill, covariance, developer=[0, 0, 2])
    more = correct_for_variants(skill, covariance, developer=[0, 0, 2], tried=[20, 4, 3])

    assert [family.tried for family in given] == [2, 1]
    assert [(family.developer, family.tried) for family in more] == [(0, 20), (2, 3)]
    assert more[0].by_chance == pytest.approx(0.1 * expected_maximum(20))
    assert more[1].by_chance == pytest.approx(0.1 * expected_maximum(3))
    assert more[0].corrected.tolist() == given[0].corrected.tolist()


@pytest.mark.parametrize("tried", [[1], [2, 0, 1], []])
def test_fewer_tried_than_given_is_refused(tried: list[int]) -> None:
    with pytest.raises(ValueError, match="at least the variants"):
        correct_for_variants(np.zeros(3), np.eye(3), developer=[0, 0, 1], tried=tried)


def test_a_developer_of_all_contestants_has_skills_that_add_up_to_0() -> None:
    centre = np.eye(5) - 1 / 5
    (family,) = correct_for_variants(
        centre @ np.array([0.2, 0.1, 0.0, -0.1, -0.2]), 0.01 * centre, developer=[0] * 5
    )

    assert family.corrected.sum() == pytest.approx(0, abs=1e-9)
    assert 0 < family.corrected_best < 0.2
    assert np.isfinite(family.sd).all()


def test_skills_that_are_certain_stay() -> None:
    (family,) = correct_for_variants(np.array([0.3, 0.1]), np.zeros((2, 2)), developer=[0, 0])

    assert family.corrected.tolist() == [0.3, 0.1]
    assert family.sd.tolist() == [0, 0]
    assert family.by_chance == 0


def test_the_expected_maximum_of_normals_is_known() -> None:
    assert expected_maximum(1) == pytest.approx(0, abs=1e-9)
    assert expected_maximum(2) == pytest.approx(1 / sqrt(pi))
    assert expected_maximum(3) == pytest.approx(1.5 / sqrt(pi))
    assert expected_maximum(20) == pytest.approx(1.86748, abs=1e-5)
