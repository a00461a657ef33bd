"""`hustings migrate`: Django's own, which on PostgreSQL does not wait long for a lock."""

from typing import Any, Final

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

# Whoever comes while a migration waits for a table waits behind it: raters for so long at most.
LOCK_TIMEOUT: Final = "5s"


class Command(migrate.Command):
    """Migrate; where a table is not to be had in time, give up and say so."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            (standing,) = cursor.fetchone()
            # One that somebody has set, for the role or by PGOPTIONS, was meant.
            if standing == "0":
                cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(
                "A table is in use, and the migration gave up so that nobody waits behind it. "
                "What came before it stands. Run it again; if that does not help, look in "
                "pg_stat_activity for a transaction that goes on for long."
            ) from error
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{standing}'")
