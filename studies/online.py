"""Operations of migrations that let a table be used meanwhile.

PostgreSQL can build an index, and look whether old rows fulfil a constraint, while others write;
both only outside of a transaction, so that their migration says `atomic = False`. On SQLite, where
one process serves, they are Django's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, NotInTransactionMixin
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddIndex
from django.db.migrations.state import ProjectState
from django.db.models import CheckConstraint


class AddIndexOnline(AddIndexConcurrently):
    """Add an index; on PostgreSQL while others write.

    Where it fails it leaves an index that is not valid: drop that, and migrate again.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        with _way(schema_editor) as way:
            way.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        with _way(schema_editor) as way:
            way.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddCheckOnline(NotInTransactionMixin, AddConstraint):
    """Add a check constraint: it holds for new rows at once, then old ones are looked through."""

    def __init__(self, model_name: str, constraint: CheckConstraint) -> None:
        super().__init__(model_name, constraint)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        self._ensure_not_in_transaction(schema_editor)
        model: Any = to_state.apps.get_model(app_label, self.model_name)
        add = self.constraint.create_sql(model, schema_editor)
        table = schema_editor.quote_name(model._meta.db_table)
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f"{add} NOT VALID", params=None)
        schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", params=None)


@contextmanager
def _way(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[type[AddIndex]]:
    """How an index is added and removed on this database."""
    if schema_editor.connection.vendor != "postgresql":
        yield AddIndex
        return
    with _without_lock_timeout(schema_editor):
        yield AddIndexConcurrently


@contextmanager
def _without_lock_timeout(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """It waits for every transaction that goes on, a backup's for instance, in nobody's way."""
    if schema_editor.collect_sql:
        yield
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (standing,) = cursor.fetchone()
        cursor.execute("SET lock_timeout = 0")
        yield
        cursor.execute(f"SET lock_timeout = '{standing}'")
