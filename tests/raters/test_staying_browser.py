"""Time and keys on a rater's pages: she is warned, she stays, and keys can be turned off."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser import DESKTOP, NARROW, PHONE, Visit
from tests.raters.live_site import serve_site
from tests.raters.live_study import open_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# A busy machine takes its time as well.
KEPT = re.compile(r"^Your place is kept for (60|5\d) minutes, and longer with each thing you do\.$")
ENDING = "Your place goes back in less than 5 minutes. Go on, or say that you are still here."
SLUGS = ("how", "battle", "compare", "plain", "keys", "lost")


def open_studies() -> None:
    """A study for each test, of places that are kept for an hour."""
    for slug in SLUGS:
        open_study(slug, battles_each=1)


@pytest.fixture(scope="module")
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    with serve_site(new_home(), set_up=open_studies) as address:
        yield address


def come_in(page: Page, address: str, *, begins: bool = True) -> None:
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.goto(f"{address}/?PROLIFIC_PID=ann-{width}")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="I agree").click()
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        page.get_by_role("button", name="Next").click()
    if begins:
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", name="Battle 1 of 1")).to_be_visible()


def talk(page: Page) -> None:
    """Up to the first question."""
    page.get_by_label("Your message to both sides").fill("My oven is dirty. What do I use?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()


def tell_nothing_of_her_place(route: Route) -> None:
    """It would tell of the server's clock, which nobody has moved."""
    answer = route.fetch()
    told = answer.json()
    told.get("page", {}).pop("place", None)
    route.fulfill(response=answer, json=told)


def place_on(page: Page) -> Locator:
    return page.locator("[data-place-words]")


def button_on(page: Page) -> Locator:
    return page.get_by_role("button", name="I am still here")


def test_she_is_warned_while_she_reads_how_it_works(
    site: str, browser: Browser, pictures: Path
) -> None:
    visit = Visit(browser, NARROW, "light")
    page = visit.page
    page.clock.install()
    come_in(page, f"{site}/join/how", begins=False)
    expect(place_on(page)).to_have_text(KEPT)
    expect(button_on(page)).not_to_be_visible()
    visit.look(pictures / "place-1-kept.png")
    page.clock.fast_forward("50:00")
    expect(place_on(page)).to_have_text(KEPT)
    page.clock.fast_forward("06:00")
    expect(place_on(page)).to_have_text(ENDING)
    expect(place_on(page)).to_have_attribute("role", "status")
    expect(button_on(page)).to_be_in_viewport()
    # However far down she is.
    page.get_by_role("button", name="Begin").scroll_into_view_if_needed()
    expect(button_on(page)).to_be_in_viewport()
    box = button_on(page).bounding_box()
    assert box is not None
    assert box["height"] >= 44
    visit.look(pictures / "place-2-ending.png")
    button_on(page).click()
    expect(place_on(page)).to_have_text(KEPT)
    expect(button_on(page)).not_to_be_visible()
    visit.look(pictures / "place-3-kept-again.png")
    page.clock.fast_forward("56:00")
    expect(place_on(page)).to_have_text(ENDING)


def test_in_a_battle_she_goes_on_typing_where_she_was(
    site: str, browser: Browser, pictures: Path
) -> None:
    visit = Visit(browser, PHONE, "dark")
    page = visit.page
    page.clock.install()
    page.route("**/replies/", tell_nothing_of_her_place)
    come_in(page, f"{site}/join/battle")
    expect(button_on(page)).not_to_be_visible()
    box = page.get_by_label("Your message to both sides")
    box.fill("My oven is")
    box.focus()
    page.clock.fast_forward("56:00")
    expect(place_on(page)).to_have_text(ENDING)
    expect(button_on(page)).to_be_in_viewport()
    expect(box).to_be_focused()
    visit.look(pictures / "place-4-battle.png")
    button_on(page).focus()
    page.keyboard.press("Enter")
    expect(button_on(page)).not_to_be_visible()
    expect(box).to_be_focused()
    expect(box).to_have_value("My oven is")
    # What she sends keeps it as well.
    page.clock.fast_forward("56:00")
    expect(button_on(page)).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(button_on(page)).not_to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_while_comparing_what_she_chose_stays(site: str, browser: Browser, pictures: Path) -> None:
    visit = Visit(browser, DESKTOP, "light")
    page = visit.page
    page.clock.install()
    come_in(page, f"{site}/join/compare")
    talk(page)
    expect(place_on(page)).to_have_text(KEPT)
    page.clock.fast_forward("01:01:00")
    expect(place_on(page)).to_contain_text("is over")
    visit.look(pictures / "place-5-over.png")
    page.context.set_offline(True)
    button_on(page).click()
    expect(place_on(page)).to_contain_text("The connection dropped.")
    page.context.set_offline(False)
    button_on(page).click()
    expect(place_on(page)).to_have_text(KEPT)
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()


def test_a_place_that_is_gone_leads_on(site: str, browser: Browser) -> None:
    """She has left in another window."""
    page = Visit(browser, PHONE, "light").page
    page.clock.install()
    page.route("**/replies/", tell_nothing_of_her_place)
    come_in(page, f"{site}/join/lost")
    other = page.context.new_page()
    other.goto(f"{site}/join/lost/leave/")
    other.get_by_role("button", name="Leave the study").click()
    other.close()
    page.clock.fast_forward("56:00")
    button_on(page).click()
    place_on(page).get_by_role("link", name="Go on there").click()
    expect(page.get_by_text("CODE-RETURNED")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_without_a_script_the_button_is_there_and_nothing_typed_is_lost(
    site: str, browser: Browser
) -> None:
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": DESKTOP, "height": 900}
    )
    page = context.new_page()
    come_in(page, f"{site}/join/plain")
    expect(place_on(page)).to_have_text(KEPT)
    box = page.get_by_label("Your message to both sides")
    box.fill("My oven is")
    with context.expect_page() as opened:
        button_on(page).click()
    expect(opened.value.get_by_role("heading", name="Your place is kept")).to_be_visible()
    expect(opened.value.get_by_text(KEPT)).to_have_count(1)
    expect(box).to_have_value("My oven is")
    # Nor are there keys, or a switch for them.
    page.get_by_role("button", name="Send").click()
    while not page.get_by_role("link", name="Compare").is_visible():
        page.get_by_role("link", name="Show replies").click()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("Which one served you better?")).to_be_visible()
    expect(page.get_by_role("button", name="Keys")).not_to_be_visible()
    expect(page.locator("kbd:visible")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_keys_are_turned_off_and_stay_off(
    site: str, browser: Browser, pictures: Path, width: int
) -> None:
    visit = Visit(browser, width, "light")
    page = visit.page
    come_in(page, f"{site}/join/keys")
    talk(page)
    switch = page.get_by_role("button", name="Keys", exact=True)
    hints = page.locator(".answer kbd:visible")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(hints).to_have_count(3 if width == DESKTOP else 0)
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(hints).to_have_count(0)
    page.keyboard.press("1")
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    expect(page.locator(".question:visible input:checked")).to_have_count(0)
    visit.look(pictures / f"keys-off-{width}.png")
    page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("1")
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    # Pointing and the keys of every form go on working.
    page.get_by_role("radio", name="A", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    switch.click()
    page.keyboard.press("3")
    expect(page.get_by_text("Question 3 of 3")).to_be_visible()
    visit.look(pictures / f"keys-on-{width}.png")
