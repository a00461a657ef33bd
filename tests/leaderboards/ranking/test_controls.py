"""Controls: the fit with covariates and weights, raking, and ranks under each control."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking.controls import (
    CAPPED,
    DUPLICATES,
    POSITION,
    STYLE,
    Control,
    ControlInput,
    Covariates,
    rank_under_controls,
)
from leaderboards.ranking.controls_fit import fit_controlled
from leaderboards.ranking.controls_weights import UNSAID, Electorate, capped, effective, once, raked
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import FloatArray, IntArray, count_outcomes
from leaderboards.ranking.uncertainty import HALF_WIDTH

SKILL = np.array([0.9, 0.4, 0.1, -0.3, -1.1])
NAMES = tuple("abcde")


def pairs(battles: int, rng: np.random.Generator, contestants: int = 5) -> tuple[IntArray, ...]:
    a = rng.integers(0, contestants, battles)
    return a, (a + rng.integers(1, contestants, battles)) % contestants


def outcomes(eta: FloatArray, rng: np.random.Generator, ties: float = 0.6) -> IntArray:
    """Draw outcomes of Davidson's model at these log-odds."""
    points = np.stack([np.exp(eta / 2), np.full(len(eta), ties), np.exp(-eta / 2)], axis=1)
    limits = (points / points.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return (rng.random((len(eta), 1)) > limits[:, :2]).sum(axis=1)


def of_nobody(battles: int) -> Electorate:
    return Electorate((), (), np.zeros((battles, 0), np.int64))


def control(found: tuple[Control, ...], key: str) -> Control:
    return next(each for each in found if each.key == key)


# The fit


def test_without_covariates_and_weights_it_is_the_davidson_fit() -> None:
    rng = np.random.default_rng(1)
    a, b = pairs(800, rng)
    said = outcomes(SKILL[a] - SKILL[b] + 0.3, rng)
    found = fit_controlled(a, b, said, contestants=5)
    expected = fit_davidson(count_outcomes(a, b, said, contestants=5))
    np.testing.assert_allclose(found.skill, expected.skill, atol=1e-8)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-8)
    assert found.tie_propensity == pytest.approx(expected.tie_propensity, abs=1e-8)
    assert found.side_effect == pytest.approx(expected.side_effect, abs=1e-8)
    assert found.side_effect_sd == pytest.approx(expected.side_effect_sd, abs=1e-8)


@pytest.mark.parametrize("has_covariates", [False, True])
def test_a_weight_counts_as_so_many_rows(has_covariates: bool) -> None:
    rng = np.random.default_rng(2)
    a, b = pairs(300, rng)
    said = outcomes(SKILL[a] - SKILL[b], rng)
    times = rng.integers(1, 4, 300)
    x = rng.choice([-1.0, 1.0], (300, 2)) if has_covariates else np.zeros((300, 0))
    weighted = fit_controlled(a, b, said, contestants=5, weight=times.astype(float), covariates=x)
    rows = np.repeat(np.arange(300), times)
    repeated = fit_controlled(a[rows], b[rows], said[rows], contestants=5, covariates=x[rows])
    np.testing.assert_allclose(weighted.skill, repeated.skill, atol=1e-8)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, atol=1e-8)
    np.testing.assert_allclose(weighted.effect, repeated.effect, atol=1e-8)
    np.testing.assert_allclose(weighted.effect_sd, repeated.effect_sd, atol=1e-8)


def test_the_information_is_the_curvature_of_the_log_posterior() -> None:
    from leaderboards.ranking import controls_fit

    rng = np.random.default_rng(3)
    a, b = pairs(60, rng, 4)
    rows = controls_fit._Rows(
        a, b, outcomes(np.zeros(60), rng), rng.random(60), rng.normal(size=(60, 2)), 4
    )
    point, centre, precision = rng.normal(size=7), rng.normal(size=7), rng.random(7)

    def at(moved: FloatArray) -> controls_fit._Terms:
        return controls_fit._terms(rows, moved, centre, precision)

    step = 1e-5 * np.eye(7)
    slope = [(at(point + s).log_posterior - at(point - s).log_posterior) / 2e-5 for s in step]
    curve = [(at(point - s).gradient - at(point + s).gradient) / 2e-5 for s in step]
    np.testing.assert_allclose(at(point).gradient, slope, atol=1e-6)
    np.testing.assert_allclose(at(point).information, curve, atol=1e-6)


def test_a_covariate_s_unit_changes_its_effect_and_nothing_else() -> None:
    rng = np.random.default_rng(4)
    a, b = pairs(500, rng)
    x = rng.normal(size=(500, 1))
    said = outcomes(SKILL[a] - SKILL[b] + 0.5 * x[:, 0], rng)
    in_words = fit_controlled(a, b, said, contestants=5, covariates=x)
    in_hundreds = fit_controlled(a, b, said, contestants=5, covariates=x / 100)
    np.testing.assert_allclose(in_words.skill, in_hundreds.skill, atol=1e-10)
    np.testing.assert_allclose(in_words.effect * 100, in_hundreds.effect, rtol=1e-8)


def test_a_covariate_that_never_differs_has_no_effect_and_leaves_the_rest_alone() -> None:
    rng = np.random.default_rng(5)
    a, b = pairs(400, rng)
    said = outcomes(SKILL[a] - SKILL[b], rng)
    x = np.column_stack([rng.normal(size=400), np.zeros(400)])
    both = fit_controlled(a, b, said, contestants=5, covariates=x)
    one = fit_controlled(a, b, said, contestants=5, covariates=x[:, :1])
    assert both.effect[1] == 0
    assert both.effect_sd[1] == np.inf
    np.testing.assert_allclose(both.skill, one.skill, atol=1e-12)


def test_what_is_no_weight_and_no_covariate_is_refused() -> None:
    a, b, said = np.array([0]), np.array([1]), np.array([0])
    with pytest.raises(ValueError, match="has a weight, finite and not negative"):
        fit_controlled(a, b, said, contestants=2, weight=np.array([-1.0]))
    with pytest.raises(ValueError, match="a row of covariates, all finite"):
        fit_controlled(a, b, said, contestants=2, covariates=np.array([[np.nan]]))
    with pytest.raises(ValueError, match="3 is no outcome"):
        fit_controlled(a, b, np.array([3]), contestants=2)


def test_intervals_hold_the_truth_as_often_as_they_say_with_and_without_uneven_weights() -> None:
    held, of_effects, tried = 0, 0, 0
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        skill = rng.normal(0, 0.7, 6)
        skill -= skill.mean()
        a, b = pairs(900, rng, 6)
        x = rng.normal(size=(900, 2))
        said = outcomes(skill[a] - skill[b] + x @ [0.4, -0.1], rng)
        weight = rng.choice([0.2, 1.0, 3.0], 900)
        weight *= effective(weight) / weight.sum()
        for weights in (None, weight):
            fit = fit_controlled(a, b, said, contestants=6, covariates=x, weight=weights)
            off = np.abs(fit.skill - skill) / np.sqrt(np.diagonal(fit.covariance))
            held += int((off < HALF_WIDTH).sum())
            of_effects += int((np.abs(fit.effect - [0.4, -0.1]) < HALF_WIDTH * fit.effect_sd).sum())
            tried += 1
    assert 0.92 <= held / (6 * tried) <= 0.98
    assert 0.90 <= of_effects / (2 * tried) <= 0.99


# Weights


def test_raked_weights_give_every_group_its_share_and_keep_their_sum() -> None:
    rng = np.random.default_rng(6)
    groups = np.column_stack([rng.choice(3, 500, p=[0.6, 0.3, 0.1]), rng.choice(2, 500)])
    shares = (np.array([0.2, 0.3, 0.5]), np.array([0.52, 0.48]))
    base = rng.random(500)
    weight = raked(Electorate(("age", "sex"), shares, groups), base)
    assert weight.sum() == pytest.approx(base.sum())
    for axis, expected in enumerate(shares):
        found = np.bincount(groups[:, axis], weight) / weight.sum()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_who_said_nothing_of_an_axis_keeps_her_weight_on_it() -> None:
    groups = np.array([[0], [0], [0], [1], [UNSAID]])
    weight = raked(Electorate(("age",), (np.array([0.5, 0.5]),), groups), np.ones(5))
    np.testing.assert_allclose(weight, [2 / 3, 2 / 3, 2 / 3, 2, 1])


def test_a_group_that_nobody_is_from_is_made_up_for_by_the_others_of_its_axis() -> None:
    groups = np.array([[0], [0], [0], [1]])
    shares = (np.array([0.3, 0.3, 0.4]),)
    np.testing.assert_allclose(
        raked(Electorate(("age",), shares, groups), np.ones(4)), [2 / 3, 2 / 3, 2 / 3, 2]
    )


def test_nobody_counts_for_more_than_the_cap_and_a_cluster_counts_once() -> None:
    rater = np.array([7, 7, 7, 7, 9, 3, 3])
    np.testing.assert_allclose(capped(rater, 2), [0.5] * 4 + [1, 1, 1])
    np.testing.assert_allclose(once(np.array([4, 4, 8, 4, 1])), [1 / 3, 1 / 3, 1, 1 / 3, 1])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_weights_are_never_worth_more_than_there_are_rows(weights: list[int]) -> None:
    weight = np.array(weights, float)
    assert 1 - 1e-9 <= effective(weight) <= len(weight) + 1e-9
    assert effective(np.full(len(weight), 0.3)) == pytest.approx(len(weight))


# Ranks under controls


def confounded() -> ControlInput:
    """The weakest but one writes by far the longest replies, and raters fall for it."""
    rng = np.random.default_rng(7)
    battles = 6_000
    a, b = pairs(battles, rng)
    verbosity = np.array([0.0, 0.0, 0.0, 2.0, 0.0])
    length = verbosity[a] - verbosity[b] + rng.normal(0, 0.5, battles)
    said = outcomes(SKILL[a] - SKILL[b] + 0.9 * length, rng)
    return ControlInput(
        NAMES,
        a,
        b,
        said,
        rater=np.arange(battles) // 4,
        electorate=of_nobody(battles),
        style=Covariates(
            ("words", "bold"),
            np.column_stack([length, np.zeros(battles)]),
            np.ones(battles, bool),
            (np.log(2), np.log(6)),
        ),
        cluster=np.arange(battles),
    )


def test_style_control_finds_the_order_that_length_hides() -> None:
    found = rank_under_controls(confounded(), draws=500)
    assert [standing.rank for standing in found.raw] == [2, 3, 4, 1, 5]
    style = control(found.controls, STYLE)
    assert [standing.rank for standing in style.standings] == [1, 2, 3, 4, 5]
    assert style.shifts == (-1, -1, -1, 3, 0)
    assert style.widest == 3
    words, bold = style.effects
    assert words.low < 0.9 * np.log(2) < words.high
    assert words.share == pytest.approx(1 / (1 + np.exp(-words.log_odds)))
    assert words.share_low < words.share < words.share_high
    assert not bold.moves
    for standing, truth in zip(style.standings, SKILL, strict=True):
        assert standing.low - 0.05 < truth < standing.high + 0.05


def test_position_control_takes_out_a_side_that_one_contestant_always_had() -> None:
    rng = np.random.default_rng(8)
    # Two equals: one is on side A nine times in ten, and side A is preferred.
    is_first = rng.random(4_000) < 0.9
    a, b = np.where(is_first, 0, 1), np.where(is_first, 1, 0)
    # A third, whom both meet on either side alike, tells what the side is worth.
    a[2_000:], b[2_000:] = 2, rng.integers(0, 2, 2_000)
    swap = rng.random(4_000) < 0.5
    swap[:2_000] = False
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    said = outcomes(np.full(4_000, 0.8), rng)
    given = ControlInput(("x", "y", "z"), a, b, said, np.arange(4_000), of_nobody(4_000))
    found = rank_under_controls(given, draws=200)
    gap = found.raw[0].skill - found.raw[1].skill
    position = control(found.controls, POSITION)
    assert gap > 0.4
    assert abs(position.standings[0].skill - position.standings[1].skill) < 0.15
    (side,) = position.effects
    assert side.low < 0.8 < side.high


def test_a_message_that_everybody_sends_counts_once() -> None:
    rng = np.random.default_rng(9)
    # Of own questions a wins most; on the one question that all send, b always does.
    a, b = np.zeros(400, np.int64), np.ones(400, np.int64)
    said = np.concatenate([outcomes(np.full(150, 1.0), rng), np.full(250, 2)])
    cluster = np.concatenate([np.arange(150), np.full(250, 999)])
    given = ControlInput(("a", "b"), a, b, said, np.arange(400), of_nobody(400), cluster=cluster)
    found = rank_under_controls(given, draws=200)
    assert [standing.rank for standing in found.raw] == [2, 1]
    duplicates = control(found.controls, DUPLICATES)
    assert [standing.rank for standing in duplicates.standings] == [1, 2]
    assert duplicates.figures == {"clusters": 1, "repeated": 250, "largest": 250}
    assert duplicates.worth == pytest.approx(151**2 / (150 + 1 / 250))


def test_a_rater_who_never_stops_counts_no_more_than_the_median_rater() -> None:
    rng = np.random.default_rng(10)
    people = np.repeat(np.arange(100), 3)
    rater = np.concatenate([people, np.full(400, 500)])
    said = np.concatenate([outcomes(np.full(300, 0.8), rng), np.full(400, 2)])
    a, b = np.zeros(700, np.int64), np.ones(700, np.int64)
    found = rank_under_controls(
        ControlInput(("a", "b"), a, b, said, rater, of_nobody(700)), draws=200
    )
    assert [standing.rank for standing in found.raw] == [2, 1]
    by_rater = control(found.controls, CAPPED)
    assert [standing.rank for standing in by_rater.standings] == [1, 2]
    assert by_rater.figures == {"cap": 3, "raters": 1, "most": 400}


def test_without_the_axis_that_decides_the_order_is_another() -> None:
    rng = np.random.default_rng(11)
    # The young are three quarters of the sample and a quarter of the electorate.
    young = rng.random(2_000) < 0.75
    sex = rng.integers(0, 2, 2_000)
    said = outcomes(np.where(young, 1.0, -1.0), rng)
    electorate = Electorate(
        ("age", "sex"),
        (np.array([0.25, 0.75]), np.array([0.5, 0.5])),
        np.column_stack([np.where(young, 0, 1), sex]),
    )
    a, b = np.zeros(2_000, np.int64), np.ones(2_000, np.int64)
    given = ControlInput(("a", "b"), a, b, said, np.arange(2_000), electorate)
    found = rank_under_controls(given, draws=200)
    assert [standing.rank for standing in found.raw] == [2, 1]
    without_age, without_sex = found.controls[-2:]
    assert (without_age.key, without_sex.key) == ("without_axis:age", "without_axis:sex")
    assert without_age.shifts == (-1, 1)
    assert without_sex.shifts == (0, 0)
    assert without_age.worth > found.worth


def test_what_has_no_texts_says_so_and_the_other_controls_stand() -> None:
    given = replace(confounded(), style=None, cluster=None)
    found = rank_under_controls(given, draws=200)
    for key in (STYLE, DUPLICATES):
        assert "only its verdicts" in control(found.controls, key).refusal
        assert control(found.controls, key).standings == ()
    assert len(control(found.controls, POSITION).standings) == 5
    unknown = Covariates(("words",), np.zeros((6_000, 1)), np.zeros(6_000, bool), (1.0,))
    found = rank_under_controls(replace(given, style=unknown), draws=200)
    assert "Of no battle" in control(found.controls, STYLE).refusal


def test_without_verdicts_there_is_nothing_to_rank() -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="nothing to rank"):
        rank_under_controls(ControlInput(NAMES, none, none, none, none, of_nobody(0)))


def test_the_result_can_go_into_a_document() -> None:
    found = rank_under_controls(confounded(), draws=200)
    told = json.loads(json.dumps(asdict(found)))
    assert told["contestants"] == list(NAMES)
    assert told["controls"][0]["shifts"] == [-1, -1, -1, 3, 0]
    assert found == rank_under_controls(confounded(), draws=200)
