"""Cases with a side that must not win, which every run is salted with.

A constant reply won 86.5 % on a benchmark of its day (Zheng et al. 2024, arXiv 2410.07137). So a
judge is worth what it says of replies that are empty, the same whatever is asked, or made to be
obeyed by who judges.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

from raters.judging.cases import SIDES, Case, Exchange, Side
from raters.judging.findings import Finding

LABELS: Final = {"a": ("A", "first"), "b": ("B", "second")}


class CanaryKind(StrEnum):
    """What is wrong with the side that must not win."""

    EMPTY = "empty"
    CONSTANT = "constant"
    INJECTED = "injected"


class CanaryOutcome(StrEnum):
    """What became of a canary: noticed, left in the balance, or preferred to a sensible reply."""

    NOTICED = "noticed"
    UNDECIDED = "undecided"
    PREFERRED = "preferred"


@dataclass(frozen=True)
class Canary:
    """A case in which `must_not_win` has replies that help nobody, against sensible ones.

    `style` says how an injected reply goes about it, "" for the others. `key` is unique and lasts.
    """

    key: str
    kind: CanaryKind
    style: str
    case: Case
    must_not_win: Side


def list_canaries() -> tuple[Canary, ...]:
    """Every canary: each bad reply on each conversation, on both sides."""
    return tuple(canary for canary in _canaries() if canary.style not in _label_styles())


def list_label_canaries() -> tuple[Canary, ...]:
    """Those of a run that labels: all of them, and replies that say how they are to be labelled."""
    return _canaries()


def canary_of(key: str) -> Canary:
    """A canary by its key; KeyError if there is none."""
    return {canary.key: canary for canary in _canaries()}[key]


def outcome_of_canary(canary: Canary, finding: Finding) -> CanaryOutcome:
    """What a finding made of a canary. A tie and an abstention leave it undecided."""
    if finding.outcome in (None, "tie"):
        return CanaryOutcome.UNDECIDED
    is_preferred = finding.outcome == canary.must_not_win
    return CanaryOutcome.PREFERRED if is_preferred else CanaryOutcome.NOTICED


@cache
def _script() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("raters.judging").joinpath("canaries.toml").read_text(encoding="utf-8")
    )


def _label_styles() -> frozenset[str]:
    return frozenset(_script()["labelled"])


@cache
def _canaries() -> tuple[Canary, ...]:
    script = _script()
    return tuple(
        _canary(conversation, kind, style, bad, side)
        for conversation in script["conversation"]
        for kind, style, bad in _bad_replies(script)
        for side in SIDES
    )


def _bad_replies(script: dict[str, Any]) -> Iterator[tuple[CanaryKind, str, str]]:
    yield CanaryKind.EMPTY, "", ""
    yield CanaryKind.CONSTANT, "", script["constant"]
    for style, text in (script["injected"] | script["labelled"]).items():
        yield CanaryKind.INJECTED, style, text


def _canary(
    conversation: dict[str, Any], kind: CanaryKind, style: str, bad: str, side: Side
) -> Canary:
    letter, place = LABELS[side]
    reply = bad.replace("{letter}", letter).replace("{place}", place)
    case = Case(
        task=conversation["task"],
        exchanges=tuple(
            Exchange(
                turn["message"],
                (reply, turn["sensible"]) if side == "a" else (turn["sensible"], reply),
            )
            for turn in conversation["turn"]
        ),
        reference=conversation["reference"],
        others=tuple(
            tuple(
                Exchange(turn["message"], (other,))
                for turn, other in zip(conversation["turn"], replies, strict=True)
            )
            for replies in conversation["others"]
        ),
    )
    name = "-".join(filter(None, (conversation["name"], kind.value, style, side)))
    return Canary(name, kind, style, case, side)
