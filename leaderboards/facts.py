"""Frozen dataclasses as JSON, and back: how the documents of reports are written and read."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from math import isnan, nan
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Final,
    Protocol,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")

VALUES: Final = frozenset({bool, int, float, str, datetime})


class UnknownFactsError(ValueError):
    """A document that does not hold what was asked of it, as one that earlier code wrote."""


class Facts(Protocol):
    """A dataclass of numbers, texts, instants, tuples, mappings and further dataclasses."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def as_json(facts: Facts) -> dict[str, Any]:
    """A dataclass as JSON; `parse` of its kind gives it back."""
    return {field.name: _plain(getattr(facts, field.name)) for field in fields(facts)}


def parse(kind: type[T], given: object) -> T:
    """A dataclass of this kind from JSON. Raises UnknownFactsError for what holds no such."""
    try:
        return cast("T", _parsed(kind, given))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownFactsError(f"This is no {kind.__name__}: {error!r}") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return as_json(cast("Facts", value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and isnan(value):
        # JSON has no word for it, and PostgreSQL takes none.
        return None
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


# What a class's fields hold: to look it up takes longer than everything else.
_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def _parsed(kind: Any, given: Any) -> Any:
    if kind in VALUES:
        return _parsed_value(kind, given)
    parts = get_args(kind)
    if is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{f.name: _parsed(hints[f.name], given[f.name]) for f in fields(kind)})  # type: ignore[operator]
    if hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(*map(_parsed, hints.values(), _as_many(given, len(hints))))
    if get_origin(kind) is tuple:
        kinds = [parts[0]] * len(given) if parts[1:] == (...,) else parts
        return tuple(map(_parsed, kinds, _as_many(given, len(kinds))))
    if get_origin(kind) is Mapping:
        return {key: _parsed(parts[1], each) for key, each in given.items()}
    if NoneType in parts:
        return None if given is None else _parsed(parts[0], given)
    return _parsed_value(kind, given)


def _parsed_value(kind: Any, given: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(given)
    if kind is float and given is None:
        return nan
    # A whole number is written without a point.
    value = float(given) if kind is float and type(given) is int else given
    if type(value) is not kind:
        raise TypeError(f"{given!r} is no {kind.__name__}")
    return value


def _as_many(given: object, count: int) -> list[Any]:
    if not isinstance(given, list) or len(given) != count:
        raise TypeError(f"{given!r} is no list of {count}")
    return given
