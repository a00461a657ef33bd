"""The forms of file that answers are read from: our own, and those of public data sets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from raters.errors import ImportRefusedError
from raters.imports.answers import RATINGS, VERDICTS, Kind
from raters.imports.lmarena import is_lmarena, read_lmarena
from raters.imports.mt_bench import is_mt_bench, read_mt_bench
from raters.imports.plain import COMPARED, OPTIONAL, RATED, Rows, read_plain, read_ratings
from raters.imports.prism import is_prism, read_prism
from raters.imports.reading import TableFile
from raters.imports.wmt import is_wmt, read_wmt


@dataclass(frozen=True)
class Format:
    """A form of file: how it is recognised by its columns, how it is read, and what it holds."""

    is_like: Callable[[frozenset[str]], bool]
    read: Callable[[TableFile], Rows]
    kind: Kind = VERDICTS


# By the columns that they must have.
OUR_OWN: Final = {"plain": COMPARED, "ratings": RATED}
# What looks like several is the first of them.
FORMATS: Final = {
    "plain": Format(frozenset(COMPARED).issubset, read_plain),
    "ratings": Format(frozenset(RATED).issubset, read_ratings, RATINGS),
    "lmarena": Format(is_lmarena, read_lmarena),
    "mt-bench": Format(is_mt_bench, read_mt_bench),
    "prism": Format(is_prism, read_prism),
    "wmt": Format(is_wmt, read_wmt),
}


def format_of(file: TableFile, form: str = "") -> Format:
    """The format of this name, or the one that a file looks like.

    What looks like none is refused as that form of our own would refuse it which it has more
    columns of. Raises ImportRefusedError.
    """
    header = frozenset(file.header)
    if form and form not in FORMATS:
        known = ", ".join(FORMATS)
        raise ImportRefusedError(f'the format "{form}" is unknown; there are: {known}')
    found = form or next((name for name, each in FORMATS.items() if each.is_like(header)), "")
    found = found or max(OUR_OWN, key=lambda name: len(header & {*OUR_OWN[name]}))
    if found in OUR_OWN:
        file.require(OUR_OWN[found], OPTIONAL)
    elif not FORMATS[found].is_like(header):
        has = ", ".join(file.header) or "none"
        raise file.refusal(f"its columns are not those of {form}; it has: {has}", 1)
    return FORMATS[found]
