"""Circular preferences: size and power of the test, oracles, and real people's verdicts."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from leaderboards.ranking.cycles import chi_square_tail, find_cycles
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, count_outcomes
from leaderboards.ranking.simulation import by_davidson
from tests.leaderboards.ranking.test_real_data import _people, _rows, _translations


def _simulated(
    seed: int, contestants: int, battles: int, circular: FloatArray | None = None
) -> FloatArray:
    """Counts (K, K, 3) with a side effect, of skills alone or with a circular part (K, K)."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(0, 1, contestants)
    a = rng.integers(0, contestants, battles)
    b = (a + rng.integers(1, contestants, battles)) % contestants
    lead = skill[a] - skill[b] + 0.2
    if circular is not None:
        lead += circular[a, b]
    return count_outcomes(a, b, by_davidson(0.6)(lead, rng), contestants=contestants)


def _circle(contestants: int, triad: tuple[int, int, int], size: float) -> FloatArray:
    """Each of three beats the next by so much more than by its skill, in log-odds."""
    circular = np.zeros((contestants, contestants))
    for one, next_one in zip(triad, triad[1:] + triad[:1], strict=True):
        circular[one, next_one] += size
        circular[next_one, one] -= size
    return circular


def _log_likelihood(counts: FloatArray, lead: FloatArray, log_tie: float) -> float:
    weight = np.stack([lead / 2, np.full_like(lead, log_tie), -lead / 2], axis=-1)
    return float((counts * (weight - np.log(np.exp(weight).sum(-1, keepdims=True)))).sum())


def _likelihood_ratio(counts: FloatArray) -> float:
    """Twice by how much log-odds of each pair explain more than skills do, by plain search."""
    contestants = len(counts)
    pairs = np.triu_indices(contestants, 1)

    def best(of_point: np.ndarray, size: int) -> float:
        def minus(point: FloatArray) -> float:
            return -_log_likelihood(counts, (of_point @ point[:-2]) + point[-2], point[-1])

        return -float(minimize(minus, np.zeros(size + 2), method="BFGS").fun)

    eye = np.eye(contestants)
    additive = eye[:, np.newaxis] - eye
    own = np.zeros((contestants, contestants, len(pairs[0])))
    own[(*pairs, np.arange(len(pairs[0])))] = 1
    return 2 * (
        best(own - own.transpose(1, 0, 2), len(pairs[0])) - best(additive[..., 1:], contestants - 1)
    )


def test_skills_alone_are_rejected_about_one_time_in_twenty() -> None:
    p_values = [find_cycles(_simulated(seed, 6, 900), seed=1).p_value for seed in range(300)]

    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=3 * sqrt(0.0475 / 300))
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.05)


def test_few_battles_are_judged_by_simulation_and_rejected_no_more_often() -> None:
    found = [find_cycles(_simulated(seed, 6, 60), seed=1, draws=99) for seed in range(80)]
    p_values = np.array([cycles.p_value for cycles in found])

    assert {cycles.draws for cycles in found} == {99}
    assert np.mean(p_values <= 0.05) <= 0.05 + 3 * sqrt(0.0475 / 80)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_with_many_battles_simulation_and_chi_square_agree() -> None:
    counts = _simulated(3, 5, 2000)
    by_table = find_cycles(counts, seed=1)
    simulated = find_cycles(counts, seed=1, is_simulated=True)

    assert (by_table.draws, simulated.draws) == (0, 499)
    assert by_table.statistic == simulated.statistic
    assert by_table.p_value == pytest.approx(simulated.p_value, abs=0.06)


def test_a_planted_circle_is_found_and_named_first_in_its_direction() -> None:
    circular = _circle(8, (1, 6, 4), 0.8)
    found = [find_cycles(_simulated(seed, 8, 4200, circular), seed=1) for seed in range(20)]

    assert np.mean([cycles.p_value < 0.05 for cycles in found]) >= 0.9
    assert np.mean([cycles.triads[0].contestants == (1, 6, 4) for cycles in found]) >= 0.9
    curls = [c.triads[0].curl for c in found if c.triads[0].contestants == (1, 6, 4)]
    assert np.mean(curls) == pytest.approx(2.4, rel=0.15)
    # Of the 28 pairs 3 are off by .8, less what skills can take up.
    spread = np.mean([cycles.spread**2 for cycles in found]) ** 0.5
    assert spread == pytest.approx(0.8 * sqrt(3 / 28), rel=0.15)


def test_stone_scissors_paper_has_equal_skills_and_nothing_but_a_circle() -> None:
    counts = np.zeros((3, 3, 3))
    for one, other in ((0, 2), (2, 1), (1, 0)):
        counts[one, other] += [30, 5, 10]
        counts[other, one] += [10, 5, 30]
    cycles = find_cycles(counts, seed=1)
    (triad,) = cycles.triads

    assert cycles.degrees == 1
    assert cycles.p_value < 1e-6
    assert triad.contestants == (0, 2, 1)
    assert triad.curl > 0
    # One circle: its z is the whole statistic.
    assert triad.z**2 == pytest.approx(cycles.statistic, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_statistic_is_near_the_likelihood_ratio(seed: int) -> None:
    counts = _simulated(seed, 4, 3000, _circle(4, (0, 1, 2), 0.15))

    assert find_cycles(counts, seed=1).statistic == pytest.approx(
        _likelihood_ratio(counts), rel=0.05, abs=0.1
    )


def test_the_names_of_contestants_and_sides_make_no_difference() -> None:
    counts = _simulated(7, 5, 1500, _circle(5, (0, 3, 1), 0.5))
    order = np.array([3, 0, 4, 1, 2])
    cycles = find_cycles(counts, seed=1)
    renamed = find_cycles(counts[np.ix_(order, order)], seed=1)
    turned = find_cycles(counts.transpose(1, 0, 2)[..., [B_WINS, TIE, A_WINS]], seed=1)

    assert renamed.statistic == pytest.approx(cycles.statistic)
    assert turned.statistic == pytest.approx(cycles.statistic)
    named = tuple(int(order[k]) for k in renamed.triads[0].contestants)
    assert set(named) == set(cycles.triads[0].contestants)
    assert turned.triads[0].contestants == cycles.triads[0].contestants


def test_as_many_degrees_of_freedom_as_circles_are_closed() -> None:
    ring = np.zeros((5, 5, 3))
    for k in range(5):
        ring[k, (k + 1) % 5] = ring[(k + 1) % 5, k] = [20, 5, 15]
    chain = ring.copy()
    chain[4, 0] = chain[0, 4] = 0

    assert find_cycles(_simulated(1, 7, 3000), seed=1).degrees == 6 * 5 // 2
    assert find_cycles(ring, seed=1).degrees == 1
    assert find_cycles(ring, seed=1).triads == ()
    assert (find_cycles(chain, seed=1).degrees, find_cycles(chain, seed=1).p_value) == (0, 1)


def test_where_pairs_had_one_side_each_the_side_effect_explains_a_circle() -> None:
    one_sided = np.zeros((3, 3, 3))
    for k in range(3):
        one_sided[k, (k + 1) % 3] = [40, 5, 15]

    assert find_cycles(one_sided, seed=1).degrees == 0


@pytest.mark.parametrize("contestants", [0, 1, 2])
def test_without_three_contestants_or_battles_there_is_no_circle(contestants: int) -> None:
    for counts in (np.zeros((contestants,) * 2 + (3,)), np.zeros((4, 4, 3))):
        cycles = find_cycles(counts, seed=1)
        assert (cycles.degrees, cycles.p_value, cycles.triads) == (0, 1, ())


def test_the_same_seed_gives_the_same_p() -> None:
    counts = _simulated(2, 6, 60)

    assert find_cycles(counts, seed=5, draws=99) == find_cycles(counts, seed=5, draws=99)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 351])
def test_the_tail_of_chi_square_is_that_of_scipy(degrees: int) -> None:
    for statistic in (0, 1e-3, 0.5, 3, 12, 400, 5000):
        assert chi_square_tail(statistic, degrees) == pytest.approx(
            chi2.sf(statistic, degrees), rel=1e-9, abs=1e-300
        )


def test_all_triads_of_few_contestants_can_be_had() -> None:
    cycles = find_cycles(_simulated(2, 5, 1000), seed=1, most=100)

    named = {tuple(sorted(triad.contestants)) for triad in cycles.triads}
    assert named == set(combinations(range(5), 3))
    assert [t.z for t in cycles.triads] == sorted((t.z for t in cycles.triads), reverse=True)


def test_peoples_circles_among_chat_models_are_verdicts_on_the_same_answers() -> None:
    people = _people()
    answers = [row["pair"] for row in _rows("llmfao/human.csv.gz")]
    _, one_of_each = np.unique(answers, return_index=True)
    a, b, outcome = (side[one_of_each] for side in (people.a, people.b, people.outcome))
    independent = count_outcomes(a, b, outcome, contestants=len(people.names))

    assert find_cycles(people.counts, seed=1, draws=99).p_value == 0.01
    assert find_cycles(independent, seed=1, draws=99).p_value > 0.2


@pytest.mark.parametrize("pair", ["deu-eng", "ron-eng"])
def test_verdicts_read_off_rankings_go_in_no_circles(pair: str) -> None:
    cycles = find_cycles(_translations(pair).counts, seed=1)

    assert cycles.draws == 0
    assert cycles.p_value > 0.5
    assert cycles.spread == 0
