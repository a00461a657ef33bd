"""Cells of CSV files that a spreadsheet would take for formulas: guarded, and read back. Pure.

An apostrophe before a cell makes a spreadsheet take it for text. A text that begins with
apostrophes and then a sign of formulas gets one more, so that nothing is lost on the way back.
"""

import re
from typing import Final

# What a spreadsheet takes for the beginning of a formula, in their full-width forms as well.
FORMULA_SIGNS: Final = "=+-@\t\r\n＝＋－＠"

_FORMULA: Final = re.compile(rf"'* *[{re.escape(FORMULA_SIGNS)}]")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def guarded(text: str) -> str:
    """The text as a cell that is no formula: an apostrophe before what begins like one.

    A number with its sign is none.
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made this cell of; any other cell as it stands."""
    is_guarded = cell.startswith("'") and _FORMULA.match(cell, 1)
    return cell[1:] if is_guarded else cell
