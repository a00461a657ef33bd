"""`hustings simulate`: whole studies through the services of live raters, on either database."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from studies.models import Study
from tests.cast import make_electorate
from tests.simulate.cast import make_study

pytestmark = pytest.mark.django_db


def simulate(*arguments: str) -> str:
    printed = StringIO()
    call_command("simulate", "--study", "play", *arguments, stdout=printed)
    return printed.getvalue()


def test_the_command_prints_a_table() -> None:
    make_study(electorate=make_electorate())
    text = simulate("--raters", "12", "--group-sd", "0.2", "--group-sd", "age=0.6")
    assert text.startswith("play: 12 simulated raters, 36 battles, 72 verdicts added in")
    lines = text.splitlines()
    heads = [line.split()[0] for line in lines if line]
    assert {"dimension", "overall", "warmth"} <= set(heads)
    assert sum("4 groups' own" in line for line in lines) == 2
    assert "Share of the battles:" in text
    again = simulate("--raters", "12", "--group-sd", "0.2", "--group-sd", "age=0.6")
    assert again.startswith("play: 0 simulated raters, 0 battles, 0 verdicts added in")
    assert "12 raters of this seed had been there before." in again


def test_the_command_prints_json() -> None:
    make_study()
    report = json.loads(simulate("--raters", "5", "--policy", "random", "--format", "json"))
    assert (report["study"], report["policy"], report["seed"]) == ("play", "random", 1)
    assert report["progress"]["completed"] == 5
    assert [each["dimension"] for each in report["dimensions"]] == ["overall", "warmth"]
    assert report["dimensions"][0]["groups"] is None
    assert 0 <= report["dimensions"][0]["overall"]["coverage"] <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--group-sd", "size=0.3"], 'no axis "size"'),
        (["--group-sd", "much"], "no standard deviation"),
        (["--careless", "2"], "share of the raters"),
        (["--raters", "0"], "at least one rater"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(arguments: list[str], words: str) -> None:
    make_study(electorate=make_electorate())
    with pytest.raises(CommandError, match=words):
        simulate("--raters", "3", *arguments)
    assert Study.objects.get().state == Study.State.DRAFT
