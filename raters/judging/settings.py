"""How a protocol is to judge, parsed once from JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from raters.judging.cases import Exchange
from raters.judging.errors import SettingsError

if TYPE_CHECKING:
    from raters.judging.protocols.base import Asking

LONGEST_TEXT: Final = 4_000
MOST_ITEMS: Final = 30
MOST_EXAMPLES: Final = 8
# What an example's winner is called; its first side is called A elsewhere.
EXAMPLE_WINNERS: Final = ("first", "second", "tie")


class Orders(StrEnum):
    """In which order a judge sees two sides."""

    BOTH = "both"
    AS_SHOWN = "as_shown"
    SWAPPED = "swapped"
    RANDOM = "random"


class Rubric(StrEnum):
    """What a rubric holds for a dimension: one text, or a list of items."""

    TEXT = "text"
    ITEMS = "items"


@dataclass(frozen=True)
class Example:
    """A conversation that people have judged, to be shown before the one that is to be judged.

    `winner` is "first", "second" or "tie" by dimension. Either its `exchanges` are given, or the
    `battle` that they are read from when they are needed: then a rater who takes her words back
    takes them out of judges too.
    """

    winner: Mapping[str, str]
    exchanges: tuple[Exchange, ...] = ()
    battle: int | None = None


@dataclass(frozen=True)
class Settings:
    """What an admin can set; each protocol knows which of these it reads.

    `repeats` is how often each order (or side) is asked about, `temperature` that of every call.
    `margin` is the difference of two scores up to which they are a tie. `persona` says in words
    of which group the judge is to speak as. `batch_size` counts the conversations of one
    ranking, the two sides among them. `max_words` is the length asked of a reason. `logprobs`
    asks for log-probabilities, by which scores and verdicts are weighted. `instructions` are
    said to the judge besides its prompt, and `examples` shown to it as data.
    """

    rubric: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    orders: Orders = Orders.BOTH
    temperature: float = 0.0
    repeats: int = 1
    margin: float = 0.0
    persona: str = ""
    batch_size: int = 6
    max_words: int = 60
    logprobs: bool = False
    instructions: str = ""
    examples: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rubric", MappingProxyType(dict(self.rubric)))

    @classmethod
    def parse(
        cls,
        value: object,
        protocol: "Asking[Any] | type[Asking[Any]]",
        *,
        dimensions: Collection[str] | None = None,
    ) -> Self:
        """From parsed JSON, an object; what it leaves out keeps its default.

        With the keys of a study's `dimensions`, the rubric has to be about these. Raises
        SettingsError for a setting that the protocol does not read, or cannot use.
        """
        if not isinstance(value, Mapping):
            raise SettingsError("settings", "they are one JSON object.")
        for name in sorted(map(str, value.keys() - protocol.settings)):
            known = ", ".join(sorted(protocol.settings))
            raise SettingsError(name, f"{protocol.name} has no such setting; it has {known}.")
        for name in sorted(protocol.required):
            if not value.get(name):
                raise SettingsError(name, f"{protocol.name} can't do without it.")
        given = {name: _READERS[name](name, said) for name, said in value.items()}
        if "rubric" in given:
            _check_rubric(value["rubric"], protocol, dimensions)
        return cls(**given)

    def showing(self, read: Mapping[int, tuple[Exchange, ...]]) -> Self:
        """With the exchanges of examples that name a battle; those not `read` are left out."""
        filled = (
            each if each.battle is None else replace(each, exchanges=read.get(each.battle, ()))
            for each in self.examples
        )
        return replace(self, examples=tuple(each for each in filled if each.exchanges))

    def without_example(self, battle: int | None) -> Self:
        """Without the examples that are this battle."""
        kept = (each for each in self.examples if each.battle is None or each.battle != battle)
        return replace(self, examples=tuple(kept))


def _check_rubric(
    said: Mapping[str, object],
    protocol: "Asking[Any] | type[Asking[Any]]",
    dimensions: Collection[str] | None,
) -> None:
    kind = str if protocol.rubric is Rubric.TEXT else list
    for key, text in said.items():
        if not isinstance(text, kind):
            wanted = "one text" if kind is str else "a list of items"
            raise SettingsError("rubric", f"{protocol.name} takes {wanted} for {key}.")
    if dimensions is None:
        return
    if unknown := sorted(said.keys() - set(dimensions)):
        raise SettingsError("rubric", f"the study has no dimension {', '.join(unknown)}.")
    missing = sorted(set(dimensions) - said.keys())
    if missing and "rubric" in protocol.required:
        raise SettingsError("rubric", f"it says nothing of {', '.join(missing)}.")


def _read_number(lowest: float, highest: float) -> Callable[[str, object], float]:
    def read(name: str, value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and isinstance(value, int | float) and lowest <= value <= highest):
            raise SettingsError(name, f"it is a number from {lowest:g} to {highest:g}.")
        return float(value)

    return read


def _read_whole(lowest: int, highest: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not (is_whole and isinstance(value, int) and lowest <= value <= highest):
            raise SettingsError(name, f"it is a whole number from {lowest} to {highest}.")
        return value

    return read


def _read_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(name, "it is true or false.")
    return value


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_TEXT:
        raise SettingsError(name, f"it is a text of up to {LONGEST_TEXT:,} characters.")
    return value.strip()


def _read_orders(name: str, value: object) -> Orders:
    if not isinstance(value, str) or value not in list(Orders):
        raise SettingsError(name, f"it is one of {', '.join(Orders)}.")
    return Orders(value)


def _read_rubric(name: str, value: object) -> Mapping[str, tuple[str, ...]]:
    """Texts by dimension; one text is a list of one."""
    if not isinstance(value, Mapping):
        raise SettingsError(name, "it is an object with the keys of dimensions.")
    rubric = {}
    for key, said in value.items():
        items = said if isinstance(said, list) else [said]
        if not 0 < len(items) <= MOST_ITEMS:
            raise SettingsError(name, f"{key} has from one to {MOST_ITEMS} items.")
        rubric[key] = tuple(_read_text(name, item) for item in items)
        if len(set(rubric[key])) != len(items):
            raise SettingsError(name, f"{key} has an item twice.")
    return rubric


def _read_examples(name: str, value: object) -> tuple[Example, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_EXAMPLES:
        raise SettingsError(name, f"it is a list of up to {MOST_EXAMPLES} examples.")
    return tuple(_read_example(name, each) for each in value)


def _read_example(name: str, value: object) -> Example:
    match value:
        case {"winner": dict(winner), "battle": battle, **more} if type(battle) is int and not more:
            return Example(_read_winner(name, winner), battle=battle)
        case {"winner": dict(winner), "turns": [_, *_] as turns, **more} if not more:
            return Example(
                _read_winner(name, winner), tuple(_read_turn(name, turn) for turn in turns)
            )
    raise SettingsError(
        name,
        'each is an object of "winner", by dimension, and either "turns" or the id of a "battle".',
    )


def _read_winner(name: str, value: Mapping[object, object]) -> Mapping[str, str]:
    if not value or not all(isinstance(said, str) for said in value.values()):
        raise SettingsError(name, "its winner is an object with the keys of dimensions.")
    unknown = sorted(set(map(str, value.values())) - set(EXAMPLE_WINNERS))
    if unknown:
        raise SettingsError(name, f"its winner is one of {', '.join(EXAMPLE_WINNERS)}.")
    return {str(key): str(said) for key, said in value.items()}


def _read_turn(name: str, value: object) -> Exchange:
    match value:
        case {"message": message, "first": first, "second": second, **more} if not more:
            said = [_read_text(name, text) for text in (message, first, second)]
            return Exchange(said[0], (said[1], said[2]))
    raise SettingsError(name, 'each of its turns is an object of "message", "first" and "second".')


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "rubric": _read_rubric,
    "orders": _read_orders,
    "temperature": _read_number(0, 2),
    "repeats": _read_whole(1, 20),
    "margin": _read_number(0, 4),
    "persona": _read_text,
    "batch_size": _read_whole(3, 12),
    "max_words": _read_whole(10, 400),
    "logprobs": _read_flag,
    "instructions": _read_text,
    "examples": _read_examples,
}
