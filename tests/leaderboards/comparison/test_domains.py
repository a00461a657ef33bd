"""Where a judge can be asked: its agreement inside a scenario and outside of it."""

import numpy as np
import pytest

from leaderboards.comparison.domains import compare_domains
from leaderboards.comparison.items import Judged
from leaderboards.comparison.scenarios import Scenario
from tests.leaderboards.comparison.made_up import codes, pairs, votes, world


def test_a_domain_is_compared_with_all_that_is_outside_of_it() -> None:
    items = pairs([(0, 1)] * 4)
    people = votes([[0, 0], [0, 2], [1], [2, 2]])
    judged = Judged.of(codes(0, 1, 2, 3), codes(0, 0, 0, 2))
    inside = np.array([True, True, False, False])

    (found,) = compare_domains(items, people, judged, [Scenario("topic", "x", items=inside)])

    assert (found.agreement.value, found.agreement.n) == (0.75, 4)
    assert found.against_elsewhere.value == pytest.approx(3 / 4 - 2 / 3)
    assert found.people.value == pytest.approx(2 / 4)


def test_a_topic_of_which_the_judge_knows_nothing_is_found_and_stands_first() -> None:
    w = world(items=1500)
    topic = np.arange(1500) % 5
    rng = np.random.default_rng(0)
    said = np.where(topic[w.judged.item] == 2, rng.integers(0, 3, 3000), w.judged.outcome)
    scenarios = [Scenario("topic", str(t), items=topic == t) for t in range(5)]

    found = compare_domains(w.items, w.votes, Judged.of(w.judged.item, said), scenarios)

    assert found[0].name == "2"
    assert found[0].is_worse
    assert not any(each.is_worse for each in found[1:])


def test_without_an_outside_there_is_no_difference() -> None:
    w = world(items=50)

    (found,) = compare_domains(w.items, w.votes, w.judged, [Scenario("all", "all")])

    assert found.agreement.n == len(w.votes.item)
    assert np.isnan([found.against_elsewhere.value, found.q_value]).all()
    assert not found.is_worse
