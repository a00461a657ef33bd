"""The site under load, by locust: many raters at once, and programs that read boards beside."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from django.core.management.base import CommandError
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from hustings.benchmarks.crowd import visits_of
from hustings.benchmarks.load_urls import BARE_FOLDER
from hustings.benchmarks.pages import large_study, publish
from hustings.benchmarks.raters import (
    CHAT_SERVERS,
    CODE,
    FAILURES_NAMED,
    Found,
    Times,
    groups_to_come,
    look,
    open_large_study,
    setup_of,
)
from hustings.benchmarks.scratch import scratch_database
from hustings.benchmarks.serving import WEB_PROCESSES, Site, serve_chat_models, serve_site
from leaderboards.models import Board
from leaderboards.services.reports import write_report

SETTINGS: Final = "hustings.benchmarks.load_settings"
USERS: Final = Path(__file__).with_name("load_users.py")
BOARD_RATERS: Final = 200
READERS: Final = 4
PAUSE_S: Final = 1.0
# A read and its bare view take turns, so that whatever else the machine does hits both.
ROUNDS: Final = 5
ROUND_S: Final = 1.0


@dataclass(frozen=True)
class BoardRead:
    """One read of a board beside a bare Django view that returns the same bytes.

    Requests a second of one client on one connection, the median of rounds that take turns; in
    the load both are among the pages, by the same name and `bare`.
    """

    kb: float
    per_s: float
    bare_per_s: float
    ratio: float


@dataclass(frozen=True)
class LoadFigures:
    """Times of every page, post and read, by method and name of its address, in milliseconds.

    No page waits for a chat model, and of a stream the opening is timed. `board_ratio` is that of
    the read that is worst off beside its bare view.
    """

    raters: int
    seconds: float
    pages: Mapping[str, Times]
    worst_p95_ms: float
    errors: int
    failures: Sequence[str]
    lost: int
    found: Found
    boards: Mapping[str, BoardRead]
    board_ratio: float
    setup: Mapping[str, object]


def run(
    n: int = 500,
    *,
    messages: int = 3,
    haste: float = 1.0,
    reply_s: float = 1.5,
    web_processes: int = WEB_PROCESSES,
    round_s: float = ROUND_S,
    board_raters: int = BOARD_RATERS,
) -> LoadFigures:
    """Let `n` raters through a study of two battles, and programs read boards meanwhile.

    Everything is as in the benchmark `raters`, but for who asks: locust, in one process. Raters
    arrive three in a second and take some ten minutes; `haste` divides the time they take to think.
    The board is of `board_raters`, and each read of it measured in rounds of `round_s`. Raises
    CommandError without locust.
    """
    if find_spec("locust") is None:
        raise CommandError("locust was not found: install hustings[load].")
    load = os.getloadavg()[0]
    with (
        serve_chat_models(CHAT_SERVERS, reply_s=reply_s) as base_urls,
        scratch_database() as environment,
        TemporaryDirectory() as bare,
    ):
        study = open_large_study(n, messages, base_urls)
        reads = _reads(_published(board_raters))
        visits = visits_of(groups_to_come(study, seed=1), seed=1)
        job = {
            "slug": study.slug, "messages": messages, "code": CODE, "haste": haste,
            "visits": [asdict(visit) for visit in visits], "readers": READERS, "reads": reads,
            "pause_s": PAUSE_S,
        }  # fmt: skip
        # As in the example of a production environment.
        child = {**environment, "BOARDS_KEPT_S": "1", BARE_FOLDER: bare}
        connection.close()
        with serve_site(child, web_processes=web_processes, settings=SETTINGS) as site:
            _keep(site, reads, Path(bare))
            boards = {name: _compare(site, name, path, round_s) for name, path in reads.items()}
            begun = time.perf_counter()
            met = _send_users(site, job, child)
            seconds = time.perf_counter() - begun
        pages = {name: Times.of(each) for name, each in sorted(met["answers"].items())}
        found = look(study, n, messages)
        return LoadFigures(
            raters=n,
            seconds=round(seconds, 1),
            pages=pages,
            worst_p95_ms=max(times.p95_ms for times in pages.values()),
            errors=len(met["failures"]),
            failures=sorted(set(met["failures"]))[:FAILURES_NAMED],
            lost=found.verdicts_expected
            - found.verdicts_found
            + found.replies_expected
            - found.replies_finished,
            found=found,
            boards=boards,
            board_ratio=min(board.ratio for board in boards.values()),
            setup=setup_of(site, load=load),
        )


def _published(raters: int) -> Board:
    """A board of many contestants, groups and dimensions, with its reports: nothing is due."""
    study = large_study()
    publish(study, raters=raters, boards=1)
    for report in study.reports.all():
        write_report(report.pk, at=timezone.now())
    return study.boards.get()


def _reads(board: Board) -> dict[str, str]:
    """What programs read of a board, by name: itself, its rows, and its export."""
    given = {"slug": board.study.slug, "board_id": board.pk}
    return {
        "board": reverse("api:board-detail", kwargs=given),
        "board-rows": reverse("api:row-list", kwargs=given),
        "board-export": reverse("api:board-export", kwargs=given),
    }


def _keep(site: Site, reads: Mapping[str, str], folder: Path) -> None:
    """Lay the bytes of every read where the bare views find them."""
    for name, path in reads.items():
        with urlopen(site.address + path) as answer:  # noqa: S310  our own address
            (folder / name).write_bytes(answer.read())


def _compare(site: Site, name: str, path: str, round_s: float) -> BoardRead:
    rates: dict[str, list[float]] = {path: [], f"/bare/{name}": []}
    size = 0
    at = http.client.HTTPConnection(urlsplit(site.address).netloc, timeout=60)
    for _ in range(ROUNDS):
        for address, each in rates.items():
            rate, size = _rate(at, address, round_s)
            each.append(rate)
    at.close()
    own, bare = (median(each) for each in rates.values())
    return BoardRead(round(size / 1000, 1), round(own, 1), round(bare, 1), round(own / bare, 2))


def _rate(at: http.client.HTTPConnection, address: str, round_s: float) -> tuple[float, int]:
    """Answers a second at an address, and how many bytes each has. RuntimeError for a refusal."""
    answers = size = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < round_s:
        at.request("GET", address)
        response = at.getresponse()
        size = len(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(f"{address} answered {response.status}.")
        answers += 1
    return answers / passed, size


def _send_users(site: Site, job: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    """What locust's users met, by name; they run in a process of their own, for locust patches."""
    # By its path: it has to come before everything else that is loaded.
    command = (sys.executable, "-P", str(USERS))
    done = subprocess.run(  # noqa: S603  our own command
        command,
        input=json.dumps({**job, "address": site.address}),
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)
