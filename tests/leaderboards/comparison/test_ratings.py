"""Single conversations rated by people and by a judge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboards.comparison.rated import JUDGES_SCALE, PEOPLES_SCALE, Rated
from leaderboards.comparison.rating_card import (
    family_gap,
    length_slope,
    rating_gaps,
    repeated,
)
from leaderboards.comparison.ratings import (
    compare_rated_orders,
    compare_ratings,
    interval_alpha,
)
from leaderboards.comparison.scenarios import Scenario
from leaderboards.ranking.outcomes import FloatArray
from raters.quality.agreement import Level, krippendorff_alpha

NAMES = ("ash", "birch", "cedar", "dogwood", "elm", "fir")


def made_up(
    items: int = 120, *, raters: int = 3, leniency: float = 0.0, noise: float = 1.0, seed: int = 0
) -> Rated:
    """Items of six contestants, each the better the later it comes, all rated by all raters."""
    rng = np.random.default_rng(seed)
    contestant = np.arange(items) % len(NAMES)
    worth = 2 + contestant / 2 + rng.normal(0, 0.5, items)
    item, rater = (each.ravel() for each in np.mgrid[:items, :raters])
    score = worth[item] + rng.normal(0, 0.3, raters)[rater] + rng.normal(0, noise, len(item))
    judge = worth + leniency + rng.normal(0, noise / 2, items)
    words = rng.integers(20, 400, items).astype(float)
    return Rated.of(NAMES, contestant, (item, rater, score), judge, words=words)


def means(rated: Rated) -> tuple[FloatArray, FloatArray]:
    return rated.people, rated.judge


def test_correlations_are_scipys_and_lie_in_their_intervals() -> None:
    rated = made_up()
    people, judge = means(rated)

    found = compare_ratings(rated)

    assert found.pearson.value == pytest.approx(stats.pearsonr(people, judge).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(people, judge).statistic)
    assert found.kendall.value == pytest.approx(stats.kendalltau(people, judge).statistic)
    assert (found.items, found.ratings, found.pearson.n) == (120, 360, 120)
    z = np.arctanh(found.pearson.value)
    fisher = np.tanh([z - 1.96 / np.sqrt(117), z + 1.96 / np.sqrt(117)])
    assert [found.pearson.low, found.pearson.high] == pytest.approx(fisher, abs=0.05)


def test_the_order_of_contestants_is_scipys_too() -> None:
    rated = made_up(noise=3)
    by_both = [[each[rated.contestant == k].mean() for k in range(6)] for each in means(rated)]

    found = compare_rated_orders(rated)

    assert found.spearman.value == pytest.approx(stats.spearmanr(*by_both).statistic)
    assert found.kendall.value == pytest.approx(stats.kendalltau(*by_both).statistic)
    assert found.spearman.n == 6
    assert 0 < found.ceiling <= 1


def test_people_s_ceiling_leaves_each_rating_out_of_the_mean_it_is_compared_with() -> None:
    rated = made_up()
    scores = rated.score.reshape(120, 3)
    others = (scores.sum(axis=1, keepdims=True) - scores) / 2

    found = compare_ratings(rated)

    own = stats.spearmanr(scores.ravel(), others.ravel()).statistic
    judges = stats.spearmanr(np.repeat(rated.judge, 3), others.ravel()).statistic
    assert found.people_with_others.value == pytest.approx(own)
    assert found.with_others.value == pytest.approx(judges)
    assert found.people_with_others.n == 360
    # One rating is noisier than a judge that was made with half of its noise.
    assert found.with_others.value > found.people_with_others.value


def test_where_each_conversation_has_one_rater_nobody_knows_the_ceiling() -> None:
    found = compare_ratings(made_up(raters=1))

    assert found.people_with_others.n == found.with_others.n == found.people_alpha.n == 0
    assert np.isnan(found.people_alpha.value)
    assert found.spearman.n == 120


@given(st.integers(0, 1000), st.integers(2, 5))
def test_alpha_is_krippendorffs_for_intervals(seed: int, raters: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(1, 8, (raters, 20)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    item = np.nonzero(np.isfinite(table))[1]

    found = interval_alpha(item, table[np.isfinite(table)], resamples=0)

    expected = krippendorff_alpha(table, Level.INTERVAL, resamples=0)
    assert found.value == pytest.approx(expected.alpha, nan_ok=True)
    assert found.n == expected.units


def test_scales_are_put_end_to_end_and_correlations_do_not_mind() -> None:
    scores = np.array([1.0, 2, 3, 4.5, 5, np.nan])
    put = JUDGES_SCALE.onto(PEOPLES_SCALE, scores)
    assert put[:5].tolist() == [1, 2.5, 4, 6.25, 7]
    assert np.isnan(put[5])
    with pytest.raises(ValueError, match="from 1 to 5"):
        JUDGES_SCALE.onto(PEOPLES_SCALE, np.array([5.5]))


def test_a_mild_judge_agrees_in_order_and_not_in_level() -> None:
    plain, mild = compare_ratings(made_up()), compare_ratings(made_up(leniency=1.5))

    assert mild.spearman.value == pytest.approx(plain.spearman.value)
    assert mild.leniency.value - plain.leniency.value == pytest.approx(1.5)
    assert mild.leniency.low > 1
    assert mild.alpha.high < plain.alpha.low
    assert mild.distance.low > plain.distance.high


def test_a_gap_is_found_where_the_judge_is_off_otherwise_than_elsewhere() -> None:
    rated = made_up(300, leniency=1)
    favoured = np.arange(300) < 60
    rated.judge[favoured] += 1
    scenarios = [
        Scenario("everything", "all"),
        Scenario("topic", "favoured", items=favoured),
        Scenario("topic", "other", items=np.arange(300) >= 250),
        Scenario("group", "first rater", votes=rated.rater == 0),
        Scenario("topic", "few", items=np.arange(300) < 4),
    ]

    found = {each.gap.name: each for each in rating_gaps(rated, scenarios)}

    assert next(iter(found)) == "favoured"
    assert "few" not in found
    gap = found["favoured"].gap
    people, judge = means(rated)
    assert gap.people == pytest.approx(people[favoured].mean())
    assert gap.gap == pytest.approx((judge - people)[favoured].mean())
    assert gap.low < gap.gap < gap.high
    assert (gap.items, gap.votes) == (60, 180)
    assert found["favoured"].is_found
    # It is milder there too, but not otherwise than on the whole.
    assert found["other"].gap.is_found
    assert found["other"].beyond.gap < 0
    assert found["all"].beyond.gap == pytest.approx(0)
    first = rated.score[rated.rater == 0]
    assert found["first rater"].gap.people == pytest.approx(first.mean())


def test_a_judge_that_likes_words_is_told_from_contestants_that_write_more() -> None:
    plain = made_up(400)
    swayed = Rated.of(
        NAMES,
        plain.contestant,
        (plain.item, plain.rater, plain.score),
        plain.judge + 0.4 * np.log2(plain.words),
        words=plain.words,
    )

    found = length_slope(swayed)

    slope = stats.linregress(np.log2(swayed.words), swayed.judge).slope
    assert found.judge.value == pytest.approx(slope)
    assert found.beyond.value == pytest.approx(found.judge.value - found.people.value)
    assert found.beyond.low < 0.4 < found.beyond.high
    assert found.beyond.low > 0
    assert length_slope(plain).beyond.low < 0 < length_slope(plain).beyond.high


def test_its_own_family_is_favoured_beyond_what_people_see_in_it() -> None:
    rated = made_up(400)
    own = np.array([False, False, False, False, True, True])
    rated.judge[own[rated.contestant]] += 0.8

    found = family_gap(rated, own)

    assert found is not None
    # The two are better for people, too.
    assert found.people.value > 1
    assert found.beyond.low < 0.8 < found.beyond.high
    assert family_gap(rated, np.ones(6, bool)) is None


def test_what_it_says_again_is_compared_pair_by_pair() -> None:
    rated = made_up(4)
    again = np.array([0, 0, 0, 1, 1, 2]), np.array([4.0, 4.0, 5.5, 7.0, 1.0, 3.0])
    asked = Rated.of(
        NAMES, rated.contestant, (rated.item, rated.rater, rated.score), rated.judge, again=again
    )

    found = repeated(asked)

    # Of the first item one pair of three is the same, of the second none of one.
    assert found.same.value == pytest.approx((1 / 3 + 0) / 2)
    assert found.apart.value == pytest.approx((1.0 + 6.0) / 2)
    assert found.same.n == found.apart.n == 2
    assert repeated(rated).same.n == 0


def test_a_conversation_that_one_of_the_two_did_not_rate_is_left_out() -> None:
    item = np.array([0, 1, 2, 4])
    score = np.array([1.0, 2, 3, 5])
    judge = np.array([1.0, 2, 3, 4, np.nan])
    rated = Rated.of(NAMES, np.array([0, 0, 1, 1, 1]), (item, np.zeros(4, np.int64), score), judge)

    found = compare_ratings(rated)

    assert found.pearson.value == pytest.approx(1)
    assert found.pearson.n == 3
    nothing = rated.shared()
    assert len(nothing) == 3
    assert (
        compare_ratings(
            Rated.of(NAMES, np.array([0]), (item[:0], item[:0], score[:0]), judge[:1])
        ).pearson.n
        == 0
    )


def test_a_rater_rates_an_item_once() -> None:
    twice = np.zeros(2, np.int64), np.zeros(2, np.int64), np.ones(2)
    with pytest.raises(ValueError, match="twice"):
        Rated.of(NAMES, np.array([0]), twice, np.ones(1))
