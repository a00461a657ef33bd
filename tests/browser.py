"""Debian's Chromium for every test that wants it, and a page that remembers complaints.

As `chromium-headless-shell`, without a desktop's windows, it opens a page at a tenth of the work
and checks it at a third: where that is not installed, the whole `chromium` does the same.
"""

import os
import re
import shutil
import socket
import socketserver
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect, sync_playwright

DESKTOP, PHONE, NARROW = 1280, 375, 360
PROGRAMS = ("chromium-headless-shell", "chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
# The browser reports what the policy blocked to the page; we keep it where a test can read it.
COLLECT_VIOLATIONS = """
window.blocked = [];
document.addEventListener("securitypolicyviolation",
    event => window.blocked.push(event.violatedDirective + " " + event.blockedURI));
"""
# Most of the time would go into a description of what was right.
RUN_AXE = """
async ([context, options]) => (await axe.run(context ?? document, options)).violations
"""
WITH_BROWSER = pytest.StashKey[set[Path]]()


class Chromium:
    """One browser for each process of the tests, from the first module that looks into it."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser: Browser | None = None

    def start(self, program: str) -> Browser:
        """The browser, which may be running already."""
        if self._browser is None:
            playwright = self._open.enter_context(sync_playwright())
            # Playwright keeps an event loop running in this thread: Django would refuse a query.
            environment = self._open.enter_context(pytest.MonkeyPatch.context())
            environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
            launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            self._browser = self._open.enter_context(launched)
        return self._browser

    def close_pages(self) -> None:
        """A page that is left open goes on asking its site."""
        for context in self._browser.contexts if self._browser else ():
            context.close()

    def stop(self) -> None:
        self._browser = None
        self._open.close()


CHROMIUM = Chromium()


@pytest.fixture(scope="module")
def browser() -> Browser:
    """Debian's Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        line = "!!! chromium was not found: THE TESTS IN A BROWSER WERE NOT RUN !!!"
        if "chromium" in os.environ.get("HUSTINGS_REQUIRE", "").split(","):
            pytest.fail(f"{line} HUSTINGS_REQUIRE names chromium: this is a failure.")
        pytest.skip(line)
    # A machine that has other things to do as well is slow, and nothing is wrong.
    expect.set_options(timeout=20_000)
    return CHROMIUM.start(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """The browser goes from module to module; where the next has no use for it, it ends.

    Its event loop would be in the way of tests with one of their own. Pages are closed before the
    fixtures, as they ask a site for more, and the browser after them: the thread has another
    connection to the database then.
    """
    CHROMIUM.close_pages()
    try:
        return (yield)
    finally:
        if nextitem is None or nextitem.path not in nextitem.session.stash[WITH_BROWSER]:
            CHROMIUM.stop()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Know which modules look into a browser."""
    session.stash[WITH_BROWSER] = {item.path for item in session.items if wants_browser(item)}


def wants_browser(item: pytest.Item) -> bool:
    return "browser" in getattr(item, "fixturenames", ())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: HUSTINGS_PICTURES keeps them for somebody to look at."""
    path = Path(os.environ.get("HUSTINGS_PICTURES") or tmp_path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def keep(page: Page, picture: Path) -> None:
    """Draw the whole page where HUSTINGS_PICTURES wants it: to draw it takes as long as to test."""
    if os.environ.get("HUSTINGS_PICTURES"):
        page.screenshot(path=picture, full_page=True)


def flaws_of(
    page: Page, *, but: Collection[str] = (), context: str | None = None
) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong: rules with the elements that break them.

    `but` names rules that are not asked, `context` the part of the page that is looked at.
    """
    page.wait_for_load_state()
    options = {
        "resultTypes": ["violations"],
        "rules": {rule: {"enabled": False} for rule in but},
    }
    if page.evaluate("window.axe === undefined"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(RUN_AXE, [context, options])
    return [(flaw["id"], [node["html"] for node in flaw["nodes"]]) for flaw in found]


class Visit:
    """A page that remembers what the browser complained of."""

    def __init__(self, browser: Browser, width: int, scheme: Any) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.add_init_script(COLLECT_VIOLATIONS)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))

    def open(self, address: str) -> Page:
        self.complaints.clear()
        self.page.goto(address)
        self.complaints += self.page.evaluate("window.blocked")
        return self.page

    def look(self, picture: Path, *, but: Collection[str] = ()) -> None:
        """Keep a picture. What stands here is accessible, fits, and was let through by the policy.

        `but` names rules of axe-core that are not asked.
        """
        keep(self.page, picture)
        assert flaws_of(self.page, but=but) == [], picture.stem
        width = self.page.viewport_size["width"]  # type: ignore[index]
        assert self.page.evaluate("document.documentElement.scrollWidth") == width, picture.stem
        assert self.complaints == [], picture.stem
        assert self.page.evaluate("window.blocked") == [], picture.stem

    def _hear(self, kind: str, text: str) -> None:
        # A page is a page, also of status 404; the browser logs that as an error.
        is_page = re.search(r"status of 40[14]\b", text) is not None
        if kind in {"error", "warning"} and not is_page:
            self.complaints.append(text)


class Tap(socketserver.ThreadingTCPServer):
    """A second address of a site, which keeps every byte that browsers receive there.

    The answers' bodies alone would miss headers, redirects, and streams that never end.
    """

    daemon_threads = True
    block_on_close = False  # A browser keeps its lines open for longer than we look.

    def __init__(self, site: str) -> None:
        host, port = site.removeprefix("http://").split(":")
        self.site = (host, int(port))
        self._lines: list[bytearray] = []
        super().__init__(("127.0.0.1", 0), _Line)

    @property
    def address(self) -> str:
        """Where the browser goes instead."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def new_line(self) -> bytearray:
        """Where one connection's bytes are kept."""
        line = bytearray()
        self._lines.append(line)
        return line

    def received(self) -> str:
        """Everything in lower case: as it came, and with no break where a stream had one."""
        raw = b"\n".join(self._lines).lower()
        assert b"content-encoding" not in raw, "what is packed can't be searched"
        whole = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", raw)
        return (raw + whole).decode(errors="replace")


class _Line(socketserver.BaseRequestHandler):
    server: Tap

    def handle(self) -> None:
        received = self.server.new_line()
        with suppress(OSError), socket.create_connection(self.server.site) as site:
            threading.Thread(target=_carry, args=(self.request, site), daemon=True).start()
            while data := site.recv(65_536):
                received += data
                self.request.sendall(data)


def _carry(browser: socket.socket, site: socket.socket) -> None:
    with suppress(OSError):
        while data := browser.recv(65_536):
            site.sendall(data)
        site.shutdown(socket.SHUT_WR)


@contextmanager
def tap(site: str) -> Iterator[Tap]:
    """A tap on a site while the context lasts."""
    with Tap(site) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
