"""The admin's pages of criteria and of tuning: asked, waited for, read, and made judges of."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from leaderboards.models import Report
from raters.models import Judge
from raters.services.judge_runs import add_judge
from studies.models import Study
from tests.cast import NOW, make_admin, make_user
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.decided_study import SeeingServer, make_chat_model, make_decided_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study(db: None) -> Study:
    return make_decided_study(44)


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(make_admin())
    return client


@pytest.fixture
def server() -> Iterator[SeeingServer]:
    with SeeingServer(advice=["Prefer what is said in few words."]) as running:
        yield running


def words(answer: object) -> str:
    return " ".join(strip_tags(answer.content.decode()).split())  # type: ignore[attr-defined]


def page_of(name: str, study: Study) -> str:
    return reverse(f"admin:leaderboards_study_{name}", args=[study.pk])


def ask(client: Client, study: Study, server: SeeingServer, **more: object) -> str:
    """Ask for criteria, and return where their page is."""
    told = {
        "step": "find",
        "dimension": study.dimensions.get(key="overall").pk,
        "chat_model": make_chat_model(server.base_url).pk,
        "training": 22,
        "held_out": 22,
        "seed": 0,
        **more,
    }
    return client.post(page_of("criteria", study), told).headers["location"]


def test_criteria_are_asked_for_waited_for_and_read(
    admin: Client, study: Study, server: SeeingServer
) -> None:
    page = ask(admin, study, server)
    waiting = admin.get(page)
    assert waiting.headers["Refresh"] == "3"
    assert "It takes some minutes" in words(waiting)
    write_due_reports()
    read = words(admin.get(page))
    assert "Raters choose more of “Brevity”." in read
    assert "no more than chance in training" in read or "tells too few pairs apart" in read
    assert "Decides more than is said." in read
    assert "Said more than it decides." in read
    assert "Can’t be told apart." in read
    assert "overall, by Beech, 22 + 22 pairs, seed 0" in read
    assert "0 answers could not be read" in read


def test_a_judge_is_made_of_what_was_kept(
    admin: Client, study: Study, server: SeeingServer
) -> None:
    page = ask(admin, study, server)
    write_due_reports()
    answer = admin.post(page, {"step": "judge"})
    judge = Judge.objects.get()
    assert answer.headers["location"] == reverse("admin:raters_judge_change", args=[judge.pk])
    assert "Clearly: Brevity" in words(admin.get(answer.headers["location"]))


def test_what_the_form_refuses_is_said(admin: Client, study: Study) -> None:
    wrong = admin.post(page_of("criteria", study), {"step": "find", "training": 500})
    assert "less than or equal to 100" in words(wrong)
    assert not Report.objects.exists()


def test_what_could_not_be_found_says_why(admin: Client, server: SeeingServer) -> None:
    page = ask(admin, make_decided_study(12), server)
    write_due_reports()
    read = words(admin.get(page))
    assert "It could not be done: Only 6 decided conversations are left" in read
    assert Report.objects.get().state == Report.State.FAILED


def test_who_may_not_start_runs_or_see_live_figures_asks_nothing(
    client: Client, study: Study, server: SeeingServer
) -> None:
    client.force_login(make_user("stranger", "leaderboards.view_board", is_staff=True))
    assert client.get(page_of("criteria", study)).status_code == 403
    client.force_login(make_user("looker", "studies.view_study", is_staff=True))
    told = {
        "step": "find",
        "dimension": study.dimensions.get(key="overall").pk,
        "chat_model": make_chat_model(server.base_url).pk,
        "training": 22,
        "held_out": 22,
        "seed": 0,
    }
    assert client.get(page_of("criteria", study)).status_code == 200
    assert client.post(page_of("criteria", study), told).status_code == 403
    assert not Report.objects.exists()


def test_the_study_leads_to_its_criteria_and_they_to_tuning(admin: Client, study: Study) -> None:
    step = admin.get(reverse("admin:studies_study_criteria", args=[study.pk]))
    assert step.headers["location"] == page_of("criteria", study)
    assert page_of("tuning", study) in admin.get(page_of("criteria", study)).content.decode()


def test_a_judge_is_tuned_and_its_winner_becomes_the_next_version(
    admin: Client, server: SeeingServer
) -> None:
    study = make_decided_study(60, slug="more")
    judge = add_judge(
        name="Beech",
        protocol="pairwise",
        settings={},
        chat_models=[make_chat_model(server.base_url)],
        at=NOW,
    )
    told = {
        "step": "tune",
        "judge": judge.pk,
        "dimension": study.dimensions.get(key="overall").pk,
        "training": 12,
        "validation": 12,
        "test": 12,
        "seed": 0,
    }
    for before in (
        "No earlier tuning was tested on any of these",
        "1 earlier tuning was tested on some of these",
    ):
        page = admin.post(page_of("tuning", study), told).headers["location"]
        assert admin.get(page).headers["Refresh"] == "3"
        write_due_reports()
        read = words(admin.get(page))
        assert "“told more, 1”" in read
        assert "instructions: Prefer what is said in few words." in read
        assert "examples: 4 of the training part" in read
        assert before in read
    answer = admin.post(page, {"step": "version"}, follow=True)
    assert "Beech (version 2) is registered." in words(answer)
    assert Judge.objects.get(version=2).settings == {
        "instructions": "Prefer what is said in few words."
    }


def test_a_judge_that_cannot_be_tuned_is_refused_with_a_reason(admin: Client, study: Study) -> None:
    jury = [make_chat_model("bot:judge", name=name) for name in ("Elm", "Yew")]
    judge = add_judge(name="J", protocol="pairwise", settings={}, chat_models=jury, at=NOW)
    told = {
        "step": "tune",
        "judge": judge.pk,
        "dimension": study.dimensions.get(key="overall").pk,
        "training": 12,
        "validation": 12,
        "test": 12,
        "seed": 0,
    }
    answer = admin.post(page_of("tuning", study), told, follow=True)
    assert "J is a jury; a judge of one chat model can be tuned." in words(answer)
    assert not Report.objects.exists()
