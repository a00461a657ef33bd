"""A database of its own for a benchmark, beside the configured one, and dropped afterwards."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from django.conf import settings as project
from django.core.management import call_command
from django.db import connection


@contextmanager
def scratch_database() -> Iterator[dict[str, str]]:
    """Point the default connection to an empty, migrated database for the time being.

    It is of the configured kind, SQLite or PostgreSQL (`DATABASE_URL`). Yields the environment
    in which child processes find the same database.
    """
    settings = connection.settings_dict
    configured = settings["NAME"]
    name = f"hustings_bench_{secrets.token_hex(4)}"
    with TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            settings["NAME"] = f"{folder}/{name}.sqlite3"
            url = f"sqlite:///{settings['NAME']}"
        else:
            _execute_outside_transactions(f"CREATE DATABASE {name}")
            settings["NAME"] = name
            url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
        connection.close()
        try:
            call_command("migrate", verbosity=0)
            own = {"SECRET_KEY": "of-a-benchmark", "IDENTITY_KEY": project.IDENTITY_KEY}
            yield {**os.environ, "DATABASE_URL": url, **own}
        finally:
            connection.close()
            settings["NAME"] = configured
            if connection.vendor == "postgresql":
                _execute_outside_transactions(f"DROP DATABASE {name} WITH (FORCE)")
                connection.close()


def _execute_outside_transactions(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
