"""Swiss contests: pairing, byes, scores, and who is told for a specialist."""

from itertools import permutations
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.swiss import (
    BYE,
    ELIMINATIONS,
    MAX_ROUNDS,
    Profile,
    Swiss,
    _contests,
    _every_pairing,
    _field,
    _pairs,
    play_swiss,
    rounds_for,
)

RUNS = 2000


def _swiss(skill: FloatArray, *, seed: int = 1, runs: int = RUNS, sd: float = 0.0) -> Swiss:
    """Contests over equally weighted topics, of certain skills (T, K) or of uncertain ones."""
    noise = np.random.default_rng(99).normal(0, sd, (runs, 1, skill.shape[1]))
    weights = np.full(len(skill), 1 / len(skill))
    return play_swiss(skill + noise, weights, tie_propensity=0.6, seed=seed)


def _field_of(contestants: int, topics: int, **planted: float) -> FloatArray:
    """Skills (T, K): the first `generalist` everywhere, the second with the same mean."""
    skill = np.tile(np.random.default_rng(3).normal(0, 0.7, contestants), (topics, 1))
    mean, swing = planted["mean"], planted["swing"]
    skill[:, 0] = mean
    skill[:, 1] = mean + swing * np.resize([1, -1], topics)
    return skill


@pytest.mark.parametrize(("contestants", "topics", "mean"), [(28, 8, 0.8), (28, 4, 0), (12, 6, 0)])
def test_a_specialist_is_told_from_a_generalist_of_the_same_mean_skill(
    contestants: int, topics: int, mean: float
) -> None:
    swiss = _swiss(_field_of(contestants, topics, mean=mean, swing=1.5), sd=0.15)
    assert swiss.profiles[1] is Profile.SPECIALIST
    assert swiss.profiles[0] is not Profile.SPECIALIST
    # Whoever is as good everywhere falls back no more, strong or weak.
    others = np.delete(np.arange(contestants), 1)
    assert (np.abs(swiss.sensitivity[:, others]) <= 4 * swiss.error[:, others] + 1e-12).all()
    assert Profile.SPECIALIST not in np.array(swiss.profiles)[others]


def test_eliminations_alone_make_no_specialist_of_the_best_or_the_worst() -> None:
    skill = np.tile(np.linspace(2, -2, 16), (4, 1))
    # A trace of difference between topics, so that each has weak ones.
    swiss = _swiss(skill + np.random.default_rng(1).normal(0, 1e-3, skill.shape))
    # The rank itself moves, which is why its slope isn't asked.
    assert swiss.rank[-1, 0] - swiss.rank[0, 0] > 0.3
    assert swiss.rank[-1, -1] - swiss.rank[0, -1] < -0.3
    assert Profile.SPECIALIST not in swiss.profiles


def test_who_is_hardly_known_is_no_generalist_yet() -> None:
    skill = np.random.default_rng(1).normal(0, 1, (RUNS, 6, 12))
    swiss = play_swiss(skill, np.full(6, 1 / 6), tie_propensity=0.6, seed=1)
    assert set(swiss.profiles) == {Profile.OPEN}


def test_equal_contestants_get_equal_scores_and_chances() -> None:
    swiss = _swiss(np.zeros((3, 9)))
    error = 0.5 / np.sqrt(RUNS)
    spread = np.abs(swiss.score - swiss.score.mean(axis=1, keepdims=True))
    assert spread.max() < 4 * 0.5 * error
    assert np.abs(swiss.wins - 1 / 9).max() < 4 * error
    assert np.abs(swiss.rank - 5).max() < 4 * 2.6 / np.sqrt(RUNS)
    # Every point is somebody's: nine score half of what is possible, a bye included.
    assert np.isclose(swiss.score[0].mean(), 0.5)
    np.testing.assert_allclose(swiss.wins.sum(axis=1), 1)
    assert (swiss.sensitivity == 0).all()


def test_the_better_score_more_and_win_more_often() -> None:
    swiss = _swiss(np.tile(np.linspace(1.5, -1.5, 8), (2, 1)), sd=0.2)
    for e in range(len(ELIMINATIONS)):
        assert (np.diff(swiss.score[e]) < 0.02).all()
        assert (np.diff(swiss.wins[e]) < 0.02).all()
    assert (swiss.score_low <= swiss.score).all()
    assert (swiss.score <= swiss.score_high).all()
    assert (swiss.score_sd[0] > 0).all()


def test_the_interval_is_of_the_skill_and_not_of_the_luck_of_a_contest() -> None:
    skill, weights = np.tile(np.linspace(1, -1, 8), (2, 1)), np.array([0.5, 0.5])
    off = np.random.default_rng(4).normal(0, 0.3, (150, 1, 8))
    # What it means: the scores that each drawn skill has when luck is averaged out.
    expected = np.array(
        [
            play_swiss(
                np.broadcast_to(skill + each, (150, 2, 8)), weights, tie_propensity=0.6, seed=n,
                eliminations=(0.0,),
            ).score[0]
            for n, each in enumerate(off)
        ]
    )  # fmt: skip
    luck = 0.2 / np.sqrt(150)
    found = _swiss(skill, sd=0.3, runs=4000).score_sd[0]
    sd = np.sqrt(np.maximum(expected.var(axis=0) - luck**2, 0))
    assert 0.75 < (found / sd).mean() < 1.2


@settings(max_examples=30, deadline=None)
@given(size=st.sampled_from([4, 6, 8, 10, 12, 14, 20]), seed=st.integers(0, 10_000))
def test_nobody_meets_again_who_need_not(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    met = np.zeros((6, size, size), np.int8)
    run = np.arange(6)[:, np.newaxis]
    for _ in range(min(MAX_ROUNDS, size)):
        # By lot, as ranks change between rounds.
        order = rng.permuted(np.tile(np.arange(size), (6, 1)), axis=1)
        ranked = met[run[..., np.newaxis], order[:, :, np.newaxis], order[:, np.newaxis]]
        pair = _pairs(ranked)
        assert (np.sort(pair.reshape(6, -1), axis=1) == np.arange(size)).all()
        again = ranked[run, pair[..., 0], pair[..., 1]]
        if size <= 8:
            every = _every_pairing(size)
            fewest = ranked[:, every[..., 0], every[..., 1]].sum(axis=2).min(axis=1)
            assert (again.sum(axis=1) == fewest).all()
        elif size >= 14:
            assert not again.any()
        one, other = (np.take_along_axis(order, pair[..., side], axis=1) for side in (0, 1))
        met[run, one, other] += 1
        met[run, other, one] += 1


def test_neighbours_in_rank_meet_where_nobody_has_met() -> None:
    pair = _pairs(np.zeros((1, 6, 6), np.int8))
    assert pair.tolist() == [[[0, 1], [2, 3], [4, 5]]]
    assert len(_every_pairing(8)) == 7 * 5 * 3


def _certain(contestants: int, rounds: int) -> tuple[FloatArray, IntArray]:
    """Contests in which the lower index always wins."""
    skill = np.broadcast_to(np.arange(contestants) * -100.0, (50, 1, contestants))
    drawn = np.zeros((50, rounds), int)
    return _contests(skill, drawn, 0.6, 0.0, np.random.default_rng(1))


def test_who_has_no_opponent_gets_half_a_point_and_not_twice_before_all_had_it() -> None:
    points, lasted = _certain(3, 3)
    # Three rounds of one battle each: each sits out once, and wins by its place otherwise.
    assert (points == np.array([2, 1, 0]) + BYE).all()
    assert (lasted == 3).all()
    points, _ = _certain(5, 1)
    assert (np.sort(points, axis=1) == [0, 0, BYE, 1, 1]).all()


def test_the_lowest_leave_after_each_round_and_keep_their_points() -> None:
    skill = np.broadcast_to(np.arange(8) * -100.0, (40, 1, 8))
    points, lasted = _contests(skill, np.zeros((40, 3), int), 0.6, 0.25, np.random.default_rng(1))
    assert [_field(8, 0.25, r) for r in range(4)] == [8, 6, 5, 4]
    assert (np.sort(lasted, axis=1) == [1, 1, 2, 3, 3, 3, 3, 3]).all()
    assert (lasted[:, 0] == 3).all()
    assert (points[:, 0] >= 2.5).all()
    for mine, rounds in zip(points, lasted, strict=True):
        for i, j in permutations(range(8), 2):
            assert rounds[i] <= rounds[j] or mine[i] >= mine[j]


def test_a_field_never_falls_below_two_and_rounds_are_as_many_as_there_are_opponents() -> None:
    assert _field(28, 0.3, 40) == 2
    assert (_field(1, 0.3, 3), _field(2, 0.9, 3)) == (1, 2)
    assert [rounds_for(k) for k in (1, 2, 3, 4, 8, 28, 200)] == [1, 1, 2, 3, 5, 7, 7]


def test_a_contestant_alone_scores_its_byes() -> None:
    swiss = _swiss(np.zeros((2, 1)), runs=20)
    assert swiss.score.tolist() == [[0.5]] * len(ELIMINATIONS)
    assert (swiss.wins == 1).all()
    assert swiss.profiles == (Profile.GENERALIST,) or swiss.profiles == (Profile.OPEN,)


def test_a_seed_gives_the_same_contests_again() -> None:
    skill = _field_of(10, 4, mean=0, swing=1)
    one, same, other = (_swiss(skill, seed=seed, runs=300) for seed in (1, 1, 2))
    assert (one.score == same.score).all()
    assert (one.sensitivity == same.sensitivity).all()
    assert (one.score != other.score).any()


def test_names_do_not_matter_but_for_chance() -> None:
    skill = _field_of(9, 4, mean=0.5, swing=1.2)
    turn = np.random.default_rng(2).permutation(9)
    straight, turned = _swiss(skill), _swiss(skill[:, turn], seed=7)
    assert np.abs(turned.score - straight.score[:, turn]).max() < 0.035
    assert np.abs(turned.rank - straight.rank[:, turn]).max() < 0.35
    difference = np.abs(turned.sensitivity - straight.sensitivity[:, turn])
    assert (difference <= 5 * (turned.error + straight.error[:, turn])).all()


def test_what_is_no_contest_is_refused() -> None:
    skill, weights = np.zeros((5, 1, 4)), np.ones(1)
    with pytest.raises(ValueError, match="1 to 7 rounds"):
        play_swiss(skill, weights, tie_propensity=0.6, seed=1, rounds=8)
    with pytest.raises(ValueError, match="less than 1"):
        play_swiss(skill, weights, tie_propensity=0.6, seed=1, eliminations=(0.0, 1.0))


def test_a_large_field_is_played_at_once() -> None:
    skill = _field_of(28, 8, mean=0, swing=1)
    start = perf_counter()
    assert _swiss(skill).rounds == MAX_ROUNDS
    # It takes 1 s alone on a small machine.
    assert perf_counter() - start < 6
