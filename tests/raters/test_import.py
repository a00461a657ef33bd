"""Comparisons come in from a file: all of it, or nothing."""

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from raters.models import Battle, Participation, Verdict
from studies.models import Study
from studies.planning import allocate_quotas
from tests.data import data_file
from tests.raters.importing import ELECTORATE, RATERS, everything, refused, run, write_csv

HEADER = ["rater", "model_a", "model_b", "outcome", "dimension", "battle", "created_at"]
ROWS = [
    ["ann", "Cedar", "Elm", "a", "overall", "1", "2026-05-01T12:00:00Z"],
    ["ann", "Cedar", "Elm", "tie", "trust", "1", "2026-05-01T12:00:00Z"],
    ["ann", "Elm", "Rowan", "b", "overall", "2", "2026-05-01T12:05:00Z"],
    ["bob", "Rowan", "Cedar", "b", "overall", "1", "2026-05-01T11:00:00Z"],
]

Write = Callable[..., Path]
pytestmark = pytest.mark.django_db


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as a CSV file, plain or gzip by its name."""

    def write(rows: list[list[str]], name: str = "comparisons.csv") -> Path:
        return write_csv(tmp_path / name, rows)

    return write


def test_a_file_makes_study_contestants_dimensions_and_verdicts(write: Write) -> None:
    said = run(write([HEADER, *ROWS]), "--create")
    assert (
        "4 rows read; added: 4 verdicts in 3 battles, 2 raters, 3 contestants, 2 dimensions" in said
    )
    study = Study.objects.get(slug="s")
    assert [c.name for c in study.contestants.all()] == ["Cedar", "Elm", "Rowan"]
    assert study.dimensions.get(is_overall=True).key == "overall"
    verdict = Verdict.objects.get(dimension__key="trust")
    assert (verdict.outcome, verdict.battle.side_a.name) == ("tie", "Cedar")
    assert verdict.battle.created_at.isoformat() == "2026-05-01T12:00:00+00:00"


def test_verdicts_are_kept_in_the_order_in_which_they_were_given(write: Write) -> None:
    run(write([HEADER, *ROWS]), "--create")
    first = Verdict.objects.order_by("recorded_at", "pk").first()
    assert first is not None
    assert first.battle.participation.identity.recruiting_id == "bob"


def test_a_second_run_adds_nothing_and_says_so(write: Write) -> None:
    path = write([HEADER, *ROWS])
    run(path, "--create")
    before = everything()
    assert run(path) == "s: 4 rows read, nothing new.\n"
    assert everything() == before


def test_a_file_that_has_grown_adds_what_is_new(write: Write) -> None:
    run(write([HEADER, *ROWS[:2]]), "--create")
    said = run(write([HEADER, *ROWS]), "--create")
    assert "4 rows read, 2 known already; added: 2 verdicts in 2 battles, 1 rater," in said
    assert Verdict.objects.count() == 4


def test_without_a_battle_column_the_same_file_adds_nothing_twice(write: Write) -> None:
    rows = [["rater", "model_a", "model_b", "outcome"], *([["ann", "Cedar", "Elm", "a"]] * 3)]
    run(write(rows), "--create")
    assert Battle.objects.count() == 3
    assert "nothing new" in run(write(rows, "the-same.csv"))
    assert "added: 4 verdicts" in run(write([*rows, rows[1]], "another.csv"))


def test_a_row_that_is_there_twice_counts_once(write: Write) -> None:
    said = run(write([HEADER, *ROWS, ROWS[0]]), "--create")
    assert "5 rows read, 1 known already; added: 4 verdicts" in said


def test_one_battle_key_may_serve_several_raters(write: Write) -> None:
    run(write([HEADER, *ROWS]), "--create")
    assert Battle.objects.filter(key="1").count() == 2


def test_jsonl_and_gzip_give_the_same_as_csv(write: Write, tmp_path: Path) -> None:
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS]
    jsonl = tmp_path / "comparisons.jsonl.gz"
    jsonl.write_bytes(gzip.compress("\n".join(lines).encode()))
    run(jsonl, "--create")
    assert "nothing new" in run(write([HEADER, *ROWS], "comparisons.csv.gz"))
    assert "nothing new" in run(write([HEADER, *ROWS]))


def test_a_dry_run_reports_without_writing(write: Write) -> None:
    before = everything()
    assert "would be added: 4 verdicts" in run(write([HEADER, *ROWS]), "--create", "--dry-run")
    assert everything() == before


def test_raters_get_their_groups_from_a_file(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    options += ["--raters", str(write(RATERS, "raters.csv"))]
    run(write([HEADER, *ROWS]), *options)
    ann = Participation.objects.named_anywhere("ann").get()
    assert ann.cell is not None
    assert [group.name for group in ann.cell.groups.order_by("axis__position")] == [
        "18-34",
        "Female",
    ]
    assert ann.rater.code != "ann"
    assert "nothing new" in run(write([HEADER, *ROWS]), *options)


def test_a_shipped_electorate_is_named_by_its_slug(write: Write) -> None:
    raters = [
        ["rater", "age", "sex", "ethnicity", "party"],
        ["ann", "18-24", "Female", "Hispanic (any race)", "Democrat"],
        ["bob", "65+", "Male", "White (non-Hispanic)", "Independent"],
    ]
    panel = str(write(raters, "raters.csv"))
    run(write([HEADER, *ROWS]), "--create", "--electorate", "us-2023", "--raters", panel)
    electorate = Study.objects.get(slug="s").electorate
    assert electorate is not None
    assert electorate.cells.count() == 252


BAD_ROWS = {
    "an unknown outcome": (
        [*ROWS[:1], ["ann", "Cedar", "Elm", "left", "", "9", ""]], "line 3", '"left"',
    ),
    "an outcome in capitals": ([["ann", "Cedar", "Elm", "A", "", "9", ""]], "line 2", '"A"'),
    "a model against itself": ([["ann", "Cedar", "Cedar", "a", "", "9", ""]], "line 2", "itself"),
    "an empty rater": ([["", "Cedar", "Elm", "a", "", "9", ""]], "line 2", '"rater" is empty'),
    "too few values": ([["ann", "Cedar", "Elm", "a"]], "line 2", "4 values, 7 columns"),
    "a date that is none": ([["ann", "Cedar", "Elm", "a", "", "9", "May"]], "line 2", '"May"'),
    "a NUL": ([["a\0n", "Cedar", "Elm", "a", "", "9", ""]], "line 2", "NUL"),
    "a dimension that is no key": ([["ann", "Cedar", "Elm", "a", "a b", "9", ""]], "line 2", "a b"),
    "two outcomes of one battle": (
        [*ROWS, ["ann", "Cedar", "Elm", "b", "overall", "1", ""]], "line 6", "another outcome",
    ),
    "two pairs in one battle": (
        [*ROWS, ["ann", "Cedar", "Rowan", "b", "task", "1", ""]], "line 6", "other models",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "line", "what"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_input_names_file_and_line(
    write: Write, rows: list[list[str]], line: str, what: str
) -> None:
    message = refused(write([HEADER, *rows]), "--create")
    assert message.startswith(f"comparisons.csv, {line}: ")
    assert what in message


def test_a_missing_column_is_named(write: Write) -> None:
    message = refused(write([["rater", "model_a", "outcome"], ["ann", "Cedar", "a"]]), "--create")
    assert message.startswith('comparisons.csv, line 1: there is no column "model_b"')


def test_a_misspelt_column_is_no_silent_default(write: Write) -> None:
    rows = [["rater", "model_a", "model_b", "outcome", "dimention"], [*ROWS[0][:4], "trust"]]
    assert 'did you mean "dimension"?' in refused(write(rows), "--create")


def test_other_columns_are_left_alone(write: Write) -> None:
    rows = [["prompt", *HEADER], *(["hello", *row] for row in ROWS)]
    assert "added: 4 verdicts" in run(write(rows), "--create")


def test_an_empty_file_is_refused(write: Write) -> None:
    assert "it is empty" in refused(write([]), "--create")


def test_a_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv"
    path.write_bytes(b"rater,model_a,model_b,outcome\nann,Cedar,Elm,a\nzo\xeb,Cedar,Elm,a\n")
    assert refused(path, "--create").startswith("comparisons.csv, line 3: it is not UTF-8")


def test_a_truncated_gzip_names_the_last_line_that_could_be_read(write: Write) -> None:
    rows = [HEADER, *([f"rater-{n}", "Cedar", "Elm", "a", "", str(n), ""] for n in range(5000))]
    path = write(rows, "comparisons.csv.gz")
    path.write_bytes(path.read_bytes()[:-200])
    message = refused(path, "--create")
    assert message.startswith("comparisons.csv.gz, line ")
    assert "gzip" in message


def test_a_gzip_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv.gz"
    path.write_text("rater,model_a,model_b,outcome\n")
    assert "gzip" in refused(path, "--create")


def test_one_bad_line_at_the_end_of_many_leaves_nothing_behind(write: Write) -> None:
    good = [[f"rater-{n % 999}", "Cedar", "Elm", "a", "", str(n), ""] for n in range(50_000)]
    message = refused(write([HEADER, *good, ["zoe", "Cedar", "Elm", "?", "", "", ""]]), "--create")
    assert message.startswith("comparisons.csv, line 50002: ")


def test_a_broken_json_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "comparisons.jsonl"
    first = json.dumps(dict(zip(HEADER, ROWS[0], strict=True)))
    path.write_text(f'{first}\n{{"rater": \n')
    assert refused(path, "--create").startswith("comparisons.jsonl, line 2: it is not JSON")
    path.write_text(f"{first}\n[1]\n")
    assert "line 2: it is not a JSON object" in refused(path, "--create")
    path.write_text(first.replace('"a"', "null") + "\n")
    assert 'line 1: "outcome" is empty' in refused(path, "--create")


def test_a_rater_without_a_group_is_refused(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    message = refused(write([HEADER, *ROWS]), *options)
    assert message.startswith('comparisons.csv, line 2: the rater "ann" has no group')
    panel = write(RATERS[:2], "raters.csv")
    message = refused(write([HEADER, *ROWS]), *options, "--raters", str(panel))
    assert message.startswith('comparisons.csv, line 5: the rater "bob" has no group')


def test_a_group_that_the_electorate_has_not_is_named_with_those_it_has(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    panel = write([*RATERS[:2], ["bob", "young", "Male"]], "raters.csv")
    message = refused(write([HEADER, *ROWS]), *options, "--raters", str(panel))
    assert message.startswith('raters.csv, line 3: "young" is no group of age')
    assert "18-34, 35+" in message


def test_a_rater_in_two_groups_of_an_axis_is_refused(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    panel = write([*RATERS, ["ann", "35+", "Female"]], "raters.csv")
    message = refused(write([HEADER, *ROWS]), *options, "--raters", str(panel))
    assert message.startswith('raters.csv, line 4: the rater "ann"')


def test_a_rater_does_not_change_groups_between_imports(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    run(write([HEADER, *ROWS]), *options, "--raters", str(write(RATERS, "raters.csv")))
    panel = write([RATERS[0], ["ann", "35+", "Female"]], "other.csv")
    message = refused(write([HEADER, *ROWS]), "--raters", str(panel))
    assert message.startswith('other.csv, line 2: the rater "ann" is in the study already')


def test_a_verdict_is_never_changed_by_another_file(write: Write) -> None:
    run(write([HEADER, *ROWS]), "--create")
    other = [*ROWS[0][:3], "b", *ROWS[0][4:]]
    assert "has the verdict a already, not b" in refused(write([HEADER, other]))
    other = ["ann", "Cedar", "Rowan", *ROWS[0][3:]]
    assert "stands already, between other models" in refused(write([HEADER, other]))


def test_without_create_nothing_unknown_comes_in(write: Write) -> None:
    path = write([HEADER, *ROWS])
    assert 'There is no study "s"' in refused(path)
    run(path, "--create")
    new = write([HEADER, ["ann", "Cedar", "Yew", "a", "", "7", ""]])
    assert refused(new).startswith('comparisons.csv, line 2: the study s has no contestant "Yew"')
    new = write([HEADER, ["ann", "Cedar", "Elm", "a", "charm", "7", ""]])
    assert 'has no dimension "charm"' in refused(new)


def test_an_electorate_does_not_change_under_a_study(write: Write) -> None:
    run(write([HEADER, *ROWS]), "--create")
    message = refused(write([HEADER, *ROWS]), "--electorate", "us-2023")
    assert "has raters, and speaks for: no electorate" in message


def test_shares_that_do_not_add_up_to_one_are_refused(write: Write) -> None:
    rows = [*ELECTORATE[:2], ["age", "35+", "0.6", "a census"]]
    options = ["--create", "--electorate", str(write(rows, "electorate.csv"))]
    assert "add up to 0.9" in refused(write([HEADER, *ROWS]), *options)


def test_an_import_does_not_overfill_quotas(write: Write) -> None:
    options = ["--create", "--electorate", str(write(ELECTORATE, "electorate.csv"))]
    options += ["--raters", str(write(RATERS, "raters.csv"))]
    run(write([HEADER, *ROWS[:2]]), *options)
    allocate_quotas(Study.objects.get(slug="s"), raters=2, at=timezone.now())
    panel = [RATERS[0], *([name, "18-34", "Female"] for name in ("cat", "dan", "eve"))]
    rows = [[name, *ROWS[0][1:]] for name in ("cat", "dan", "eve")]
    message = refused(write([HEADER, *rows]), "--raters", str(write(panel, "more.csv")))
    assert message.startswith("comparisons.csv: the quotas of the study s have no place")


def test_the_command_exits_with_2_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hustings", "import_comparisons", "none.csv", "--study", "s"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "hustings: none.csv: there is no such file\n"


def test_the_votes_of_llmfao_come_in(write: Write) -> None:
    outcomes = {"left": "a", "right": "b", "tie": "tie"}
    with gzip.open(data_file("llmfao/human.csv.gz"), "rt") as file:
        rows = [
            [row["worker"], row["model_x"], row["model_y"], outcomes[row["winner"]], row["pair"]]
            for row in csv.DictReader(file)
        ]
    path = write([["rater", "model_a", "model_b", "outcome", "battle"], *rows], "human.csv.gz")
    said = run(path, "--create", study="llmfao")
    assert "6,215 rows read; added: 6,215 verdicts" in said
    assert "59 contestants" in said
    assert "nothing new" in run(path, study="llmfao")
