"""Attention checks on a phone: the questions before, an item, and a conversation shown again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, Visit
from tests.raters.live_site import serve_site
from tests.raters.live_study import open_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def open_checked() -> None:
    """A study of one battle, with two questions before it, an item in it, and it once more."""
    study = open_study(battles_each=1)
    for question, right, wrong in (
        ("Who answers what you write?", "Both A and B", "Only A"),
        ("You see no difference. What do you answer?", "About the same", "A, as it comes first"),
    ):
        study.checks.create(
            kind="comprehension", question=question, answers=f"{wrong}\n{right}", accepted=right
        )
    # One wrong answer is a slip.
    for letter in "B", "A":
        study.checks.create(
            kind="instructed", question=f"Please choose {letter} here.", accepted=letter
        )
    study.checks.create(kind="repeat")


@pytest.fixture(scope="module")
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    with serve_site(new_home(), set_up=open_checked) as address:
        yield address


def come_in(page: Page, address: str) -> None:
    page.goto(f"{address}/join/tea/?PROLIFIC_PID=ann")
    expect(page.get_by_text("You do this 2 times")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="I agree").click()
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        page.get_by_role("button", name="Next").click()


def judge(page: Page, answers: dict[str, str]) -> None:
    """Answer each question as it comes, one a step, and send all of them."""
    for _ in range(len(answers)):
        asked = page.locator("fieldset.question:visible")
        words = asked.locator("legend").inner_text()
        answer = next(answer for question, answer in answers.items() if question in words)
        asked.get_by_text(answer, exact=True).click()
        expect(page.locator("fieldset.question:visible").get_by_text(words)).to_have_count(0)
    page.get_by_role("button", name="Submit all answers").click()


def test_a_rater_meets_them_on_her_phone(site: str, browser: Browser, pictures: Path) -> None:
    visit = Visit(browser, PHONE, "light")
    page = visit.page
    come_in(page, site)
    visit.look(pictures / "checks-1-questions.png")
    page.get_by_label("Only A").check()
    page.get_by_label("About the same", exact=True).check()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("1 of your answers does not fit")
    expect(page.get_by_label("About the same", exact=True)).to_be_checked()
    visit.look(pictures / "checks-2-again.png")
    page.get_by_label("Both A and B").check()
    page.get_by_role("button", name="Begin").click()

    expect(page.get_by_role("heading", name="Battle 1 of 2")).to_be_visible()
    text = "My oven is dirty. What do I use, and how long does it take?"
    page.get_by_label("Your message to both sides").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("[data-compare]").click(timeout=30_000)
    visit.look(pictures / "checks-3-compare.png")
    once = {"Which one served": "A", "Which one was clearer": "About the same"}
    wrong = {f"Please choose {letter} here.": "About the same" for letter in "AB"}
    judge(page, once | wrong)

    expect(page.get_by_role("heading", name="Battle 2 of 2")).to_be_visible()
    expect(page.get_by_text("This conversation you had before.")).to_be_visible()
    expect(page.locator(".strike")).to_contain_text("you chose “About the same”")
    expect(page.locator(".said")).to_contain_text("My oven is dirty.")
    visit.look(pictures / "checks-4-once-more.png")
    page.get_by_role("button", name="I have read this").click()
    expect(page.locator(".strike")).to_have_count(0)
    judge(page, once | {"Which one served": "B"})
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
