"""What each step costs against the number of battles, and with which exponent it grows."""

import csv
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Final, TypeVar

import numpy as np
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from hustings.benchmarks.scratch import scratch_database
from leaderboards.exports.archive import write_archive
from leaderboards.models import Export
from leaderboards.ranking.boards import BoardParameters
from leaderboards.scheduling.refill import refill_queue
from leaderboards.services.boards import take_board
from leaderboards.services.standings import fold_standings
from raters.imports.comparisons import import_comparisons
from studies.census import load_shipped
from studies.models import Study
from studies.services import ensure_shipped_electorate

T = TypeVar("T")

SMALLEST: Final = 10_000
ELECTORATE: Final = "us-2023"
CONTESTANTS: Final = 30
BATTLES_EACH: Final = 100
NEW: Final = 1_000
OUTCOMES: Final = ("a", "tie", "b")
MIB: Final = 1 << 20


@dataclass(frozen=True)
class Steps:
    """Seconds of each step over a study.

    `import_s` brings its battles in by `import_comparisons`; `fold_s` folds all of them into the
    standings, `fold_new_s` a thousand more; `refill_s` fills the queue; `board_s` takes a board
    of one dimension, all groups and the electorate; `export_s` writes the archive as CSV.
    """

    import_s: float
    fold_s: float
    fold_new_s: float
    refill_s: float
    board_s: float
    export_s: float


@dataclass(frozen=True)
class Cost:
    """One size: seconds, the archive's MiB, and the most memory that the process had by then."""

    battles: int
    seconds: Steps
    export_mib: float
    peak_mib: float


@dataclass(frozen=True)
class ScaleFigures:
    """Cost by size, and the exponent of each step: the slope of log seconds over log battles."""

    costs: Sequence[Cost]
    exponents: Mapping[str, float]
    setup: Mapping[str, object]


def run(n: int = 1_000_000) -> ScaleFigures:
    """Measure studies of 10,000 battles, ten times as many, and so on to `n`, in one database.

    Each size is told on stderr as soon as it is measured: the last may take an hour. Raises
    CommandError for fewer than 10,000 battles.
    """
    if n < SMALLEST:
        raise CommandError(f"The smallest size is {SMALLEST:,} battles.")
    decades = range(round(np.log10(n / SMALLEST)) + 1)
    with scratch_database(), TemporaryDirectory() as folder:
        costs = []
        for decade in decades:
            costs.append(_measure(Path(folder), SMALLEST * 10**decade))
            sys.stderr.write(f"{costs[-1]}\n")
        return ScaleFigures(costs, exponents(costs), _setup())


def exponents(costs: Sequence[Cost]) -> dict[str, float]:
    """Of each step; empty for fewer than two sizes."""
    if len(costs) < 2:
        return {}
    battles = np.log([cost.battles for cost in costs])
    found = {}
    for field in fields(Steps):
        seconds = np.log([getattr(cost.seconds, field.name) for cost in costs])
        slope, _ = np.polyfit(battles, seconds, 1)
        found[field.name.removesuffix("_s")] = round(float(slope), 2)
    return found


def _measure(folder: Path, n: int) -> Cost:
    study = Study.objects.create(
        slug=f"scale-{n}",
        title=f"{n:,} battles",
        electorate=ensure_shipped_electorate(ELECTORATE),
    )
    raters, rows = _write_raters(folder, n), _write_comparisons(folder, range(n))
    new = _write_comparisons(folder, range(n, n + NEW))
    _, import_s = _timed(lambda: _import(study, rows, raters))
    # A queue is of a study that is open; nobody is asked anything here.
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    study.refresh_from_db()
    _, fold_s = _timed(lambda: fold_standings(study))
    _import(study, new, raters)
    folded, fold_new_s = _timed(lambda: fold_standings(study))
    if folded != NEW:
        raise RuntimeError(f"{folded} verdicts were folded, not the {NEW} new ones.")
    _, refill_s = _timed(lambda: refill_queue(study, at=timezone.now(), seed=1))
    _, board_s = _timed(lambda: take_board(study, BoardParameters(), at=timezone.now()))
    size, export_s = _timed(lambda: _export(study))
    for path in (rows, raters, new):
        path.unlink()
    seconds = (import_s, fold_s, fold_new_s, refill_s, board_s, export_s)
    return Cost(
        battles=n,
        seconds=Steps(*(round(each, 3) for each in seconds)),
        export_mib=round(size / MIB, 1),
        peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    )


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    result = step()
    return result, time.perf_counter() - begun


def _import(study: Study, rows: Path, raters: Path) -> None:
    import_comparisons(study, rows, raters=raters, may_create=True, at=timezone.now())


def _export(study: Study) -> int:
    """Write the study's archive; its bytes."""
    export = Export.objects.create(
        study=study, format=Export.Format.CSV, is_release=False, asked_at=timezone.now()
    )
    with NamedTemporaryFile() as file:
        write_archive(export, file, at=timezone.now())
        return file.tell()


def _write_comparisons(folder: Path, numbers: range) -> Path:
    """A file with a battle for each number: random pairs and outcomes, a hundred of each rater."""
    path = folder / f"comparisons-{numbers.start}-{numbers.stop}.csv"
    chance = np.random.default_rng(numbers.start)
    a = chance.integers(0, CONTESTANTS, len(numbers))
    b = (a + chance.integers(1, CONTESTANTS, len(numbers))) % CONTESTANTS
    outcomes = chance.integers(0, len(OUTCOMES), len(numbers))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", "model_a", "model_b", "outcome", "battle", "created_at"])
        writer.writerows(
            (
                f"rater-{number // BATTLES_EACH}",
                f"model-{side_a}",
                f"model-{side_b}",
                OUTCOMES[outcome],
                f"battle-{number}",
                f"2026-05-{1 + number % 28:02}T12:00:00Z",
            )
            for number, side_a, side_b, outcome in zip(
                numbers, a.tolist(), b.tolist(), outcomes.tolist(), strict=True
            )
        )
    return path


def _write_raters(folder: Path, n: int) -> Path:
    """A file with the groups of all raters of `n` battles, and of those of the new ones."""
    path = folder / "raters.csv"
    axes = load_shipped(ELECTORATE).axes
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", *(axis.key for axis in axes)])
        writer.writerows(
            [f"rater-{rater}", *(axis.groups[rater % len(axis.groups)].key for axis in axes)]
            for rater in range((n + NEW) // BATTLES_EACH + 1)
        )
    return path


def _setup() -> dict[str, object]:
    return {
        "database": connection.vendor,
        "contestants": CONTESTANTS,
        "electorate": ELECTORATE,
        "battles_each": BATTLES_EACH,
        "processors": os.cpu_count(),
        "machine": platform.processor() or platform.machine(),
        "load_before": round(os.getloadavg()[0], 1),
    }
