"""The battle queue: filled after folds and when low, claimed by raters, one row for one battle."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leaderboards.scheduling.knowledge import Folded, know
from leaderboards.scheduling.refill import (
    FEWEST,
    plan_queue,
    refill_low_queues,
    refill_queue,
    replace_queue,
)
from leaderboards.scheduling.state import raters_to_come, read_state
from leaderboards.services.standings import fold_standings
from leaderboards.tallies import Tallies, read_tallies
from leaderboards.tasks import fold_study_standings
from leaderboards.verdicts import Frame, read_in_order
from raters.models import Battle, Participation, Rater
from raters.services.battles import give_verdicts, next_battle, send_message
from raters.services.drawing import claim_matchup
from studies.models import Cell, Matchup, Study
from studies.services import withdraw_contestant
from tests.raters.live import shared_database  # noqa: F401  a fixture
from tests.raters.live_study import make_replies, open_study

pytestmark = pytest.mark.django_db
CODES = count()


@pytest.fixture
def study() -> Study:
    return open_study(places=50, battles_each=3)


def take_part(study: Study, cell: int = 0) -> Participation:
    """A rater in the middle of the study; cells go from the youngest women to the oldest men."""
    now = timezone.now()
    return Participation.objects.create(
        study=study,
        rater=Rater.objects.create(created_at=now),
        cell=Cell.objects.filter(electorate=study.electorate).order_by("key")[cell],
        state=Participation.State.ACTIVE,
        created_at=now,
        kept_until=now + timedelta(hours=1),
    )


def open_battle(study: Study, cell: int = 0) -> Battle:
    battle = next_battle(take_part(study, cell), at=timezone.now())
    assert battle is not None
    return battle


def play(battle: Battle, outcome: str = "a") -> Battle:
    """Talk, and give the same verdict on both dimensions."""
    send_message(battle, text="How do I clean an oven?", number=1, at=timezone.now())
    make_replies()
    outcomes = {"overall": outcome, "clarity": outcome}
    return give_verdicts(battle, outcomes=outcomes, at=timezone.now())


def pair_of(battle: Battle) -> frozenset[int | None]:
    return frozenset({battle.side_a_id, battle.side_b_id})


def refill(study: Study, seed: int = 1) -> int:
    return refill_queue(study, at=timezone.now(), seed=seed)


# What is in it


def test_a_study_that_has_just_opened_gets_a_queue_for_each_of_its_groups(study: Study) -> None:
    refill_low_queues(at=timezone.now())

    rows = list(study.matchups.all())
    assert len(rows) == FEWEST
    assert sorted(row.position for row in rows) == list(range(FEWEST))
    assert len({row.group_id for row in rows}) == 4
    assert {row.side_a_id for row in rows} == set(study.contestants.values_list("pk", flat=True))
    by_side = Counter((row.side_a_id, row.side_b_id) for row in rows)
    assert max(abs(n - by_side[b, a]) for (a, b), n in by_side.items()) <= 1


def test_a_full_queue_is_left_alone_and_a_low_one_filled(study: Study) -> None:
    refill(study)
    ids = set(study.matchups.values_list("pk", flat=True))
    refill_low_queues(at=timezone.now())
    assert set(study.matchups.values_list("pk", flat=True)) == ids

    study.matchups.filter(position__lt=0.6 * FEWEST).delete()
    refill_low_queues(at=timezone.now())
    assert study.matchups.count() == FEWEST
    assert not ids & set(study.matchups.values_list("pk", flat=True))


def test_the_same_seed_fills_it_in_the_same_way(study: Study) -> None:
    def plan(seed: int) -> list[tuple[int, int, int | None]]:
        refill(study, seed)
        return list(study.matchups.values_list("side_a_id", "side_b_id", "group_id"))

    assert plan(5) == plan(5)
    assert plan(5) != plan(6)


@pytest.mark.parametrize("policy", Study.Policy.values)
def test_every_policy_of_a_study_is_one_of_the_queue(study: Study, policy: str) -> None:
    Study.objects.update(policy=policy)
    study.refresh_from_db()

    assert refill(study) == FEWEST


@pytest.mark.parametrize(
    "change",
    [
        {"state": Study.State.PAUSED},
        {"state": Study.State.CLOSED},
        {"protocol": Study.Protocol.SINGLE},
    ],
)
def test_a_study_without_a_queue_is_left_with_none(study: Study, change: dict[str, str]) -> None:
    refill(study)
    Study.objects.update(**change)
    study.refresh_from_db()

    assert refill(study) == 0
    assert not study.matchups.exists()
    refill_low_queues(at=timezone.now())
    assert not study.matchups.exists()


def test_who_withdraws_while_a_queue_is_computed_is_not_in_it(study: Study) -> None:
    now = timezone.now()
    rows = plan_queue(study, at=now, seed=1)
    gone = study.contestants.get(name="Rowan")
    withdraw_contestant(gone, reason="Retired.", at=now)

    assert replace_queue(study, rows) == 0
    assert refill(study) == FEWEST
    sides = study.matchups.values_list("side_a", "side_b")
    assert gone.pk not in {side for row in sides for side in row}


def test_two_contestants_at_least_make_a_queue(study: Study) -> None:
    for name in ("Rowan", "Maple"):
        contestant = study.contestants.get(name=name)
        withdraw_contestant(contestant, reason="Retired.", at=timezone.now())

    assert refill(study) == 0


def test_verdicts_that_are_folded_change_what_is_asked_next(study: Study) -> None:
    """Two that are alike, and one that always loses: what is left to learn is about the two."""
    rowan = study.contestants.get(name="Rowan")
    for n in range(24):
        battle = open_battle(study, n % 4)
        loses = {battle.side_a_id: "b", battle.side_b_id: "a"}.get(rowan.pk)
        play(battle, loses or "ab"[n % 2])
    assert not study.matchups.exists()

    fold_study_standings(study.pk)

    pairs = Counter(
        frozenset(pair) for pair in study.matchups.values_list("side_a_id", "side_b_id")
    )
    open_pair = next(pair for pair in pairs if rowan.pk not in pair)
    # Of three pairs in turn it would be a third; there is chance in it, and a floor.
    assert pairs[open_pair] == max(pairs.values())
    assert pairs[open_pair] >= 0.4 * FEWEST


def test_what_the_caller_has_read_gives_the_same_queue_by_fewer_queries(study: Study) -> None:
    play(open_battle(study))
    fold_standings(study)
    at = timezone.now()

    def told(rows: list[Matchup]) -> list[tuple[int | None, ...]]:
        return [(row.group_id, row.side_a_id, row.side_b_id) for row in rows]

    with CaptureQueriesContext(connection) as alone:
        plan = plan_queue(study, at=at, seed=1)
    folded = Folded.of(study)
    with CaptureQueriesContext(connection) as shared:
        assert told(plan_queue(study, at=at, seed=1, folded=folded)) == told(plan)
    assert plan
    assert len(shared) < len(alone)
    assert folded.knowledge is folded.knowledge


def test_battles_in_flight_count_for_everybody_and_for_the_groups_of_their_raters(
    study: Study,
) -> None:
    played = play(open_battle(study, 0))
    fold_standings(study)
    flying, unfolded = open_battle(study, 0), play(open_battle(study, 3))
    left = open_battle(study, 1)
    Participation.objects.filter(pk=left.participation_id).update(
        state=Participation.State.TIMED_OUT
    )

    frame = Frame.of(study)
    tallies = read_tallies(frame)
    assert tallies is not None
    state = read_state(know(frame, tallies), tallies, at=timezone.now())

    assert [flight.sum() for flight in state.in_flight[:2]] == [2, 2], "merged, by dimension"
    # Of the groups only those that the folded battle's rater is in have a tournament yet.
    assert [flight.sum() for flight in state.in_flight[2:]] == [1, 1, 1, 1]
    assert state.met.sum() == 3
    assert state.today.sum() == 2 * 3
    assert {played, flying, unfolded} == set(Battle.objects.taken_up(study))


def test_queues_are_as_long_as_there_are_raters_to_come(study: Study) -> None:
    old = study.quotas.get(group__key="35-plus")
    old.target = 0
    old.save()
    frame = Frame.of(study)
    assert dict(zip([g.key for g in frame.groups], raters_to_come(frame), strict=True)) == {
        "18-34": 50,
        "35-plus": 0,
        "female": 50,
        "male": 50,
    }
    refill(study)
    assert not study.matchups.filter(group=old.group).exists()

    old.target = 50
    old.save()
    refill(study)
    assert study.matchups.filter(group=old.group).exists(), "A group that joins is taken in."

    study.quotas.all().delete()
    assert list(raters_to_come(Frame.of(study))) == [0.4, 0.6, 0.5, 0.5]


def test_places_of_cells_are_places_of_their_groups(study: Study) -> None:
    study.quotas.all().delete()
    cell = Cell.objects.get(electorate=study.electorate, key="18-34|male")
    study.quotas.create(cell=cell, target=7)

    assert list(raters_to_come(Frame.of(study))) == [7, 0, 0, 7]


def test_what_was_folded_bit_by_bit_is_what_was_folded_at_once(study: Study) -> None:
    for n in range(4):
        play(open_battle(study, n), "ab"[n % 2])
        fold_standings(study)
    frame = Frame.of(study)
    verdicts = read_in_order(frame, frame.dimensions)

    stored = read_tallies(frame)

    assert stored is not None
    at_once = Tallies.none(frame).with_verdicts(frame, verdicts)
    np.testing.assert_array_equal(stored.counts, at_once.counts)
    np.testing.assert_array_equal(stored.crossings, at_once.crossings)
    assert stored.counts[0, 0].sum() == 4
    assert stored.crossings[0].sum() == 4 * 2 * 2


# Claiming


def test_a_rater_takes_the_best_pair_of_her_groups_and_it_is_gone(study: Study) -> None:
    refill(study)
    participation = take_part(study, 0)
    hers = study.matchups.filter(group__cell_groups__cell=participation.cell)
    best = hers.order_by("position").first()
    assert best is not None

    battle = next_battle(participation, at=timezone.now())

    assert battle is not None
    assert (battle.side_a_id, battle.side_b_id) == (best.side_a_id, best.side_b_id)
    assert not Matchup.objects.filter(pk=best.pk).exists()
    assert study.matchups.count() == FEWEST - 1


def test_nobody_meets_a_pair_twice_whatever_the_queue_says(study: Study) -> None:
    a, b, _c = study.contestants.order_by("pk")
    participation = take_part(study)
    groups = list(study.quotas.values_list("group", flat=True))
    Matchup.objects.bulk_create(
        Matchup(
            study=study,
            group_id=group,
            side_a=sides[position % 2],
            side_b=sides[1 - position % 2],
            position=position,
            gain=1,
            created_at=timezone.now(),
        )
        for sides in [(a, b)]
        for position, group in enumerate(groups * 3)
    )

    battles = []
    for _ in range(3):
        battle = next_battle(participation, at=timezone.now())
        assert battle is not None
        battles.append(play(battle))

    assert len({pair_of(battle) for battle in battles}) == 3
    assert study.matchups.count() == 3 * len(groups) - 1, "The rest was drawn without the queue."


def test_an_empty_queue_gives_the_least_met_pair(study: Study) -> None:
    first, second = pair_of(play(open_battle(study))), pair_of(play(open_battle(study)))

    assert len({first, second, pair_of(open_battle(study))}) == 3


def test_a_battle_that_does_not_come_about_leaves_its_pair_in_the_queue(study: Study) -> None:
    refill(study)
    participation = take_part(study)

    with transaction.atomic():
        assert claim_matchup(participation)
        transaction.set_rollback(True)

    assert study.matchups.count() == FEWEST


def test_a_claim_is_one_round_trip(study: Study) -> None:
    refill(study)
    participation = take_part(study)

    with CaptureQueriesContext(connection) as queries:
        assert claim_matchup(participation)

    assert len(queries) == 1


def test_another_studys_queue_is_not_hers(study: Study) -> None:
    refill(study)
    other = open_study("coffee")
    other.electorate = study.electorate
    other.save()

    assert claim_matchup(take_part(other)) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shared_database")
def test_of_64_who_claim_at_once_no_two_get_the_same_row() -> None:
    study = open_study(places=50)
    refill(study)
    before = study.matchups.count()
    participations = [take_part(study, n % 4) for n in range(64)]
    start = threading.Barrier(len(participations))

    def claim(participation: Participation) -> bool:
        try:
            connection.ensure_connection()
            start.wait()
            with transaction.atomic():
                return claim_matchup(participation) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(len(participations)) as pool:
        claimed = sum(pool.map(claim, participations))

    # Whose own queue ran dry while another's was full would have got the least-met pair.
    assert claimed > 40
    assert study.matchups.count() == before - claimed
