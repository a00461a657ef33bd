"""The TrueSkill kernel: against the `trueskill` package, in parts, compiled, and in far tails."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import trueskill
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking import trueskill as kernel
from leaderboards.ranking.outcomes import A_WINS, B_WINS, OUTCOMES, TIE, FloatArray, count_outcomes
from leaderboards.ranking.simulation import by_performance
from leaderboards.ranking.trueskill import (
    TrueSkillParameters,
    draw_margin,
    estimate_draw_probability,
    fold,
)

K = 5
Battle = tuple[int, int, int]

battles = st.lists(
    st.tuples(st.integers(0, K - 1), st.integers(1, K - 1), st.sampled_from(OUTCOMES)).map(
        lambda b: (b[0], (b[0] + b[1]) % K, b[2])
    ),
    max_size=25,
)


@dataclass(frozen=True)
class Start:
    """Skills to begin with and the parameters of a tournament."""

    mu: list[float]
    sigma: list[float]
    beta: float
    draw_probability: float


starts = st.builds(
    Start,
    mu=st.lists(st.floats(0, 50), min_size=K, max_size=K),
    sigma=st.lists(st.floats(0.5, 10), min_size=K, max_size=K),
    beta=st.floats(1.5, 10),
    draw_probability=st.floats(0.01, 0.9),
)


def _fold(start: Start, played: Sequence[Battle], *, compiled: bool = False) -> FloatArray:
    """Fold in one tournament: means and sds, (2, K)."""
    columns = np.array(played, int).reshape(-1, 3).T
    mu, sigma = fold(
        np.array([start.mu]),
        np.array([start.sigma]),
        np.zeros(len(played), int),
        *columns,
        beta=np.array([start.beta]),
        margin=np.array([draw_margin(start.draw_probability, beta=start.beta)]),
        compiled=compiled,
    )
    return np.concatenate([mu, sigma])


def _fold_by_package(start: Start, played: Sequence[Battle]) -> FloatArray:
    environment = trueskill.TrueSkill(
        beta=start.beta, tau=0, draw_probability=start.draw_probability, backend="scipy"
    )
    ratings = [trueskill.Rating(m, s) for m, s in zip(start.mu, start.sigma, strict=True)]
    for a, b, outcome in played:
        winner, loser = (b, a) if outcome == B_WINS else (a, b)
        ratings[winner], ratings[loser] = trueskill.rate_1vs1(
            ratings[winner], ratings[loser], drawn=outcome == TIE, env=environment
        )
    return np.array([[r.mu for r in ratings], [r.sigma for r in ratings]])


def _random_battles(n: int, tournaments: int, seed: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, K, n)
    b = (a + rng.integers(1, K, n)) % K
    return rng.integers(0, tournaments, n), a, b, rng.integers(0, 3, n)


def _fold_many(
    state: tuple[FloatArray, FloatArray], columns: Sequence[np.ndarray], *, compiled: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Fold in three tournaments that differ in β and margin."""
    return fold(
        *state,
        *columns,
        beta=np.array([4.0, 5.0, 6.0]),
        margin=np.array([1.0, 0.5, 2.0]),
        compiled=compiled,
    )


def _fresh() -> tuple[FloatArray, FloatArray]:
    return np.full((3, K), 25.0), np.full((3, K), 25 / 3)


@settings(max_examples=100, deadline=None)
@given(start=starts, played=battles)
def test_any_sequence_gives_what_the_package_gives(start: Start, played: list[Battle]) -> None:
    np.testing.assert_allclose(
        _fold(start, played), _fold_by_package(start, played), rtol=0, atol=1e-9
    )


@settings(max_examples=40, deadline=None)
@given(start=starts, played=battles, cut=st.integers(0, 25))
def test_folding_in_parts_gives_the_same_bits_as_at_once(
    start: Start, played: list[Battle], cut: int
) -> None:
    mu, sigma = _fold(start, played[:cut])
    halfway = Start(mu.tolist(), sigma.tolist(), start.beta, start.draw_probability)

    assert (_fold(halfway, played[cut:]) == _fold(start, played)).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_chunks_and_calls_leave_no_trace(monkeypatch: pytest.MonkeyPatch, compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba")
    columns = _random_battles(2000, tournaments=3)
    at_once = _fold_many(_fresh(), columns, compiled=compiled)

    monkeypatch.setattr(kernel, "CHUNK", 97)
    state = _fresh()
    for part in (slice(0, 700), slice(700, 701), slice(701, 2000)):
        state = _fold_many(state, [column[part] for column in columns], compiled=compiled)

    assert (state[0] == at_once[0]).all()
    assert (state[1] == at_once[1]).all()


def test_the_compiled_loop_agrees_with_pythons() -> None:
    pytest.importorskip("numba")
    columns = _random_battles(5000, tournaments=3)

    plain = _fold_many(_fresh(), columns)
    compiled = _fold_many(_fresh(), columns, compiled=True)

    np.testing.assert_allclose(compiled, plain, rtol=0, atol=1e-11)


def test_many_battles_are_compiled_where_numba_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(kernel, "WORTH_COMPILING", 10)
    monkeypatch.setattr(kernel, "is_numba_installed", lambda: True)
    monkeypatch.setattr(kernel, "_compiled_loop", lambda: asked.append("numba"))

    for n in (9, 10):
        tournament, a, b, outcome = _random_battles(n, tournaments=1)
        fold(*_fresh(), tournament, a, b, outcome, beta=np.full(3, 4), margin=np.ones(3))

    assert asked == ["numba"]


def test_tournaments_played_in_turn_are_as_played_alone() -> None:
    columns = _random_battles(600, tournaments=3)
    together = _fold_many(_fresh(), columns)

    for t in range(3):
        own = [column[columns[0] == t] for column in columns]
        alone = _fold_many(_fresh(), own)
        assert (alone[0][t] == together[0][t]).all()
        assert (alone[1][t] == together[1][t]).all()


@settings(max_examples=30, deadline=None)
@given(start=starts, played=battles, order=st.permutations(range(K)))
def test_relabelling_contestants_permutes_the_skills(
    start: Start, played: list[Battle], order: list[int]
) -> None:
    place = {k: new for new, k in enumerate(order)}
    renamed = [(place[a], place[b], outcome) for a, b, outcome in played]
    reordered = Start(
        [start.mu[k] for k in order],
        [start.sigma[k] for k in order],
        start.beta,
        start.draw_probability,
    )

    assert (_fold(reordered, renamed) == _fold(start, played)[:, order]).all()


@settings(max_examples=30, deadline=None)
@given(start=starts, played=battles)
def test_swapping_the_sides_changes_nothing(start: Start, played: list[Battle]) -> None:
    swapped = [(b, a, B_WINS - outcome) for a, b, outcome in played]

    np.testing.assert_allclose(_fold(start, swapped), _fold(start, played), rtol=0, atol=1e-9)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("draw_probability", [0.0, 1e-9, 0.1, 0.999])
@pytest.mark.parametrize("gap", [0.0, 100.0, 130.0, 150.0, 170.0, 1e3, 1e6, 1e200])
def test_far_tails_stay_finite_and_learn(
    gap: float, draw_probability: float, outcome: int, compiled: bool
) -> None:
    if compiled:
        pytest.importorskip("numba")
    start = Start([0.0, gap, 1, 1, 1], [1.0] * K, 3.0, draw_probability)

    mu, sigma = _fold(start, [(0, 1, outcome)], compiled=compiled)

    assert np.isfinite(mu).all()
    assert (sigma[:2] > 0.5).all()
    assert (sigma <= 1).all()
    # A surprise draws the two together and an expected result leaves them where they are.
    if gap and outcome != B_WINS:
        assert mu[1] - mu[0] < gap or gap > 1e15


@pytest.mark.parametrize("outcome", [A_WINS, TIE])
def test_the_series_of_the_far_tail_meets_the_exact_quotient(
    monkeypatch: pytest.MonkeyPatch, outcome: int
) -> None:
    start = Start([0.0, 170.0, 1, 1, 1], [1.0] * K, 3.0, 0.9)
    exact = _fold(start, [(0, 1, outcome)])

    monkeypatch.setattr(kernel, "FAR", 20.0)

    np.testing.assert_allclose(_fold(start, [(0, 1, outcome)]), exact, rtol=0, atol=1e-9)


def test_no_battles_and_no_contestants_leave_everything_as_it_is() -> None:
    nothing = np.zeros(0, int)
    for contestants in (0, 1, 2):
        mu, sigma = fold(
            np.full((1, contestants), 25.0),
            np.full((1, contestants), 8.0),
            *[nothing] * 4,
            beta=np.array([4.0]),
            margin=np.array([1.0]),
        )
        assert mu.tolist() == [[25.0] * contestants]
        assert sigma.tolist() == [[8.0] * contestants]


def test_the_state_that_goes_in_is_not_changed() -> None:
    state = _fresh()

    _fold_many(state, _random_battles(50, tournaments=3))

    assert (state[0] == 25).all()


@pytest.mark.parametrize(
    ("battle", "message"),
    [
        ((3, 0, 1, TIE), "no tournament 3"),
        ((0, K, 1, TIE), f"no contestant {K}"),
        ((0, 0, -1, TIE), "no contestant -1"),
        ((0, 1, 1, TIE), "meets itself"),
        ((0, 0, 1, 7), "7 is no outcome"),
    ],
)
def test_a_battle_that_cannot_be_is_an_error(battle: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _fold_many(_fresh(), [np.array([value]) for value in battle])


@pytest.mark.parametrize(
    "wrong",
    [
        {"mu": np.nan},
        {"sigma": 0},
        {"beta": 0},
        {"beta": np.inf},
        {"draw_probability": 1},
        {"draw_probability": -0.1},
    ],
)
def test_parameters_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"finite|draw_probability"):
        TrueSkillParameters(**wrong)


@pytest.mark.parametrize("draw_probability", [0.0, 0.1, 0.5, 0.9])
def test_the_margin_is_the_packages(draw_probability: float) -> None:
    environment = trueskill.TrueSkill(draw_probability=draw_probability, backend="scipy")
    expected = trueskill.calc_draw_margin(draw_probability, 2, environment)

    assert TrueSkillParameters(draw_probability=draw_probability).margin == pytest.approx(expected)


def test_the_draw_probability_is_that_of_equals_not_the_share_of_ties() -> None:
    rng = np.random.default_rng(4)
    n = 200_000
    skill = rng.normal(25, 4, 20)
    a = rng.integers(0, 20, n)
    b = (a + rng.integers(1, 20, n)) % 20
    outcome = by_performance(TrueSkillParameters(draw_probability=0.3))(skill[a] - skill[b], rng)

    estimate = estimate_draw_probability(count_outcomes(a, b, outcome, contestants=20))

    assert (outcome == TIE).mean() < 0.25
    assert estimate == pytest.approx(0.3, abs=0.015)


def test_a_draw_probability_is_between_0_and_1_whatever_was_played() -> None:
    for outcome in (A_WINS, TIE):
        counts = np.zeros((2, 2, 3))
        assert 0 < estimate_draw_probability(counts) < 1
        counts[0, 1, outcome] = 1e6
        assert 0 < estimate_draw_probability(counts) < 1
