"""The whole site on loopback, each part a process of its own, as it runs in production."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

from hustings.benchmarks import chat_server

# More than processors: the threads of one take turns, and hold each other up.
WEB_PROCESSES: Final = 2 * (os.cpu_count() or 1)
REPLIES_AT_ONCE: Final = 64
READY_WITHIN_S: Final = 60.0
PYTHON: Final = (sys.executable, "-m")

# Where no broker runs, the bells of the web are heard by nobody and the worker's beat rings.
WORKER_WITHOUT_BROKER: Final = """
import time, django
django.setup()
from hustings.management.commands import demo
demo.REPLIES_AT_ONCE = {threads}
with demo.embedded_worker():
    time.sleep(100_000)
"""


@dataclass(frozen=True)
class Site:
    """Where the site answers, and in words what it is made of."""

    address: str
    servers: str
    workers: str
    broker: str


@contextmanager
def serve_chat_models(number: int, *, reply_s: float) -> Iterator[tuple[str, ...]]:
    """The base URLs of so many chat servers, whose replies take `reply_s` on average."""
    with ExitStack() as stack:
        # By its path: as a module it would load the whole site first.
        command = (sys.executable, "-P", str(chat_server.__file__), str(reply_s))
        servers = [
            stack.enter_context(process(command, dict(os.environ), stdout=subprocess.PIPE))
            for _ in range(number)
        ]
        yield tuple(f"http://127.0.0.1:{first_line(each)}/v1" for each in servers)


@contextmanager
def serve_site(
    environment: Mapping[str, str], *, web_processes: int, settings: str = "hustings.settings"
) -> Iterator[Site]:
    """Web, worker with its beat, and a broker if `redis-server` is on the PATH.

    `environment` says where the database is, `settings` names the module of the web's settings.
    The configured broker is left alone: whoever listens there would answer the bells of another
    database.
    """
    with ExitStack() as stack:
        home = stack.enter_context(TemporaryDirectory())
        port = free_port()
        given = {name: value for name, value in environment.items() if name != "CELERY_BROKER_URL"}
        child = given | {
            "HUSTINGS_HOME": home,
            "DJANGO_SETTINGS_MODULE": "hustings.settings",
            "ALLOWED_HOSTS": "127.0.0.1",
            "BEHIND_TLS_PROXY": "false",
        }
        broker = stack.enter_context(_broker(Path(home)))
        if broker is not None:
            child["CELERY_BROKER_URL"] = broker
        collect_static(child)
        web = (*PYTHON, "hustings", "serve", "--port", str(port), "--workers", str(web_processes))
        stack.enter_context(process(_worker(has_broker=broker is not None), child))
        stack.enter_context(process(web, child | {"DJANGO_SETTINGS_MODULE": settings}))
        address = f"http://127.0.0.1:{port}"
        wait_for(address)
        yield Site(
            address=address,
            servers=f"{web_processes} web processes of `hustings serve`, no proxy",
            workers=f"1 Celery process of {REPLIES_AT_ONCE} threads, with beat",
            broker="Redis" if broker else "none: the worker's beat rings every 2 s",
        )


@contextmanager
def serve_worker(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A worker with its beat and without a broker: its own bells are heard by its own threads."""
    with TemporaryDirectory() as home:
        child = {
            **environment,
            "HUSTINGS_HOME": home,
            "DJANGO_SETTINGS_MODULE": "hustings.settings",
        }
        child.pop("CELERY_BROKER_URL", None)
        with process(_worker(has_broker=False), child) as worker:
            yield worker


def _worker(*, has_broker: bool) -> tuple[str, ...]:
    if not has_broker:
        return (sys.executable, "-c", WORKER_WITHOUT_BROKER.format(threads=REPLIES_AT_ONCE))
    # As in the unit of the worker.
    return (
        "nice", "-n", "10", *PYTHON, "celery", "-A", "hustings", "--quiet", "worker", "--beat",
        "--pool", "threads", "--concurrency", str(REPLIES_AT_ONCE), "--loglevel", "WARNING",
    )  # fmt: skip


@contextmanager
def _broker(folder: Path) -> Iterator[str | None]:
    redis = shutil.which("redis-server")
    if redis is None:
        yield None
        return
    port = str(free_port())
    command = (redis, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with process(command, dict(os.environ), stdout=subprocess.DEVNULL):
        yield f"redis://127.0.0.1:{port}/0"


def collect_static(environment: Mapping[str, str]) -> None:
    """Of the site's own files only: thousands of the admin's and the docs' are asked by nobody."""
    others = [f"--ignore={folder}" for folder in ("admin", "unfold", "drf_spectacular_sidecar")]
    command = (*PYTHON, "hustings", "collectstatic", "--no-input", "--verbosity=0", *others)
    subprocess.run(command, env=environment, check=True)  # noqa: S603  our own command


@contextmanager
def process(
    command: tuple[str, ...], environment: Mapping[str, str], *, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process while the context lasts; what it complains of goes to our stderr."""
    started = subprocess.Popen(  # noqa: S603  our own command
        command, env=environment, stdout=stdout or sys.stderr.fileno(), text=True
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(30)  # Longer than the web gives what is under way.
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout is not None:
            started.stdout.close()


def first_line(server: subprocess.Popen[str]) -> str:
    """What a server says once it has started: its port."""
    line = server.stdout.readline().strip() if server.stdout else ""
    if not line:
        raise RuntimeError("A chat server did not start.")
    return line


def wait_for(address: str, *, within_s: float = READY_WITHIN_S) -> None:
    """Until anything is answered there. Raises RuntimeError if nothing is in time."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            urlopen(address, timeout=5).close()  # noqa: S310  our own address
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Nothing answered at {address} within {within_s:.0f} s.")


def free_port() -> int:
    """One on loopback that nobody listens at now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
