"""Pages and REST of people and machine: who sees them, what they say, what the team alone sees."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from leaderboards.machines.asking import ask_for_machine_reports
from leaderboards.models import Report
from raters.models import JudgeRun
from studies.models import Study
from tests.browser import DESKTOP, NARROW, Visit
from tests.cast import NOW, make_admin, make_board, make_study
from tests.kept import kept
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.labelled import make_labels
from tests.leaderboards.test_machines import make_judge

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def make_judged_study() -> Study:
    study = make_study(raters=40)
    make_board(study)
    make_judge(study)
    return study


def make_compared_study() -> Study:
    study = make_judged_study()
    ask_for_machine_reports(study.judge_runs.get(), at=NOW)
    write_due_reports()
    return study


@pytest.fixture
def study() -> Study:
    """A public study with a board, and a judge whose reports are not computed yet."""
    return kept(make_judged_study)


@pytest.fixture
def computed() -> Study:
    """The same with its reports."""
    return kept(make_compared_study)


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def page_of(client: Client, page: str, study: Study, *args: object, **query: str) -> str:
    response = client.get(reverse(f"leaderboards:{page}", args=[study.slug, *args]), query)
    assert response.status_code == 200
    return text_of(response)


def test_all_judges_stand_on_one_page(client: Client, computed: Study) -> None:
    page = page_of(client, "machines", computed)
    assert "Machine against people" in page
    assert reverse("leaderboards:machine", args=[computed.slug, 1]) in page
    assert "run 1, finished" in page
    found = Report.objects.get(subject="1:overall", kind="comparison").document
    assert found is not None
    assert f"{found['agreement']['with_majority']['value'] * 100:.0f} %" in page
    assert "never counts on a board of people" in page


def test_the_board_leads_to_them_where_there_is_a_judge(client: Client, study: Study) -> None:
    address = reverse("leaderboards:machines", args=[study.slug])
    assert address in page_of(client, "method", study)
    assert address in page_of(client, "study", study)
    other = make_study("coffee", raters=20, electorate=study.electorate)
    make_board(other)
    assert "Machine against people" not in page_of(client, "method", other)
    assert "No judge has rated this study" in page_of(client, "machines", other)


def test_a_study_whose_runs_only_label_has_no_such_link(client: Client) -> None:
    study = make_study(raters=20)
    make_board(study)
    make_labels(study, lambda _battle, _side: {})
    for page in ("study", "method"):
        assert "Machine against people" not in page_of(client, page, study)


def test_a_run_says_its_verdict_first_and_every_figure_with_its_interval(
    client: Client, computed: Study
) -> None:
    page = page_of(client, "machine", computed, 1)
    assert "of the conversations the judge says what the person said" in page
    assert "no two people compared the same one" in page
    for word in (
        "Cohen’s κ", "Krippendorff’s α", "Spearman’s ρ", "Kendall’s τ", "Position", "Verbosity",
        "Its own family", "Order consistency", "Repeatability", "Cost", "Abstained",
        "Its order of 4 contestants and people’s correlate by", "90 conversations",
        "It says it is",
    ):  # fmt: skip
        assert word in page
    assert "placed clearly elsewhere" in page or "clearly elsewhere than people do" in page
    warmth = page_of(client, "machine", computed, 1, dimension="warmth")
    assert 'aria-current="page">Warmth' in warmth


def test_unknown_runs_and_dimensions_are_not_found(client: Client, computed: Study) -> None:
    for args, query in (((7,), {}), ((1,), {"dimension": "none"})):
        address = reverse("leaderboards:machine", args=[computed.slug, *args])
        assert client.get(address, query).status_code == 404


def test_a_page_waits_for_the_worker_and_says_why_there_is_none(
    client: Client, study: Study
) -> None:
    address = reverse("leaderboards:machine", args=[study.slug, 1])
    assert "It has not been compared with people yet" in text_of(client.get(address))
    run = study.judge_runs.get()
    ask_for_machine_reports(run, at=NOW)
    waiting = client.get(address)
    assert waiting["Refresh"] == "5"
    assert "being compared with people" in text_of(waiting)
    assert "being compared with people" in page_of(client, "machines", study)
    Report.objects.filter(kind="comparison").update(state="failed", error="It shares nothing.")
    failed = client.get(address)
    assert "It shares nothing." in text_of(failed)
    assert "Refresh" not in failed


def test_a_failed_run_is_named_as_such_and_shows_no_figure(client: Client, computed: Study) -> None:
    JudgeRun.objects.update(state=JudgeRun.State.FAILED, reason="A canary won: weather.")
    assert "None of its verdicts counts" in page_of(client, "machine", computed, 1)
    assert "weather" not in page_of(client, "machine", computed, 1)
    assert "Failed: none of its verdicts counts." in page_of(client, "machines", computed)
    client.force_login(make_admin())
    assert "weather" in page_of(client, "machine", computed, 1)


def test_before_the_first_board_only_the_team_sees_them(client: Client) -> None:
    study = make_study(raters=20, state=Study.State.OPEN)
    make_judge(study, battles=20)
    ask_for_machine_reports(study.judge_runs.get(), at=NOW)
    write_due_reports()
    for name, args in (("machines", ()), ("machine", (1,))):
        assert "No board has been published yet" in page_of(client, name, study, *args)
    api = reverse("api:machine-comparison", args=[study.slug, 1])
    assert client.get(api).status_code == 404
    client.force_login(make_admin())
    assert "Owl" in page_of(client, "machines", study)
    assert client.get(api).status_code == 200


def test_studies_that_are_not_public_have_no_such_pages(client: Client, computed: Study) -> None:
    Study.objects.update(is_public=False)
    for name in ("leaderboards:machines", "api:judge-run-list"):
        assert client.get(reverse(name, args=[computed.slug])).status_code == 404


def test_conversations_behind_a_gap_are_for_the_team_alone(client: Client, computed: Study) -> None:
    address = reverse("leaderboards:machine-conversations", args=[computed.slug, 1])
    query = {
        "dimension": "overall", "axis": "group:age", "name": "Age: 18-34", "contestant": "ash",
    }  # fmt: skip
    assert address not in page_of(client, "machine", computed, 1)
    assert client.get(address, query).status_code == 404
    client.force_login(make_admin())
    assert address in page_of(client, "machine", computed, 1)
    page = page_of(client, "machine-conversations", computed, 1, **query)
    assert "Age: 18-34, on Overall" in page
    assert "/admin/raters/battle/" in page
    battles = page.count("/admin/raters/battle/")
    everything = {"dimension": "overall", "axis": "everything", "name": "all conversations"}
    assert battles < page_of(client, "machine-conversations", computed, 1, **everything).count(
        "/admin/raters/battle/"
    )
    for wrong in ({"name": "Age: 99"}, {"contestant": "oak"}, {"dimension": "none"}):
        assert client.get(address, query | wrong).status_code == 404


def test_the_team_can_have_it_compared_anew(client: Client, study: Study) -> None:
    address = reverse("leaderboards:machine-compute", args=[study.slug, 1])
    assert client.post(address).status_code == 404
    assert not Report.objects.filter(kind="comparison").exists()
    client.force_login(make_admin())
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 302
    assert Report.objects.filter(kind="comparison").count() == 2


# REST


def test_rest_says_the_same(client: Client, computed: Study) -> None:
    (run,) = client.get(reverse("api:judge-run-list", args=[computed.slug])).json()["results"]
    assert (run["judge"], run["number"], run["developer"]) == ("Owl", 1, "Copse")
    assert (run["state"], run["counts"], run["protocol"]) == ("finished", True, "imported")
    detail = client.get(reverse("api:judge-run-detail", args=[computed.slug, 1]))
    assert detail.json() == run
    found = client.get(
        reverse("api:machine-comparison", args=[computed.slug, 1]), {"dimension": "warmth"}
    ).json()
    assert found["dimension"] == "warmth"
    assert found["agreement"]["items"] == 90
    # Nobody compared what somebody else did.
    assert found["agreement"]["people_with_others"] == {
        "value": None, "low": None, "high": None, "n": 0,
    }  # fmt: skip
    assert {gap["contestant"] for gap in found["gaps"]} <= {"ash", "birch", "cherry", "dogwood"}
    assert [each["people"]["rank"] for each in found["standings"]] == [1, 2, 3, 4]
    card = client.get(reverse("api:machine-card", args=[computed.slug, 1])).json()
    assert (card["dimension"], card["standings"]) == ("", [])
    assert card["agreement"]["items"] == 180
    assert card["domains"]


def test_rest_says_that_it_is_computed_or_why_not(client: Client, study: Study) -> None:
    address = reverse("api:machine-comparison", args=[study.slug, 1])
    assert client.get(address).status_code == 404
    ask_for_machine_reports(study.judge_runs.get(), at=NOW)
    waiting = client.get(address)
    assert (waiting.status_code, waiting["Retry-After"]) == (202, "5")
    assert client.get(address, {"dimension": "none"}).status_code == 404
    JudgeRun.objects.update(state=JudgeRun.State.FAILED, reason="A canary won.")
    assert "has failed" in client.get(address).json()["detail"]
    assert client.get(reverse("api:judge-run-detail", args=[study.slug, 9])).status_code == 404


# In a browser


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("size", "scheme"), [(NARROW, "dark"), (DESKTOP, "light")])
def test_the_pages_in_a_browser(
    computed: Study,
    live_server: LiveServer,
    browser: Browser,
    pictures: Path,
    size: int,
    scheme: str,
) -> None:
    visit = Visit(browser, size, scheme)
    for name, args in (("machines", ()), ("machine", (1,))):
        there = reverse(f"leaderboards:{name}", args=[computed.slug, *args])
        visit.open(f"{live_server.url}{there}")
        visit.look(pictures / f"{name}-{size}.png")
    drawn = visit.page.locator("figure.chart .drawing svg")
    assert drawn.count() == 3
    expect(visit.page.locator("#gaps table")).to_be_visible()
    # What a judge that knows itself would lie on.
    assert visit.page.locator("#certainty .drawing [stroke-dasharray='4 4'] path").count() == 1
