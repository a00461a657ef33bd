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

# 64 combinations: more are neither read by anybody nor computed while somebody waits.
MAX_KINDS: Final = 6


@dataclass(frozen=True)
class Combination:
    """What comes out where some kinds of exclusions apply and the others do not.

    `applied` (U,) tells which. `section` speaks for the electorate, or without one the sample.
    """

    applied: tuple[bool, ...]
    section: Section

    @property
    def first(self) -> int | None:
        """The index of the contestant that ranks first; None where nobody is ranked."""
        summary = self.section.summary
        return None if summary is None else int(summary.rank.argmin())


@dataclass(frozen=True)
class Multiverse:
    """All 2ᵁ combinations of U kinds of exclusions; K contestants by slug.

    Kind k applies in combination c where bit k of c is set: in the first none does, and in the
    last all do, as in the study's boards.
    """

    contestants: tuple[str, ...]
    kinds: tuple[str, ...]
    combinations: tuple[Combination, ...]

    @property
    def as_boards(self) -> Combination:
        """The combination that boards are taken from: every exclusion applies."""
        return self.combinations[-1]

    @cached_property
    def first_places(self) -> dict[int, int]:
        """In how many combinations a contestant ranks first, most first; the others are not in."""
        firsts = (combination.first for combination in self.combinations)
        return dict(Counter(first for first in firsts if first is not None).most_common())

    @cached_property
    def alone(self) -> int:
        """In how many combinations the first's rank interval holds no other rank."""
        return sum(
            combination.section.summary.rank_high[combination.first] == 1
            for combination in self.combinations
            if combination.section.summary is not None and combination.first is not None
        )

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
    contestants: tuple[str, ...] = ()
    for c in range(2 ** len(kinds)):
        here = given(c)
        contestants = here.contestants
        applied = tuple(bool(c >> k & 1) for k in range(len(kinds)))
        ranked.append(Combination(applied, rank_for_all(here, parameters)))
    return Multiverse(contestants, tuple(kinds), tuple(ranked))
