"""Writes rows as CSV, as JSON lines or as Parquet, one by one, into a stream."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, Final

from leaderboards.errors import ExportError
from leaderboards.exports.columns import Column, Kind
from leaderboards.models import Export
from studies.spreadsheets import guarded

Value = str | int | float | bool | datetime | None
Write = Callable[[Sequence[Value]], None]

# Rows of a Parquet file that are kept until they make a group.
GROUP_ROWS: Final = 20_000
NO_PARQUET: Final = (
    "Parquet files need pyarrow, which is not installed here: pip install 'hustings[parquet]'. "
    "CSV and JSON lines need nothing."
)


def require(form: str) -> None:
    """Raise ExportError where a format can't be written here, with what to install."""
    if form == Export.Format.PARQUET:
        _parquet_modules()


class Sink(io.BufferedIOBase):
    """A stream that knows how much was written to it, and the SHA-256 of that.

    An archive's own stream can't say where it stands, and Parquet has to know.
    """

    name = "sink"

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._written = 0
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(data)
        self.sha256.update(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written


def write_rows(
    form: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]], sink: Sink
) -> None:
    """Write all rows under the names of their columns.

    ExportError for Parquet where pyarrow is not installed.
    """
    opened = {Export.Format.CSV: _csv, Export.Format.JSONL: _jsonl, Export.Format.PARQUET: _parquet}
    with opened[Export.Format(form)](columns, sink) as write:
        for row in rows:
            write(row)


@contextmanager
def _csv(columns: Sequence[Column], sink: Sink) -> Iterator[Write]:
    with _text(sink) as text:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([guarded(column.name) for column in columns])
        yield lambda row: writer.writerow([_cell(value) for value in row])


@contextmanager
def _jsonl(columns: Sequence[Column], sink: Sink) -> Iterator[Write]:
    names = [column.name for column in columns]
    with _text(sink) as text:

        def write(row: Sequence[Value]) -> None:
            found = {name: _plain(value) for name, value in zip(names, row, strict=True)}
            text.write(f"{json.dumps(found, ensure_ascii=False)}\n")

        yield write


@contextmanager
def _parquet(columns: Sequence[Column], sink: Sink) -> Iterator[Write]:
    pa, parquet = _parquet_modules()
    kinds = {
        Kind.TEXT: pa.string(),
        Kind.WHOLE: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.TRUTH: pa.bool_(),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
    waiting: list[Sequence[Value]] = []
    with parquet.ParquetWriter(sink, schema) as writer:

        def flush() -> None:
            arrays = [
                pa.array(column, type=field.type)
                for column, field in zip(zip(*waiting, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            waiting.clear()

        def write(row: Sequence[Value]) -> None:
            waiting.append(row)
            if len(waiting) == GROUP_ROWS:
                flush()

        yield write
        if waiting:
            flush()


def _parquet_modules() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ExportError(NO_PARQUET) from error
    return pa, parquet


@contextmanager
def _text(sink: Sink) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="")
    yield text
    text.flush()
    # Whoever opened the stream closes it.
    text.detach()


def _cell(value: Value) -> str | int | float:
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = _plain(value)
    return "" if plain is None else plain


def _plain(value: Value) -> str | int | float | bool | None:
    return value.isoformat() if isinstance(value, datetime) else value
