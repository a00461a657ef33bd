"""Builds an export's archive: one ZIP file, written as a stream.

The same data under the same export and time give the same bytes.
"""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Final

from leaderboards.exports import columns, rows
from leaderboards.exports.citation import citation_cff, datacite_json
from leaderboards.exports.columns import Column, Table
from leaderboards.exports.datasheet import Collected, datasheet
from leaderboards.exports.design import design_json
from leaderboards.exports.people import People
from leaderboards.exports.rows import Row
from leaderboards.exports.writing import Sink, Value, write_rows
from leaderboards.models import Board, Export
from studies.models import Study

# The earliest day that the format knows: an archive says by itself when it was built.
DATE: Final = (1980, 1, 1, 0, 0, 0)
REPORT_EVERY: Final = 2_000
Rows = dict[str, int]
OnProgress = Callable[[Rows], object]
README: Final = """\
Data of the study {slug}, exported by Hustings: codebook.csv explains every column.
datasheet.md says whose data these are, and what was left out; CITATION.cff how to cite them.
`hustings import_comparisons` reads this archive back; SHA256SUMS has the digest of every file.
"""


def write_archive(
    export: Export, file: IO[bytes], *, at: datetime, on_progress: OnProgress = lambda _rows: None
) -> Rows:
    """Write the archive of what stood at a time; returns how many rows each of its files has.

    `on_progress` is told the counts so far now and then, and may raise to stop it. Raises
    ExportError where the format can't be written here.
    """
    people = People.of(export)
    with zipfile.ZipFile(file, "w") as opened:
        archive = _Archive(opened, export.format, on_progress)
        archive.add("README.txt", README.format(slug=export.study.slug))
        archive.add("study.json", _as_json(design_json(export)))
        tables = [*_tables(people, until=at)]
        for table, found in tables:
            archive.add_rows(table, found)
        for board in export.study.boards.order_by("taken_at", "pk").values_list("pk", flat=True):
            packed = Board.objects.values_list("document", flat=True).get(pk=board)
            archive.add(f"boards/{board}.json", gzip.decompress(bytes(packed)))
        archive.add_codebook([table for table, _ in tables])
        collected = Collected.of(people)
        archive.add("datasheet.md", datasheet(people, collected, archive.rows, at=at))
        archive.add("CITATION.cff", citation_cff(export, at=at))
        cited = datacite_json(export, at=at, collected=collected.span)
        archive.add("datacite.json", _as_json(cited))
        archive.add("SHA256SUMS", archive.sums)
    return archive.rows


def _tables(people: People, *, until: datetime) -> Iterator[tuple[Table, Iterable[Row]]]:
    study = people.study
    if study.protocol == Study.Protocol.SINGLE:
        yield columns.ratings(study), rows.rating_rows(people, until=until)
    else:
        yield columns.comparisons(study), rows.verdict_rows(people, until=until)
    yield columns.raters(people.axes), rows.rater_rows(people)
    yield columns.CONVERSATIONS, rows.conversation_rows(people, until=until)
    yield columns.judgements(study), rows.judgement_rows(people, until=until)
    yield columns.BOARDS, rows.board_rows(study)


def _as_json(document: dict[str, Any]) -> str:
    return f"{json.dumps(document, indent=1, ensure_ascii=False)}\n"


@dataclass
class _Archive:
    """A ZIP file that is being written, with the digest of each of its files."""

    opened: zipfile.ZipFile
    form: str
    on_progress: OnProgress
    rows: Rows = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> str:
        """The digests as `sha256sum --check` reads them."""
        return "".join(f"{digest}  {name}\n" for name, digest in sorted(self._digests.items()))

    def add(self, name: str, content: str | bytes) -> None:
        with self._entry(name) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)

    def add_rows(self, table: Table, found: Iterable[Row]) -> None:
        """Add a file of rows, in the export's format."""
        self.rows[table.name] = 0
        with self._entry(f"{table.name}.{self.form}") as stream:
            write_rows(self.form, table.columns, self._counted(table.name, found), stream)
        self.on_progress(self.rows)

    def add_codebook(self, tables: Iterable[Table]) -> None:
        """Add what every column of the tables says; always as CSV, for people."""
        told = [
            (f"{table.name}.{self.form}", *_told(column))
            for table in tables
            for column in table.columns
        ]
        told += [("codebook.csv", *_told(column)) for column in columns.CODEBOOK.columns]
        with self._entry("codebook.csv") as stream:
            write_rows(Export.Format.CSV, columns.CODEBOOK.columns, told, stream)

    def _counted(self, name: str, found: Iterable[Row]) -> Iterator[Row]:
        for row in found:
            yield row
            self.rows[name] += 1
            if self.rows[name] % REPORT_EVERY == 0:
                self.on_progress(self.rows)

    @contextmanager
    def _entry(self, name: str) -> Iterator[Sink]:
        info = zipfile.ZipInfo(name, DATE)
        # Parquet packs its columns itself.
        is_packed = name.endswith(".parquet")
        info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        with self.opened.open(info, "w", force_zip64=True) as stream:
            sink = Sink(stream)
            yield sink
        self._digests[name] = sink.sha256.hexdigest()


def _told(column: Column) -> tuple[Value, ...]:
    return column.name, column.kind.value, column.meaning, column.values
