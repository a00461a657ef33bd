"""How fast comparisons are imported, against a bare write of the same rows, and in what memory."""

import csv
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from hustings.benchmarks.scratch import scratch_database
from raters.imports.comparisons import import_comparisons
from raters.imports.staging import CHUNK_ROWS, bulk_write
from raters.models import Battle, Participation, Rater, Verdict
from studies.census import load_shipped
from studies.models import Cell, Electorate, Study
from studies.services import add_dimension, create_electorate, enter_contestant

CONTESTANTS: Final = 30
BATTLES_EACH: Final = 100
OUTCOMES: Final = ("a", "tie", "b")


@dataclass(frozen=True)
class ImportSpeed:
    """Rows per second, and as a ratio to the bare write; peak memory of the importing process.

    The bare write is COPY (PostgreSQL) or executemany (SQLite) of the same battles and verdicts
    into the same tables, with their constraints and indexes, and nothing read or checked before.
    """

    database: str
    rows_per_s: float
    ratio_to_bare: float
    peak_mib_1e5: float
    peak_mib_1e6: float


def run(n: int = 1_000_000) -> ImportSpeed:
    """Import `n` rows, write the same rows bare, and import a tenth and all in child processes."""
    with scratch_database() as environment, TemporaryDirectory() as name:
        folder = Path(name)
        raters = _write_raters(folder, n)
        rows, tenth = _write_comparisons(folder, n), _write_comparisons(folder, n // 10)
        bare = _bare_seconds(n)
        study = Study.objects.create(slug="timed", title="Timed", electorate=_electorate())
        begun = time.perf_counter()
        import_comparisons(study, rows, raters=raters, may_create=True, at=timezone.now())
        seconds = time.perf_counter() - begun
        return ImportSpeed(
            database=connection.vendor,
            rows_per_s=round(n / seconds),
            ratio_to_bare=round(bare / seconds, 3),
            peak_mib_1e5=_peak_mib(tenth, raters, environment),
            peak_mib_1e6=_peak_mib(rows, raters, environment),
        )


def _electorate() -> Electorate:
    return create_electorate(load_shipped("us-2023"))


def _pairs(n: int) -> tuple[list[int], list[int], list[int]]:
    random = np.random.default_rng(7)
    a = random.integers(0, CONTESTANTS, n)
    b = (a + random.integers(1, CONTESTANTS, n)) % CONTESTANTS
    return a.tolist(), b.tolist(), random.integers(0, 3, n).tolist()


def _write_comparisons(folder: Path, n: int) -> Path:
    path = folder / f"comparisons-{n}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", "model_a", "model_b", "outcome", "battle", "created_at"])
        writer.writerows(
            [
                f"rater-{row // BATTLES_EACH}",
                f"model-{a}",
                f"model-{b}",
                OUTCOMES[outcome],
                f"battle-{row}",
                f"2026-05-{1 + row % 28:02}T12:00:00Z",
            ]
            for row, (a, b, outcome) in enumerate(zip(*_pairs(n), strict=True))
        )
    return path


def _write_raters(folder: Path, n: int) -> Path:
    path = folder / "raters.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", "age", "sex", "ethnicity", "party"])
        spec = load_shipped("us-2023")
        groups = [[group.key for group in axis.groups] for axis in spec.axes]
        writer.writerows(
            [f"rater-{rater}", *(keys[rater % len(keys)] for keys in groups)]
            for rater in range(n // BATTLES_EACH + 1)
        )
    return path


def _bare_seconds(n: int) -> float:
    """Seconds to write the rows that an import of `n` comparisons ends in, and nothing else."""
    at = timezone.now()
    study = Study.objects.create(slug="bare", title="Bare", electorate=_electorate())
    contestants = [enter_contestant(study, name=f"model-{k}").pk for k in range(CONTESTANTS)]
    dimension = add_dimension(study, key="overall").pk
    participations = _participations(study, n // BATTLES_EACH + 1, at)
    pairs = list(zip(*_pairs(n), strict=True))
    with transaction.atomic():
        begun = time.perf_counter()
        for first in range(0, n, CHUNK_ROWS):
            bulk_write(
                Battle._meta.db_table,
                (
                    "id",
                    "participation_id",
                    "key",
                    "side_a_id",
                    "side_b_id",
                    "created_at",
                    "judged_at",
                    "reason",
                ),
                [
                    (
                        1 + row,
                        participations[row // BATTLES_EACH],
                        f"battle-{row}",
                        contestants[pairs[row][0]],
                        contestants[pairs[row][1]],
                        at,
                        at,
                        "",
                    )
                    for row in range(first, min(n, first + CHUNK_ROWS))
                ],
            )
        for first in range(0, n, CHUNK_ROWS):
            bulk_write(
                Verdict._meta.db_table,
                ("battle_id", "dimension_id", "outcome", "recorded_at"),
                [
                    (1 + row, dimension, OUTCOMES[pairs[row][2]], at)
                    for row in range(first, min(n, first + CHUNK_ROWS))
                ],
            )
        # Foreign keys are checked at the end of a transaction, and this one never commits.
        connection.check_constraints([Battle._meta.db_table, Verdict._meta.db_table])
        seconds = time.perf_counter() - begun
        transaction.set_rollback(True)
    return seconds


def _participations(study: Study, n: int, at: datetime) -> list[int]:
    cells = list(Cell.objects.filter(electorate__studies=study).values_list("pk", flat=True))
    raters = Rater.objects.bulk_create((Rater(created_at=at) for _ in range(n)), batch_size=5000)
    participations = Participation.objects.bulk_create(
        (
            Participation(
                study=study,
                rater=rater,
                cell_id=cells[k % len(cells)],
                state=Participation.State.COMPLETED,
                created_at=at,
            )
            for k, rater in enumerate(raters)
        ),
        batch_size=5000,
    )
    return [participation.pk for participation in participations]


# A process starts with the peak of the one that made it, so a small one has to stand between.
MEASURE: Final = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _peak_mib(path: Path, raters: Path, environment: dict[str, str]) -> float:
    """Peak resident memory of `hustings import_comparisons` in a process of its own."""
    command = [
        sys.executable, "-m", "hustings", "import_comparisons", str(path), "--study", path.stem,
        "--create", "--electorate", "us-2023", "--raters", str(raters),
    ]  # fmt: skip
    measured = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-c", MEASURE, *command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return round(int(measured.stdout) / 1024, 1)
