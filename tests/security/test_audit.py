"""The audit of dependencies: what is known fails it, and what can't be asked is said loudly."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

JUDGE = Path(__file__).resolve().parents[2] / ".ci" / "audit.py"
CLEAN = {"name": "django", "version": "5.2.9", "vulns": []}
KNOWN = {
    "name": "celery",
    "version": "5.7.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["5.7.1"], "aliases": []}],
}
SKIPPED = {"name": "amqp", "skip_reason": "Dependency not found on PyPI"}


def judged(*packages: dict[str, Any]) -> tuple[int, str, str]:
    report = json.dumps({"dependencies": packages}) if packages else ""
    done = subprocess.run(
        [sys.executable, str(JUDGE)], input=report, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_known_vulnerability_fails_and_is_named_with_its_mending() -> None:
    status, said, _ = judged(CLEAN, KNOWN)
    assert (status, said) == (1, "celery 5.7.0: PYSEC-2026-1, mended in 5.7.1\n")


def test_it_fails_also_where_others_could_not_be_asked_about() -> None:
    assert judged(SKIPPED, KNOWN)[0] == 1


def test_without_advisories_it_passes_with_one_loud_line_and_never_says_clean() -> None:
    for packages in ((), (SKIPPED,), (CLEAN, SKIPPED)):
        status, said, loud = judged(*packages)
        assert (status, said) == (0, "")
        assert "NOT AUDITED" in loud
        assert loud.count("\n") == 1


def test_what_was_audited_and_is_clean_says_so() -> None:
    assert judged(CLEAN) == (0, "1 dependencies audited: nothing known against them.\n", "")
