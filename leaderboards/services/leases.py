"""What a worker claims with a lease: reports and exports, made once and in the background.

A worker that died is noticed when its lease ends; then the row is anybody's again, for so many
attempts. States are `waiting`, `claimed`, `failed`, and how it ends otherwise.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import DatabaseError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from leaderboards.models import Export, Report

Leased = TypeVar("Leased", Export, Report)

MOST_ATTEMPTS: Final = 3
UNCLAIMED: Final = {"claim": None, "leased_until": None}
# What a computation breaks off with if it is wrong. What the machine lacks is another matter: the
# lease ends, and it is tried again.
BREAKS_OFF: Final = (
    ArithmeticError,
    AttributeError,
    DatabaseError,
    LookupError,
    TypeError,
    ValueError,
)
UNFORESEEN: Final = gettext_noop(
    "It broke off unexpectedly (%(error)s). The server's log has more."
)


def due_rows(rows: QuerySet[Leased], *, at: datetime) -> QuerySet[Leased]:
    """Those that a worker may claim now: waiting ones, and those whose lease has ended."""
    return rows.filter(Q(state="waiting") | Q(state="claimed", leased_until__lte=at))


def claim_row(row: Leased, *, lease: timedelta, at: datetime, **facts: Any) -> uuid.UUID | None:
    """Claim a row that is due, as it was read; None where another worker was faster.

    `facts` are written with the claim.
    """
    token = uuid.uuid4()
    claimed = _as_read(row, at=at).update(
        state="claimed",
        claim=token,
        leased_until=at + lease,
        attempts=F("attempts") + 1,
        **facts,
    )
    return token if claimed else None


def give_up(row: Leased, *, why: str, at: datetime) -> bool:
    """Whether so many workers have died of a row that nobody claims it again; it then says why."""
    if row.attempts < MOST_ATTEMPTS:
        return False
    fail(_as_read(row, at=at), why, at=at)
    return True


def claimed(rows: QuerySet[Leased], token: uuid.UUID) -> QuerySet[Leased]:
    """Those of a claim, as long as it is this worker's own."""
    return rows.filter(state="claimed", claim=token)


def fail(standing: QuerySet[Leased], why: str, *, at: datetime) -> bool:
    """Say why nothing came of what is claimed; False if there is no such row."""
    return bool(standing.update(**UNCLAIMED, state="failed", error=why, finished_at=at))


def _as_read(row: Leased, *, at: datetime) -> QuerySet[Leased]:
    rows: QuerySet[Leased] = type(row)._default_manager.all()
    return due_rows(rows, at=at).filter(pk=row.pk, attempts=row.attempts)
