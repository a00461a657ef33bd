"""The scorer's page in a real browser: on a desktop and a phone, and for everybody."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from leaderboards.reports import SCORER
from leaderboards.services.reports import ask_for_report, write_report
from studies.models import Study
from tests.browser import DESKTOP, PHONE, Visit, flaws_of, keep
from tests.cast import make_admin
from tests.leaderboards.talked import make_talked_study

pytestmark = pytest.mark.one_database


@pytest.fixture
def study(transactional_db: None) -> Study:
    """A study with its scorer."""
    study = make_talked_study()
    write_report(ask_for_report(study, SCORER, at=timezone.now()).pk, at=timezone.now())
    return study


def test_axe_finds_nothing_and_the_policy_blocks_nothing(
    browser: Browser, live_server: LiveServer, study: Study, pictures: Path
) -> None:
    client = Client()
    client.force_login(make_admin())
    cookie: Any = client.cookies["sessionid"]
    for width, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        visit = Visit(browser, width, scheme)
        visit.page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )
        page = visit.open(f"{live_server.url}/admin/leaderboards/board/study/{study.pk}/scorer/")
        keep(page, pictures / f"scorer-{width}.png")
        page.wait_for_load_state("networkidle")
        assert flaws_of(page, context="#content") == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert visit.complaints == []
