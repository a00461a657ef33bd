"""Tuning what a judge is told: candidates from where it and people part, compared on other pairs.

A candidate is made from the training part alone, chosen on the validation part, and measured on
the test part, which nothing before has seen.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from raters.judging.answers import an_object, texts
from raters.judging.calls import Answer
from raters.judging.cases import Exchange, Question
from raters.judging.fence import Line
from raters.judging.findings import Finding, Outcome
from raters.judging.proposals.pairs import (
    Pair,
    StepsTo,
    decided_lines,
    draw_order,
    guard,
    in_batches,
    quotes,
)
from raters.judging.protocols.pairwise import Pairwise
from raters.judging.settings import LONGEST_TEXT, Settings
from raters.judging.writing import list_questions, write_call

PAIRS_AT_ONCE: Final = 5
MOST_ADVICE: Final = 2
LONGEST_ADVICE: Final = 600
# Of each side that was preferred.
EXAMPLES_A_SIDE: Final = 2
PROTOCOL: Final = Pairwise()
# The sides of an example are shown as they are.
SHOWN_AS: Final[Mapping[str, str]] = {"a": "first", "b": "second"}


@dataclass(frozen=True)
class Candidate:
    """A way to set a judge, as JSON that its settings are parsed from."""

    name: str
    settings: Mapping[str, Any]


def judge_pairs(
    pairs: Sequence[Pair],
    question: Question,
    settings: Settings,
    *,
    seed: int,
    about: str,
    held_out: Sequence[Pair] = (),
) -> StepsTo[tuple[Outcome | None, ...]]:
    """One step: what the pairwise judge says of each pair; None where it could not be read.

    `about` names the questions. Raises LeakError if words of a pair that is held out stand in
    one, as they would in an example.
    """
    steps = [PROTOCOL.judge(pair.case, [question], settings, seed=seed) for pair in pairs]
    asked = [
        tuple(replace(call, key=f"{about}:{pair.key}/{call.key}") for call in next(each))
        for pair, each in zip(pairs, steps, strict=True)
    ]
    guard((call for calls in asked for call in calls), held_out)
    answers = iter((yield tuple(call for calls in asked for call in calls)))
    said = [tuple(next(answers) for _ in calls) for calls in asked]
    found: list[Outcome | None] = []
    for each, own in zip(steps, said, strict=True):
        read = tuple(answer for answer in own if answer is not None)
        found.append(_end(each, read) if len(read) == len(own) else None)
    return tuple(found)


def advise(
    training: Sequence[Pair],
    judged: Sequence[Outcome | None],
    question: Question,
    *,
    held_out: Sequence[Pair],
    seed: int,
) -> StepsTo[tuple[str, ...]]:
    """One step: what to tell the judge so that it sees what people see, from where they part.

    Nothing where it agrees with everybody; advice that quotes somebody is left out. Raises
    LeakError if words of a pair that is held out stand in a prompt.
    """
    parted = [
        (pair, outcome)
        for pair, outcome in zip(training, judged, strict=True)
        if outcome not in (None, pair.preferred)
    ]
    said = {pair.key: outcome for pair, outcome in parted}
    batches = in_batches([pair for pair, _ in parted], PAIRS_AT_ONCE)
    calls = tuple(
        write_call(
            f"advise:{number}",
            "tuning_advise",
            (line for n, pair in enumerate(some, 1) for line in _parted(pair, n, said, seed=seed)),
            an_object({"advice": texts("what to tell the judge, in one or two sentences")}),
            Settings(),
            seed=seed,
            questions=list_questions([question]),
            most=str(MOST_ADVICE),
        )
        for number, some in enumerate(batches[:MOST_ADVICE], start=1)
    )
    guard(calls, held_out)
    answers = yield calls
    advice = [
        " ".join(text.split())[:LONGEST_ADVICE]
        for call, answer in zip(calls, answers, strict=True)
        if answer is not None
        for text in call.read(answer)["advice"][:MOST_ADVICE]
    ]
    return tuple(dict.fromkeys(text for text in advice if not quotes(text, training)))


def draw_examples(
    training: Sequence[Pair], question: Question, *, seed: int
) -> tuple[dict[str, Any], ...]:
    """Examples as settings name them, drawn by seed: as many where A was preferred as B."""
    drawn = list(training)
    Random(seed).shuffle(drawn)  # noqa: S311  no secrets hang on it
    room = min(EXAMPLES_A_SIDE, *Counter({"a": 0, "b": 0} | _preferred(training)).values())
    taken: Counter[str] = Counter()
    chosen = []
    for pair in drawn:
        if taken[pair.preferred] < room:
            taken[pair.preferred] += 1
            winner = {question.key: SHOWN_AS[pair.preferred]}
            chosen.append({"battle": pair.key, "winner": winner})
    return tuple(chosen)


def list_candidates(
    base: Mapping[str, Any], advice: Sequence[str], examples: Sequence[Mapping[str, Any]]
) -> tuple[Candidate, ...]:
    """The judge as it is, then with one thing changed each, then with both words and examples."""
    found = [Candidate("as it is", dict(base))]
    for number, text in enumerate(advice, start=1):
        found.append(Candidate(f"told more, {number}", _told(base, [text])))
    if advice:
        found.append(Candidate("told all of it", _told(base, advice)))
    if examples:
        shown = {"examples": list(examples)}
        found.append(Candidate("shown examples", {**base, **shown}))
        found.append(Candidate("told and shown", {**_told(base, advice), **shown}))
    found.append(
        Candidate("asked thrice, at temperature 0.7", {**base, "repeats": 3, "temperature": 0.7})
    )
    return tuple(each for place, each in enumerate(found) if not _is_twin(each, found[:place]))


def exchanges_of(pairs: Sequence[Pair]) -> dict[int, tuple[Exchange, ...]]:
    """What was said in pairs, by battle, for examples that name them."""
    return {pair.key: pair.case.exchanges for pair in pairs}


def agreement_of(pairs: Sequence[Pair], judged: Sequence[Outcome | None]) -> list[float | None]:
    """1 where the judge names the preferred side, ½ for a tie, 0 for the other; None unjudged."""
    return [
        None if outcome is None else 0.5 if outcome == "tie" else float(outcome == pair.preferred)
        for pair, outcome in zip(pairs, judged, strict=True)
    ]


def _told(base: Mapping[str, Any], advice: Sequence[str]) -> dict[str, Any]:
    said = "\n".join(filter(None, (base.get("instructions", ""), *advice)))
    return {**base, "instructions": said[:LONGEST_TEXT]} if said else dict(base)


def _end(steps: Any, answers: tuple[Answer, ...]) -> Outcome | None:
    try:
        steps.send(answers)
    except StopIteration as end:
        findings: tuple[Finding, ...] = end.value
        return findings[0].outcome
    raise AssertionError("The pairwise protocol has one step.")


def _parted(
    pair: Pair, number: int, said: Mapping[int, Outcome | None], *, seed: int
) -> Iterator[Line]:
    order = draw_order(pair, seed=seed)
    yield from decided_lines(pair, number, order)
    label = "tie"
    if said[pair.key] != "tie":
        label = "first" if (said[pair.key] == "a") == (order == "ab") else "second"
    yield {"pair": number, "who": "judge", "text": label}


def _preferred(pairs: Sequence[Pair]) -> Counter[str]:
    return Counter(pair.preferred for pair in pairs)


def _is_twin(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    return any(candidate.settings == other.settings for other in others)
