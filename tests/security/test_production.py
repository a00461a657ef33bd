"""What production does without being asked: its headers and cookies, and what its log keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("sk-live-0123456789", "neighbour", "Zebedee")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One process with the environment of production, in which a page and a task break."""
    home = tmp_path_factory.mktemp("home")
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "hustings.settings",
        "HUSTINGS_HOME": str(home),
        "SECRET_KEY": "of-fifty-random-characters-or-more-as-it-is-told-there-0123456789",
        "IDENTITY_KEY": "another-one-of-fifty-characters-or-more-9876543210-kept-apart",
        "DATABASE_URL": f"sqlite:///{home / 'empty.sqlite3'}",
        "ALLOWED_HOSTS": "hustings.example.org",
        "SENTRY_DSN": "http://key@127.0.0.1:9/1",
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.security.in_production"],
        env=given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def found(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_cookies_go_by_https_alone_and_staff_need_a_second_factor(found: Any) -> None:
    assert found["settings"] == {
        "DEBUG": False,
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": True,
        "STAFF_MFA_REQUIRED": True,
    }
    assert "Secure" in found["cookie"]
    assert "SameSite=Lax" in found["cookie"]


def test_browsers_are_told_to_come_by_https_for_a_year(found: Any) -> None:
    told = found["page"]["Strict-Transport-Security"]
    assert told == "max-age=31536000; includeSubDomains; preload"
    assert found["plain"] == [301, "https://hustings.example.org/accounts/login/"]


def test_a_host_that_is_none_of_the_site_s_is_refused(found: Any) -> None:
    assert found["evil"] == 400


def test_a_page_that_breaks_tells_nothing_of_why(found: Any) -> None:
    status, page = found["broken"]
    assert status == 500
    assert not any(secret in page for secret in (*SECRETS, "RuntimeError", "Traceback"))


def test_the_log_says_where_a_page_and_a_task_broke_and_not_over_what(
    done: subprocess.CompletedProcess[str],
) -> None:
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    broke = [line for line in lines if line.get("exception") == "RuntimeError"]
    assert any(line.get("task") == "breaks" for line in broke), done.stderr
    assert any("request" in line and "task" not in line for line in broke), done.stderr
    assert all("in_production.py" in line["at"][-1] for line in broke)
    assert not any(secret in done.stderr for secret in SECRETS)


def test_what_is_reported_elsewhere_says_no_more(found: Any) -> None:
    reported = [event for event in found["reported"] if "exception" in event]
    kinds = {each["type"] for event in reported for each in event["exception"]["values"]}
    assert kinds >= {"RuntimeError", "ValueError"}
    told = json.dumps(found["reported"])
    assert "in_production.py" in told
    assert not any(secret in told for secret in SECRETS)
