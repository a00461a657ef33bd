"""A whole installation on loopback whose parts can be killed, stopped and started one by one.

PostgreSQL keeps its promises (fsync and synchronous_commit are on), and Redis keeps nothing on
disk. What is killed is started again by whoever killed it, and what ends by itself as by systemd.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import environ
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections
from redis import Redis
from redis.exceptions import ConnectionError as NoRedisError

from hustings.benchmarks import chat_server
from hustings.benchmarks.serving import PYTHON, collect_static, free_port, wait_for

DEBIAN: Final = Path("/usr/lib/postgresql")
WEB_PROCESSES: Final = 2
THREADS: Final = 32
CHAT_SERVERS: Final = 2
PROGRAMS: Final = ("worker", "beat", "web")
STARTS_WITHIN_S: Final = 60.0
LOOKED_AFTER_S: Final = 1.0
# What a disk of its own for exports holds.
DISK: Final = "1m"


@dataclass
class Part:
    """One process of the installation, with all that it starts, under one name."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    is_up: Callable[[], bool] = lambda: True
    _process: "subprocess.Popen[bytes] | None" = None
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def start(self) -> None:
        """Until it is up. Raises RuntimeError if it does not come up in time."""
        with self._turn:
            self._start()

    def start_if_it_ended(self) -> bool:
        """Start it again if it has ended though nobody had told it to; whether it had."""
        with self._turn:
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended:
                self._start()
        return has_ended

    def kill(self) -> None:
        """SIGKILL to the process and all that it started, at one time."""
        with self._turn:
            self._kill()

    def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, and wait until it has."""
        with self._turn:
            if self._process is None:
                return
            _signal(self._process.pid, by)
            try:
                self._process.wait(STARTS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._kill()
            self._process = None

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + STARTS_WITHIN_S
        while not self.is_up():
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not come up; its log is {self.log}.")
            time.sleep(0.1)

    def _kill(self) -> None:
        if self._process is None:
            return
        # PostgreSQL's processes are each a group of their own.
        for child in _descendants(self._process.pid):
            _signal(child, signal.SIGKILL)
        _signal(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


@dataclass
class FaultySite:
    """The installation: its parts in the order in which they start, and where it answers."""

    home: Path
    address: str
    database_url: str
    broker_url: str
    base_urls: tuple[str, ...]
    exports: Path | None
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def chat_servers(self) -> list[Part]:
        """Whoever answers for the contestants."""
        return [part for name, part in self.parts.items() if name.startswith("chat")]

    def empty_broker(self) -> int:
        """Take every bell out of the broker; how many keys it had."""
        with Redis.from_url(self.broker_url) as broker:
            kept = int(broker.dbsize())
            broker.flushall()
        return kept


@contextmanager
def faulty_site(*, reply_s: float) -> Iterator[FaultySite]:
    """Install and start everything but web, worker and beat, which `start` starts.

    The default connection leads to its database. Raises CommandError where PostgreSQL or Redis
    is not installed.
    """
    binaries, redis = _postgres(), shutil.which("redis-server")
    if redis is None:
        raise CommandError("redis-server was not found: install Redis.")
    with ExitStack() as stack:
        # Told to end, it ends all that it started: none of them is in its own group.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        stack.callback(signal.signal, signal.SIGTERM, signal.SIG_DFL)
        # PostgreSQL's own user has to get in.
        home = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        home.chmod(0o755)
        site = _lay_out(home, stack)
        _add_services(site, binaries, redis)
        _add_chat_servers(site, reply_s=reply_s)
        stack.callback(_kill_all, site)
        for part in site.parts.values():
            part.start()
        stack.enter_context(_connected_to(site.database_url))
        call_command("migrate", verbosity=0)
        environment = _environment(site)
        collect_static(environment)
        _add_programs(site, environment)
        yield site


def start(site: FaultySite) -> None:
    """Start web, worker and beat, once there is a study to serve."""
    for name in PROGRAMS:
        site.parts[name].start()


@contextmanager
def supervised(site: FaultySite) -> Iterator[list[str]]:
    """Start web, worker and beat again where one ends by itself, as systemd does.

    Gives the names of those that did, each as often.
    """
    ended: list[str] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(LOOKED_AFTER_S):
            ended.extend(name for name in PROGRAMS if site.parts[name].start_if_it_ended())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield ended
    finally:
        is_over.set()
        looking.join()


def _lay_out(home: Path, stack: ExitStack) -> FaultySite:
    (home / "site" / "exports").mkdir(parents=True)
    ports = [free_port() for _ in range(CHAT_SERVERS)]
    return FaultySite(
        home=home,
        address=f"http://127.0.0.1:{free_port()}",
        database_url=f"postgres://postgres@127.0.0.1:{free_port()}/postgres",
        broker_url=f"redis://127.0.0.1:{free_port()}/0",
        base_urls=tuple(f"http://127.0.0.1:{port}/v1" for port in ports),
        exports=_own_disk(home / "site" / "exports", stack),
    )


def _own_disk(folder: Path, stack: ExitStack) -> Path | None:
    """A small disk in memory at a folder; None where this user may not mount one."""
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder))
    if subprocess.run(mount, capture_output=True).returncode != 0:  # noqa: S603  our own command
        return None
    stack.callback(subprocess.run, ("umount", str(folder)), check=True)
    return folder


def _add_services(site: FaultySite, binaries: Path, redis: str) -> None:
    """PostgreSQL, Redis and the chat servers, each on its port."""
    as_user: tuple[str, ...] = ()
    data = site.home / "postgres"
    if os.geteuid() == 0:
        as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        data.mkdir()
        shutil.chown(data, "postgres")
    prepare = (*as_user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust")
    subprocess.run(  # noqa: S603  our own command
        (*prepare, "-E", "UTF8", "--no-sync"), check=True, stdout=subprocess.DEVNULL, cwd="/"
    )
    port = site.database_url.rpartition(":")[2].partition("/")[0]
    given = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
    options = [part for each in given for part in ("-c", each)]
    _add(
        site, "database", (*as_user, str(binaries / "postgres"), "-D", str(data), "-p", port,
        *options), is_up=lambda: _answers_sql(site.database_url),
    )  # fmt: skip
    broker = site.broker_url.rpartition(":")[2].partition("/")[0]
    _add(
        site, "broker", (redis, "--port", broker, "--bind", "127.0.0.1", "--save", "", "--dir",
        str(site.home)), is_up=lambda: _answers_redis(site.broker_url),
    )  # fmt: skip


def _add_chat_servers(site: FaultySite, *, reply_s: float) -> None:
    """Chat servers at the site's addresses of chat models."""
    for number, url in enumerate(site.base_urls):
        port = url.rpartition(":")[2].partition("/")[0]
        # By its path: as a module it would load the whole site first.
        command = (sys.executable, "-P", str(chat_server.__file__), str(reply_s), port)
        _add(site, f"chat {number}", command)


def _add_programs(site: FaultySite, environment: Mapping[str, str]) -> None:
    """Web, worker and beat, by the commands of the production page."""
    port = site.address.rpartition(":")[2]
    celery = (*PYTHON, "celery", "-A", "hustings")
    commands = {
        "worker": (*celery, "worker", "--pool", "threads", "--concurrency", str(THREADS)),
        "beat": (*celery, "beat"),
        "web": (*PYTHON, "hustings", "serve", "--port", port, "--workers", str(WEB_PROCESSES)),
    }
    for name, command in commands.items():
        _add(site, name, command, environment=environment)
    site.parts["web"].is_up = lambda: _answers(site.address)


def _add(
    site: FaultySite,
    name: str,
    command: tuple[str, ...],
    *,
    environment: Mapping[str, str] | None = None,
    is_up: Callable[[], bool] = lambda: True,
) -> None:
    log = site.home / f"{name.replace(' ', '-')}.log"
    site.parts[name] = Part(name, command, environment or dict(os.environ), log, is_up)


def _environment(site: FaultySite) -> dict[str, str]:
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return own | {
        "DJANGO_SETTINGS_MODULE": "hustings.settings",
        "SECRET_KEY": "of-a-benchmark-and-as-long-as-one-has-to-be-0123456789",
        # The benchmark reads who the raters are.
        "IDENTITY_KEY": settings.IDENTITY_KEY,
        "DATABASE_URL": site.database_url,
        "CELERY_BROKER_URL": site.broker_url,
        "HUSTINGS_HOME": str(site.home / "site"),
        "ALLOWED_HOSTS": "127.0.0.1",
        "BEHIND_TLS_PROXY": "false",
        "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true",
    }


@contextmanager
def _connected_to(url: str) -> Iterator[None]:
    """Let the default connection, of every thread, lead to another database."""
    known, alias = connections.settings, connection.alias
    configured = known[alias]
    kept = {"OPTIONS": {}, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    known[alias] = {**configured, **kept, **environ.Env.db_url_config(url)}
    connections[alias].close()
    connections[alias] = connections.create_connection(alias)
    try:
        yield
    finally:
        connections[alias].close()
        known[alias] = configured
        connections[alias] = connections.create_connection(alias)


def _kill_all(site: FaultySite) -> None:
    for part in reversed(site.parts.values()):
        part.kill()


def _postgres() -> Path:
    """The folder of PostgreSQL's binaries: on the PATH, or where Debian keeps them."""
    folders = sorted(DEBIAN.glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.insert(0, Path(found).resolve().parent)
    for folder in folders:
        if (folder / "postgres").exists():
            return folder
    raise CommandError("PostgreSQL was not found: install it, or put its initdb on the PATH.")


def _answers_sql(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _answers_redis(url: str) -> bool:
    with Redis.from_url(url) as broker:
        try:
            return bool(broker.ping())
        except NoRedisError:
            return False


def _answers(address: str) -> bool:
    try:
        wait_for(f"{address}/healthz", within_s=1)
    except RuntimeError:
        return False
    return True


def _descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [each for child in map(int, children) for each in (child, *_descendants(child))]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
