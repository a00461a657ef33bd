"""All sections of a board from verdicts or ratings: by group, for the electorate, for the sample.

A pure function of `BoardInput` and parameters, so that anybody who holds a board's public export
can compute it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from leaderboards.ranking.engines import Ranked, rank
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.inputs import (
    BoardInput,
    BoardParameters,
    DimensionInput,
    Engine,
    GroupShare,
    axis_of_each,
)
from leaderboards.ranking.records import Record, record_of_battles, record_of_ratings
from leaderboards.ranking.scores import RatingInput
from leaderboards.ranking.uncertainty import Summary, summarise


class Scope(StrEnum):
    """For whom a section speaks."""

    ELECTORATE = "electorate"
    GROUP = "group"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Section:
    """One table of a board.

    `group` is the index of the group where the scope is one. `summary` is None where no ranking
    can be made. `fit` holds the numbers of the model by name.
    """

    dimension: str
    scope: Scope
    group: int | None
    raters: int
    record: Record
    fit: dict[str, float]
    summary: Summary | None


def rank_board(
    given: BoardInput, parameters: BoardParameters, *, dimensions: Sequence[str] | None = None
) -> tuple[Section, ...]:
    """Compute all sections: for each dimension the electorate, then the sample, then each group.

    `dimensions` leaves out the others. Without groups there is no electorate, and the sample is
    all. A section whose battles fall into parts that never met is refused, naming the parts.
    """
    return tuple(
        section
        for dimension in given.dimensions
        if dimensions is None or dimension.key in dimensions
        for section in _rank_dimension(given, dimension, parameters)
    )


def rank_for_all(given: BoardInput, parameters: BoardParameters) -> Section:
    """Compute the section that speaks for all on the first dimension, and no other.

    It is the electorate's, or without groups the sample's.
    """
    return next(_rank_dimension(given, given.dimensions[0], parameters))


def _rank_dimension(
    given: BoardInput, dimension: DimensionInput | RatingInput, parameters: BoardParameters
) -> Iterator[Section]:
    everybody, *groups = rank(given, dimension, parameters)
    merged = groups.pop() if given.groups else None
    records = _records(given, dimension)
    places: list[tuple[Scope, int | None, int, Ranked]] = []
    if merged is not None:
        places.append((Scope.ELECTORATE, None, 0, merged))
    places.append((Scope.SAMPLE, None, 0, everybody))
    places += [(Scope.GROUP, g, 1 + g, ranked) for g, ranked in enumerate(groups)]
    for scope, group, tournament, ranked in places:
        record = records[tournament]
        yield Section(
            dimension=dimension.key,
            scope=scope,
            group=group,
            raters=int(dimension.raters[tournament]),
            record=record,
            fit={} if record.refusal else ranked.fit,
            summary=None if record.refusal else _summary(ranked, given, parameters),
        )


def _records(given: BoardInput, dimension: DimensionInput | RatingInput) -> list[Record]:
    """What each tournament's section rests on, everybody's first."""
    if isinstance(dimension, RatingInput):
        return [record_of_ratings(ratings) for ratings in dimension.ratings]
    counts = dimension.counts(len(given.contestants))
    everybody, *groups = (record_of_battles(each, given.contestants) for each in counts)
    # A group's ranking leans on everybody's: its own battles need not hold it together.
    return [everybody, *(replace(own, refusal=_of_group(own, everybody)) for own in groups)]


def _of_group(own: Record, everybody: Record) -> str:
    """Why there is no ranking of a group."""
    return everybody.refusal if own.battles else own.refusal


def _summary(ranked: Ranked, given: BoardInput, parameters: BoardParameters) -> Summary:
    summary = summarise(
        ranked.mean,
        covariance=ranked.covariance,
        names=given.contestants,
        score=ranked.score,
        seed=parameters.seed,
        draws=parameters.draws,
    )
    ends = ranked.lowest, ranked.highest
    return replace(
        summary,
        mean=summary.mean.clip(*ends),
        low=summary.low.clip(*ends),
        high=summary.high.clip(*ends),
    )


__all__ = [
    "BoardInput",
    "BoardParameters",
    "DimensionInput",
    "Engine",
    "GroupShare",
    "RankingError",
    "Scope",
    "Section",
    "axis_of_each",
    "rank_board",
    "rank_for_all",
]
