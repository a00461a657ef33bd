"""Raters who do not give up: what their page does by itself, and what a person does who waits.

A message has its number, so it is sent again after a lost answer; a page that does not come is
asked for again; a side that could not answer is asked again by its button.
"""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final

import httpx2

from hustings.benchmarks.browsing import Browser, Form, Page, Timings, WrongAnswerError
from hustings.benchmarks.crowd import SIDES, Crowd, Visit, Walk

# How soon she presses again, and the page's own pace where no stream comes through.
PRESSED_AGAIN_S: Final = 2.0
ASKED_AGAIN_S: Final = 3.0
POLL_S: Final = 1.0
GIVEN_UP_AFTER_S: Final = 900.0
# One in so many forms is sent on a line that drops before the answer comes.
DROPPED: Final = 10
DROPPED_AFTER_S: Final = (0.005, 0.1)
# What the page says, as its script and its 500 page have it.
GONE: Final = "The connection dropped. What you wrote is kept here; try again in a moment."
WRONG: Final = (
    "Something went wrong here, not with you. What you wrote is kept; try again in a moment."
)
NO_PAGE: Final = "the browser's own page: the site can't be reached"
SILENT: Final = "nothing: the page asks again by itself"


@dataclass(frozen=True)
class Trouble:
    """One thing that did not go through at first: from when to when, and what she saw meanwhile."""

    begun_at: float
    seconds: float
    saw: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """One message's replies: when it was taken, how long both took, and how often she pressed."""

    begun_at: float
    seconds: float
    pressed: int


@dataclass
class Diary:
    """What all raters were told is saved, and what they went through. Instants of the clock."""

    messages: dict[tuple[str, str, int], str] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    dropped: int = 0
    begun: int = 0
    may_begin: float = math.inf

    async def begin(self) -> None:
        """Wait until another battle may begin: some are kept for the faults to come."""
        while self.begun >= self.may_begin:
            await asyncio.sleep(0.1)
        self.begun += 1


class PatientBrowser(Browser):
    """A browser whose rater tries again for as long as the site does not answer, or breaks off."""

    def __init__(self, address: str, diary: Diary, chance: Random) -> None:
        super().__init__(address, Timings())
        self._diary = diary
        self._chance = chance

    async def _timed(self, method: str, address: str, **sent: Any) -> httpx2.Response:
        if method == "POST" and self._chance.randrange(DROPPED) == 0:
            await self._drop(method, address, **sent)
        begun, saw = time.time(), []
        while True:
            try:
                response = await self._client.request(method, address, **sent)
            except httpx2.TransportError:
                saw.append(_seen(None, method, sent))
            else:
                if not response.is_server_error:
                    break
                saw.append(_seen(response, method, sent))
            if time.time() - begun > GIVEN_UP_AFTER_S:
                raise WrongAnswerError(f"{method} {address}: gave up after {saw[-1]}")
            await asyncio.sleep(PRESSED_AGAIN_S if saw[-1] != SILENT else ASKED_AGAIN_S)
        if saw:
            self._diary.troubles.append(Trouble(begun, time.time() - begun, tuple(saw)))
        if response.is_error:
            words = " ".join(response.text.split())[:200]
            raise WrongAnswerError(f"{method} {address}: {response.status_code} {words}")
        return response

    async def _drop(self, method: str, address: str, **sent: Any) -> None:
        """Send it on a line that drops: whether it arrived nobody knows."""
        self._diary.dropped += 1
        try:
            await asyncio.wait_for(
                self._client.request(method, address, **sent),
                self._chance.uniform(*DROPPED_AFTER_S),
            )
        except (TimeoutError, httpx2.TransportError):
            return


def _seen(response: httpx2.Response | None, method: str, sent: Mapping[str, Any]) -> str:
    """What a rater sees where nothing answered, or the site broke off."""
    if "headers" not in sent:
        return NO_PAGE if response is None else f"{response.status_code}: {_title(response)}"
    if method == "GET":
        return SILENT
    return GONE if response is None else f"{response.status_code}: {WRONG}"


def _title(response: httpx2.Response) -> str:
    """The first heading of a page."""
    page = Page(str(response.url), response.text)
    return page.heading or HTTPStatus(response.status_code).phrase


class PatientWalk(Walk):
    """One rater on her way, who writes down what she was told is saved."""

    _browser: PatientBrowser

    def __init__(self, crowd: Crowd, visit: Visit, browser: PatientBrowser, diary: Diary) -> None:
        super().__init__(crowd, visit, browser)
        self._diary = diary
        self._key = ""

    async def _fight(self, page: Page) -> Page:
        self._key = str(page.element("data-battle")["data-key"])
        await self._diary.begin()
        return await super()._fight(page)

    async def _judge(self, form: Form, outcomes: Mapping[str, str]) -> Page:
        page = await super()._judge(form, outcomes)
        self._diary.verdicts[self._visit.recruiting_id, self._key] = outcomes
        return page

    async def _say(self, page: Page, text: str) -> Page:
        form = page.form("data-write")
        page = await self._browser.submit(form, text=text)
        await self._wait_for_replies(page, self._note(int(form.fields["number"]), text))
        return await self._browser.open(page.path)

    async def _say_by_script(self, page: Page, text: str, number: int) -> None:
        answer = await self._browser.submit_by_script(
            page.form("data-write"), text=text, number=str(number)
        )
        taken_at = self._note(number, text)
        if answer["page"]["is_writing"]:
            await self._look_on(str(page.element("data-battle")["data-stream"]))
        await self._wait_for_replies(page, taken_at)

    async def _wait_for_replies(self, page: Page, taken_at: float) -> None:
        """Until both sides have answered; who could not is asked again."""
        pressed = 0
        while True:
            answer = await self._browser.fetch(str(page.element("data-battle")["data-replies"]))
            if not answer["page"]["is_writing"]:
                if not answer["page"]["is_stuck"]:
                    break
                pressed += 1
                await self._press_retry(page, answer["replies"])
            await asyncio.sleep(POLL_S)
        self._diary.waits.append(Wait(taken_at, time.time() - taken_at, pressed))

    async def _press_retry(self, page: Page, replies: Any) -> None:
        """Ask the sides again that could not answer."""
        await asyncio.sleep(PRESSED_AGAIN_S)
        form = page.form("data-replace")
        action = form.action.replace("/replace/", "/retry/")
        for reply in replies:
            if reply["state"] == "failed":
                given = {**form.fields, "number": str(reply["turn"]), "side": reply["side"]}
                await self._browser.submit_by_script(Form(action, {}, given))

    async def _look_on(self, address: str) -> None:
        """Until both replies are there; a stream that breaks off is the poll's turn."""
        states: dict[str, str] = {}
        try:
            async with aclosing(self._browser.events(address)) as events:
                async for name, reply in events:
                    if name == "done":
                        return
                    states[reply["side"]] = reply["state"]
                    if len(states) == len(SIDES) and "writing" not in states.values():
                        return
        except (httpx2.TransportError, WrongAnswerError):
            self._diary.troubles.append(Trouble(time.time(), 0.0, (SILENT,)))

    def _note(self, number: int, text: str) -> float:
        """The site has said that it has this message; returns when."""
        self._diary.messages[self._visit.recruiting_id, self._key, number] = text
        return time.time()


async def walk_patiently(
    crowd: Crowd, visits: Sequence[Visit], diary: Diary, *, at_once: int
) -> None:
    """Let raters through the study, so many at once; failures are noted in the crowd's timings."""
    places = asyncio.Semaphore(at_once)

    async def walk(visit: Visit) -> None:
        async with places:
            try:
                browser = PatientBrowser(crowd.address, diary, Random(visit.seed))  # noqa: S311
                async with browser:
                    await PatientWalk(crowd, visit, browser, diary).to_the_end()
            except (WrongAnswerError, httpx2.HTTPError) as error:
                name = f"{visit.recruiting_id}: {type(error).__name__}: {error}"
                crowd.timings.failures.append(name)

    await asyncio.gather(*map(walk, visits))
