"""The admin's page of a study's stopping rules."""

from math import inf
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from leaderboards.admin.stopping import FAR, interval_of, middle_of
from leaderboards.models import Outlook
from leaderboards.scheduling.outlooks import Expected
from leaderboards.scheduling.stopping import look
from leaderboards.services.standings import fold_standings
from raters.simulation import Population, simulate_raters
from studies.models import StoppingRule, Study
from studies.planning import allocate_quotas
from studies.services import withdraw_contestant
from studies.stopping import mark_answered
from tests.browser import DESKTOP, Visit
from tests.cast import NOW, make_admin, make_study, make_user
from tests.desk import OF_THE_THEME
from tests.kept import kept
from tests.test_admin_design import page_of, step_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Kind = StoppingRule.Kind


@pytest.fixture
def boss(client: Client) -> User:
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def study() -> Study:
    """Sixty raters fill all places; one rule is answered, one is not, one asks every group."""
    return kept(make_answered_study)


def make_answered_study() -> Study:
    study = make_study(raters=0, state=Study.State.OPEN)
    StoppingRule.objects.create(study=study, kind=Kind.TOP, top=1, confidence=0.8)
    StoppingRule.objects.create(study=study, kind=Kind.SIGMA, sigma=0.15)
    StoppingRule.objects.create(study=study, kind=Kind.SIGMA, sigma=0.3, ranking="groups")
    population = Population(skill_sd=2.0, dimension_sd=0, default_group_sd=0.1)
    simulate_raters(study, raters=60, battles_each=4, seed=1, population=population, at=NOW)
    fold_standings(study)
    # The sample is unlike the electorate: each group gets the places that are taken.
    allocate_quotas(study, raters=200, at=NOW)
    for quota in study.quotas.all():
        taken = study.participations.filter(cell__cell_groups__group=quota.group).count()
        study.quotas.filter(pk=quota.pk).update(target=taken)
    while look(study, at=NOW):
        pass
    return study


def address_of(study: Study) -> str:
    return reverse("admin:leaderboards_study_stopping", args=[study.pk])


def test_the_page_is_a_click_away_and_for_whoever_may_see_live_figures(
    client: Client, study: Study
) -> None:
    assert client.get(address_of(study)).status_code == 302
    client.force_login(make_user("plain", is_staff=True))
    assert client.get(address_of(study)).status_code == 403
    client.force_login(make_user("reader", "studies.view_study", is_staff=True))
    assert step_of(study, "stopping_page") in client.get(page_of(study)).text
    assert client.get(step_of(study, "stopping_page")).url == address_of(study)
    assert client.get(address_of(study)).status_code == 200


def test_each_rule_says_whether_it_is_answered_and_what_it_still_takes(
    client: Client, boss: User, study: Study
) -> None:
    Outlook.objects.filter(rule__sigma=0.15).update(expected=800.0, low=400.0, high=1600.0)
    page = text_of(client.get(address_of(study)))
    top = "The top 1 of the overall ranking settled, surely enough (80%) 240 battles"
    assert f"{top} since 1 Mar 2026, 12:00 – – –" in page
    sigma = "Every skill of the overall ranking within a standard deviation of 0.15 240 battles"
    assert f"{sigma} not yet 800 400 to 1,600 200" in page
    assert "0 of 4 groups by group, below" in page
    assert "The budget is spent no budget never" in page
    assert "0 of 80" in page


def test_a_full_quota_proposes_how_many_more_raters_of_which_group(
    client: Client, boss: User, study: Study
) -> None:
    Outlook.objects.filter(rule__ranking="groups", group__key="female").update(
        expected=100.0, low=60.0, high=None
    )
    Outlook.objects.filter(rule__sigma=0.15).update(expected=800.0, low=400.0, high=1600.0)
    page = text_of(client.get(address_of(study)))
    assert "Quota full but undecided: about 20 more raters of female (at least 20)." in page
    male = study.quotas.get(group__key="male").target
    part = 200 * male / 60
    proposed = Expected(part, part / 2, part * 2)
    words = f"about {middle_of(proposed)} more raters of male ({interval_of(proposed)})"
    assert f"Quota full but undecided: {words}." in page
    study.quotas.update(target=1_000)
    page = text_of(client.get(address_of(study)))
    assert "undecided" not in page


def test_a_study_that_has_ended_offers_to_go_on(client: Client, boss: User, study: Study) -> None:
    step = step_of(study, "take_again")
    assert step not in client.get(address_of(study)).text
    mark_answered(study, at=NOW)
    page = client.get(address_of(study))
    assert step in page.text
    assert "Answered since 1 Mar 2026, 12:00 UTC" in text_of(page)
    assert "who is inside goes on to the end" in text_of(page)
    client.post(step)
    assert "takes raters all the same" in text_of(client.get(address_of(study)))


def test_a_rule_that_cannot_be_fulfilled_says_why(client: Client, boss: User, study: Study) -> None:
    ash, birch = study.contestants.filter(name__in=["Ash", "Birch"])
    StoppingRule.objects.create(study=study, kind=Kind.PAIR, first=ash, second=birch)
    withdraw_contestant(ash, reason="Retired.", at=NOW)
    page = text_of(client.get(address_of(study)))
    assert "never: Ash does not take part: name another pair. – – –" in page


def test_a_study_without_rules_or_with_one_model_at_a_time_says_so(
    client: Client, boss: User
) -> None:
    study = make_study(raters=0, state=Study.State.OPEN)
    assert "It has no stopping rules" in text_of(client.get(address_of(study)))
    Study.objects.update(protocol=Study.Protocol.SINGLE)
    assert "no battle queue and no stopping rules" in text_of(client.get(address_of(study)))


def test_the_budget_stands_beside_the_rules(client: Client, boss: User, study: Study) -> None:
    Study.objects.update(budget="250.00")
    page = text_of(client.get(address_of(study)))
    assert "The budget is spent $0.00 of $250.00 not yet; it will pause the study" in page


@pytest.mark.parametrize(
    ("expected", "middle", "interval"),
    [
        (Expected(1_234, 817, 2_391), "1,200", "800 to 2,400"),
        (Expected(1_234, 1_180, 1_290), "1,230", "1,180 to 1,290"),
        (Expected(0.3, 0, 4.2), "1", "0 to 5"),
        (Expected(12, 0, 3_000), "under 200", "0 to 3,000"),
        (Expected(1_234, 237, inf), "1,000", "at least 200"),
        (Expected(inf, 5_230, inf), FAR, "at least 5,000"),
        (Expected(inf, inf, inf), FAR, "–"),
        (Expected(0, 0, inf), "0", "at least 0"),
    ],
)
def test_figures_are_rounded_to_what_their_interval_supports(
    expected: Expected, middle: str, interval: str
) -> None:
    assert (middle_of(expected), interval_of(expected)) == (middle, interval)


@pytest.mark.one_database
def test_page_and_form_in_a_browser(
    browser: Browser, live_server: LiveServer, pictures: Path, study: Study
) -> None:
    visit = Visit(browser, DESKTOP, "light")
    client = Client()
    client.force_login(make_admin())
    visit.page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    visit.open(live_server.url + address_of(study))
    visit.look(pictures / "stopping-page.png", but=OF_THE_THEME)
    draft = make_study("coffee", raters=0, state=Study.State.DRAFT, electorate=study.electorate)
    StoppingRule.objects.create(study=draft, kind=Kind.TOP, top=3)
    for name, shown in (("draft", draft), ("open", study)):
        page = visit.open(live_server.url + page_of(shown))
        if shown == draft:
            page.get_by_text("Add another Stopping rule").click()
        else:
            page.get_by_text("of the overall ranking settled").click()
        visit.look(pictures / f"stopping-form-{name}.png", but=OF_THE_THEME)
    mark_answered(study, at=timezone.now())
    visit.open(f"{live_server.url}/join/{study.slug}/")
    visit.look(pictures / "stopping-join.png")
