"""Drop-k: against brute force on small tournaments, and where the answer is known."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from time import process_time

import numpy as np
import pytest

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.errors import DisconnectedError
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray
from leaderboards.ranking.robustness import (
    NOTHING,
    DavidsonRanking,
    Fewest,
    Ranking,
    fewest_raters,
    fewest_verdicts,
)
from leaderboards.ranking.simulation import by_davidson
from tests.leaderboards.ranking.test_real_data import _people, _rows


def _simulated(
    seed: int, skill: Sequence[float] | FloatArray, verdicts: int, *, side_effect: float = 0.0
) -> DavidsonRanking:
    rng, skill = np.random.default_rng(seed), np.asarray(skill, float)
    a = rng.integers(0, len(skill), verdicts)
    b = (a + rng.integers(1, len(skill), verdicts)) % len(skill)
    outcome = by_davidson(0.6)(skill[a] - skill[b] + side_effect, rng)
    return DavidsonRanking(a, b, outcome, len(skill))


def _close_pair(verdicts: int) -> DavidsonRanking:
    """Contestants 0 and 1 have the same record against all, but for one duel that 0 has won."""
    half = _simulated(8, [1.2, 1.2, *np.linspace(0.9, -1.5, 8)], verdicts // 2, side_effect=0.1)
    mirror = np.array([1, 0, *range(2, 10)])
    return DavidsonRanking(
        np.concatenate([half.a, mirror[half.a], [1]]),
        np.concatenate([half.b, mirror[half.b], [0]]),
        np.concatenate([half.outcome, half.outcome, [B_WINS]]),
        10,
    )


def _kinds(ranking: DavidsonRanking) -> Iterator[int]:
    """One verdict of each kind: those of the same pair and outcome are alike."""
    rows = np.column_stack([ranking.a, ranking.b, ranking.outcome])
    yield from np.unique(rows, axis=0, return_index=True)[1].tolist()


def _leader_without(ranking: Ranking, dropped: IntArray) -> int:
    return int(ranking.scores_without(dropped).argmax())


def _fewest_by_force(ranking: DavidsonRanking, unit: IntArray, most: int) -> int:
    """Try all sets of up to `most` units; one more if none changes the leader."""
    leader = _leader_without(ranking, NOTHING)
    for count in range(1, most + 1):
        tried = set()
        for some in combinations(np.unique(unit).tolist(), count):
            gone = np.flatnonzero(np.isin(unit, some))
            rows = zip(ranking.a[gone], ranking.b[gone], ranking.outcome[gone], strict=True)
            kind = tuple(sorted(tuple(map(int, row)) for row in rows))
            if kind not in tried and _leader_without(ranking, gone) != leader:
                return count
            tried.add(kind)
    return most + 1


def test_dropping_2_of_57_477_verdicts_can_change_the_leader_and_is_found_at_once() -> None:
    ranking = _close_pair(57_477)

    start = process_time()
    found = fewest_verdicts(ranking)

    assert process_time() - start < 1
    assert found is not None
    assert (found.count, found.among, found.leader, found.new_leader) == (2, 57_477, 0, 1)
    assert found.share == pytest.approx(2 / 57_477)
    assert _leader_without(ranking, found.dropped) == 1
    scores = [ranking.scores_without(np.array([verdict])) for verdict in _kinds(ranking)]
    assert max(score[1] - score[0] for score in scores) < 1e-9


def test_the_number_is_one_that_was_tried_and_one_less_leaves_the_leader() -> None:
    ranking = _simulated(1, [1.3, 1.25, *np.linspace(1, -1.5, 28)], 60_000)
    rater = np.arange(60_000) % 1500

    start = process_time()
    verdicts, raters = fewest_verdicts(ranking), fewest_raters(ranking, rater)

    assert process_time() - start < 2
    assert verdicts is not None
    assert raters is not None
    assert 10 < verdicts.count < 1000
    assert raters.among == 1500
    assert raters.count < verdicts.count
    for found, gone in (
        (verdicts, verdicts.dropped),
        (raters, np.flatnonzero(np.isin(rater, raters.dropped))),
    ):
        assert _leader_without(ranking, NOTHING) == found.leader
        assert _leader_without(ranking, gone) == found.new_leader != found.leader
    assert _leader_without(ranking, verdicts.dropped[:-1]) == verdicts.leader
    fewer = np.flatnonzero(np.isin(rater, raters.dropped[:-1]))
    assert _leader_without(ranking, fewer) == raters.leader


def test_on_small_tournaments_it_is_what_brute_force_finds_but_for_one_more_at_times() -> None:
    excess = []
    for seed in range(14):
        ranking = _simulated(seed, [0.8, 0.4, 0, -0.5], 18)
        found = fewest_verdicts(ranking)
        assert found is not None
        if found.count <= 3:
            excess.append(found.count - _fewest_by_force(ranking, np.arange(18), found.count))

    assert len(excess) > 8
    assert min(excess) == 0
    assert max(excess) <= 1
    assert np.mean(excess) <= 0.1


def test_fewest_raters_are_hardly_more_than_brute_force_finds() -> None:
    excess = []
    for seed in range(10):
        ranking = _simulated(seed, [0.8, 0.4, 0, -0.5], 60)
        rater = np.random.default_rng(seed).integers(100, 110, 60)
        found = fewest_raters(ranking, rater)
        assert found is not None
        assert set(found.dropped) <= set(rater)
        excess.append(found.count - _fewest_by_force(ranking, rater, found.count))

    assert min(excess) == 0
    assert max(excess) <= 1
    assert np.mean(excess) <= 0.2


def test_influence_is_by_how_much_the_gap_falls_without_a_verdict() -> None:
    ranking = _simulated(3, [0.9, 0.6, 0, -0.5], 600, side_effect=0.3)
    scores = ranking.scores_without(NOTHING)
    influence = ranking.influence(0, 1)

    for verdict in range(0, 600, 25):
        without = ranking.scores_without(np.array([verdict]))
        fall = (scores[0] - scores[1]) - (without[0] - without[1])
        assert influence[verdict] == pytest.approx(fall, rel=0.05, abs=1e-5)


def test_a_weight_of_two_counts_as_two_verdicts() -> None:
    once = _simulated(4, [0.5, 0.2, -0.4], 200)
    weight = np.where(np.arange(200) < 50, 2.0, 1.0)
    weighted = DavidsonRanking(once.a, once.b, once.outcome, 3, weight)
    twice = np.concatenate([np.arange(200), np.arange(50)])
    doubled = DavidsonRanking(once.a[twice], once.b[twice], once.outcome[twice], 3)

    assert weighted.scores_without(NOTHING) == pytest.approx(doubled.scores_without(NOTHING))
    assert weighted.scores_without(np.array([3, 60])) == pytest.approx(
        doubled.scores_without(np.array([3, 203, 60]))
    )
    of_doubled = doubled.influence(0, 1)
    assert weighted.influence(0, 1) == pytest.approx(weight * of_doubled[:200])


def test_verdicts_that_weigh_more_go_first() -> None:
    flat = _simulated(5, [1.0, 0.8, 0, -1], 4000)
    weight = np.where(np.arange(4000) < 200, 10.0, 0.5)
    weighted = DavidsonRanking(flat.a, flat.b, flat.outcome, 4, weight)
    found = fewest_verdicts(weighted)

    assert found is not None
    assert (found.dropped[:5] < 200).all()


class _PostStratified:
    """Groups ranked each alone, and their skills weighed by the electorate's shares."""

    def __init__(self, ranking: DavidsonRanking, group: IntArray, shares: Sequence[float]) -> None:
        self.shares = shares
        self.size = len(group)
        self.members = [np.flatnonzero(group == g) for g in range(len(shares))]
        self.rankings = [
            DavidsonRanking(ranking.a[m], ranking.b[m], ranking.outcome[m], ranking.contestants)
            for m in self.members
        ]

    def scores_without(self, dropped: IntArray) -> FloatArray:
        left_out = np.isin(np.arange(self.size), dropped)
        skills = [
            ranking.scores_without(np.flatnonzero(left_out[members]))
            for ranking, members in zip(self.rankings, self.members, strict=True)
        ]
        return np.asarray(self.shares @ np.array(skills))

    def influence(self, one: int, other: int) -> FloatArray:
        found = np.empty(self.size)
        for share, ranking, members in zip(self.shares, self.rankings, self.members, strict=True):
            found[members] = share * ranking.influence(one, other)
        return found


def test_any_ranking_with_an_influence_can_be_asked() -> None:
    flat = _simulated(6, [0.7, 0.5, 0, -1], 3000)
    group = (np.arange(3000) % 10 == 0).astype(int)
    ranking = _PostStratified(flat, group, [0.5, 0.5])
    found = fewest_verdicts(ranking)

    assert found is not None
    assert _leader_without(ranking, found.dropped) == found.new_leader
    assert _leader_without(ranking, found.dropped[:-1]) == found.leader
    # Half of the electorate was heard in a tenth of the verdicts: these count nine times as much.
    assert group[found.dropped].all()


def test_one_contestant_or_no_verdicts_have_no_leader_to_lose() -> None:
    none = np.zeros(0, int)

    assert fewest_verdicts(DavidsonRanking(none, none, none, 1)) is None
    assert fewest_verdicts(DavidsonRanking(none, none, none, 3)) is None
    assert fewest_raters(DavidsonRanking(none, none, none, 0), none) is None


def test_a_leader_by_one_victory_loses_the_lead_with_its_only_rivals_defeat() -> None:
    ranking = DavidsonRanking(np.array([0, 1]), np.array([1, 0]), np.array([A_WINS, TIE]), 2)

    # Without the victory the two are equal, and a tie is no new leader.
    assert fewest_verdicts(ranking) is None


def test_the_leader_can_fall_to_one_that_it_never_met() -> None:
    battles = [(0, 1, A_WINS)] * 3 + [(2, 1, A_WINS)] * 2 + [(1, 0, A_WINS), (1, 2, A_WINS)]
    a, b, outcome = np.array(battles).T
    found = fewest_verdicts(DavidsonRanking(a, b, outcome, 3))

    assert found is not None
    assert (found.leader, found.new_leader) == (0, 2)
    # The only battle that contestant 2 has lost.
    assert found.dropped.tolist() == [6]


def test_weights_and_verdicts_that_are_none_are_refused() -> None:
    one, other, win = np.array([0]), np.array([1]), np.array([B_WINS])

    with pytest.raises(ValueError, match="has a weight"):
        DavidsonRanking(one, other, win, 2, np.array([-1.0]))
    with pytest.raises(ValueError, match="has a weight"):
        DavidsonRanking(one, other, win, 2, np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="meets itself"):
        DavidsonRanking(one, one, win, 2)


def test_parts_that_never_met_have_no_common_leader() -> None:
    ranking = DavidsonRanking(np.array([0, 2]), np.array([1, 3]), np.array([TIE, TIE]), 4)

    with pytest.raises(DisconnectedError):
        fewest_verdicts(ranking)


def _named(found: Fewest | None, names: list[str]) -> tuple[int, int, str, str]:
    assert found is not None
    return found.count, found.among, names[found.leader], names[found.new_leader]


def test_four_verdicts_or_two_raters_decide_who_leads_among_chat_models() -> None:
    people = _people()
    worker = np.array([r["worker"] for r in _rows("llmfao/human.csv.gz")])
    ranking = DavidsonRanking(people.a, people.b, people.outcome, len(people.names))
    verdicts, raters = fewest_verdicts(ranking), fewest_raters(ranking, worker)

    assert _named(verdicts, people.names) == (4, 6215, "80", "87")
    assert _named(raters, people.names) == (2, 124, "80", "87")
    assert verdicts is not None
    left = np.delete(np.arange(6215), verdicts.dropped)
    again = DavidsonRanking(people.a[left], people.b[left], people.outcome[left], len(people.names))
    assert people.names[int(fit_davidson(again._counts).skill.argmax())] == "87"
