"""Reads the ratings of a study of one model at a time from the database into sums."""

from collections.abc import Sequence

import numpy as np
from django.db.models import Value
from django.db.models.functions import Coalesce

from leaderboards.ranking.boards import BoardInput
from leaderboards.ranking.outcomes import IntArray
from leaderboards.ranking.scores import RatingInput, count_ratings
from leaderboards.verdicts import Frame, fetched, positions
from raters.models import Rating
from studies.models import Dimension

ROW = (
    "dimension_id",
    "battle__participation_id",
    # Raters of a study without an electorate are in no cell.
    Coalesce("battle__participation__cell_id", Value(0)),
    "battle__side_a_id",
    "score",
)


def read_rating_input(frame: Frame, *, dimensions: Sequence[str] | None = None) -> BoardInput:
    """Read what a board of ratings is computed from; `dimensions` leaves out the others.

    Only ratings that count are read: those that no active exclusion names.
    """
    chosen = [d for d in frame.dimensions if dimensions is None or d.key in dimensions]
    ratings = Rating.objects.counting(frame.study).filter(dimension__in=[d.pk for d in chosen])
    columns = fetched(ratings.order_by().values_list(*ROW), width=len(ROW))
    return BoardInput(
        contestants=tuple(contestant.slug for contestant in frame.contestants),
        groups=frame.group_shares,
        cells=frame.cells,
        dimensions=tuple(
            rating_input(frame, dimension, columns[1:, columns[0] == dimension.pk])
            for dimension in chosen
        ),
    )


def rating_input(frame: Frame, dimension: Dimension, columns: IntArray) -> RatingInput:
    """Add up a dimension's ratings (4, N): rater, cell, contestant and score of each."""
    rater, cell, contestant, score = columns
    groups = np.empty((0, len(cell)), np.int64)
    if frame.groups:
        groups = frame.groups_of_cell[np.searchsorted(frame.cell_ids, cell)].T
    return count_ratings(
        dimension.key,
        rater,
        positions([each.pk for each in frame.contestants], contestant),
        score,
        groups,
        contestants=len(frame.contestants),
        groups=len(frame.groups),
    )
