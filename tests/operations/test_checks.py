"""What `check --deploy` says of an installation, asked as an operator asks it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
RABBIT: Final = "amqp://hustings:change-me@127.0.0.1:5672//"
REDIS: Final = "redis://127.0.0.1:6379/0"


def check(home: Path, **given: str) -> str:
    """What is said where this is set."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        env={"PATH": os.environ["PATH"], "HUSTINGS_HOME": str(home), **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout + done.stderr


def check_in_production(home: Path, **given: str) -> str:
    key = "of-fifty-random-characters-or-more-as-it-is-told-there-0123456789"
    return check(
        home,
        SECRET_KEY=key,
        # Another one than the site's.
        IDENTITY_KEY=key[::-1],
        DATABASE_URL=f"sqlite:///{home / 'empty.sqlite3'}",
        ALLOWED_HOSTS="hustings.example.org",
        **given,
    )


@pytest.mark.parametrize("broker", [{}, {"CELERY_BROKER_URL": RABBIT}], ids=["none", "RabbitMQ"])
def test_processes_that_share_no_cache_are_warned_of(
    tmp_path: Path, broker: dict[str, str]
) -> None:
    said = check_in_production(tmp_path, **broker)
    assert "hustings.W001" in said
    assert "HINT: Set CACHE_URL" in said


@pytest.mark.parametrize(
    "shared",
    [{"CELERY_BROKER_URL": REDIS}, {"CELERY_BROKER_URL": RABBIT, "CACHE_URL": REDIS}],
    ids=["the broker", "a cache of its own"],
)
def test_a_cache_that_they_share_is_no_matter(tmp_path: Path, shared: dict[str, str]) -> None:
    assert "no issues" in check_in_production(tmp_path, **shared)


def test_one_process_has_nobody_to_share_with(tmp_path: Path) -> None:
    """Embedded, with nothing set."""
    assert "hustings.W001" not in check(tmp_path)
