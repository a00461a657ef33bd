"""Judges of a few lines, who answer what a protocol asks, and small cases for them."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Exchange, Question
from raters.judging.findings import Finding
from raters.judging.protocols import Steps

OVERALL = Question("overall", "Overall", "Which of the two served you better?")
EMPATHY = Question(
    "empathy", "Empathy", "Which felt more understanding?", "Of you, not in general."
)
QUESTIONS = (OVERALL, EMPATHY)

TEXTS = {
    "overall": "1: useless. 5: what she needed.",
    "empathy": "1: cold. 5: she is understood.",
}
ITEMS = {"overall": ["Says how.", "Says why."], "empathy": ["Names a feeling.", "Is kind."]}
# What each protocol can't do without.
NEEDS: Mapping[str, dict[str, Any]] = {
    "rubric": {"rubric": TEXTS},
    "boolean": {"rubric": ITEMS},
    "persona": {"persona": "A person of 65 or over."},
}


def pair(a: str = "Rest it, and cool it. +", b: str = "Walk. ++", **more: Any) -> Case:
    """A case of one turn with two replies, whose merit is how many plus signs stand in them."""
    more = {"reference": "Rest it. +++", "others": (alone("Wait. +++"), alone("No."))} | more
    return Case("Your health.", (Exchange("My knee hurts.", (a, b)),), **more)


def alone(reply: str) -> tuple[Exchange, ...]:
    """A conversation of one turn with one side."""
    return (Exchange("My knee hurts.", (reply,)),)


def merit(text: str) -> int:
    """How good a text is, from 1 to 5: its plus signs, and one."""
    return 1 + min(4, text.count("+"))


def lines_of(call: Call) -> list[dict[str, Any]]:
    """The data of a call, from between the two lines with the fence."""
    (message,) = call.messages
    return lines_in(message.content)


def lines_in(prompt: str) -> list[dict[str, Any]]:
    """The data of a prompt."""
    found = re.search(r"^DATA (\w{32})\n(.*)\nEND OF DATA \1$", prompt, re.DOTALL | re.MULTILINE)
    assert found is not None
    return [json.loads(line) for line in found[2].split("\n")]


def texts_of(call: Call, key: str = "") -> dict[str, str]:
    """What each one said who is judged, by what it is called in the call."""
    said: defaultdict[str, str] = defaultdict(str)
    for line in lines_of(call):
        if line["who"] in ("first", "second", "assistant") and line.get("about", key) == key:
            said[line.get("conversation", line["who"])] += line["text"]
    return dict(said)


@dataclass
class Judge:
    """Answers by the merit of what it reads; `first_bonus` is what standing first is worth to it.

    `asked` are the calls that it answered.
    """

    first_bonus: int = 0
    merit: Callable[[str], int] = merit
    asked: list[Call] = field(default_factory=list)

    def __call__(self, call: Call) -> Answer:
        self.asked.append(call)
        return Answer(json.dumps(self._object(call)))

    def _object(self, call: Call) -> dict[str, Any]:
        filled = {}
        for key, schema in call.schema["properties"].items():
            merits = {who: self.merit(text) for who, text in texts_of(call, key).items()}
            if len(merits) > 1:
                merits[next(iter(merits))] += self.first_bonus
            filled[key] = self._fill(key, schema, merits, texts_of(call, key))
        return filled

    def _fill(
        self, name: str, schema: Mapping[str, Any], merits: Mapping[str, int], texts: Any
    ) -> Any:
        if "properties" in schema and name != "places":
            return {
                part: self._fill(part, inner, merits, texts)
                for part, inner in schema["properties"].items()
            }
        if name == "places":
            ranked = sorted(set(merits.values()), reverse=True)
            return {label: ranked.index(merits[label]) + 1 for label in schema["properties"]}
        if name == "winner":
            difference = merits["first"] - merits["second"]
            return "tie" if difference == 0 else "first" if difference > 0 else "second"
        if name == "score":
            return merits["assistant"]
        if name == "certainty":
            return 80
        if name.startswith("item_"):
            return not merits or merits["assistant"] > 2 * int(name.removeprefix("item_")) - 1
        if schema["type"] == "array":
            return ["It rests."]
        # A reason; or a breakdown, which has to keep what the judge goes by.
        return "Because " + " ".join(texts.values()) + "."


def conduct(steps: Steps, ask: Callable[[Call], Answer]) -> tuple[Finding, ...]:
    """Ask everything that a protocol wants to know, step by step."""
    try:
        calls = next(steps)
        while True:
            calls = steps.send(tuple(ask(call) for call in calls))
    except StopIteration as end:
        found: tuple[Finding, ...] = end.value
        return found


def saying(answers: Sequence[object]) -> Callable[[Call], Answer]:
    """A judge that says these one after the other: text as it is, all else as JSON."""
    left = iter(answers)

    def ask(call: Call) -> Answer:
        said = next(left)
        return Answer(said if isinstance(said, str) else json.dumps(said))

    return ask
