"""One ranking under every combination of what may be left out of it.

A pure function: whoever calls it says what is ranked in each combination. It asks whether the
first place depends on who was thrown out; after the multiverse analysis of Steegen, Tuerlinckx,
Gelman and Vanpaemel (2016), Increasing transparency through a multiverse analysis, Perspectives
on Psychological Science 11:702-712.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from leaderboards.ranking.boards import BoardInput, BoardParameters, Section, rank_for_all
from leaderboards.ranking.errors import RankingError

# 64 combinations: more are read by nobody.
MAX_KINDS: Final = 6


@dataclass(frozen=True)
class Place:
    """A contestant in one combination: rank and score with their 95 % intervals."""

    contestant: str
    rank: int
    rank_low: int
    rank_high: int
    score: float
    score_low: float
    score_high: float
    is_provisional: bool


@dataclass(frozen=True)
class Combination:
    """What comes out where some kinds of exclusions apply and the others do not.

    `applied` (U,) tells which. `places` (K,) are in order of rank, and none where `refusal` says
    why; `battles` are ratings where one model at a time is rated.
    """

    applied: tuple[bool, ...]
    raters: int
    battles: int
    refusal: str
    places: tuple[Place, ...]

    @property
    def first(self) -> str | None:
        """The contestant that ranks first; None where nobody is ranked."""
        return self.places[0].contestant if self.places else None


@dataclass(frozen=True)
class Multiverse:
    """All 2ᵁ combinations of U kinds of exclusions; K contestants by slug.

    Kind k applies in combination c where bit k of c is set: in the first none does, and in the
    last all do, as in the study's boards. All speak for the electorate, or without one the sample:
    `scope`. Numbers and texts alone, so that it can go into a document as it is.
    """

    contestants: tuple[str, ...]
    scope: str
    kinds: tuple[str, ...]
    combinations: tuple[Combination, ...]

    @cached_property
    def first_places(self) -> dict[str, int]:
        """In how many combinations a contestant ranks first, most first; the others are not in."""
        firsts = (combination.first for combination in self.combinations)
        return dict(Counter(first for first in firsts if first is not None).most_common())

    @cached_property
    def alone(self) -> int:
        """In how many combinations the first's rank interval holds no other rank."""
        ranked = (combination.places for combination in self.combinations if combination.places)
        return sum(places[0].rank_high == 1 for places in ranked)

    @cached_property
    def unranked(self) -> int:
        """In how many combinations nobody is ranked."""
        return sum(combination.first is None for combination in self.combinations)

    @cached_property
    def hinges(self) -> dict[str, int]:
        """The kinds that change who ranks first, with how often.

        It is counted over the 2ᵁ⁻¹ pairs of combinations that differ in this kind alone.
        """
        firsts = [combination.first for combination in self.combinations]
        changes = {
            kind: sum(firsts[c] != firsts[c | 1 << k] for c in range(len(firsts)) if not c >> k & 1)
            for k, kind in enumerate(self.kinds)
        }
        return {kind: changed for kind, changed in changes.items() if changed}


def rank_combinations(
    kinds: Sequence[str], given: Callable[[int], BoardInput], parameters: BoardParameters
) -> Multiverse:
    """Rank under every combination of kinds of exclusions, on one dimension.

    `given` says what is ranked in combination c, whose bit k is set where kind k applies. Raises
    RankingError for more than `MAX_KINDS` kinds.
    """
    if len(kinds) > MAX_KINDS:
        raise RankingError(
            f"{len(kinds)} kinds of exclusions have {2 ** len(kinds):,} combinations; "
            f"no more than {2**MAX_KINDS} are computed."
        )
    ranked = []
    for c in range(2 ** len(kinds)):
        here = given(c)
        section = rank_for_all(here, parameters)
        applied = tuple(bool(c >> k & 1) for k in range(len(kinds)))
        ranked.append(_combination(applied, section, here.contestants))
    return Multiverse(here.contestants, section.scope.value, tuple(kinds), tuple(ranked))


def _combination(
    applied: tuple[bool, ...], section: Section, contestants: tuple[str, ...]
) -> Combination:
    record = section.record
    return Combination(
        applied=applied,
        raters=section.raters,
        battles=record.battles,
        refusal=record.refusal,
        places=_places(section, contestants),
    )


def _places(section: Section, contestants: tuple[str, ...]) -> tuple[Place, ...]:
    """The places of a section, in order of rank."""
    summary = section.summary
    if summary is None:
        return ()
    columns = (
        summary.rank, summary.rank_low, summary.rank_high,
        summary.mean, summary.low, summary.high,
    )  # fmt: skip
    lines = zip(
        contestants,
        *(column.tolist() for column in columns),
        section.record.provisional,
        strict=True,
    )
    return tuple(sorted((Place(*line) for line in lines), key=lambda place: place.rank))
