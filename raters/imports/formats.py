"""The forms of file that comparisons are read from: our own, and those of public data sets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from raters.errors import ImportRefusedError
from raters.imports.lmarena import is_lmarena, read_lmarena
from raters.imports.mt_bench import is_mt_bench, read_mt_bench
from raters.imports.plain import REQUIRED, Rows, read_plain
from raters.imports.prism import is_prism, read_prism
from raters.imports.reading import TableFile
from raters.imports.wmt import is_wmt, read_wmt


@dataclass(frozen=True)
class Format:
    """A form of file: how it is recognised by its columns, and read."""

    is_like: Callable[[frozenset[str]], bool]
    read: Callable[[TableFile], Rows]


def is_plain(header: frozenset[str]) -> bool:
    """Whether a file with these columns has our own form."""
    return header >= {*REQUIRED}


# What looks like several is the first of them.
FORMATS: Final = {
    "plain": Format(is_plain, read_plain),
    "lmarena": Format(is_lmarena, read_lmarena),
    "mt-bench": Format(is_mt_bench, read_mt_bench),
    "prism": Format(is_prism, read_prism),
    "wmt": Format(is_wmt, read_wmt),
}


def read_comparisons(file: TableFile, form: str = "") -> Rows:
    """Line numbers and comparisons of a file, by this format or the one that it looks like.

    What looks like none is refused as our own form would refuse it. Raises ImportRefusedError.
    """
    header = frozenset(file.header)
    if form and form not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImportRefusedError(f'the format "{form}" is unknown; there are: {known}')
    if form and form != "plain" and not FORMATS[form].is_like(header):
        has = ", ".join(file.header) or "none"
        raise file.refusal(f"its columns are not those of {form}; it has: {has}", 1)
    found = form or next((name for name, each in FORMATS.items() if each.is_like(header)), "plain")
    return FORMATS[found].read(file)
