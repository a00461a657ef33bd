"""The demo serves everything from nothing, and says how to reach it."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

STARTS_WITHIN_S = 180
SETTINGS = ("SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "ALLOWED_HOSTS")


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return kept | {"HUSTINGS_HOME": str(home), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def printed(home: Path) -> Iterator[str]:
    """What a running demo printed once it answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "hustings", "demo", "--port", str(port), "--raters", "40"]
    log = home / "log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment(home), stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while "password" not in log.read_text():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield log.read_text()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0, log.read_text()
        assert "Traceback" not in log.read_text()


def test_every_link_that_is_printed_answers(printed: str) -> None:
    links = re.findall(r"http://\S+", printed)
    assert len(links) >= 5
    for link in links:
        with urllib.request.urlopen(link) as response:
            assert response.status == 200, link


def test_it_says_that_its_raters_are_simulated(printed: str) -> None:
    assert "its raters are simulated" in printed
    link = re.findall(r"http://\S+", printed)[0]
    with urllib.request.urlopen(link) as response:
        assert "Simulated raters" in response.read().decode()


def test_a_second_start_adds_nothing(home: Path, printed: str) -> None:
    def verdicts() -> int:
        with sqlite3.connect(home / "hustings.sqlite3") as database:
            return int(database.execute("SELECT count(*) FROM raters_verdict").fetchone()[0])

    before = verdicts()
    assert before == 40 * 6 * 5
    subprocess.run(
        [sys.executable, "-m", "hustings", "demo", "--no-serve", "--raters", "40"],
        env=environment(home),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert verdicts() == before


def test_words_of_raters_stand_on_a_contestant_s_page(printed: str) -> None:
    board = re.findall(r"http://\S+", printed)[0]
    with urllib.request.urlopen(f"{board}contestants/cedar/?said=sex%3Dfemale") as response:
        page = response.read().decode()
    assert "What people said about Cedar" in page
    quotes = re.findall(r"<blockquote><p>(.+?)</p></blockquote>\s*<p[^>]*><strong>(.+?)<", page)
    assert quotes
    for quote, stance in quotes:
        assert "{" not in quote
        assert stance.startswith(("Preferred ", "Found "))


def test_migrations_make_the_tables_that_the_models_describe(
    home: Path, printed: str, new_home: Callable[[], Path]
) -> None:
    """The other tests on SQLite take their tables from the models."""
    migrated, described = tables_of(home), tables_of(new_home())
    del migrated["django_migrations"]
    assert migrated == described


def tables_of(home: Path) -> dict[str, list[str]]:
    """The statement that makes each table, index and trigger; columns are in no order."""
    with closing(sqlite3.connect(home / "hustings.sqlite3")) as database:
        made = database.execute("SELECT name, sql FROM sqlite_master WHERE sql > ''").fetchall()
    return {
        name: sorted(re.split(r",\s*", sql.partition("(")[2].removesuffix(")")))
        for name, sql in made
    }


def test_a_visitor_can_try_both_protocols_on_three_tasks(home: Path, printed: str) -> None:
    for slug in ("try", "rate"):
        assert f"/join/{slug}/?PROLIFIC_PID=you" in printed
    with sqlite3.connect(home / "hustings.sqlite3") as database:
        studies = database.execute(
            "SELECT s.slug, s.protocol, s.state, count(*) FROM studies_study s "
            "JOIN studies_task t ON t.study_id = s.id GROUP BY s.id ORDER BY s.id"
        ).fetchall()
        question = database.execute(
            "SELECT d.question FROM studies_dimension d JOIN studies_study s ON d.study_id = s.id "
            "WHERE s.slug = 'rate' AND d.key = 'trust'"
        ).fetchone()
    assert studies == [("try", "pairwise", "open", 3), ("rate", "single", "open", 3)]
    assert question == ("How far would you trust it?",)


def test_its_secret_is_random_and_for_its_owner_alone(home: Path, printed: str) -> None:
    key = home / "secret_key"
    assert len(key.read_text()) > 50
    assert key.stat().st_mode & 0o077 == 0


def test_it_refuses_to_run_in_production(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hustings", "demo", "--no-serve"],
        env=environment(tmp_path) | {"SECRET_KEY": "of-production", "IDENTITY_KEY": "too"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("hustings: The demo makes an admin whose password it prints")


def test_a_database_without_a_secret_key_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hustings", "check"],
        env=environment(tmp_path) | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("hustings: DATABASE_URL or CELERY_BROKER_URL is set, but")
    assert done.stderr.count("\n") == 1
