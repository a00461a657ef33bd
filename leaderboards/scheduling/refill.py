"""Fills a study's battle queue."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count

from leaderboards.ranking.policies import Policy, deal, propose
from leaderboards.scheduling.knowledge import Folded, StudyKnowledge
from leaderboards.scheduling.state import raters_to_come, read_state
from leaderboards.tallies import Tallies
from leaderboards.verdicts import Frame
from raters.services.panel import IS_KEPT
from studies.models import Matchup, Study

# Pairs in a full queue: two for everybody inside, within what takes a fraction of a second.
FEWEST: Final = 100
MOST: Final = 250
# A queue with less than this part of its pairs is filled before the next fold.
LOW: Final = 0.5


def refill_queue(
    study: Study, *, at: datetime, seed: int | None = None, folded: Folded | None = None
) -> int:
    """Replace the study's matchups by the next pairs, as its policy wants; says how many there are.

    Everything is read and computed before anything is locked: pairs that are taken meanwhile are
    in flight the next time. None are left where the study is not open, rates one model at a time,
    is a preview, or has no two contestants that stand. `folded` spares reading and refitting what
    the caller has read.
    """
    seed = secrets.randbits(32) if seed is None else seed
    return replace_queue(study, plan_queue(study, at=at, seed=seed, folded=folded))


def plan_queue(
    study: Study, *, at: datetime, seed: int, folded: Folded | None = None
) -> list[Matchup]:
    """The next pairs of a study in their order, each dealt to a group's queue; none stored."""
    folded = folded or Folded.of(study)
    if not _has_queue(study) or not folded.frame.dimensions:
        return []
    tallies = folded.tallies or Tallies.none(folded.frame)
    return _plan(folded.knowledge, tallies, at=at, seed=seed)


@transaction.atomic
def replace_queue(study: Study, rows: list[Matchup]) -> int:
    """Store a plan in place of the study's matchups; none of it, if it no longer fits."""
    # Contestants enter and withdraw under the same lock, and clear the queue.
    now = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    now.matchups.all().delete()
    standing = set(now.contestants.filter(withdrawn_at=None).values_list("pk", flat=True))
    planned = {side for row in rows for side in (row.side_a_id, row.side_b_id)}
    if not _has_queue(now) or _rules(now) != _rules(study) or not planned <= standing:
        return 0
    return len(Matchup.objects.bulk_create(rows))


def refill_low_queues(*, at: datetime) -> None:
    """Refill the queues of open studies that run low, so that hardly any battle goes without."""
    open_studies = Study.objects.filter(
        state=Study.State.OPEN, protocol=Study.Protocol.PAIRWISE, preview_of=None
    )
    waiting = dict(open_studies.order_by().values_list("pk").annotate(Count("matchups")))
    for study in open_studies:
        if waiting[study.pk] < LOW * _length(study):
            refill_queue(study, at=at)


def _has_queue(study: Study) -> bool:
    is_pairwise = study.protocol == Study.Protocol.PAIRWISE
    return study.state == Study.State.OPEN and is_pairwise and study.preview_of_id is None


def _rules(study: Study) -> tuple[str, float, float]:
    """What a study says of how its pairs are chosen."""
    return study.policy, study.battle_cap, study.battle_floor


def _length(study: Study) -> int:
    inside = study.participations.filter(state__in=IS_KEPT).count()
    return min(MOST, max(FEWEST, 2 * inside))


def _plan(knowledge: StudyKnowledge, tallies: Tallies, *, at: datetime, seed: int) -> list[Matchup]:
    """The next pairs in their order, each dealt to the queue of a group at random."""
    study, standing = knowledge.frame.study, knowledge.standing
    if len(standing) < 2:
        return []
    state = read_state(knowledge, tallies, at=at)
    pairs = propose(state, Policy(study.policy), count=_length(study), seed=seed)
    groups = _queues(knowledge.frame, len(pairs), seed=seed)
    ids = [knowledge.frame.contestants[k].pk for k in standing]
    return [
        Matchup(
            study=study,
            group_id=group,
            side_a_id=ids[pair.a],
            side_b_id=ids[pair.b],
            position=position,
            gain=pair.gain,
            created_at=at,
        )
        for position, (pair, group) in enumerate(zip(pairs, groups, strict=True))
    ]


def _queues(frame: Frame, count: int, *, seed: int) -> Sequence[int | None]:
    """The group of each of so many matchups, at random by who is to come; None without groups."""
    if not frame.groups:
        return [None] * count
    return [frame.groups[g].pk for g in deal(count, raters_to_come(frame), seed=seed)]
