"""What screens read of verdicts and ratings: a rater's own, and what the study's others do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db.models import Count, Q, QuerySet
from numpy.typing import NDArray

from raters.models import Battle, Outcome, Participation, Rating, Verdict
from raters.quality.pace import Population, estimate_population
from studies.models import Study

# What raters of a study do is read from its last battles, and taken for known from so many of
# them: of raters for how often answers are alike, of decided battles for how often A wins.
BATTLES_READ: Final = 2_000
OTHERS_NEEDED: Final = 20

CODES: Final = {outcome: code for code, outcome in enumerate(Outcome.values)}


@dataclass(frozen=True)
class Habits:
    """What one rater has said of her battles, attention checks aside, in order.

    `answers` (B, D) holds codes of outcomes, or scores, of the battles that are judged on every
    dimension; `sides` the side that won each battle on the overall dimension, ties left out.
    """

    answers: NDArray[np.int64]
    sides: tuple[str, ...]


@dataclass(frozen=True)
class Others:
    """What a study's other raters do; `population`, of answers that are all alike, if known."""

    population: Population | None
    share_of_a: float


def habits_of(participation: Participation) -> Habits:
    """A rater's verdicts, or ratings, until now."""
    dimensions = list(participation.study.dimensions.order_by("pk"))
    overall = {dimension.pk for dimension in dimensions if dimension.is_overall}
    by_battle: dict[int, dict[int, int]] = {}
    sides = []
    for battle, dimension, answer in _given(participation):
        code = answer if isinstance(answer, int) else CODES[answer]
        by_battle.setdefault(battle, {})[dimension] = code
        if dimension in overall and answer in (Outcome.A, Outcome.B):
            sides.append(str(answer))
    rows = [
        [given[dimension.pk] for dimension in dimensions]
        for given in by_battle.values()
        if len(given) == len(dimensions)
    ]
    return Habits(np.array(rows, np.int64).reshape(len(rows), len(dimensions)), tuple(sides))


def _given(participation: Participation) -> Sequence[tuple[int, int, int | str]]:
    """Battle, dimension and answer, in the order of battles."""
    hers = {"battle__participation": participation, "battle__attention_check": None}
    if participation.study.protocol == Study.Protocol.SINGLE:
        ratings = Rating.objects.filter(**hers).order_by("battle")
        return list(ratings.values_list("battle", "dimension", "score"))
    verdicts = Verdict.objects.filter(**hers).order_by("battle")
    return list(verdicts.values_list("battle", "dimension", "outcome"))


def others_of(participation: Participation) -> Others:
    """What everybody else does in the study, by its last battles."""
    study = participation.study
    judged = Battle.objects.filter(
        participation__study=study, judged_at__isnull=False, attention_check=None
    )
    last = judged.exclude(participation=participation).order_by("-pk")
    # Chosen by the database: to send their keys back would cost more than all the rest.
    battles = last[:BATTLES_READ]
    return Others(_population(study, battles), _share_of_a(battles))


def _population(study: Study, battles: "QuerySet[Battle]") -> Population | None:
    answers = "ratings__score" if study.protocol == Study.Protocol.SINGLE else "verdicts__outcome"
    rows = (
        Battle.objects.filter(pk__in=battles)
        .order_by()
        .annotate(different=Count(answers, distinct=True))
        .filter(different__gt=0)
        .values_list("participation", "different")
    )
    alike: dict[int, list[bool]] = {}
    for participation, different in rows:
        alike.setdefault(participation, []).append(different == 1)
    if len(alike) < OTHERS_NEEDED:
        return None
    of_each = alike.values()
    return estimate_population(
        np.array([sum(each) for each in of_each], np.int64),
        np.array([len(each) for each in of_each], np.int64),
    )


def _share_of_a(battles: "QuerySet[Battle]") -> float:
    """The part of decided battles that side A wins; a half while few are known."""
    overall = Verdict.objects.filter(battle__in=battles, dimension__is_overall=True)
    won = overall.aggregate(
        a=Count("pk", filter=Q(outcome=Outcome.A)), b=Count("pk", filter=Q(outcome=Outcome.B))
    )
    decided = int(won["a"] + won["b"])
    is_known = decided >= OTHERS_NEEDED and 0 < won["a"] < decided
    return won["a"] / decided if is_known else 0.5
