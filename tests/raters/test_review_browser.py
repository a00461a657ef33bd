"""The review queue in a real browser: by keys, on a desktop and a phone, and for everybody."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from raters.models import Strike
from raters.quality.flaws import Flaw, FlawKind
from raters.services.strikes import give_signal, give_strike, object_to_strike
from studies.models import Study
from tests.browser import DESKTOP, PHONE, Visit, flaws_of, keep
from tests.cast import make_admin
from tests.raters.live import answer, later, make_live_study, open_battle, say

pytestmark = pytest.mark.one_database

WORDS = (
    "asdf jkl asdf",
    "How big is the sun, and how long is a snake?",
    "Tell me about bread, please: I would like to bake one at home that lasts for a week.",
)


@pytest.fixture
def study(transactional_db: None) -> Study:
    """Three raters, each struck for what she said; the last one objects."""
    study = make_live_study()
    for n, words in enumerate(WORDS):
        battle = open_battle(study, seed=n)
        for number, text in enumerate((words, "And what else should I know about it?"), start=1):
            turn = say(battle, text, number)
            answer(turn, "a", "Boil it for ten minutes. " * 12)
            answer(turn, "b", "<b>Rinse</b> it, then " + "let-it-rest-" * 20)
        flaw = Flaw(
            FlawKind.GIBBERISH, f"“{words}” can't be read.", "find_gibberish", is_strike=True
        )
        given = give_strike(
            battle.participation, flaw, key="1", battle=battle,
            turn=battle.turns.get(number=1), at=later(minutes=n),
        )  # fmt: skip
        assert given is not None
    object_to_strike(given, text="This is plain English, is it not?", at=later(minutes=9))
    give_signal(
        battle.participation,
        Flaw(FlawKind.SHARED_ADDRESS, "2 participations came from one address.", "find", False,
             {"participations": 2}),
        key="address",
        at=later(minutes=9),
    )  # fmt: skip
    return study


def visit_as_admin(browser: Browser, live_server: LiveServer, width: int, scheme: str) -> Visit:
    visit = Visit(browser, width, scheme)
    client = Client()
    client.force_login(make_admin())
    cookie: Any = client.cookies["sessionid"]
    visit.page.context.add_cookies(
        [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
    )
    return visit


def decisions() -> list[str]:
    return list(Strike.objects.order_by("pk").values_list("decision", flat=True))


def test_strikes_are_decided_by_the_keys_alone(
    browser: Browser, live_server: LiveServer, study: Study
) -> None:
    visit = visit_as_admin(browser, live_server, DESKTOP, "light")
    page = visit.open(f"{live_server.url}/admin/raters/strike/review/?study={study.slug}")
    evidence = page.locator(".hustings-quoted")
    expect(evidence).to_contain_text(WORDS[2])
    page.keyboard.press("j")
    expect(evidence).to_contain_text(WORDS[0])
    page.keyboard.press("j")
    expect(evidence).to_contain_text(WORDS[1])
    page.keyboard.press("k")
    expect(evidence).to_contain_text(WORDS[0])
    note = page.get_by_label("A note for the rater")
    note.focus()
    page.keyboard.type("Look: comma, okay?")
    assert decisions() == ["", "", ""], "In a note the keys are letters."
    expect(note).to_have_value("Look: comma, okay?")
    page.locator("#conversation").click()
    page.keyboard.press("c")
    expect(evidence).to_contain_text(WORDS[1])
    expect(page.get_by_text("Confirmed.")).to_be_visible()
    assert decisions() == ["confirmed", "", ""]
    assert Strike.objects.order_by("pk")[0].note == "Look: comma, okay?"
    page.keyboard.press("o")
    expect(evidence).to_contain_text(WORDS[2])
    assert decisions() == ["confirmed", "overturned", ""]
    page.get_by_role("button", name="Keys").click()
    page.locator("#conversation").click()
    page.keyboard.press("o")
    page.reload()
    page.keyboard.press("o")
    expect(page.get_by_role("button", name="Keys")).to_have_attribute("aria-pressed", "false")
    assert decisions() == ["confirmed", "overturned", ""], "Turned off, keys do nothing."
    assert visit.complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    browser: Browser,
    live_server: LiveServer,
    study: Study,
    pictures: Path,
    width: int,
    scheme: str,
) -> None:
    visit = visit_as_admin(browser, live_server, width, scheme)
    pages = ("review/", f"study/{study.pk}/quality/", f"study/{study.pk}/agreement/")
    for name in pages:
        page = visit.open(f"{live_server.url}/admin/raters/strike/{name}")
        page.wait_for_load_state("networkidle")
        assert flaws_of(page, context="#content") == [], name
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert visit.complaints == [], name
        keep(page, pictures / f"{name.split('/')[-2]}-{width}-{scheme}.png")
    if width == PHONE:
        page = visit.open(f"{live_server.url}/admin/raters/strike/review/")
        heights = [
            box["height"]
            for each in page.locator(".hustings-switch:visible").all()
            if (box := each.bounding_box())
        ]
        assert len(heights) >= 4
        assert min(heights) >= 44
