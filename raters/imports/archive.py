"""Reads back the archive of an export."""

import hashlib
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from raters.errors import ImportRefusedError
from raters.imports.answers import KINDS
from raters.imports.design import Design
from raters.imports.reading import CSV, JSONL, PARQUET

DESIGN: Final = "study.json"
SUMS: Final = "SHA256SUMS"
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class OpenedArchive:
    """An archive whose files lie unpacked, as long as it is open.

    `answers` are comparisons or ratings, by the protocol of its study. `raters` is None where
    their groups are not all told, or there are none.
    """

    design: Design
    answers: Path
    raters: Path | None


@contextmanager
def opened_archive(path: Path) -> Iterator[OpenedArchive]:
    """Unpack what of an archive is read, into a folder that goes again.

    Raises ImportRefusedError for what is no export, or is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="hustings-") as folder:
        yield _unpacked_from(path, Path(folder))


def _unpacked_from(path: Path, folder: Path) -> OpenedArchive:
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive, folder, path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ImportRefusedError(f"{path.name}: the archive is broken: {error}") from error
    except OSError as error:
        why = error.strerror or error
        raise ImportRefusedError(f"{path.name}: it cannot be read: {why}") from error


def _unpacked(archive: zipfile.ZipFile, folder: Path, where: str) -> OpenedArchive:
    names = set(archive.namelist())
    if not names >= {DESIGN, SUMS}:
        raise ImportRefusedError(f"{where}: this is no export: it has no {DESIGN} or no {SUMS}")
    sums = dict(line.split("  ", 1)[::-1] for line in _text(archive, SUMS).splitlines())

    def unpack(name: str) -> Path:
        path = folder / name
        with archive.open(name) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sums.get(name):
                raise ImportRefusedError(f"{where}: {name} is not as {SUMS} has it")
        return path

    def table(stem: str) -> Path:
        for suffix in (CSV, JSONL, PARQUET):
            if (name := f"{stem}{suffix}") in names:
                return unpack(name)
        raise ImportRefusedError(f"{where}: it holds no {stem}")

    design = Design.parse(unpack(DESIGN).read_text("utf-8"), where=f"{where}, {DESIGN}")
    has_groups = design.electorate is not None and not design.is_release
    return OpenedArchive(
        design=design,
        answers=table(KINDS[design.protocol].rows),
        raters=table("raters") if has_groups else None,
    )


def _text(archive: zipfile.ZipFile, name: str) -> str:
    file: IO[bytes]
    with archive.open(name) as file:
        return file.read().decode()
