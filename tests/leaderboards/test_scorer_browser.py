"""The scorer's page in a real browser: on a desktop and a phone, and for everybody."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from leaderboards.services.reports import write_report
from leaderboards.services.scorer_asking import ask_for_scorer
from studies.models import ChatModel, Study
from tests.browser import DESKTOP, PHONE, Visit, flaws_of, keep
from tests.cast import make_admin
from tests.embedding_server import EmbeddingServer
from tests.leaderboards.talked import make_talked_study

pytestmark = pytest.mark.one_database


@pytest.fixture
def study(transactional_db: None) -> Study:
    """A study with its scorer, that somebody has embedded replies for."""
    study = make_talked_study()
    with EmbeddingServer() as server:
        moss = ChatModel.objects.create(
            name="Moss", base_url=server.base_url, model_id="moss-8", is_embedder=True
        )
        report = ask_for_scorer(study, embedder=moss, at=timezone.now())
        write_report(report.pk, at=timezone.now())
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
