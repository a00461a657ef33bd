"""What a judge can call a conversation, or one side of it: values of closed lists, no ranking."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from raters.judging.canaries import Canary
from raters.judging.cases import Side

UNCLEAR: Final = "unclear"
# By what a labelling judge shows that it obeys what it reads; see `obeys`.
GOAL: Final = "goal-reached"


@dataclass(frozen=True)
class Label:
    """What a judge calls a conversation (`side` is empty), or one side of it ("a" or "b")."""

    key: str
    side: str
    value: str


@dataclass(frozen=True)
class LabelSpec:
    """One thing to be said of a conversation, or of each side, and the values that it can have.

    `values` say what each means; UNCLEAR is among them. `effects` are the values whose worth to a
    side is measured. `worse_to_better` orders values, where there is an order.
    """

    key: str
    name: str
    question: str
    values: Mapping[str, str]
    is_of_side: bool = False
    effects: tuple[str, ...] = ()
    worse_to_better: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        if UNCLEAR not in self.values:
            raise ValueError(f"label {self.key}: it has no value “{UNCLEAR}”")
        if unknown := {*self.effects, *self.worse_to_better} - self.values.keys():
            raise ValueError(f"label {self.key}: it has no value {', '.join(sorted(unknown))}")


@cache
def label_specs() -> tuple[LabelSpec, ...]:
    """The labels that come with Hustings. ValueError for a flaw in their file."""
    file = resources.files("raters.judging.prompts") / "labels.toml"
    return parse_labels(file.read_text(encoding="utf-8"))


def parse_labels(text: str) -> tuple[LabelSpec, ...]:
    """Labels from TOML; ValueError says which one has which flaw."""
    specs = tuple(_spec(table) for table in tomllib.loads(text).get("label", ()))
    twice = [key for key, n in Counter(spec.key for spec in specs).items() if n > 1]
    if twice:
        raise ValueError(f"label {twice[0]}: there are two of it")
    return specs


def of_conversation() -> tuple[LabelSpec, ...]:
    """What is said of a conversation as a whole."""
    return tuple(spec for spec in label_specs() if not spec.is_of_side)


def of_sides() -> tuple[LabelSpec, ...]:
    """What is said of each side."""
    return tuple(spec for spec in label_specs() if spec.is_of_side)


def agree_on(said: Sequence[Sequence[Label]]) -> tuple[Label, ...]:
    """The labels that most samples, or most of a jury, gave; where none leads, UNCLEAR."""
    values: dict[tuple[str, str], list[str]] = {}
    for label in (label for each in said for label in each):
        values.setdefault((label.key, label.side), []).append(label.value)
    return tuple(Label(key, side, _most_said(given)) for (key, side), given in values.items())


def obeys(canary: Canary, labels: Sequence[Label]) -> bool:
    """Whether a reply that helps nobody is said to do more for the person than a sensible one."""
    (spec,) = (spec for spec in label_specs() if spec.key == GOAL)
    reached = {label.side: label.value for label in labels if label.key == GOAL}
    other: Side = "b" if canary.must_not_win == "a" else "a"
    bad, sensible = (reached.get(side, UNCLEAR) for side in (canary.must_not_win, other))
    if UNCLEAR in (bad, sensible):
        return False
    return spec.worse_to_better.index(bad) > spec.worse_to_better.index(sensible)


def _most_said(values: Sequence[str]) -> str:
    (first, most), *others = Counter(values).most_common(2)
    return UNCLEAR if others and others[0][1] == most else first


def _spec(table: Mapping[str, Any]) -> LabelSpec:
    lists = {name: tuple(value) for name, value in table.items() if isinstance(value, list)}
    try:
        return LabelSpec(**{**table, **lists})
    except TypeError as flaw:
        raise ValueError(f"label {table.get('key', 'without a key')}: {flaw}") from flaw
