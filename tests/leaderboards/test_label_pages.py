"""Pages and REST of labels and of the safety board: who sees them, what they say."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from leaderboards.models import Board, Report
from leaderboards.reports import LABELS, SAFETY
from leaderboards.services.reports import ask_for_report
from studies.models import Study
from tests.browser import DESKTOP, NARROW, Visit
from tests.cast import NOW, make_admin, make_board, make_study, make_user
from tests.desk import OF_THE_THEME
from tests.kept import kept
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.labelled import make_labels
from tests.leaderboards.test_labels import flatterer
from tests.leaderboards.test_safety import make_rubric_run, make_safety_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def make_labelled_study() -> Study:
    study = make_safety_study()
    make_labels(study, flatterer)
    study.judge_runs.update(number=2)
    make_rubric_run(study)
    make_board(study)
    return study


def make_computed_study() -> Study:
    study = make_labelled_study()
    Report.objects.exclude(kind__in=[LABELS, SAFETY]).delete()
    write_due_reports()
    return study


@pytest.fixture
def study() -> Study:
    """A study with labels, scenarios and a board, whose reports are not computed yet."""
    return kept(make_labelled_study)


@pytest.fixture
def computed() -> Study:
    return kept(make_computed_study)


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def page_of(client: Client, page: str, study: Study, **query: str) -> str:
    response = client.get(reverse(f"leaderboards:{page}", args=[study.slug]), query)
    assert response.status_code == 200
    return text_of(response)


def test_both_are_asked_for_once_a_board_is_taken(study: Study) -> None:
    asked = Report.objects.filter(study=study, kind__in=[LABELS, SAFETY])
    assert sorted(asked.values_list("kind", "subject")) == [
        (kind, key) for kind in (LABELS, SAFETY) for key in ("overall", "trust", "warmth")
    ]


def test_labels_are_told_with_the_one_sentence_and_every_figure(
    client: Client, computed: Study
) -> None:
    page = page_of(client, "labels", computed)
    assert "never a part of the ranking" in page
    assert "A side that flatters is preferred more often" in page
    for words in ("Odds ratio", "95 % interval", "Stands", "Everybody", "Age: 18-34", "Ash",
                  "Domain: ties are clearly more or less frequent with home and work",
                  "the judge Finch calls their conversations (run 2)",
                  "&gt;100", "too few"):  # fmt: skip
        assert words in page
    assert 'aria-current="page">Warmth' in page_of(client, "labels", computed, dimension="warmth")


def test_the_safety_board_is_of_trust_and_says_where_people_and_judge_part(
    client: Client, computed: Study
) -> None:
    page = page_of(client, "safety", computed)
    assert 'aria-current="page">Trust' in page
    assert "3 sensitive topics. In 3 of them people and the judge clearly say the opposite" in page
    for words in ("Life › A debt",
                  "People place Cherry clearly above Dogwood, which passes clearly more",
                  "Judge: items passed", "Owl (run 1)", "no sum over topics"):  # fmt: skip
        assert words in page
    assert "Tea" not in page.split("What it rests on")[0].split("<h1")[1].replace("The tea", "")


def test_the_board_leads_to_them(client: Client, computed: Study) -> None:
    method = page_of(client, "method", computed)
    assert reverse("leaderboards:labels", args=[computed.slug]) in method
    assert reverse("leaderboards:safety", args=[computed.slug]) in method
    other = make_study("coffee", raters=20, electorate=computed.electorate)
    make_board(other)
    assert reverse("leaderboards:safety", args=[other.slug]) not in page_of(client, "method", other)


@pytest.mark.parametrize("name", ["labels", "safety"])
def test_a_page_waits_for_the_worker_and_says_why_there_is_none(
    client: Client, study: Study, name: str
) -> None:
    address = reverse(f"leaderboards:{name}", args=[study.slug])
    waiting = client.get(address)
    assert waiting["Refresh"] == "5"
    assert "It is being computed" in text_of(waiting)
    Report.objects.filter(kind=name).update(state="failed", error="It went wrong.")
    failed = client.get(address)
    assert "It went wrong." in text_of(failed)
    assert "Refresh" not in failed
    Report.objects.filter(kind=name).delete()
    assert "has not been computed yet" in text_of(client.get(address))
    assert client.get(address, {"dimension": "none"}).status_code == 404
    Study.objects.update(is_public=False)
    assert client.get(address).status_code == 404


def test_a_board_of_ratings_has_neither(client: Client, rating_board: Board) -> None:
    for name in ("labels", "safety"):
        assert "one model at a time is rated" in page_of(client, name, rating_board.study)


@pytest.mark.parametrize("name", ["labels", "safety"])
def test_the_team_asks_for_them_and_others_may_not(client: Client, study: Study, name: str) -> None:
    address = reverse(f"admin:leaderboards_study_{name}", args=[study.pk])
    client.force_login(make_user("rater", is_staff=True))
    assert client.get(address).status_code == 403
    client.force_login(make_admin())
    Report.objects.all().delete()
    assert "Nobody has asked for this yet" in text_of(client.get(address))
    client.post(address)
    assert client.get(address)["Refresh"] == "3"
    write_due_reports()
    page = text_of(client.get(address))
    assert ("A side that flatters" if name == "labels" else "clearly say the opposite") in page
    redirect = client.get(reverse(f"admin:studies_study_{name}", args=[study.pk]))
    assert redirect["Location"] == address


def test_the_admin_shows_settings_for_a_judge_and_refuses_where_one_is_rated(
    client: Client, study: Study, rated_study: Study
) -> None:
    client.force_login(make_admin())
    page = text_of(client.get(reverse("admin:leaderboards_study_safety", args=[study.pk])))
    assert "Gives no instructions that could do serious harm" in page
    for name in ("labels", "safety"):
        address = reverse(f"admin:leaderboards_study_{name}", args=[rated_study.pk])
        assert "one model at a time is rated" in text_of(client.get(address))


@pytest.mark.parametrize("name", ["labels", "safety"])
def test_rest_gives_the_same_to_the_team(client: Client, computed: Study, name: str) -> None:
    address = reverse(f"api:{name}", args=[computed.slug])
    assert client.get(address).status_code in (401, 403, 404)
    client.force_login(make_admin())
    found = client.get(address).json()
    if name == "safety":
        assert found["dimension"] == "trust"
        assert {each["contestant"] for each in found["scenarios"][0]["passed"]} == {
            "ash", "birch", "cherry", "dogwood",
        }  # fmt: skip
        assert found["scenarios"][0]["partings"]
    else:
        flatters = next(each for each in found["sides"] if each["value"] == "flatters")
        assert flatters["effect"]["stands"]
        goal = next(each for each in found["sides"] if each["key"] == "goal-reached")
        assert goal["effect"] is None or goal["effect"]["log_odds"] is None
    Report.objects.filter(kind=name).delete()
    assert client.get(address).status_code == 202
    ask_for_report(computed, name, "overall", at=NOW)
    assert client.get(address, {"dimension": "none"}).status_code in (400, 404)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, DESKTOP])
def test_the_pages_fit_and_are_accessible(
    browser: Browser, live_server: LiveServer, pictures: Path, computed: Study,
    client: Client, width: int, scheme: str,
) -> None:  # fmt: skip
    visit = Visit(browser, width, scheme)
    for name in ("labels", "safety"):
        address = reverse(f"leaderboards:{name}", args=[computed.slug])
        visit.open(f"{live_server.url}{address}")
        visit.look(pictures / f"{name}-{width}-{scheme}.png")
    client.force_login(make_admin())
    cookie = client.cookies["sessionid"].value
    visit.page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    for name in ("labels", "safety"):
        address = reverse(f"admin:leaderboards_study_{name}", args=[computed.pk])
        visit.open(f"{live_server.url}{address}")
        visit.look(pictures / f"admin-{name}-{width}-{scheme}.png", but=OF_THE_THEME)
