"""Reads what controls ask of a study's verdicts on one dimension."""

from math import log
from typing import Final

import numpy as np
from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from leaderboards.ranking.controls import ControlInput, Covariates
from leaderboards.ranking.controls_weights import UNSAID, Electorate
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.verdicts import OUTCOME_CODE, Frame, fetched, positions
from raters.models import Reply, SideStyle, Turn, Verdict
from raters.quality.duplicates import cluster_texts
from studies.models import Dimension, Study

# What stands for a number that is not known; counts and times are never negative.
UNKNOWN: Final = -1
# What is compared of two sides, always by ratios, and the step that is put into words: twice as
# long and twice as slow to begin; so many marks where the other side has none.
STEPS: Final = {
    "words": log(2),
    "list_items": log(1 + 5),
    "headers": log(1 + 3),
    "bold": log(1 + 5),
    "first_piece_ms": log(2),
}


def read_control_input(frame: Frame, dimension: Dimension) -> ControlInput:
    """Read the verdicts that count on a dimension, with raters, groups, styles and messages.

    Styles are those that are stored; see `raters.services.styles`.
    """
    rows = (
        Verdict.objects.counting(frame.study)
        .filter(dimension=dimension)
        .order_by("battle_id")
        .values_list(
            "battle_id",
            "battle__participation__rater_id",
            Coalesce("battle__participation__cell_id", Value(0)),
            "battle__side_a_id",
            "battle__side_b_id",
            OUTCOME_CODE,
        )
    )
    battle, rater, cell, side_a, side_b, outcome = fetched(rows, width=6)
    contestants = [contestant.pk for contestant in frame.contestants]
    return ControlInput(
        contestants=tuple(contestant.slug for contestant in frame.contestants),
        a=positions(contestants, side_a),
        b=positions(contestants, side_b),
        outcome=outcome,
        rater=rater,
        electorate=_electorate(frame, cell),
        style=_style(frame.study, battle),
        cluster=_clusters(frame.study, battle),
    )


def _electorate(frame: Frame, cell: IntArray) -> Electorate:
    """Axes, shares, and the group of each verdict's rater; without an electorate there is none."""
    if not frame.groups:
        return Electorate((), (), np.zeros((len(cell), 0), np.int64))
    axes = list(dict.fromkeys(group.axis.key for group in frame.groups))
    on_axis = [[g for g, group in enumerate(frame.groups) if group.axis.key == x] for x in axes]
    first = np.array([groups[0] for groups in on_axis])
    place = np.minimum(np.searchsorted(frame.cell_ids, cell), len(frame.cell_ids) - 1)
    in_a_cell = (frame.cell_ids[place] == cell)[:, np.newaxis]
    return Electorate(
        axes=tuple(axes),
        shares=tuple(np.array([frame.groups[g].share for g in groups]) for groups in on_axis),
        groups=np.where(in_a_cell, frame.groups_of_cell[place] - first, UNSAID),
    )


def _style(study: Study, battle: IntArray) -> Covariates | None:
    """How the sides of battles (N,), ascending, differ in style; None where no style is known."""
    side = Case(
        When(side=Reply.Side.A, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    told = [Coalesce(F(key), Value(UNKNOWN)) for key in STEPS]
    rows = SideStyle.objects.filter(battle__participation__study=study).order_by()
    found = fetched(rows.values_list("battle_id", side, *told), width=2 + len(STEPS))
    if not found.shape[1]:
        return None
    place, counts = _matched(battle, found[0])
    sides = np.full((len(battle), 2, len(STEPS)), UNKNOWN)
    sides[place, found[1][counts]] = found[2:, counts].T
    logs = np.log1p(np.maximum(sides, 0))
    is_known = (sides != UNKNOWN).all(axis=1)
    difference: FloatArray = np.where(is_known, logs[:, 0] - logs[:, 1], 0.0)
    # Whose replies are known is told by their words; how fast they came may not be.
    return Covariates(tuple(STEPS), difference, is_known[:, 0], tuple(STEPS.values()))


def _clusters(study: Study, battle: IntArray) -> IntArray | None:
    """The cluster of each battle's first message (N,), or None where no message is known."""
    first = Turn.objects.filter(battle__participation__study=study, number=1, is_erased=False)
    rows = list(first.order_by("battle_id").values_list("battle_id", "text"))
    if not rows:
        return None
    place, messages = _matched(battle, np.array([pk for pk, _ in rows]))
    # A message that is gone is like no other.
    cluster = np.arange(len(battle))
    clusters = np.array(cluster_texts([rows[m][1] for m in messages.tolist()]), np.int64)
    cluster[place] = len(battle) + clusters
    return cluster


def _matched(battle: IntArray, keys: IntArray) -> tuple[IntArray, IntArray]:
    """Where keys stand among battles (N,), ascending, and which keys do stand there."""
    if not len(battle):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(battle, keys), len(battle) - 1)
    stands: NDArray[np.bool_] = battle[place] == keys
    return place[stands], np.flatnonzero(stands)
