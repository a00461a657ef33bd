"""Reads a study's verdicts or ratings once, each with the kinds of exclusions that leave it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from django.db.models import Case, Expression, IntegerField, Value, When

from leaderboards import ratings, verdicts
from leaderboards.ranking.boards import BoardInput, DimensionInput
from leaderboards.ranking.outcomes import IntArray
from leaderboards.ranking.scores import RatingInput
from leaderboards.ratings import rating_input
from leaderboards.verdicts import OUTCOME_CODE, Frame, Verdicts, dimension_input, fetched, indexed
from raters.models import Exclusion, Rating, Verdict
from raters.querysets import NAMED, is_left_out
from studies.models import Dimension, Study

KINDS = (*Exclusion.Rule.values, *NAMED)


def kinds_of(study: Study) -> tuple[str, ...]:
    """The kinds of exclusions that are active and can be lifted, in a fixed order.

    Each rule is a kind; all participations that are named are one together, and so are battles.
    """
    present = study.exclusions.active().by_admins().kinds()
    return tuple(kind for kind in KINDS if kind in present)


def read_combinations(
    frame: Frame, dimension: Dimension, kinds: Sequence[str]
) -> Callable[[int], BoardInput]:
    """Read a dimension's verdicts or ratings; what is returned says which a combination ranks.

    In combination c those are left out for which an exclusion of kind k speaks and bit k of c is
    set. What raters took back, and attention checks, are in none.
    """
    is_single = frame.study.protocol == Study.Protocol.SINGLE
    read = _MaskedRatings.read if is_single else _MaskedVerdicts.read
    masked = read(frame, dimension, kinds)

    def given(combination: int) -> BoardInput:
        return BoardInput(
            contestants=tuple(contestant.slug for contestant in frame.contestants),
            groups=frame.group_shares,
            cells=frame.cells,
            dimensions=(masked.given(combination),),  # type: ignore[arg-type]  # one alone
        )

    return given


def _mask(study: Study, kinds: Sequence[str]) -> Expression:
    """Which kinds of exclusions leave a row out: bit k for kind k."""
    decided = study.exclusions.active().by_admins()
    bits = (
        Case(When(is_left_out(kind, decided), then=Value(1 << k)), default=Value(0))
        for k, kind in enumerate(kinds)
    )
    return reduce(add, bits, Value(0, output_field=IntegerField()))


@dataclass(frozen=True)
class _MaskedVerdicts:
    """A dimension's verdicts (V,), added up where they are alike, and its raters' masks (R,).

    A rater is there once for each mask that her verdicts have: `rater` is her participation.
    """

    frame: Frame
    dimension: Dimension
    verdicts: Verdicts
    mask: IntArray
    rater: IntArray
    cell: IntArray
    rater_mask: IntArray

    @classmethod
    def read(cls, frame: Frame, dimension: Dimension, kinds: Sequence[str]) -> "_MaskedVerdicts":
        withdrawn = frame.study.exclusions.active().by_raters()
        rows = (
            Verdict.objects.counting(frame.study, exclusions=withdrawn)
            .filter(dimension=dimension)
            .annotate(mask=_mask(frame.study, kinds))
            .order_by()
        )
        whose = ("battle__participation_id", *verdicts.ROW, OUTCOME_CODE)
        mask, rater, *columns = fetched(rows.values_list("mask", *whose), width=7)
        # Adding up here takes the masks once: the database would work them out again to count
        # raters, and they are what costs.
        alike, times = np.unique([mask, *columns], axis=1, return_counts=True)
        raters = np.unique([mask, rater, columns[1]], axis=1)
        added_up = indexed(frame, np.concatenate([alike[1:], times[np.newaxis]]))
        return cls(frame, dimension, added_up, alike[0], raters[1], raters[2], raters[0])

    def given(self, combination: int) -> DimensionInput:
        return dimension_input(
            self.frame,
            self.dimension,
            self.verdicts.where(self.mask & combination == 0),
            self._raters(combination),
            reads_order=False,
        )

    def _raters(self, combination: int) -> IntArray:
        """How many raters of each tournament gave a verdict that counts here, (1 + G,)."""
        here = self.rater_mask & combination == 0
        _, once = np.unique(self.rater[here], return_index=True)
        cell = self.cell[here][once]
        if self.frame.groups:
            cell = np.searchsorted(self.frame.cell_ids, cell)
        belongs = np.concatenate(self.frame.tournaments_of(cell))
        return np.bincount(belongs, minlength=1 + len(self.frame.groups))


@dataclass(frozen=True)
class _MaskedRatings:
    """A dimension's ratings (4, N) as `rating_input` takes them, one by one, and masks (N,).

    They can't be added up before: the engine needs what one rater gave two contestants.
    """

    frame: Frame
    dimension: Dimension
    ratings: IntArray
    mask: IntArray

    @classmethod
    def read(cls, frame: Frame, dimension: Dimension, kinds: Sequence[str]) -> "_MaskedRatings":
        withdrawn = frame.study.exclusions.active().by_raters()
        rows = (
            Rating.objects.counting(frame.study, exclusions=withdrawn)
            .filter(dimension=dimension)
            .annotate(mask=_mask(frame.study, kinds))
            .order_by()
        )
        columns = fetched(rows.values_list("mask", *ratings.ROW[1:]), width=5)
        return cls(frame, dimension, columns[1:], columns[0])

    def given(self, combination: int) -> RatingInput:
        return rating_input(
            self.frame, self.dimension, self.ratings[:, self.mask & combination == 0]
        )
