"""Reads the file of an electorate, whichever of its forms it has."""

import gzip
import io
import zlib
from dataclasses import replace
from pathlib import Path

from studies.census.csv_format import parse_csv
from studies.census.errors import ElectorateError
from studies.census.specification import ElectorateSpec, key_for
from studies.census.toml_format import parse_toml

# A table of CELL_LIMIT cells takes some two megabytes; a packed file can unfold to anything.
SIZE_LIMIT = 20_000_000


def read_electorate(
    path: Path, *, slug: str | None = None, name: str | None = None
) -> ElectorateSpec:
    """The electorate of a .csv or .toml file in UTF-8, plain or packed as .gz.

    `slug` and `name` override what a TOML file says; a CSV file says neither, and where they
    are not given takes both from the file's name. Raises ElectorateError, which names the file
    and, where there is one, the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ElectorateError(
            f"the file can't be read: {error.strerror}", where=path.name, remedy="check its path"
        ) from error
    return parse_electorate(content, file_name=path.name, slug=slug, name=name)


def parse_electorate(
    content: bytes, *, file_name: str, slug: str | None = None, name: str | None = None
) -> ElectorateSpec:
    """As read_electorate, from the content of a file that was uploaded."""
    stem, _, form = file_name.casefold().removesuffix(".gz").rpartition(".")
    if form not in {"csv", "toml"}:
        raise ElectorateError(
            "this is no electorate",
            where=file_name,
            remedy="its name ends in .csv or .toml, or either with .gz",
        )
    text = _text(content, file_name)
    if form == "csv":
        return parse_csv(
            text,
            where=file_name,
            slug=key_for(stem) if slug is None else slug,
            name=stem if name is None else name,
        )
    spec = parse_toml(text, where=file_name)
    return replace(
        spec,
        slug=spec.slug if slug is None else slug,
        name=spec.name if name is None else name,
    )


def _text(content: bytes, file_name: str) -> str:
    if file_name.casefold().endswith(".gz"):
        content = _unpacked(content, file_name)
    if len(content) > SIZE_LIMIT:
        raise ElectorateError(
            f"more than {SIZE_LIMIT:,} bytes", where=file_name, remedy="merge groups, or drop axes"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ElectorateError(
            "this is not UTF-8", where=f"{file_name}, line {line}", remedy="save the file as UTF-8"
        ) from error


def _unpacked(content: bytes, file_name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(SIZE_LIMIT + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ElectorateError(
            f"the file can't be unpacked: {error}", where=file_name, remedy="pack it again"
        ) from error
