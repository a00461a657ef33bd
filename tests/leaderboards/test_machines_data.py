"""What is published of people and judges of real data, found again through commands and reports."""

import csv
import gzip
import json
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from leaderboards.comparison.figures import Figure
from leaderboards.facts import parse
from leaderboards.machines.documents import Machine
from leaderboards.machines.reports import comparison_subject
from leaderboards.reports import COMPARISON
from leaderboards.services.reports import ask_for_report, latest_report, write_report
from raters.models import JudgeRun
from studies.models import Study
from tests.data import data_file

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PEOPLE = ["rater", "model_a", "model_b", "outcome", "conversation"]
JUDGES = ["conversation", "model_a", "model_b", "outcome", "order"]
SIDES = {"left": "a", "right": "b", "tie": "tie"}


def written(path: Path, header: list[str], rows: Iterable[list[str]]) -> str:
    with gzip.open(path, "wt") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def computed(study: Study, judge: str) -> Machine:
    """The report of a judge's run on the overall dimension, by way of a worker's service."""
    found = JudgeRun.objects.get(study=study, judge__name=judge)
    subject = comparison_subject(found, study.dimensions.get(key="overall"))
    report = ask_for_report(study, COMPARISON, subject, at=timezone.now())
    write_report(report.pk, at=timezone.now())
    finished = latest_report(study, COMPARISON, subject)
    assert finished is not None
    finished.refresh_from_db()
    return parse(Machine, finished.document)


def imported(folder: Path, study: str, judge: str, rows: Iterable[list[str]]) -> str:
    file = written(folder / f"{judge}.csv.gz", JUDGES, rows)
    return run("import_judgements", file, "--study", study, "--judge", judge)


def holds(figure: Figure, published: float) -> bool:
    """Whether a figure of 70 % of the data is the published one, within its sampling error."""
    return figure.low <= published <= figure.high


def test_the_published_figures_of_llmfao_are_found_again(tmp_path: Path) -> None:
    with gzip.open(data_file("llmfao/human.csv.gz"), "rt") as file:
        people = [
            [r["worker"], r["model_x"], r["model_y"], SIDES[r["winner"]], r["pair"]]
            for r in csv.DictReader(file)
        ]
    with gzip.open(data_file("llmfao/judges.csv.gz"), "rt") as file:
        judges = [row for row in csv.DictReader(file) if row["crowd_prompt"] == "1"]
    votes = written(tmp_path / "human.csv.gz", PEOPLE, people)
    run("import_comparisons", votes, "--study", "llmfao", "--create")
    names = ("gpt-4", "gpt-3.5-turbo-instruct")
    for judge in names:
        rows = [
            [r["pair"], r["model_x"], r["model_y"], SIDES[r["winner"]], "ab"]
            for r in judges
            if r["judge"] == judge
        ]
        assert "1,490 verdicts" in imported(tmp_path, "llmfao", judge, rows)
        assert "nothing new" in imported(tmp_path, "llmfao", judge, rows)
    study = Study.objects.get(slug="llmfao")
    gpt4, gpt35 = (computed(study, name) for name in names)
    assert (gpt4.agreement.items, gpt4.agreement.votes) == (1_490, 6_215)
    assert holds(gpt4.order.spearman, 0.731)
    assert holds(gpt35.order.spearman, 0.716)
    assert holds(gpt4.agreement.with_majority, 0.446)
    assert holds(gpt4.agreement.kappa, 0.218)
    assert holds(gpt4.agreement.on_sides, 0.661)
    assert holds(gpt35.agreement.with_majority, 0.377)
    assert holds(gpt35.agreement.kappa, 0.102)
    assert holds(gpt35.agreement.on_sides, 0.616)
    assert gpt35.position is not None
    assert holds(gpt35.position.first_of_all, 0.63)
    # People agree with each other more than either judge does with them.
    assert gpt4.agreement.people_with_others.low > gpt4.agreement.with_others.high


def test_the_accuracy_of_pandalms_judges_is_found_again(tmp_path: Path) -> None:
    with gzip.open(data_file("judges/pandalm.jsonl.gz"), "rt") as file:
        items = [json.loads(line) for line in file]
    # An answer that says neither is an abstention, and no tie.
    sides = {"1": "a", "2": "b", "tie": "tie", "other": ""}
    people = [
        [f"annotator {n}", item["model_1"], item["model_2"], sides[said], str(item["id"])]
        for item in items
        for n, said in enumerate(item["humans"])
    ]
    votes = written(tmp_path / "human.csv.gz", PEOPLE, people)
    run("import_comparisons", votes, "--study", "pandalm", "--create")
    study = Study.objects.get(slug="pandalm")
    found = {}
    for judge in ("judge_gpt35", "judge_pandalm7b"):
        rows = (
            [str(item["id"]), item["model_1"], item["model_2"], sides[item[judge]], "ab"]
            for item in items
        )
        imported(tmp_path, "pandalm", judge, rows)
        found[judge] = computed(study, judge)
    assert holds(found["judge_pandalm7b"].agreement.with_majority, 0.668)
    gpt35 = found["judge_gpt35"]
    assert (gpt35.verdicts, gpt35.abstained) == (719, 44)
    share = gpt35.agreement.with_majority
    # As published, where what says neither is wrong.
    right = share.value * share.n / gpt35.verdicts
    assert abs(right - 0.693) < 1.96 * (right * (1 - right) / gpt35.verdicts) ** 0.5
