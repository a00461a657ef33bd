"""Reads files of rows as streams, and names the line of whatever is wrong.

CSV, JSON lines and arrays of JSON objects, plain or gzip, and Parquet. What an export's CSV guards
against spreadsheets is read back as it was.
"""

import csv
import difflib
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final

from raters.errors import ImportRefusedError
from raters.imports import parquet
from studies.spreadsheets import unguarded

MAX_LENGTH = 200
CHUNK_BYTES = 1 << 20
CSV, JSONL, JSON, PARQUET = ".csv", ".jsonl", ".json", ".parquet"
FORMS: Final = (CSV, JSONL, JSON, PARQUET)

Values = tuple[str | None, ...]


@dataclass(frozen=True)
class TableFile:
    """A file of rows under the names of columns: a header (CSV, Parquet), or an object a row.

    `on_progress` is called with the number of bytes of the file (as it lies on the disk) that
    have been read since the last call.
    """

    path: Path
    on_progress: Callable[[int], object] = lambda _bytes: None

    @property
    def is_gzip(self) -> bool:
        return self.path.suffix == ".gz"

    @property
    def form(self) -> str:
        """What the file is by its name, without `.gz`. Raises ImportRefusedError for others."""
        suffix = Path(self.path.stem).suffix if self.is_gzip else self.path.suffix
        if suffix not in FORMS or (self.is_gzip and suffix == PARQUET):
            raise self.refusal(
                "its name must end in .csv, .jsonl, .json or .parquet; the first three may be "
                "followed by .gz"
            )
        return suffix

    def refusal(self, message: str, line: int | None = None) -> ImportRefusedError:
        """The error that names this file and the line."""
        place = self.path.name if line is None else f"{self.path.name}, line {line}"
        return ImportRefusedError(f"{place}: {message}")

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, or the keys of the first object."""
        if self.form == PARQUET:
            return parquet.header(self.path)
        if self.form != CSV:
            return next((tuple(record) for _line, record in self.records()), ())
        with self._opened() as lines:
            for cells in csv.reader(lines):
                if cells:
                    return tuple(unguarded(cell.strip()) for cell in cells)
        return ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the file holds once unpacked, in 16 hexadecimal digits."""
        sha = hashlib.sha256()
        with self._errors_named(), self._bytes() as file:
            while chunk := file.read(CHUNK_BYTES):
                sha.update(chunk)
        return sha.hexdigest()[:16]

    def rows(
        self, required: Sequence[str], optional: Sequence[str] = (), *, prose: Sequence[str] = ()
    ) -> Iterator[tuple[int, Values]]:
        """Yield line number and values, required columns first; None for what is not given.

        `prose` names optional columns whose values may be of any length.
        Raises ImportRefusedError for a missing column, an empty required value, a column whose
        name looks like a misspelt optional one, a value that is too long, text that is not
        UTF-8, a broken gzip stream and whatever else makes a line unreadable.
        """
        optional = (*optional, *prose)
        self.require(required, optional)
        measured = len(required) + len(optional) - len(prose)
        read = self._csv_rows if self.form == CSV else self._record_rows
        for line, values in read(required, optional):
            self._check_values(line, values, required, measured)
            yield line, values

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield line number and values by name, of any type that the file has.

        Of Parquet the number of the row. Raises ImportRefusedError for what is unreadable.
        """
        if self.form == PARQUET:
            yield from parquet.records(self.path)
            self.on_progress(self.path.stat().st_size)
            return
        if self.form == CSV:
            for line, values in self._csv_rows(self.header, ()):
                yield line, dict(zip(self.header, values, strict=True))
            return
        with self._opened() as lines:
            yield from (self._array if self.form == JSON else self._objects)(lines)

    def require(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Raise ImportRefusedError for a column that is missing, there twice or misspelt."""
        if not self.header:
            raise self.refusal("it is empty")
        known = {*required, *optional}
        for name in required:
            if name not in self.header:
                has = ", ".join(self.header)
                raise self.refusal(f'there is no column "{name}"; it has: {has}', 1)
        for name in self.header:
            twice = self.header.count(name) > 1 and name in known
            near = difflib.get_close_matches(name.lower(), known - {*self.header}, cutoff=0.75)
            if twice:
                raise self.refusal(f'the column "{name}" is there twice', 1)
            if name not in known and near:
                raise self.refusal(f'unknown column "{name}": did you mean "{near[0]}"?', 1)

    def _check_values(
        self, line: int, values: Values, required: Sequence[str], measured: int
    ) -> None:
        """The first `measured` of the values are of limited length."""
        for place, value in enumerate(values):
            if not value:
                if place < len(required):
                    raise self.refusal(f'"{required[place]}" is empty', line)
            elif (len(value) > MAX_LENGTH and place < measured) or "\0" in value:
                raise self.refusal(
                    f"a value has a NUL character or more than {MAX_LENGTH} characters: "
                    f"{value[:40]!r}…",
                    line,
                )

    def _csv_rows(
        self, required: Sequence[str], optional: Sequence[str]
    ) -> Iterator[tuple[int, Values]]:
        width = len(self.header)
        # The place past the last column stands for a column that is not there.
        places = [
            self.header.index(name) if name in self.header else width
            for name in chain(required, optional)
        ]
        pick = itemgetter(*places, width)
        with self._opened() as lines:
            reader = csv.reader(lines, strict=True)
            next(filter(None, reader), None)
            try:
                for cells in reader:
                    if len(cells) == width:
                        # Not by a function of its own: a call for every cell is felt.
                        values: list[str | None] = [
                            (unguarded(cell) if cell[:1] == "'" else cell) or None
                            for cell in map(str.strip, cells)
                        ]
                        values.append(None)
                        yield reader.line_num, pick(values)[:-1]
                    elif cells:
                        raise self.refusal(f"{len(cells)} values, {width} columns", reader.line_num)
            except csv.Error as error:
                raise self.refusal(f"it is not CSV: {error}", reader.line_num) from error

    def _record_rows(
        self, required: Sequence[str], optional: Sequence[str]
    ) -> Iterator[tuple[int, Values]]:
        names = (*required, *optional)
        for line, record in self.records():
            yield line, tuple(self.text(record, name, line) for name in names)

    def text(self, record: dict[str, Any], name: str, line: int) -> str | None:
        """One value of a record as text, stripped; None for what is not given.

        Numbers, truths and instants are spelt as in CSV; ImportRefusedError for all else.
        """
        value = record.get(name)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, datetime):
            return value.isoformat()
        if value is not None and not isinstance(value, str):
            raise self.refusal(f'"{name}" is {value!r}, which is no text', line)
        return value and value.strip()

    def _objects(self, lines: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except json.JSONDecodeError as error:
                raise self.refusal(f"it is not JSON: {error}", number) from error
            if not isinstance(record, dict):
                raise self.refusal("it is not a JSON object", number)
            yield number, record

    def _array(self, lines: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        text, decoder, place, number = lines.read(), json.JSONDecoder(), 0, 1

        def skip(signs: str) -> None:
            nonlocal place, number
            while place < len(text) and text[place] in signs:
                number += text[place] == "\n"
                place += 1

        skip(" \t\r\n")
        if not text.startswith("[", place):
            raise self.refusal("it is not an array of JSON objects", number)
        skip("[ \t\r\n")
        while not text.startswith("]", place):
            try:
                record, end = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                raise self.refusal(f"it is not JSON: {error.msg}", error.lineno) from error
            if not isinstance(record, dict):
                raise self.refusal("it is not a JSON object", number)
            yield number, record
            number += text.count("\n", place, end)
            place = end
            skip(", \t\r\n")

    @contextmanager
    def _opened(self) -> Iterator[IO[str]]:
        with (
            self._errors_named(),
            self._bytes() as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            yield text

    @contextmanager
    def _bytes(self) -> Iterator[IO[bytes]]:
        with self.path.open("rb") as raw:
            counted = io.BufferedReader(_Counted(raw, self.on_progress), CHUNK_BYTES)
            if self.is_gzip:
                # GzipFile reads in slices of 8 KiB; the buffer keeps lines from paying for that.
                with gzip.GzipFile(fileobj=counted) as unpacked:
                    yield io.BufferedReader(unpacked, CHUNK_BYTES)
            else:
                yield counted

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            line = self._first_line_that_is_not_utf8()
            raise self.refusal(f"it is not UTF-8 ({error.reason})", line) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            line = self._last_line()
            raise self.refusal(
                f"the gzip stream is broken after this line: {error}", line
            ) from error
        except OSError as error:
            raise self.refusal(f"it cannot be read: {error.strerror}") from error

    def _first_line_that_is_not_utf8(self) -> int | None:
        with self._bytes() as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return number
        return None

    def _last_line(self) -> int:
        """The last line that can be read, of a file whose reading breaks off."""
        number = 0
        try:
            with self._bytes() as file:
                for number, _line in enumerate(file, start=1):  # noqa: B007
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error):
            pass
        return number


class _Counted(io.RawIOBase):
    """A raw file that tells how many bytes were read from it."""

    def __init__(self, file: IO[bytes], on_progress: Callable[[int], object]) -> None:
        self._file = file
        self._on_progress = on_progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._on_progress(count)
        return int(count)
