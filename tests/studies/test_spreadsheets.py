"""Cells that a spreadsheet would compute are guarded, and every text comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.spreadsheets import FORMULA_SIGNS, guarded, unguarded

NASTY = (
    "=1+1", "+44 20 7946", "-cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\rx", "\nx", "  =x", "'=x",
    "''=x", "'", "''", "'x", "'-5", "＝x", "plain", "", "-", "5-3", " ", "=", '"=x"', "a\n=b",
)  # fmt: skip
TEXTS = st.text(alphabet=st.sampled_from("'= +-@\t\rx5.e＝")) | st.text()


@pytest.mark.parametrize("text", NASTY)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not guarded(text).lstrip(" ").startswith(tuple(FORMULA_SIGNS))


@pytest.mark.parametrize("number", ["-5", "+5", "-0.25", "-1e-05", "+12.5E+3"])
def test_a_number_with_its_sign_is_none(number: str) -> None:
    assert guarded(number) == number


@given(TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(TEXTS, min_size=1))
def test_every_text_comes_back_through_a_file(texts: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow(map(guarded, texts))
    file.seek(0)
    (row,) = csv.reader(file)
    assert [unguarded(cell) for cell in row] == texts
