"""Locust's users: raters on their way from link to code, and programs that read boards beside.

Run by its path, in a process of its own, for locust changes the standard library as it is loaded.
It reads one JSON object from its standard input and writes one: milliseconds of every answer, by
method and name of its address, and what went wrong.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import gevent  # type: ignore[import-untyped]

# Only now: what these import is to be locust's.
from django import setup
from django.urls import resolve
from locust import HttpUser, constant, task
from locust.env import Environment
from locust.exception import StopUser

from hustings.benchmarks.browsing import BY_SCRIPT, Form, Page, WrongAnswerError
from hustings.benchmarks.crowd import (
    ARRIVING_S,
    ASKED,
    COMPARING,
    POLL_S,
    READING,
    REASONS,
    SIDES,
    THINGS,
    WRITING,
)

TIMEOUT_S: Final = 60.0
REDIRECTS: Final = {301, 302, 303}


@dataclass(frozen=True)
class Job:
    """What the users have in common, as it comes in: raters' visits, and addresses of boards."""

    address: str
    slug: str
    messages: int
    code: str
    haste: float
    visits: Sequence[Mapping[str, Any]]
    readers: int
    reads: Mapping[str, str]
    pause_s: float


@dataclass
class Ended:
    """How many raters have come to an end, or failed."""

    raters: int = 0


class Rater(HttpUser):
    """One rater, in a browser with its script: replies come as a stream."""

    abstract = True
    wait_time = constant(0)
    job: Job
    ended: Ended
    numbers: Iterator[int]

    @task
    def take_part(self) -> None:
        """Once, from the link to the code."""
        number = next(self.numbers, None)
        if number is None:
            # After an error of our own locust tries once more.
            raise StopUser
        visit = self.job.visits[number]
        self._chance = Random(visit["seed"])  # noqa: S311  no secret hangs on it
        self._questions = [asked.format(thing) for asked in ASKED for thing in THINGS]
        self._chance.shuffle(self._questions)
        gevent.sleep(ARRIVING_S / self.job.haste * number)
        try:
            self._walk(visit)
        except WrongAnswerError as error:
            self.environment.events.user_error.fire(
                user_instance=self, exception=error, tb=error.__traceback__
            )
        finally:
            self.ended.raters += 1
        raise StopUser

    def _walk(self, visit: Mapping[str, Any]) -> None:
        page = self._open(
            f"/join/{self.job.slug}/?PROLIFIC_PID={visit['recruiting_id']}&SESSION_ID=s"
        )
        page = self._send(page)
        page = self._send(page, answer="agree")
        while "/about/" in page.path:
            axis = page.path.rstrip("/").rpartition("/")[2]
            page = self._send(page, group=visit["groups"][axis])
        page = self._send(page)
        while "/battle/" in page.path:
            page = self._fight(page)
        if not page.path.endswith("/end/") or self.job.code not in page.html:
            raise WrongAnswerError(f"{page.path} shows no completion code")

    def _send(self, page: Page, **values: str) -> Page:
        self._think(READING)
        return self._submit(page.form(), **values)

    def _fight(self, page: Page) -> Page:
        battle = page.element("data-battle")
        form = page.form("data-write")
        for number in range(1, self.job.messages + 1):
            self._think(WRITING)
            sent = form.filled({"text": self._questions.pop(), "number": str(number)})
            self._ask("POST", form.action, data=sent, headers=BY_SCRIPT)
            self._watch(str(battle["data-stream"]))
            while self._fetch(str(battle["data-replies"]))["page"]["is_writing"]:
                gevent.sleep(POLL_S)
        page = self._open(str(page.element("data-compare")["href"]))
        form = page.form("data-compare-form")
        outcomes = {
            name: self._chance.choice(values)
            for name, values in form.choices.items()
            if name.startswith("outcome-")
        }
        self._think(COMPARING)
        return self._submit(form, **outcomes, reason=self._chance.choice(REASONS))

    def _watch(self, address: str) -> None:
        """Until both replies are whole before her; only the opening is timed."""
        states: dict[str, str] = {}
        with closing(self._ask("GET", address, stream=True)) as response:
            for line in response.iter_lines(chunk_size=1, decode_unicode=True):
                if not line.startswith("data: "):
                    continue
                reply = json.loads(line.removeprefix("data: "))
                if not reply:
                    return
                states[reply["side"]] = reply["state"]
                if len(states) == len(SIDES) and "writing" not in states.values():
                    return

    def _open(self, address: str) -> Page:
        return self._follow(self._ask("GET", address))

    def _fetch(self, address: str) -> Any:
        return self._ask("GET", address, headers=BY_SCRIPT).json()

    def _submit(self, form: Form, **values: str) -> Page:
        return self._follow(self._ask("POST", form.action, data=form.filled(values)))

    def _follow(self, response: Any) -> Page:
        while response.status_code in REDIRECTS:
            response = self._ask("GET", response.headers["location"])
        return Page(str(response.url), response.text)

    def _ask(self, method: str, address: str, **sent: Any) -> Any:
        path = address.removeprefix(self.job.address).partition("?")[0]
        response = self.client.request(
            method, address, name=resolve(path).url_name, allow_redirects=False,
            timeout=TIMEOUT_S, **sent,
        )  # fmt: skip
        # Locust tells of it in the answer, and raises nothing; 0 where nobody answered.
        if response.status_code not in {200, *REDIRECTS}:
            raise WrongAnswerError(f"{method} {path}: {response.status_code}")
        return response

    def _think(self, seconds: tuple[float, float]) -> None:
        gevent.sleep(self._chance.uniform(*seconds) / self.job.haste)


class Reader(HttpUser):
    """A program that reads boards, each beside a bare view of the same bytes."""

    abstract = True
    job: Job

    @task
    def read(self) -> None:
        """Each once, then its bare view."""
        for name, path in self.job.reads.items():
            self.client.get(path, name=name, timeout=TIMEOUT_S)
            self.client.get(f"/bare/{name}", name=f"{name} bare", timeout=TIMEOUT_S)
            gevent.sleep(self.job.pause_s)


def run(job: Job) -> dict[str, Any]:
    """Let all users through; what they met."""
    ended = Ended()
    shared = {"host": job.address, "job": job}
    rater = type(
        "EachRater", (Rater,), {**shared, "ended": ended, "numbers": iter(range(len(job.visits))),
        "fixed_count": len(job.visits)},
    )  # fmt: skip
    reader = type(
        "EachReader", (Reader,), {**shared, "fixed_count": job.readers, "wait_time": constant(0)}
    )
    environment = Environment(user_classes=[rater, reader] if job.readers else [rater])
    answers: defaultdict[str, list[float]] = defaultdict(list)
    failures: list[str] = []

    def note(
        request_type: str, name: str, response_time: float, exception: Exception | None, **_: object
    ) -> None:
        answers[f"{request_type} {name}"].append(response_time)
        if exception is not None:
            failures.append(f"{request_type} {name}: {exception}")

    environment.events.request.add_listener(note)  # type: ignore[no-untyped-call]
    environment.events.user_error.add_listener(  # type: ignore[no-untyped-call]
        lambda exception, **_: failures.append(f"{type(exception).__name__}: {exception}")
    )
    runner = environment.create_local_runner()
    users = len(job.visits) + job.readers
    runner.start(users, spawn_rate=users)
    while ended.raters < len(job.visits):
        gevent.sleep(0.2)
    runner.quit()
    return {"answers": answers, "failures": failures}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")
    setup()
    json.dump(run(Job(**json.load(sys.stdin))), sys.stdout)
