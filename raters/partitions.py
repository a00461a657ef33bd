"""Takes the largest tables apart into PostgreSQL's partitions, by hash, and leaves all else alone.

What a table needs for it: that its unique keys hold what it is parted by, and that nothing refers
to its rows. So a row's id is unique by its sequence and no longer by a key; its primary key is
(id, what it is parted by). See PostgreSQL's manual, section 5.11, "Table Partitioning".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models, transaction

from raters.apps import refusals
from raters.errors import PartitionError
from raters.models import Rating, Reply, Verdict
from studies import append_only

# By what each is unique, and what raters' pages ask for: all of a battle's lie in one part.
PARTED_BY: Final[dict[type[models.Model], str]] = {
    Verdict: "battle_id",
    Rating: "battle_id",
    Reply: "turn_id",
}
MOST: Final = 1_000
ONLY_POSTGRESQL: Final = "Only PostgreSQL has partitions: set DATABASE_URL to one."

PARTS: Final = "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass"
REFERRING: Final = """
SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = %s::regclass
"""
# What `LIKE` does not take along. A primary key has to be made anew, with what it is parted by.
INDEXES: Final = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = %s::regclass AND NOT indisprimary ORDER BY indexrelid
"""
FOREIGN_KEYS: Final = """
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
              pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass ORDER BY oid
"""
GRANTS: Final = """
SELECT format('GRANT %%s ON %%s TO %%s', a.privilege_type, c.oid::regclass,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = %s::regclass AND a.grantee <> c.relowner
"""
PRIMARY_KEY: Final = """
SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = %s::regclass
"""


@dataclass(frozen=True)
class Parted:
    """A table and into how many parts it was taken; `rows` None where it was so already."""

    table: str
    rows: int | None


def partition(into: int) -> Iterator[Parted]:
    """Take each of the tables apart into so many parts, one transaction each, as it is iterated.

    A table that has as many already is left as it is. Nobody reads or writes a table meanwhile, nor
    those that it refers to: it is for when nobody takes part. Raises PartitionError where the
    database has no partitions, or a table has another number.
    """
    if connection.vendor != "postgresql":
        raise PartitionError(ONLY_POSTGRESQL)
    if not 2 <= into <= MOST:
        raise PartitionError(f"{into} is no number of parts: say 2 to {MOST:,}.")
    for model in PARTED_BY:
        _require_whole_or(into, model._meta.db_table)
    for model, key in PARTED_BY.items():
        with transaction.atomic():
            yield _take_apart(model, key, into)


def parts_of(model: type[models.Model]) -> int:
    """How many parts a model's table has; 0 where it is whole."""
    return int(_column(PARTS, model._meta.db_table)[0])


def _require_whole_or(into: int, table: str) -> None:
    parts = int(_column(PARTS, table)[0])
    if parts not in {0, into}:
        raise PartitionError(f"{table} has {parts} parts already, and is not taken apart anew.")
    if referring := _column(REFERRING, table):
        raise PartitionError(f"{table} can't be parted: {', '.join(referring)} refers to its rows.")


def _take_apart(model: type[models.Model], key: str, into: int) -> Parted:
    table = model._meta.db_table
    _execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    # Somebody else may have done it while this one waited.
    _require_whole_or(into, table)
    if parts_of(model):
        return Parted(table, None)
    (primary_key,) = _column(PRIMARY_KEY, table)
    left_behind = [
        f"ALTER TABLE {table} ADD CONSTRAINT {primary_key} PRIMARY KEY (id, {key})",
        *_column(INDEXES, table),
        *_column(FOREIGN_KEYS, table),
        *_column(GRANTS, table),
    ]
    rows = _move(table, key, into)
    for statement in left_behind:
        _execute(statement)
    append_only.install(connection, [each for each in refusals() if each.model is model])
    _execute(f"ANALYZE {table}")
    return Parted(table, rows)


def _move(table: str, key: str, into: int) -> int:
    """Put a table with parts in place of a whole one, with its rows, defaults, checks, sequence."""
    sequence = _column(f"SELECT pg_get_serial_sequence('{table}', 'id')")[0]
    new = f"{table}_parted"
    _execute(
        f"CREATE TABLE {new} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES) "
        f"PARTITION BY HASH ({key})"
    )
    for part in range(into):
        _execute(
            f"CREATE TABLE {table}_{part} PARTITION OF {new} "
            f"FOR VALUES WITH (MODULUS {into}, REMAINDER {part})"
        )
    rows = _execute(f"INSERT INTO {new} SELECT * FROM {table}")  # noqa: S608  our names
    new_sequence = _column(f"SELECT pg_get_serial_sequence('{new}', 'id')")[0]
    # Where the sequence stands, although rows with higher ids may have gone again.
    _execute(f"SELECT setval('{new_sequence}', last_value, is_called) FROM {sequence}")  # noqa: S608
    _execute(f"DROP TABLE {table}")
    _execute(f"ALTER TABLE {new} RENAME TO {table}")
    _execute(f"ALTER SEQUENCE {new_sequence} RENAME TO {sequence.rpartition('.')[2]}")
    return rows


def _execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def _column(query: str, *parameters: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return [row[0] for row in cursor.fetchall()]
