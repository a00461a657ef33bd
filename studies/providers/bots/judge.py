"""A bot that judges, so that a judge can be tried without a key.

It reads what it is to judge from the prompt's data (JSON lines with `who` and `text`, between two
lines with a fence), and fills in the JSON schema that the request asks answers to hold. A reply is
as good as the share of the person's words that it takes up, and as it is long up to a point: poor
as a judgement, but one that anyone can check. Its flaws are parameters: `left_bias` is added to
whatever stands first, and `noise` is the standard deviation of what chance adds to each text.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from studies.providers.bots.words import subjects_of, weighty_words_of, words_of
from studies.providers.errors import EndpointError

DATA: Final = re.compile(r"^DATA (\w+)\n(.*)\nEND OF DATA \1$", re.DOTALL | re.MULTILINE)
# Nearer than this, two sides are as good as each other.
TIE_WITHIN: Final = 0.03
# More words than this make a reply no better.
ENOUGH_WORDS: Final = 60
# So many words of a reply stand in a reason.
MOST_NOTED: Final = 20
# Stands among the values of a label, which are in the order of a scale if "yes" is one of them.
UNCLEAR: Final = "unclear"
NUMBERS: Final = ("left_bias", "noise")
PARAMETERS: Final = (
    *NUMBERS, "response_format", "temperature", "max_tokens", "logprobs", "top_logprobs",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What the bot makes of each one that replied: its merit (0–1), and its words in brief."""

    merits: Mapping[str, float]
    notes: Mapping[str, str]
    subjects: Sequence[str]

    @property
    def merit(self) -> float:
        """That of the only one, or the mean; where nobody has replied yet, nothing is amiss."""
        return sum(self.merits.values()) / len(self.merits) if self.merits else 1.0

    @property
    def lead(self) -> float:
        """By how much the first side is better than the second."""
        return self.merits.get("first", 0.0) - self.merits.get("second", 0.0)


def tuned(parameters: Mapping[str, object]) -> Callable[[Sequence[str], Random], str]:
    """The bot with its parameters: it answers the last prompt with one JSON object.

    EndpointError if it is not asked for an answer to a schema, or sees no data to judge.
    """

    def answer(said: Sequence[str], chance: Random) -> str:
        schema = _schema_of(parameters)
        match = DATA.search(said[-1])
        if match is None:
            raise EndpointError("bot:judge finds no data to judge in what it is asked")
        lines = [json.loads(line) for line in match[2].split("\n") if line]
        left_bias, noise = (_number(parameters, name) for name in NUMBERS)
        filled = {
            key: _fill(part, _judge(lines, key, left_bias, noise, chance))
            for key, part in schema["properties"].items()
        }
        return json.dumps(filled, ensure_ascii=False)

    return answer


def _judge(
    lines: Sequence[Mapping[str, Any]], key: str, left_bias: float, noise: float, chance: Random
) -> Judged:
    """Everybody's merit on one dimension, who stands first with the bias on top."""
    asked = [line["text"] for line in lines if line["who"] in ("person", "human reference")]
    subjects = list(dict.fromkeys(weighty_words_of(" ".join(asked))))
    said: defaultdict[str, str] = defaultdict(str)
    for line in lines:
        is_about_it = line.get("about", key) == key
        if is_about_it and line["who"] in ("first", "second", "assistant"):
            said[line.get("conversation", line["who"])] += f"{line['text']}\n"
    merits, notes = {}, {}
    for who, text in said.items():
        words = set(words_of(text))
        taken_up = [word for word in subjects if word in words]
        merits[who] = _merit(len(words_of(text)), len(taken_up), len(subjects))
        merits[who] += noise * chance.gauss(0, 1)
        added = [word for word in subjects_of(text, MOST_NOTED) if word not in subjects]
        notes[who] = f"takes up {_listed(taken_up)} and adds {_listed(added)}"
    if len(merits) > 1:
        merits[next(iter(merits))] += left_bias
    return Judged(merits, notes, subjects)


def _merit(words: int, taken_up: int, subjects: int) -> float:
    """Half for the person's words taken up, half for as many words as are enough."""
    share = taken_up / subjects if subjects else 0.0
    return (share + min(1.0, math.log1p(words) / math.log1p(ENOUGH_WORDS))) / 2


def _fill(schema: Mapping[str, Any], judged: Judged) -> Any:
    """A value of a schema: what judges are asked for is told by its type and its values."""
    match schema:
        case {"properties": parts} if all(name.isdecimal() for name in parts):
            return _places(parts, judged)
        case {"properties": parts}:
            flags = [name for name, part in parts.items() if part["type"] == "boolean"]
            return {
                # The better a reply, the more items of a list hold for it.
                name: judged.merit > (flags.index(name) + 1) / (len(flags) + 1)
                if name in flags
                else _fill(part, judged)
                for name, part in parts.items()
            }
        case {"enum": [*values]} if "first" in values:
            return _winner(judged)
        case {"enum": [*values]} if UNCLEAR in values:
            return _label(values, judged)
        case {"enum": [*values]}:
            return _on_scale(values, judged)
        case {"type": "array"}:
            return [f"Speaks of {subject}." for subject in judged.subjects[:3]]
        case _:
            return _reason(judged)


def _winner(judged: Judged) -> str:
    if abs(judged.lead) <= TIE_WITHIN:
        return "tie"
    return "first" if judged.lead > 0 else "second"


def _on_scale(values: Sequence[Any], judged: Judged) -> Any:
    """The value that stands as far up a scale as the merit, or the surer the larger the lead."""
    height = 0.5 + abs(judged.lead) if "second" in judged.merits else judged.merit
    return values[min(len(values) - 1, max(0, int(height * len(values))))]


def _label(values: Sequence[str], judged: Judged) -> str:
    """What somebody speaks of by name; else how far a reply goes, and else that it is none."""
    if "yes" in values:
        return str(_on_scale([value for value in values if value != UNCLEAR], judged))
    named = [value for value in values if {value, value.removesuffix("s")} & {*judged.subjects}]
    return next(iter(named), "none" if "none" in values else UNCLEAR)


def _places(parts: Mapping[str, Any], judged: Judged) -> dict[str, int]:
    """Place 1 for the best; who is about as good shares a place."""
    merits = {name: judged.merits.get(name, 0.0) for name in parts}
    return {
        name: 1 + sum(other > merit + TIE_WITHIN for other in merits.values())
        for name, merit in merits.items()
    }


def _reason(judged: Judged) -> str:
    notes = (f"The {who} {note}." for who, note in judged.notes.items())
    return " ".join(notes) or "Nobody has replied yet."


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "nothing"


def _schema_of(parameters: Mapping[str, object]) -> Mapping[str, Any]:
    match parameters.get("response_format"):
        case {"json_schema": {"schema": {"properties": dict()} as schema}}:
            return dict(schema)
    raise EndpointError("bot:judge answers only to a JSON schema, in response_format")


def _number(parameters: Mapping[str, object], name: str) -> float:
    value = parameters.get(name, 0.0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= 10:
        raise EndpointError(f"{name} is a number from -10 to 10, not {value!r}")
    return float(value)
