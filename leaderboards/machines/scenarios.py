"""The scenarios by which people and a judge are compared: parts of a sheet, by what they share."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import numpy as np
from django.db.models import Count

from leaderboards.comparison.items import BoolArray
from leaderboards.comparison.scenarios import Scenario
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.topics import Level
from leaderboards.verdicts import Frame
from raters.models import Battle, JudgeRun

EVERYTHING: Final = "everything"
DIMENSION, TOPIC, TURNS, LENGTH = "dimension", "topic", "turns", "length"
DEVELOPER, CONTESTANT, CONTESTANTS = "developer", "contestant", "contestants"
GROUP: Final = "group:"
# Upper ends of the bands of words that a side's replies hold, on average of both.
WORDS: Final = (50, 150, 300, 600)
# Battles of as many turns, or more, are one scenario.
MANY_TURNS: Final = 6
# A group of fewer raters is no scenario: its figures would be about these people.
FEWEST_RATERS: Final = 5


class Parted(Protocol):
    """What can be parted into scenarios: N items and M votes or ratings, of pairs or of one each.

    `battle` (N,) is the first of each item's, `dimension` (N,) and `cell` (M,) are indices into
    the frame, and `words` (N,) how many a side's replies hold.
    """

    @property
    def frame(self) -> Frame: ...
    @property
    def run(self) -> JudgeRun: ...
    @property
    def battle(self) -> IntArray: ...
    @property
    def dimension(self) -> IntArray: ...
    @property
    def cell(self) -> IntArray: ...
    @property
    def rater(self) -> IntArray: ...
    @property
    def words(self) -> FloatArray: ...

    def with_any(self, contestants: BoolArray, /) -> BoolArray:
        """Which items one of these contestants (K,) is in, (N,)."""
        ...


def scenarios_of(sheet: Parted) -> tuple[Scenario, ...]:
    """All scenarios of a sheet, the whole of it first; those that hold nothing are left out."""
    found = (
        Scenario(EVERYTHING, "all conversations"),
        *_dimensions(sheet),
        *_topics(sheet),
        *_groups(sheet),
        *_turns(sheet),
        *_lengths(sheet),
        *_developers(sheet),
    )
    return tuple(each for each in found if _holds_something(each))


def domains_of(sheet: Parted) -> tuple[Scenario, ...]:
    """Where a judge may be at home or not: dimensions, topics, lengths, and each contestant."""
    found = (
        *_dimensions(sheet),
        *_topics(sheet),
        *_turns(sheet),
        *_lengths(sheet),
        *_contestants(sheet),
        *_new_contestants(sheet),
    )
    return tuple(each for each in found if _holds_something(each))


def rated_scenarios_of(sheet: Parted) -> tuple[Scenario, ...]:
    """Those of ratings: a mean of one contestant at a time says something of each, too."""
    found = (*_contestants(sheet), *_new_contestants(sheet))
    return (*scenarios_of(sheet), *(each for each in found if _holds_something(each)))


def groups_of(sheet: Parted) -> dict[str, BoolArray]:
    """Which of the votes are of raters in each group, by its axis and name."""
    return {
        scenario.name: votes for scenario in _groups(sheet) if (votes := scenario.votes) is not None
    }


def _holds_something(scenario: Scenario) -> bool:
    parts = (scenario.items, scenario.votes)
    return all(part is None or bool(part.any()) for part in parts)


def _dimensions(sheet: Parted) -> Iterator[Scenario]:
    places = np.unique(sheet.dimension)
    if len(places) > 1:
        for place in places.tolist():
            name = sheet.frame.dimensions[place].name
            yield Scenario(DIMENSION, name, items=sheet.dimension == place)


def _topics(sheet: Parted) -> Iterator[Scenario]:
    """Every node of the study's tree of tasks: areas, categories in them, and tasks."""
    tasks = {task.pk: task for task in sheet.frame.study.tasks.all()}
    battles = Battle.objects.filter(participation__study=sheet.frame.study, task__isnull=False)
    task_of = _column(sheet, dict(battles.order_by().values_list("pk", "task_id")))
    nodes: dict[tuple[str, ...], list[int]] = {}
    for task in tasks.values():
        for node in dict.fromkeys(level.node_of(task) for level in Level):
            nodes.setdefault(_path(node), []).append(task.pk)
    for path, leaves in nodes.items():
        yield Scenario(TOPIC, " › ".join(path), items=np.isin(task_of, leaves))


def _path(node: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in node if part)


def _groups(sheet: Parted) -> Iterator[Scenario]:
    frame = sheet.frame
    for g, group in enumerate(frame.groups):
        theirs = (frame.groups_of_cell[sheet.cell] == g).any(axis=1)
        if len(np.unique(sheet.rater[theirs])) < FEWEST_RATERS:
            continue
        name = f"{group.axis.name}: {group.name}"
        yield Scenario(f"{GROUP}{group.axis.key}", name, votes=theirs)


def _turns(sheet: Parted) -> Iterator[Scenario]:
    battles = Battle.objects.filter(participation__study=sheet.frame.study, turns__isnull=False)
    counted = dict(battles.order_by().values_list("pk").annotate(n=Count("turns")))
    turns = np.minimum(_column(sheet, counted), MANY_TURNS)
    for n in np.unique(turns[turns > 0]).tolist():
        name = f"{n} turn{'' if n == 1 else 's'}"
        yield Scenario(TURNS, f"{n} turns or more" if n == MANY_TURNS else name, items=turns == n)


def _lengths(sheet: Parted) -> Iterator[Scenario]:
    mean = sheet.words
    for low, high in zip((0, *WORDS), (*WORDS, np.inf), strict=True):
        name = f"{low}–{high} words" if np.isfinite(high) else f"{low} words or more"
        yield Scenario(
            LENGTH, f"under {high} words" if not low else name, items=(mean >= low) & (mean < high)
        )


def _developers(sheet: Parted) -> Iterator[Scenario]:
    """Conversations with a contestant of each developer, where they are of several."""
    owner = np.array([each.chat_model.developer for each in sheet.frame.contestants])
    known = sorted({name for name in owner.tolist() if name})
    if len(known) > 1:
        for name in known:
            yield Scenario(DEVELOPER, name, items=sheet.with_any(owner == name))


def _contestants(sheet: Parted) -> Iterator[Scenario]:
    every = np.arange(len(sheet.frame.contestants))
    for k, contestant in enumerate(sheet.frame.contestants):
        yield Scenario(CONTESTANT, contestant.name, items=sheet.with_any(every == k))


def _new_contestants(sheet: Parted) -> Iterator[Scenario]:
    """Conversations with contestants that entered after the judge had been made."""
    made_at = sheet.run.judge.created_at
    is_new = np.array([each.entered_at > made_at for each in sheet.frame.contestants], bool)
    if is_new.any() and not is_new.all():
        yield Scenario(CONTESTANTS, "new", items=sheet.with_any(is_new))


def _column(sheet: Parted, of_battle: Mapping[int, int]) -> IntArray:
    """A value of each item's first battle (N,), 0 where there is none."""
    return np.array([of_battle.get(battle, 0) for battle in sheet.battle.tolist()], np.int64)
