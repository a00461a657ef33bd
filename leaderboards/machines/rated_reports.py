"""Computes the same reports of studies that rate one model at a time."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.comparison.figures import share_of
from leaderboards.comparison.rating_card import family_gap, length_slope, rating_gaps, repeated
from leaderboards.comparison.ratings import RESAMPLES, compare_rated_orders, compare_ratings
from leaderboards.comparison.report_card import price_of
from leaderboards.errors import NothingToRankError
from leaderboards.machines.documents import RatedMachine, Standing
from leaderboards.machines.rated import RatedSheet, read_rated
from leaderboards.machines.runs import developer_of
from leaderboards.machines.scenarios import rated_scenarios_of
from leaderboards.machines.work import canaries_of, standings_of, work_of
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.ratings import read_rating_input
from leaderboards.verdicts import Frame
from raters.models import JudgeRun
from studies.models import Dimension

# As many gaps are kept; the rest lie nearer to none.
MOST_GAPS = 500


def compare_rated_on(
    run: JudgeRun, dimension: Dimension, *, at: datetime, resamples: int = RESAMPLES
) -> RatedMachine:
    """A run beside people on one dimension. Raises NothingToRankError if nothing is shared."""
    return _machine(Frame.of(run.study), run, [dimension], at=at, resamples=resamples)


def rated_card_of(run: JudgeRun, *, at: datetime, resamples: int = RESAMPLES) -> RatedMachine:
    """A run beside people on all dimensions together. Raises NothingToRankError as above."""
    frame = Frame.of(run.study)
    return _machine(frame, run, frame.dimensions, at=at, resamples=resamples)


def _machine(
    frame: Frame,
    run: JudgeRun,
    dimensions: Sequence[Dimension],
    *,
    at: datetime,
    resamples: int,
) -> RatedMachine:
    sheet = read_rated(frame, run, dimensions).shared()
    rated = sheet.rated
    if not len(rated):
        raise NothingToRankError(
            _("%(run)s has scored no conversation of which a rating of people counts.")
            % {"run": run}
        )
    work, passed, developer = work_of(run), canaries_of(run), developer_of(run.judge)
    gaps = rating_gaps(rated, rated_scenarios_of(sheet))
    standings, refusal = _standings(frame, run, dimensions)
    return RatedMachine(
        judge=str(run.judge),
        run=run.number,
        dimension=dimensions[0].key if len(dimensions) == 1 else "",
        computed_at=at,
        verdicts=sheet.verdicts,
        abstained=sheet.abstained,
        failed=work.failed,
        unreadable=work.unreadable,
        contestants=rated.contestants,
        agreement=compare_ratings(rated, resamples=resamples),
        order=compare_rated_orders(rated, resamples=resamples),
        length=length_slope(rated),
        family=family_gap(rated, _own(sheet, developer)),
        developer=developer,
        repeated=repeated(rated),
        gaps=gaps[:MOST_GAPS],
        gaps_found=len(gaps),
        canaries=share_of(passed.astype(float), np.ones(len(passed))),
        price=price_of(sheet.cost, sheet.seconds),
        standings=standings,
        refusal=refusal,
    )


def _own(sheet: RatedSheet, developer: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which contestants are of the judge's developer, (K,)."""
    names = [each.chat_model.developer for each in sheet.frame.contestants]
    return np.array([bool(developer) and name == developer for name in names], bool)


def _standings(
    frame: Frame, run: JudgeRun, dimensions: Sequence[Dimension]
) -> tuple[tuple[Standing, ...], str]:
    if len(dimensions) > 1:
        return (), ""
    given = read_rating_input(frame, dimensions=[dimensions[0].key])
    return standings_of(frame, run, dimensions[0], given, BoardParameters(engine=Engine.RATINGS))
