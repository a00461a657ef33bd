"""Positions, tiers and marks of tables; and a CSV that is only data."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.models import BoardSection
from leaderboards.pages.files import ROW_COLUMNS, table_csv
from leaderboards.pages.tables import Scale, overview, table
from tests.leaderboards.pages.rows import rated, row

SCORES = st.floats(-50, 50)
WIDTHS = st.floats(0, 10)


def length(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1])


@given(st.lists(st.tuples(SCORES, WIDTHS), min_size=1, max_size=8))
def test_every_interval_lies_on_the_axis_and_ticks_are_few(
    intervals: list[tuple[float, float]],
) -> None:
    rows = [
        row("Ash", k, k, k, score=score, score_low=score - width, score_high=score + width)
        for k, (score, width) in enumerate(intervals, start=1)
    ]
    scale = Scale.of(rows)
    for each in rows:
        low, middle, high = map(scale.position, (each.score_low, each.score, each.score_high))
        assert 0 <= length(low) <= length(middle) <= length(high) <= 100
    assert 0 <= length(scale.average_position) <= 100
    assert 1 <= len(scale.ticks) <= 6
    assert all(0 <= length(tick.position) <= 100 for tick in scale.ticks)


def test_ticks_are_round_numbers() -> None:
    rows = [row("Ash", 1, 1, 1, score=1.0), row("Fir", 2, 2, 2, score=-1.0)]
    scale = Scale.of(rows)
    assert [tick.label for tick in scale.ticks] == ["−1", "0", "1"]
    assert scale.ticks[1].position == scale.average_position == "50.00%"


def test_ticks_of_ratings_end_where_the_scale_does() -> None:
    rows = [rated("Ash", 1, 1, 1, score=6.8, score_high=7.0), rated("Elder", 2, 2, 2, score=1.2)]
    assert [tick.label for tick in Scale.of(rows).ticks] == ["2", "4", "6"]
    top = Scale.of([rated("Ash", 1, 1, 1, score=6.98, score_low=6.94, score_high=7.0)])
    assert top.high > 7
    assert top.ticks[-1].label == "7.00"


def test_a_row_of_ratings_has_a_mean_and_no_ties() -> None:
    shown = table([rated("Ash", 1, 1, 1, score=5.418)])
    assert shown is not None
    assert shown.is_of_ratings
    (only,) = shown.rows
    assert (only.mean, only.ties, only.battles) == ("5.42", None, 10)
    assert only.score.replace("\N{NO-BREAK SPACE}", " ") == (
        "Mean rating 5.42, 95 % interval 4.92 to 5.92"
    )


def test_a_strong_line_begins_each_tier() -> None:
    shown = table([row("Ash", 1, 1, 1), row("Fir", 2, 2, 3), row("Oak", 3, 2, 3)])
    assert shown is not None
    assert [each.begins_tier for each in shown.rows] == [True, True, False]


def test_no_rows_make_no_table() -> None:
    assert table([]) is None
    assert overview([], [BoardSection(pk=1)], {}) is None


def test_shifts_are_marked_only_where_rank_intervals_do_not_meet() -> None:
    overall = [row("Ash", 1, 1, 2), row("Fir", 2, 1, 2), row("Oak", 3, 3, 4), row("Yew", 4, 3, 4)]
    young = [row("Yew", 1, 1, 2), row("Oak", 2, 2, 4), row("Fir", 3, 2, 4), row("Ash", 4, 3, 4)]
    section = BoardSection(pk=7, axis_name="Age", group_key="young", group_name="Young", raters=9)
    shown = overview(overall, [section], {7: young})
    assert shown is not None
    marks = {each.name: each.cells[0].mark for each in shown.rows if each.cells[0]}
    assert marks == {"Ash": "▼3", "Fir": "", "Oak": "", "Yew": "▲3"}
    assert shown.rank_shift == 2.0
    hints = [each.cells[0].hint for each in shown.rows if each.cells[0]]
    assert hints[-1] == "3 places higher than overall"


def test_a_group_without_a_ranking_leaves_its_cells_empty() -> None:
    section = BoardSection(pk=7, axis_name="Age", group_key="young", group_name="Young", raters=0)
    shown = overview([row("Ash", 1, 1, 1)], [section], {7: []})
    assert shown is not None
    assert shown.rows[0].cells == (None,)
    assert shown.rank_shift == 0.0


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_no_cell_of_the_csv_is_a_formula(sign: str) -> None:
    evil = row("Ash", 1, 1, 2)
    evil.name, evil.developer = f'{sign}HYPERLINK("https://x.test","you")', f" {sign}1+1"
    (read,) = csv.DictReader(io.StringIO(table_csv([evil]), newline=""))
    assert read["name"] == f"'{evil.name}"
    assert read["developer"] == f"'{evil.developer}"


def test_numbers_of_the_csv_stay_numbers() -> None:
    (read,) = csv.DictReader(io.StringIO(table_csv([row("Ash", 1, 1, 2, score=-0.25)]), newline=""))
    assert list(read) == list(ROW_COLUMNS)
    assert float(read["score"]) == -0.25
    assert (read["rank_low"], read["rank_high"], read["battles"]) == ("1", "2", "10")
