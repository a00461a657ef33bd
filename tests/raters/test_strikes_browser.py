"""Strikes on a phone, from the screens of a whole site: seen at once, objected to, and the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, Visit, flaws_of, keep
from tests.raters.live_site import serve_site
from tests.raters.live_study import open_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

MASHED = ("sdfghjkl qwrtzp <b>xcvbnm</b>", "qwrtzp xcvbnm dfghjklk", "asdfjkl sdfghj wqxzkjv dfgh")
COUNT = "[data-strike-count]"


def open_two() -> None:
    """A study for each way of looking."""
    for slug in ("light", "dark"):
        open_study(slug)


@pytest.fixture(scope="module")
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    with serve_site(new_home(), set_up=open_two) as address:
        yield address


def look(visit: Visit, picture: Path) -> None:
    """What stands on this page is accessible, fits, and was let through by the policy."""
    page = visit.page
    keep(page, picture)
    assert flaws_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    for control in page.locator(".strike button, .strike summary").all():
        box = control.bounding_box()
        assert box is None or box["height"] >= 44, control.inner_text()
    assert visit.complaints == []


def come_in(page: Page, address: str) -> None:
    page.goto(f"{address}?PROLIFIC_PID=ann")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="I agree").click()
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Begin").click()


def say(page: Page, text: str, number: int) -> None:
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    page.get_by_label("Your message to both sides").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".turn")).to_have_count(number)


def paste(page: Page, text: str) -> None:
    """What the page hears of a paste; the box keeps what it holds."""
    page.get_by_label("Your message to both sides").evaluate(
        "(box, text) => { const data = new DataTransfer(); data.setData('text/plain', text);"
        "box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })); }",
        text,
    )


def test_a_strike_appears_on_the_open_page_and_she_objects(
    site: str,
    browser: Browser,
    pictures: Path,
) -> None:
    scheme = "dark"
    visit = Visit(browser, PHONE, scheme)
    page, address = visit.page, f"{site}/join/{scheme}/"
    come_in(page, address)
    expect(page.locator(COUNT)).to_have_text("Strikes 0 of 3")
    paste(page, MASHED[0])
    say(page, MASHED[0], 1)
    card = page.get_by_role("region", name="Strike 1: Text that can’t be read")
    expect(card).to_be_in_viewport()
    expect(card).to_contain_text(f"Your message “{MASHED[0]}” is no text that can be read.")
    expect(card).to_contain_text("2 more strikes would end your part")
    expect(page.locator(COUNT)).to_have_text("Strikes 1 of 3")

    box = page.get_by_label("Your message to both sides")
    box.fill("What I type meanwhile stays.")
    card.get_by_text("I think this is wrong").click()
    card.get_by_label("Why?").fill("My cat walked over the keys.")
    look(visit, pictures / f"strike-{scheme}-1-card.png")
    card.get_by_role("button", name="Send to a person").click()
    expect(card).to_have_count(0)
    expect(page.locator(COUNT)).to_have_text("Strikes 1 of 3")
    expect(box).to_have_value("What I type meanwhile stays.")

    say(page, MASHED[1], 2)
    second = page.get_by_role("region", name="Strike 2")
    second.get_by_role("button", name="I have read this").click()
    expect(second).to_have_count(0)
    say(page, MASHED[2], 3)
    expect(page.get_by_text("Your part in the study has ended.")).to_be_visible()
    # The browser logs the refusal as an error.
    visit.complaints.clear()
    page.get_by_role("link", name="Go on there").click()
    expect(page.get_by_text("your pay is not decided by a machine")).to_be_visible()
    expect(page.locator(".strike")).to_have_count(3)
    expect(page.get_by_text("My cat walked over the keys.")).to_be_visible()
    page.get_by_text("I think this is wrong").first.click()
    look(visit, pictures / f"strike-{scheme}-2-end.png")

    data = page.request.get(f"{address}my-data.json").json()
    told = [message["pasted_signs"] for message in data["battles"][0]["messages"]]
    assert told == [len(MASHED[0]), 0, 0]
