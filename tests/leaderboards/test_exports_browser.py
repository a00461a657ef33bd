"""The page of exports in a real browser: on a desktop and a phone, and a download to the end."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from leaderboards.models import Export
from leaderboards.services.exports import ask_for_export, build_export
from tests.browser import DESKTOP, PHONE, Visit, flaws_of, keep
from tests.cast import NOW, make_admin, make_study

pytestmark = pytest.mark.one_database


@pytest.fixture
def export(transactional_db: None, tmp_path: Path, settings: Any) -> Export:
    """A release that is ready, beside one that could not be built and one that is expired."""
    backend = "django.core.files.storage.FileSystemStorage"
    here = {"exports": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "exports"}}}
    settings.STORAGES = settings.STORAGES | here
    study = make_study(raters=8)
    for state, error in (("failed", "The disk is full."), ("expired", "")):
        Export.objects.create(study=study, state=state, error=error, asked_at=NOW)
    asked = ask_for_export(study, form="csv", is_release=True, at=timezone.now())
    build_export(asked.pk, at=timezone.now())
    return Export.objects.get(pk=asked.pk)


def test_axe_finds_nothing_and_a_download_is_whole(
    browser: Browser, live_server: LiveServer, export: Export, pictures: Path
) -> None:
    client = Client()
    client.force_login(make_admin())
    cookie: Any = client.cookies["sessionid"]
    there = f"{live_server.url}/admin/leaderboards/board/study/{export.study_id}/exports/"
    for width, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        visit = Visit(browser, width, scheme)
        visit.page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )
        page = visit.open(there)
        keep(page, pictures / f"exports-{width}.png")
        page.wait_for_load_state("networkidle")
        assert flaws_of(page, context="#content") == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        with page.expect_download() as fetched:
            page.get_by_role("link", name="Download").click()
        content = fetched.value.path().read_bytes()
        assert hashlib.sha256(content).hexdigest() == export.sha256
        assert fetched.value.suggested_filename.startswith("tea-release-")
        assert visit.complaints == []
