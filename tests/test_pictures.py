"""The documentation's pictures show what is there now.

Beside each picture stands what its page said when it was taken, figures and addresses left out. A
page that says something else needs a new picture: `make pictures`.
"""

import calendar
import os
import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from hustings.documentation import folder
from leaderboards.models import Board
from studies.models import ChatModel
from tests.browser import DESKTOP, PHONE, Visit
from tests.cast import make_admin
from tests.raters.live_study import make_replies, open_study
from tests.raters.steps import begin, say

pytestmark = pytest.mark.one_database

IMAGES = folder() / "images"
IS_TAKEN = os.environ.get("HUSTINGS_TAKE_PICTURES") == "1"


@pytest.fixture
def board_site(live_server: LiveServer, board: Board) -> str:
    return str(live_server.url)


def sign_in(visit: Visit, site: str, client: Client) -> None:
    """Let the browser be whom the client is."""
    cookies: list[Any] = [
        {"name": name, "value": morsel.value, "url": site}
        for name, morsel in client.cookies.items()
    ]
    visit.page.context.add_cookies(cookies)


def said(page: Page) -> str:
    """What a page says to a screen reader, without figures."""
    snapshot = page.locator("main, #main").first.aria_snapshot()
    # Addresses hold keys that are drawn at random.
    words = "\n".join(line for line in snapshot.splitlines() if "/url:" not in line)
    months = "|".join(filter(None, calendar.month_name))
    return re.sub(rf"[\d.,:%/–−-]*\d[\d.,:%/–−-]*|\b({months})\b", "#", words).strip() + "\n"


def take(page: Page, name: str) -> None:
    """Take the picture anew if asked to; else see that the one there is of the same page."""
    page.wait_for_load_state("networkidle")
    text = IMAGES / f"{name}.txt"
    if IS_TAKEN:
        IMAGES.mkdir(exist_ok=True)
        page.screenshot(path=IMAGES / f"{name}.png")
        text.write_text(said(page))
    assert said(page) == text.read_text(), f"{name}.png is old: make pictures"
    assert (IMAGES / f"{name}.png").is_file()


@pytest.mark.parametrize(
    ("name", "path"), [("board", "/studies/harbour/"), ("groups", "/studies/harbour/groups/")]
)
def test_the_picture_of_a_public_page(
    board_site: str, browser: Browser, name: str, path: str
) -> None:
    page = Visit(browser, DESKTOP, "light").open(board_site + path)
    take(page, name)


def test_the_picture_of_a_battle_on_a_phone(
    live_server: LiveServer, browser: Browser, client: Client, db: None
) -> None:
    open_study()
    # Whoever is drawn, says the same.
    ChatModel.objects.update(base_url="bot:echo")
    begin(client)
    say(client, "I have half an hour and some leeks. What can I cook?")
    make_replies()
    visit = Visit(browser, PHONE, "light")
    sign_in(visit, live_server.url, client)
    take(visit.open(f"{live_server.url}/join/tea/battle/"), "battle")


def test_the_picture_of_a_study_s_page(
    board_site: str, browser: Browser, client: Client, board: Board
) -> None:
    client.force_login(make_admin())
    visit = Visit(browser, DESKTOP, "light")
    sign_in(visit, board_site, client)
    take(visit.open(f"{board_site}/admin/studies/study/{board.study_id}/change/"), "study")


def test_every_picture_is_shown_somewhere() -> None:
    pages = "".join(path.read_text() for path in folder().glob("*.md"))
    assert {path.name for path in IMAGES.glob("*.png")} == set(
        re.findall(r"\(images/([a-z-]+\.png)\)", pages)
    )
