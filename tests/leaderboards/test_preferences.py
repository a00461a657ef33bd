"""Preferences for training: what was released, and nothing else."""

import csv
import io
import json
import zipfile
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from leaderboards.errors import NothingToExportError
from leaderboards.preferences import Format, Margin, Wanted, write_preferences
from leaderboards.scorer.errors import ScorerError
from raters.models import Battle, Participation, Reply, Turn
from raters.quality.personal import FEWEST_ALIKE
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from raters.services.quoting import hide_reason, take_words_back
from studies.models import AttentionCheck, Study
from tests.cast import NOW, make_admin
from tests.kept import kept
from tests.leaderboards.talked import make_talk, make_talked_study

CC: Any = {"licence": "CC BY 4.0"}
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study() -> Study:
    return kept(make_talked_study, raters=24, each=1, tie=0)


def export(study: Study, **wanted: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows, and what is to stand beside them."""
    file = StringIO()
    about = write_preferences(study, Wanted(**{**CC, **wanted}), file, at=NOW)
    assert about["sha256"] == sha256(file.getvalue().encode()).hexdigest()
    return [json.loads(line) for line in file.getvalue().splitlines()], about


def said_by(participation: Participation) -> str:
    return Turn.objects.get(battle__participation=participation).text


def prompts(rows: list[dict[str, Any]]) -> set[str]:
    return {row["prompt"][0]["content"] for row in rows}


def talk(participation: Participation, *, outcome: str, a: str, b: str, message: str) -> Battle:
    contestants = participation.study.contestants.order_by("slug")
    return make_talk(
        participation,
        contestants[0],
        contestants[1],
        key="9",
        message=message,
        replies=(a, b),
        tie=0,
        rng=np.random.default_rng(0),
        outcome=outcome,
    )


@pytest.mark.every_database
def test_each_verdict_is_a_row_of_what_was_chosen_and_rejected(study: Study) -> None:
    rows, about = export(study)
    assert len(rows) == about["rows"] == about["raters"] == 24
    for row in rows:
        chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        assert len(chosen) > len(rejected)
        assert [message["role"] for message in row["prompt"]] == ["user"]
        assert (row["dimension"], row["margin"], row["tie"]) == ("overall", 1.0, False)
        assert set(row) == {"dimension", "prompt", "chosen", "rejected", "margin", "tie"}
    assert (about["licence"], about["study"], about["is_simulated"]) == ("CC BY 4.0", "talk", True)
    assert about["electorate"] == str(study.electorate)


def test_later_messages_follow_with_each_side(study: Study) -> None:
    participation = study.participations.order_by("pk")[0]
    battle = talk(participation, outcome="b", a="No.", b="Yes.", message="Will it rain?")
    turn = Turn.objects.create(battle=battle, number=2, text="Sure?", created_at=NOW)
    for side, text in (("a", "No idea."), ("b", "Quite.")):
        Reply.objects.create(
            turn=turn, side=side, state="finished", text=text, due_at=NOW, finished_at=NOW
        )
    rows, _ = export(study)
    (row,) = [row for row in rows if row["prompt"][0]["content"] == "Will it rain?"]
    assert row["chosen"] == [
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Quite."},
    ]
    assert [message["content"] for message in row["rejected"]] == ["No.", "Sure?", "No idea."]


@pytest.mark.every_database
def test_only_what_was_released_and_counts_leaves_and_the_rest_is_counted(study: Study) -> None:
    kept, unreleased, excluded, withdrawn, struck, hidden, checked, tied = (
        study.participations.order_by("pk")[:8]
    )
    silent = {said_by(each) for each in (unreleased, excluded, withdrawn, struck, hidden, checked)}
    take_words_back(unreleased)
    exclude(excluded, reason="They clicked.", by=make_admin(), at=NOW)
    withdraw_and_erase(withdrawn, at=NOW)
    Participation.objects.filter(pk=struck.pk).update(state=Participation.State.STRUCK_OUT)
    hide_reason(Battle.objects.get(participation=hidden))
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    Battle.objects.filter(participation=checked).update(attention_check=check)
    talk(tied, outcome="tie", a="One.", b="Two.", message="Which?")
    rows, about = export(study)
    assert silent.isdisjoint(prompts(rows))
    assert said_by(kept) in prompts(rows)
    assert "Which?" not in prompts(rows)
    assert about["left_out"] == {
        "of attention checks": 1,
        "left out by exclusions": 2,
        "by raters who were struck out or withdrew": 1,
        "words not released by their raters": 1,
        "hidden by an admin": 1,
        "conversation not there": 0,
        "ties": 1,
    }
    assert len(rows) == 24 - 6


def test_no_words_leave_where_the_study_does_not_ask_for_them(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(asks_to_quote=False)
    study.refresh_from_db()
    with pytest.raises(NothingToExportError, match="does not ask raters"):
        export(study)


def test_names_of_models_and_numbers_are_masked(study: Study) -> None:
    participation = study.participations.order_by("pk")[0]
    talk(
        participation,
        outcome="a",
        a="I am Ash, made by Copse. Write to ann@example.org.",
        b="No.",
        message="Call me on 0171 555 1234, will you?",
    )
    rows, _ = export(study)
    text = json.dumps(rows)
    for secret in ("Ash,", "Copse", "ann@example.org", "555 1234"):
        assert secret not in text
    assert "Call me on [number hidden]" in text


def test_ties_are_marked_where_they_are_wanted(study: Study) -> None:
    participation = study.participations.order_by("pk")[0]
    talk(participation, outcome="tie", a="One.", b="Two.", message="Which?")
    rows, about = export(study, with_ties=True)
    (tie,) = [row for row in rows if row["tie"]]
    assert (tie["margin"], tie["chosen"][0]["content"]) == (0.0, "One.")
    assert "ties" not in about["left_out"]


def test_groups_are_named_only_where_enough_people_share_all_of_them() -> None:
    study = make_talked_study(raters=48, each=1, tie=0)
    rows, about = export(study, with_groups=True)
    assert str(FEWEST_ALIKE) in about["groups"]
    assert all(set(row["groups"]) == {"age", "sex"} for row in rows)
    assert study.electorate is not None
    cell = study.electorate.cells.order_by("pk").first()
    others = study.participations.filter(cell=cell).order_by("pk")[FEWEST_ALIKE - 1 :]
    elsewhere = study.electorate.cells.order_by("-pk").first()
    study.participations.filter(pk__in=[each.pk for each in others]).update(cell=elsewhere)
    rows, _ = export(study, with_groups=True)
    hers = study.participations.filter(cell=cell)
    said = {said_by(each) for each in hers}
    named = [row["groups"] for row in rows if row["prompt"][0]["content"] in said]
    assert len(named) == FEWEST_ALIKE - 1
    assert all(len(groups) == 1 for groups in named)


def test_rows_stand_in_an_order_that_does_not_tell_who_wrote_them(study: Study) -> None:
    rows, _ = export(study)
    in_turn = [said_by(each) for each in study.participations.order_by("pk")]
    shown = [row["prompt"][0]["content"] for row in rows]
    assert sorted(shown) == sorted(in_turn)
    assert shown != in_turn
    assert shown == [row["prompt"][0]["content"] for row in export(study)[0]]


def test_margins_of_a_scorer_need_one(study: Study) -> None:
    with pytest.raises(ScorerError, match="train one first"):
        export(study, margin=Margin.SCORER)


def test_a_csv_holds_the_same_and_no_formula(study: Study) -> None:
    file = StringIO()
    write_preferences(study, Wanted(form=Format.CSV, with_groups=True, **CC), file, at=NOW)
    rows = list(csv.DictReader(StringIO(file.getvalue())))
    plain, _ = export(study)
    assert [json.loads(row["chosen"]) for row in rows] == [row["chosen"] for row in plain]
    assert set(rows[0]) == {*plain[0], "age", "sex"}
    for row in rows:
        assert not any(cell.startswith(tuple("=+-@")) for cell in row.values())


def test_the_command_writes_the_rows_and_what_is_to_be_said_of_them(
    study: Study, tmp_path: Path
) -> None:
    out, said = tmp_path / "rows.jsonl", StringIO()
    given = ("--study", "talk", "--licence", "CC BY 4.0", "--dimension", "overall")
    call_command("export_preferences", str(out), *given, stdout=said)
    assert "24 rows by 24 raters; 0 verdicts left out" in said.getvalue()
    assert len(out.read_text().splitlines()) == 24
    about = json.loads((tmp_path / "rows.jsonl.about.json").read_text())
    assert about["sha256"] == sha256(out.read_bytes()).hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rows.jsonl",
        "rows.jsonl.about.json",
    ]


def test_the_command_writes_nothing_where_nothing_may_leave(study: Study, tmp_path: Path) -> None:
    out = str(tmp_path / "rows.jsonl")
    for given, words in (
        (("--licence", " "), "under which licence"),
        (("--licence", "CC0", "--dimension", "tact"), 'no dimension "tact"; it has: overall'),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("export_preferences", out, "--study", "talk", *given)
    assert not list(tmp_path.iterdir())


def test_the_admin_downloads_both_in_one_file(study: Study, client: Client) -> None:
    client.force_login(make_admin())
    address = reverse("admin:leaderboards_study_scorer_export", args=[study.pk])
    given = {"licence": "CC BY 4.0", "form": "jsonl", "margin": "one", "dimension": ""}
    answer = client.post(address, given)
    content = io.BytesIO(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    with zipfile.ZipFile(content) as archive:
        assert archive.namelist() == ["talk.jsonl", "about.json"]
        assert len(archive.read("talk.jsonl").splitlines()) == 24
        assert json.loads(archive.read("about.json"))["licence"] == "CC BY 4.0"


def test_the_admin_is_told_why_there_is_nothing(study: Study, client: Client) -> None:
    client.force_login(make_admin())
    address = reverse("admin:leaderboards_study_scorer_export", args=[study.pk])
    given = {"licence": "CC0", "form": "jsonl", "margin": "scorer", "dimension": ""}
    told = client.post(address, given, follow=True).content.decode()
    assert "There is no scorer of this study yet" in told
    told = client.post(address, given | {"licence": ""}, follow=True).content.decode()
    assert "Say under which licence" in told
