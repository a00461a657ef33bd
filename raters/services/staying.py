"""Keeping the place of a rater who is there and has sent nothing: she reads, thinks or types."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from raters.models import Participation
from raters.services.panel import keep_place

# How often she may ask for as long again: WCAG 2.2, criterion 2.2.1, wants ten times at least.
STAYS: Final = 10


def stay(participation: Participation, *, at: datetime) -> None:
    """She says that she is still here, or comes back to her battle: her place is kept anew.

    After each thing that she does it can be kept so for STAYS times as long as the study says,
    and no longer: somebody else waits for a place that is only held. Never shortens it. Raises
    PlaceLostError if it is gone.
    """
    time = timedelta(minutes=participation.study.reservation_minutes)
    since = min(at, _last_deed_at(participation) + STAYS * time)
    if participation.kept_until is not None:
        since = max(since, participation.kept_until - time)
    keep_place(participation, at=since)


def _last_deed_at(participation: Participation) -> datetime:
    """When she last agreed, began a battle, wrote or compared, or was let in again."""
    deeds = participation.battles.aggregate(
        began=Max("created_at"), wrote=Max("turns__created_at"), judged=Max("judged_at")
    )
    # A strike that was overturned may have brought her back long after her last word.
    decided = participation.strikes.aggregate(at=Max("decided_at"))["at"]
    agreed = (participation.created_at, participation.consented_at)
    last: datetime = max(filter(None, (*agreed, *deeds.values(), decided)))
    return last
