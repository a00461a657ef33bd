"""Computes a study's multiverse: its ranking under every combination of its exclusions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from leaderboards.combinations import kinds_of, read_combinations
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.facts import as_json
from leaderboards.ranking.boards import BoardParameters
from leaderboards.ranking.multiverse import Multiverse, rank_combinations
from leaderboards.reports import Json
from leaderboards.services.boards import parameters_for
from leaderboards.verdicts import Frame
from studies.models import Dimension, Study


@dataclass(frozen=True)
class MultiverseReport:
    """What a report of the kind `multiverse` says: the multiverse of a dimension, and when."""

    dimension: str
    computed_at: datetime
    multiverse: Multiverse


def compute_multiverse(
    study: Study, *, dimension: str = "", parameters: BoardParameters | None = None
) -> tuple[Dimension, Multiverse]:
    """Rank a study on one dimension under every combination of its active exclusions.

    Without a dimension it is the overall one. Verdicts or ratings are read once, whatever the
    number of combinations, and without their order: so the engine is the protocol's default.
    Raises NothingToRankError where there is no such dimension, or nothing counts even if nothing
    is left out, and WrongEngineError for parameters of another engine.
    """
    parameters = parameters or parameters_for(study)
    engine = parameters_for(study).engine
    if parameters.engine is not engine:
        raise WrongEngineError(
            _("Combinations of exclusions are ranked by %(engine)s alone.") % {"engine": engine}
        )
    chosen = dimension_named(study, dimension)
    kinds = kinds_of(study)
    given = read_combinations(Frame.of(study), chosen, kinds)
    if not given(0).dimensions[0].raters[0]:
        words = (
            _("The study %(study)s has no rating that could count.")
            if study.protocol == Study.Protocol.SINGLE
            else _("The study %(study)s has no verdict that could count.")
        )
        raise NothingToRankError(words % {"study": study.slug})
    return chosen, rank_combinations(kinds, given, parameters)


def multiverse_subject(dimension: Dimension, kinds: Sequence[str]) -> str:
    """How reports name the multiverse of a dimension, over these kinds of exclusions."""
    return f"{dimension.key}:{'+'.join(kinds)}"


def report_multiverse(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `multiverse`. Raises NothingToRankError as above.

    It raises the same where another kind of exclusions has come, or one has gone, since.
    """
    key = subject.partition(":")[0]
    dimension, multiverse = compute_multiverse(study, dimension=key)
    if multiverse_subject(dimension, multiverse.kinds) != subject:
        raise NothingToRankError(
            _("Other kinds of exclusions apply now than when it was asked for.")
        )
    return as_json(MultiverseReport(dimension.key, at, multiverse))


def dimension_named(study: Study, key: str) -> Dimension:
    """The dimension of this key, or without one the overall; NothingToRankError for none."""
    dimensions = list(study.dimensions.order_by("position", "key"))
    for dimension in dimensions:
        if dimension.key == key or (not key and dimension.is_overall):
            return dimension
    known = ", ".join(dimension.key for dimension in dimensions) or _("none")
    raise NothingToRankError(
        _('The study %(slug)s has no dimension "%(dimension)s"; it has: %(known)s.')
        % {"slug": study.slug, "dimension": key or "overall", "known": known}
    )
