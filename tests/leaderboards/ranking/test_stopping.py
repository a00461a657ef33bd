"""When a question is answered: what a rule asks, how often it errs, how long it will take."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.gain import Knowledge, knowledge_of
from leaderboards.ranking.outcomes import A_WINS, TIE, FloatArray
from leaderboards.ranking.policies import Policy
from leaderboards.ranking.stopping import (
    MIXTURE_VARIANCE,
    Separated,
    SigmaBelow,
    TopSettled,
    battles_expected,
    is_answered,
    separated,
)


def _known(skill: list[float], sd: float) -> Knowledge:
    """Skills that add up to 0, all known with one sd."""
    contestants = len(skill)
    centre = np.eye(contestants) - 1 / contestants
    covariance = centre * sd**2 * contestants / max(contestants - 1, 1)
    return Knowledge(np.array(skill) - np.mean(skill), covariance, 0.5)


def _naive_ratio(d: float, variance: float) -> float:
    """Likelihood of an estimate d averaged over a half-normal difference, by that of none."""

    def integrand(delta: float) -> float:
        prior = 2 * norm.pdf(delta, 0, sqrt(MIXTURE_VARIANCE))
        return float(norm.pdf(d, delta, sqrt(variance)) * prior)

    return quad(integrand, 0, 12)[0] / float(norm.pdf(d, 0, sqrt(variance)))


@pytest.mark.parametrize("variance", [0.002, 0.1, 2.0])
def test_a_pair_is_separated_when_the_likelihood_ratio_says_so(variance: float) -> None:
    for z in np.linspace(0.5, 6, 12):
        d = z * sqrt(variance)
        known = Knowledge(np.array([d, 0]), np.diag([variance, 0]), 0.5)
        answered = is_answered(known, Separated(0.9, pair=(0, 1)))
        assert answered == (_naive_ratio(d, variance) >= 2 / 0.1)


def test_looking_after_every_battle_hardly_ever_separates_equals() -> None:
    rng = np.random.default_rng(1)
    runs, battles = 600, 2_000
    information = 0.2
    score = rng.normal(0, sqrt(information), (runs, battles)).cumsum(axis=1)
    precision = information * np.arange(1, battles + 1)
    z = score / np.sqrt(precision)
    claimed = np.zeros(runs, bool)
    for look in range(0, battles, 5):
        variance = 1 / precision[look]
        for study in np.flatnonzero(~claimed & (np.abs(z[:, look]) > 2)):
            d = score[study, look] * variance
            known = Knowledge(np.array([d, 0]), np.diag([variance, 0]), 0.5)
            claimed[study] = is_answered(known, Separated(0.95, pair=(0, 1)))

    fixed = (np.abs(z[:, ::5]) > 1.96).any(axis=1).mean()
    assert fixed > 0.3
    assert claimed.mean() <= 0.05


def test_sigma_below_its_target_is_an_answer() -> None:
    known = _known([1, 0, -1], 0.2)

    assert is_answered(known, SigmaBelow(0.2001))
    assert not is_answered(known, SigmaBelow(0.1999))


def test_an_order_is_answered_when_every_pair_is_separated() -> None:
    rule = Separated(0.95)

    assert is_answered(_known([2, 1, 0], 0.15), rule)
    assert not is_answered(_known([2, 1, 0.9], 0.15), rule)


def test_the_top_may_be_settled_while_others_are_not() -> None:
    known = _known([2, 1.9, 0.1, 0], 0.12)

    assert is_answered(known, TopSettled(2))
    assert not is_answered(known, TopSettled(1))
    assert not is_answered(known, TopSettled(3))
    assert is_answered(known, TopSettled(4))


def test_more_confidence_needs_more() -> None:
    known = _known([0.8, 0, -0.8], 0.15)

    assert is_answered(known, Separated(0.8))
    assert not is_answered(known, Separated(0.9999))


def test_separated_pairs_are_told_one_by_one() -> None:
    told = separated(_known([2, 1, 0.9], 0.15), confidence=0.95)

    assert told.tolist() == [[False, True, True], [True, False, False], [True, False, False]]


def test_one_contestant_is_answered_at_once() -> None:
    alone = knowledge_of(fit_davidson(np.zeros((1, 1, 3))))

    for rule in (SigmaBelow(0.1), Separated(), TopSettled(1)):
        assert is_answered(alone, rule)


def test_without_battles_nothing_is_answered_and_no_number_is_made_up() -> None:
    known = knowledge_of(fit_davidson(np.zeros((4, 4, 3))))

    for rule in (SigmaBelow(0.1), Separated(), Separated(pair=(0, 1)), TopSettled(1)):
        assert not is_answered(known, rule)
        assert battles_expected(known, rule, battles=0, seed=1).low == inf


def test_ties_alone_never_separate() -> None:
    counts = np.zeros((2, 2, 3))
    counts[0, 1, TIE] = 100_000

    assert not is_answered(knowledge_of(fit_davidson(counts)), Separated(0.8))


def test_parts_that_never_met_are_not_separated() -> None:
    counts = np.zeros((4, 4, 3))
    counts[[0, 2], [1, 3], A_WINS] = 500
    known = knowledge_of(fit_davidson(counts, require_connected=False))

    assert not is_answered(known, Separated(0.8, pair=(0, 2)))
    assert not is_answered(known, Separated(0.8))


def _counts_of(known_after: int, skill: FloatArray) -> FloatArray:
    """Expected outcomes of so many battles of each pair, both ways."""
    counts = np.zeros((len(skill), len(skill), 3))
    for i, j in np.argwhere(~np.eye(len(skill), dtype=bool)):
        eta = skill[i] - skill[j]
        weight = np.array([np.exp(eta / 2), 0.5, np.exp(-eta / 2)])
        counts[i, j] = known_after * weight / weight.sum()
    return counts


def test_the_battles_expected_are_those_that_an_even_design_will_need() -> None:
    skill = np.array([0.6, 0.2, -0.2, -0.6])
    now, later = _counts_of(50, skill), _counts_of(200, skill)
    target = float(fit_davidson(later).sd.max())

    forecast = battles_expected(
        knowledge_of(fit_davidson(now)),
        SigmaBelow(target),
        battles=int(now.sum()),
        seed=1,
        policy=Policy.RANDOM,
    )

    assert forecast.low <= forecast.battles <= forecast.high
    assert forecast.battles == pytest.approx(later.sum() - now.sum(), rel=0.2)


def test_what_is_answered_needs_no_more_battles() -> None:
    forecast = battles_expected(_known([2, 1, 0], 0.15), Separated(), battles=500, seed=1)

    assert (forecast.low, forecast.battles, forecast.high) == (0, 0, 0)


def test_close_contestants_are_expected_to_take_longer_if_ever() -> None:
    rule = Separated(0.9)
    apart, close = (
        battles_expected(_known(skill, 0.1), rule, battles=1000, seed=1)
        for skill in ([1, 0.55, 0], [1, 0.05, 0])
    )

    assert 0 < apart.battles < close.battles
    assert close.high == inf


def test_the_same_seed_expects_the_same() -> None:
    known, rule = _known([1, 0.55, 0], 0.1), TopSettled(1)

    assert battles_expected(known, rule, battles=900, seed=3) == battles_expected(
        known, rule, battles=900, seed=3
    )


def test_relabelling_contestants_changes_no_answer() -> None:
    known, order = _known([2, 1, 0.8, -1], 0.1), [2, 0, 3, 1]
    renamed = replace(
        known, skill=known.skill[order], covariance=known.covariance[np.ix_(order, order)]
    )

    for rule in (SigmaBelow(0.1), Separated(0.9), TopSettled(1), TopSettled(3)):
        assert is_answered(known, rule) == is_answered(renamed, rule)


def test_rules_that_ask_nothing_or_too_much_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Separated(1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        TopSettled(1, 0.0)
    with pytest.raises(ValueError, match="at least one"):
        TopSettled(0)
    with pytest.raises(ValueError, match="above 0"):
        SigmaBelow(0.0)
    with pytest.raises(ValueError, match="no contestant 7"):
        is_answered(_known([1, 0], 0.1), Separated(pair=(0, 7)))
