"""How long all boards of a study take: reading the verdicts, ranking them, folding them."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from hustings.benchmarks.scratch import scratch_database
from leaderboards.ranking.boards import BoardParameters, Engine, rank_board
from leaderboards.services.standings import fold_standings
from leaderboards.verdicts import Frame, read_board_input
from raters.simulation import Population, simulate_raters
from studies.census.specification import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
from studies.models import Study
from studies.services import (
    add_dimension,
    choose_overall_dimension,
    create_electorate,
    enter_contestant,
)

CONTESTANTS: Final = 30
DIMENSIONS: Final = 5
GROUPS_OF_AXES: Final = (5, 4, 3)
BATTLES_EACH: Final = 10


@dataclass(frozen=True)
class BoardsSpeed:
    """Seconds for all boards: five dimensions, twelve groups each, sample and electorate.

    `read_s` reads the verdicts of all of them, counted; `davidson_s` ranks them; `fold_s` reads,
    folds and stores the TrueSkill standings of all tournaments from nothing, `fold_new_1000_s`
    after a thousand more verdicts.
    """

    battles: int
    database: str
    read_s: float
    davidson_s: float
    fold_s: float
    fold_new_1000_s: float


def run(n: int = 200_000) -> BoardsSpeed:
    """Time a study of `n` battles, each with a verdict on every dimension."""
    with scratch_database():
        study = _study()
        _simulate(study, raters=n // BATTLES_EACH, seed=1)
        begun = time.perf_counter()
        given = read_board_input(Frame.of(study), Engine.DAVIDSON)
        read = time.perf_counter()
        rank_board(given, BoardParameters())
        ranked = time.perf_counter()
        fold_standings(study)
        folded = time.perf_counter()
        _simulate(study, raters=1000 // DIMENSIONS // BATTLES_EACH, seed=2)
        begun_new = time.perf_counter()
        new = fold_standings(study)
        folded_new = time.perf_counter()
        if new != 1000:
            raise RuntimeError(f"{new} verdicts were folded, not the thousand new ones.")
        return BoardsSpeed(
            battles=n,
            database=connection.vendor,
            read_s=round(read - begun, 3),
            davidson_s=round(ranked - read, 3),
            fold_s=round(folded - ranked, 3),
            fold_new_1000_s=round(folded_new - begun_new, 3),
        )


def _study() -> Study:
    axes = tuple(
        AxisSpec(
            f"axis-{x}",
            f"Axis {x}",
            tuple(GroupSpec(f"group-{g}", f"Group {g}", 1 / size, "even") for g in range(size)),
        )
        for x, size in enumerate(GROUPS_OF_AXES)
    )
    source = SourceSpec("even", "Equal shares, for the benchmark")
    spec = ElectorateSpec("bench", "Bench", "", axes, None, (source,))
    study = Study.objects.create(
        slug="bench", title="Bench", is_simulated=True, electorate=create_electorate(spec)
    )
    for k in range(CONTESTANTS):
        enter_contestant(study, name=f"Model {k}")
    for d in range(DIMENSIONS):
        add_dimension(study, key=f"dimension-{d}")
    choose_overall_dimension(study)
    return study


def _simulate(study: Study, *, raters: int, seed: int) -> None:
    simulate_raters(
        study,
        raters=raters,
        battles_each=BATTLES_EACH,
        seed=seed,
        population=Population(),
        at=timezone.now() - timedelta(seconds=1),
    )
