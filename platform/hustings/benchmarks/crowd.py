"""Many simulated raters on the way through a study, each in a browser, from link to code."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random
from typing import Final
from urllib.parse import urlencode

import httpx2

from hustings.benchmarks.browsing import Browser, Form, Page, Timings, WrongAnswerError

# Seconds, at least and at most, of each kind of thinking. Two replies of 120 words each take a
# minute to read, at the 238 words a minute of Brysbaert (2019); then she writes.
READING: Final = (4.0, 12.0)
WRITING: Final = (45.0, 100.0)
COMPARING: Final = (20.0, 45.0)
# Between one rater's arrival and the next one's: 200 come in a minute.
ARRIVING_S: Final = 0.3
# Without a script she asks for the replies herself, every so many seconds.
POLL_S: Final = 4.0
SIDES: Final = "ab"

# One in so many has no script in her browser.
WITHOUT_SCRIPT: Final = 4
ASKED: Final = (
    "How can I {} without spending much?",
    "What would you watch out for when I {} for the first time?",
    "I have two hours on Saturday to {}. Where do I begin?",
    "My neighbour says it is easy to {}. What does she not tell me?",
)
THINGS: Final = (
    "repair a bicycle wheel", "plan a week of dinners", "grow tomatoes on a balcony",
    "write a letter to my landlord", "choose a second-hand laptop", "learn a few words of Polish",
)  # fmt: skip
REASONS: Final = ("", "", "It asked what I had at hand.", "Shorter, and still all I needed.")


@dataclass(frozen=True)
class Visit:
    """One rater: her id from the recruiting platform, her groups, and her seed."""

    recruiting_id: str
    groups: Mapping[str, str]
    seed: int
    has_script: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """When a rater had both replies to a message whole before her, by the wall's clock."""

    recruiting_id: str
    battle: str
    number: int
    at: float


@dataclass(frozen=True)
class Crowd:
    """What the raters have in common. `haste` divides every time that they take to think."""

    address: str
    slug: str
    messages: int
    code: str
    haste: float
    timings: Timings = field(default_factory=Timings)
    seen: list[Seen] = field(default_factory=list)

    async def walk(self, visits: Sequence[Visit]) -> None:
        """All of them at once, who arrive one after the other; failures are noted."""
        await asyncio.gather(
            *(
                self._walk(visit, after=ARRIVING_S / self.haste * place)
                for place, visit in enumerate(visits)
            )
        )

    async def _walk(self, visit: Visit, *, after: float) -> None:
        await asyncio.sleep(after)
        try:
            async with Browser(self.address, self.timings) as browser:
                await Walk(self, visit, browser).to_the_end()
        except (WrongAnswerError, httpx2.HTTPError) as error:
            self.timings.failures.append(f"{type(error).__name__}: {error}")


class Walk:
    """One rater on her way."""

    def __init__(self, crowd: Crowd, visit: Visit, browser: Browser) -> None:
        self._crowd = crowd
        self._visit = visit
        self._browser = browser
        self._chance = Random(visit.seed)  # noqa: S311  no secret hangs on it
        self._questions = [asked.format(thing) for asked in ASKED for thing in THINGS]
        self._chance.shuffle(self._questions)

    async def to_the_end(self) -> None:
        """Consent, questions, battles, and the code."""
        page = await self._come_in()
        while "/battle/" in page.path:
            page = await self._fight(page)
        if not page.path.endswith("/end/") or self._crowd.code not in page.html:
            raise WrongAnswerError(f"{page.path} shows no completion code")

    async def _come_in(self) -> Page:
        link = urlencode({"PROLIFIC_PID": self._visit.recruiting_id, "SESSION_ID": "s"})
        page = await self._browser.open(f"/join/{self._crowd.slug}/?{link}")
        page = await self._send(page)
        page = await self._send(page, answer="agree")
        while "/about/" in page.path:
            axis = page.path.rstrip("/").rpartition("/")[2]
            page = await self._send(page, group=self._visit.groups[axis])
        return await self._send(page)

    async def _send(self, page: Page, **values: str) -> Page:
        await self._think(READING)
        return await self._browser.submit(page.form(), **values)

    async def _fight(self, page: Page) -> Page:
        """Talk, then compare; to the page of the next battle, or the end."""
        for number in range(1, self._crowd.messages + 1):
            await self._think(WRITING)
            text = self._questions.pop()
            if self._visit.has_script:
                await self._say_by_script(page, text, number)
            else:
                page = await self._say(page, text)
        page = await self._browser.open(str(page.element("data-compare")["href"]))
        form = page.form("data-compare-form")
        outcomes = {
            name: self._chance.choice(values)
            for name, values in form.choices.items()
            if name.startswith("outcome-")
        }
        await self._think(COMPARING)
        return await self._judge(form, outcomes)

    async def _judge(self, form: Form, outcomes: Mapping[str, str]) -> Page:
        return await self._browser.submit(form, **outcomes, reason=self._chance.choice(REASONS))

    async def _say(self, page: Page, text: str) -> Page:
        """Send it, and look again until it is answered."""
        page = await self._browser.submit(page.form("data-write"), text=text)
        while page.element("data-battle")["data-writing"] == "yes":
            await asyncio.sleep(POLL_S)
            page = await self._browser.open(page.path)
        return page

    async def _say_by_script(self, page: Page, text: str, number: int) -> None:
        """Send it, watch both replies as they grow, then ask how the battle stands."""
        battle = page.element("data-battle")
        answer = await self._browser.submit_by_script(
            page.form("data-write"), text=text, number=str(number)
        )
        if answer["page"]["is_writing"]:
            await self._watch(str(battle["data-stream"]), str(battle["data-key"]), number)
        while (await self._browser.fetch(str(battle["data-replies"])))["page"]["is_writing"]:
            await asyncio.sleep(POLL_S)

    async def _watch(self, address: str, key: str, number: int) -> None:
        states: dict[str, str] = {}
        async with aclosing(self._browser.events(address)) as events:
            async for name, reply in events:
                if name == "done":
                    return
                states[reply["side"]] = reply["state"]
                if len(states) == len(SIDES) and "writing" not in states.values():
                    seen = Seen(self._visit.recruiting_id, key, number, time.time())
                    self._crowd.seen.append(seen)
                    return

    async def _think(self, seconds: tuple[float, float]) -> None:
        await asyncio.sleep(self._chance.uniform(*seconds) / self._crowd.haste)


def visits_of(groups: Sequence[Mapping[str, str]], *, seed: int) -> tuple[Visit, ...]:
    """A visit for each rater's groups."""
    return tuple(
        Visit(f"bench-{place:05}", each, seed + place, has_script=place % WITHOUT_SCRIPT != 0)
        for place, each in enumerate(groups)
    )
