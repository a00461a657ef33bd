"""Items, votes and verdicts: what is counted, and what is refused."""

import numpy as np
import pytest

from leaderboards.comparison.items import (
    NO_OUTCOME,
    Items,
    Judged,
    Votes,
    decided,
    leading,
    pair_counts,
    points,
)
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, count_outcomes
from tests.leaderboards.comparison.made_up import codes, pairs, votes, world


def test_an_outcome_leads_only_alone() -> None:
    counts = np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 3]])

    assert leading(counts).tolist() == [A_WINS, NO_OUTCOME, NO_OUTCOME, B_WINS]


def test_a_side_may_lead_among_those_who_decided_though_most_saw_a_tie() -> None:
    counts = np.array([[1, 4, 0], [1, 4, 1], [0, 4, 0]])

    assert decided(counts).tolist() == [A_WINS, NO_OUTCOME, NO_OUTCOME]


def test_points_count_a_tie_half_and_are_unknown_without_votes() -> None:
    found = points(np.array([[1.0, 2, 1], [0, 1, 3], [0, 0, 0]]))

    assert found[:2].tolist() == [0.5, 0.125]
    assert np.isnan(found[2])


def test_a_judge_whose_orders_disagree_says_a_tie() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2), (0, 1)])
    judged = Judged.of(
        codes(0, 0, 1, 1, 2, 2), codes(0, 2, 0, 0, 1, 0), shown_first=codes(0, 1, 0, 1, 0, 1)
    )

    assert judged.says(items).tolist() == [TIE, A_WINS, TIE, NO_OUTCOME]


def test_counts_by_pair_are_those_of_the_rankings() -> None:
    w = world()
    a, b = w.items.a[w.votes.item], w.items.b[w.votes.item]

    expected = count_outcomes(a, b, w.votes.outcome, contestants=len(w.items.contestants))

    assert (pair_counts(w.items, w.votes.counts(w.items)) == expected).all()


def test_what_is_no_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="meets itself"):
        pairs([(1, 1)])
    with pytest.raises(ValueError, match="two verdicts"):
        Votes(codes(0, 0), codes(4, 4), codes(0, 1))
    with pytest.raises(ValueError, match="no outcome 3"):
        votes([[3]])
    with pytest.raises(ValueError, match="no outcome -1"):
        Judged.of(codes(0), codes(-1))
    with pytest.raises(ValueError, match="no side 2"):
        Judged.of(codes(0), codes(0), shown_first=2)
    with pytest.raises(ValueError, match="from 0 to 1"):
        Judged.of(codes(0), codes(0), certainty=90)
    with pytest.raises(ValueError, match="no item 7"):
        Judged.of(codes(7), codes(0)).counts(pairs([(0, 1)]))
    with pytest.raises(ValueError, match=r"Words are \(N, 2\)"):
        Items.of(["x", "y"], codes(0), codes(1), np.zeros((2, 2)))
