"""A rater's way in German in a real browser on a narrow phone, the language chosen in the footer.

Everything that the script says besides comes with the page: it is looked for here as well.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import NARROW, Visit
from tests.catalogues import GERMAN, english_on
from tests.raters.live_site import open_studies, serve_site

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

MAGNIFIED = 320


@pytest.fixture(scope="module")
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    with serve_site(new_home(), set_up=open_studies) as address:
        yield address


class GermanWay:
    """One rater's way; each page is accessible, fits, and has no English sentence on it."""

    def __init__(self, browser: Browser, pictures: Path) -> None:
        self.visit = Visit(browser, NARROW, "light")
        self.page: Page = self.visit.page
        self.pictures = pictures

    def look(self, name: str) -> None:
        self.visit.look(self.pictures / f"german-{name}.png")
        assert self.page.evaluate("document.documentElement.lang") == "de", name
        assert english_on(self.page.content(), GERMAN) == set(), name
        for button in self.page.locator(".languages button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44, name
        # What fits a screen of 1280 at 400 % has nothing to scroll sideways either.
        page = self.page
        page.set_viewport_size({"width": MAGNIFIED, "height": 256})
        assert page.evaluate("document.documentElement.scrollWidth") == MAGNIFIED, name
        page.set_viewport_size({"width": NARROW, "height": 900})

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def compare(self) -> None:
        """Answer the first question by the keyboard, the second by pointing, and send."""
        page = self.page
        page.get_by_role("link", name="Vergleichen").click()
        expect(page.get_by_text("Frage 1 von 3")).to_be_visible()
        self.look("compare")
        page.keyboard.press("2")
        expect(page.get_by_text("Frage 2 von 3")).to_be_visible()
        page.locator(".answer:visible", has_text="Etwa gleich").click()
        expect(page.get_by_label("Warum?")).to_be_visible()
        self.look("reason")
        self.press("Alle Antworten abschicken")


def test_the_whole_way_in_german_on_a_narrow_phone(
    site: str, browser: Browser, pictures: Path
) -> None:
    way = GermanWay(browser, pictures)
    page = way.page
    page.goto(f"{site}/join/phone/?PROLIFIC_PID=anna")
    expect(page.get_by_role("button", name="English (UK)")).to_have_attribute(
        "aria-current", "true"
    )
    way.press("Deutsch")
    expect(page).to_have_url(f"{site}/join/phone/?PROLIFIC_PID=anna")
    way.look("why")
    way.press("Weiter")
    page.get_by_text("Der vollständige Text, Version 1").click()
    way.look("consent")
    way.press("Ich stimme zu")
    way.look("about")
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        way.press("Weiter")
    way.look("how")
    way.press("Beginnen")
    for number in (1, 2):
        expect(page.get_by_role("heading", name=f"Vergleich {number} von 2")).to_be_visible()
        way.look(f"battle-{number}")
        page.get_by_label("Ihre Nachricht an beide Seiten").fill("Wie putze ich meinen Ofen?")
        way.press("Senden")
        expect(page.locator('.reply[data-state="finished"]')).to_have_count(2)
        expect(page.locator("[data-announce]")).to_have_text("A und B haben geantwortet.")
        expect(page.get_by_text("1 von höchstens 3 Nachrichten")).to_be_visible()
        way.look(f"answered-{number}")
        way.compare()
    expect(page.get_by_role("heading", name="Danke")).to_be_visible()
    way.look("end")
    page.get_by_role("link", name="Meine Daten").click()
    for details in page.locator("details").all():
        details.locator("summary").click()
    way.look("my-data")
    page.get_by_role("link", name="Widerrufen und löschen …").click()
    way.look("withdraw")
    way.press("Widerrufen und löschen")
    expect(page.get_by_role("heading", name="Es ist erledigt")).to_be_visible()
    way.look("withdrawn")


def test_what_the_script_says_of_a_dropped_line_is_german(
    site: str, browser: Browser, pictures: Path
) -> None:
    way = GermanWay(browser, pictures)
    page = way.page
    page.goto(f"{site}/join/narrow/?PROLIFIC_PID=berta")
    way.press("Deutsch")
    way.press("Weiter")
    way.press("Ich stimme zu")
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        way.press("Weiter")
    way.press("Beginnen")
    box = page.get_by_label("Ihre Nachricht an beide Seiten")
    box.fill("Wie putze ich meinen Ofen?")
    page.context.set_offline(True)
    way.press("Senden")
    expect(page.get_by_role("alert")).to_contain_text("Die Verbindung ist abgebrochen.")
    page.context.set_offline(False)
    page.context.clear_cookies(name="sessionid")
    way.press("Senden")
    expect(page.get_by_role("alert")).to_contain_text("Die Studie kennt diesen Browser nicht mehr")
    expect(page.get_by_role("alert").get_by_role("link")).to_have_text("Dort weitermachen")
