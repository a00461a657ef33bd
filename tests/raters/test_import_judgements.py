"""What a judge said elsewhere comes in from a file: all of it, or nothing."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from raters.models import Battle, Judge, Judgement, JudgeRun, JudgeVerdict, Verdict
from raters.services.judge_runs import next_version
from studies.models import Study

PEOPLE = """rater,model_a,model_b,outcome,battle,conversation
ann,Cedar,Elm,a,1,talk
bob,Elm,Cedar,b,1,talk
ann,Elm,Rowan,tie,2,
"""
HEADER = "conversation,model_a,model_b,outcome,order"
Write = Callable[..., Path]
pytestmark = pytest.mark.django_db


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "judge.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def study(write: Write) -> Study:
    """A study of three battles, of which two raters' are one conversation, its sides exchanged."""
    path = write(PEOPLE, "people.csv")
    call_command("import_comparisons", str(path), "--study", "s", "--create", stdout=StringIO())
    return Study.objects.get(slug="s")


def run(path: Path, *options: str, judge: str = "Owl") -> str:
    out = StringIO()
    command = ("import_judgements", str(path), "--study", "s", "--judge", judge, *options)
    call_command(*command, stdout=out)
    return out.getvalue()


def everything() -> list[int]:
    models = (Judge, JudgeRun, Judgement, JudgeVerdict, Verdict, Battle)
    return [model._default_manager.count() for model in models]


def refused(path: Path, *options: str, judge: str = "Owl") -> str:
    before = everything()
    with pytest.raises(CommandError) as error:
        run(path, *options, judge=judge)
    assert everything() == before
    return str(error.value)


def test_a_conversation_is_named_by_the_comparisons(study: Study) -> None:
    named = Battle.objects.order_by("pk").values_list("conversation", flat=True)
    assert sorted(named) == ["", "talk", "talk"]


def test_a_battle_does_not_change_its_conversation(study: Study, write: Write) -> None:
    path = write(PEOPLE.replace("1,talk\nbob", "1,walk\nbob"), "people.csv")
    with pytest.raises(CommandError, match='line 2: battle "1" of rater "ann" stands already'):
        call_command("import_comparisons", str(path), "--study", "s")
    path.write_text(PEOPLE.replace("conversation", "note"))
    out = StringIO()
    call_command("import_comparisons", str(path), "--study", "s", stdout=out)
    assert "nothing new" in out.getvalue()


def test_a_battle_in_two_conversations_is_refused(study: Study, write: Write) -> None:
    rows = "cat,Elm,Cedar,a,9,one\ncat,Elm,Cedar,a,9,two\n"
    path = write(PEOPLE + rows, "people.csv")
    with pytest.raises(
        CommandError, match=r"line 6: .* of another conversation on an earlier line"
    ):
        call_command("import_comparisons", str(path), "--study", "s")


def test_verdicts_hang_on_the_first_battle_of_a_conversation(study: Study, write: Write) -> None:
    said = run(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n"), "--developer", "Woods")
    assert said == (
        "s: 1 row read; added: 1 verdict of the new judge Owl on 1 conversation, "
        "0 abstentions among them, as run 1.\n"
    )
    verdict = JudgeVerdict.objects.get()
    first = Battle.objects.filter(conversation="talk").order_by("pk").first()
    assert verdict.judgement.battle == first
    assert first is not None
    # The battle may have its sides the other way round: the winner stays Cedar.
    assert (verdict.outcome == "a") == (first.side_a.name == "Cedar")
    judge = Judge.objects.get()
    assert (judge.protocol, judge.settings) == (Judge.IMPORTED, {"developer": "Woods"})
    run_ = JudgeRun.objects.get()
    assert (run_.state, run_.selection) == (JudgeRun.State.FINISHED, "imported from judge.csv")
    assert Verdict.objects.count() == 3


def test_sides_the_other_way_round_are_turned_with_all_that_is_said(
    study: Study, write: Write
) -> None:
    header = f"{HEADER},certainty,p_a,p_tie,p_b,score_a,score_b,cost,seconds,reason"
    values = "0.8,0.7,0.2,0.1,4,2,0.01,1.5,Kind."
    run(write(f"{header}\ntalk,Cedar,Elm,a,ab,{values}\n"), judge="One")
    turned = "0.8,0.1,0.2,0.7,2,4,0.01,1.5,Kind."
    run(write(f"{header}\ntalk,Elm,Cedar,b,ba,{turned}\n"), judge="Other")
    one, other = (
        JudgeVerdict.objects.filter(judgement__run__judge__name=name).values(
            "outcome", "certainty", "p_a", "p_tie", "p_b", "score_a", "score_b", "samples", "reason"
        )
        for name in ("One", "Other")
    )
    assert list(one) == list(other)
    (sample,) = one[0]["samples"]
    assert (sample["cost"], sample["seconds"], sample["certainty"]) == (0.01, 1.5, 0.8)
    assert sample["key"] in {"order:ab/sample:1", "order:ba/sample:1"}


def test_orders_and_samples_become_one_verdict(study: Study, write: Write) -> None:
    header = "conversation,model_a,model_b,outcome,order,sample"
    rows = [
        "talk,Cedar,Elm,a,ab,1",
        "talk,Cedar,Elm,a,ab,2",
        "talk,Cedar,Elm,b,ba,1",
    ]
    assert "3 rows read; added: 1 verdict" in run(write("\n".join([header, *rows])))
    verdict = JudgeVerdict.objects.get()
    assert (verdict.outcome, verdict.orders_agree) == ("tie", False)
    assert len(verdict.samples) == 3


def test_a_judge_that_says_nothing_abstains(study: Study, write: Write) -> None:
    assert "1 abstention among them" in run(write(f"{HEADER}\ntalk,Cedar,Elm,,ab\n"))
    assert JudgeVerdict.objects.get().outcome == ""


def test_a_battle_is_named_by_its_rater_too(study: Study, write: Write) -> None:
    run(write("rater,battle,model_a,model_b,outcome\nann,2,Rowan,Elm,a\nbob,1,Cedar,Elm,a\n"))
    found = JudgeVerdict.objects.order_by("judgement__battle__key").values_list(
        "judgement__battle__conversation", "outcome"
    )
    assert sorted(found)[0] == ("", "b")
    assert {conversation for conversation, _ in found} == {"", "talk"}


def test_jsonl_with_numbers_and_long_reasons_comes_in(study: Study, write: Write) -> None:
    row = {
        "conversation": "talk", "model_a": "Cedar", "model_b": "Elm", "outcome": "a",
        "certainty": 0.9, "cost": 0.002, "reason": "Because. " * 100,
    }  # fmt: skip
    run(write(json.dumps(row), "judge.jsonl.gz"))
    verdict = JudgeVerdict.objects.get()
    assert verdict.certainty == 0.9
    assert verdict.samples[0]["reason"].startswith("Because.")


def test_the_same_again_adds_nothing(study: Study, write: Write) -> None:
    path = write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\ntalk,Cedar,Elm,a,ab\n")
    run(path)
    before = everything()
    assert run(path) == "s: 2 rows read, nothing new.\n"
    assert everything() == before


def test_a_file_that_has_grown_adds_to_the_same_run(study: Study, write: Write) -> None:
    run(write("rater,battle,model_a,model_b,outcome\nann,1,Cedar,Elm,a\n"))
    path = write("rater,battle,model_a,model_b,outcome\nann,1,Cedar,Elm,a\nann,2,Elm,Rowan,b\n")
    assert "added: 1 verdict of Owl on 1 conversation" in run(path)
    assert JudgeRun.objects.count() == 1
    assert Judgement.objects.count() == 2


def test_a_dry_run_reports_without_writing(study: Study, write: Write) -> None:
    before = everything()
    said = run(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n"), "--dry-run")
    assert "would be added: 1 verdict" in said
    assert everything() == before


BAD_ROWS = {
    "a conversation that no battle has": (
        "walk,Cedar,Elm,a,ab", 'no battle of s is conversation "walk"',
    ),
    "a pair that no battle has": ("talk,Cedar,Rowan,a,ab", 'between "Cedar" and "Rowan"'),
    "an unknown outcome": (
        "talk,Cedar,Elm,left,ab", 'outcome "left" is unknown; there are: a, tie, b',
    ),
    "an unknown order": ("talk,Cedar,Elm,a,AB", 'order "AB" is unknown'),
    "an unknown model": ("talk,Cedar,Oak,a,ab", 'no contestant "Oak"'),
    "a model against itself": ("talk,Elm,Elm,a,ab", "compared with itself"),
    "no conversation": (",Cedar,Elm,a,ab", "names no conversation"),
    "two verdicts of one order": ("talk,Cedar,Elm,b,ab", "line 2 says something else"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "what"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_input_names_file_and_line(study: Study, write: Write, row: str, what: str) -> None:
    message = refused(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n{row}\n"))
    assert message.startswith("judge.csv, line 3: ")
    assert what in message


BAD_NUMBERS = {
    "certainty": ("1.5", 'certainty "1.5" is not a number from 0 to 1'),
    "cost": ("-1", 'cost "-1" is not a number from 0'),
    "seconds": ("nan", 'seconds "nan" is not a number'),
    "score_a": ("good", 'score_a "good" is not a number'),
    "p_a": ("0.5", "p_a, p_tie and p_b are three that add up to 1"),
    "dimension": ("warmth", 'has no dimension "warmth"; it has: overall'),
}


@pytest.mark.parametrize(
    ("column", "value", "what"), [(name, *given) for name, given in BAD_NUMBERS.items()]
)
def test_a_value_that_is_none_names_its_line(
    study: Study, write: Write, column: str, value: str, what: str
) -> None:
    message = refused(write(f"{HEADER},{column}\ntalk,Cedar,Elm,a,ab,{value}\n"))
    assert message.startswith("judge.csv, line 2: ")
    assert what in message


def test_columns_that_are_needed_are_named(study: Study, write: Write) -> None:
    path = write("conversation,model_a,model_b\ntalk,Cedar,Elm\n")
    assert 'line 1: there is no column "outcome"' in refused(path)
    assert "line 1: it names no conversation" in refused(write("model_a,model_b,outcome\n"))
    assert 'did you mean "order"?' in refused(write(f"{HEADER}s\ntalk,Cedar,Elm,a,ab\n"))


def test_a_verdict_is_never_changed_by_another_file(study: Study, write: Write) -> None:
    run(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n"))
    message = refused(write(f"{HEADER}\ntalk,Cedar,Elm,b,ab\n"))
    assert message.startswith("judge.csv, line 2: the judge has said something else")


def test_a_judge_that_is_asked_here_is_not_imported(study: Study, write: Write) -> None:
    next_version("Owl", protocol="pairwise", settings={}, at=timezone.now())
    message = refused(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n"))
    assert "give verdicts from elsewhere another name" in message


def test_a_judge_does_not_change_its_developer(study: Study, write: Write) -> None:
    path = write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n")
    run(path, "--developer", "Woods")
    assert "made by Woods" in refused(path, "--developer", "Fields")


def test_an_archived_study_takes_no_more(study: Study, write: Write) -> None:
    Study.objects.filter(pk=study.pk).update(state=Study.State.ARCHIVED)
    assert "archived" in refused(write(f"{HEADER}\ntalk,Cedar,Elm,a,ab\n"))


def test_the_command_exits_with_2_and_one_line(tmp_path: Path) -> None:
    command = ("import_judgements", "none.csv", "--study", "s", "--judge", "Owl")
    done = subprocess.run(
        [sys.executable, "-m", "hustings", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "hustings: none.csv: there is no such file\n"
