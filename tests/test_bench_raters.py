"""The benchmark of many raters at once, in small: every part of it is real, there is only less."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import dataclasses, json, django
django.setup()
from hustings.benchmarks.raters import run
figures = run(4, messages=1, haste=30, reply_s=0.3, web_processes=1)
print(json.dumps(dataclasses.asdict(figures)))
"""
PAGES = {
    *("GET join", "POST join", "GET consent", "POST consent", "GET question", "POST question"),
    *("GET how", "POST how", "GET battle", "POST message", "GET stream", "GET replies"),
    *("GET compare", "POST compare", "GET end"),
}


@pytest.mark.one_database
def test_every_rater_of_the_benchmark_comes_to_the_end(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"}
    }
    # In a process of its own: the benchmark takes the connection to another database.
    ended = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment
        | {"DJANGO_SETTINGS_MODULE": "hustings.settings", "HUSTINGS_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    figures = json.loads(ended.stdout)

    assert figures["failures"] == []
    assert figures["errors"] == 0
    found = figures["found"]
    assert found["completed"] == 4
    assert found["verdicts_found"] == found["verdicts_expected"] == 4 * 2 * 5
    assert found["replies_finished"] == found["replies_expected"] == 4 * 2 * 2
    assert found["taken_over_target"] == 0
    # One of the four has no script, and no stream.
    assert figures["pages"].keys() == PAGES
    assert figures["pages"]["GET stream"]["n"] == figures["stream_lag"]["n"] == 3 * 2
    assert figures["pages"]["POST message"]["n"] == 4 * 2
    assert 0 < figures["worst_p95_ms"] < 60_000
    assert figures["stream_lag"]["p50_ms"] > 0
    assert figures["setup"]["database"] == "sqlite"
