"""Computes a study's multiverse: its ranking under every combination of its exclusions."""

from leaderboards.combinations import kinds_of, read_combinations
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.ranking.boards import BoardParameters
from leaderboards.ranking.multiverse import Multiverse, rank_combinations
from leaderboards.services.boards import parameters_for
from leaderboards.verdicts import Frame
from studies.models import Dimension, Study


def compute_multiverse(
    study: Study, *, dimension: str = "", parameters: BoardParameters | None = None
) -> tuple[Frame, Dimension, Multiverse]:
    """Rank a study on one dimension under every combination of its active exclusions.

    Without a dimension it is the overall one. Verdicts or ratings are read once, whatever the
    number of combinations, and without their order: so the engine is the protocol's default.
    Raises NothingToRankError where there is no such dimension, or nothing counts even if nothing
    is left out, and WrongEngineError for parameters of another engine.
    """
    parameters = parameters or parameters_for(study)
    engine = parameters_for(study).engine
    if parameters.engine is not engine:
        raise WrongEngineError(f"Combinations of exclusions are ranked by {engine} alone.")
    frame = Frame.of(study)
    chosen = dimension_named(frame, dimension)
    kinds = kinds_of(study)
    given = read_combinations(frame, chosen, kinds)
    if not given(0).dimensions[0].raters[0]:
        answer = "rating" if study.protocol == Study.Protocol.SINGLE else "verdict"
        raise NothingToRankError(f"The study {study.slug} has no {answer} that could count.")
    multiverse = rank_combinations(kinds, given, parameters)
    return frame, chosen, multiverse


def dimension_named(frame: Frame, key: str) -> Dimension:
    """The dimension of this key, or without one the overall; NothingToRankError for none."""
    for dimension in frame.dimensions:
        if dimension.key == key or (not key and dimension.is_overall):
            return dimension
    known = ", ".join(dimension.key for dimension in frame.dimensions) or "none"
    raise NothingToRankError(
        f'The study {frame.study.slug} has no dimension "{key or "overall"}"; it has: {known}.'
    )
