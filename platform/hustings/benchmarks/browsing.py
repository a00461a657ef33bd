"""As much of a browser as a rater's pages need: cookies, redirects, forms, event streams.

Every answer is timed by itself, from the request to the last byte, under the name of its address.
"""

import json
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx2
from django.urls import resolve

TIMEOUT_S: Final = 60.0
BY_SCRIPT: Final = {"X-Requested-With": "fetch"}
# Making one loads the system's authorities, 50 ms for each browser, for plain HTTP.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class WrongAnswerError(Exception):
    """The site did not answer as it should."""


@dataclass
class Form:
    """One form of a page: what it sends as it stands, and what can be chosen."""

    action: str
    marks: Mapping[str, str | None]
    fields: dict[str, str] = field(default_factory=dict)
    choices: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """What is sent; WrongAnswerError for what the form does not ask, or does not offer."""
        for name, value in values.items():
            if name not in self.fields and value not in self.choices.get(name, ()):
                raise WrongAnswerError(f"{self.action} does not take {name}={value}")
        return {**self.fields, **values}


class Page(HTMLParser):
    """A page as a browser has it: where it lies, its main forms, and its elements with data."""

    def __init__(self, address: str, html: str) -> None:
        super().__init__()
        self.address = address
        self.path = urlsplit(address).path
        self.html = html
        self.forms: list[Form] = []
        self.data: dict[str, dict[str, str | None]] = {}
        # Around it lies what every page has, as the choice of a language.
        self._is_in_main = False
        self.feed(html)

    @property
    def heading(self) -> str:
        """The page's first heading, as it is written."""
        return self.html.partition("<h1>")[2].partition("</h1>")[0]

    def form(self, mark: str = "") -> Form:
        """The form with this attribute, or the only one."""
        forms = [form for form in self.forms if not mark or mark in form.marks]
        if len(forms) != 1:
            raise WrongAnswerError(
                f"{self.path} has {len(forms)} forms {mark}, and not one: “{self.heading}”"
            )
        return forms[0]

    def element(self, mark: str) -> dict[str, str | None]:
        """The attributes of the element with this attribute."""
        if mark not in self.data:
            raise WrongAnswerError(f"{self.path} has nothing that is {mark}")
        return self.data[mark]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.data |= {name: given for name in given if name.startswith("data-")}
        if tag == "main":
            self._is_in_main = True
        if not self._is_in_main:
            return
        if tag == "form":
            self.forms.append(Form(urljoin(self.address, given.get("action") or ""), given))
        elif self.forms and tag in ("input", "textarea", "button") and (name := given.get("name")):
            if given.get("type") in ("radio", "submit", "checkbox"):
                self.forms[-1].choices[name].append(given.get("value") or "")
            else:
                self.forms[-1].fields[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._is_in_main = False


@dataclass
class Timings:
    """Milliseconds of every answer, by method and name of the address, and what went wrong."""

    answers: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    def note(self, method: str, path: str, seconds: float) -> None:
        """One answer that came."""
        self.answers[f"{method} {resolve(path).url_name}"].append(1000 * seconds)


class Browser:
    """One person's browser on the site. WrongAnswerError for a refusal, or a wrong page."""

    def __init__(self, address: str, timings: Timings) -> None:
        self._timings = timings
        self._client = httpx2.AsyncClient(
            base_url=address, timeout=TIMEOUT_S, trust_env=False, verify=NO_TLS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def open(self, address: str) -> Page:
        """A page, and wherever it leads."""
        return await self._follow(await self._timed("GET", address))

    async def submit(self, form: Form, **values: str) -> Page:
        """Send a form, as a browser without script does."""
        sent = form.filled(values)
        return await self._follow(await self._timed("POST", form.action, data=sent))

    async def submit_by_script(self, form: Form, **values: str) -> Any:
        """Send a form as the page's script does; what it says in JSON."""
        sent = form.filled(values)
        return (await self._timed("POST", form.action, data=sent, headers=BY_SCRIPT)).json()

    async def fetch(self, address: str) -> Any:
        """What an address says in JSON."""
        return (await self._timed("GET", address, headers=BY_SCRIPT)).json()

    async def events(self, address: str) -> AsyncGenerator[tuple[str, Any]]:
        """The events of a stream, by name, until it ends; only its opening is timed."""
        begun = time.perf_counter()
        async with self._client.stream("GET", address) as response:
            self._timings.note("GET", address, time.perf_counter() - begun)
            if response.status_code != httpx2.codes.OK:
                raise WrongAnswerError(f"GET {address}: {response.status_code}")
            name = ""
            async for line in response.aiter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)

    async def _follow(self, response: httpx2.Response) -> Page:
        while response.has_redirect_location:
            address = urljoin(str(response.url), response.headers["location"])
            response = await self._timed("GET", address)
        return Page(str(response.url), response.text)

    async def _timed(self, method: str, address: str, **sent: Any) -> httpx2.Response:
        begun = time.perf_counter()
        response = await self._client.request(method, address, **sent)
        path = response.url.path
        self._timings.note(method, path, time.perf_counter() - begun)
        if response.is_error:
            raise WrongAnswerError(f"{method} {path}: {response.status_code}")
        return response
