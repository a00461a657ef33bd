"""A study's scorer: trained on what counts, and one more machine rater that never peeks."""

import json
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from leaderboards.facts import parse
from leaderboards.machines.reports import comparison_subject
from leaderboards.machines.runs import counting_runs
from leaderboards.models import Report
from leaderboards.preferences import Margin, Wanted, write_preferences
from leaderboards.reports import COMPARISON, SCORER, SCORING
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer_card import STALE, ScorerCard, read_scorer
from leaderboards.services.reports import ask_for_report, latest_report, write_report
from leaderboards.services.scoring import ALL, UNLABELLED, UNTRAINED, score_battles, scorer_of
from raters.grouping import LEAST_RATERS
from raters.models import Battle, Judge, JudgeRun, JudgeVerdict, Participation
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from studies.models import CellGroup, Study
from tests.cast import NOW, make_admin, make_study, make_user
from tests.kept import kept
from tests.leaderboards.talked import make_talk, make_talked_study

LATER = NOW + timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
# What was computed of the study once: it is the same each time.
_documents: dict[str, Any] = {}


def compute(study: Study, kind: str, subject: str = "") -> Report:
    """A report by way of a worker's service."""
    report = ask_for_report(study, kind, subject, at=LATER)
    write_report(report.pk, at=LATER)
    report.refresh_from_db()
    return report


@pytest.fixture
def study() -> Study:
    return kept(make_talked_study)


@pytest.fixture
def trained(study: Study) -> Study:
    """The study with its scorer."""
    if not _documents:
        report = compute(study, SCORER)
        assert report.error == ""
        _documents[SCORER] = report.document
        return study
    Report.objects.create(
        study=study,
        kind=SCORER,
        state=Report.State.FINISHED,
        document=_documents[SCORER],
        asked_at=LATER,
        finished_at=LATER,
    )
    return study


def test_a_scorer_has_a_card_and_is_better_than_its_baselines(trained: Study) -> None:
    report = latest_report(trained, SCORER)
    assert report is not None
    card = parse(ScorerCard, report.document)
    assert (card.study, card.battles, card.labelled_battles) == ("talk", 120, 120)
    assert card.electorate == str(trained.electorate)
    assert card.is_simulated
    assert [(group.key, group.raters) for group in card.groups] == [
        ("18-34", 30),
        ("35-plus", 30),
        ("female", 30),
        ("male", 30),
    ]
    (overall,) = card.dimensions
    assert (overall.key, overall.verdicts, overall.raters) == ("overall", 120, 60)
    assert overall.evaluation is not None
    assert overall.evaluation.scorer.accuracy > 0.7 > overall.evaluation.majority.accuracy
    assert len(overall.evaluation.by_group) == 4
    json.dumps(report.document, allow_nan=False)


def test_what_does_not_count_or_has_no_words_trains_nothing() -> None:
    study = make_talked_study(raters=56, tie=0)
    admin = make_admin()
    excluded, withdrawn = study.participations.order_by("pk")[:2]
    exclude(excluded, reason="They clicked.", by=admin, at=NOW)
    withdraw_and_erase(withdrawn, at=NOW)
    card = parse(ScorerCard, compute(study, SCORER).document)
    assert card.battles == 2 * 54
    assert card.dimensions[0].raters == 54
    assert card.exclusions == ("raters named one by one",)


def test_what_is_said_of_a_battle_does_not_depend_on_its_own_verdict(trained: Study) -> None:
    first = Battle.objects.earliest("pk")
    opposite = {"a": "b", "tie": "a", "b": "a"}[first.verdicts.get().outcome]
    other = make_talked_study("other", first=opposite)
    assert compute(other, SCORER).error == ""
    taught, taught_otherwise = scorer_of(trained), scorer_of(other)
    assert taught_otherwise.digest != taught.digest
    same = Battle.objects.filter(participation__study=other).earliest("pk")
    (said,) = score_battles(taught, trained, [first.pk]).probabilities.values()
    (again,) = score_battles(taught_otherwise, other, [same.pk]).probabilities.values()
    assert np.allclose(said, again, atol=1e-9)


@pytest.mark.every_database
def test_a_run_of_the_scorer_is_finished_at_once(trained: Study) -> None:
    report = compute(trained, SCORING, ALL)
    assert report.error == ""
    (run,) = counting_runs(trained)
    assert run.state == JudgeRun.State.FINISHED
    assert run.judge.protocol == Judge.SCORER
    assert str(run.judge) == "Scorer of talk"
    said = JudgeVerdict.objects.filter(judgement__run=run)
    assert said.count() == 120
    for each in said[:20]:
        chances = {"a": each.p_a, "tie": each.p_tie, "b": each.p_b}
        assert sum(chances.values()) == pytest.approx(1)
        assert each.outcome == max(chances, key=lambda outcome: chances[outcome] or 0)
        assert each.certainty == max(chances.values())
    subject = comparison_subject(run, trained.dimensions.get())
    assert compute(trained, COMPARISON, subject).error == ""


def test_the_same_scorer_is_the_same_judge_and_another_one_its_next_version(
    trained: Study,
) -> None:
    compute(trained, SCORING, ALL)
    compute(trained, SCORING, ALL)
    assert [run.number for run in trained.judge_runs.order_by("number")] == [1, 2]
    assert Judge.objects.count() == 1
    document = dict(_documents[SCORER])
    weights = json.loads(json.dumps(document["weights"]))
    weights["overall"]["everybody"]["tie"] = 0.5
    Report.objects.filter(kind=SCORER).update(document=document | {"weights": weights})
    compute(trained, SCORING, ALL)
    assert Judge.objects.get(version=2).name == "Scorer of talk"


def test_margins_of_exported_preferences_are_how_likely_the_scorer_thought_them(
    trained: Study,
) -> None:
    file = StringIO()
    wanted = Wanted(licence="CC0", margin=Margin.SCORER, with_ties=True)
    about = write_preferences(trained, wanted, file, at=LATER)
    margins = {
        each["prompt"][0]["content"]: each["margin"]
        for each in map(json.loads, file.getvalue().splitlines())
    }
    assert len(margins) == about["rows"] == 120
    assert all(0 <= margin <= 1 for margin in margins.values())
    assert np.mean(list(margins.values())) > 0.6
    compute(trained, SCORING, ALL)
    said = JudgeVerdict.objects.exclude(judgement__battle__verdicts__outcome="tie")
    for each in said.select_related("judgement__battle")[:20]:
        battle = each.judgement.battle
        assert battle is not None
        of_choice = {"a": each.p_a, "b": each.p_b}[battle.verdicts.get().outcome]
        expected = (of_choice or 0) / ((each.p_a or 0) + (each.p_b or 0))
        assert margins[battle.turns.get().text] == pytest.approx(expected, abs=1e-4)


@pytest.mark.every_database
def test_battles_that_nobody_judged_are_rated_but_not_those_under_way(trained: Study) -> None:
    report = compute(trained, SCORING, UNLABELLED)
    assert report.error == "There are no battles without a verdict that counts."
    a, b = trained.contestants.order_by("slug")[:2]
    left, active = trained.participations.order_by("pk")[:2]
    for participation in (left, active):
        make_talk(
            participation,
            a,
            b,
            key="7",
            message="And one more?",
            replies=("Rice.", "Boil the rice."),
            tie=0,
            rng=np.random.default_rng(0),
            is_judged=False,
        )
    Participation.objects.filter(pk=left.pk).update(state=Participation.State.TIMED_OUT)
    Participation.objects.filter(pk=active.pk).update(state=Participation.State.ACTIVE)
    report = compute(trained, SCORING, UNLABELLED)
    assert report.document is not None
    assert report.document["battles"] == 1
    said = JudgeVerdict.objects.get(judgement__run=report.document["run"])
    assert said.judgement.battle is not None
    assert said.judgement.battle.participation == left


def test_groups_too_small_to_be_told_have_no_weights() -> None:
    study = make_talked_study(tie=0)
    old, young = (
        CellGroup.objects.filter(group__key=key).values("cell") for key in ("35-plus", "18-34")
    )
    ids = list(study.participations.filter(cell__in=young).values_list("pk", flat=True))
    rest = study.participations.filter(pk__in=ids[LEAST_RATERS - 1 :])
    rest.update(cell=old.order_by("cell")[:1])
    card = parse(ScorerCard, compute(study, SCORER).document)
    assert [group.key for group in card.groups] == ["35-plus", "female", "male"]


def test_too_few_verdicts_are_told_so() -> None:
    study = make_talked_study(raters=10)
    report = compute(study, SCORER)
    assert "at least 100 verdicts that are no ties" in report.error
    assert compute(study, SCORING).error == UNTRAINED


def test_a_study_without_words_is_told_so() -> None:
    study = make_study("votes")
    assert "No conversation is there" in compute(study, SCORER).error


def test_a_scorer_by_earlier_code_is_to_be_trained_anew(trained: Study) -> None:
    weights = json.loads(json.dumps(_documents[SCORER]["weights"]))
    del weights["overall"]["everybody"]["measures"]["length"]
    with pytest.raises(ScorerError) as refusal:
        read_scorer(_documents[SCORER] | {"weights": weights})
    assert str(refusal.value) == STALE


def test_the_page_shows_the_card_and_takes_its_steps(trained: Study, client: Client) -> None:
    client.force_login(make_admin())
    address = reverse("admin:leaderboards_study_scorer", args=[trained.pk])
    shown = client.get(address).content.decode()
    assert "Trained on" in shown
    assert "Length alone" in shown
    assert "What it must not be used for" in shown
    # Their wishes were for length alone.
    assert "no better than their lengths alone" in shown
    assert client.post(address, {"do": "rate"}).status_code == 302
    waiting = client.get(address)
    assert waiting["Refresh"] == "3"
    assert "Rating battles" in waiting.content.decode()
    write_report(Report.objects.get(kind=SCORING).pk, at=LATER)
    done = client.get(address)
    assert "Refresh" not in done
    assert "It rated 120 battles" in done.content.decode()
    assert client.post(address, {"do": "sing"}).status_code == 404


def test_the_page_without_scikit_learn_says_what_to_install(
    trained: Study, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    client.force_login(make_admin())
    shown = client.get(reverse("admin:leaderboards_study_scorer", args=[trained.pk])).content
    assert b"Training a scorer needs scikit-learn" in shown
    assert b"Train anew" not in shown
    assert b"Rate all battles" in shown


def test_the_scorer_can_be_downloaded(trained: Study, client: Client) -> None:
    client.force_login(make_admin())
    answer = client.get(reverse("admin:leaderboards_study_scorer_download", args=[trained.pk]))
    assert read_scorer(json.loads(answer.content)).digest == scorer_of(trained).digest
    assert answer["Content-Disposition"] == 'attachment; filename="talk-scorer.json"'


def test_who_may_only_look_takes_no_step(trained: Study, client: Client) -> None:
    client.force_login(make_user("reader", "studies.view_study", is_staff=True))
    address = reverse("admin:leaderboards_study_scorer", args=[trained.pk])
    shown = client.get(address).content.decode()
    assert "Trained on" in shown
    assert "Train anew" not in shown
    assert "Preferences for training" not in shown
    assert client.post(address, {"do": "train"}).status_code == 403
    export = reverse("admin:leaderboards_study_scorer_export", args=[trained.pk])
    assert client.post(export, {"licence": "CC0"}).status_code == 403


def test_strangers_find_no_page(study: Study, client: Client) -> None:
    client.force_login(make_user("stranger", is_staff=True))
    address = reverse("admin:leaderboards_study_scorer", args=[study.pk])
    assert client.get(address).status_code == 403
