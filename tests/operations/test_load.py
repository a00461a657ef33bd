"""The benchmarks of load and scale, in small, and what is kept of published boards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from hustings.benchmarks.scale import Cost, Steps, exponents
from hustings.rest import kept
from leaderboards.models import Board
from leaderboards.services.boards import withdraw_board
from studies.models import Study

RUN = """
import dataclasses, json, django
django.setup()
from hustings.benchmarks.{module} import run
print(json.dumps(dataclasses.asdict(run({arguments}))))
"""
READS = ("board", "board-export", "board-rows")


def bench(home: Path, module: str, arguments: str) -> Any:
    """The figures of a benchmark, run in a process of its own and embedded."""
    given = {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in given}
    ended = subprocess.run(
        [sys.executable, "-c", RUN.format(module=module, arguments=arguments)],
        env=environment
        | {"DJANGO_SETTINGS_MODULE": "hustings.settings", "HUSTINGS_HOME": str(home)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=400,
    )
    return json.loads(ended.stdout)


@pytest.mark.one_database
def test_locusts_raters_come_to_the_end_while_programs_read_boards(tmp_path: Path) -> None:
    pytest.importorskip("gevent")
    in_small = "messages=1, haste=60, reply_s=0.3, web_processes=1, round_s=0.1, board_raters=60"
    figures = bench(tmp_path, "load", f"8, {in_small}")

    assert figures["failures"] == []
    assert (figures["errors"], figures["lost"]) == (0, 0)
    found = figures["found"]
    assert found["completed"] == 8
    assert found["verdicts_found"] == 8 * 2 * 5
    assert found["taken_over_target"] == 0
    assert figures["pages"]["POST message"]["n"] == figures["pages"]["GET stream"]["n"] == 8 * 2
    for read in READS:
        assert figures["pages"][f"GET {read}"]["n"] > 0
        assert figures["pages"][f"GET {read} bare"]["n"] > 0
    assert set(figures["boards"]) == set(READS)
    assert figures["board_ratio"] == min(each["ratio"] for each in figures["boards"].values())
    assert figures["board_ratio"] > 0


@pytest.mark.one_database
def test_every_step_is_measured_against_the_number_of_battles(tmp_path: Path) -> None:
    figures = bench(tmp_path, "scale", "10_000")

    (cost,) = figures["costs"]
    assert cost["battles"] == 10_000
    assert all(seconds > 0 for seconds in cost["seconds"].values())
    assert cost["peak_mib"] > 0
    # One size has no slope.
    assert figures["exponents"] == {}


def test_exponents_are_slopes_in_logarithms() -> None:
    def cost(battles: int) -> Cost:
        line, square = battles / 1e4, (battles / 1e4) ** 2
        return Cost(battles, Steps(line, square, 1.0, line, line, line), 1.0, 1.0)

    found = exponents([cost(10_000), cost(100_000), cost(1_000_000)])
    assert found == {
        "import": 1.0, "fold": 2.0, "fold_new": 0.0, "refill": 1.0, "board": 1.0, "export": 1.0,
    }  # fmt: skip


def address(board: Board) -> str:
    return reverse("api:board-detail", args=[board.study.slug, board.pk])


@pytest.mark.django_db
def test_a_board_that_was_read_is_answered_from_what_is_kept_in_one_query(
    board: Board, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = client.get(address(board))
    with django_assert_num_queries(1):
        second = client.get(address(board))
    assert first.status_code == second.status_code == 200
    assert second.content == first.content
    assert second["ETag"] == first["ETag"]
    # What a client has left is its own: nobody is told another's.
    assert "RateLimit-Remaining" in first
    assert "RateLimit-Remaining" not in second


@pytest.mark.django_db
def test_what_is_kept_tells_of_what_happened_since(
    board: Board, client: Client, admin_user: User
) -> None:
    assert client.get(address(board)).json()["withdrawal"] is None
    withdraw_board(board, reason="It was of the wrong study.", by=admin_user, at=timezone.now())
    assert client.get(address(board)).json()["withdrawal"] is not None


@pytest.mark.django_db
def test_what_is_kept_is_not_shown_once_the_study_is_public_no_more(
    board: Board, client: Client, admin_client: Client
) -> None:
    assert client.get(address(board)).status_code == 200
    Study.objects.update(is_public=False)
    assert client.get(address(board)).status_code == 404
    # Nor is what only some may see kept for others.
    assert admin_client.get(address(board)).status_code == 200
    assert client.get(address(board)).status_code == 404


@pytest.mark.django_db
def test_where_the_setting_says_so_a_board_is_not_looked_up_for_a_moment(
    board: Board,
    client: Client,
    settings: Any,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.BOARDS_KEPT_S = 60
    first = client.get(address(board))
    with django_assert_num_queries(0):
        assert client.get(address(board)).content == first.content


def test_of_answers_that_are_kept_the_oldest_goes_first() -> None:
    answers = kept.Answers(most=250)
    for name in "abc":
        answers.put(name, kept.Kept(b"x" * 100, {}))
    assert answers.get("a") is None
    assert answers.get("b") is not None
    answers.put("d", kept.Kept(b"x" * 100, {}))
    # Somebody has asked for b since.
    assert answers.get("c") is None
    assert answers.get("b") is not None
