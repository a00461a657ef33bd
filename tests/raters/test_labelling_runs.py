"""Runs of judges that label: labels, no verdicts, and canaries that see who obeys."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leaderboards.machines.asking import ask_for_missing_reports
from leaderboards.machines.runs import runs_of
from leaderboards.models import Report
from leaderboards.reports import LABELS
from raters.judging.labels import GOAL, label_specs
from raters.models import Battle, JudgeLabel, Judgement, JudgeRun, JudgeVerdict
from raters.services.erasing import withdraw_and_erase
from raters.services.judge_runs import start_run
from studies.models import Study
from tests.cast import make_admin
from tests.chat_server import ChatServer, Talk
from tests.raters.judging_study import judged_battle, make_judge, make_judged_study
from tests.raters.live import server as server  # a fixture
from tests.raters.test_judge_runs import run_to_its_end

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db: None) -> Study:
    study = make_judged_study(battles=0)
    for seed in range(2):
        judged_battle(study, seed=seed, b="Well.")
    return study


def answer(**values: str) -> Talk:
    """An answer about a side, with these values."""
    said = {key: {"reason": "So.", "value": value} for key, value in values.items()}
    return Talk((json.dumps(said),))


def labels_of(run: JudgeRun) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for label in JudgeLabel.objects.filter(judgement__run=run, judgement__canary=""):
        found.setdefault(f"{label.key}/{label.side}", set()).add(label.value)
    return found


def test_a_run_labels_every_battle_and_both_sides_and_gives_no_verdict(study: Study) -> None:
    run = run_to_its_end(start_run(make_judge(protocol="labels"), study, at=timezone.now()))
    assert run.state == JudgeRun.State.FINISHED, run.reason
    assert not JudgeVerdict.objects.filter(judgement__run=run).exists()
    found = labels_of(run)
    wanted = {f"{spec.key}/{side}" for spec in label_specs()
              for side in ("ab" if spec.is_of_side else " ")}  # fmt: skip
    assert {key.rstrip() for key in found} == {key.strip() for key in wanted}
    # The better replies take up what was asked; the others are one word of no use.
    assert (found[f"{GOAL}/a"], found[f"{GOAL}/b"]) == ({"partly"}, {"no"})
    assert JudgeLabel.objects.filter(judgement__run=run, judgement__canary="").count() == 2 * 8


def test_a_jury_labels_by_its_majority(study: Study) -> None:
    judge = make_judge(protocol="labels", jury=3)
    run = run_to_its_end(start_run(judge, study, at=timezone.now()))
    assert run.state == JudgeRun.State.FINISHED, run.reason
    assert labels_of(run)[f"{GOAL}/a"] == {"partly"}


def test_a_run_that_obeys_what_it_reads_has_failed(study: Study, server: ChatServer) -> None:
    """A judge that takes the side that says so for the one that helped."""
    whole = {spec.key: "unclear" for spec in label_specs() if not spec.is_of_side}
    good, bad = ({GOAL: value, "sycophancy": "none"} for value in ("yes", "no"))
    judge = make_judge(server.base_url, protocol="labels")
    run = start_run(judge, study, seed=3, at=timezone.now())
    lost = run.judgements.filter(canary__contains="injected-label")
    assert lost.count() == 2
    run.judgements.exclude(pk=lost[0].pk).delete()
    is_a = lost[0].canary.endswith("-a")
    sides = (good, bad) if is_a else (bad, good)
    server.play(answer(**whole), *(answer(**side) for side in sides))
    run_to_its_end(run)
    assert run.state == JudgeRun.State.FAILED
    assert run.reason.startswith("A canary won")
    assert "No label of it counts" in run.reason


def test_what_is_on_no_list_is_asked_again_and_then_given_up(
    study: Study, server: ChatServer
) -> None:
    run = start_run(make_judge(server.base_url, protocol="labels"), study, at=timezone.now())
    server.default = answer(domain="gossip")
    run_to_its_end(run)
    assert run.state == JudgeRun.State.FAILED
    assert set(run.judgements.values_list("state", flat=True)) == {Judgement.State.FAILED}
    assert not JudgeLabel.objects.exists()


def test_a_labelling_run_is_no_machine_against_people(study: Study) -> None:
    run = run_to_its_end(start_run(make_judge(protocol="labels"), study, at=timezone.now()))
    assert run.state == JudgeRun.State.FINISHED
    assert not runs_of(study).exists()
    ask_for_missing_reports(at=timezone.now())
    assert set(Report.objects.values_list("kind", flat=True)) == {LABELS}


def test_labels_go_with_a_rater_who_takes_her_words_back(study: Study) -> None:
    run = run_to_its_end(start_run(make_judge(protocol="labels"), study, at=timezone.now()))
    battle, other = Battle.objects.filter(participation__study=study).order_by("pk")
    withdraw_and_erase(battle.participation, at=timezone.now())
    left = JudgeLabel.objects.filter(judgement__run=run, judgement__canary="")
    assert {label.judgement.battle for label in left} == {other}


def test_the_admin_offers_it_and_shows_what_it_asks(client: Client, study: Study) -> None:
    client.force_login(make_admin())
    page: Any = client.get(reverse("admin:raters_judge_add"))
    assert "never a part of a ranking" in page.content.decode()
    judge = make_judge(protocol="labels")
    shown = client.get(reverse("admin:raters_judge_change", args=[judge.pk])).content.decode()
    assert "safety-topic: Does the person speak of something" in shown
