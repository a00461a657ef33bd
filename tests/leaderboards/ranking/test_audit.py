"""The sampling audit: shares, spread, sides, and what holds the graph together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leaderboards.ranking.audit import (
    Attendance,
    Concern,
    audit,
    audit_single,
    cut_contestants,
    gini,
    graph_parts,
)
from leaderboards.ranking.outcomes import FloatArray

met_of_five = arrays(float, (5, 5), elements=st.integers(0, 2)).map(
    lambda met: met * (1 - np.eye(5))
)


def _met(contestants: int, *battles: tuple[int, int, int]) -> FloatArray:
    met = np.zeros((contestants, contestants))
    for a, b, times in battles:
        met[a, b] += times
    return met


def _reachable(met: FloatArray, among: list[int]) -> set[frozenset[int]]:
    """Parts by matrix powers."""
    linked = ((met + met.T)[np.ix_(among, among)] > 0) | np.eye(len(among), dtype=bool)
    reach = np.linalg.matrix_power(linked.astype(float), len(among)) > 0
    return {frozenset(among[k] for k in np.flatnonzero(row)) for row in reach}


def test_shares_are_of_all_battles_and_of_a_days() -> None:
    days = np.stack([_met(3, (0, 1, 6)), _met(3, (1, 2, 1), (2, 0, 1))])

    told = audit(days, developer=[0, 1, 1])

    assert told.exposure.battles.tolist() == [7, 7, 2]
    assert told.exposure.share == pytest.approx([7 / 8, 7 / 8, 2 / 8])
    assert told.exposure.by_day == pytest.approx(np.array([[1, 1, 0], [0.5, 0.5, 1]]))
    # The developer of 1 and 2 is in every battle, and their own duel counts once.
    assert told.exposure.by_developer == pytest.approx([7 / 8, 1])


def test_sides_are_compared_within_a_contestant_and_within_a_pair() -> None:
    told = audit(_met(3, (0, 1, 5), (1, 0, 1))[np.newaxis], developer=[0, 1, 2])

    assert told.side_a[:2] == pytest.approx([5 / 6, 1 / 6])
    assert np.isnan(told.side_a[2])
    assert told.pair_lead == 4


def test_gini_is_0_for_equals_and_near_1_if_one_has_all() -> None:
    assert gini(np.full(7, 3.0)) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 9.0])) == pytest.approx(3 / 4)
    assert gini(np.zeros(4)) == 0


@settings(max_examples=50, deadline=None)
@given(battles=arrays(float, 6, elements=st.integers(0, 50)))
def test_gini_is_half_the_mean_difference_by_the_mean(battles: FloatArray) -> None:
    if not battles.any():
        return
    naive = np.abs(battles[:, np.newaxis] - battles).mean() / (2 * battles.mean())

    assert gini(battles) == pytest.approx(naive)


@settings(max_examples=60, deadline=None)
@given(met=met_of_five)
def test_parts_and_cut_contestants_are_those_of_a_naive_search(met: FloatArray) -> None:
    everyone = list(range(5))
    naive_parts = _reachable(met, everyone)
    naive_cuts = []
    for gone in everyone:
        others = [k for k in everyone if k != gone]
        kept = {part - {gone} for part in naive_parts} - {frozenset()}
        if _reachable(met, others) != kept:
            naive_cuts.append(gone)

    assert {frozenset(part) for part in graph_parts(met)} == naive_parts
    assert list(cut_contestants(met)) == naive_cuts


def test_a_contestant_that_holds_the_graph_together_is_named() -> None:
    chain = _met(5, (0, 1, 3), (1, 2, 3), (2, 3, 3), (3, 1, 3))

    told = audit(chain[np.newaxis], developer=range(5))

    assert told.parts == ((0, 1, 2, 3), (4,))
    assert told.holders == (1,)
    assert (Concern.HOLDS_TOGETHER, (1,)) in told.alarms
    assert (Concern.DISCONNECTED, (4,)) in told.alarms


def test_even_sampling_raises_no_alarm() -> None:
    met = 5 * (1 - np.eye(6))

    told = audit(met[np.newaxis], developer=range(6))

    assert told.alarms == ()
    assert told.exposure.gini == pytest.approx(0)


def test_uneven_sampling_is_named() -> None:
    met = 10 * (1 - np.eye(8))
    met[0, 1:4] += 400
    met[7], met[:, 7] = 0, 0
    met[7, 6] = 3

    told = audit(met[np.newaxis], developer=range(8))
    named = dict(told.alarms)

    assert named[Concern.OVER_CAP] == (0,)
    assert named[Concern.UNDER_FLOOR] == (7,)
    assert 0 in named[Concern.ONE_SIDED]
    assert named[Concern.UNEQUAL] == ()
    assert named[Concern.HOLDS_TOGETHER] == (6,)


def test_a_handful_of_battles_raises_no_alarm_of_shares() -> None:
    told = audit(
        _met(4, (0, 1, 9), (1, 2, 1), (2, 3, 1), (3, 0, 1))[np.newaxis], developer=range(4)
    )

    assert told.alarms == ()


def test_two_contestants_are_each_in_every_battle_without_alarm() -> None:
    told = audit(_met(2, (0, 1, 30), (1, 0, 30))[np.newaxis], developer=[0, 0])

    assert told.exposure.share.tolist() == [1, 1]
    assert told.alarms == ()


def test_no_battles_are_an_audit_too() -> None:
    told = audit(np.zeros((0, 3, 3)), developer=[0, 1, 2])

    assert told.exposure.battles.tolist() == [0, 0, 0]
    assert told.exposure.share.tolist() == [0, 0, 0]
    assert told.exposure.by_day.shape == (0, 3)
    assert told.parts == ((0,), (1,), (2,))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="meets itself"):
        audit(np.ones((1, 2, 2)), developer=[0, 1])
    with pytest.raises(ValueError, match=r"\(days, 3, 3\)"):
        audit(np.zeros((1, 2, 2)), developer=[0, 1, 2])


def _everybody(contestants: int, times: int = 1) -> FloatArray:
    return times * (1 - np.eye(contestants))


def test_who_joins_late_is_compared_over_its_whole_days_only() -> None:
    # The last of four enters on the second day, and is met as often as the others from the third.
    first, last = _everybody(4, 20), _everybody(4, 10)
    first[3], first[:, 3] = 0, 0
    days = np.stack([first, first, last])
    whole = np.ones((3, 4), bool)
    whole[:2, 3] = False

    unfair = audit(days, developer=range(4))
    told = audit(days, developer=range(4), attendance=Attendance(whole, np.zeros(4, bool)))

    assert unfair.exposure.of_equal[3] == pytest.approx(60 / 180)
    assert told.exposure.of_equal == pytest.approx(np.ones(4))
    assert told.exposure.due == pytest.approx([220, 220, 220, 60])
    assert told.exposure.gini == pytest.approx(0)
    assert told.exposure.share == pytest.approx(unfair.exposure.share)


def test_a_newcomer_is_named_once_it_is_starved_on_days_of_its_own() -> None:
    first, second = _everybody(4, 20), _everybody(4, 20)
    for met in (first, second):
        met[3], met[:, 3] = 0, 0
    second[3, 0] = 1
    whole = np.array([[True, True, True, False], [True] * 4])

    told = audit(
        np.stack([first, second]),
        developer=range(4),
        attendance=Attendance(whole, np.zeros(4, bool)),
    )
    before = audit(
        first[np.newaxis],
        developer=range(4),
        attendance=Attendance(whole[:1], np.zeros(4, bool)),
    )

    assert dict(told.alarms)[Concern.UNDER_FLOOR] == (3,)
    assert Concern.UNDER_FLOOR not in dict(before.alarms)
    assert np.isnan(before.exposure.of_equal[3])


def test_who_has_withdrawn_owes_nothing_and_links_nobody() -> None:
    met = _everybody(4, 40)
    met[3], met[:, 3] = 0, 0
    met[3, 0] = 1
    chain = _met(4, (0, 1, 3), (1, 2, 3), (2, 3, 3), (3, 0, 3))
    gone = np.array([False, False, False, True])

    attendance = Attendance(np.ones((1, 4), bool), gone)

    starved = audit(met[np.newaxis], developer=range(4), attendance=attendance)
    told = audit(chain[np.newaxis], developer=range(4), attendance=attendance)

    assert starved.alarms == ()
    assert told.parts == ((0, 1, 2),)
    assert told.holders == (1,)


def test_a_day_is_over_the_cap_only_where_chance_does_not_explain_it() -> None:
    few = _met(6, (0, 1, 1), (0, 2, 1))
    hair = _everybody(6, 10)
    hair[0, 1:] += 30
    much = _met(6, (0, 1, 100), (2, 3, 10))

    told = audit(np.stack([few, hair, much]), developer=range(6))

    # The cap among six is half of a day's battles: 2 of 2 say nothing, 250 of 450 a hair.
    assert told.exposure.by_day[1, 0] == pytest.approx(250 / 450)
    assert told.over_cap.tolist() == [[False] * 6, [False] * 6, [True, True] + [False] * 4]
    assert dict(told.alarms)[Concern.OVER_CAP] == (0, 1)


def test_where_one_model_at_a_time_is_met_there_are_shares_and_nothing_of_pairs() -> None:
    told = audit_single(np.array([[30, 30, 0], [30, 30, 6]]), developer=[0, 1, 1])

    assert told.exposure.battles.tolist() == [60, 60, 6]
    assert told.exposure.share == pytest.approx([60 / 126, 60 / 126, 6 / 126])
    assert told.exposure.by_developer == pytest.approx([60 / 126, 66 / 126])
    assert told.exposure.of_equal == pytest.approx([60 / 42, 60 / 42, 6 / 42])
    assert np.isnan(told.side_a).all()
    assert (told.parts, told.holders, told.over_cap.any()) == ((), (), False)
    assert told.alarms == ((Concern.UNDER_FLOOR, (2,)),)
    with pytest.raises(ValueError, match=r"\(days, 2\)"):
        audit_single(np.zeros((1, 3)), developer=[0, 1])
