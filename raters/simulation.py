"""Simulated raters, whose preferences differ by group and are known: for demos and benchmarks."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raters.errors import RaterError
from raters.imports.comparisons import ImportReport, import_comparisons
from studies.models import CellGroup, Group, Study

OUTCOMES: Final = ("a", "tie", "b")


@dataclass(frozen=True)
class Population:
    """What simulated raters prefer, in log-odds of Davidson's model.

    `skill_sd` is how far contestants differ, `dimension_sd` how far a contestant's skill differs
    between dimensions, `group_sd` how far groups of an axis differ about a contestant (by axis
    key; `default_group_sd` for the others). `eagerness` is how much likelier the first group of
    the first axis takes part than the last, so that the sample is unlike the electorate.
    """

    skill_sd: float = 0.8
    dimension_sd: float = 0.3
    default_group_sd: float = 0.3
    group_sd: Mapping[str, float] = field(default_factory=dict)
    tie_propensity: float = 0.6
    side_effect: float = 0.08
    eagerness: float = 2.5


def simulate_raters(
    study: Study,
    *,
    raters: int,
    battles_each: int,
    seed: int,
    population: Population,
    at: datetime,
) -> ImportReport:
    """Let simulated raters compare random pairs on every dimension, through the real import.

    The same seed gives the same raters, so a second run adds nothing.
    """
    contestants = list(study.contestants.filter(withdrawn_at=None).order_by("slug"))
    dimensions = list(study.dimensions.order_by("position").values_list("key", flat=True))
    if len(contestants) < 2 or not dimensions:
        raise RaterError(
            f"The study {study.slug} needs two contestants and a dimension before anybody can rate."
        )
    names = [contestant.name for contestant in contestants]
    # One stream for what the population prefers, one for who comes and votes: more raters of
    # the same seed have the same preferences.
    truth, votes = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    groups, shares = _cells(study)
    skill = _skills(study, truth, population, len(dimensions), len(names))
    cells = _recruit(votes, groups, shares, raters, population)
    with TemporaryDirectory() as folder:
        comparisons, panel = Path(folder) / "comparisons.csv", Path(folder) / "raters.csv"
        _write_panel(panel, study, groups, cells, seed)
        with comparisons.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["rater", "model_a", "model_b", "outcome", "dimension", "battle", "created_at"]
            )
            for n in range(raters):
                code, begins = f"simulated-{seed}-{n}", at - timedelta(minutes=raters - n)
                mine = skill[:, groups[cells[n]]].sum(axis=1)
                for m, (i, j) in enumerate(_pairs(votes, len(names), battles_each)):
                    outcome = _vote(votes, mine[:, i] - mine[:, j], population)
                    when = (begins + timedelta(seconds=m)).isoformat()
                    writer.writerows(
                        [code, names[i], names[j], OUTCOMES[o], dimension, f"{code}-{m}", when]
                        for dimension, o in zip(dimensions, outcome, strict=True)
                    )
        return import_comparisons(
            study, comparisons, raters=panel if study.electorate else None, at=at
        )


def _groups(study: Study) -> list[Group]:
    """The groups of the study's electorate, in order; none without one."""
    return list(
        Group.objects.filter(axis__electorate__studies=study)
        .select_related("axis")
        .order_by("axis__position", "position")
    )


def _cells(study: Study) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Groups of each cell as columns of the table of skills (C, 1 + A), and shares (C,).

    Column 0 is what everybody shares. Without an electorate there is one cell, of everybody.
    """
    if study.electorate is None:
        return np.zeros((1, 1), np.int64), np.ones(1)
    column = {group.pk: 1 + g for g, group in enumerate(_groups(study))}
    rows = list(
        CellGroup.objects.filter(cell__electorate=study.electorate)
        .order_by("cell__key", "axis__position")
        .values_list("cell__share", "group_id")
    )
    axes = study.electorate.axes.count()
    groups = np.array([column[group] for _share, group in rows]).reshape(-1, axes)
    everybody = np.zeros((len(groups), 1), np.int64)
    return np.hstack([everybody, groups]), np.array([share for share, _group in rows[::axes]])


def _skills(
    study: Study,
    truth: np.random.Generator,
    population: Population,
    dimensions: int,
    contestants: int,
) -> NDArray[np.float64]:
    """Skills by dimension, column and contestant (D, 1 + G, K); a cell adds up its columns."""
    spreads = [
        population.group_sd.get(group.axis.key, population.default_group_sd)
        for group in _groups(study)
    ]
    shared = truth.normal(0, population.skill_sd, contestants)
    own = truth.normal(0, population.dimension_sd, (dimensions, contestants))
    # What a group thinks of a contestant it mostly thinks on every dimension.
    by_group = truth.normal(0, 1, (len(spreads), contestants))
    by_group_and_dimension = truth.normal(0, 1, (dimensions, len(spreads), contestants))
    effects = 0.8 * by_group + 0.6 * by_group_and_dimension
    skills = np.empty((dimensions, 1 + len(spreads), contestants))
    skills[:, 0] = shared + own
    skills[:, 1:] = effects * np.array(spreads)[:, np.newaxis]
    return skills


def _recruit(
    votes: np.random.Generator,
    groups: NDArray[np.int64],
    shares: NDArray[np.float64],
    raters: int,
    population: Population,
) -> NDArray[np.int64]:
    """The cell of each rater, (N,): by share, and by how eager the first axis's groups are."""
    first = groups[:, min(1, groups.shape[1] - 1)].astype(float)
    place = (first - first.min()) / max(np.ptp(first), 1.0)
    weights = shares * population.eagerness ** (0.5 - place)
    return votes.choice(len(shares), size=raters, p=weights / weights.sum())


def _pairs(votes: np.random.Generator, contestants: int, battles: int) -> list[tuple[int, int]]:
    """Random pairs for one rater, who never meets a pair twice; sides at random."""
    pairs = [(i, j) for i in range(contestants) for j in range(i)]
    chosen = votes.permutation(len(pairs))[:battles]
    turned = votes.random(len(chosen)) < 0.5
    return [pairs[p][::-1] if t else pairs[p] for p, t in zip(chosen, turned, strict=True)]


def _vote(
    votes: np.random.Generator, lead: NDArray[np.float64], population: Population
) -> NDArray[np.int64]:
    """Outcomes (D,) by Davidson's model, given how far A leads in this rater's eyes."""
    half = (lead + population.side_effect) / 2
    weights = np.stack([np.exp(half), np.full_like(half, population.tie_propensity), np.exp(-half)])
    cumulative = np.cumsum(weights / weights.sum(axis=0), axis=0)
    outcome: NDArray[np.int64] = (votes.random(len(lead)) > cumulative).sum(axis=0)
    return outcome


def _write_panel(
    path: Path, study: Study, groups: NDArray[np.int64], cells: NDArray[np.int64], seed: int
) -> None:
    """The raters' groups, as a file like any other that is imported."""
    known = _groups(study)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", *dict.fromkeys(group.axis.key for group in known)])
        writer.writerows(
            [f"simulated-{seed}-{n}", *(known[column - 1].key for column in groups[cell, 1:])]
            for n, cell in enumerate(cells)
        )
