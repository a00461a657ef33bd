"""The benchmark of faults, in small: real processes are killed, and there are fewer battles."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.operations.production import missing_service

RUN = """
import dataclasses, json, django
django.setup()
from hustings.benchmarks.faults import run
figures = run(12, outage_s=3, only=("worker killed", "broker emptied", "database killed"))
print(json.dumps(dataclasses.asdict(figures)))
"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if name := missing_service():
        pytest.skip(f"{name} was not found")
    given = {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in given}
    home = tmp_path_factory.mktemp("home")
    # In a process of its own: the benchmark takes the connection to another database.
    ended = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment
        | {"DJANGO_SETTINGS_MODULE": "hustings.settings", "HUSTINGS_HOME": str(home)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=400,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.one_database
def test_every_accepted_message_and_verdict_is_there_once(figures: dict[str, Any]) -> None:
    count = figures["count"]
    assert figures["failures"] == []
    assert count["completed"] == count["raters"] == 6
    assert count["messages"] == 12 * 2
    assert count["verdicts"] == 12 * 5
    for wrong in ("lost", "unsent"):
        assert count[f"messages_{wrong}"] == count[f"verdicts_{wrong}"] == 0
    assert count["taken_over_target"] == 0
    # Some answers were lost on the way, and what was asked was sent again.
    assert count["dropped"] > 0


@pytest.mark.one_database
def test_each_fault_came_while_raters_were_there_and_nothing_else_ended(
    figures: dict[str, Any],
) -> None:
    worker, broker, database = figures["faults"]
    assert [each["fault"] for each in figures["faults"]] == [
        "worker killed", "broker emptied", "database killed",
    ]  # fmt: skip
    assert "down for" in worker["came_of_it"]
    assert "keys were lost" in broker["came_of_it"]
    assert "down for" in database["came_of_it"]
    assert database["held_up"] > 0
    assert sum(database["saw"].values()) >= database["held_up"]
    assert figures["ended_alone"] == []
