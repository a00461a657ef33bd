"""Pairs whose raters choose by a rule, and a chat model that sees what is planted in them."""

import json
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Final, TypeVar

from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Exchange, Question, Side
from raters.judging.proposals.pairs import Pair, StepsTo
from tests.raters.judging.judges import lines_of

T = TypeVar("T")
Lines = list[dict[str, Any]]

OVERALL: Final = Question("overall", "Overall", "Which of the two served you better?")
FILLER: Final = "and there is a good deal more that could be said of that matter here "
EXAMPLE: Final = "For example, take what you did last week."
THANKS: Final = "Thank you for asking."
# What each criterion counts in a reply; people care for the first two only.
SEES: Final[Mapping[str, Callable[[str], int]]] = {
    "Brevity": lambda text: -len(text.split()),
    "Examples": lambda text: text.count(EXAMPLE),
    "Thanks": lambda text: text.count(THANKS),
    "Full stops": lambda text: text.count("."),
}
PROPOSED: Final = [
    "Brevity: comes to the point in few words",
    "Examples: shows what is meant by an instance",
    "Thanks: is grateful that somebody asked",
    "Brevity, again: comes to the point, few words",
]
REASONS: Final = {"Brevity": "It was short.", "Examples": "It gave me an example.", "": "Dunno."}


def make_pair(
    key: int, chance: Random, *, rater: str = "", wants: str = "Brevity", reason: str = ""
) -> Pair:
    """A pair of replies that differ in what is planted, of a rater who chooses by one of it."""
    texts = [_reply(key, side, chance) for side in ("a", "b")]
    if wants == "Examples":
        texts = [f"{texts[0]} {EXAMPLE}", texts[1].replace(EXAMPLE, "")]
        chance.shuffle(texts)
    merits = [SEES[wants](text) for text in texts]
    preferred: Side = "a" if merits[0] > merits[1] else "b"
    message = f"Question {key}: how shall I go about it, if I have never done it?"
    case = Case("", (Exchange(message, (texts[0], texts[1])),))
    return Pair(key, rater or f"rater {key}", f"battle {key}", case, preferred, reason)


def make_pairs(count: int, *, seed: int = 1, **more: Any) -> list[Pair]:
    """So many pairs, each of a rater of her own."""
    chance = Random(seed)
    return [make_pair(key, chance, **more) for key in range(1, count + 1)]


class Seer:
    """Answers everything that finding criteria or tuning asks, by what stands in the data.

    `asked` are the calls that it answered; those whose key starts with `mumbles` it answers so
    that nobody can read it.
    """

    def __init__(
        self,
        *,
        mumbles: str = "never",
        proposed: Iterable[str] = PROPOSED,
        advice: Iterable[str] = (),
    ) -> None:
        self.asked: list[Call] = []
        self.mumbles, self.proposed, self.advice = mumbles, list(proposed), list(advice)

    def __call__(self, call: Call) -> Answer | None:
        self.asked.append(call)
        if call.key.startswith(self.mumbles):
            return None
        return Answer(json.dumps(self.say(lines_of(call), call.schema, call.messages[0].content)))

    def say(self, lines: Lines, schema: Mapping[str, Any], told: str) -> dict[str, Any]:
        """What it answers to a prompt with these lines of data."""
        if "criteria" in schema["properties"]:
            return {"criteria": self.proposed}
        if "advice" in schema["properties"]:
            return {"advice": self.advice}
        criteria = {
            line["about"]: line["text"].partition(":")[0]
            for line in lines
            if line["who"] == "criterion"
        }
        reasons = [line for line in lines if line["who"] == "reason"]
        if reasons:
            return {line["about"]: _named(line["text"], criteria) for line in reasons}
        said = {line["who"]: line["text"] for line in lines}
        if criteria:
            return {about: _winner(SEES[name], said) for about, name in criteria.items()}
        # A judge that likes to be thanked, until it is told better.
        sees = SEES["Brevity" if "few words" in told else "Thanks"]
        found = {"reason": "So it is.", "winner": _winner(sees, said)}
        return dict.fromkeys(schema["properties"], found)


def conduct(steps: StepsTo[T], ask: Callable[[Call], Answer | None]) -> T:
    """Ask everything that steps want to know."""
    try:
        calls = next(steps)
        while True:
            calls = steps.send(tuple(ask(call) for call in calls))
    except StopIteration as end:
        found: T = end.value
        return found


def _named(reason: str, criteria: Mapping[str, str]) -> dict[str, bool]:
    return {about: REASONS.get(name, name) == reason for about, name in criteria.items()}


def _winner(sees: Callable[[str], int], said: Mapping[str, str]) -> str:
    first, second = sees(said["first"]), sees(said["second"])
    return "tie" if first == second else "first" if first > second else "second"


def _reply(key: int, side: str, chance: Random) -> str:
    parts = [f"Answer {key}{side}: begin with what you have at home and see."]
    parts += [FILLER * chance.randint(1, 9)]
    parts += [EXAMPLE] * (chance.random() < 0.5) + [THANKS] * (chance.random() < 0.5)
    return " ".join(parts)
