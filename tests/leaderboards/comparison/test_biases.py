"""What sways a judge: found in judges that are made so, and not in one that is not."""

import numpy as np
import pytest

from leaderboards.comparison.biases import find_biases, length, position
from leaderboards.comparison.items import Items, Judged
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from tests.leaderboards.comparison.made_up import CONTESTANTS, codes, pairs, votes, world

DEVELOPERS = ["ours" if k in (2, 3) else "theirs" for k in range(CONTESTANTS)]
OWN = np.array([name == "ours" for name in DEVELOPERS]).astype(float)


def test_position_is_counted_by_who_stood_first() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2), (0, 1)])
    judged = Judged.of(
        codes(0, 0, 1, 1, 2, 2, 3),
        codes(A_WINS, B_WINS, B_WINS, A_WINS, A_WINS, A_WINS, TIE),
        shown_first=codes(0, 1, 0, 1, 0, 1, 1),
    )

    found = position(items, judged)

    # To the first: item 0 twice, item 2 once; to the last: item 1 twice, item 2 once.
    assert (found.first.value, found.first.n) == (0.5, 6)
    assert (found.first_of_all.value, found.first_of_all.n) == (pytest.approx(3 / 7), 7)
    assert (found.swayed_to_first.value, found.swayed_to_first.n) == (pytest.approx(1 / 3), 3)
    assert found.swayed_to_last.value == pytest.approx(1 / 3)


def test_verbosity_is_counted_against_people() -> None:
    items = Items.of(["x", "y"], codes(0, 0, 0, 0), codes(1, 1, 1, 1), _words(4))
    # Side A is longer. People say shorter, shorter, longer, longer; the judge once against each …
    people = votes([[B_WINS], [B_WINS], [A_WINS], [A_WINS]])
    judged = Judged.of(codes(0, 1, 2, 3), codes(A_WINS, A_WINS, A_WINS, B_WINS))

    found = length(items, people, judged)

    assert (found.judge.value, found.people.value) == (0.75, 0.5)
    assert found.verbosity.value == pytest.approx(2 / 2 - 1 / 2)


def test_an_item_of_equal_length_or_without_a_decision_says_nothing_of_length() -> None:
    words = np.array([[5.0, 5], [9, 5], [9, np.nan], [9, 5]])
    items = Items.of(["x", "y"], codes(0, 0, 0, 0), codes(1, 1, 1, 1), words)
    people = votes([[A_WINS], [TIE], [A_WINS], [A_WINS]])

    found = length(items, people, Judged.of(codes(0, 1, 2, 3), codes(0, 0, 0, 0)))

    assert found.judge.n == found.people.n == found.log_odds.n == 1


def test_each_bias_is_found_in_the_judge_that_has_it_alone() -> None:
    fair, first, longer, own = (
        find_biases(w.items, w.votes, w.judged, developers=DEVELOPERS, judge_developer="ours")
        for w in (
            world(items=2000),
            world(items=2000, first_bonus=0.6),
            world(items=2000, longer_bonus=0.6),
            world(items=2000, own_bonus=1.0 * OWN),
        )
    )

    for each in (fair, longer, own):
        assert each.position.first.low < 0.5 < each.position.first.high
    for each in (fair, first, own):
        assert each.length.log_odds.low < 0 < each.length.log_odds.high
    for each in (fair, first, longer):
        assert each.family is not None
        assert each.family.beyond.low < 0.03
        assert each.family.beyond.high > -0.03
    assert first.position.first.low > 0.55
    assert first.position.swayed_to_first.low > first.position.swayed_to_last.high
    assert longer.length.log_odds.low > 0.3
    assert longer.length.verbosity.low > 0
    assert own.family is not None
    assert own.family.beyond.low > 0.1
    assert own.family.judge.value - own.family.people.value == pytest.approx(
        own.family.beyond.value
    )


def test_a_family_without_contestants_or_with_all_of_them_has_no_bias() -> None:
    w = world()

    for developers, judge in ((DEVELOPERS, "nobody"), (["x"] * CONTESTANTS, "x"), ((), "x")):
        found = find_biases(
            w.items, w.votes, w.judged, developers=developers, judge_developer=judge
        )
        assert found.family is None
    # Contestants whose developer is not known are not those of a judge whose isn't either.
    unknown = find_biases(
        w.items, w.votes, w.judged, developers=["", *DEVELOPERS[1:]], judge_developer=""
    )
    assert unknown.family is None


def _words(size: int) -> np.ndarray:
    return np.tile([90.0, 10.0], (size, 1))
