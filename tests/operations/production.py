"""One installation as the production page describes it, by the commands of its own examples.

PostgreSQL and Redis run on loopback for as long as it is used; addresses in the examples are put
in place of theirs, and nothing else is.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.databases import PostgresServer, find_postgres

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "platform" / "deploy"
BINARIES: Final = Path(sys.executable).parent
STARTS_WITHIN_S: Final = 90.0
METRICS_TOKEN: Final = "only-for-tests"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def lines_of(unit: str, name: str) -> list[list[str]]:
    """The commands of a systemd unit's directive, with its paths as they are here."""
    text = (DEPLOY / unit).read_text()
    found = re.findall(rf"^{name}=(.+)$", text, re.MULTILINE)
    assert found, f"{unit} has no {name}"
    return [line.replace("/opt/hustings/.venv/bin", str(BINARIES)).split() for line in found]


class Installation:
    """PostgreSQL, Redis, and the environment that names them; processes end with it."""

    def __init__(self, stack: ExitStack, home: Path, postgres: PostgresServer) -> None:
        self._stack = stack
        self.home = home
        self.postgres = postgres
        self.port = free_port()
        self.redis_port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}},
            **self._example(),
        }

    def _example(self) -> dict[str, str]:
        """The example's environment; what it says to change is changed."""
        lines = (DEPLOY / "production.env.example").read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
        return given | {
            "SECRET_KEY": "of-fifty-random-characters-or-more-as-it-is-told-there-0123456789",
            "IDENTITY_KEY": "another-one-of-fifty-characters-or-more-9876543210-kept-apart",
            "DATABASE_URL": self.postgres.url,
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "EMAIL_URL": "consolemail://",
            "METRICS_TOKEN": METRICS_TOKEN,
            "HUSTINGS_HOME": str(self.home),
        }

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            command,
            env=self.environment | more,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )

    def start(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        """A process that goes on, and writes to a log in the home."""
        file = self._stack.enter_context((self.home / log).open("ab"))
        process = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=file, stderr=file
        )
        self._stack.callback(end, process)
        return process

    def start_redis(self) -> subprocess.Popen[bytes]:
        redis = shutil.which("redis-server")
        assert redis, "redis-server was there a moment ago"
        arguments = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", ""]
        return self.start([redis, *arguments, "--dir", str(self.home)], "redis.log")

    def start_web(self) -> subprocess.Popen[bytes]:
        (command,) = lines_of("hustings-web.service", "ExecStart")
        command[command.index("--port") + 1] = str(self.port)
        command[command.index("--workers") + 1] = "2"
        self.web = self.start(command, "web.log")
        wait_until(lambda: self.get("/healthz")[0] == 200)
        return self.web

    def start_worker(self) -> subprocess.Popen[bytes]:
        (command,) = lines_of("hustings-worker.service", "ExecStart")
        return self.start(command, "worker.log")

    def start_beat(self) -> subprocess.Popen[bytes]:
        (command,) = lines_of("hustings-beat.service", "ExecStart")
        return self.start(command, "beat.log")

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body of a page, asked as the TLS proxy asks; 0 where nobody answers."""
        request = Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Host", "hustings.example.org")
        request.add_header("X-Forwarded-Proto", "https")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def log(self, name: str) -> list[str]:
        return (self.home / name).read_text().splitlines()


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(holds: Callable[[], bool], *, within_s: float = STARTS_WITHIN_S) -> None:
    """Look again and again; AssertionError if it does not come to hold."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("It did not come to hold in time.")


def missing_service() -> str:
    """What is not installed here and needed; a failure where HUSTINGS_REQUIRE names it."""
    required = os.environ.get("HUSTINGS_REQUIRE", "").split(",")
    for name, is_there in {
        "postgres": find_postgres() is not None,
        "redis": shutil.which("redis-server") is not None,
    }.items():
        if not is_there:
            assert name not in required, f"HUSTINGS_REQUIRE names {name}, which was not found."
            return name
    return ""


@contextmanager
def installed() -> Iterator[Installation]:
    """An installation with an empty, migrated database."""
    if name := missing_service():
        pytest.skip(f"{name} was not found")
    with ExitStack() as stack:
        # PostgreSQL's own user has to get in, as not into pytest's folders.
        home = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        binaries = find_postgres()
        assert binaries
        postgres = PostgresServer(binaries, home)
        postgres.start()
        stack.callback(postgres.stop)
        there = Installation(stack, home / "hustings", postgres)
        there.home.mkdir()
        home.chmod(0o755)
        there.start_redis()
        for command in lines_of("hustings-web.service", "ExecStartPre"):
            there.run(*command)
        yield there
