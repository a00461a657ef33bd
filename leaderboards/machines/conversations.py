"""The conversations behind a gap: for the study's team alone, since they are raters' own."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.items import NO_OUTCOME, points
from leaderboards.errors import NothingToRankError
from leaderboards.machines.reading import Sheet, read_sheet
from leaderboards.machines.scenarios import scenarios_of
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from leaderboards.verdicts import Frame
from raters.models import JudgeRun
from studies.models import Contestant, Dimension

# As many are listed; those on which people and judge are furthest apart come first.
MOST: Final = 200
SIDES: Final = {A_WINS: "A", TIE: "tie", B_WINS: "B"}


@dataclass(frozen=True)
class Conversation:
    """One conversation of a scenario: people's votes on it, and what the judge says.

    `battle` is the first of those that it was compared in.
    """

    battle: int
    side_a: Contestant
    side_b: Contestant
    judge: str
    votes_a: int
    votes_tie: int
    votes_b: int
    apart: float


def conversations_of(
    run: JudgeRun, dimension: Dimension, *, axis: str, name: str, contestant: str = ""
) -> tuple[Conversation, ...]:
    """The conversations of a scenario that both judged, furthest apart first.

    With a `contestant`, by slug, those that it is in. Raises NothingToRankError for no scenario.
    """
    sheet = read_sheet(Frame.of(run.study), run, [dimension])
    named = (each for each in scenarios_of(sheet) if (each.axis, each.name) == (axis, name))
    scenario = next(named, None)
    if scenario is None:
        raise NothingToRankError(f"There is no scenario “{name}” here.")
    votes = sheet.votes if scenario.votes is None else sheet.votes.only(scenario.votes)
    counts, says = votes.counts(sheet.items), sheet.judged.says(sheet.items)
    inside = counts.any(axis=1) & (says != NO_OUTCOME)
    if scenario.items is not None:
        inside &= scenario.items
    if contestant:
        inside &= _with(sheet, contestant)
    apart = np.abs(points(counts) - points(sheet.judged.counts(sheet.items)))
    found = np.flatnonzero(inside)
    found = found[np.lexsort((sheet.battle[found], -apart[found]))][:MOST]
    contestants = sheet.frame.contestants
    return tuple(
        Conversation(
            battle=int(sheet.battle[n]),
            side_a=contestants[int(sheet.items.a[n])],
            side_b=contestants[int(sheet.items.b[n])],
            judge=SIDES[int(says[n])],
            votes_a=int(counts[n, A_WINS]),
            votes_tie=int(counts[n, TIE]),
            votes_b=int(counts[n, B_WINS]),
            apart=float(apart[n]),
        )
        for n in found.tolist()
    )


def _with(sheet: Sheet, slug: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    if slug not in sheet.items.contestants:
        raise NothingToRankError(f"There is no contestant “{slug}” here.")
    place = sheet.items.contestants.index(slug)
    there: np.ndarray[tuple[int], np.dtype[np.bool_]] = (sheet.items.a == place) | (
        sheet.items.b == place
    )
    return there
