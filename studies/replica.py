"""Long readers read from a replica, where one is named; everything else from the database itself.

A replica is a copy that PostgreSQL keeps by itself, a moment late (`READ_DATABASE_URL`).
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.models import Model

logger = logging.getLogger(__name__)

REPLICA: Final = "replica"
CATCHES_UP_WITHIN: Final = timedelta(seconds=30)
POLL_S: Final = 0.05

_is_reading: ContextVar[bool] = ContextVar("is_reading_from_replica", default=False)


@contextmanager
def reading_from_replica() -> Iterator[None]:
    """What is read in here comes from the replica, which holds all that was committed before.

    It is waited for until it does. Where there is none, where it can't be reached or lags too far
    behind, and within a transaction, the database itself is read. Writes always go there.
    """
    token = _is_reading.set(_has_caught_up())
    try:
        yield
    finally:
        _is_reading.reset(token)


class ReplicaRouter:
    """Says for each query which database is asked: Django's `DATABASE_ROUTERS`."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:  # noqa: ARG002  as it is called
        # A transaction reads what it has written itself.
        is_late_fine = _is_reading.get() and not connection.in_atomic_block
        return REPLICA if is_late_fine else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **_hints: Any) -> str:  # noqa: ARG002  as above
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *_rows: Model, **_hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, *_what: str, **_hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


def _has_caught_up() -> bool:
    """Whether the replica holds what is committed by now, if need be after a while."""
    if REPLICA not in connections.settings or connection.in_atomic_block:
        return False
    if connections[REPLICA].settings_dict["NAME"] != connection.settings_dict["NAME"]:
        # A benchmark works in a database of its own, of which there is no replica.
        return False
    written = _ask(DEFAULT_DB_ALIAS, "SELECT pg_current_wal_insert_lsn()::text")[0]
    try:
        why_not = _wait_for(written)
    except OperationalError:
        why_not = "it can't be asked"
    if why_not:
        logger.warning("The database itself is read, and not its replica: %s.", why_not)
    return not why_not


def _wait_for(written: str) -> str:
    """Wait until the replica has got as far in the log; why it has not, or nothing."""
    until = time.monotonic() + CATCHES_UP_WITHIN.total_seconds()
    while time.monotonic() < until:
        is_replica, holds = _ask(
            REPLICA, "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn", written
        )
        if not is_replica:
            # One that was promoted takes writes of its own: nobody can say how late it is.
            return "READ_DATABASE_URL names a database that is no replica"
        if holds:
            return ""
        time.sleep(POLL_S)
    return "it lags too far behind"


def _ask(alias: str, query: str, *parameters: str) -> tuple[Any, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(query, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
