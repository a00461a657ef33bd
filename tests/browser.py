"""Debian's Chromium for every test that wants it, and a page that remembers complaints."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

DESKTOP, PHONE, NARROW = 1280, 375, 360
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
