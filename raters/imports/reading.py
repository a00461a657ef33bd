"""Reads CSV and JSONL files, plain or gzip, as streams, and names the line of whatever is wrong."""

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
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from raters.errors import ImportRefusedError

MAX_LENGTH = 200
CHUNK_BYTES = 1 << 20

Values = tuple[str | None, ...]


@dataclass(frozen=True)
class TableFile:
    """A file with a header of column names (CSV) or an object a line (JSONL).

    `on_progress` is called with the number of bytes of the file (as it lies on the disk) that
    have been read since the last call.
    """

    path: Path
    on_progress: Callable[[int], object] = lambda _bytes: None

    @property
    def is_gzip(self) -> bool:
        return self.path.suffix == ".gz"

    @property
    def is_jsonl(self) -> bool:
        suffix = Path(self.path.stem).suffix if self.is_gzip else self.path.suffix
        if suffix not in {".csv", ".jsonl"}:
            raise self.refusal("its name must end in .csv, .csv.gz, .jsonl or .jsonl.gz")
        return suffix == ".jsonl"

    def refusal(self, message: str, line: int | None = None) -> ImportRefusedError:
        """The error that names this file and the line."""
        place = self.path.name if line is None else f"{self.path.name}, line {line}"
        return ImportRefusedError(f"{place}: {message}")

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, or the keys of the first object."""
        with self._opened() as lines:
            if self.is_jsonl:
                return next((tuple(record) for _line, record in self._objects(lines)), ())
            for cells in csv.reader(lines):
                if cells:
                    return tuple(cell.strip() for cell in cells)
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
        self._check_header(required, optional)
        measured = len(required) + len(optional) - len(prose)
        with self._opened() as lines:
            records = self._json_rows if self.is_jsonl else self._csv_rows
            for line, values in records(lines, required, optional):
                self._check_values(line, values, required, measured)
                yield line, values

    def _check_header(self, required: Sequence[str], optional: Sequence[str]) -> None:
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
        self, lines: IO[str], required: Sequence[str], optional: Sequence[str]
    ) -> Iterator[tuple[int, Values]]:
        reader = csv.reader(lines, strict=True)
        next(filter(None, reader))
        width = len(self.header)
        # The place past the last column stands for a column that is not there.
        places = [
            self.header.index(name) if name in self.header else width
            for name in chain(required, optional)
        ]
        pick = itemgetter(*places, width)
        try:
            for cells in reader:
                if len(cells) == width:
                    stripped: list[str | None] = [cell.strip() or None for cell in cells]
                    stripped.append(None)
                    yield reader.line_num, pick(stripped)[:-1]
                elif cells:
                    raise self.refusal(f"{len(cells)} values, {width} columns", reader.line_num)
        except csv.Error as error:
            raise self.refusal(f"it is not CSV: {error}", reader.line_num) from error

    def _json_rows(
        self, lines: IO[str], required: Sequence[str], optional: Sequence[str]
    ) -> Iterator[tuple[int, Values]]:
        names = (*required, *optional)
        for line, record in self._objects(lines):
            values: list[str | None] = []
            for name in names:
                value = record.get(name)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    value = str(value)
                if value is not None and not isinstance(value, str):
                    raise self.refusal(f'"{name}" is {value!r}, which is no text', line)
                values.append(value and value.strip())
            yield line, tuple(values)

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
