"""The conversations behind a gap: for the study's team alone, since they are raters' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.comparison.items import NO_OUTCOME, part, points, total
from leaderboards.comparison.scenarios import Scenario
from leaderboards.errors import NothingToRankError
from leaderboards.machines.rated import read_rated
from leaderboards.machines.reading import Sheet, read_sheet
from leaderboards.machines.scenarios import rated_scenarios_of, scenarios_of
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


@dataclass(frozen=True)
class RatedConversation:
    """One conversation of a scenario: people's mean rating of it, and the judge's score.

    Both are on people's scale; `ratings` counts theirs.
    """

    battle: int
    contestant: Contestant
    judge: float
    people: float
    ratings: int

    @property
    def apart(self) -> float:
        """By how many points the judge's score is above people's mean."""
        return self.judge - self.people


def conversations_of(
    run: JudgeRun, dimension: Dimension, *, axis: str, name: str, contestant: str = ""
) -> tuple[Conversation, ...]:
    """The conversations of a scenario that both judged, furthest apart first.

    With a `contestant`, by slug, those that it is in. Raises NothingToRankError for no scenario.
    """
    sheet = read_sheet(Frame.of(run.study), run, [dimension])
    scenario = _named(scenarios_of(sheet), axis, name)
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


def rated_conversations_of(
    run: JudgeRun, dimension: Dimension, *, axis: str, name: str
) -> tuple[RatedConversation, ...]:
    """Those of a study that rates one model at a time. Raises NothingToRankError as above."""
    sheet = read_rated(Frame.of(run.study), run, [dimension])
    scenario = _named(rated_scenarios_of(sheet), axis, name)
    whole = sheet.rated
    mine = np.ones(len(whole.item), bool) if scenario.votes is None else scenario.votes
    n = total(whole.item[mine], len(whole))
    people = part(total(whole.item[mine], len(whole), whole.score[mine]), n)
    apart = np.abs(whole.judge - people)
    inside = np.isfinite(apart)
    if scenario.items is not None:
        inside &= scenario.items
    found = np.flatnonzero(inside)
    found = found[np.lexsort((sheet.battle[found], -apart[found]))][:MOST]
    return tuple(
        RatedConversation(
            battle=int(sheet.battle[each]),
            contestant=sheet.frame.contestants[int(whole.contestant[each])],
            judge=float(whole.judge[each]),
            people=float(people[each]),
            ratings=int(n[each]),
        )
        for each in found.tolist()
    )


def _named(scenarios: Sequence[Scenario], axis: str, name: str) -> Scenario:
    for scenario in scenarios:
        if (scenario.axis, scenario.name) == (axis, name):
            return scenario
    raise NothingToRankError(_("There is no scenario “%(name)s” here.") % {"name": name})


def _with(sheet: Sheet, slug: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    if slug not in sheet.items.contestants:
        raise NothingToRankError(_("There is no contestant “%(slug)s” here.") % {"slug": slug})
    place = sheet.items.contestants.index(slug)
    there: np.ndarray[tuple[int], np.dtype[np.bool_]] = (sheet.items.a == place) | (
        sheet.items.b == place
    )
    return there
