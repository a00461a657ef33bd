"""The battle queue in the database: how long a refill takes, and a claim; part of `queues`."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from hustings.benchmarks.scratch import scratch_database
from leaderboards.scheduling.refill import refill_queue
from leaderboards.services.standings import fold_standings
from raters.models import Participation, Rater
from raters.services.drawing import claim_matchup
from raters.simulation import Population, simulate_raters
from studies.census import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
from studies.models import Cell, Dimension, Matchup, Study
from studies.services import create_electorate, enter_contestant

CONTESTANTS: Final = 28
DIMENSIONS: Final = 5
# Six axes, 22 groups.
GROUPS_PER_AXIS: Final = (5, 3, 4, 4, 3, 3)
BATTLES: Final = 120_000
BATTLES_EACH: Final = 6
REFILLS: Final = 5
CLAIMANTS: Final = 64
CLAIMS_EACH: Final = 20
# Mean pause of a claimant between two claims. A rater's is minutes.
PAUSE_S: Final = 0.5


@dataclass(frozen=True)
class QueueTimes:
    """Seconds of a refill, the median of five, after so many battles were folded.

    `claim_p95_ms` is the 95th percentile of the time that a claim takes, 64 claimants being at it,
    each with a connection of its own and a pause between two claims; `claim_at_once_p95_ms` that
    of their very first, which all begin at one instant. `claimed_twice` counts matchups that two
    of them got.
    """

    database: str
    battles: int
    refill_s: float
    claim_p95_ms: float
    claim_at_once_p95_ms: float
    claimed_twice: int


def measure_queue(battles: int = BATTLES) -> QueueTimes:
    """Simulate a study of 28 contestants, 22 groups and 5 dimensions, refill its queue, claim."""
    with scratch_database():
        study = _study()
        at = timezone.now()
        raters = battles // BATTLES_EACH
        simulate_raters(
            study, raters=raters, battles_each=BATTLES_EACH, seed=1, population=Population(), at=at
        )
        Study.objects.update(state=Study.State.OPEN)
        study.refresh_from_db()
        fold_standings(study)
        seconds = []
        for seed in range(REFILLS):
            begun = time.perf_counter()
            refill_queue(study, at=timezone.now(), seed=seed)
            seconds.append(time.perf_counter() - begun)
        first, rest, twice = _claims(study)
    return QueueTimes(
        database=connection.vendor,
        battles=battles,
        refill_s=median(seconds),
        claim_p95_ms=_p95(rest),
        claim_at_once_p95_ms=_p95(first),
        claimed_twice=twice,
    )


def _p95(seconds: list[float]) -> float:
    return 1000 * quantiles(seconds, n=20)[-1]


def _study() -> Study:
    rng = np.random.default_rng(0)
    axes = tuple(
        AxisSpec(
            f"axis-{x}",
            f"Axis {x}",
            tuple(
                GroupSpec(f"group-{g}", f"Group {g}", float(share), "nobody")
                for g, share in enumerate(rng.dirichlet(np.full(size, 3.0)))
            ),
        )
        for x, size in enumerate(GROUPS_PER_AXIS)
    )
    sources = (SourceSpec(key="nobody", title="Drawn for a benchmark"),)
    study = Study.objects.create(
        slug="queue",
        title="Queue",
        is_simulated=True,
        battles_each=BATTLES_EACH,
        electorate=create_electorate(ElectorateSpec("queue", "Queue", "", axes, None, sources)),
    )
    for position in range(DIMENSIONS):
        Dimension.objects.create(
            study=study,
            key=f"dimension-{position}",
            name=f"Dimension {position}",
            position=position,
            is_overall=position == 0,
        )
    for k in range(CONTESTANTS):
        enter_contestant(study, name=f"Contestant {k:02}")
    return study


def _claims(study: Study) -> tuple[list[float], list[float], int]:
    """Seconds of each claimant's first claim, and of all others; and how many rows went twice."""
    before = _fill(study, 4 * CLAIMANTS * CLAIMS_EACH)
    at = timezone.now()
    raters = Rater.objects.bulk_create(Rater(created_at=at) for _ in range(CLAIMANTS))
    cells = Cell.objects.filter(electorate=study.electorate).order_by("-share")
    participations = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            cell=cell,
            state=Participation.State.ACTIVE,
            created_at=at,
        )
        for rater, cell in zip(raters, cells[:CLAIMANTS], strict=True)
    )
    start = threading.Barrier(CLAIMANTS)
    with ThreadPoolExecutor(CLAIMANTS) as pool:
        seconds = list(pool.map(lambda each: _claim_often(each, start), participations))
    taken = before - study.matchups.count()
    first = [each[0] for each in seconds]
    rest = [second for each in seconds for second in each[1:]]
    return first, rest, len(first) + len(rest) - taken


def _fill(study: Study, rows: int) -> int:
    """Matchups of random pairs, as many as nobody can use up."""
    chance = random.Random(1)  # noqa: S311  no secrets hang on it
    contestants = list(study.contestants.values_list("pk", flat=True))
    groups = list(study.matchups.values_list("group", flat=True))
    pairs = [chance.sample(contestants, 2) for _ in range(rows)]
    at = timezone.now()
    Matchup.objects.bulk_create(
        Matchup(
            study=study,
            group_id=chance.choice(groups),
            side_a_id=a,
            side_b_id=b,
            position=position,
            gain=0,
            created_at=at,
        )
        for position, (a, b) in enumerate(pairs)
    )
    return study.matchups.count()


def _claim_often(participation: Participation, start: threading.Barrier) -> list[float]:
    """Claim again and again; how long each claim took."""
    pauses, seconds = random.Random(participation.pk), []  # noqa: S311
    try:
        # What a connection does once only, each has done before a rater comes.
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        start.wait()
        for _ in range(CLAIMS_EACH):
            begun = time.perf_counter()
            with transaction.atomic():
                claimed = claim_matchup(participation)
                seconds.append(time.perf_counter() - begun)
            if claimed is None:
                raise RuntimeError("A claimant found nothing, although the queue is full.")
            time.sleep(pauses.expovariate(1 / PAUSE_S))
    finally:
        connection.close()
    return seconds
