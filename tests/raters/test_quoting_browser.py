"""Letting words be published, and reading them, in a real browser: by keyboard, on a phone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from leaderboards.models import Board
from raters.models import Battle, Participation
from studies.models import Study
from tests.browser import DESKTOP, NARROW, PHONE, Visit
from tests.cast import NOW
from tests.raters.live_study import open_study
from tests.raters.test_entry_browser import Phone

pytestmark = [pytest.mark.one_database, pytest.mark.django_db(transaction=True)]

LONG = "B kept going on and on " * 20 + "x" * 80


def test_she_agrees_by_keyboard_alone_and_takes_it_back(
    transactional_db: None, live_server: Any, browser: Browser, pictures: Path
) -> None:
    Study.objects.filter(pk=open_study().pk).update(asks_to_quote=True)
    phone = Phone(browser, "light", pictures)
    page = phone.page
    page.goto(f"{live_server.url}/join/tea/?PROLIFIC_PID=p-1")
    phone.press("Go on")
    box = page.get_by_label("What I write may be published, without my name")
    expect(box).not_to_be_checked()
    phone.look("words-1-consent")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        phone.press("Next")
    assert Participation.objects.get().words_released_at is not None
    page.goto(f"{live_server.url}/join/tea/my-data/")
    phone.look("words-2-released")
    phone.press("Publish nothing of it any more")
    expect(page.get_by_text("What you write is not published.")).to_be_visible()
    phone.look("words-3-taken-back")
    assert Participation.objects.get().words_released_at is None


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_what_people_said_is_filtered_by_the_keyboard_and_leafed_through(
    live_server: Any, browser: Browser, board: Board, pictures: Path, width: int, scheme: str
) -> None:
    study = board.study
    Study.objects.filter(pk=study.pk).update(asks_to_quote=True)
    Battle.objects.filter(participation__study=study).update(reason="A asked back, B did not.")
    Battle.objects.filter(participation__study=study, side_a__name="Cedar").update(reason=LONG)
    study.participations.update(words_released_at=NOW)
    visit = Visit(browser, width, scheme)
    page = visit.open(f"{live_server.url}/studies/harbour/contestants/cedar/")
    said = page.locator("#said")
    expect(said.locator("blockquote")).to_have_count(6)
    visit.look(pictures / f"said-{scheme}-1.png")
    said.locator("#said-group").focus()
    page.keyboard.type("South")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**said=shore%3Dsouth**")
    said.get_by_text("Whose words these are").click()
    visit.look(pictures / f"said-{scheme}-2.png")
    said.get_by_role("link", name="More").click()
    page.wait_for_url("**page=2**")
    expect(said.get_by_role("link", name="Back")).to_be_visible()
    for control in said.locator("button, select, summary, .button").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    study.participations.update(words_released_at=None)
    visit.open(f"{live_server.url}/studies/harbour/contestants/cedar/")
    expect(said.get_by_text("No words yet")).to_be_visible()
    visit.look(pictures / f"said-{scheme}-3.png")


def test_words_fit_on_a_narrow_phone(live_server: Any, browser: Browser, board: Board) -> None:
    Study.objects.update(asks_to_quote=True)
    Battle.objects.update(reason="x" * 300)
    Participation.objects.update(words_released_at=NOW)
    page = Visit(browser, NARROW, "light").open(
        f"{live_server.url}/studies/harbour/contestants/cedar/"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW
