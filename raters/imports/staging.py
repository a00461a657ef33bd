"""Rows on their way in: temporary tables, and the set operations that check and move them.

The work is done by the database, so that memory in this process stays flat however long the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection

from raters.imports.answers import Kind

CHUNK_ROWS = 20_000

Instant = datetime | str
# One contestant has no side B; what was said is text, of whatever kind it is.
StagedRow = tuple[int, str, str, int, int | None, str, int, str, Instant, str, Instant | None]

CREATE = """
CREATE TEMPORARY TABLE import_rows (
    line bigint, rater text, mark text, side_a_id bigint, side_b_id bigint, said text,
    dimension_id bigint, key text, created_at {timestamp}, conversation text,
    recorded_at {timestamp}
);
CREATE TEMPORARY TABLE import_raters (rater text, mark text, line bigint, cell_id bigint)
"""

ROW_COLUMNS = (
    "line", "rater", "mark", "side_a_id", "side_b_id", "said", "dimension_id", "key",
    "created_at", "conversation", "recorded_at",
)  # fmt: skip
RATER_COLUMNS = ("rater", "mark", "line", "cell_id")

# One row for each rater, battle and dimension. What a file says twice is kept once; what it says
# differently the second time shows as two bounds that differ.
ANSWERS = """
CREATE TEMPORARY TABLE import_answers AS
SELECT rater, min(mark) AS mark, key, dimension_id,
       min(said) AS said, max(said) AS other_said,
       min(side_a_id) AS side_a_id, max(side_a_id) AS other_a_id,
       min(side_b_id) AS side_b_id, max(side_b_id) AS other_b_id,
       min(conversation) AS conversation, max(conversation) AS other_conversation,
       min(created_at) AS created_at, min(recorded_at) AS recorded_at,
       min(line) AS line, max(line) AS last_line
FROM import_rows GROUP BY rater, key, dimension_id
"""

BATTLES = """
CREATE TEMPORARY TABLE import_battles AS
SELECT p.id AS participation_id, min(i.rater) AS rater, i.key AS key,
       min(side_a_id) AS side_a_id, max(other_a_id) AS other_a_id,
       min(side_b_id) AS side_b_id, max(other_b_id) AS other_b_id,
       min(conversation) AS conversation, max(other_conversation) AS other_conversation,
       min(i.created_at) AS created_at, min(line) AS line, max(last_line) AS last_line
FROM import_answers i
{join} raters_participation p ON p.study_id = %s AND p.identity_mark = i.mark
GROUP BY p.id, i.key
"""

NEW_RATERS = """
CREATE TEMPORARY TABLE import_new_raters AS
SELECT row_number() OVER (ORDER BY min(c.line)) AS number, c.rater AS rater,
       min(c.mark) AS mark, min(c.line) AS line, min(r.cell_id) AS cell_id
FROM (
    SELECT rater, min(mark) AS mark, min(line) AS line FROM import_rows GROUP BY rater
) c
LEFT JOIN raters_participation p ON p.study_id = %s AND p.identity_mark = c.mark
LEFT JOIN import_raters r ON r.rater = c.rater
WHERE p.id IS NULL GROUP BY c.rater
"""

# SQLite would else go through all of them for each rater that is new.
RATERS_BY_NAME = "CREATE INDEX import_raters_by_name ON import_raters (rater)"

TABLES = ("rows", "raters", "answers", "battles", "new_raters")

RATER_WITHOUT_GROUP = """
SELECT line, rater FROM import_new_raters WHERE cell_id IS NULL ORDER BY line LIMIT 1
"""

RATER_IN_TWO_CELLS = """
SELECT max(line), rater FROM import_raters GROUP BY rater
HAVING min(cell_id) <> max(cell_id) ORDER BY 1 LIMIT 1
"""

RATER_IN_ANOTHER_CELL = """
SELECT r.line, r.rater FROM import_raters r
{join} raters_participation p ON p.study_id = %s AND p.identity_mark = r.mark
WHERE p.cell_id IS NULL OR p.cell_id <> r.cell_id ORDER BY r.line LIMIT 1
"""

TWO_ANSWERS_IN_FILE = """
SELECT last_line, key, rater FROM import_answers WHERE said <> other_said
ORDER BY last_line LIMIT 1
"""

TWO_PAIRS_IN_FILE = """
SELECT b.last_line, b.key, b.rater FROM import_battles b
WHERE b.side_a_id <> b.other_a_id OR b.side_b_id <> b.other_b_id ORDER BY b.last_line LIMIT 1
"""

TWO_CONVERSATIONS_IN_FILE = """
SELECT b.last_line, b.key, b.rater FROM import_battles b
WHERE b.conversation <> b.other_conversation ORDER BY b.last_line LIMIT 1
"""

ANOTHER_PAIR_STANDS = """
SELECT i.line, i.key, i.rater FROM import_battles i
{join} raters_battle b ON b.participation_id = i.participation_id AND b.key = i.key
WHERE b.side_a_id <> i.side_a_id OR b.side_b_id <> i.side_b_id ORDER BY i.line LIMIT 1
"""

# A file that names no conversations says nothing against those that stand.
ANOTHER_CONVERSATION_STANDS = """
SELECT i.line, i.key, i.rater, b.conversation, i.conversation FROM import_battles i
{join} raters_battle b ON b.participation_id = i.participation_id AND b.key = i.key
WHERE i.conversation <> '' AND b.conversation <> i.conversation ORDER BY i.line LIMIT 1
"""

STANDING_ANSWERS = """
FROM import_answers i
{join} raters_participation p ON p.study_id = %s AND p.identity_mark = i.mark
{join} raters_battle b ON b.participation_id = p.id AND b.key = i.key
LEFT JOIN {kind.table} a ON a.battle_id = b.id AND a.dimension_id = i.dimension_id
"""

ANOTHER_ANSWER_STANDS = f"""
SELECT i.line, i.key, i.rater, a.{{kind.column}}, i.said {STANDING_ANSWERS}
WHERE a.{{kind.column}} <> {{kind.as_kept}} ORDER BY i.line LIMIT 1
"""

ADD_BATTLES = """
INSERT INTO raters_battle
    (participation_id, key, side_a_id, side_b_id, created_at, judged_at, reason, conversation)
SELECT i.participation_id, i.key, i.side_a_id, i.side_b_id, i.created_at, i.created_at, '',
       i.conversation
FROM import_battles i
LEFT JOIN raters_battle b ON b.participation_id = i.participation_id AND b.key = i.key
WHERE b.id IS NULL ORDER BY i.created_at, i.line
"""

# In the order in which the answers were given, or as another database says it had recorded them:
# the fold follows the ids.
ADD_ANSWERS = f"""
INSERT INTO {{kind.table}} (battle_id, dimension_id, {{kind.column}}, recorded_at)
SELECT b.id, i.dimension_id, {{kind.as_kept}}, %s {STANDING_ANSWERS}
WHERE a.id IS NULL ORDER BY coalesce(i.recorded_at, i.created_at), i.line
"""


def as_stored(instant: datetime) -> Instant:
    """An instant as the database holds it: raw statements pass by Django's own conversion."""
    return connection.ops.adapt_datetimefield_value(instant) or instant


def create_tables() -> None:
    """Create the empty tables; they belong to this connection alone."""
    drop_tables()
    for statement in CREATE.split(";"):
        execute(statement)


def drop_tables() -> None:
    """Drop what is there of the tables."""
    schema = "pg_temp" if connection.vendor == "postgresql" else "temp"
    for table in TABLES:
        execute(f"DROP TABLE IF EXISTS {schema}.import_{table}")


def execute(statement: str, parameters: Sequence[Any] = (), kind: Kind | None = None) -> int:
    """Run one statement; returns how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(_in_dialect(statement, kind), parameters)
        return int(cursor.rowcount)


def first_row(
    query: str, parameters: Sequence[Any] = (), kind: Kind | None = None
) -> tuple[Any, ...] | None:
    """The first row of a query, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_in_dialect(query, kind), parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _in_dialect(statement: str, kind: Kind | None) -> str:
    """A statement as the database speaks, about answers of this kind where it is about such.

    SQLite would loop over all raters outside and the file's rows inside: thousands of times
    slower. Its CROSS JOIN keeps the order in which the tables are written.
    """
    if connection.vendor == "postgresql":
        return statement.format(join="JOIN", timestamp="timestamptz", kind=kind)
    return statement.format(join="CROSS JOIN", timestamp="datetime", kind=kind)


def analyze(*tables: str) -> None:
    """Tell PostgreSQL's planner how large tables are.

    It never looks at temporary ones itself, and at others only after a while; till then it would
    take a table of a million new rows for a small one.
    """
    if connection.vendor == "postgresql":
        execute(f"ANALYZE {', '.join(tables)}")


def stage(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """Write rows to a table in chunks, by COPY where the database has it; returns their number."""
    rows, total = iter(rows), 0
    while chunk := list(islice(rows, CHUNK_ROWS)):
        bulk_write(table, columns, chunk)
        total += len(chunk)
    return total


def bulk_write(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows the fastest way that the database has."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608  our names
            cursor.executemany(statement, rows)


def new_raters() -> Iterator[list[tuple[str, str, int | None]]]:
    """Yield chunks of id, mark and cell of the raters whom the study does not know yet."""
    first = 1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rater, mark, cell_id FROM import_new_raters "
                "WHERE number >= %s AND number < %s ORDER BY number",
                [first, first + CHUNK_ROWS],
            )
            chunk = list(cursor.fetchall())
        if not chunk:
            return
        yield chunk
        first += CHUNK_ROWS
