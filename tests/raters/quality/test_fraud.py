"""Fraud: tests that keep their level, texts and addresses that raters share."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raters.quality.fraud import (
    LEVEL,
    find_shared_keys,
    find_shared_texts,
    hash_address,
    hash_fingerprint,
    likelihood_test,
    sequential_test,
    without_ties,
)

SALT = b"of this study"
RECIPE = "Could you give me a recipe for a soup with lentils and carrots?"
RIDDLE = "Please explain in two sentences why the sky is blue at noon"


def _honest(rng: np.random.Generator, votes: int) -> tuple[np.ndarray, np.ndarray]:
    """Predicted probabilities of three outcomes, and votes drawn by them."""
    probabilities = rng.dirichlet([2, 1, 2], votes)
    drawn = (probabilities.cumsum(axis=1) < rng.random((votes, 1))).sum(axis=1)
    return probabilities, drawn


@given(st.lists(st.lists(st.floats(0.05, 1), min_size=3, max_size=3), min_size=1, max_size=4))
def test_m_has_mean_one_for_an_honest_rater_after_every_vote(weights: list[list[float]]) -> None:
    probabilities = np.array(weights)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    mean = np.zeros(len(weights))
    for outcome in product(range(3), repeat=len(weights)):
        chance = np.prod(probabilities[np.arange(len(weights)), outcome])
        mean += chance * sequential_test(probabilities, np.array(outcome)).path

    assert mean == pytest.approx(1)


def test_of_two_outcomes_m_is_the_product_of_one_over_two_p() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])

    test = sequential_test(probabilities, np.array([1, 1, 0]), level=0.1)

    assert test.path == pytest.approx([1 / 0.2, 1 / (0.2 * 0.4), 1 / (0.2 * 0.4 * 0.6)])
    assert test.flagged_at == 2
    assert test.p_value == pytest.approx(0.2 * 0.4 * 0.6)


def test_without_ties_the_other_outcomes_keep_their_odds() -> None:
    probabilities = np.array([[0.6, 0.2, 0.2], [0.5, 0.4, 0.1], [0.1, 0.5, 0.4]])

    decided, said = without_ties(probabilities, np.array([0, 1, 2]))

    assert decided == pytest.approx(np.array([[0.75, 0.25], [0.2, 0.8]]))
    assert said.tolist() == [0, 1]


def test_an_honest_rater_is_flagged_at_most_as_often_as_stated_however_often_one_looks() -> None:
    rng = np.random.default_rng(1)

    flagged = [sequential_test(*_honest(rng, 200)).flagged_at for _ in range(2000)]

    assert sum(at is not None for at in flagged) / 2000 < LEVEL


def test_one_who_votes_at_random_is_flagged_before_long() -> None:
    rng = np.random.default_rng(2)
    flagged = []
    for _ in range(200):
        probabilities, _votes = _honest(rng, 60)
        flagged.append(sequential_test(probabilities, rng.integers(0, 3, 60)).flagged_at)

    assert np.mean([at is not None for at in flagged]) > 0.95


def test_a_very_long_series_does_not_overflow() -> None:
    probabilities = np.tile([0.01, 0.99], (2000, 1))

    test = sequential_test(probabilities, np.zeros(2000, int))

    assert np.isfinite(test.highest)
    assert test.flagged_at == 2


def test_without_votes_nothing_is_suspected() -> None:
    none = np.zeros((0, 3)), np.zeros(0, int)

    assert sequential_test(*none).p_value == 1
    assert not likelihood_test(*none, seed=1).is_flagged


def test_the_p_value_of_the_likelihood_is_that_of_all_series() -> None:
    probabilities = np.array([[0.6, 0.1, 0.3], [0.2, 0.2, 0.6], [0.5, 0.25, 0.25]])
    series = [np.array(s) for s in product(range(3), repeat=3)]
    chance = [float(np.prod(probabilities[[0, 1, 2], s])) for s in series]

    for votes, p in zip(series, chance, strict=True):
        exact = sum(q for q in chance if q <= p * (1 + 1e-9))
        assert likelihood_test(probabilities, votes, seed=3).p_value == pytest.approx(
            exact, abs=0.02
        )


def test_the_likelihood_test_keeps_its_level_and_finds_rigged_votes() -> None:
    rng = np.random.default_rng(4)
    honest, rigged = [], []
    for seed in range(400):
        probabilities, votes = _honest(rng, 40)
        test = likelihood_test(probabilities, votes, seed=seed, simulations=999)
        honest.append(test.p_value)
        always_a = np.zeros(40, int)
        rigged.append(likelihood_test(probabilities, always_a, seed=seed, simulations=999).p_value)

    assert np.mean(np.array(honest) < 0.05) < 0.09
    assert np.mean(honest) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(rigged) < 0.05) > 0.6


def test_votes_that_no_simulated_rater_gave_are_not_impossible() -> None:
    probabilities = np.tile([0.01, 0.99], (40, 1))

    test = likelihood_test(probabilities, np.zeros(40, int), seed=1, simulations=999)

    assert test.p_value == 1 / 1000


def test_the_expected_surprise_is_that_of_honest_votes() -> None:
    probabilities = np.array([[0.5, 0.5], [0.9, 0.1]])

    test = likelihood_test(probabilities, np.array([0, 1]), seed=1)

    assert test.statistic == pytest.approx(-2 * np.log(0.5 * 0.1))
    entropy = -2 * (np.log(0.5) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert test.expected == pytest.approx(entropy)
    assert likelihood_test(probabilities, np.array([0, 1]), seed=1) == test


@pytest.mark.parametrize(
    ("probabilities", "outcome", "words"),
    [
        ([[0.5, 0.6]], [0], "add up to 1"),
        ([[1.5, -0.5]], [0], "at least 0"),
        ([[0.5, 0.5]], [2], "Outcomes are"),
        ([[0.5, 0.5]], [0, 1], "one row"),
        ([[1.0, 0.0]], [1], "no probability"),
    ],
)
def test_what_is_no_prediction_is_refused(
    probabilities: list[list[float]], outcome: list[int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        sequential_test(np.array(probabilities), np.array(outcome))


def test_a_text_of_several_raters_is_found_whatever_its_case() -> None:
    texts = [("ann", RECIPE), ("bob", RECIPE.upper()), ("cyd", RIDDLE), ("cyd", RIDDLE)]

    (shared,) = find_shared_texts(texts)

    assert shared.raters == ("ann", "bob")
    assert shared.texts == (RECIPE,)
    assert shared.similarity == 1


def test_a_text_of_very_many_raters_is_found_too() -> None:
    (shared,) = find_shared_texts([(f"rater {n:03}", RECIPE) for n in range(200)])

    assert len(shared.raters) == 200


def test_nearly_the_same_text_is_found() -> None:
    long = " ".join(f"word{n}" for n in range(40))
    changed = long.replace("word39", "else")

    (shared,) = find_shared_texts([("ann", long), ("bob", changed)])

    assert shared.texts == (long, changed)
    assert 0.8 <= shared.similarity < 1


@pytest.mark.parametrize(
    "texts",
    [
        [("ann", "What is the capital of France?"), ("bob", "What is the capital of France?")],
        [("ann", RECIPE), ("ann", RECIPE)],
        [("ann", RECIPE), ("bob", RIDDLE)],
        [],
    ],
)
def test_short_texts_and_a_raters_own_are_not_shared(texts: list[tuple[str, str]]) -> None:
    assert find_shared_texts(texts) == ()


def test_what_the_task_says_is_no_shared_text() -> None:
    texts = [("ann", RECIPE), ("bob", RECIPE)]

    assert find_shared_texts(texts, known=[f"Ask this: {RECIPE}"]) == ()
    assert len(find_shared_texts(texts, known=[RIDDLE])) == 1


@settings(deadline=None)
@given(st.permutations([("ann", RECIPE), ("bob", RECIPE), ("cyd", RIDDLE), ("dan", RIDDLE)]))
def test_the_order_of_texts_is_no_matter(texts: list[tuple[str, str]]) -> None:
    assert [shared.raters for shared in find_shared_texts(texts)] == [
        ("ann", "bob"),
        ("cyd", "dan"),
    ]


def test_keys_of_several_participations_are_told_the_largest_first() -> None:
    keys = [("p1", "x"), ("p2", "x"), ("p3", "y"), ("p4", "z"), ("p5", "z"), ("p6", "z")]

    shared = find_shared_keys([*keys, ("p1", "x"), ("p7", ""), ("p8", "")])

    assert [(each.key, each.participations) for each in shared] == [
        ("z", ("p4", "p5", "p6")),
        ("x", ("p1", "p2")),
    ]
    assert [each.key for each in find_shared_keys(keys, more_than=2)] == ["z"]


def test_an_address_is_told_apart_within_a_study_only() -> None:
    hashed = hash_address("192.0.2.7", salt=SALT)

    assert hashed == hash_address(" 192.0.2.7 ", salt=SALT)
    assert hashed == hash_address("::ffff:192.0.2.7", salt=SALT)
    assert hashed != hash_address("192.0.2.8", salt=SALT)
    assert hashed != hash_address("192.0.2.7", salt=b"of another study")


def test_a_household_of_ipv6_is_one_address() -> None:
    home = hash_address("2001:db8:1:2::1", salt=SALT)

    assert home == hash_address("2001:db8:1:2:aaaa::9", salt=SALT)
    assert home != hash_address("2001:db8:1:3::1", salt=SALT)


def test_what_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        hash_address("nowhere", salt=SALT)
    with pytest.raises(ValueError, match="salt"):
        hash_fingerprint("device", salt=b"")
