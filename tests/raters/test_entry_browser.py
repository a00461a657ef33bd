"""Signing up by a code and withdrawing, in a real browser at a phone's width, without a script."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from raters.models import Participation
from studies.models import Study
from tests.browser import PHONE, Visit, flaws_of, keep
from tests.raters.live_study import open_study

pytestmark = [pytest.mark.one_database, pytest.mark.django_db(transaction=True)]


class Phone:
    """Pages on a phone, each checked and kept as a picture."""

    def __init__(self, browser: Browser, scheme: str, pictures: Path) -> None:
        self.visit = Visit(browser, PHONE, scheme)
        self.page: Page = self.visit.page
        self.scheme, self.pictures = scheme, pictures

    def look(self, name: str) -> None:
        """What stands on this page is accessible, fits, and was let through by the policy."""
        keep(self.page, self.pictures / f"entry-{self.scheme}-{name}.png")
        assert flaws_of(self.page) == [], name
        assert self.page.evaluate("document.documentElement.scrollWidth") == PHONE, name
        controls = self.page.locator("main button, main .button, main summary, main .choice")
        for control in controls.all():
            box = control.bounding_box()
            assert box is None or box["height"] >= 44, (name, control.inner_text())
        assert self.visit.complaints == [], name

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


def code_sent() -> str:
    found = re.search(r"^ +(\d{6})$", mail.outbox[-1].body, re.MULTILINE)
    assert found is not None
    return found[1]


def test_a_rater_signs_up_by_a_code_and_has_everything_erased(
    transactional_db: None, live_server: Any, browser: Browser, pictures: Path
) -> None:
    cache.clear()
    Study.objects.filter(pk=open_study().pk).update(entrance=Study.Entrance.ACCOUNT)
    phone = Phone(browser, "dark", pictures)
    page = phone.page
    page.goto(f"{live_server.url}/join/tea/")
    phone.press("Go on")
    phone.look("1-address")
    page.get_by_label("Your e-mail address").fill("ann@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Type the six digits")).to_be_visible()
    page.get_by_label("The six digits").fill("12 34 5")
    phone.press("Go on")
    expect(page.get_by_text("That is not the code we sent")).to_be_visible()
    phone.look("2-wrong-code")
    code = code_sent()
    page.get_by_label("The six digits").fill(f"{code[:3]} {code[3:]}")
    phone.press("Go on")
    expect(page.get_by_text("You are signed in.")).to_be_visible()
    phone.look("3-consent")
    phone.press("I agree")
    for group in ("18-34", "female"):
        page.get_by_label(group, exact=True).check()
        phone.press("Next")
    phone.press("Begin")

    page.get_by_role("link", name="My data").click()
    page.get_by_text("The text of version 1").click()
    phone.look("4-my-data")
    page.get_by_role("link", name="Withdraw and erase …").click()
    phone.look("5-withdraw")
    page.get_by_label("Delete my account here as well").check()
    phone.press("Withdraw and erase")
    expect(page.get_by_role("heading", name="It is done")).to_be_visible()
    phone.look("6-withdrawn")
    assert Participation.objects.get().state == Participation.State.WITHDRAWN
    assert not User.objects.exists()


def test_who_comes_without_an_id_or_to_no_sign_up_sees_a_kind_page(
    transactional_db: None, live_server: Any, browser: Browser, pictures: Path
) -> None:
    Study.objects.filter(pk=open_study().pk).update(entrance=Study.Entrance.RECRUITED)
    phone = Phone(browser, "light", pictures)
    for name, address, heading in (
        ("no-id", "/join/tea/", "Please come in from where you found the study"),
        ("unfilled", "/join/tea/?PROLIFIC_PID={{%25PROLIFIC_PID%25}}", "Your link is not complete"),
        ("no-sign-up", "/accounts/signup/", "There is no sign-up here"),
    ):
        phone.page.goto(live_server.url + address)
        expect(phone.page.get_by_role("heading", name=heading)).to_be_visible()
        phone.look(name)
