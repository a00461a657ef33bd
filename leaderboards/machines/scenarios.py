"""The scenarios by which people and a judge are compared: parts of a sheet, by what they share."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from django.db.models import Count

from leaderboards.comparison.domains import new_contestants
from leaderboards.comparison.items import BoolArray
from leaderboards.comparison.scenarios import Scenario
from leaderboards.machines.reading import Sheet
from leaderboards.ranking.outcomes import IntArray
from leaderboards.topics import Level
from raters.models import Battle

EVERYTHING: Final = "everything"
DIMENSION, TOPIC, TURNS, LENGTH = "dimension", "topic", "turns", "length"
DEVELOPER, CONTESTANT = "developer", "contestant"
GROUP: Final = "group:"
# Upper ends of the bands of words that a side's replies hold, on average of both.
WORDS: Final = (50, 150, 300, 600)
# Battles of as many turns, or more, are one scenario.
MANY_TURNS: Final = 6
# A group of fewer raters is no scenario: its figures would be about these people.
FEWEST_RATERS: Final = 5


def scenarios_of(sheet: Sheet) -> tuple[Scenario, ...]:
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


def domains_of(sheet: Sheet) -> tuple[Scenario, ...]:
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


def groups_of(sheet: Sheet) -> dict[str, BoolArray]:
    """Which of the votes are of raters in each group, by its axis and name."""
    return {
        scenario.name: votes for scenario in _groups(sheet) if (votes := scenario.votes) is not None
    }


def _holds_something(scenario: Scenario) -> bool:
    parts = (scenario.items, scenario.votes)
    return all(part is None or bool(part.any()) for part in parts)


def _dimensions(sheet: Sheet) -> Iterator[Scenario]:
    places = np.unique(sheet.dimension)
    if len(places) > 1:
        for place in places.tolist():
            name = sheet.frame.dimensions[place].name
            yield Scenario(DIMENSION, name, items=sheet.dimension == place)


def _topics(sheet: Sheet) -> Iterator[Scenario]:
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


def _groups(sheet: Sheet) -> Iterator[Scenario]:
    frame = sheet.frame
    for g, group in enumerate(frame.groups):
        theirs = (frame.groups_of_cell[sheet.cell] == g).any(axis=1)
        if len(np.unique(sheet.votes.rater[theirs])) < FEWEST_RATERS:
            continue
        name = f"{group.axis.name}: {group.name}"
        yield Scenario(f"{GROUP}{group.axis.key}", name, votes=theirs)


def _turns(sheet: Sheet) -> Iterator[Scenario]:
    battles = Battle.objects.filter(participation__study=sheet.frame.study, turns__isnull=False)
    counted = dict(battles.order_by().values_list("pk").annotate(n=Count("turns")))
    turns = np.minimum(_column(sheet, counted), MANY_TURNS)
    for n in np.unique(turns[turns > 0]).tolist():
        name = f"{n} turn{'' if n == 1 else 's'}"
        yield Scenario(TURNS, f"{n} turns or more" if n == MANY_TURNS else name, items=turns == n)


def _lengths(sheet: Sheet) -> Iterator[Scenario]:
    mean = sheet.items.words.mean(axis=1)
    for low, high in zip((0, *WORDS), (*WORDS, np.inf), strict=True):
        name = f"{low}–{high} words" if np.isfinite(high) else f"{low} words or more"
        yield Scenario(
            LENGTH, f"under {high} words" if not low else name, items=(mean >= low) & (mean < high)
        )


def _developers(sheet: Sheet) -> Iterator[Scenario]:
    """Conversations with a contestant of each developer, where they are of several."""
    owner = np.array([each.chat_model.developer for each in sheet.frame.contestants])
    known = sorted({name for name in owner.tolist() if name})
    if len(known) > 1:
        for name in known:
            own = owner == name
            yield Scenario(DEVELOPER, name, items=own[sheet.items.a] | own[sheet.items.b])


def _contestants(sheet: Sheet) -> Iterator[Scenario]:
    for k, contestant in enumerate(sheet.frame.contestants):
        there = (sheet.items.a == k) | (sheet.items.b == k)
        yield Scenario(CONTESTANT, contestant.name, items=there)


def _new_contestants(sheet: Sheet) -> Iterator[Scenario]:
    """Conversations with contestants that entered after the judge had been made."""
    made_at = sheet.run.judge.created_at
    is_new = np.array([each.entered_at > made_at for each in sheet.frame.contestants], bool)
    if is_new.any() and not is_new.all():
        yield new_contestants(sheet.items, is_new)


def _column(sheet: Sheet, of_battle: Mapping[int, int]) -> IntArray:
    """A value of each item's first battle (N,), 0 where there is none."""
    return np.array([of_battle.get(battle, 0) for battle in sheet.battle.tolist()], np.int64)
