"""Computes a study's ranking under each control, beside the same ranking without."""

from dataclasses import dataclass
from typing import Final

from leaderboards.controls import read_control_input
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.ranking.boards import BoardParameters
from leaderboards.ranking.controls import Controls, rank_under_controls
from leaderboards.ranking.outcomes import count_outcomes
from leaderboards.ranking.records import record_of_battles
from leaderboards.services.boards import parameters_for
from leaderboards.services.multiverse import dimension_named
from leaderboards.verdicts import Frame
from raters.services.styles import store_missing_styles
from studies.models import Dimension, Study

# Battles from before styles were stored are read so many at a time, while somebody waits.
MOST_UNREAD: Final = 2_000


@dataclass(frozen=True)
class StudyControls:
    """A study's ranking on one dimension under each control, as its verdicts stand.

    `provisional` (K,) is whether a contestant's place rests on the prior; `unread` is how many
    battles have replies whose style nobody has counted yet.
    """

    frame: Frame
    dimension: Dimension
    controls: Controls
    provisional: tuple[bool, ...]
    unread: int


def compute_controls(
    study: Study, dimension: str = "", *, parameters: BoardParameters | None = None
) -> StudyControls:
    """Rank a study on one dimension under each control; without a dimension on the overall one.

    Of `parameters` only the seed and the draws count. Counts styles that are missing, of so
    many battles at once. Raises WrongEngineError where one model at a time is rated, and
    NothingToRankError where there is no such dimension, no verdict counts, or the contestants
    fall into parts that never met.
    """
    if study.protocol == Study.Protocol.SINGLE:
        raise WrongEngineError(
            "Controls compare the two sides of a battle; here one model at a time is rated."
        )
    parameters = parameters or parameters_for(study)
    frame = Frame.of(study)
    chosen = dimension_named(frame, dimension)
    unread = store_missing_styles(study, most=MOST_UNREAD)
    given = read_control_input(frame, chosen)
    counts = count_outcomes(
        given.a, given.b, given.outcome, contestants=max(len(given.contestants), 1)
    )
    record = record_of_battles(counts, given.contestants)
    if record.refusal:
        raise NothingToRankError(record.refusal)
    controls = rank_under_controls(given, seed=parameters.seed, draws=parameters.draws)
    return StudyControls(frame, chosen, controls, record.provisional, unread)
