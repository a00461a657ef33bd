"""A pytest plugin that chooses the database: `--database sqlite` (the default) or `postgres`.

For PostgreSQL it starts a private server on loopback from the binaries it finds, and stops it at
the end. Where there are none it says so in one loud line and runs nothing, unless
HUSTINGS_REQUIRE names `postgres`: then that is a failure.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

DEBIAN = Path("/usr/lib/postgresql")
TESTS = Path(__file__).parent
WAITING = ("operations/", "test_bench_raters.py", "test_live_study.py", "raters/test_browser.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment before Django reads its settings."""
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "IDENTITY_KEY", "DEBUG"):
        if "PYTEST_XDIST_WORKER" not in os.environ:
            os.environ.pop(name, None)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    # Workers share the processors: threads of linear algebra would only wait for each other.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    home = Path(tempfile.mkdtemp(prefix="hustings-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ["HUSTINGS_HOME"] = str(home)
    if early_config.known_args_namespace.database == "postgres":
        server = start_postgres(home)
        early_config.add_cleanup(server.stop)
        os.environ["SECRET_KEY"] = "only-for-tests"
        os.environ["IDENTITY_KEY"] = "only-for-tests-as-well"
        os.environ["DATABASE_URL"] = server.url
        os.environ["BEHIND_TLS_PROXY"] = "false"
        os.environ["STAFF_MFA_REQUIRED"] = "false"
        os.environ["ALLOWED_HOSTS"] = "localhost,127.0.0.1,testserver"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, and choose what runs on PostgreSQL.

    There run all tests of a database but those marked `one_database`. Two kinds are. Pages and
    forms: `tests/security/test_pages.py` asks for every one of them on PostgreSQL too, so that no
    query of theirs is new to it. And what is computed and said of rows once they are read: one test
    of the module, marked `every_database`, reads them there. Whatever writes, claims, locks, counts
    places, is refused by the database or read in pages of many runs on both.
    """
    items.sort(key=_place)
    if config.getoption("--database") != "postgres":
        return
    chosen = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _place(item: pytest.Item) -> int:
    """First what waits for processes of its own, while others compute; then what takes long.

    So no worker is left alone with it at the end.
    """
    name = item.path.relative_to(TESTS).as_posix()
    if name.startswith(WAITING):
        return 0
    is_long = "browser" in getattr(item, "fixturenames", ())
    return 1 if is_long or "/" not in name or name.startswith("security/") else 2


def _uses_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("one_database") and not item.get_closest_marker("every_database"):
        return False
    fixtures = {"db", "transactional_db", "live_server", "database_url"}
    return bool(
        item.get_closest_marker("django_db") or fixtures & set(getattr(item, "fixturenames", ()))
    )


@pytest.fixture(scope="session")
def new_home(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Path]:
    """Makes folders for HUSTINGS_HOME, each with a copy of the tests' empty SQLite database.

    Whoever uses it is marked `django_db`: pytest makes that database for nobody else.
    """
    from django.db import connection

    empty = tmp_path_factory.mktemp("empty") / "hustings.sqlite3"
    if connection.vendor == "sqlite":
        # Now, outside of every test: to copy it within a transaction would wait for ever.
        with django_db_blocker.unblock(), closing(sqlite3.connect(empty)) as copy:
            connection.ensure_connection()
            assert not connection.in_atomic_block
            connection.connection.backup(copy)
            assert copy.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)

    def make() -> Path:
        home = tmp_path_factory.mktemp("home")
        shutil.copy(empty, home)
        return home

    return make


class PostgresServer:
    """A private PostgreSQL server, as the user `postgres` when the tests run as root."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self.binaries = binaries
        self.data = home / "postgres"
        self.port = _free_port()
        self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if os.geteuid() != 0:
            self.as_user = []
        else:
            shutil.chown(home, "postgres")

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"
        )
        # Durability is not what these tests are about: without fsync they are twice as fast.
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
        )
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def _run(self, command: str, *arguments: str | Path) -> None:
        subprocess.run(
            [*self.as_user, self.binaries / command, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )


def start_postgres(home: Path) -> PostgresServer:
    """Start a server, or leave the run where PostgreSQL is not installed."""
    binaries = find_postgres()
    if binaries is None:
        required = "postgres" in os.environ.get("HUSTINGS_REQUIRE", "").split(",")
        line = "!!! PostgreSQL was not found: THE TESTS ON POSTGRESQL WERE NOT RUN !!!"
        if required:
            line += " HUSTINGS_REQUIRE names postgres: this is a failure."
        sys.stderr.write(f"{line}\n")
        pytest.exit(line, returncode=1 if required else 0)
    server = PostgresServer(binaries, home)
    server.start()
    return server


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's binaries: on the PATH, or where Debian keeps them."""
    folders = [*sorted(DEBIAN.glob("*/bin"), reverse=True)]
    if found := shutil.which("initdb"):
        folders.insert(0, Path(found).resolve().parent)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
