"""Ratings of one model at a time come in by the same command, and as strictly."""

import gzip
import json
from pathlib import Path

import pytest

from raters.models import Battle, Participation, Rating, Verdict
from raters.services.identities import ids_of
from studies.models import Study
from tests.raters.importing import ELECTORATE, RATERS, everything, refused, run, write_csv

HEADER = ["rater", "model", "score", "dimension", "battle", "created_at"]
ROWS = [
    ["ann", "Cedar", "7", "overall", "1", "2026-05-01T12:00:00Z"],
    ["ann", "Cedar", "4", "trust", "1", "2026-05-01T12:00:00Z"],
    ["ann", "Elm", "1", "overall", "2", "2026-05-01T12:05:00Z"],
    ["bob", "Rowan", "5", "overall", "1", "2026-05-01T11:00:00Z"],
]
COMPARISONS = [["rater", "model_a", "model_b", "outcome"], ["ann", "Cedar", "Elm", "a"]]

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of ratings."""
    return write_csv(tmp_path / "ratings.csv", [HEADER, *ROWS])


def stored() -> set[tuple[object, ...]]:
    """Who rated whom in which battle, on what, and how."""
    rows = Rating.objects.values_list(
        "battle__participation",
        "battle__side_a__name",
        "battle__key",
        "dimension__key",
        "score",
    )
    called = ids_of(Study.objects.get())
    return {(called[rater], *rest) for rater, *rest in rows}


def test_a_file_makes_a_study_that_rates_and_what_it_names(path: Path) -> None:
    said = run(path, "--create")
    assert (
        "4 rows read; added: 4 ratings in 3 battles, 2 raters, 3 contestants, 2 dimensions" in said
    )
    study = Study.objects.get(slug="s")
    assert study.protocol == Study.Protocol.SINGLE
    assert study.dimensions.get(is_overall=True).key == "overall"
    assert stored() == {
        ("ann", "Cedar", "1", "overall", 7),
        ("ann", "Cedar", "1", "trust", 4),
        ("ann", "Elm", "2", "overall", 1),
        ("bob", "Rowan", "1", "overall", 5),
    }
    assert not Battle.objects.filter(side_b__isnull=False).exists()
    assert not Verdict.objects.exists()


def test_ratings_are_kept_in_the_order_in_which_they_were_given_or_recorded(tmp_path: Path) -> None:
    rows = [[*row, ""] for row in ROWS]
    rows[2][-1] = "2026-05-01T10:00:00Z"
    run(write_csv(tmp_path / "ratings.csv", [[*HEADER, "recorded_at"], *rows]), "--create")
    scores = Rating.objects.order_by("recorded_at", "pk").values_list("score", flat=True)
    assert list(scores) == [1, 5, 7, 4]


def test_jsonl_gzip_and_parquet_give_the_same_as_csv(path: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    records = [dict(zip(HEADER, row, strict=True)) | {"score": int(row[2])} for row in ROWS]
    jsonl = tmp_path / "ratings.jsonl.gz"
    jsonl.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    parquet.write_table(pa.Table.from_pylist(records), tmp_path / "ratings.parquet")
    run(jsonl, "--create")
    assert len(stored()) == 4
    assert "nothing new" in run(tmp_path / "ratings.parquet")
    assert "nothing new" in run(path)
    assert "nothing new" in run(path, "--format", "ratings")


def test_again_it_adds_only_what_is_new(path: Path, tmp_path: Path) -> None:
    first = write_csv(tmp_path / "first.csv", [HEADER, *ROWS[:2], ROWS[1]])
    assert "3 rows read, 1 known already; added: 2 ratings in 1 battle," in run(first, "--create")
    said = run(path, "--create")
    assert "4 rows read, 2 known already; added: 2 ratings in 2 battles, 1 rater," in said
    before = everything()
    assert run(path) == "s: 4 rows read, nothing new.\n"
    assert everything() == before


def test_without_a_battle_column_each_line_is_a_battle_of_its_own(tmp_path: Path) -> None:
    rows = [["rater", "model", "score"], ["ann", "Cedar", "5"], ["ann", "Cedar", "6"]]
    run(write_csv(tmp_path / "ratings.csv", rows), "--create")
    assert Battle.objects.count() == 2
    assert "nothing new" in run(write_csv(tmp_path / "the-same.csv", rows))


def test_a_dry_run_reports_without_writing(path: Path) -> None:
    before = everything()
    assert "would be added: 4 ratings" in run(path, "--create", "--dry-run")
    assert everything() == before


def test_what_a_file_marks_as_excluded_stays_out(tmp_path: Path) -> None:
    rows = [[*row, "true" if row[0] == "ann" else "false"] for row in ROWS]
    path = write_csv(tmp_path / "ratings.csv", [[*HEADER, "is_excluded"], *rows])
    assert "4 rows read, 3 left out as excluded; added: 1 rating in 1 battle" in run(
        path, "--create"
    )
    assert stored() == {("bob", "Rowan", "1", "overall", 5)}


def test_raters_get_their_groups_from_a_file(path: Path, tmp_path: Path) -> None:
    options = ["--create", "--electorate", str(write_csv(tmp_path / "e.csv", ELECTORATE))]
    assert "has no group" in refused(path, *options)
    run(path, *options, "--raters", str(write_csv(tmp_path / "raters.csv", RATERS)))
    bob = Participation.objects.named_anywhere("bob").get()
    assert bob.cell is not None
    assert {group.name for group in bob.cell.groups.all()} == {"35+", "Male"}


BAD_ROWS = {
    "a score above the scale": ([["ann", "Elm", "8", "", "9", ""]], "line 2", "1, 2, 3, 4, 5, 6,"),
    "a score below the scale": ([["ann", "Elm", "0", "", "9", ""]], "line 2", 'score "0"'),
    "a score between two": ([*ROWS, ["ann", "Elm", "5.5", "", "9", ""]], "line 6", 'score "5.5"'),
    "an outcome for a score": ([["ann", "Elm", "a", "", "9", ""]], "line 2", 'score "a"'),
    "no score": ([["ann", "Elm", "", "", "9", ""]], "line 2", '"score" is empty'),
    "no model": ([["ann", "", "4", "", "9", ""]], "line 2", '"model" is empty'),
    "a date that is none": ([["ann", "Elm", "4", "", "9", "May"]], "line 2", '"May"'),
    "two scores of one battle": (
        [*ROWS, ["ann", "Cedar", "6", "overall", "1", ""]], "line 6", "has another score",
    ),
    "two models in one battle": (
        [*ROWS, ["ann", "Rowan", "6", "task", "1", ""]], "line 6", "is of another model",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "line", "what"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_input_names_file_and_line(
    tmp_path: Path, rows: list[list[str]], line: str, what: str
) -> None:
    message = refused(write_csv(tmp_path / "ratings.csv", [HEADER, *rows]), "--create")
    assert message.startswith(f"ratings.csv, {line}: ")
    assert what in message


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (["ann", "Cedar", "6", "overall", "1", ""], "has the rating 7 already, not 6; a rating is"),
        (["ann", "Elm", "7", "overall", "1", ""], "stands already, of another model"),
        (["ann", "Cedar", "7", "overall", "1", "tea"], "of no named conversation, not of"),
    ],
)
def test_a_rating_is_never_changed_by_another_file(
    path: Path, tmp_path: Path, row: list[str], what: str
) -> None:
    run(path, "--create")
    other = write_csv(tmp_path / "other.csv", [[*HEADER[:5], "conversation"], row])
    message = refused(other)
    assert message.startswith('other.csv, line 2: battle "1" of rater "ann" ')
    assert what in message


def test_without_create_nothing_unknown_comes_in(path: Path, tmp_path: Path) -> None:
    assert 'There is no study "s"' in refused(path)
    run(path, "--create")
    new = write_csv(tmp_path / "new.csv", [HEADER, ["ann", "Yew", "4", "", "7", ""]])
    assert refused(new).startswith('new.csv, line 2: the study s has no contestant "Yew"')


def test_a_study_takes_the_answers_of_its_own_protocol_alone(path: Path, tmp_path: Path) -> None:
    compared = write_csv(tmp_path / "comparisons.csv", COMPARISONS)
    run(path, "--create", study="rated")
    run(compared, "--create", study="compared")
    for options in ([], ["--create"]):
        assert refused(path, *options, study="compared") == (
            "ratings.csv: it holds ratings, and the study compared compares two models"
        )
        assert refused(compared, *options, study="rated") == (
            "comparisons.csv: it holds comparisons, and the study rated rates one model at a time"
        )


def test_a_missing_column_is_named_by_the_form_that_the_file_is_nearer_to(
    path: Path, tmp_path: Path
) -> None:
    run(path, "--create")
    for header, missing in (
        (["rater", "model", "points"], "score"),
        (["rater", "score"], "model"),
        (["rater", "model_a", "outcome"], "model_b"),
        (["who", "what"], "rater"),
    ):
        other = write_csv(tmp_path / "other.csv", [header, ["x"] * len(header)])
        assert refused(other).startswith(f'other.csv, line 1: there is no column "{missing}"')
    assert "it is empty" in refused(write_csv(tmp_path / "other.csv", []))


def test_a_misspelt_column_is_no_silent_default(tmp_path: Path) -> None:
    rows = [["rater", "model", "score", "dimention"], ["ann", "Cedar", "5", "trust"]]
    message = refused(write_csv(tmp_path / "ratings.csv", rows), "--create")
    assert 'did you mean "dimension"?' in message


def test_a_file_of_comparisons_is_not_read_as_ratings(tmp_path: Path) -> None:
    compared = write_csv(tmp_path / "comparisons.csv", COMPARISONS)
    message = refused(compared, "--create", "--format", "ratings")
    assert message.startswith('comparisons.csv, line 1: there is no column "model"')
