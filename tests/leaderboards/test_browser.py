"""Pages in a real browser: accessibility, keyboard, policy, and room on a phone."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from leaderboards.models import Board
from tests.browser import DESKTOP, NARROW, Visit, flaws_of

pytestmark = pytest.mark.one_database

PAGES = {
    "home": "/",
    "board": "/studies/harbour/",
    "group": "/studies/harbour/?dimension=trust&group=age%3D18-34",
    "ratings": "/studies/rated/",
    "refused": "/studies/parted/",
    "sampling": "/studies/harbour/sampling/",
    "integrity": "/studies/harbour/integrity/",
    "sampling of ratings": "/studies/rated/sampling/",
    "contestant": "/studies/harbour/contestants/cedar/",
    "contestant rated": "/studies/rated/contestants/ash/",
    "head to head": "/studies/harbour/head-to-head/",
    "groups": "/studies/harbour/groups/",
    "groups rated": "/studies/rated/groups/",
    "dimensions": "/studies/harbour/dimensions/?dimension=trust",
    "history": "/studies/harbour/history/",
    "wall": "/studies/harbour/wall/",
    "wall of ratings": "/studies/rated/wall/",
    "method": "/studies/harbour/method/",
    "method of ratings": "/studies/rated/method/",
    "unknown table": "/studies/harbour/?group=x",
    "sign-in": "/accounts/login/",
}


@pytest.fixture
def site(
    browser: Browser,
    live_server: LiveServer,
    board: Board,
    rating_board: Board,
    refused_board: Board,
) -> str:
    """The address of a site with a board of verdicts, one of ratings, and a refused one."""
    return str(live_server.url)


def test_axe_finds_nothing_and_the_console_stays_silent(site: str, browser: Browser) -> None:
    visit = Visit(browser, DESKTOP, "light")
    for name, path in PAGES.items():
        page = visit.open(site + path)
        if name == "board":
            unfold(page)
        assert flaws_of(page) == [], name
        assert visit.complaints == [], name


def test_on_a_narrow_phone_in_the_dark_pages_are_as_good_and_for_a_thumb(
    site: str, browser: Browser
) -> None:
    visit = Visit(browser, NARROW, "dark")
    for name, path in PAGES.items():
        page = visit.open(site + path)
        controls = page.locator("button, select, summary, .button, .tabs a, .masthead a")
        heights = [box["height"] for each in controls.all() if (box := each.bounding_box())]
        # On a wall nothing is pressed.
        assert heights or name.startswith("wall"), name
        assert min(heights, default=44) >= 44, name
        unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, name
        assert flaws_of(page) == [], name
        assert visit.complaints == [], name


def unfold(page: Page) -> None:
    for details in page.locator("details").all():
        details.locator("summary").click()


def test_a_dimension_is_changed_by_the_keyboard_alone(site: str, browser: Browser) -> None:
    page = Visit(browser, DESKTOP, "light").open(f"{site}/studies/harbour/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Trust"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**dimension=trust**")
    expect(page.locator(".tabs [aria-current=page]")).to_have_text("Trust")


def test_a_group_is_chosen_by_the_keyboard_alone(site: str, browser: Browser) -> None:
    page = Visit(browser, DESKTOP, "light").open(f"{site}/studies/harbour/")
    page.locator("#group").focus()
    page.keyboard.type("South")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**group=shore%3Dsouth**")
    expect(page.locator(".finding .kicker")).to_contain_text("Shore: South")


def test_a_printed_board_leaves_out_what_paper_cannot_press(site: str, browser: Browser) -> None:
    page = Visit(browser, DESKTOP, "light").open(f"{site}/studies/harbour/")
    page.emulate_media(media="print")
    assert not page.locator(".picker").is_visible()
    assert page.locator("table.board").is_visible()
