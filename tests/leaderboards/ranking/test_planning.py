"""Plans: what simulated studies come to, against theory, the truth and each other."""

from dataclasses import replace
from functools import lru_cache
from math import inf, isinf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking import planning
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.gain import Knowledge
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.planning import (
    WIDTHS,
    Assumptions,
    Curve,
    Measure,
    Plan,
    RatersNeeded,
    Wish,
    equal_groups,
    expected_tau,
    ladder_up_to,
    plan,
    points_half_width,
    raters_needed,
    tie_propensity_for,
)
from leaderboards.ranking.policies import Policy
from leaderboards.ranking.simulation import (
    PlayedStudy,
    by_davidson,
    draw_preferences,
    draw_raters,
    kendall_tau,
)
from leaderboards.ranking.uncertainty import HALF_WIDTH, DavidsonScore, win_share

QUICK = Assumptions(contestants=5, battles_each=3, ladder=(40, 80, 160), studies=3)
GROUPED = Assumptions(
    contestants=5, groups=((0.3, 0.7), (0.5, 0.25, 0.25)), ladder=(40, 80, 160), studies=3
)
made = lru_cache(plan)


def planned(figures: list[list[float]], measure: Measure, ladder: tuple[int, ...]) -> Plan:
    """A plan of which one measure is given."""
    nothing = np.zeros(len(ladder))
    return Plan(Assumptions(ladder=ladder), 0.5, nothing, {measure: np.array(figures)})


def test_the_same_seed_plans_the_same_and_another_seed_does_not() -> None:
    first, again = plan(GROUPED), plan(GROUPED)
    other = plan(replace(GROUPED, seed=2))
    assert set(first.figures) == set(Measure)
    for measure, figures in first.figures.items():
        assert figures.shape == (3, 3)
        assert (figures == again.figures[measure]).all()
    assert (first.figures[Measure.POINTS] != other.figures[Measure.POINTS]).all()


@pytest.mark.parametrize("policy", Policy)
def test_more_raters_never_widen_an_interval_under_any_policy(policy: Policy) -> None:
    # The figures themselves: the curve's mean is evened out and couldn't tell.
    for measure, figures in made(replace(GROUPED, policy=policy)).figures.items():
        if measure in WIDTHS:
            assert (np.diff(figures.mean(axis=0)) < 0).all(), measure


@pytest.mark.parametrize("battles", [800, 3200])
def test_random_pairs_of_near_equals_are_as_precise_as_theory_says(battles: int) -> None:
    """Of N battles each pair has 2N/(K(K−1)), so that a contestant's precision is 2hN/(K−1).

    The Laplacian of a complete graph with edges n has the eigenvalue Kn, and (1 − 1/K)/(Kn h) is
    the variance of a skill that is centred; h = 1/(4 + 2ν) is the information between equals.
    """
    contestants, ties = 6, 0.25
    result = plan(
        Assumptions(
            contestants=contestants,
            skill_sd=0.01,
            heterogeneity_sd=0,
            tie_rate=ties,
            battles_each=4,
            policy=Policy.RANDOM,
            ladder=(battles // 4,),
            studies=4,
        )
    )
    nu = 2 * ties / (1 - ties)
    assert result.tie_propensity == pytest.approx(nu, rel=1e-3)
    information = 1 / (2 + nu) / 2
    of_pair = 2 * battles / (contestants * (contestants - 1))
    variance = (1 - 1 / contestants) / (contestants * of_pair * information)
    width = result.curve(Measure.LOG_ODDS).mean[0]
    assert width == pytest.approx(HALF_WIDTH * variance**0.5, rel=0.03)
    # Between equals a point of log-odds is h points of share, against each of the others.
    points = result.curve(Measure.POINTS).mean[0]
    slope = information * contestants / (contestants - 1)
    assert points == pytest.approx(100 * slope * width, rel=0.05)


def test_the_half_width_falls_with_the_root_of_the_raters() -> None:
    result = plan(
        Assumptions(contestants=6, policy=Policy.RANDOM, ladder=(400, 800, 1600), studies=4)
    )
    width = result.curve(Measure.LOG_ODDS).mean
    assert width[:-1] / width[1:] == pytest.approx([2**0.5] * 2, rel=0.03)


def test_the_points_of_win_share_are_what_draws_of_the_posterior_say() -> None:
    rng = np.random.default_rng(4)
    counts = np.zeros((5, 5, 3))
    truth = rng.normal(0, 1, 5)
    a = rng.integers(0, 5, 1500)
    b = (a + rng.integers(1, 5, 1500)) % 5
    np.add.at(counts, (a, b, by_davidson(0.6)(truth[a] - truth[b], rng)), 1)
    fit = fit_davidson(counts)
    score, certain = DavidsonScore(fit.tie_propensity), np.zeros((5, 5))
    draws = rng.multivariate_normal(fit.skill, fit.covariance, 2000, method="eigh")
    shares = np.array([win_share(draw, certain, score) for draw in draws])
    known = Knowledge(fit.skill, fit.covariance, fit.tie_propensity)
    assert points_half_width(known) == pytest.approx(
        100 * HALF_WIDTH * shares.std(axis=0), rel=0.08
    )


def test_the_expected_tau_is_the_true_one_on_average() -> None:
    expected, true = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        truth = draw_preferences(
            rng, contestants=8, groups_per_axis=(), skill_sd=0.8, heterogeneity_sd=0,
            shares=np.zeros(0),
        )  # fmt: skip
        study = PlayedStudy(truth, by_davidson(0.6), rng)
        a = rng.integers(0, 8, 600)
        b = (a + rng.integers(1, 8, 600)) % 8
        study.play(a, b, draw_raters(rng, 600, axis=truth.axis, shares=truth.shares))
        (fit,) = study.fit()
        expected.append(expected_tau(Knowledge(fit.skill, fit.covariance, fit.tie_propensity)))
        true.append(kendall_tau(fit.skill, truth.skill))
    # The sd of a study's τ is .09 here, and that of the mean of 30 of them .016.
    assert np.mean(expected) == pytest.approx(np.mean(true), abs=0.04)


def test_few_choices_for_many_battles_are_nearly_as_good_as_a_choice_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_ = Assumptions(
        contestants=6, groups=equal_groups((2, 2)), ladder=(100, 200, 400), studies=4
    )
    quick = plan(given_)
    monkeypatch.setattr(planning, "CHOICES", 10**6)
    monkeypatch.setattr(planning, "ROUNDS", 4)
    fine = plan(given_)
    for measure in WIDTHS:
        assert quick.curve(measure).mean == pytest.approx(fine.curve(measure).mean, rel=0.06)


def test_a_study_without_groups_has_no_figures_of_them() -> None:
    assert set(made(QUICK).figures) == set(Measure) - {
        Measure.GROUP_LOG_ODDS,
        Measure.GROUP_POINTS,
    }


def test_a_group_knows_less_than_the_study_and_groups_that_differ_make_it_know_less() -> None:
    result = made(GROUPED)
    alike = plan(replace(GROUPED, heterogeneity_sd=0.0))
    apart = plan(replace(GROUPED, heterogeneity_sd=1.5))
    group = result.curve(Measure.GROUP_POINTS).mean
    assert (group > result.curve(Measure.POINTS).mean).all()
    wider = apart.curve(Measure.LOG_ODDS).mean > alike.curve(Measure.LOG_ODDS).mean
    assert wider.all()


@given(rate=st.floats(0.01, 0.9), spread=st.floats(0, 3))
@settings(max_examples=50)
def test_a_tie_rate_is_that_of_random_pairs_and_equals_tie_more_often(
    rate: float, spread: float
) -> None:
    nu = tie_propensity_for(rate, spread)
    difference = np.random.default_rng(1).normal(0, spread, 20_000)
    simulated = nu / (nu + 2 * np.cosh(difference / 2))
    assert simulated.mean() == pytest.approx(rate, abs=0.01)
    assert nu / (2 + nu) >= rate - 1e-9


def test_the_ties_that_were_assumed_are_those_that_are_seen() -> None:
    result = plan(
        Assumptions(contestants=20, tie_rate=0.3, policy=Policy.RANDOM, ladder=(1000,), studies=6)
    )
    assert result.tie_rate[-1] == pytest.approx(0.3, abs=0.02)


def test_raters_are_read_off_the_ladder_between_its_rungs() -> None:
    halving = planned([[8, 4, 2], [16, 8, 4]], Measure.POINTS, (100, 400, 1600))
    needed = raters_needed(halving, Wish(Measure.POINTS, 4))
    assert needed.raters == pytest.approx(400 * 4 ** (np.log(6 / 4) / np.log(2)))
    assert (needed.low, needed.high) == pytest.approx((400, 1600))
    assert raters_needed(halving, Wish(Measure.POINTS, 3)).high == inf
    assert raters_needed(halving, Wish(Measure.POINTS, 1)) == RatersNeeded(inf, inf, inf)
    assert raters_needed(halving, Wish(Measure.POINTS, 20)) == RatersNeeded(100, 100, 100)
    order = planned([[0.6, 0.8, 0.9]], Measure.TAU, (100, 400, 1600))
    assert raters_needed(order, Wish(Measure.TAU, 0.9)).raters == pytest.approx(1600)
    assert raters_needed(order, Wish(Measure.TAU, 0.8)).raters == pytest.approx(400)
    sure = planned([[0.6, 0.8, 1.0]], Measure.LEADER, (100, 400, 1600))
    assert 400 < raters_needed(sure, Wish(Measure.LEADER, 0.95)).raters < 1600


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_curve_is_evened_out_and_what_needs_no_evening_stays(figures: list[float]) -> None:
    ladder = tuple(range(1, len(figures) + 1))
    curve: Curve = planned([figures], Measure.TAU, ladder).curve(Measure.TAU)
    assert (np.diff(curve.mean) >= -1e-12).all()
    assert curve.mean.mean() == pytest.approx(np.mean(figures))
    rising = planned([sorted(figures)], Measure.TAU, ladder).curve(Measure.TAU)
    assert rising.mean == pytest.approx(sorted(figures))
    falling = planned([sorted(figures, reverse=True)], Measure.POINTS, ladder)
    assert falling.curve(Measure.POINTS).mean == pytest.approx(sorted(figures, reverse=True))


@given(st.integers(1, 100_000))
def test_a_ladder_ascends_to_its_end(most: int) -> None:
    ladder = ladder_up_to(most)
    assert ladder[-1] == most
    assert ladder[0] >= 1
    assert (np.diff(ladder) > 0).all()


def test_one_rater_with_one_battle_is_a_plan_and_a_poor_one() -> None:
    result = plan(Assumptions(contestants=2, battles_each=1, ladder=(1, 2), studies=2))
    assert result.curve(Measure.POINTS).mean[0] > 20
    assert isinf(raters_needed(result, Wish(Measure.POINTS, 1)).raters)


@pytest.mark.parametrize(
    "senseless",
    [
        {"contestants": 1},
        {"skill_sd": 0.0},
        {"skill_sd": float("nan")},
        {"heterogeneity_sd": -1.0},
        {"tie_rate": 0.0},
        {"tie_rate": 1.0},
        {"battles_each": 0},
        {"studies": 0},
        {"ladder": ()},
        {"ladder": (100, 100)},
        {"ladder": (0, 100)},
        {"groups": ((),)},
        {"groups": ((0.5, -0.5),)},
    ],
)
def test_nothing_is_planned_from_senseless_assumptions(senseless: dict[str, FloatArray]) -> None:
    with pytest.raises(RankingError):
        Assumptions(**senseless)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measure", "level"),
    [(Measure.POINTS, 0), (Measure.TAU, 1), (Measure.LEADER, 1.2), (Measure.TAU, float("nan"))],
)
def test_no_number_of_raters_fulfils_such_a_wish(measure: Measure, level: float) -> None:
    with pytest.raises(RankingError):
        Wish(measure, level)
