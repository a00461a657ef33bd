"""Ratings of single contestants, ranked for an electorate."""

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from hustings.benchmarks import ratings as benchmark
from leaderboards.ranking.errors import RankingError, SharesError
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.ratings import RatingPrior, fit_ratings, plain_means
from leaderboards.ranking.scores import RATERS_AT_A_TIME, RatingInput, count_ratings
from leaderboards.ranking.simulation import Quotas, simulate_ratings

AXIS = np.array([0, 0, 0, 1, 1])
SHARES = np.array([0.2, 0.3, 0.5, 0.6, 0.4])
# So weak that it can't be seen.
NO_PRIOR = RatingPrior(contestant_sd=1e4, ratings=1e-9)


class Given(NamedTuple):
    """N ratings one by one: rater, contestant and score (N,), the rater's groups (A, N)."""

    rater: IntArray
    contestant: IntArray
    score: IntArray
    group: IntArray

    def added_up(self, *, contestants: int = 4, groups: int = 5) -> RatingInput:
        return count_ratings("overall", *self, contestants=contestants, groups=groups)


def drawn(seed: int, *, raters: int = 60, each: int = 3, contestants: int = 4) -> Given:
    """Ratings by raters of two axes, whose groups and levels differ."""
    rng = np.random.default_rng(seed)
    rater = np.repeat(np.arange(raters), each)
    shuffled = rng.permuted(np.tile(np.arange(contestants), (raters, 1)), axis=1)
    contestant = shuffled[:, :each].ravel()
    group = np.stack([rng.integers(0, 3, raters), rng.integers(3, 5, raters)])[:, rater]
    effect = rng.normal(0, 0.8, (5, contestants))
    score = 4 + effect[group, contestant].sum(axis=0) + rng.normal(0, 0.7, raters)[rater]
    score += rng.normal(0, 1, len(rater))
    return Given(rater, contestant, np.rint(score).astype(int), group)


def empty() -> Given:
    nothing = np.empty(0, int)
    return Given(nothing, nothing, nothing, np.empty((2, 0), int))


def only(ratings: Given, keep: IntArray) -> Given:
    return Given(*(column[..., keep] for column in ratings))


def test_ratings_add_up_to_what_a_loop_adds_up_to() -> None:
    ratings = drawn(1)
    found = ratings.added_up()
    crossings, sums = np.zeros((4, 5, 5), int), np.zeros((4, 5), int)
    pairs = np.zeros((3, 4, 4), int)
    for n, (rater, k, score) in enumerate(zip(*ratings[:3], strict=True)):
        for g in ratings.group[:, n]:
            sums[k, g] += score
            for h in ratings.group[:, n]:
                crossings[k, g, h] += 1
        for m in np.flatnonzero(ratings.rater == rater):
            other = ratings.contestant[m]
            pairs[:, k, other] += 1, score, score * ratings.score[m]
    assert (found.crossings == crossings).all()
    assert (found.sums == sums).all()
    assert (np.array([found.together, found.sums_together, found.products]) == pairs).all()
    assert found.raters[0] == 60
    assert found.raters[1:4].sum() == found.raters[4:].sum() == 60
    assert (found.ratings[0] == np.bincount(ratings.contestant)).all()


def test_who_rated_in_which_order_does_not_matter() -> None:
    ratings = drawn(2)
    shuffled = only(ratings, np.random.default_rng(1).permutation(len(ratings.rater)))
    renamed = shuffled._replace(rater=977 - 3 * shuffled.rater)
    assert all(
        np.array_equal(getattr(ratings.added_up(), name), getattr(renamed.added_up(), name))
        for name in [field.name for field in fields(RatingInput)]
    )


def test_more_raters_than_fit_into_memory_at_a_time_are_added_up_alike() -> None:
    many = drawn(3, raters=RATERS_AT_A_TIME + 500, each=2)
    first = many.rater < RATERS_AT_A_TIME
    parts = [only(many, np.flatnonzero(here)).added_up() for here in (first, ~first)]
    whole = many.added_up()
    for name in ("together", "sums_together", "products"):
        assert (getattr(whole, name) == sum(getattr(part, name) for part in parts)).all()


def test_a_contestant_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no contestant 3 among 3"):
        drawn(1).added_up(contestants=3)


# The likelihood, in the open


def _marginal(ratings: Given, k: int, components: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scores of one contestant and their covariance, one row a rating."""
    here = ratings.contestant == k
    group = ratings.group[:, here]
    V = components[0] * np.eye(here.sum())
    for x, tau_squared in enumerate(components[1:]):
        V += tau_squared * (group[x][:, np.newaxis] == group[x])
    return ratings.score[here].astype(float), V


def _dense_deviance(components: FloatArray, ratings: Given) -> float:
    deviance = 0.0
    for k in range(4):
        y, V = _marginal(ratings, k, components)
        inverse = np.linalg.inv(V)
        weight = inverse.sum()
        y = y - (inverse @ y).sum() / weight
        deviance += np.linalg.slogdet(V)[1] + np.log(weight) + y @ inverse @ y
    return float(deviance)


@pytest.mark.parametrize("seed", range(4))
def test_the_spread_of_groups_is_that_of_the_dense_restricted_likelihood(seed: int) -> None:
    ratings = drawn(seed)
    found = fit_ratings(ratings.added_up(), axis=AXIS, shares=SHARES, prior=NO_PRIOR)
    dense = minimize(
        _dense_deviance,
        x0=np.array([1.5, 0.5, 0.5]),
        args=(ratings,),
        bounds=[(1e-3, None), (0, None), (0, None)],
        options={"ftol": 1e-13, "gtol": 1e-8},
    )
    variance = found.residual_sd**2 + found.rater_sd**2
    assert [variance, *found.tau**2] == pytest.approx(dense.x, abs=2e-3)
    at_ours = _dense_deviance(np.array([variance, *found.tau**2]), ratings)
    assert at_ours == pytest.approx(dense.fun, abs=1e-6)


def test_scores_and_their_sds_are_those_of_the_dense_normal() -> None:
    ratings = drawn(1)
    fit = fit_ratings(ratings.added_up(), axis=AXIS, shares=SHARES, prior=NO_PRIOR)
    components = np.array([fit.residual_sd**2 + fit.rater_sd**2, *fit.tau**2])
    overall = fit.of_electorate()
    for k in range(4):
        y, V = _marginal(ratings, k, components)
        inverse = np.linalg.inv(V)
        group = ratings.group[:, ratings.contestant == k]
        # Covariance of the electorate's mix of effects with each score.
        mix = sum(t * SHARES[group[x]] for x, t in enumerate(components[1:]))
        of_mix = sum(t * (SHARES[x == AXIS] ** 2).sum() for x, t in enumerate(components[1:]))
        weight = inverse.sum()
        mu = (inverse @ y).sum() / weight
        slack = 1 - (inverse @ mix).sum()
        assert overall.mean[k] == pytest.approx(mu + mix @ inverse @ (y - mu), abs=1e-6)
        variance = of_mix - mix @ inverse @ mix + slack**2 / weight
        assert overall.covariance[k, k] == pytest.approx(variance, abs=1e-6)


# What it says


def test_groups_in_the_electorate_s_shares_add_up_to_the_overall_score() -> None:
    fit = fit_ratings(drawn(5).added_up(), axis=AXIS, shares=SHARES)
    groups = np.array([fit.of_group(g).mean for g in range(5)])
    overall = fit.of_electorate().mean
    for x in range(2):
        assert SHARES[x == AXIS] @ groups[x == AXIS] == pytest.approx(overall)


def test_an_unbalanced_sample_is_weighted_to_the_electorate() -> None:
    rng = np.random.default_rng(1)
    # Nine of ten raters are in group 0, who give 3; group 1 gives 6, and is half of everybody.
    group = (np.arange(400) % 10 == 0).astype(int)
    score = np.where(group == 1, 6, 3) + rng.integers(-1, 2, 400)
    ratings = Given(np.arange(400), np.zeros(400, int), score, group[np.newaxis])
    counted = ratings.added_up(contestants=1, groups=2)
    fit = fit_ratings(counted, axis=np.array([0, 0]), shares=np.array([0.5, 0.5]))
    assert plain_means(counted).mean[0] == pytest.approx(score.mean())
    assert plain_means(counted).mean[0] < 3.5
    assert fit.of_electorate().mean[0] == pytest.approx(4.5, abs=0.15)


def test_a_small_group_is_nearer_to_everybody_than_its_plain_mean() -> None:
    ratings = drawn(7, raters=200)
    keep = np.flatnonzero((ratings.group[0] != 2) | (ratings.rater < 12))
    counted = only(ratings, keep).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    assert counted.ratings[3].max() < 10
    plain = counted.sums[:, 2] / counted.ratings[3]
    overall = fit.of_electorate().mean
    borrowed = np.abs(fit.of_group(2).mean - overall)
    assert borrowed.mean() < np.abs(plain - overall).mean()


def test_raters_levels_are_told_from_what_they_see() -> None:
    study = simulate_ratings(raters=4000, quotas=Quotas.BALANCED, seed=2)
    fit = fit_ratings(study.given, axis=study.axis, shares=study.shares)
    assert fit.rater_sd == pytest.approx(0.7, abs=0.03)
    # Rounding adds a twelfth to a variance of 1.
    assert fit.residual_sd == pytest.approx((1 + 1 / 12) ** 0.5, abs=0.03)
    assert fit.tau == pytest.approx([0.25] * 3, abs=0.05)


def test_raters_in_common_make_a_difference_surer_than_raters_apart() -> None:
    score = np.tile([2, 3, 5, 6, 4, 4], 20)
    wobble = np.arange(120) % 2
    both = [np.concatenate([score, score + wobble])]
    contestant = np.repeat([0, 1], 120)
    no_groups = np.empty((0, 240), int)

    def of_difference(rater: IntArray) -> float:
        ratings = Given(rater, contestant, both[0], no_groups)
        covariance = plain_means(ratings.added_up(contestants=2, groups=0)).covariance
        return float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])

    apart, together = np.arange(240), np.tile(np.arange(120), 2)
    assert of_difference(together) < of_difference(apart) / 5


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), shift=st.integers(-50, 50), factor=st.integers(1, 20))
def test_any_scale_will_do(seed: int, shift: int, factor: int) -> None:
    ratings = drawn(seed, raters=25)
    moved = ratings._replace(score=ratings.score * factor + shift)
    prior = RatingPrior(lowest=1 * factor + shift, highest=7 * factor + shift)
    one = fit_ratings(ratings.added_up(), axis=AXIS, shares=SHARES)
    other = fit_ratings(moved.added_up(), axis=AXIS, shares=SHARES, prior=prior)
    assert other.of_electorate().mean == pytest.approx(
        one.of_electorate().mean * factor + shift, abs=1e-4 * factor
    )
    assert other.of_group(1).covariance == pytest.approx(
        one.of_group(1).covariance * factor**2, abs=1e-4 * factor**2
    )


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 7)),
        max_size=30,
        unique_by=lambda rating: rating[:2],
    )
)
def test_whatever_was_rated_there_is_a_finite_answer(rows: list[tuple[int, int, int]]) -> None:
    rater, contestant, score = np.array(rows, int).reshape(-1, 3).T
    group = np.stack([rater % 3, 3 + rater % 2])
    counted = Given(rater, contestant, score, group).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    for estimate in (fit.of_electorate(), fit.of_group(0), plain_means(counted)):
        assert np.isfinite(estimate.mean).all()
        assert np.linalg.eigvalsh(estimate.covariance).min() > 0
        assert estimate.spread > 0


# Where there is little to go by


def test_without_any_rating_all_have_the_middle_of_the_scale_and_all_of_it_as_interval() -> None:
    counted = empty().added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    for estimate in (fit.of_electorate(), plain_means(counted)):
        assert estimate.mean == pytest.approx([4] * 4)
        assert np.sqrt(np.diagonal(estimate.covariance)) * 1.96 == pytest.approx([5.88] * 4)


def test_a_contestant_that_nobody_rated_is_expected_where_the_others_are() -> None:
    ratings = drawn(1)
    counted = only(ratings, np.flatnonzero(ratings.contestant != 3)).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    plain = plain_means(counted)
    assert fit.of_electorate().mean[3] == pytest.approx(plain.mean[:3].mean())
    assert plain.mean[3] == pytest.approx(plain.mean[:3].mean())
    assert (fit.of_electorate().covariance[3, :3] == 0).all()
    assert fit.of_electorate().covariance[3, 3] > 9 > 20 * plain.covariance[0, 0]


def test_one_contestant_is_rated_like_any() -> None:
    ratings = drawn(1)
    mine = only(ratings, np.flatnonzero(ratings.contestant == 2))
    counted = mine._replace(contestant=0 * mine.contestant).added_up(contestants=1)
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    assert fit.rater_sd == 0
    assert plain_means(counted).mean == pytest.approx([mine.score.mean()])
    by_group = counted.sums[0] / counted.ratings[1:, 0]
    assert fit.of_electorate().mean == pytest.approx([SHARES[:3] @ by_group[:3]], abs=0.2)


def test_all_the_same_score_is_that_score_and_not_certain() -> None:
    ratings = drawn(1)
    counted = ratings._replace(score=np.full(len(ratings.score), 5)).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    for estimate in (fit.of_electorate(), plain_means(counted)):
        assert estimate.mean == pytest.approx([5] * 4)
        assert (np.sqrt(np.diagonal(estimate.covariance)) > 0.005).all()
    assert fit.tau == pytest.approx([0, 0], abs=1e-6)


def test_one_rating_is_not_taken_for_the_truth() -> None:
    ratings = Given(np.array([0]), np.array([0]), np.array([7]), np.array([[0], [3]]))
    overall = fit_ratings(ratings.added_up(), axis=AXIS, shares=SHARES).of_electorate()
    assert overall.mean[0] == pytest.approx(7)
    assert overall.covariance[0, 0] > 1


def test_an_empty_group_is_like_everybody_but_less_sure() -> None:
    ratings = drawn(9, raters=300)
    counted = only(ratings, np.flatnonzero(ratings.group[0] != 2)).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    heard, unheard = fit.of_group(0), fit.of_group(2)
    mu_and_others = fit.effect[:, 0] + fit.effect[:, 4:] @ SHARES[3:]
    assert unheard.mean == pytest.approx(mu_and_others)
    assert (np.diagonal(unheard.covariance) > fit.tau[0] ** 2).all()
    assert (np.diagonal(unheard.covariance) > 2 * np.diagonal(heard.covariance)).all()


def test_an_axis_with_one_group_heard_takes_the_spread_of_the_others() -> None:
    ratings = drawn(1)
    counted = only(ratings, np.flatnonzero(ratings.group[1] == 3)).added_up()
    fit = fit_ratings(counted, axis=AXIS, shares=SHARES)
    assert fit.tau[1] == pytest.approx(fit.tau[0])
    assert fit.tau[0] > 0


def test_without_an_electorate_there_are_plain_means() -> None:
    ratings = drawn(1)._replace(group=np.empty((0, 180), int))
    plain = plain_means(ratings.added_up(groups=0))
    expected = [ratings.score[ratings.contestant == k].mean() for k in range(4)]
    assert plain.mean == pytest.approx(expected)


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(SharesError, match=r"axis 1 add up to 0\.8"):
        fit_ratings(drawn(1).added_up(), axis=AXIS, shares=SHARES - [0, 0, 0, 0.2, 0])


@pytest.mark.parametrize("seed", range(5))
def test_raters_who_rate_the_same_contestant_again_and_again_break_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rater, contestant = rng.integers(0, 3, 400), rng.integers(0, 4, 400)
    level = np.array([-1.5, 0, 1.5])[rater]
    score = np.clip(np.rint(4 + level + rng.normal(0, 1, 400)), 1, 7).astype(int)
    again = Given(rater, contestant, score, np.stack([rater % 2, 3 + rater % 2]))
    found = again.added_up()
    for estimate in (
        fit_ratings(found, axis=AXIS, shares=SHARES).of_electorate(),
        plain_means(found),
    ):
        np.linalg.cholesky(estimate.covariance)
    shuffled = only(again, rng.permutation(400)).added_up()
    assert np.array_equal(shuffled.products, found.products)
    assert found.together.max() == np.diagonal(found.together).max()


def test_sums_that_no_ratings_have_are_refused() -> None:
    counted = drawn(1).added_up()
    for wrong in (
        replace(counted, products=counted.products // 2),
        replace(counted, sums=counted.sums * 3),
        replace(counted, crossings=counted.crossings + 9 * (1 - np.eye(5, dtype=int))),
    ):
        with pytest.raises(RankingError, match="No ratings have these sums"):
            fit_ratings(wrong, axis=AXIS, shares=SHARES)


@pytest.mark.parametrize(
    "wrong", [{"lowest": 7}, {"contestant_sd": 0.0}, {"rating_sd": -1.0}, {"ratings": 0.0}]
)
def test_a_prior_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"scale's highest|are positive"):
        replace(RatingPrior(), **wrong)


# Whether intervals hold what they should


def test_intervals_of_simulated_studies_hold_the_truth_as_often_as_they_say() -> None:
    # 8 studies of 20 contestants share a level each: coverage is known to some .02 here; the
    # benchmark's 60 are for .93 to .97.
    for column in benchmark.run(raters=(2000,), seeds=8).columns:
        assert 0.9 < column.coverage < 0.99
        assert 0.9 < column.difference_coverage < 0.98
        assert 0.925 < column.group_coverage < 0.975
        if column.quotas is Quotas.BALANCED:
            assert column.error < 0.8 * column.plain_error
