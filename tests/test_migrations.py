"""Migrations while raters are at work: none locks a table for long, and none waits long for one.

What squawk knows of PostgreSQL's locks is asked of every migration past the baseline; of those
before there is nobody whose tables were in use.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib.postgres.functions import RandomUUID
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    Migration,
    RemoveField,
    RenameField,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models.signals import pre_migrate

from studies.online import AddCheckOnline, AddIndexOnline

ROOT: Final = Path(__file__).parents[1]
PLATFORM: Final = ROOT / "platform"
SQUAWK: Final = Path(sys.executable).parent / "squawk"
# By number, the last migration of each app that is not asked.
BASELINE: Final = {"accounts": 1, "studies": 1, "raters": 1, "leaderboards": 1}
PERMITTED: Final = (
    # `hustings migrate` says how long it waits for a lock.
    "require-lock-timeout",
    "require-statement-timeout",
    # How Django spells columns, which locks nothing.
    "prefer-text-field",
    "prefer-bigint-over-int",
    "prefer-robust-stmts",
    # In a moment, and a version after the code that used it.
    "ban-drop-column",
    "ban-drop-constraint",
    "ban-drop-table",
)

pytestmark = pytest.mark.django_db
# What is done outside of a transaction can't be tried in one.
OUTSIDE = pytest.mark.django_db(transaction=True)


def on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("locks of PostgreSQL")


def sql_of(migration: Migration, before: ProjectState) -> str:
    """What a migration does to PostgreSQL, in SQL."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(before, editor, collect_sql=True)
    return "\n".join(editor.collected_sql)


def flaws_of(sql: str, *, is_atomic: bool) -> set[str]:
    """The rules of squawk that it breaks."""
    command = [SQUAWK, "--reporter", "json", "--pg-version", "15.0", "-e", ",".join(PERMITTED)]
    if is_atomic:
        command.append("--assume-in-transaction")
    done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=60)
    assert done.returncode in {0, 1}, done.stderr
    return {told["rule_name"] for told in json.loads(done.stdout) if not is_harmless(told, sql)}


def is_harmless(told: dict[str, Any], sql: str) -> bool:
    """A new column that is empty refers to nothing: PostgreSQL does not look for what it names."""
    line = sql.splitlines()[told["line"]]
    is_new = "ADD COLUMN" in line and " NULL CONSTRAINT " in line and "NOT NULL" not in line
    return is_new and told["rule_name"] == "adding-foreign-key-constraint"


def new_migrations() -> Iterator[tuple[Migration, ProjectState]]:
    """Ours past the baseline, each with what there is before it."""
    loader = MigrationLoader(connection)
    for (app, name), migration in loader.disk_migrations.items():
        if app in BASELINE and int(name[:4]) > BASELINE[app]:
            yield migration, loader.project_state((app, name), at_end=False)


@OUTSIDE
def test_no_migration_locks_a_table_that_is_in_use() -> None:
    on_postgres()
    flaws = {
        f"{migration.app_label}.{migration.name}": found
        for migration, before in new_migrations()
        if (found := flaws_of(sql_of(migration, before), is_atomic=migration.atomic))
    }
    assert flaws == {}


def test_every_app_of_ours_has_a_baseline() -> None:
    ours = (each for each in apps.get_app_configs() if Path(each.path).parent in {ROOT, PLATFORM})
    assert {config.label for config in ours if list(config.get_models())} == set(BASELINE)


# That it would be told


def make(*operations: Any, is_atomic: bool = True) -> Migration:
    migration = Migration("a_new_one", "studies")
    migration.operations = list(operations)
    migration.atomic = is_atomic
    return migration


def asked(*operations: Any, is_atomic: bool = True) -> set[str]:
    on_postgres()
    migration = make(*operations, is_atomic=is_atomic)
    sql = sql_of(migration, ProjectState.from_apps(apps))
    return flaws_of(sql, is_atomic=is_atomic)


SHORT = models.CheckConstraint(condition=models.Q(budget__lt=10), name="budget_is_small")
BY_TITLE = models.Index(fields=["title"], name="studies_by_title")

BAD = {
    "an index": (AddIndex("study", BY_TITLE), "require-concurrent-index-creation"),
    "a check": (AddConstraint("study", SHORT), "constraint-missing-not-valid"),
    "a unique key": (
        AddConstraint("study", models.UniqueConstraint(fields=["title"], name="one_title")),
        "disallowed-unique-constraint",
    ),
    "a default that differs by row": (
        AddField("study", "mark", models.UUIDField(db_default=RandomUUID())),
        "adding-field-with-default",
    ),
    "a default that old code does not know": (
        AddField("study", "note", models.TextField(default="")),
        "ban-drop-default",
    ),
    "another type": (
        AlterField("study", "strikes_allowed", models.BigIntegerField(default=3)),
        "changing-column-type",
    ),
    "null no more": (
        AlterField("study", "minutes_estimated", models.PositiveSmallIntegerField(default=1)),
        "adding-not-nullable-field",
    ),
    "another name": (RenameField("study", "task", "topic"), "renaming-column"),
    "an index that comes with a key": (
        AddField("study", "parent", models.ForeignKey("studies.Study", models.PROTECT, null=True)),
        "require-concurrent-index-creation",
    ),
}


@pytest.mark.parametrize(("operation", "flaw"), BAD.values(), ids=BAD)
def test_what_locks_a_table_is_refused(operation: Any, flaw: str) -> None:
    assert flaw in asked(operation)


GOOD = {
    "a column with a default": [
        AddField("study", "note", models.TextField(default="", db_default=""))
    ],
    "a column that may be empty": [AddField("study", "note", models.TextField(null=True))],
    "a key without an index": [
        AddField(
            "study",
            "parent",
            models.ForeignKey("studies.Study", models.PROTECT, null=True, db_index=False),
        )
    ],
    "a table with all that belongs to it": [
        CreateModel("Note", [("id", models.BigAutoField(primary_key=True)),
                             ("study", models.ForeignKey("studies.Study", models.CASCADE))]),
        AddIndex("note", models.Index(fields=["study", "id"], name="notes_of_study")),
        AddConstraint("note", models.UniqueConstraint(fields=["study"], name="one_note")),
    ],
    "a column that is used no more": [RemoveField("study", "task")],
}  # fmt: skip


@pytest.mark.parametrize("operations", GOOD.values(), ids=GOOD)
def test_what_lets_others_work_is_let_through(operations: list[Any]) -> None:
    assert asked(*operations) == set()


@OUTSIDE
def test_so_are_an_index_and_a_check_that_are_added_online() -> None:
    adding = (AddIndexOnline("study", BY_TITLE), AddCheckOnline("study", SHORT))
    assert asked(*adding, is_atomic=False) == set()


# Online


@OUTSIDE
def test_what_is_added_online_is_there_and_goes_again() -> None:
    """On both databases, on a table of its own: SQLite makes another one for a check."""
    fields = [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())]
    check = models.CheckConstraint(condition=models.Q(size__lt=10), name="note_is_small")
    migration = make(
        CreateModel("Note", fields),
        AddIndexOnline("note", models.Index(fields=["size"], name="notes_by_size")),
        AddCheckOnline("note", check),
        is_atomic=False,
    )
    before = ProjectState.from_apps(apps)
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(before.clone(), editor)
    with connection.cursor() as cursor:
        found = set(connection.introspection.get_constraints(cursor, "studies_note"))
        cursor.execute("INSERT INTO studies_note (size) VALUES (9)")
        with pytest.raises(IntegrityError, match="note_is_small"), transaction.atomic():
            cursor.execute("INSERT INTO studies_note (size) VALUES (11)")
    migration.operations = migration.operations[1:]
    with connection.schema_editor(atomic=False) as editor:
        with_table = ProjectState.from_apps(apps)
        CreateModel("Note", fields).state_forwards("studies", with_table)
        migration.unapply(with_table, editor)
    with connection.cursor() as cursor:
        left = set(connection.introspection.get_constraints(cursor, "studies_note"))
        cursor.execute("DROP TABLE studies_note")
    assert {"notes_by_size", "note_is_small"} <= found
    assert not {"notes_by_size", "note_is_small"} & left


# Waiting


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (told,) = cursor.fetchone()
    return str(told)


@pytest.fixture
def timeouts() -> Iterator[list[str]]:
    """For how long a lock is waited for while apps are migrated."""
    on_postgres()
    told: list[str] = []

    def tell(**_: Any) -> None:
        told.append(lock_timeout())

    pre_migrate.connect(tell)
    yield told
    pre_migrate.disconnect(tell)


@OUTSIDE
def test_migrating_waits_five_seconds_for_a_lock_and_nothing_else_does(
    timeouts: list[str],
) -> None:
    call_command("migrate", verbosity=0)
    assert set(timeouts) == {"5s"}
    assert lock_timeout() == "0"


@OUTSIDE
def test_a_table_in_use_ends_it_in_the_time_that_somebody_has_set(timeouts: list[str]) -> None:
    other = connection.copy()
    other.set_autocommit(False)
    with connection.cursor() as cursor, other.cursor() as rater:
        rater.execute("LOCK TABLE studies_ledgerentry IN ROW EXCLUSIVE MODE")
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            with pytest.raises(CommandError, match="A table is in use"):
                call_command("migrate", verbosity=0)
        finally:
            cursor.execute("SET lock_timeout = 0")
            other.rollback()
        # At no moment was it gone that a ledger is only added to.
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'studies_ledgerentry%'")
        (triggers,) = cursor.fetchone()
    other.close()
    assert triggers >= 2
    assert set(timeouts) == {"200ms"}
