"""Computes what a study's order hangs on: controls, drop-k, circles, developers' variants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db.models import Q

from leaderboards import document
from leaderboards.facts import as_json
from leaderboards.models import Board, Report
from leaderboards.ranking.boards import BoardParameters, Engine, Scope
from leaderboards.ranking.controls import Controls
from leaderboards.ranking.controls_fit import fit_controlled
from leaderboards.ranking.controls_weights import effective, raked
from leaderboards.ranking.cycles import Cycles, find_cycles
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.robustness import (
    DavidsonRanking,
    Fewest,
    fewest_raters,
    fewest_verdicts,
)
from leaderboards.ranking.selection import Family, correct_for_variants
from leaderboards.reports import ROBUSTNESS, Json
from leaderboards.services.boards import parameters_for
from leaderboards.services.controls import StudyControls, compute_controls
from leaderboards.services.reports import ask_for_report
from leaderboards.verdicts import read_board_input
from studies.models import Study

COMPARED: Final = ("contestants", "groups", "cells", "dimensions")


@dataclass(frozen=True)
class OfBoard:
    """The board that stood as the report was computed, by its id, with the dimension's verdicts.

    `is_same_input` is whether the report rests on the very verdicts that the board does.
    """

    id: str
    input_digest: str
    verdicts: int
    is_same_input: bool


@dataclass(frozen=True)
class Removal:
    """The fewest verdicts, or raters, of so many that were found to change who leads."""

    count: int
    among: int
    leader: str
    new_leader: str


@dataclass(frozen=True)
class Variants:
    """The contestants of a developer: how many it entered, and what is left of its best one.

    `tried` counts those that nobody met as well. Skills are in log-odds; `low` to `high` is the
    corrected one's 95 % interval, and `by_chance` by how much the best of so many equal ones would
    look better. `rank` is the best one's, and `corrected_rank` that by all corrected skills.
    """

    developer: str
    tried: int
    best: str
    skill: float
    corrected: float
    low: float
    high: float
    by_chance: float
    rank: int
    corrected_rank: int


@dataclass(frozen=True)
class Robustness:
    """What a report of the kind `robustness` says of one dimension, as its verdicts stood.

    `provisional` (K,) is whether a contestant's place rests on the prior, and `axes` are the names
    of the axes by key. `verdicts` and `raters` are None where no removal changes the leader; of
    `variants` there is one for each developer that anybody met, those who entered most first.
    """

    dimension: str
    computed_at: datetime
    board: OfBoard | None
    controls: Controls
    provisional: tuple[bool, ...]
    axes: Mapping[str, str]
    verdicts: Removal | None
    raters: Removal | None
    cycles: Cycles
    variants: tuple[Variants, ...]


def report_robustness(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `robustness`, of the dimension that is its subject."""
    return as_json(compute_robustness(study, subject, at=at))


def compute_robustness(
    study: Study, dimension: str = "", *, at: datetime, parameters: BoardParameters | None = None
) -> Robustness:
    """Check what a study's order on a dimension hangs on. Raises what `compute_controls` does.

    Drop-k and the correction for variants are of one ranking for everybody, verdicts weighted to
    the electorate's mix, with an advantage of side A: that of the position control. Circles are
    sought in the verdicts as they came, each counting 1, for only then is their p known.
    """
    parameters = parameters or parameters_for(study)
    found = compute_controls(study, dimension, parameters=parameters)
    weight = _weights(found)
    given = found.given
    ranking = DavidsonRanking(given.a, given.b, given.outcome, len(given.contestants), weight)
    return Robustness(
        dimension=found.dimension.key,
        computed_at=at,
        board=_board_of(found),
        controls=found.controls,
        provisional=found.record.provisional,
        axes={group.axis.key: group.axis.name for group in found.frame.groups},
        verdicts=_removal(fewest_verdicts(ranking), given.contestants),
        raters=_removal(fewest_raters(ranking, given.rater), given.contestants),
        cycles=find_cycles(found.counts, seed=parameters.seed),
        variants=_variants(found, weight),
    )


def ask_for_missing_checks(*, at: datetime) -> int:
    """Ask for what boards that stand lack of these reports; returns how many.

    A board lacks one that was under way as it was taken, for that is of the board before, or one
    that there was not yet in its days. What has failed since is not tried again.
    """
    asked = 0
    pairwise = Board.objects.standing().filter(study__protocol=Study.Protocol.PAIRWISE)
    for board in pairwise.select_related("study").defer("document"):
        done = Report.objects.filter(study=board.study, kind=ROBUSTNESS).filter(
            Q(state__in=[Report.State.WAITING, Report.State.CLAIMED])
            | Q(state=Report.State.FAILED, finished_at__gte=board.taken_at)
            | Q(document__board__id=str(board.pk))
        )
        sections = board.sections.order_by().values_list("dimension_key", flat=True)
        for key in sorted({*sections} - {*done.values_list("subject", flat=True)}):
            ask_for_report(board.study, ROBUSTNESS, key, at=at)
            asked += 1
    return asked


def _weights(found: StudyControls) -> FloatArray:
    """Weights (N,) by the electorate's mix, which add up to what they are worth."""
    weight = raked(found.given.electorate, np.ones(len(found.given.a)))
    return np.asarray(weight * (effective(weight) / weight.sum()), float)


def _board_of(found: StudyControls) -> OfBoard | None:
    board = Board.objects.standing().filter(study=found.frame.study).order_by("-taken_at").first()
    sections = board.sections.filter(dimension_key=found.dimension.key) if board else None
    section = sections.filter(scope=Scope.SAMPLE).first() if sections else None
    if board is None or section is None:
        return None
    return OfBoard(
        id=str(board.pk),
        input_digest=board.input_digest,
        verdicts=section.battles,
        is_same_input=section.battles == len(found.given.a) and _is_input_of(board, found),
    )


def _is_input_of(board: Board, found: StudyControls) -> bool:
    """Whether the board was computed from these verdicts, as its export has them."""
    key = found.dimension.key
    engine = Engine(board.engine)
    now = document.input_json(
        read_board_input(found.frame, engine, dimensions=[key]), BoardParameters(engine=engine)
    )
    published = document.unpack(bytes(board.document))["input"]
    published["dimensions"] = [each for each in published["dimensions"] if each["key"] == key]
    return all(now[part] == published[part] for part in COMPARED)


def _removal(fewest: Fewest | None, contestants: tuple[str, ...]) -> Removal | None:
    """How many they are, and not which: nobody's verdict is told apart."""
    if fewest is None:
        return None
    leader, new_leader = contestants[fewest.leader], contestants[fewest.new_leader]
    return Removal(fewest.count, fewest.among, leader, new_leader)


def _variants(found: StudyControls, weight: FloatArray) -> tuple[Variants, ...]:
    """The developers of those that met anybody, with all that they entered."""
    given, contestants = found.given, found.frame.contestants
    fit = fit_controlled(
        given.a, given.b, given.outcome, contestants=len(contestants), weight=weight
    )
    makers = [(contestant.chat_model.developer, contestant.slug) for contestant in contestants]
    # Nobody knows whether those without a developer are of one.
    owners = [(maker, "" if maker else slug) for maker, slug in makers]
    developers = sorted(set(owners))
    of = np.array([developers.index(owner) for owner in owners])
    met = np.flatnonzero(found.record.battles_each)
    skill = fit.skill[met]
    families = correct_for_variants(
        skill,
        fit.covariance[np.ix_(met, met)],
        developer=of[met],
        tried=np.bincount(of),
    )
    corrected = skill.copy()
    for family in families:
        corrected[family.variants] = family.corrected
    ranks, corrected_ranks = _ranks(skill), _ranks(corrected)
    variants = [
        _family(
            family,
            developer=developers[family.developer][0],
            best=given.contestants[met[family.best]],
            ranks=(int(ranks[family.best]), int(corrected_ranks[family.best])),
        )
        for family in families
    ]
    return tuple(sorted(variants, key=lambda each: (-each.tried, each.developer, each.best)))


def _family(family: Family, *, developer: str, best: str, ranks: tuple[int, int]) -> Variants:
    low, high = family.interval
    return Variants(
        developer=developer,
        tried=family.tried,
        best=best,
        skill=family.raw,
        corrected=family.corrected_best,
        low=low,
        high=high,
        by_chance=family.by_chance,
        rank=ranks[0],
        corrected_rank=ranks[1],
    )


def _ranks(skill: FloatArray) -> IntArray:
    """Ranks (K,) by skill, 1 the best."""
    ranks = np.empty(len(skill), np.int64)
    ranks[np.argsort(-skill, kind="stable")] = np.arange(1, len(skill) + 1)
    return ranks
