"""Speeding and straight lines: exact tails, naive oracles, and what honest raters do."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raters.quality.flaws import FlawKind
from raters.quality.pace import (
    STRAIGHT_LINE_LEVEL,
    Population,
    at_least_p_value,
    battle_seconds,
    estimate_population,
    find_away,
    find_fast_battle,
    find_fast_comparison,
    find_fast_message,
    find_one_side,
    find_straight_lines,
    longest_run_p_value,
)

HONEST = Population(share=0.4, correlation=0.1)


def test_a_message_nobody_types_so_fast_is_a_signal() -> None:
    flaw = find_fast_message("a" * 200, seconds=5)

    assert flaw is not None
    assert flaw.kind == FlawKind.SPEEDING
    assert not flaw.is_strike
    assert find_fast_message("a" * 200, seconds=20) is None


def test_what_was_pasted_was_not_typed() -> None:
    assert find_fast_message("a" * 200, seconds=5, pasted_signs=180) is None


@pytest.mark.parametrize(
    ("lengths", "seconds", "is_found"),
    [
        ((300, 100), 9, True),
        ((300, 100), 10, False),
        ((2, 2), 2, True),
        ((2, 2), 3, False),
    ],
)
def test_a_verdict_before_the_shorter_reply_can_be_scanned_is_speeding(
    lengths: tuple[int, int], seconds: float, is_found: bool
) -> None:
    replies = ["word " * length for length in lengths]

    flaw = find_fast_comparison(replies, seconds=seconds)

    assert (flaw is not None) == is_found
    assert flaw is None or flaw.is_strike


def test_a_battle_takes_at_least_its_typing_and_scanning() -> None:
    messages, replies = ["a" * 50, "b" * 50], [["word " * 40, "word " * 200], ["word " * 60]]

    assert battle_seconds(messages, replies) == 10 + 4 + 6
    assert find_fast_battle(messages, replies, seconds=19) is not None
    assert find_fast_battle(messages, replies, seconds=20) is None
    assert find_fast_battle(messages, replies, seconds=15, pasted_signs=50) is None


@pytest.mark.parametrize(("away", "is_found"), [(0, False), (49, False), (50, True)])
def test_the_page_out_of_sight_is_a_signal(away: float, is_found: bool) -> None:
    flaw = find_away(seconds_away=away, seconds=100)

    assert (flaw is not None) == is_found
    assert flaw is None or not flaw.is_strike


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.floats(0.02, 0.98),
    st.just(0.0) | st.floats(0.01, 0.9),
)
def test_the_tail_is_that_of_the_beta_binomial(
    count: int, more: int, share: float, correlation: float
) -> None:
    battles = count + more
    scale = 1 / correlation - 1 if correlation else 0
    law = (
        stats.betabinom(battles, share * scale, (1 - share) * scale)
        if correlation
        else stats.binom(battles, share)
    )

    ours = at_least_p_value(count, battles, Population(share, correlation))

    assert ours == pytest.approx(law.sf(count - 1), rel=1e-6, abs=1e-12)


@given(st.integers(0, 9), st.integers(0, 10), st.floats(0.05, 0.95))
def test_the_longest_run_is_as_likely_as_counted(battles: int, run: int, share: float) -> None:
    naive = 0.0
    for sides in product("ab", repeat=battles):
        longest = max((len(list(group)) for _, group in groupby(sides)), default=0)
        if longest >= run:
            naive += share ** sides.count("a") * (1 - share) ** sides.count("b")

    assert longest_run_p_value(run, battles, share) == pytest.approx(naive)


def test_the_population_is_found_again() -> None:
    rng = np.random.default_rng(3)
    battles = rng.integers(5, 25, 4000)
    own = rng.beta(0.4 * 4, 0.6 * 4, 4000)

    population = estimate_population(rng.binomial(battles, own), battles)

    assert population.share == pytest.approx(0.4, abs=0.01)
    assert population.correlation == pytest.approx(0.2, abs=0.02)


def test_raters_who_all_do_alike_have_no_correlation() -> None:
    everybody = estimate_population(np.array([4, 4, 0]), np.array([4, 4, 0]))

    assert everybody == Population(1.0, 0.0)
    assert estimate_population(np.array([3]), np.array([6])) == Population(0.5, 0.0)


def test_a_population_without_battles_is_refused() -> None:
    with pytest.raises(ValueError, match="no battles"):
        estimate_population(np.array([0]), np.array([0]))


def test_the_same_answer_everywhere_is_a_straight_line() -> None:
    straight = np.repeat(np.array([[0], [2]] * 12), 5, axis=1)

    flaw = find_straight_lines(straight, HONEST)

    assert flaw is not None
    assert flaw.kind == FlawKind.STRAIGHT_LINING
    assert "24 of your 24 battles" in flaw.evidence
    assert flaw.figures["p_value"] < STRAIGHT_LINE_LEVEL
    assert find_straight_lines(straight, HONEST, level=1e-12) is None


def test_a_few_battles_or_one_dimension_make_no_straight_line() -> None:
    assert find_straight_lines(np.zeros((4, 5), int), HONEST) is None
    assert find_straight_lines(np.zeros((50, 1), int), HONEST) is None
    assert find_straight_lines(np.zeros((0, 5), int), HONEST) is None


def test_honest_raters_with_habits_of_their_own_are_rarely_flagged() -> None:
    rng = np.random.default_rng(5)
    battles = np.full(20_000, 20)
    scale = 1 / HONEST.correlation - 1
    own = rng.beta(HONEST.share * scale, (1 - HONEST.share) * scale, len(battles))
    alike = rng.binomial(battles, own)
    population = estimate_population(alike, battles)

    p_values = np.array([at_least_p_value(k, 20, population) for k in range(21)])[alike]

    assert (p_values < STRAIGHT_LINE_LEVEL).mean() < 2 * STRAIGHT_LINE_LEVEL


@pytest.mark.parametrize("sides", ["a" * 14, "b" * 14, "ab" * 10 + "a" * 16, "aab" * 60])
def test_always_the_same_side_is_found(sides: str) -> None:
    flaw = find_one_side(sides)

    assert flaw is not None
    assert flaw.kind == FlawKind.ONE_SIDED


@pytest.mark.parametrize("sides", ["", "a", "a" * 11, "ab" * 40, "aabbaabbba"])
def test_sides_as_chance_gives_them_are_no_flaw(sides: str) -> None:
    assert find_one_side(sides) is None


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(ValueError, match="Sides are a and b"):
        find_one_side(["a", "tie"])


def test_random_sides_are_flagged_at_most_as_often_as_stated() -> None:
    rng = np.random.default_rng(7)

    flagged = sum(
        find_one_side(["ab"[side] for side in rng.integers(0, 2, 20)]) is not None
        for _ in range(5000)
    )

    assert flagged / 5000 < 2 * STRAIGHT_LINE_LEVEL
