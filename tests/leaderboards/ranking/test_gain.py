"""What a battle teaches, and which pairs the policies choose: naive oracles and properties."""

from dataclasses import replace
from itertools import combinations
from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards.ranking.davidson import DavidsonPrior, fit_davidson, fit_tournaments
from leaderboards.ranking.gain import (
    Knowledge,
    after_battles,
    fisher_information,
    gains,
    knowledge_of,
    knowledge_of_merged,
    look_ahead,
    with_estimated_spread,
)
from leaderboards.ranking.merging import Merged
from leaderboards.ranking.outcomes import A_WINS, TIE, FloatArray, count_outcomes
from leaderboards.ranking.policies import Policy, QueueState, SamplingRules, deal, propose, steer_by
from leaderboards.ranking.simulation import by_davidson

NO_LOTS = SamplingRules(random_share=0, cap=1, floor=0)


def _knowledge(seed: int, contestants: int = 6, battles: int = 200, weight: float = 1) -> Knowledge:
    return knowledge_of(fit_davidson(_counts(seed, contestants, battles)), weight=weight)


def _counts(seed: int, contestants: int, battles: int, skill_sd: float = 1.1) -> FloatArray:
    rng = np.random.default_rng(seed)
    skill = rng.normal(0, skill_sd, contestants)
    a = rng.integers(0, contestants, battles)
    b = (a + rng.integers(1, contestants, battles)) % contestants
    outcome = by_davidson(0.5)(skill[a] - skill[b], rng)
    return count_outcomes(a, b, outcome, contestants=contestants)


def _naive_gain(known: Knowledge, i: int, j: int) -> float:
    """Gain of one battle by its definition: the posterior inverted anew, one pair at a time."""
    contestants = len(known.skill)
    # Something is known of the level too, or the covariance could not be inverted.
    covariance = known.covariance + 1
    between = np.eye(contestants)[i] - np.eye(contestants)[j]
    h = fisher_information(known.skill[i] - known.skill[j], known.tie_propensity)
    after = np.linalg.inv(np.linalg.inv(covariance) + h * np.outer(between, between))
    total = 0.0
    for p, q in combinations(range(contestants), 2):
        e = np.eye(contestants)[p] - np.eye(contestants)[q]
        before = e @ covariance @ e
        misordered = erfc(abs(known.skill[p] - known.skill[q]) / sqrt(2 * before)) / 2
        total += misordered * (before - e @ after @ e) / before
    return known.weight * total


@pytest.mark.parametrize("seed", range(3))
def test_the_gain_is_that_of_a_naive_look_ahead_over_all_tournaments(seed: int) -> None:
    tournaments = _knowledge(seed), _knowledge(seed + 10, battles=40, weight=0.3)

    fast = gains(look_ahead(tournaments))

    for i, j in combinations(range(6), 2):
        naive = sum(_naive_gain(known, i, j) for known in tournaments)
        assert fast[i, j] == pytest.approx(naive, rel=1e-6)
        assert fast[j, i] == pytest.approx(fast[i, j])
    assert np.diagonal(fast) == pytest.approx(0)


def test_battles_counted_as_played_lower_the_covariance_as_their_information_would() -> None:
    known = _knowledge(1)
    prospect = look_ahead([known])
    between = np.eye(6)[2] - np.eye(6)[4]
    h = fisher_information(known.skill[2] - known.skill[4], known.tie_propensity)
    naive = np.linalg.inv(np.linalg.inv(known.covariance + 1) + 3 * h * np.outer(between, between))

    after = after_battles(prospect, 2, 4, times=3)

    assert after.covariance[0] == pytest.approx(naive - 1, abs=1e-9)


def test_battles_in_flight_count_as_played_on_either_side() -> None:
    known = _knowledge(2)
    given_out = np.zeros((6, 6))
    given_out[1, 3], given_out[3, 1], given_out[0, 5] = 2, 1, 4
    step_by_step = look_ahead([known])
    for a, b, times in ((1, 3, 3), (0, 5, 4)):
        step_by_step = after_battles(step_by_step, a, b, times=times)

    counted = look_ahead([known], in_flight=[given_out])

    assert counted.covariance == pytest.approx(step_by_step.covariance)


def test_a_tournament_learns_from_the_part_of_the_battles_that_reach_it() -> None:
    known = _knowledge(2)
    half = replace(known, reach=0.5)

    assert gains(look_ahead([half])) == pytest.approx(gains(look_ahead([known])) / 2)
    learned = after_battles(look_ahead([half]), 0, 1, times=2)
    assert learned.covariance == pytest.approx(
        after_battles(look_ahead([known]), 0, 1, times=1).covariance
    )


def test_information_is_the_variance_of_the_score_and_never_overflows() -> None:
    difference, ties = 0.7, 0.5
    weight = np.exp([difference / 2, np.log(ties), -difference / 2])
    chance = weight / weight.sum()
    score = np.array([0.5, 0, -0.5]) - (chance[0] - chance[2]) / 2

    assert fisher_information(np.array(difference), ties) == pytest.approx(chance @ score**2)
    assert fisher_information(np.array(-difference), ties) == pytest.approx(chance @ score**2)
    assert fisher_information(np.array(5000.0), ties) == 0


def test_the_estimated_spread_covers_where_a_wide_prior_does_not() -> None:
    wide = DavidsonPrior(skill_sd=20**0.5)
    rng = np.random.default_rng(4)
    z, stated = [], []
    for seed in range(150):
        truth = np.random.default_rng(seed).normal(0, 0.4, 8)
        a = rng.integers(0, 8, 80)
        b = (a + rng.integers(1, 8, 80)) % 8
        outcome = by_davidson(0.5)(truth[a] - truth[b], rng)
        fit = fit_davidson(
            count_outcomes(a, b, outcome, contestants=8), prior=wide, require_connected=False
        )
        known = knowledge_of(fit)
        error = known.skill - (truth - truth.mean())
        z.append(error / np.sqrt(np.diagonal(known.covariance)))
        stated.append([np.square(error).mean(), np.square(fit.skill - truth + truth.mean()).mean()])

    assert 0.93 <= (np.abs(z) <= 1.96).mean() <= 0.98
    ours, plain = np.mean(stated, axis=0)
    assert ours < 0.8 * plain


def test_without_battles_the_spread_is_no_certainty() -> None:
    fit = fit_davidson(np.zeros((4, 4, 3)))

    skill, covariance = with_estimated_spread(fit.skill, fit.covariance, 2.0)

    assert skill == pytest.approx(0)
    # All sds up to 2 are as likely: the mean of their squares is 2²/3.
    assert np.diagonal(covariance) == pytest.approx(4 / 3 * 3 / 4, rel=0.01)


def test_the_merged_ranking_has_its_own_sds_and_everybodys_correlations() -> None:
    everybody = fit_davidson(_counts(3, 5, 300))
    nothing = np.zeros((0, 5))
    merged = Merged(
        everybody.skill * 1.1, everybody.sd * 2, nothing, nothing, np.zeros(0), np.zeros(0)
    )

    known = knowledge_of_merged(merged, everybody)

    assert known.skill == pytest.approx(everybody.skill * 1.1)
    assert known.covariance == pytest.approx(everybody.covariance * 4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(6)))
def test_relabelling_contestants_relabels_the_pairs(seed: int, order: list[int]) -> None:
    known = _knowledge(seed)
    renamed = replace(
        known, skill=known.skill[order], covariance=known.covariance[np.ix_(order, order)]
    )

    pairs = propose(QueueState.of(known, rules=NO_LOTS), Policy.GAIN, count=8, seed=1)
    again = propose(QueueState.of(renamed, rules=NO_LOTS), Policy.GAIN, count=8, seed=1)

    assert [{order[p.a], order[p.b]} for p in again] == [{p.a, p.b} for p in pairs]


@pytest.mark.parametrize("policy", Policy)
def test_the_same_seed_proposes_the_same_pairs(policy: Policy) -> None:
    state = QueueState.of(_knowledge(5))

    assert propose(state, policy, count=30, seed=7) == propose(state, policy, count=30, seed=7)


@pytest.mark.parametrize("policy", [Policy.GAIN, Policy.RANDOM])
def test_another_seed_proposes_other_pairs(policy: Policy) -> None:
    state = QueueState.of(_knowledge(5))

    assert propose(state, policy, count=90, seed=7) != propose(state, policy, count=90, seed=8)


@pytest.mark.parametrize("policy", Policy)
def test_a_pair_that_may_not_meet_is_never_proposed(policy: Policy) -> None:
    allowed = np.ones((6, 6), bool)
    allowed[1] = False  # One direction forbids the pair.
    allowed[0, 2] = False
    state = QueueState.of(_knowledge(6), allowed=allowed)

    pairs = propose(state, policy, count=40, seed=1)

    assert len(pairs) == 40
    assert not {frozenset(pair[:2]) for pair in pairs} & {
        frozenset(pair) for pair in [(0, 2), *((1, k) for k in range(6) if k != 1)]
    }


@pytest.mark.parametrize("policy", Policy)
def test_nothing_is_proposed_if_no_pair_is_allowed(policy: Policy) -> None:
    state = QueueState.of(_knowledge(6), allowed=np.eye(6, dtype=bool))

    assert propose(state, policy, count=3, seed=1) == ()


def test_a_hundred_raters_at_once_get_many_different_pairs() -> None:
    known = _knowledge(7, contestants=10, battles=300)

    pairs = propose(QueueState.of(known, rules=NO_LOTS), Policy.GAIN, count=100, seed=1)

    often = max(sum({p.a, p.b} == {i, j} for p in pairs) for i, j in combinations(range(10), 2))
    assert len({frozenset(pair[:2]) for pair in pairs}) >= 12
    assert often <= 30


def test_a_pair_in_flight_often_enough_gives_way_to_another() -> None:
    known = _knowledge(7)
    state = QueueState.of(known, rules=NO_LOTS)
    first = propose(state, Policy.GAIN, count=1, seed=1)[0]
    given_out = np.zeros((6, 6))
    given_out[first.a, first.b] = 500

    second = propose(replace(state, in_flight=(given_out,)), Policy.GAIN, count=1, seed=1)[0]

    assert {second.a, second.b} != {first.a, first.b}


def test_a_newcomer_is_met_often_because_nothing_is_known_of_it() -> None:
    counts = np.zeros((8, 8, 3))
    counts[:7, :7] = _counts(8, 7, 1500)
    state = QueueState.of(knowledge_of(fit_davidson(counts)), rules=NO_LOTS)

    pairs = propose(state, Policy.GAIN, count=20, seed=1)

    assert sum(7 in pair[:2] for pair in pairs) >= 10
    assert len({frozenset(pair[:2]) for pair in pairs if 7 in pair[:2]}) >= 3


def test_parts_that_never_met_are_brought_together() -> None:
    counts = np.zeros((8, 8, 3))
    counts[:4, :4], counts[4:, 4:] = _counts(1, 4, 300), _counts(2, 4, 300)
    known = knowledge_of(fit_davidson(counts, require_connected=False))

    pairs = propose(QueueState.of(known, rules=NO_LOTS), Policy.GAIN, count=5, seed=1)

    assert all((pair.a < 4) != (pair.b < 4) for pair in pairs)


def test_after_nothing_but_ties_pairs_are_still_found() -> None:
    counts = np.zeros((3, 3, 3))
    counts[[0, 0, 1], [1, 2, 2], TIE] = 200, 200, 100
    known = knowledge_of(fit_davidson(counts))

    pairs = propose(QueueState.of(known, rules=NO_LOTS), Policy.GAIN, count=3, seed=1)

    assert {pairs[0].a, pairs[0].b} == {1, 2}
    assert all(np.isfinite(pair.gain) and pair.gain > 0 for pair in pairs)


@pytest.mark.parametrize("policy", Policy)
def test_two_contestants_take_turns_on_the_sides(policy: Policy) -> None:
    counts = np.zeros((2, 2, 3))
    counts[0, 1, A_WINS] = 3
    met = counts.sum(axis=-1)
    state = QueueState.of(knowledge_of(fit_davidson(counts)), met=met, today=np.array([3.0, 3.0]))

    pairs = propose(state, policy, count=7, seed=1)

    assert [pair.a for pair in pairs] == [1, 1, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("policy", Policy)
def test_sides_stay_even_within_every_pair_and_for_every_contestant(policy: Policy) -> None:
    met = np.zeros((6, 6))
    for pair in propose(QueueState.of(_knowledge(9)), policy, count=300, seed=3):
        met[pair.a, pair.b] += 1

    assert np.abs(met - met.T).max() <= 1
    assert np.abs(met.sum(axis=0) - met.sum(axis=1)).max() <= 5


def test_no_contestant_goes_over_the_cap_or_under_the_floor_of_a_day() -> None:
    # Contestant 9 is far above all others, and contestants 0 and 1 are all but equal.
    skill = np.array([0, 0.01, -1, -2, -3, 1, 2, 3, 4, 12.0])
    known = Knowledge(skill - skill.mean(), 0.01 * (np.eye(10) - 0.1), 0.5)
    rules = SamplingRules(random_share=0, cap=0.35, floor=0.5)
    free = SamplingRules(random_share=0, cap=1, floor=0)

    def share(rules: SamplingRules) -> FloatArray:
        state = QueueState.of(known, rules=rules)
        pairs = propose(state, Policy.GAIN, count=200, seed=1)
        return np.bincount([k for pair in pairs for k in pair[:2]], minlength=10) / 200

    assert share(free).max() > 0.5
    assert share(free).min() < 0.02
    assert share(rules).max() <= 0.35
    # Half an equal share of .2, but for a battle.
    assert share(rules).min() >= 0.1 - 0.01


def test_a_cap_that_leaves_no_pair_gives_way() -> None:
    allowed = np.zeros((6, 6), bool)
    allowed[0, 1] = allowed[1, 0] = True
    state = QueueState.of(_knowledge(1), allowed=allowed)

    pairs = propose(state, Policy.GAIN, count=50, seed=1)

    assert [{pair.a, pair.b} for pair in pairs] == [{0, 1}] * 50


def test_round_robin_meets_every_pair_once_before_any_twice() -> None:
    pairs = propose(QueueState.of(_knowledge(1)), Policy.ROUND_ROBIN, count=30, seed=1)

    met = [frozenset(pair[:2]) for pair in pairs]
    assert len(set(met[:15])) == len(set(met[15:])) == 15


def test_swiss_spreads_battles_evenly_and_prefers_neighbours() -> None:
    skill = np.arange(6.0)[::-1] - 2.5
    known = Knowledge(skill, 0.1 * (np.eye(6) - 1 / 6), 0.5)

    pairs = propose(QueueState.of(known), Policy.SWISS, count=300, seed=1)

    each = np.bincount([k for pair in pairs for k in pair[:2]], minlength=6)
    assert np.ptp(each) <= 10
    neighbours = sum(abs(pair.a - pair.b) == 1 for pair in pairs)
    far = sum(abs(pair.a - pair.b) == 5 for pair in pairs)
    assert neighbours > 100
    assert far < 20


def test_gain_draws_its_share_of_pairs_at_random() -> None:
    known = _knowledge(1, contestants=12, battles=4000)
    never, always = (
        propose(
            QueueState.of(known, rules=SamplingRules(random_share=share, cap=1, floor=0)),
            Policy.GAIN,
            count=120,
            seed=1,
        )
        for share in (0.0, 1.0)
    )

    assert len({frozenset(pair[:2]) for pair in always}) > 35
    assert len({frozenset(pair[:2]) for pair in never}) < 35


def test_a_steer_has_a_mean_of_1_and_what_is_not_known_counts_as_the_others() -> None:
    worth = np.full((3, 3), np.nan)
    worth[0, 1] = worth[1, 0] = 1.0
    worth[0, 2] = worth[2, 0] = 3.0

    steer = steer_by(worth)

    assert (steer[0, 1], steer[0, 2], steer[1, 2]) == (0.5, 1.5, 1.0)
    assert (steer_by(np.zeros((3, 3))) == 1).all()
    assert (steer_by(np.full((3, 3), np.nan)) == 1).all()


def test_routed_without_a_steer_is_gain_and_with_one_goes_where_it_says() -> None:
    known = _knowledge(1)
    contestants = len(known.skill)
    by_gain, unsteered = (
        propose(QueueState.of(known), policy, count=30, seed=1)
        for policy in (Policy.GAIN, Policy.ROUTED)
    )
    steer = np.ones((contestants, contestants))
    away = by_gain[0][:2]
    steer[away] = steer[away[::-1]] = 0.0
    rules = SamplingRules(random_share=0.0, floor=0.0)
    steered = propose(
        QueueState.of(known, steer=steer, rules=rules), Policy.ROUTED, count=30, seed=1
    )

    assert unsteered == by_gain
    assert all({pair.a, pair.b} != set(away) for pair in steered)
    # What is stored of a pair is its gain itself.
    assert all(pair.gain > 0 for pair in steered)


def test_a_plan_is_dealt_by_shares() -> None:
    queue = deal(400, np.array([0.5, 0.0, 0.2, 0.3]), seed=2)

    assert (queue == deal(400, np.array([5, 0, 2, 3]), seed=2)).all()
    assert np.bincount(queue, minlength=4) == pytest.approx([200, 0, 80, 120], abs=35)


def test_a_plan_is_not_dealt_to_nobody() -> None:
    for shares in ([0.0, 0.0], [1.0, -0.5]):
        with pytest.raises(ValueError, match="at least 0"):
            deal(1, np.array(shares), seed=1)


@pytest.mark.parametrize("name", ["random_share", "cap", "floor"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_rule_that_is_no_share_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is a share"):
        SamplingRules(**{name: value})


def test_gain_needs_fewer_battles_than_random_for_the_same_order() -> None:
    seeds, contestants, battles = 16, 8, 500

    def tau(policy: Policy) -> float:
        rngs = [np.random.default_rng(seed) for seed in range(seeds)]
        truth = np.array([rng.normal(0, 1.1, contestants) for rng in rngs])
        counts = np.zeros((seeds, contestants, contestants, 3))
        for start in range(0, battles, 25):
            for study, fit in enumerate(fit_tournaments(counts)):
                state = QueueState.of(knowledge_of(fit))
                pairs = np.array(propose(state, policy, count=25, seed=start))[:, :2].astype(int)
                lead = truth[study][pairs[:, 0]] - truth[study][pairs[:, 1]]
                outcome = by_davidson(0.5)(lead, rngs[study])
                np.add.at(counts[study], (pairs[:, 0], pairs[:, 1], outcome), 1)
        skill = np.array([fit.skill for fit in fit_tournaments(counts)])
        i, j = np.triu_indices(contestants, 1)
        return float(
            np.mean(np.sign(skill[:, i] - skill[:, j]) == np.sign(truth[:, i] - truth[:, j]))
        )

    assert tau(Policy.GAIN) > tau(Policy.RANDOM)
