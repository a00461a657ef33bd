"""How often a judge says what people say: worked by hand, against evalica, and at the edges."""

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.comparison.agreement import cohen_kappa, compare
from leaderboards.comparison.items import Judged, Votes
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from tests.leaderboards.comparison.made_up import codes, pairs, votes, world

A, T, B = A_WINS, TIE, B_WINS


def test_each_figure_is_the_one_worked_out_by_hand() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2), (0, 1)])
    people = votes([[A, A, B], [A, B], [T, T, B], [B]])
    judged = Judged.of(codes(0, 1, 2, 3), codes(A, A, B, T))

    found = compare(items, people, judged)

    assert (found.items, found.votes, found.without_majority) == (4, 9, 1)
    # Majorities a, none, tie, b; the judge says a, a, b, tie.
    assert (found.with_majority.value, found.with_majority.n) == (pytest.approx(1 / 3), 3)
    # Sides a, none, b, and the judge names none on the last.
    assert (found.on_sides.value, found.on_sides.n) == (1.0, 2)
    assert found.with_individuals.value == pytest.approx((2 + 1 + 1 + 0) / 9)
    # With each vote taken out, the others lead by: none, none, a; then b, a; then none, none, tie.
    assert found.people_with_others.n == found.with_others.n == 4
    assert found.with_others.value == pytest.approx((1 + 1 + 0) / 4)
    assert found.people_with_others.value == 0
    # Pairs of votes that agree, by vote: 2 · ½ of 3, 0 of 2, 2 · ½ of 3.
    assert found.people_with_individuals.value == pytest.approx(2 / 8)
    assert found.people_with_individuals.n == 8


def test_the_ceiling_is_that_of_taking_each_vote_out() -> None:
    w = world(items=60, votes_each=4)
    counts, says = w.votes.counts(w.items), w.judged.says(w.items)
    agrees, judge_agrees, asked = 0, 0, 0
    for item, outcome in zip(w.votes.item, w.votes.outcome, strict=True):
        others = counts[item].copy()
        others[outcome] -= 1
        if (others == others.max()).sum() == 1:
            asked += 1
            agrees += others.argmax() == outcome
            judge_agrees += others.argmax() == says[item]

    found = compare(w.items, w.votes, w.judged)

    assert found.people_with_others.n == asked
    assert found.people_with_others.value == pytest.approx(agrees / asked)
    assert found.with_others.value == pytest.approx(judge_agrees / asked)


def test_krippendorffs_alpha_of_people_is_evalicas() -> None:
    w = world(items=80, votes_each=3)
    table = np.full((3, len(w.items)), np.nan)
    table[w.votes.rater, w.votes.item] = w.votes.outcome

    found = compare(w.items, w.votes, w.judged).people_alpha

    assert found.alpha == pytest.approx(evalica.alpha(pd.DataFrame(table)).alpha)
    assert found.low < found.alpha < found.high


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_kappa_is_its_definition(both: list[tuple[int, int]]) -> None:
    x, y = np.array(both).T
    alike = (x == y).mean()
    chance = sum((x == k).mean() * (y == k).mean() for k in range(3))

    found = cohen_kappa(x, y, resamples=20).value

    if chance == pytest.approx(1):
        assert np.isnan(found)
    else:
        assert found == pytest.approx((alike - chance) / (1 - chance))


def test_a_judge_that_says_what_it_likes_has_no_kappa() -> None:
    rng = np.random.default_rng(0)

    found = cohen_kappa(rng.integers(0, 3, 2000), rng.integers(0, 3, 2000))

    assert found.low < 0 < found.high
    assert found.high - found.low < 0.1


def test_where_each_item_has_one_vote_people_have_no_ceiling() -> None:
    w = world(votes_each=1)

    found = compare(w.items, w.votes, w.judged)

    assert found.people_with_others.n == found.people_with_individuals.n == 0
    assert np.isnan(found.people_with_others.value)
    assert np.isnan(found.people_alpha.alpha)
    assert found.with_majority.n == len(w.items)


def test_without_an_item_in_common_nothing_is_known() -> None:
    items = pairs([(0, 1), (1, 2)])
    nobody = Votes(codes(), codes(), codes())

    for people, judged in (
        (votes([[A, A]]), Judged.of(codes(1), codes(A))),
        (nobody, Judged.of(codes(0), codes(A))),
    ):
        found = compare(items, people, judged)
        assert found.items == found.with_majority.n == found.kappa.n == 0
        assert np.isnan([found.with_majority.value, found.kappa.value, found.alpha.alpha]).all()
