"""Fixtures' rows, kept from one test to the next: to write them down again is quick.

A study with its raters, verdicts and boards takes a third of a second to make, and many a module
makes the same one for each of its tests. On SQLite the rows that it left are read off once and
written again for the next test, with the same keys; on PostgreSQL it is made anew each time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction


@dataclass(frozen=True)
class Rows:
    """What was made: a row's model and key, and by table the rows before it and those added.

    Columns are named: a migration within a test may leave a table with another order of them.
    """

    model: type[models.Model]
    pk: Any
    before: dict[str, list[tuple[Any, ...]]]
    added: dict[str, list[tuple[Any, ...]]]
    columns: dict[str, list[str]]


_kept: dict[tuple[Any, ...], Rows] = {}
# What was made last, and how much had been written by then.
_last: tuple[tuple[Any, ...], int] | None = None


def kept(make: Callable[..., Any], *upon: models.Model, **how: Any) -> Any:
    """What `make(*upon, **how)` returns, with all the rows that it writes.

    They are the same each time: it has seeds and times of its own. It is made anew where one of
    its tables holds other rows than at first, and where anything was written since `upon` was kept.
    """
    global _last
    if connection.vendor != "sqlite":
        return make(*upon, **how)
    if upon and (_last is None or _last[1] != _written()):
        return make(*upon, **how)
    key = (make, tuple(how.items()), _last[0] if upon and _last else None)
    if key not in _kept:
        made = _keep(key, lambda: make(*upon, **how))
    elif any(_read(table) != rows for table, rows in _kept[key].before.items()):
        return make(*upon, **how)
    else:
        made = _write_again(_kept[key])
    _last = (key, _written()) if key in _kept else None
    return made


def _keep(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    tables = connection.introspection.django_table_names(only_existing=True)
    before = {table: _read(table) for table in tables}
    made = make()
    after = {table: _read(table) for table in tables}
    changed = {table: rows for table, rows in before.items() if rows != after[table]}
    if all(rows == after[table][: len(rows)] for table, rows in changed.items()):
        added = {table: after[table][len(rows) :] for table, rows in changed.items()}
        columns = {table: _columns(table) for table in added}
        _kept[key] = Rows(type(made), made.pk, changed, added, columns)
    return made


def _write_again(rows: Rows) -> Any:
    with transaction.atomic(), _without_triggers(), connection.cursor() as cursor:
        for table, lines in rows.added.items():
            names = ", ".join(f'"{name}"' for name in rows.columns[table])
            places = ", ".join(["%s"] * len(rows.columns[table]))
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', lines)
    return rows.model._base_manager.get(pk=rows.pk)


@contextmanager
def _without_triggers() -> Iterator[None]:
    """What is final now came about step by step, and would be refused at once."""
    triggers = _ask("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    on_insert = [(name, sql) for name, sql in triggers if " INSERT ON " in sql]
    with connection.cursor() as cursor:
        for name, _sql in on_insert:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _name, sql in on_insert:
            cursor.execute(sql)


def _read(table: str) -> list[tuple[Any, ...]]:
    """Rows as they are stored: behind a sign Django does not convert a column."""
    raw = ", ".join(f'+"{name}"' for name in _columns(table))
    return _ask(f'SELECT {raw} FROM "{table}"')


def _columns(table: str) -> list[str]:
    return [name for _place, name, *_ in _ask(f'PRAGMA table_info("{table}")')]


def _ask(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _written() -> int:
    """Rows that were inserted, updated and deleted since the connection was opened."""
    return int(connection.connection.total_changes)
