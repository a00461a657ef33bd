"""The queue's benchmark, in small."""

from dataclasses import asdict

import numpy as np

from hustings.benchmarks import asap, queues, routing
from leaderboards.ranking.outcomes import A_WINS


def test_the_queue_is_measured_beside_random_pairs_and_asap() -> None:
    result = asdict(
        queues.play_studies(2, sizes=((5, 200), (6, 200)), groups_battles=800, parallel_battles=400)
    )

    assert {"k10", "k28", "groups", "coverage", "false_separated", "parallel_efficiency"} <= set(
        result
    )
    for key in ("k10", "k28", "groups"):
        assert {"ratio", "never_gain", "never_random"} <= set(result[key])
        assert 0 <= result[key]["never_gain"] <= 2
    assert 0.7 < result["coverage"] <= 1
    assert result["parallel_efficiency"] > 0.3


def test_asap_takes_a_tree_and_believes_who_won() -> None:
    counts = np.zeros((2, 5, 5, 3))
    counts[:, np.arange(4), np.arange(1, 5), A_WINS] = 8
    counts[:, np.arange(1, 5), np.arange(4), A_WINS] = 2
    beliefs = asap.Beliefs.none(2, 5)

    for _ in range(5):
        trees = asap.choose(counts, beliefs, skill_sd=1.1)

    assert [len(tree) for tree in trees] == [4, 4]
    assert {k for pair in trees[0] for k in pair} == set(range(5))
    # Messages to winners push up, those to losers down.
    assert (beliefs.winner[1][counts[..., A_WINS] > 0] > 0).any()
    assert np.isfinite(beliefs.winner[1]).all()
    assert np.isfinite(beliefs.loser[1]).all()


def test_routing_is_measured_beside_gain_on_the_same_studies() -> None:
    result = routing.play_studies(3, contestants=8, battles=240)

    assert result.battles == (80, 160, 240)
    # Until the first report there is nothing to steer by.
    assert result.routed[0] == result.gain[0]
    assert result.routed[1:] != result.gain[1:]
    for curve in (result.gain, result.routed, result.gain_with_judges, result.routed_with_judges):
        assert curve[0] < curve[-1] <= 1
