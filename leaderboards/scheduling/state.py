"""What the next pairs of a study are chosen from: what is known, in flight, and met today."""

from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db.models import Count, Q, Value
from django.db.models.functions import Coalesce

from leaderboards.models import Fold
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.policies import QueueState, SamplingRules
from leaderboards.routing import steer_of
from leaderboards.scheduling.knowledge import StudyKnowledge
from leaderboards.scheduling.places import group_places
from leaderboards.tallies import Tallies
from leaderboards.verdicts import Frame, fetched, positions
from raters.models import Battle
from raters.querysets import BattleQuerySet
from studies.models import Study

# Nothing that is not folded yet began longer before the last fold: battles take minutes.
LONGEST_BATTLE: Final = timedelta(days=1)


def read_state(knowledge: StudyKnowledge, tallies: Tallies, *, at: datetime) -> QueueState:
    """The state of a study's queue, of the contestants that stand."""
    frame, standing = knowledge.frame, knowledge.standing
    among = np.ix_(standing, standing)
    everybody, *of_group = (each[among] for each in _in_flight(frame))
    folded = tallies.counts[knowledge.overall_dimension, 0].sum(axis=-1)[among]
    in_flight = [everybody] * len(knowledge.overall) + [
        flying
        for group, flying in zip(knowledge.groups, of_group, strict=True)
        for own in group
        if own.reach
    ]
    today = _met(frame, Battle.objects.filter(created_at__gte=_midnight(at)))[0][among]
    steer = None
    if frame.study.policy == Study.Policy.ROUTED:
        steer = steer_of(frame.study, [frame.contestants[k].slug for k in standing])
    return QueueState.of(
        *knowledge.tournaments,
        in_flight=tuple(in_flight),
        met=folded + everybody,
        today=today.sum(axis=0) + today.sum(axis=1),
        rules=SamplingRules(cap=frame.study.battle_cap, floor=frame.study.battle_floor),
        steer=steer,
    )


def raters_to_come(frame: Frame) -> FloatArray:
    """How many raters of each group (G,) are still to complete the study, by its quotas.

    By the electorate's shares where it has no quotas, or every one is filled.
    """
    held = group_places(frame)
    to_come = np.array([held[group.pk].to_complete for group in frame.groups if held], float)
    return to_come if to_come.any() else np.array([group.share for group in frame.groups])


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _in_flight(frame: Frame) -> FloatArray:
    """Battles given out and not folded, everybody's and each group's: (1 + G, K, K)."""
    folded_at = Fold.objects.filter(study=frame.study).values_list("recorded_at", flat=True).first()
    battles = Battle.objects.all()
    if folded_at is not None:
        is_new = Q(judged_at__isnull=True) | Q(judged_at__gt=folded_at)
        battles = battles.filter(is_new, created_at__gte=folded_at - LONGEST_BATTLE)
    return _met(frame, battles)


def _met(frame: Frame, battles: BattleQuerySet) -> FloatArray:
    """Those of the battles that the study took up: everybody's and each group's, (1 + G, K, K)."""
    rows = (
        battles.taken_up(frame.study)
        .values_list(Coalesce("participation__cell_id", Value(0)), "side_a_id", "side_b_id")
        .annotate(times=Count("pk"))
    )
    cell, a, b, times = fetched(rows, width=4)
    contestants = [each.pk for each in frame.contestants]
    a, b = positions(contestants, a), positions(contestants, b)
    met = np.zeros((1 + len(frame.groups), len(contestants), len(contestants)))
    cell = np.searchsorted(frame.cell_ids, cell) if frame.groups else cell
    for tournament in frame.tournaments_of(cell):
        np.add.at(met, (tournament, a, b), times)
    return met
