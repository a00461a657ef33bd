"""Pages in a real browser: accessibility, keyboard, policy, and room on a phone."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from leaderboards.models import Board

pytestmark = pytest.mark.one_database

DESKTOP, PHONE, NARROW = 1280, 375, 360
PAGES = {
    "home": "/",
    "board": "/studies/harbour/",
    "group": "/studies/harbour/?dimension=trust&group=age%3D18-34",
    "refused": "/studies/parted/",
    "unknown table": "/studies/harbour/?group=x",
    "sign-in": "/accounts/login/",
}
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
# The browser reports what the policy blocked to the page; we keep it where a test can read it.
COLLECT_VIOLATIONS = """
window.blocked = [];
document.addEventListener("securitypolicyviolation",
    event => window.blocked.push(event.violatedDirective + " " + event.blockedURI));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        line = "!!! chromium was not found: THE TESTS IN A BROWSER WERE NOT RUN !!!"
        if "chromium" in os.environ.get("HUSTINGS_REQUIRE", "").split(","):
            pytest.fail(f"{line} HUSTINGS_REQUIRE names chromium: this is a failure.")
        pytest.skip(line)
    with (
        pytest.MonkeyPatch.context() as environment,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS) as launched,
    ):
        # Playwright keeps an event loop running in this thread: Django would refuse every query.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield launched


@pytest.fixture
def site(
    settings: Any,
    browser: Browser,
    live_server: LiveServer,
    board: Board,
    refused_board: Board,
) -> str:
    """The address of a site with a published board and a refused one."""
    backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": backend}}
    return str(live_server.url)


class Visit:
    """A page that remembers what the browser complained of."""

    def __init__(self, browser: Browser, width: int, scheme: Any) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.add_init_script(COLLECT_VIOLATIONS)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))

    def open(self, address: str) -> Page:
        self.complaints.clear()
        self.page.goto(address)
        self.complaints += self.page.evaluate("window.blocked")
        return self.page

    def _hear(self, kind: str, text: str) -> None:
        # A 404 page is a page like any other; the browser logs its status as an error.
        if kind in {"error", "warning"} and "status of 404" not in text:
            self.complaints.append(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_axe_finds_nothing_and_the_console_stays_silent(
    site: str, browser: Browser, width: int, scheme: str
) -> None:
    visit = Visit(browser, width, scheme)
    axe = Axe()
    for name, path in PAGES.items():
        page = visit.open(site + path)
        if name == "board":
            for details in page.locator("details").all():
                details.locator("summary").click()
        found = axe.run(page).response["violations"]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == [], name
        assert visit.complaints == [], name


def test_no_page_scrolls_sideways_on_a_narrow_phone(site: str, browser: Browser) -> None:
    visit = Visit(browser, NARROW, "light")
    for name, path in PAGES.items():
        page = visit.open(site + path)
        for details in page.locator("details").all():
            details.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, name


def test_whatever_can_be_pressed_is_large_enough_for_a_thumb(site: str, browser: Browser) -> None:
    visit = Visit(browser, PHONE, "light")
    for name, path in PAGES.items():
        page = visit.open(site + path)
        controls = page.locator("button, select, summary, .button, .tabs a, .masthead a")
        heights = [box["height"] for each in controls.all() if (box := each.bounding_box())]
        assert heights, name
        assert min(heights) >= 44, name


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
    assert page.locator(".tabs [aria-current=page]").text_content() == "Trust"


def test_a_group_is_chosen_by_the_keyboard_alone(site: str, browser: Browser) -> None:
    page = Visit(browser, DESKTOP, "light").open(f"{site}/studies/harbour/")
    page.locator("#group").focus()
    page.keyboard.type("South")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**group=shore%3Dsouth**")
    assert "Shore: South" in page.locator(".finding .kicker").inner_text()


def test_a_printed_board_leaves_out_what_paper_cannot_press(site: str, browser: Browser) -> None:
    page = Visit(browser, DESKTOP, "light").open(f"{site}/studies/harbour/")
    page.emulate_media(media="print")
    assert not page.locator(".picker").is_visible()
    assert page.locator("table.board").is_visible()
