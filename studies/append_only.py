"""Triggers that let the database itself refuse to change what is final.

Django's constraints speak of one row's values; "this row never changes" needs a trigger. They are
installed after every migrate, not by a migration, because SQLite loses a table's triggers whenever
a later migration rebuilds the table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.apps import AppConfig
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate

# Who truncates one part of a table alone fires no trigger of the whole.
ON_PARTS: Final = """
DO $$ DECLARE part regclass; BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER {name} BEFORE TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION {name}()', part);
    END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Refuse `event` (INSERT, UPDATE or DELETE) on a model's rows, where `condition` holds.

    `condition` is SQL that both databases understand; it may name OLD and NEW.
    """

    model: type[models.Model]
    event: str
    message: str
    condition: str = ""

    @property
    def name(self) -> str:
        return f"{self.model._meta.db_table}_refuses_{self.event.lower()}"


def append_only(model: type[models.Model], message: str) -> tuple[Refusal, Refusal]:
    """The refusals of a model whose rows may be added, and never changed or removed."""
    return Refusal(model, "UPDATE", message), Refusal(model, "DELETE", message)


def keep_installed(config: AppConfig, refusals: Callable[[], Iterable[Refusal]]) -> None:
    """Install an app's triggers after each migrate; to be called when the app is ready.

    On SQLite they are lifted before: it can't rebuild a table that another one's trigger names.
    """

    def lift(using: str, **_kwargs: object) -> None:
        if connections[using].vendor == "sqlite":
            remove(connections[using], refusals())

    def put_back(using: str, **_kwargs: object) -> None:
        install(connections[using], refusals())

    pre_migrate.connect(lift, sender=config, weak=False)
    post_migrate.connect(put_back, sender=config, weak=False)


def install(connection: BaseDatabaseWrapper, refusals: Iterable[Refusal]) -> None:
    """Create the triggers anew; running it again changes nothing.

    On PostgreSQL each takes the place of the one before, so that there is no moment without it.
    """
    refusals = tuple(refusals)
    if connection.vendor == "sqlite":
        remove(connection, refusals)
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor]
    with connection.cursor() as cursor:
        for refusal in refusals:
            for statement in statements(refusal):
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, refusals: Iterable[Refusal]) -> None:
    """Drop the triggers. Only to create them anew, or before migrations that `install` follows."""
    with connection.cursor() as cursor:
        for refusal in refusals:
            for name in (refusal.name, f"{refusal.name}_truncate"):
                if connection.vendor == "postgresql":
                    # With its triggers, on whichever parts of a table they are.
                    cursor.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
                else:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def _sqlite(refusal: Refusal) -> list[str]:
    when = f"WHEN {refusal.condition}" if refusal.condition else ""
    statement = f"""
        CREATE TRIGGER {refusal.name} BEFORE {refusal.event} ON {refusal.model._meta.db_table}
        FOR EACH ROW {when}
        BEGIN SELECT RAISE(ABORT, '{refusal.message}'); END
    """
    return [statement]


def _postgresql(refusal: Refusal) -> list[str]:
    row = "OLD" if refusal.event == "DELETE" else "NEW"
    statements = _postgresql_trigger(
        refusal, refusal.name, refusal.event, "ROW", refusal.condition or "TRUE", row
    )
    if refusal.event == "DELETE" and not refusal.condition:
        # TRUNCATE fires no row's trigger. An empty table may be truncated.
        table, name = refusal.model._meta.db_table, f"{refusal.name}_truncate"
        has_rows = f"EXISTS (SELECT 1 FROM {table})"  # noqa: S608  our name
        statements += _postgresql_trigger(refusal, name, "TRUNCATE", "STATEMENT", has_rows, "NULL")
        statements.append(ON_PARTS.format(name=name, table=table))
    return statements


def _postgresql_trigger(
    refusal: Refusal, name: str, event: str, each: str, condition: str, returned: str
) -> list[str]:
    function = f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF {condition} THEN
            RAISE EXCEPTION '{refusal.message}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN {returned}; END $$
    """
    trigger = f"""
        CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {refusal.model._meta.db_table}
        FOR EACH {each} EXECUTE FUNCTION {name}()
    """
    return [function, trigger]
