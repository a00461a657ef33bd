"""Everything that writes what was answered to a write, so that a request sent again is done once.

Claimed by its user and key, done, finished: after https://datatracker.ietf.org/doc/draft-ietf-
httpapi-idempotency-key-header/. What was refused, or broke off, was not done: its key is free
again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction

from studies.errors import KeyReusedError, WriteUnderWayError
from studies.models import WrittenRequest

if TYPE_CHECKING:
    from accounts.models import User

Json = Any

KEPT_FOR: Final = timedelta(days=1)
# Longer than any request takes: the server of one that is under way so long has died.
LEASE: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Answered:
    """What was answered: an HTTP status and a JSON document."""

    status: int
    document: Json


@dataclass(frozen=True)
class WriteClaim:
    """A request that is this process's to do."""

    request_id: int
    begun_at: datetime


def digest_of(method: str, path: str, data: Json) -> str:
    """What tells one request from another: its method, address and JSON body, as a SHA-256."""
    asked = json.dumps([method, path, data], sort_keys=True, separators=(",", ":"))
    return sha256(asked.encode()).hexdigest()


def begin_write(user: "User", key: str, digest: str, *, at: datetime) -> WriteClaim | Answered:
    """Claim a request, or say what was answered when it came before.

    Not to be called in a transaction: others have to see the claim. Raises KeyReusedError if the
    key came with another request, and WriteUnderWayError while the same one is under way.
    """
    same = WrittenRequest.objects.filter(user=user, key=key)
    same.filter(created_at__lte=at - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            begun = WrittenRequest.objects.create(user=user, key=key, digest=digest, created_at=at)
    except IntegrityError:
        standing = same.first()
    else:
        return WriteClaim(begun.pk, at)
    if standing is None:
        # It was refused between the two looks; whoever sends it again can have it.
        raise WriteUnderWayError
    if standing.digest != digest:
        raise KeyReusedError
    if standing.status is not None:
        return Answered(standing.status, standing.document)
    dead = same.filter(status=None, created_at=standing.created_at, created_at__lte=at - LEASE)
    if not dead.update(created_at=at):
        raise WriteUnderWayError
    return WriteClaim(standing.pk, at)


@contextmanager
def freed_if_not_done(claim: WriteClaim) -> Iterator[None]:
    """What breaks off in here leaves the key free, so that the request can be sent again."""
    try:
        yield
    finally:
        # What was done has a status by now, and is claimed no more.
        _claimed(claim).delete()


def finish_write(claim: WriteClaim, answered: Answered) -> None:
    """Keep what was answered. Raises WriteUnderWayError if somebody else has claimed it since."""
    if not _claimed(claim).update(status=answered.status, document=answered.document):
        raise WriteUnderWayError


def clear_written(*, at: datetime) -> int:
    """Forget what was answered more than a day ago; returns how many there were."""
    return WrittenRequest.objects.filter(created_at__lte=at - KEPT_FOR).delete()[0]


def _claimed(claim: WriteClaim) -> Any:
    return WrittenRequest.objects.filter(
        pk=claim.request_id, created_at=claim.begun_at, status=None
    )
