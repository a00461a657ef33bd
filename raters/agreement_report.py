"""How far a study's raters agree, counted when somebody asks.

In a live study no two raters judge the same conversation: each has her own. What overlaps is the
question: a unit is a pair of contestants on one task, or one contestant on one task where raters
rate one at a time. So α says how far raters agree about the models, through different
conversations; it is lower than agreement about one text would be, however careful they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from django.utils.translation import gettext as _

from raters.grouping import LEAST_RATERS, Members, groups_of
from raters.models import Outcome, Rating, Verdict
from raters.quality.agreement import (
    Alpha,
    FloatArray,
    IntArray,
    Level,
    Share,
    agreement_with_others,
    krippendorff_alpha,
    self_consistency,
    wilson,
)
from raters.quality.reliability import fit_dawid_skene
from raters.querysets import RatingQuerySet, VerdictQuerySet, is_left_out
from studies.models import Dimension, Group, Study

Given = TypeVar("Given", VerdictQuerySet, RatingQuerySet)

# Of an interval that is read to two digits; a page computes one for every group and dimension.
RESAMPLES: Final = 200

# Oriented to the contestant that comes first: it won, they tied, the other won.
CODES: Final[Mapping[str, int]] = {Outcome.A: 0, Outcome.TIE: 1, Outcome.B: 2}


@dataclass(frozen=True, slots=True)
class AlphaLine:
    """α of one dimension, among everybody (no group) or the raters of a group.

    `alpha` is None where fewer raters than LEAST_RATERS have an answer on a unit.
    """

    dimension: Dimension
    group: Group | None
    raters: int
    alpha: Alpha | None


@dataclass(frozen=True, slots=True)
class ConsistencyLine:
    """How often a battle that came again, with its sides swapped, got the same answer."""

    dimension: Dimension
    share: Share


@dataclass(frozen=True, slots=True)
class RaterLine:
    """One rater on the overall dimension: agreement with the majority of the others, and how
    reliable the model of Dawid and Skene holds her, 0 to 1."""

    code: str
    participation_id: int
    labels: int
    agreement: Share
    reliability: float


@dataclass(frozen=True)
class AgreementReport:
    """How far raters agree: with each other by dimension and group, each with the others, and
    each with herself. `raters` are those of overlapping units, the least agreeing first."""

    study: Study
    alphas: tuple[AlphaLine, ...]
    consistency: tuple[ConsistencyLine, ...]
    raters: tuple[RaterLine, ...]

    @property
    def unit(self) -> str:
        """What raters overlap on, in words."""
        if self.study.protocol == Study.Protocol.SINGLE:
            return _("one contestant on one task")
        return _("a pair of contestants on one task")


def read_agreement(study: Study) -> AgreementReport:
    """Read a study's answers, as boards count them, and say how far they agree."""
    dimensions = list(study.dimensions.order_by("position", "key"))
    is_single = study.protocol == Study.Protocol.SINGLE
    answers = {
        dimension.pk: (_ratings if is_single else _verdicts)(study, dimension)
        for dimension in dimensions
    }
    level = Level.INTERVAL if is_single else Level.ORDINAL
    overall = next((d for d in dimensions if d.is_overall), None)
    return AgreementReport(
        study=study,
        alphas=tuple(
            _alpha_line(dimension, members, answers[dimension.pk], level)
            for members in (None, *groups_of(study))
            for dimension in dimensions
        ),
        consistency=tuple(_consistency(study, dimension) for dimension in dimensions),
        raters=_rater_lines(study, answers[overall.pk]) if overall else (),
    )


@dataclass(frozen=True)
class Answers:
    """N answers on one dimension: unit, participation, cell (0 for none) and value, each (N,)."""

    unit: IntArray
    participation: IntArray
    cell: IntArray
    value: IntArray

    @classmethod
    def of(cls, rows: Iterable[tuple[tuple[int, ...], int, int | None, int]]) -> "Answers":
        """One for each unit and rater, the first: what she says of it again is no other word."""
        first = {
            (unit, rater): (cell or 0, value) for unit, rater, cell, value in reversed([*rows])
        }
        units = {unit: u for u, unit in enumerate(sorted({unit for unit, _ in first}))}
        columns = [(units[unit], rater, *rest) for (unit, rater), rest in sorted(first.items())]
        return cls(*np.array(columns, np.int64).reshape(-1, 4).T)

    def among(self, cells: frozenset[int]) -> "Answers":
        """Those of raters in these cells."""
        return self._where(np.isin(self.cell, sorted(cells)))

    def overlapping(self) -> "Answers":
        """Those on units that another rater answered too."""
        _, unit, times = np.unique(self.unit, return_inverse=True, return_counts=True)
        return self._where(times[unit] > 1)

    def by_unit(self) -> FloatArray:
        """Values (R, U), NaN where there are fewer; who said which does not matter to α."""
        _, unit, times = np.unique(self.unit, return_inverse=True, return_counts=True)
        order = np.argsort(unit, kind="stable")
        row = np.arange(len(order)) - np.repeat(np.cumsum(times) - times, times)
        values = np.full((int(times.max(initial=0)), len(times)), np.nan)
        values[row, unit[order]] = self.value[order]
        return values

    def _where(self, here: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "Answers":
        return Answers(self.unit[here], self.participation[here], self.cell[here], self.value[here])


def _verdicts(study: Study, dimension: Dimension) -> Answers:
    rows = (
        Verdict.objects.counting(study)
        .filter(dimension=dimension)
        .order_by("recorded_at", "pk")
        .values_list(
            "battle__side_a_id",
            "battle__side_b_id",
            "battle__task_id",
            "battle__participation_id",
            "battle__participation__cell_id",
            "outcome",
        )
    )
    return Answers.of(
        ((min(a, b), max(a, b), task or 0), rater, cell, CODES[said] if a < b else 2 - CODES[said])
        for a, b, task, rater, cell, said in rows
    )


def _ratings(study: Study, dimension: Dimension) -> Answers:
    rows = (
        Rating.objects.counting(study)
        .filter(dimension=dimension)
        .order_by("recorded_at", "pk")
        .values_list(
            "battle__side_a_id",
            "battle__task_id",
            "battle__participation_id",
            "battle__participation__cell_id",
            "score",
        )
    )
    return Answers.of(
        ((contestant, task or 0), rater, cell, score)
        for contestant, task, rater, cell, score in rows
    )


def _alpha_line(
    dimension: Dimension, members: Members | None, answers: Answers, level: Level
) -> AlphaLine:
    """α among the members of a group, or among everybody."""
    chosen = (answers.among(members.cells) if members else answers).overlapping()
    raters = len(np.unique(chosen.participation))
    alpha = None
    if raters >= LEAST_RATERS:
        alpha = krippendorff_alpha(chosen.by_unit(), level, resamples=RESAMPLES)
    return AlphaLine(dimension, members.group if members else None, raters, alpha)


def _consistency(study: Study, dimension: Dimension) -> ConsistencyLine:
    """Answers to battles that came again, against those to the first time."""
    if study.protocol == Study.Protocol.SINGLE:
        scores = _repeated_scores(study, dimension)
        return ConsistencyLine(dimension, wilson(sum(x == y for x, y in scores), len(scores)))
    rows = (
        _heard(study, Verdict.objects.of(study))
        .filter(dimension=dimension, battle__repeats__verdicts__dimension=dimension)
        .order_by("pk")
        .values_list(
            "battle__repeats__verdicts__outcome",
            "outcome",
            "battle__repeats__side_a_id",
            "battle__side_b_id",
        )
    )
    first, second, was_a, is_b = zip(*rows, strict=True) if rows else ((), (), (), ())
    swapped = [was == now for was, now in zip(was_a, is_b, strict=True)]
    return ConsistencyLine(dimension, self_consistency(first, second, swapped=swapped))


def _repeated_scores(study: Study, dimension: Dimension) -> list[tuple[int, int]]:
    ratings = _heard(study, Rating.objects.of(study)).filter(
        dimension=dimension, battle__repeats__ratings__dimension=dimension
    )
    return list(ratings.order_by("pk").values_list("battle__repeats__ratings__score", "score"))


def _heard(study: Study, given: Given) -> Given:
    """What no exclusion leaves out, attention checks among it."""
    exclusions = study.exclusions.active()
    for kind in sorted(exclusions.kinds()):
        given = given.filter(~is_left_out(kind, exclusions))
    return given


def _rater_lines(study: Study, answers: Answers) -> tuple[RaterLine, ...]:
    """Raters of overlapping units, those first whose agreement is surely low."""
    shared = answers.overlapping()
    if not len(shared.unit):
        return ()
    pks, rater = np.unique(shared.participation, return_inverse=True)
    _, unit = np.unique(shared.unit, return_inverse=True)
    label = shared.value - shared.value.min()
    agreement = agreement_with_others(unit, rater, label, raters=len(pks))
    crowd = fit_dawid_skene(unit, rater, label)
    codes = dict(study.participations.order_by().values_list("pk", "rater__code"))
    lines = [
        RaterLine(codes[pk], pk, int(labels), share, float(reliability))
        for pk, labels, share, reliability in zip(
            pks.tolist(), crowd.labels, agreement, crowd.reliability, strict=True
        )
    ]
    return tuple(sorted(lines, key=lambda line: (line.agreement.high, line.code)))
