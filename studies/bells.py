"""Bells: how a worker learns at once that a row is due.

The row says so itself, so a bell that is lost costs time and nothing else: a beat rings again.
"""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from kombu.exceptions import OperationalError

if TYPE_CHECKING:
    from celery import Task

logger = logging.getLogger(__name__)

AT_ONCE: Final = timedelta(0)
# Bells rung again don't pile up where every worker is busy.
EXPIRES: Final = timedelta(seconds=30)


def ring(
    bell: "Task",
    key: int | str,
    *,
    times: int = 1,
    after: timedelta = AT_ONCE,
    expires: timedelta | None = EXPIRES,
) -> None:
    """Ring for a row once what is being written is committed; a broker that is away fails nothing.

    `times`: so many workers may share the work. Nobody hears it before `after`, nor when it has
    been waiting for `expires` since; None where nobody rings again.
    """

    def ring_now() -> None:
        try:
            for _ in range(times):
                bell.apply_async(
                    (key,),
                    countdown=after.total_seconds() or None,
                    expires=None if expires is None else (after + expires).total_seconds(),
                )
        except OperationalError:
            logger.warning("The broker can't be reached; %s(%s) waits for a beat.", bell.name, key)

    transaction.on_commit(ring_now)
