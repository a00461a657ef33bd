"""Cheap judge, strong judge, person: what a cascade costs, and what it gets right."""

import numpy as np
import pytest

from leaderboards.comparison.cascade import Cascade, Stage, accuracy_by_cost
from leaderboards.comparison.certainty import Curve
from leaderboards.comparison.items import Items, Judged, Votes
from leaderboards.comparison.reliability import Reliability
from leaderboards.ranking.outcomes import A_WINS, B_WINS
from tests.leaderboards.comparison.made_up import world

SIZE = 1200
CHEAP, STRONG, PERSON = 0.01, 0.1, 1.0


def _stage(judged: Judged, reliability: np.ndarray, cost: float) -> Stage:
    curve = Curve((), np.nan, np.nan, 0)
    return Stage(judged, Reliability(reliability, curve, np.nan, np.nan, 0), cost)


def _study(seed: int = 0) -> tuple[Items, Votes, tuple[Stage, Stage]]:
    """Judges that know where they guess: the cheap one on half of the items, the other less."""
    rng = np.random.default_rng(seed)
    items = Items.of(["x", "y"], np.zeros(SIZE, int), np.ones(SIZE, int))
    truth = np.where(rng.random(SIZE) < 0.5, A_WINS, B_WINS)

    def said(chance: np.ndarray) -> np.ndarray:
        return np.where(rng.random(len(chance)) < chance, truth[: len(chance)], 2 - truth)

    people = [said(np.full(SIZE, 0.9)) for _ in range(3)]
    votes = Votes(
        np.tile(np.arange(SIZE), 3), np.repeat(np.arange(3), SIZE), np.concatenate(people)
    )
    stages = []
    for guessed, cost in ((0.5, CHEAP), (0.2, STRONG)):
        chance = np.where(rng.random(SIZE) < guessed, 0.5, 0.95)
        judged = Judged.of(np.arange(SIZE), said(chance))
        stages.append(_stage(judged, chance + rng.normal(0, 0.05, SIZE), cost))
    return items, votes, (stages[0], stages[1])


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    items, votes, stages = _study()
    return accuracy_by_cost(items, votes, stages, person_cost=PERSON)


def test_each_stage_alone_is_right_as_often_as_it_was_made(cascade: Cascade) -> None:
    # Against a person who is right in .9: p · .9 + (1 − p) · .1.
    cheap, strong, person = (point.accuracy for point in cascade.alone)

    for found, right in ((cheap, 0.725), (strong, 0.86), (person, 0.9)):
        assert found.low < right * 0.9 + (1 - right) * 0.1 < found.high
    assert [point.cost for point in cascade.alone] == pytest.approx([CHEAP, STRONG, PERSON])


def test_a_cascade_is_as_right_as_people_for_a_part_of_their_cost(cascade: Cascade) -> None:
    person = cascade.alone[-1]

    cheaper = [
        point
        for point in cascade.curve
        if point.cost < PERSON / 2 and point.accuracy.value > person.accuracy.value - 0.02
    ]

    assert cheaper


def test_a_cascade_beats_drawing_who_is_asked(cascade: Cascade) -> None:
    cheap, _, person = cascade.alone
    for point in cascade.curve[1:5]:
        part = (point.cost - cheap.cost) / (person.cost - cheap.cost)
        drawn = cheap.accuracy.value + part * (person.accuracy.value - cheap.accuracy.value)
        assert point.accuracy.value > drawn + 0.03


def test_no_budget_is_passed_and_everybody_is_asked_somewhere(cascade: Cascade) -> None:
    assert cascade.n == SIZE
    assert len(cascade.curve) == 11
    for point in cascade.curve:
        # What fits the budget on the other folds is near it on the one it is tried on.
        assert point.cost < point.budget * 1.05 + 0.01
        assert sum(point.shares) == pytest.approx(1)
        assert len(point.thresholds) == 2
    assert cascade.curve[0].shares == (1, 0, 0)


def test_unreliable_reliability_gains_nothing() -> None:
    items, votes, (cheap, _) = _study()
    noise = np.random.default_rng(1).random(SIZE)
    blind = _stage(cheap.judged, noise, CHEAP)

    found = accuracy_by_cost(items, votes, (blind,), person_cost=PERSON, budgets=5)

    first, _, middle, _, last = found.curve
    line = (first.accuracy.value + last.accuracy.value) / 2
    assert abs(middle.accuracy.value - line) < 0.03
    assert len(found.alone) == 2


def test_items_with_one_vote_cannot_say_what_a_person_is_worth() -> None:
    w = world(votes_each=1)
    stage = _stage(w.judged, np.full(len(w.items), 0.5), CHEAP)

    found = accuracy_by_cost(w.items, w.votes, (stage,), person_cost=PERSON)

    assert (found.curve, found.alone, found.n) == ((), (), 0)
    with pytest.raises(ValueError, match="one judge or two, not 3"):
        accuracy_by_cost(w.items, w.votes, (stage,) * 3, person_cost=PERSON)
