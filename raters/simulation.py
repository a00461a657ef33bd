"""Simulated raters, whose preferences differ by group and are known: for demos and benchmarks.

Here is what a population prefers and how it votes, and the quick way in, through the real import.
`hustings.simulation` lets the same raters walk through a study.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from raters.errors import RaterError
from raters.imports.comparisons import ImportReport, import_comparisons
from raters.models import Outcome, Verdict
from raters.services.quoting import give_simulated_reasons
from studies.models import CellGroup, Group, Study

OUTCOMES: Final = ("a", "tie", "b")
# How many let their words be published, and after how many battles these write a reason.
RELEASING: Final = 0.5
WRITING: Final = 0.4
# The stream of a seed that words are drawn from: no vote depends on whether there are any.
WORDS: Final = 5

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """What simulated raters prefer, in log-odds of Davidson's model.

    `skill_sd` is how far contestants differ, `dimension_sd` how far a contestant's skill differs
    between dimensions, `group_sd` how far groups of an axis differ about a contestant (by axis
    key; `default_group_sd` for the others). `careless` is the share of raters who answer
    everything at random. `eagerness` is how much likelier the first group of the first axis takes
    part than the last, so that the sample is unlike the electorate.
    """

    skill_sd: float = 0.8
    dimension_sd: float = 0.3
    default_group_sd: float = 0.3
    group_sd: Mapping[str, float] = field(default_factory=dict)
    tie_propensity: float = 0.6
    side_effect: float = 0.08
    careless: float = 0.0
    eagerness: float = 2.5

    def __post_init__(self) -> None:
        """Refuse what no population can be."""
        spreads = (self.skill_sd, self.dimension_sd, self.default_group_sd, *self.group_sd.values())
        if min(spreads) < 0 or self.tie_propensity < 0:
            raise RaterError(_("Standard deviations and the tie propensity are at least 0."))
        if not 0 <= self.careless <= 1:
            raise RaterError(_("The careless are a share of the raters, from 0 to 1."))
        if not self.eagerness > 0:
            raise RaterError(_("How much likelier somebody takes part is above 0."))


@dataclass(frozen=True)
class Cells:
    """The C cells of a study's electorate, in the order of their keys, and its G groups.

    `columns` (C, 1 + A) says which columns of a table of skills a cell adds up: column 0 is what
    everybody shares, column 1 + g is group g. Without an electorate there is one cell without a
    key, of everybody. `shares` (C,).
    """

    groups: tuple[Group, ...]
    keys: tuple[str, ...]
    columns: IntArray
    shares: FloatArray

    @classmethod
    def of(cls, study: Study) -> "Cells":
        """Read the cells of a study."""
        if study.electorate is None:
            return cls((), ("",), np.zeros((1, 1), np.int64), np.ones(1))
        groups = tuple(
            Group.objects.filter(axis__electorate__studies=study)
            .select_related("axis")
            .order_by("axis__position", "position")
        )
        column = {group.pk: 1 + g for g, group in enumerate(groups)}
        rows = list(
            CellGroup.objects.filter(cell__electorate=study.electorate)
            .order_by("cell__key", "axis__position")
            .values_list("cell__key", "cell__share", "group_id")
        )
        axes = study.electorate.axes.count()
        columns = np.array([column[group] for *_cell, group in rows]).reshape(-1, axes)
        everybody = np.zeros((len(columns), 1), np.int64)
        return cls(
            groups=groups,
            keys=tuple(key for key, _share, _group in rows[::axes]),
            columns=np.hstack([everybody, columns]),
            shares=np.array([share for _key, share, _group in rows[::axes]]),
        )

    def groups_of(self, cell: int) -> dict[str, str]:
        """The key of a cell's group on each axis."""
        groups = [self.groups[column - 1] for column in self.columns[cell, 1:]]
        return {group.axis.key: group.key for group in groups}

    def eager(self, eagerness: float) -> FloatArray:
        """How likely the next who comes is of each cell, (C,): by share and by eagerness."""
        first = self.columns[:, min(1, self.columns.shape[1] - 1)].astype(float)
        place = (first - first.min()) / max(np.ptp(first), 1.0)
        weights = self.shares * eagerness ** (0.5 - place)
        likely: FloatArray = weights / weights.sum()
        return likely


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
            _("The study %(study)s needs two contestants and a dimension before anybody can rate.")
            % {"study": study.slug}
        )
    names = [contestant.name for contestant in contestants]
    votes = np.random.default_rng([seed, 1])
    cells = Cells.of(study)
    skill = draw_skills(
        cells,
        [contestant.slug for contestant in contestants],
        dimensions=len(dimensions),
        population=population,
        seed=seed,
    )
    theirs = votes.choice(len(cells.shares), size=raters, p=cells.eager(population.eagerness))
    careless = votes.random(raters) < population.careless
    with TemporaryDirectory() as folder:
        comparisons, panel = Path(folder) / "comparisons.csv", Path(folder) / "raters.csv"
        _write_panel(panel, cells, theirs, seed)
        with comparisons.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["rater", "model_a", "model_b", "outcome", "dimension", "battle", "created_at"]
            )
            for n in range(raters):
                code, begins = rater_id(seed, n), at - timedelta(minutes=raters - n)
                mine = skill[:, cells.columns[theirs[n]]].sum(axis=1)
                for m, (i, j) in enumerate(_pairs(votes, len(names), battles_each)):
                    lead = mine[:, i] - mine[:, j]
                    outcome = vote(votes, lead, population, is_careless=bool(careless[n]))
                    when = (begins + timedelta(seconds=m)).isoformat()
                    writer.writerows(
                        [code, names[i], names[j], o, dimension, f"{code}-{m}", when]
                        for dimension, o in zip(dimensions, outcome, strict=True)
                    )
        return import_comparisons(
            study, comparisons, raters=panel if study.electorate else None, at=at
        )


def simulate_reasons(
    study: Study, phrases: Mapping[str, Sequence[str]], *, seed: int, at: datetime
) -> int:
    """Let a part of the raters have said why, in line with their verdicts; returns how often.

    `phrases` by the key of a dimension, for who was better on it and overall, and under "tie";
    "{better}" and "{worse}" in them become the letters. The overall dimension has some, and so
    has "tie". These raters let their words be published.
    """
    lots = np.random.default_rng([seed, WORDS])
    raters = study.participations.order_by("pk").values_list("pk", flat=True)
    releasing = [pk for pk in raters if lots.random() < RELEASING]
    given: dict[int, dict[str, str]] = {}
    rows = Verdict.objects.filter(battle__participation__in=releasing)
    rows = rows.order_by("battle", "dimension__position")
    for battle, key, outcome in rows.values_list("battle", "dimension__key", "outcome"):
        given.setdefault(battle, {})[key] = outcome
    overall = study.dimensions.get(is_overall=True).key
    reasons = {
        battle: _reason(lots, outcomes, overall, phrases)
        for battle, outcomes in given.items()
        if lots.random() < WRITING
    }
    give_simulated_reasons(study, reasons, at=at)
    return len(reasons)


def _reason(
    lots: np.random.Generator,
    outcomes: Mapping[str, str],
    overall: str,
    phrases: Mapping[str, Sequence[str]],
) -> str:
    """Why she chose so: of one dimension on which the same side was better."""
    chosen = outcomes[overall]
    if chosen == Outcome.TIE:
        return str(lots.choice(phrases["tie"]))
    alike = [key for key, each in outcomes.items() if each == chosen and key in phrases]
    better, worse = ("A", "B") if chosen == Outcome.A else ("B", "A")
    phrase = str(lots.choice(phrases[str(lots.choice(alike))]))
    return phrase.format(better=better, worse=worse)


def rater_id(seed: int, number: int) -> str:
    """What stands in place of a recruiting platform's id for a simulated rater."""
    return f"simulated-{seed}-{number}"


def draw_skills(
    cells: Cells, contestants: Iterable[str], *, dimensions: int, population: Population, seed: int
) -> FloatArray:
    """The truth: skills by dimension, column and contestant (D, 1 + G, K); a cell adds columns up.

    Each contestant, named by slug, is drawn by itself: one that enters changes nobody's skill.
    """
    spreads = np.array(
        [
            population.group_sd.get(group.axis.key, population.default_group_sd)
            for group in cells.groups
        ]
    )
    drawn = [_skills_of(slug, dimensions, spreads, population, seed) for slug in contestants]
    return np.stack(drawn, axis=-1)


def _skills_of(
    slug: str, dimensions: int, spreads: FloatArray, population: Population, seed: int
) -> FloatArray:
    """One contestant's skills by dimension and column, (D, 1 + G)."""
    named = int.from_bytes(sha256(slug.encode()).digest()[:8])
    truth = np.random.default_rng([seed, 0, named])
    shared = truth.normal(0, population.skill_sd)
    own = truth.normal(0, population.dimension_sd, dimensions)
    # What a group thinks of a contestant it mostly thinks on every dimension.
    by_group = truth.normal(0, 1, len(spreads))
    by_group_and_dimension = truth.normal(0, 1, (dimensions, len(spreads)))
    effects = (0.8 * by_group + 0.6 * by_group_and_dimension) * spreads
    return np.column_stack([shared + own, effects])


def vote(
    votes: np.random.Generator, lead: FloatArray, population: Population, *, is_careless: bool
) -> list[str]:
    """Outcomes on D dimensions, given how far A leads (D,) in this rater's eyes.

    By Davidson's model; a careless rater sees no difference, and takes any of the three.
    """
    # Drawn whoever votes, so that the careless change nobody else's votes.
    lot = votes.random(len(lead))
    if is_careless:
        return [OUTCOMES[int(o)] for o in lot * len(OUTCOMES)]
    half = (lead + population.side_effect) / 2
    weights = np.stack([np.exp(half), np.full_like(half, population.tie_propensity), np.exp(-half)])
    cumulative = np.cumsum(weights / weights.sum(axis=0), axis=0)
    return [OUTCOMES[o] for o in (lot > cumulative[:-1]).sum(axis=0)]


def _pairs(votes: np.random.Generator, contestants: int, battles: int) -> list[tuple[int, int]]:
    """Random pairs for one rater, who never meets a pair twice; sides at random."""
    pairs = [(i, j) for i in range(contestants) for j in range(i)]
    chosen = votes.permutation(len(pairs))[:battles]
    turned = votes.random(len(chosen)) < 0.5
    return [pairs[p][::-1] if t else pairs[p] for p, t in zip(chosen, turned, strict=True)]


def _write_panel(path: Path, cells: Cells, theirs: IntArray, seed: int) -> None:
    """The raters' groups, as a file like any other that is imported."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", *dict.fromkeys(group.axis.key for group in cells.groups)])
        writer.writerows(
            [rater_id(seed, n), *cells.groups_of(cell).values()] for n, cell in enumerate(theirs)
        )
