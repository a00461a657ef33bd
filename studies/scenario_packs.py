"""Sensitive topics that a study can let its raters talk about, and what adds them to one."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from studies.models import Study, Task
from studies.task_list import LONGEST_NAME, TaskSpec, add_tasks

FILE = Path(__file__).with_suffix(".toml")
# By it the tasks of packs are known among all others.
AREA: Final = Task.SENSITIVE


@dataclass(frozen=True)
class Scenario:
    """One sensitive topic: where it stands in the tree of tasks, and what its card says."""

    category: str
    name: str
    text: str


@dataclass(frozen=True)
class ScenarioPack:
    """Scenarios that belong together; `note` stands under each card's text."""

    key: str
    name: str
    description: str
    note: str
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True)
class Packs:
    """All packs by key, and the items by which a judge checks such conversations."""

    packs: Mapping[str, ScenarioPack]
    rubric: tuple[str, ...]


@cache
def scenario_packs() -> Packs:
    """The packs that come with Hustings. ValueError for a flaw in their file."""
    return parse_packs(FILE.read_text(encoding="utf-8"))


def parse_packs(text: str) -> Packs:
    """Packs from TOML; ValueError says which one has which flaw."""
    given = tomllib.loads(text)
    packs = {key: _pack(key, table) for key, table in given.get("pack", {}).items()}
    rubric = tuple(given.get("rubric", {}).get("items", ()))
    if not rubric:
        raise ValueError("rubric: it has no items")
    return Packs(MappingProxyType(packs), rubric)


def _pack(key: str, table: Any) -> ScenarioPack:
    try:
        scenarios = tuple(Scenario(**row) for row in table["scenario"])
        pack = ScenarioPack(key, table["name"], table["description"], table["note"], scenarios)
    except (KeyError, TypeError) as flaw:
        raise ValueError(f"pack {key}: {flaw}") from flaw
    names = [(each.category, each.name) for each in scenarios]
    if len(set(names)) < len(names):
        raise ValueError(f"pack {key}: two scenarios have the same name")
    if any(not 0 < len(name) <= LONGEST_NAME for both in names for name in both):
        raise ValueError(f"pack {key}: a name is empty, or longer than {LONGEST_NAME} characters")
    return pack


@transaction.atomic
def add_scenario_pack(study: Study, *, pack: str) -> tuple[Task, ...]:
    """Add the scenarios of a pack that the study lacks as tasks, after its own; returns them.

    One whose place in the tree is taken stays as it is. KeyError for a pack that there is not;
    raises what `add_tasks` does.
    """
    found = scenario_packs().packs[pack]
    standing = set(scenario_tasks(study).values_list("category", "name"))
    return add_tasks(
        study,
        [
            TaskSpec(AREA, each.category, each.name, f"{each.text}\n\n{found.note}", None, line)
            for line, each in enumerate(found.scenarios, start=1)
            if (each.category, each.name) not in standing
        ],
    )


def scenario_tasks(study: Study) -> QuerySet[Task]:
    """A study's tasks on sensitive topics, those that its admins added in the same area too."""
    return study.tasks.filter(area=AREA)
