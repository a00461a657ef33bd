"""Computes a study's ranking under each control, beside the same ranking without."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from leaderboards.controls import read_control_input
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.ranking.boards import BoardParameters
from leaderboards.ranking.controls import ControlInput, Controls, rank_under_controls
from leaderboards.ranking.outcomes import FloatArray, count_outcomes
from leaderboards.ranking.records import Record, record_of_battles
from leaderboards.services.boards import parameters_for
from leaderboards.services.multiverse import dimension_named
from leaderboards.verdicts import Frame
from raters.services.styles import store_missing_styles
from studies.models import Dimension, Study

# Battles from before styles were stored are read so many at a time.
READ_AT_A_TIME: Final = 2_000


@dataclass(frozen=True)
class StudyControls:
    """A study's ranking on one dimension under each control, as its verdicts stand.

    `given` are these verdicts, `counts` (K, K, 3) how often each pair ended how, and `record` what
    that allows to say.
    """

    frame: Frame
    dimension: Dimension
    given: ControlInput
    counts: FloatArray
    record: Record
    controls: Controls


def compute_controls(
    study: Study, dimension: str = "", *, parameters: BoardParameters | None = None
) -> StudyControls:
    """Rank a study on one dimension under each control; without a dimension on the overall one.

    Of `parameters` only the seed and the draws count. Counts styles that are missing first.
    Raises WrongEngineError where one model at a time is rated, and NothingToRankError where there
    is no such dimension, no verdict counts, or the contestants fall into parts that never met.
    """
    require_pairs(study)
    parameters = parameters or parameters_for(study)
    chosen = dimension_named(study, dimension)
    while store_missing_styles(study, most=READ_AT_A_TIME):
        pass
    frame = Frame.of(study)
    given = read_control_input(frame, chosen)
    counts = count_outcomes(
        given.a, given.b, given.outcome, contestants=max(len(given.contestants), 1)
    )
    record = record_of_battles(counts, given.contestants)
    if record.refusal:
        raise NothingToRankError(record.refusal)
    controls = rank_under_controls(given, seed=parameters.seed, draws=parameters.draws)
    return StudyControls(frame, chosen, given, counts, record, controls)


def require_pairs(study: Study) -> None:
    """Raise WrongEngineError for a study that rates one model at a time: there are no sides."""
    if study.protocol == Study.Protocol.SINGLE:
        raise WrongEngineError(
            _("Controls compare the two sides of a battle; here one model at a time is rated.")
        )
