"""Criteria by what they are worth: planted ones are kept, others dropped, and reasons compared."""

import numpy as np
import pytest

from leaderboards.comparison.criteria import (
    CHANCE,
    KEPT,
    RARE,
    REDUNDANT,
    UNCONFIRMED,
    Choices,
    fit_weights,
    set_against,
    sign_test,
    try_rubric,
    weigh_criteria,
)


def drawn(
    seed: int, pairs: int, strengths: list[float], *, a_rater: int = 1, longer: float = 0.0
) -> Choices:
    """Choices in which the side with more of a criterion is preferred with these log-odds."""
    rng = np.random.default_rng(seed)
    more = rng.choice([-1.0, 0.0, 1.0], (pairs, len(strengths)), p=[0.45, 0.1, 0.45])
    length = rng.choice([-1.0, 1.0], pairs)
    chance = 1 / (1 + np.exp(-(more @ np.array(strengths) + longer * length)))
    sign = np.where(rng.random(pairs) < chance, 1.0, -1.0)
    return Choices(
        more * sign[:, None], length * sign, rng.random(pairs) < 0.5, np.arange(pairs) // a_rater
    )


def halves(choices: Choices) -> tuple[Choices, Choices]:
    """The first half of the choices, and the second."""
    middle = len(choices) // 2
    return choices.where(np.arange(middle)), choices.where(np.arange(middle, len(choices)))


def test_what_people_go_by_is_kept_and_what_they_do_not_is_dropped() -> None:
    training, held_out = halves(drawn(1, 200, [3.0, 0.0, -3.0, 0.0]))
    worths = weigh_criteria(training, held_out, seed=1)
    assert [each.status for each in worths] == [KEPT, CHANCE, KEPT, CHANCE]
    assert [worths[0].sign, worths[2].sign] == [1, -1]
    assert worths[0].weight.low > 0 > worths[2].weight.high
    rubric = try_rubric(training, held_out, worths)
    assert rubric.chosen == (0, 2)
    assert rubric.accuracy.value > 0.65
    assert rubric.accuracy.low > rubric.majority.value
    assert rubric.gain.low > 0


def test_of_criteria_that_mean_nothing_hardly_any_is_kept() -> None:
    kept = 0
    for seed in range(12):
        worths = weigh_criteria(*halves(drawn(seed, 60, [0.0] * 8)), seed=1)
        kept += sum(each.status == KEPT for each in worths)
    assert kept <= 1


def test_choices_that_all_say_the_same_are_not_sure_beyond_their_number() -> None:
    few, many = (np.ones((pairs, 1)) for pairs in (20, 2_000))
    for more in (few, many):
        ones = np.ones(len(more))
        both = Choices(more, ones, ones > 0, np.arange(len(more)))
        (worth,) = weigh_criteria(both, both, seed=1)
        assert 0 < worth.weight.low < worth.weight.value < worth.weight.high <= 0.5
    assert worth.weight.low > 0.45


def test_what_training_found_by_chance_is_not_confirmed() -> None:
    training, _ = halves(drawn(1, 60, [4.0]))
    _, noise = halves(drawn(4, 60, [0.0]))
    (worth,) = weigh_criteria(training, noise, seed=1)
    assert worth.status == UNCONFIRMED
    assert try_rubric(training, noise, (worth,)).chosen == (0,)


def test_a_criterion_that_repeats_a_better_one_is_named_with_it() -> None:
    choices = drawn(2, 80, [4.0])
    twins = Choices(
        np.hstack([choices.more, -choices.more]), choices.longer, choices.is_a, choices.rater
    )
    worths = weigh_criteria(*halves(twins), seed=1)
    assert [each.status for each in worths] == [KEPT, REDUNDANT]
    assert worths[1].like == 0


def test_a_criterion_that_hardly_tells_anything_apart_is_rare() -> None:
    choices = drawn(3, 60, [4.0])
    choices.more[5:, 0] = 0
    (worth,) = weigh_criteria(*halves(choices), seed=1)
    assert worth.status == RARE


def test_length_alone_is_what_it_is() -> None:
    training, held_out = halves(drawn(5, 200, [0.0], longer=-3.0))
    rubric = try_rubric(training, held_out, weigh_criteria(training, held_out, seed=1))
    assert rubric.length.value > 0.85
    assert np.isnan(rubric.accuracy.value)
    assert np.isnan(rubric.gain.value)


def test_a_rater_counts_once_in_the_sign_test() -> None:
    ones = np.ones(6)
    many = Choices(np.ones((6, 1)), ones, ones > 0, np.zeros(6, np.int64))
    apart = Choices(np.ones((6, 1)), ones, ones > 0, np.arange(6))
    assert sign_test(many, 0, 1) == pytest.approx(0.5)
    assert sign_test(apart, 0, 1) == pytest.approx(1 / 64)
    assert sign_test(apart, 0, -1) == pytest.approx(1.0)
    assert np.isnan(sign_test(Choices(0 * apart.more, ones, ones > 0, np.arange(6)), 0, 1))


def test_weights_are_log_odds_and_drawn_to_nothing_by_few_data() -> None:
    many, few = drawn(6, 4_000, [1.5, -0.7, 0.0]), drawn(6, 20, [1.5, -0.7, 0.0])
    assert fit_weights(many.more) == pytest.approx([1.5, -0.7, 0.0], abs=0.2)
    assert np.abs(fit_weights(few.more)).max() < 3
    assert fit_weights(many.more[:0]).tolist() == [0.0, 0.0, 0.0]


def test_what_people_say_is_set_against_what_they_choose() -> None:
    choices = drawn(7, 150, [4.0, 0.0, 0.0])
    rng = np.random.default_rng(1)
    named = np.zeros((150, 3))
    named[:, 1] = rng.random(150) < 0.7
    named[:, 0] = rng.random(150) < 0.1
    named[100:] = np.nan
    acted, told, neither = set_against(choices, named, seed=1)
    assert told.named.n == 100
    assert told.named.low < 0.7 < told.named.high
    assert told.gap.low > 0
    assert acted.gap.high < 0
    assert neither.named.value == 0
    assert acted.said + told.said + neither.said == pytest.approx(1)
    assert acted.revealed > 0.7
    # What weighs nothing and is never said is no surprise.
    assert neither.gap.low < 0 < neither.gap.high


def test_without_a_reason_nothing_is_said() -> None:
    choices = drawn(8, 40, [1.0, 1.0])
    found = set_against(choices, np.full((40, 2), np.nan), seed=1)
    assert all(np.isnan(each.gap.value) and each.named.n == 0 for each in found)
