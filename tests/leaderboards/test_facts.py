"""Frozen dataclasses as JSON, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from leaderboards.facts import UnknownFactsError, as_json, parse


class Pair(NamedTuple):
    names: tuple[str, str]
    weight: float


@dataclass(frozen=True)
class Inner:
    at: datetime
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Outer:
    name: str
    count: int
    is_known: bool
    inner: Inner | None
    pairs: tuple[Pair, ...]


GIVEN = Outer(
    name="Ash",
    count=3,
    is_known=True,
    inner=Inner(datetime(2026, 3, 1, 12, tzinfo=UTC), {"age": 0.25, "sex": 1.0}),
    pairs=(Pair(("Ash", "Elm"), 2.0), Pair(("Elm", "Ash"), 0.5)),
)


@pytest.mark.parametrize("facts", [GIVEN, replace(GIVEN, inner=None, pairs=())])
def test_what_was_written_is_read_back(facts: Outer) -> None:
    assert parse(Outer, json.loads(json.dumps(as_json(facts)))) == facts


def test_a_whole_number_may_be_a_float_s_spelling() -> None:
    told = as_json(GIVEN) | {"pairs": [[["Ash", "Elm"], 2]]}
    weight = parse(Outer, told).pairs[0].weight
    assert (weight, type(weight)) == (2.0, float)


def test_what_is_there_besides_is_of_no_interest() -> None:
    assert parse(Outer, as_json(GIVEN) | {"of_earlier_code": 1}) == GIVEN


@pytest.mark.parametrize(
    "changed",
    [
        {"count": "3"},
        {"count": True},
        {"count": 3.5},
        {"is_known": 1},
        {"name": None},
        {"inner": {"at": "yesterday", "shares": {}}},
        {"inner": {"at": "2026-03-01T12:00:00+00:00"}},
        {"pairs": [[["Ash"], 1.0]]},
        {"pairs": [[["Ash", "Elm"]]]},
        {"pairs": "none"},
    ],
)
def test_what_holds_no_such_facts_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UnknownFactsError, match="This is no Outer"):
        parse(Outer, as_json(GIVEN) | changed)


@pytest.mark.parametrize("told", [None, [], "Ash", {}])
def test_what_is_no_document_is_refused(told: object) -> None:
    with pytest.raises(UnknownFactsError):
        parse(Outer, told)
