"""A study from its design to its board, in a browser: an admin, two raters, two chat servers."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, PHONE, Tap, Visit, tap
from tests.chat_server import ChatServer, Cut, Refuse, Script, Talk
from tests.desk import ADMIN, PASSWORD, Desk
from tests.raters.hands import Keys, Pointer
from tests.raters.live_site import serve_site

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

TITLE, SLUG = "Help in the kitchen", "help-in-the-kitchen"
QUESTION = "Which assistant helps people best in the kitchen?"
TIED = "Communication style and presentation"
# By rater and battle: who says the same thing twice earns a strike.
SAID = {
    "desktop": (
        ("My pan is burnt black. How do I get it clean again?", "I have no soda. What else works?"),
        ("Which knife do I need for onions?", "And how do I keep it sharp at home?"),
        ("How long may cooked rice stand in the fridge?", "Can I fry it again the next day?"),
    ),
    "phone": (
        ("There are moths in my flour. What now?", "How do I keep them out of the cupboard?"),
        ("What can I cook with lentils and a leek?", "We are five people. How much do I need?"),
        ("My bread does not rise. Why is that?", "The yeast is fresh, the kitchen is cold."),
    ),
}
REASONS = ("It can be done at once.", "This one knows what it talks about.", "Clear and short.")

# In the order in which both raters like them.
ADVICE = {
    "Alderbrook": "Soak it overnight in hot water, then boil it with a little vinegar.",
    "Beechmoor": "Scrub it with salt, and be patient.",
    "Cottonleaf": "Throw it away.",
}
DEVELOPERS = {"Alderbrook": "Loamworks", "Beechmoor": "Loamworks", "Cottonleaf": "Thicketry"}


def make_admin() -> None:
    """Run in the site's own process, before it serves."""
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    # These tables come from the models; Django says on stdout that it misses the migrations.
    unheard = {"stdout": StringIO(), "interactive": False}
    call_command("createsuperuser", username=ADMIN, email="", **unheard)


@pytest.fixture
def site(new_home: Callable[[], Path]) -> Iterator[str]:
    """A site with an admin, and nothing else."""
    with serve_site(new_home(), set_up=make_admin) as address:
        yield address


def model_id(name: str) -> str:
    return f"{name.lower()}-70b-chat"


@pytest.fixture
def servers() -> Iterator[dict[str, ChatServer]]:
    """The chat server of each model, two in all; each model says who it is, and fails at times.

    To the first rater they are slow, full (429), broken (500), cut off in the middle, and once,
    as to the second, one of them refuses for good.
    """
    with ExitStack() as stack:
        first, second = (stack.enter_context(ChatServer()) for _ in range(2))
        at = {"Alderbrook": first, "Beechmoor": first, "Cottonleaf": second}
        for name, advice in ADVICE.items():
            words = f"I am {name} of {DEVELOPERS[name]}. {advice}".split(" ")
            talk = Talk(tuple(f"{word} " for word in words), seconds_between=0.02)
            slow = Talk(talk.pieces, seconds_before=1.5, seconds_between=0.1)
            faults: dict[str, tuple[Script, ...]] = {
                "Alderbrook": (Refuse(429, retry_after="1"), talk),
                "Beechmoor": (Refuse(500), slow),
                "Cottonleaf": (Cut(is_reset=True), talk, Refuse(400), *[talk] * 3, Refuse(400)),
            }
            at[name].play(*faults[name], *[talk] * 20, model=model_id(name))
        yield at


class Admin(Desk):
    """What this admin does, from the first chat model to the board."""

    missing: Sequence[str] = ()

    def register(self, name: str, server: ChatServer, *, is_first: bool) -> None:
        self.page.goto(f"{self.site}/admin/studies/chatmodel/add/")
        if is_first:
            self.look("03-chat-model")
        self.fill(name=name, developer=DEVELOPERS[name], base_url=server.base_url)
        self.fill(model_id=model_id(name), timeout_s="10")
        self.press("Save")
        expect(self.page.get_by_text(f"“{name}” was added successfully")).to_be_visible()

    def add_electorate(self) -> None:
        self.page.goto(f"{self.site}/admin/studies/electorate/add/")
        self.page.get_by_label("One that comes with Hustings").select_option("us-2023")
        self.look("04-add-electorate")
        self.press("Add")
        expect(self.page.get_by_text("is ready for studies")).to_be_visible()
        self.look("05-electorate")

    def save(self, step: str) -> None:
        """Store what stands there; beside it, what is missing never grows."""
        self.press("Save and continue editing")
        expect(self.page.get_by_text("successfully")).to_be_visible()
        self.read_missing(step)

    def read_missing(self, step: str) -> None:
        missing = self.page.locator(".hustings-missing li").all_inner_texts()
        assert len(missing) <= len(self.missing or missing), (step, missing)
        self.missing = missing

    def design(self) -> None:
        """From the question to a study that lacks nothing, in the order of the form."""
        page = self.page
        page.goto(f"{self.site}/admin/studies/study/add/")
        self.fill(title=TITLE, question=QUESTION, battles_each="3", min_turns="2")
        self.look("06-new-study")
        self.save("question")
        self.look("07-question")
        assert len(self.missing) >= 5
        for place, name in enumerate(ADVICE):
            self.follow("Add another Contestant")
            self.pick(f"contestants-{place}-chat_model", name)
        self.save("contestants")
        self.take_step("Add dimensions", "08-template", "Five, for general assistants", "Add")
        self.pick("electorate", "United States")
        self.save("electorate")
        self.allocate()
        self.write_texts()
        self.save("texts")
        self.look("10-complete")
        assert self.missing == []
        expect(page.get_by_text("Nothing. It can open.")).to_be_visible()

    def take_step(self, name: str, picture: str, choice: str, button: str) -> None:
        """A step from the menu of the design, with one choice to make."""
        self.unfold("Design", name)
        self.page.get_by_label(choice).check()
        self.look(picture)
        self.press(button)

    def allocate(self) -> None:
        self.unfold("Design", "Allocate quotas")
        self.fill(raters="20")
        self.press("Show the quotas")
        expect(self.page.get_by_text("What 20 raters would mean")).to_be_visible()
        self.look("09-quotas")
        self.press("Allocate 20 places")
        expect(self.page.get_by_text("20 places are divided among")).to_be_visible()
        self.read_missing("quotas")

    def write_texts(self) -> None:
        """Task and turns, consent, checks, pay, the way in and back, and who may see it."""
        page = self.page
        self.fill(task="Ask for help with something in your kitchen.", max_turns="4")
        self.follow("Add another Consent text")
        page.get_by_text("Consent text: #1").first.click()
        self.fill(consent_texts__0__summary="You talk with assistants, and say which did better.")
        self.fill(consent_texts__0__text="We keep what you write, without your name.")
        # Our raters read faster than people do.
        self.follow("Add another Screen rule")
        page.locator("#id_screen_rules-0-kind").select_option("speeding")
        page.locator("#id_screen_rules-0-action").select_option("signal")
        self.fill(minutes_estimated="10", pay="2.50")
        page.locator("#id_entrance").select_option("recruited")
        for place in range(5):
            row = f"completion_codes-{place}-"
            code = page.locator(f"#id_{row}outcome").input_value().upper().replace("_", "-")
            self.fill(**{f"{row}code": code})
            self.fill(**{f"{row}redirect_url": f"https://recruiting.example/back?cc={code}"})
        page.get_by_label("Is public").check()

    def open(self) -> None:
        self.follow("play_arrow Open")
        self.look("11-open")
        self.press("Open")
        expect(self.page.get_by_text("The study is open now.")).to_be_visible()
        self.look("12-is-open")

    def take_board(self) -> None:
        page = self.page
        page.reload()
        expect(page.get_by_text("2 raters · 6 battles · 30 verdicts")).to_be_visible()
        study = page.url
        self.unfold("More", "Take a board")
        self.look("13-take-board")
        self.press("Take and publish")
        expect(page.get_by_text("A board is published: 30 verdicts of 2 raters.")).to_be_visible()
        self.look("14-taken")
        page.goto(study)
        self.follow("Live")
        page.wait_for_url("**/live/")
        self.look("15-live")


@dataclass
class Rater:
    """One rater's way; each page that is new to her is checked and kept as a picture."""

    visit: Visit
    hand: Pointer
    name: str
    groups: tuple[str, ...]
    pictures: Path

    @property
    def page(self) -> Page:
        return self.visit.page

    def look(self, name: str) -> None:
        self.visit.look(self.pictures / f"live-{self.name}-{name}.png")

    def press(self, name: str, *, role: Any = "button") -> None:
        self.hand.press(self.page.get_by_role(role, name=name))

    def come_in(self, address: str) -> None:
        self.page.goto(
            f"{address}/join/{SLUG}/?PROLIFIC_PID={self.name}-pid&STUDY_ID=of-them&SESSION_ID=one"
        )
        expect(self.page.get_by_role("heading", name=QUESTION)).to_be_visible()
        self.look("1-why")
        self.press("Go on")
        self.look("2-consent")
        self.press("I agree")
        for place, group in enumerate(self.groups, 1):
            expect(self.page.get_by_text(f"Question {place} of 4 about you")).to_be_visible()
            self.hand.choose(group)
            self.look(f"3-about-{place}")
            self.press("Next")
        expect(self.page.get_by_role("heading", name="How it works")).to_be_visible()
        self.look("4-how")
        self.press("Begin")

    def go_through(self, battle: int) -> None:
        page, is_first = self.page, battle == 1
        expect(page.get_by_role("heading", name=f"Battle {battle} of 3")).to_be_visible()
        if is_first:
            self.look("5-battle")
        for number, text in enumerate(SAID[self.name][battle - 1], 1):
            self.hand.write(text)
            self.await_replies(battle, number)
            if is_first:
                self.look(f"6-answered-{number}")
        a, b = (self.advice_of(side) for side in "ab")
        preferred = list(ADVICE.values())
        better = 0 if preferred.index(a) < preferred.index(b) else 2
        self.press("Compare", role="link")
        self.compare(better, is_first=is_first)
        self.hand.give_reason(REASONS[battle - 1])

    def await_replies(self, battle: int, number: int) -> None:
        """Until both sides have answered; whoever can't is asked again."""
        of_turn = f'.reply[data-turn="{number}"]'
        expect(self.page.locator(of_turn)).to_have_count(2)
        expect(self.page.locator(f'{of_turn}[data-state="writing"]')).to_have_count(
            0, timeout=60_000
        )
        failed = self.page.locator(f'{of_turn}[data-state="failed"]')
        if failed.count():
            retry = failed.get_by_role("button", name="Retry", include_hidden=True)
            if not retry.is_visible():
                self.hand.press(self.page.locator('[data-show="b"]'))
            expect(failed.get_by_text("could not answer")).to_be_visible()
            self.look(f"failed-{battle}")
            self.hand.press(retry)
        expect(self.page.locator(f'{of_turn}[data-state="finished"]')).to_have_count(
            2, timeout=60_000
        )
        expect(self.page.get_by_role("button", name="Send")).to_be_enabled()

    def advice_of(self, side: str) -> str:
        """What a side said last, without the names it gave away."""
        reply = self.page.locator(f'.reply[data-side="{side}"] .reply-body').last
        words = (reply.text_content() or "").strip()
        assert words.startswith("I am [name hidden] of [name hidden]. ")
        return words.rpartition("hidden]. ")[2]

    def compare(self, better: int, *, is_first: bool) -> None:
        """Say each time which advice was better; only they all say it equally well."""
        for place in range(1, 6):
            expect(self.page.get_by_text(f"Question {place} of 6")).to_be_visible()
            # From the second on the question has the focus, and there is a way back.
            if is_first and place <= 2:
                self.look(f"7-compare-{place}")
            question = self.page.locator("legend:visible .question-name").inner_text()
            self.hand.answer(1 if question.casefold() == TIED.casefold() else better)
        expect(self.page.get_by_text("Question 6 of 6")).to_be_visible()
        if is_first:
            self.look("8-reason")

    def go_back(self) -> None:
        """From the end to where she came from."""
        expect(self.page.get_by_role("heading", name="Thank you")).to_be_visible()
        expect(self.page.get_by_text("COMPLETED", exact=True)).to_be_visible()
        expect(self.page.get_by_role("heading", name="Strike")).to_have_count(0)
        self.look("9-end")
        self.page.route("https://recruiting.example/**", lambda route: route.fulfill(body="Hello"))
        self.press("Back to where you came from", role="link")
        self.page.wait_for_url("https://recruiting.example/back?cc=COMPLETED")


def read(address: str) -> Any:
    with urlopen(address) as response:
        return json.load(response)


def counts_of(site: str, dimension: str) -> dict[str, tuple[int, int, int, int]]:
    """Battles, wins, losses and ties of each contestant, as programs read them."""
    (board,) = read(f"{site}/api/v1/studies/{SLUG}/boards/")["results"]
    assert (board["raters"], board["verdicts"]) == (2, 2 * 3 * 5)
    rows = read(f"{board['rows_url']}?scope=sample&dimension={dimension}")["results"]
    return {
        row["name"]: tuple(row[k] for k in ("battles", "wins", "losses", "ties")) for row in rows
    }


def given_away(line: Tap, servers: dict[str, ChatServer]) -> set[str]:
    """What of the contestants has come through a line."""
    secrets = {*servers, *DEVELOPERS.values(), *map(model_id, servers)}
    secrets |= {f":{server.port}" for server in servers.values()}
    return {secret for secret in secrets if secret.lower() in line.received()}


def check_what_was_asked(servers: dict[str, ChatServer]) -> None:
    """Each reply was asked for once, and once more for each fault, and by its own words alone."""
    asked = [request.body for server in set(servers.values()) for request in server.requests]
    assert all(body["stream"] is True for body in asked)
    for name, faults in {"Alderbrook": 1, "Beechmoor": 1, "Cottonleaf": 3}.items():
        own = [body["messages"] for body in asked if body["model"] == model_id(name)]
        assert len(own) == 2 * 2 * 2 + faults, name
        heard = {m["content"] for messages in own for m in messages if m["role"] == "assistant"}
        assert [text.partition(". ")[2].strip() for text in heard] == [ADVICE[name]]


def test_a_study_from_its_design_to_its_board(
    site: str, browser: Browser, servers: dict[str, ChatServer], pictures: Path
) -> None:
    admin = Admin(browser, site, pictures)
    admin.sign_in()
    for place, (name, server) in enumerate(servers.items()):
        admin.register(name, server, is_first=place == 0)
    admin.add_electorate()
    admin.design()
    admin.open()

    desk, phone = Visit(browser, DESKTOP, "light"), Visit(browser, PHONE, "dark")
    raters = (
        Rater(desk, Keys(desk.page), "desktop",
              ("25-34", "Female", "White (non-Hispanic)", "Democrat"), pictures),
        Rater(phone, Pointer(phone.page), "phone",
              ("65+", "Male", "Hispanic (any race)", "Republican"), pictures),
    )  # fmt: skip
    with tap(site) as line:
        for rater in raters:
            rater.come_in(line.address)
            for battle in (1, 2, 3):
                rater.go_through(battle)
            rater.go_back()
        assert given_away(line, servers) == set()
        check_what_was_asked(servers)

        admin.take_board()
        for rater in raters:
            rater.page.goto(f"{line.address}/studies/{SLUG}/")
            expect(rater.page.get_by_role("heading", name=QUESTION)).to_be_visible()
            rater.look("board")
        # And we would have found it: the board names them.
        assert given_away(line, servers) >= set(servers)
    assert counts_of(site, "overall") == {
        "Alderbrook": (4, 4, 0, 0), "Beechmoor": (4, 2, 2, 0), "Cottonleaf": (4, 0, 4, 0),
    }  # fmt: skip
    assert set(counts_of(site, "communication").values()) == {(4, 0, 0, 4)}
