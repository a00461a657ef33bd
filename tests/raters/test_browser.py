"""A rater's way in a real browser, with replies that stream from a worker of its own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from raters.models import Participation
from studies.models import Study
from tests.browser import DESKTOP, NARROW, PHONE, Visit, keep
from tests.raters.live_site import ALONE, ENDED, open_studies, serve_site
from tests.raters.live_study import SECRETS, open_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# The browser keeps what streams brought: a test can't read their bodies otherwise.
COLLECT_STREAMS = """
window.streamed = [];
const Plain = window.EventSource;
window.EventSource = class extends Plain {
  constructor(address) {
    super(address);
    this.addEventListener("reply", event => window.streamed.push(event.data));
  }
};
"""


@pytest.fixture(scope="module")
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    with serve_site(new_home(), set_up=open_studies) as address:
        yield address


class Way:
    """One rater's way; each page that she sees is checked and kept as a picture."""

    def __init__(self, visit: Visit, site: str, slug: str, pictures: Path) -> None:
        self.visit, self.page, self.slug = visit, visit.page, slug
        self.site, self.pictures = site, pictures
        self.seen: list[str] = []
        self.page.add_init_script(COLLECT_STREAMS)

    def look(self, name: str) -> None:
        """What stands on this page is accessible, fits, and was let through by the policy."""
        self.visit.look(self.pictures / f"{self.slug}-{name}.png")
        self.seen.append(self.page.content())
        self.seen += self.page.evaluate("window.streamed")

    def come_in(self, *, is_looked_at: bool = True, first: str = "Battle 1 of 2") -> None:
        look = self.look if is_looked_at else lambda name: None
        page = self.page
        page.goto(f"{self.site}/join/{self.slug}/?PROLIFIC_PID=rater-{self.slug}")
        look("1-why")
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("The full text").click()
        look("2-consent")
        page.get_by_role("button", name="I agree").click()
        look("3-about")
        page.get_by_label("18-34").check()
        page.get_by_role("button", name="Next").click()
        page.get_by_label("female", exact=True).check()
        page.get_by_role("button", name="Next").click()
        look("4-how")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", name=first)).to_be_visible()

    def say(self, text: str, *, number: int = 1) -> None:
        page = self.page
        page.get_by_label("Your message to").fill(text)
        page.get_by_role("button", name="Send").click()
        self.await_replies(number)

    def await_replies(self, number: int = 1) -> None:
        replies = self.page.locator(f'.reply[data-turn="{number}"]')
        # Where one assistant answers there is one, and no side to switch to.
        sides = 1 if self.slug in ALONE else 2
        expect(replies).to_have_count(sides)
        finished = self.page.locator(f'.reply[data-turn="{number}"][data-state="finished"]')
        expect(finished).to_have_count(sides, timeout=30_000)
        expect(self.page.locator("[data-compare]")).to_be_visible()


def test_a_rater_goes_the_whole_way_through_two_battles(
    site: str, browser: Browser, pictures: Path
) -> None:
    """On a phone; at a desk somebody does in `test_live_study`."""
    way = Way(Visit(browser, PHONE, "dark"), site, "phone", pictures)
    page = way.page
    way.come_in()
    way.look("5-battle")

    way.say("My oven is dirty. What do I use, and how long does it take?")
    assert page.evaluate("window.streamed.length") > 0
    expect(page.locator("[data-announce]")).to_have_text("A and B have answered.")
    expect(page.get_by_label("Your message to both sides")).to_have_value("")
    expect(page.get_by_label("Your message to both sides")).to_be_focused()
    a, b = page.locator('.reply[data-side="a"]'), page.locator('.reply[data-side="b"]')
    expect(b).not_to_be_visible()
    way.look("6-answered-a")
    tab = page.locator('.side-switch [data-show="b"]')
    expect(tab).to_contain_text("new")
    tab.click()
    expect(b).to_be_visible()
    expect(a).not_to_be_visible()
    expect(tab.locator(".news")).not_to_be_visible()
    way.look("6-answered")

    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    way.look("7-compare")
    page.locator("summary").click()
    way.look("7-look-back")
    page.locator(".answer:visible", has_text="About the same").click()
    expect(page.get_by_text("Which one was clearer?")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("Which one served you better?")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.locator(".answer:visible").nth(2).click()
    page.get_by_label("Why?").fill("It asked how dirty.")
    way.look("8-reason")
    page.get_by_role("button", name="Submit all answers").click()

    expect(page.get_by_role("heading", name="Battle 2 of 2")).to_be_visible()
    compare_by_keyboard_alone(way)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(page.get_by_text("CODE-COMPLETED")).to_be_visible()
    way.look("9-end")
    page.get_by_role("link", name="My data").click()
    for details in page.locator("details").all():
        details.locator("summary").click()
    expect(page.get_by_text("It asked how dirty.")).to_be_visible()
    way.look("10-my-data")
    received = "\n".join(way.seen).lower()
    assert [word for word in SECRETS if word.lower() in received] == []


def compare_by_keyboard_alone(way: Way) -> None:
    page = way.page
    page.get_by_label("Your message to both sides").focus()
    page.keyboard.type("And the windows?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    way.await_replies()
    page.get_by_role("link", name="Compare").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    assert "Which one was clearer?" in page.evaluate("document.activeElement.textContent")
    # Arrow keys only move the choice; Enter goes on.
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Question 3 of 3")).to_be_visible()
    page.keyboard.type("2 of them were 1")
    expect(page.get_by_label("Why?")).to_have_value("2 of them were 1")
    page.keyboard.press("Enter")


@pytest.mark.parametrize(("slug", "width"), [("alone-desktop", DESKTOP), ("alone-phone", PHONE)])
def test_one_assistant_alone_is_rated_by_pointer_and_by_keys(
    site: str,
    browser: Browser,
    pictures: Path,
    slug: str,
    width: int,
) -> None:
    is_phone = slug == "alone-phone"
    way = Way(Visit(browser, width, "dark" if is_phone else "light"), site, slug, pictures)
    page = way.page
    way.come_in(is_looked_at=is_phone, first="Conversation 1 of 1")
    way.look("5-battle")
    way.say("My oven is dirty. What do I use, and how long does it take?")
    assert page.evaluate("window.streamed.length") > 0
    expect(page.locator("[data-announce]")).to_have_text("The assistant has answered.")
    expect(page.get_by_label("Your message to the assistant")).to_be_focused()
    way.look("6-answered")
    page.get_by_role("link", name="Rate").click()
    expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    way.look("7-rate")
    if is_phone:
        boxes = [
            box for each in page.locator(".answer:visible").all() if (box := each.bounding_box())
        ]
        assert len(boxes) == 7
        assert min(min(box["height"], box["width"]) for box in boxes) >= 44
    page.locator(".answer:visible", has_text="7").click()
    expect(page.get_by_text("How clear was it?")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("radio", name="7 completely")).to_be_checked()
    page.keyboard.press("6")
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    page.keyboard.press("8")
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    page.keyboard.press("1")
    page.get_by_label("Why?").fill("It asked how dirty.")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("radio", name="1 not at all")).to_be_checked()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Submit all answers").click()
    expect(page.get_by_text("CODE-COMPLETED")).to_be_visible()
    received = "\n".join(way.seen).lower()
    assert [word for word in SECRETS if word.lower() in received] == []


def test_nothing_typed_is_lost_on_a_dropped_line_or_a_reload(
    site: str,
    browser: Browser,
    pictures: Path,
) -> None:
    way = Way(Visit(browser, DESKTOP, "light"), site, "polled", pictures)
    page = way.page
    way.come_in(is_looked_at=False)
    box = page.get_by_label("Your message to both sides")
    page.context.set_offline(True)
    box.fill("A long message")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("The connection dropped.")
    expect(box).to_have_value("A long message")
    page.context.set_offline(False)
    page.reload()
    expect(box).to_have_value("A long message")
    # Without a stream the page asks every second.
    page.route("**/stream/", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Send").click()
    way.await_replies()
    assert page.evaluate("window.streamed") == []
    page.reload()
    expect(box).to_have_value("")
    box.fill("Another one")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("its session has ended")
    page.goto(f"{site}/join/polled/?PROLIFIC_PID=rater-polled")
    page.get_by_role("button", name="Go on").click()
    expect(box).to_have_value("Another one")


def test_the_whole_way_works_without_a_script(
    site: str,
    browser: Browser,
    pictures: Path,
) -> None:
    page = enter_without_a_script(browser, site, "plain")
    for number in (1, 2):
        expect(page.get_by_role("heading", name=f"Battle {number} of 2")).to_be_visible()
        talk_without_a_script(page)
        keep(page, pictures / f"plain-{number}.png")
        page.get_by_role("link", name="Compare").click()
        for fieldset in page.locator("fieldset").all():
            fieldset.get_by_label("About the same").check()
        keep(page, pictures / f"plain-compare-{number}.png")
        page.get_by_role("button", name="Submit all answers").click()
    expect(page.get_by_text("CODE-COMPLETED")).to_be_visible()
    page.context.close()


def test_one_assistant_alone_is_rated_without_a_script(
    site: str,
    browser: Browser,
    pictures: Path,
) -> None:
    page = enter_without_a_script(browser, site, "alone-plain")
    talk_without_a_script(page)
    page.get_by_role("link", name="Rate").click()
    for fieldset in page.locator("fieldset").all():
        fieldset.get_by_label("5", exact=True).check()
    keep(page, pictures / "alone-plain-rate.png")
    page.get_by_role("button", name="Submit all answers").click()
    expect(page.get_by_text("CODE-COMPLETED")).to_be_visible()
    page.context.close()


def enter_without_a_script(browser: Browser, site: str, slug: str) -> Page:
    """A phone without JavaScript, at the first battle."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.goto(f"{site}/join/{slug}/?PROLIFIC_PID=rater-{slug}")
    for button in ("Go on", "I agree"):
        page.get_by_role("button", name=button).click()
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Begin").click()
    return page


def talk_without_a_script(page: Page) -> None:
    page.get_by_label("Your message to").fill("How do I clean a pan?")
    page.get_by_role("button", name="Send").click()
    for _ in range(80):
        if page.locator("[data-compare]").is_visible():
            break
        page.get_by_role("link", name=re.compile("^Show .*repl")).click()
        page.wait_for_timeout(250)


def test_whatever_can_be_pressed_is_large_enough_for_a_thumb(
    site: str,
    browser: Browser,
    pictures: Path,
) -> None:
    way = Way(Visit(browser, NARROW, "light"), site, "narrow", pictures)
    way.come_in(is_looked_at=False)
    way.say("How do I clean a pan?")
    heights: list[float] = []
    for path in ("battle/", "battle/1/compare/", "my-data/", "leave/"):
        way.page.goto(f"{site}/join/narrow/{path}")
        controls = way.page.locator("button, summary, .button, .choice, .answer, .masthead a")
        heights += [box["height"] for each in controls.all() if (box := each.bounding_box())]
    assert min(heights) >= 44


def test_pages_beside_the_way_are_accessible_as_well(
    site: str, browser: Browser, pictures: Path
) -> None:
    way = Way(Visit(browser, PHONE, "light"), site, "beside", pictures)
    page = way.page
    page.goto(f"{site}/join/{ENDED}/?PROLIFIC_PID=late")
    expect(page.get_by_role("heading", name="The study has ended")).to_be_visible()
    way.look("ended")
    for slug, group in (("beside", "I would rather not say"), ("full", "18-34")):
        page.goto(f"{site}/join/{slug}/?PROLIFIC_PID=beside")
        for button in ("Go on", "I agree"):
            page.get_by_role("button", name=button).click()
        for each in (group, "female"):
            page.get_by_label(each, exact=True).check()
            page.get_by_role("button", name="Next").click()
        expect(page.locator("h1")).to_have_text(
            "Without an answer we have no place to give"
            if slug == "beside"
            else "Your group is full"
        )
        way.look(f"no-place-{slug}")
    page.goto(f"{site}/join/beside/no-place/")
    page.get_by_role("button", name="Leave the study").click()
    expect(page.get_by_role("heading", name="That is all right")).to_be_visible()
    way.look("declined")


def test_a_failed_side_and_leaving_are_accessible_as_well(
    site: str, browser: Browser, pictures: Path
) -> None:
    way = Way(Visit(browser, PHONE, "light"), site, "beside", pictures)
    page = way.page
    way.come_in(is_looked_at=False)
    way.say("How do I clean a pan?")
    page.evaluate("document.querySelector('.reply').dataset.state = 'failed'")
    expect(page.get_by_role("button", name="Retry A")).to_be_visible()
    way.look("failed")
    page.get_by_role("link", name="Leave").click()
    way.look("leave")
    page.get_by_role("button", name="Leave the study").click()
    expect(page.get_by_text("CODE-RETURNED")).to_be_visible()
    way.look("left")


@pytest.mark.django_db(transaction=True)
def test_pages_where_the_way_breaks_off_are_accessible_as_well(
    transactional_db: None, live_server: Any, browser: Browser, pictures: Path
) -> None:
    open_study("off")
    way = Way(Visit(browser, PHONE, "light"), str(live_server.url), "off", pictures)
    page = way.page
    way.come_in(is_looked_at=False)

    def find(heading: str, name: str) -> None:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        way.look(name)

    Study.objects.update(state="paused")
    page.reload()
    find("The study is taking a break", "resting")
    Study.objects.update(state="closed")
    page.reload()
    find("The study has ended", "ended-meanwhile")
    Study.objects.update(state="open")
    for state, heading in (
        ("timed_out", "Your place has gone back"),
        ("struck_out", "Your part in the study has ended"),
    ):
        Participation.objects.update(state=state)
        page.goto(f"{way.site}/join/off/end/")
        find(heading, state)
    Participation.objects.update(state="active")
    page.goto(f"{way.site}/join/off/battle/")
    page.get_by_label("Your message to both sides").fill("A long message")
    page.context.clear_cookies(name="sessionid")
    page.evaluate("document.querySelector('[data-write]').submit()")
    find("This browser is no longer known to the study", "expired")
    expect(page.get_by_text("A long message")).to_be_visible()
    Study.objects.update(state="paused")
    page.goto(f"{way.site}/join/off/?PROLIFIC_PID=another")
    find("The study is taking a break", "paused")
