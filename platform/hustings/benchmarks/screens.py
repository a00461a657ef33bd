"""How well screens tell the careless from the careful: on real data, and in a simulated study.

The simulation runs the real checks, screens and tests on raters of whom a tenth is careless or
rigs, strikes as the platform does, and lets a reviewer exclude by a rule. What bad raters do to
the board, and how much of it is undone, is measured against the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
from django.core.management.base import CommandError

from hustings.benchmarks.careless import CarelessFigures, measure_careless
from hustings.benchmarks.drift import DriftFigures, measure_drift
from hustings.benchmarks.watched_study import (
    CONTESTANTS,
    BoolArray,
    Manners,
    Rater,
    Watched,
    read_manners,
    simulate_watched,
)
from hustings.benchmarks.watching import Found, Watch, find_flaws, watch
from hustings.env import CHECKOUT
from leaderboards.ranking.merging import composition, merge_davidson
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.simulation import count_crossings
from raters.quality.flaws import FlawKind
from raters.quality.lenience import FORGIVEN

DATA: Final = CHECKOUT.parent / "shared" / "data"
RATERS: Final = 2_000
SEEDS: Final = 20
# From every flaw a strike to one that forgives too much.
POLICIES: Final[tuple[Mapping[FlawKind, int], ...]] = (
    {},
    {FlawKind.DRIFT: 2},
    {FlawKind.DRIFT: 2, FlawKind.FAILED_CHECK: 1},
    {FlawKind.DRIFT: 1, FlawKind.FAILED_CHECK: 1, FlawKind.SPEEDING: 1},
    FORGIVEN,
    {FlawKind.DRIFT: 2, FlawKind.FAILED_CHECK: 1, FlawKind.SPEEDING: 2},
    {FlawKind.DRIFT: 2, FlawKind.FAILED_CHECK: 2, FlawKind.SPEEDING: 2},
)
# Part of the checks that honest raters fail, and how alike two checks of one rater are.
SLIPS: Final = ((0.01, 0.0), (0.02, 0.0), (0.04, 0.0), (0.05, 0.0), (0.01, 0.1), (0.02, 0.1))
RESAMPLES: Final = 2_000


@dataclass(frozen=True)
class Caught:
    """What becomes of raters, as parts of them.

    Of the bad ones `bad_struck` ever get a strike, so that a reviewer sees them,
    `bad_struck_out` are struck out, and `recall` are struck out or excluded. Of all who are, or
    None if nobody is, `precision` are bad. `honest_struck` of the honest ever get a strike.
    """

    recall: float
    precision: float | None
    bad_struck: float
    bad_struck_out: float
    honest_struck: float
    honest_struck_out: float
    honest_left_out: float


@dataclass(frozen=True)
class Policy:
    """How many flaws of each kind are forgiven, what comes of it, and the board's error then."""

    forgiven: dict[str, int]
    caught: Caught
    damage_undone: float


@dataclass(frozen=True)
class Slips:
    """What comes of it if honest raters fail other parts of the checks than people did.

    `correlation` is that of failing two checks: some slip more often than others.
    """

    slip: float
    correlation: float
    caught: Caught


@dataclass(frozen=True)
class Board:
    """RMSE of overall skills in log-odds, and the rigged contestant's error and rank, from 1."""

    error: float
    rigged_error: float
    rigged_rank: float


@dataclass(frozen=True)
class SimulationFigures:
    """All studies together: boards of the honest alone, of all, and of all but who is left out.

    `damage_undone` is the part of the error that bad raters add which is taken away again, with
    a 95 % interval by drawing studies anew. `caught` says more of the raters; `recall_of` is by
    kind of bad rater. The rigged contestant is truly of `rigged_true_rank`. `policies` and
    `slips` show what else could be.
    """

    damage_undone: float
    damage_undone_interval: tuple[float, float]
    honest_struck: float
    precision: float | None
    recall: float
    caught: Caught
    recall_of: dict[str, float]
    unlikely_votes_of_bad: float
    unlikely_votes_of_honest: float
    rigged_true_rank: float
    without_bad: Board
    without_control: Board
    with_control: Board
    policies: tuple[Policy, ...]
    slips: tuple[Slips, ...]
    raters: int
    seeds: int


@dataclass(frozen=True)
class ScreensFigures:
    """All figures, those of real data first."""

    drift: DriftFigures
    careless: CarelessFigures
    simulation: SimulationFigures


def run(
    *, data: Path = DATA, n: int = RATERS, seeds: int = SEEDS, first_seed: int = 0
) -> ScreensFigures:
    """Measure on the data folder, and simulate studies of `n` raters with its people's manners.

    CommandError where the folder or one of its files is missing.
    """
    if not data.is_dir():
        raise CommandError(f"There is no folder {data} with data to measure on; see --data.")
    try:
        return ScreensFigures(
            drift=measure_drift(data),
            careless=measure_careless(data),
            simulation=measure_simulation(
                read_manners(data), raters=n, seeds=range(first_seed, first_seed + seeds)
            ),
        )
    except FileNotFoundError as error:
        raise CommandError(f"There is no file {error.filename} to measure on.") from error


def measure_simulation(
    manners: Manners, *, raters: int = RATERS, seeds: Sequence[int] = range(SEEDS)
) -> SimulationFigures:
    """Simulate a study by each seed, and judge strikes, exclusions and boards by the truth."""
    studies = _Studies.simulate(manners, raters, seeds)
    watches = studies.watched_by(FORGIVEN)
    honest = [study.is_done & study.is_honest[:, np.newaxis] for study in studies.watched]
    boards = (
        studies.rank(honest),
        studies.rank([study.is_done for study in studies.watched]),
        studies.rank([each.is_counted for each in watches]),
    )
    without_bad, without_control, with_control = (ranked.board for ranked in boards)
    caught = studies.caught(watches)
    left_out = np.concatenate([each.is_left_out for each in watches])
    unlikely = np.concatenate([each.is_unlikely for each in watches])
    is_honest = studies.are(Rater.HONEST)
    ranks = [_rank(each.truth, each.rigged) for each in studies.watched]
    return SimulationFigures(
        damage_undone=_undone(*boards),
        damage_undone_interval=_interval(*boards),
        honest_struck=caught.honest_struck,
        precision=caught.precision,
        recall=caught.recall,
        caught=caught,
        recall_of={
            kind.name.lower(): _part(left_out[studies.are(kind)])
            for kind in Rater
            if kind is not Rater.HONEST
        },
        unlikely_votes_of_bad=_part(unlikely[~is_honest]),
        unlikely_votes_of_honest=_part(unlikely[is_honest]),
        rigged_true_rank=_mean(ranks),
        without_bad=without_bad,
        without_control=without_control,
        with_control=with_control,
        policies=tuple(_policy(studies, forgiven, *boards[:2]) for forgiven in POLICIES),
        slips=tuple(_slips(manners, slip, alike, raters, seeds) for slip, alike in SLIPS),
        raters=raters,
        seeds=len(seeds),
    )


@dataclass(frozen=True)
class _Ranked:
    """The boards of some studies: RMSE of each (T,), and the rigged contestant's part in them."""

    errors: FloatArray
    board: Board


@dataclass(frozen=True)
class _Studies:
    """Simulated studies with their seeds and what the screens find in them."""

    seeds: Sequence[int]
    watched: tuple[Watched, ...]
    found: tuple[Found, ...]

    @classmethod
    def simulate(cls, manners: Manners, raters: int, seeds: Sequence[int]) -> Self:
        watched = tuple(simulate_watched(manners, raters=raters, seed=seed) for seed in seeds)
        return cls(seeds, watched, tuple(map(find_flaws, watched)))

    def watched_by(self, forgiven: Mapping[FlawKind, int]) -> list[Watch]:
        each = zip(self.watched, self.found, self.seeds, strict=True)
        return [watch(study, found, forgiven=forgiven, seed=seed) for study, found, seed in each]

    def are(self, kind: Rater) -> BoolArray:
        """Who is of this kind, over all studies."""
        return np.concatenate([study.rater == kind for study in self.watched])

    def caught(self, watches: Sequence[Watch]) -> Caught:
        honest = self.are(Rater.HONEST)
        struck = np.concatenate([each.strikes for each in watches]) > 0
        struck_out = np.concatenate([each.is_struck_out for each in watches])
        left_out = np.concatenate([each.is_left_out for each in watches])
        return Caught(
            recall=_part(left_out[~honest]),
            precision=_part(~honest[left_out]) if left_out.any() else None,
            bad_struck=_part(struck[~honest]),
            bad_struck_out=_part(struck_out[~honest]),
            honest_struck=_part(struck[honest]),
            honest_struck_out=_part(struck_out[honest]),
            honest_left_out=_part(left_out[honest]),
        )

    def rank(self, counted: Sequence[BoolArray]) -> _Ranked:
        """The boards of the battles that count, (N, M) in each study, against the truth."""
        each = tuple(zip(self.watched, counted, strict=True))
        skills = [_skill(study, battles) for study, battles in each]
        pairs = tuple(zip(skills, self.watched, strict=True))
        errors = np.array([np.sqrt(np.square(s - study.truth).mean()) for s, study in pairs])
        board = Board(
            error=round(float(errors.mean()), 5),
            rigged_error=_mean([(s - w.truth)[w.rigged] for s, w in pairs]),
            rigged_rank=_mean([_rank(s, w.rigged) for s, w in pairs]),
        )
        return _Ranked(errors, board)


def _policy(
    studies: _Studies,
    forgiven: Mapping[FlawKind, int],
    without_bad: _Ranked,
    without_control: _Ranked,
) -> Policy:
    watches = studies.watched_by(forgiven)
    ranked = studies.rank([each.is_counted for each in watches])
    return Policy(
        forgiven={kind.value: times for kind, times in forgiven.items()},
        caught=studies.caught(watches),
        damage_undone=_undone(without_bad, without_control, ranked),
    )


def _slips(
    manners: Manners, slip: float, correlation: float, raters: int, seeds: Sequence[int]
) -> Slips:
    other = replace(manners, slip=slip, slips_alike=correlation)
    studies = _Studies.simulate(other, raters, seeds)
    return Slips(slip, correlation, studies.caught(studies.watched_by(FORGIVEN)))


def _part(flagged: BoolArray) -> float:
    return round(float(flagged.mean()), 5)


def _mean(numbers: Sequence[float]) -> float:
    return round(float(np.mean(numbers)), 5)


def _undone(without_bad: _Ranked, without_control: _Ranked, with_control: _Ranked) -> float:
    damage = (without_control.errors - without_bad.errors).mean()
    return round(float((without_control.errors - with_control.errors).mean() / damage), 4)


def _interval(
    without_bad: _Ranked, without_control: _Ranked, with_control: _Ranked
) -> tuple[float, float]:
    """Where 95 % of the damage undone lie if the studies are drawn again with replacement."""
    damage = without_control.errors - without_bad.errors
    undone = without_control.errors - with_control.errors
    drawn = np.random.default_rng(0).integers(0, len(damage), (RESAMPLES, len(damage)))
    low, high = np.quantile(undone[drawn].mean(axis=1) / damage[drawn].mean(axis=1), [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def _skill(study: Watched, counted: BoolArray) -> FloatArray:
    """Overall skills (K,) for the electorate, as Davidson's board has them."""
    axes, groups = len(study.group), len(study.axis)
    group = np.repeat(study.group[:, :, np.newaxis], counted.shape[1], axis=2)[:, counted]
    counts = count_outcomes(
        *(np.tile(each[counted], axes) for each in (study.a, study.b, study.outcome[:, :, 0])),
        contestants=CONTESTANTS,
        tournament=group.ravel(),
        tournaments=groups,
    )
    merged = merge_davidson(
        counts,
        composition=composition(count_crossings(group, groups=groups)),
        axis=study.axis,
        shares=study.shares,
    )
    return merged.skill


def _rank(skill: FloatArray, contestant: int) -> int:
    return int((skill > skill[contestant]).sum()) + 1
