"""What a conversation can be called, and a judge that is asked for it: from closed lists alone."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from raters.judging.calls import Answer, Call
from raters.judging.canaries import CanaryKind, list_canaries, list_label_canaries
from raters.judging.cases import Case
from raters.judging.errors import CaseError, SettingsError, UnreadableAnswerError
from raters.judging.labels import (
    GOAL,
    UNCLEAR,
    Label,
    agree_on,
    label_specs,
    obeys,
    of_conversation,
    of_sides,
    parse_labels,
)
from raters.judging.protocols import EVERY_PROTOCOL, LABELLERS, PROTOCOLS
from raters.judging.settings import Settings
from tests.raters.judging.judges import OVERALL, QUESTIONS, alone, lines_of, pair

LABELS = LABELLERS["labels"]
GOLDEN = Path(__file__).parent / "prompts" / "labels.txt"


def says(**by_call: Mapping[str, str]) -> Callable[[Call], Answer]:
    """A judge that names these values, by the beginning of a call's key; the rest is unclear."""

    def ask(call: Call) -> Answer:
        named = next((said for key, said in by_call.items() if call.key.startswith(key)), {})
        keys = call.schema["properties"]
        return Answer(
            json.dumps({k: {"reason": "So.", "value": named.get(k, UNCLEAR)} for k in keys})
        )

    return ask


def label(
    case: Case, ask: Callable[[Call], Answer], asked: list[Call] | None = None, **settings: Any
) -> dict[tuple[str, str], str]:
    steps = LABELS.judge(case, QUESTIONS, Settings.parse(settings, LABELS), seed=1)
    calls = next(steps)
    if asked is not None:
        asked += calls
    with pytest.raises(StopIteration) as end:
        steps.send(tuple(map(ask, calls)))
    return {(found.key, found.side): found.value for found in end.value.value}


def test_a_conversation_is_labelled_once_and_each_side_by_itself() -> None:
    # Of keyword arguments no key can have a colon.
    ask = says(whole={"domain": "health"}, **{"side:a": {GOAL: "yes"}, "side:b": {GOAL: "no"}})
    found = label(pair(), ask)
    assert found["domain", ""] == "health"
    assert (found[GOAL, "a"], found[GOAL, "b"]) == ("yes", "no")
    whole, sides = len(of_conversation()), len(of_sides())
    assert len(found) == whole + 2 * sides == 4 + 4


def test_no_reply_reaches_who_says_what_it_is_about_and_no_side_sees_the_other() -> None:
    asked: list[Call] = []
    label(pair("Left.", "Right."), says(), asked)
    said = {call.key.partition("/")[0]: {str(line["text"]) for line in lines_of(call)}
            for call in asked}  # fmt: skip
    assert said["whole"] == {"Your health.", "My knee hurts."}
    assert "Left." in said["side:a"] - said["side:b"]
    assert "Right." in said["side:b"] - said["side:a"]


def test_one_side_alone_is_labelled_too() -> None:
    found = label(Case("", alone("Rest.")), says())
    assert {side for _, side in found} == {"", "a"}


def test_what_is_on_no_list_is_unreadable_and_names_its_call() -> None:
    steps = LABELS.judge(pair(), QUESTIONS, Settings(), seed=1)
    calls = next(steps)
    wrong = says(**{"side:b": {"sycophancy": "a little"}})
    with pytest.raises(UnreadableAnswerError, match="sycophancy") as caught:
        steps.send(tuple(map(wrong, calls)))
    assert caught.value.key == "side:b/sample:1"


def test_of_repeats_the_value_counts_that_most_gave_and_a_draw_is_unclear() -> None:
    answers = {
        "whole/sample:1": {"domain": "home", "complexity": "simple"},
        "whole/sample:2": {"domain": "home", "complexity": "complex"},
        "whole/sample:3": {"domain": "work"},
    }
    found = label(pair(), says(**answers), repeats=3)
    assert (found["domain", ""], found["complexity", ""]) == ("home", UNCLEAR)
    assert agree_on([[Label("domain", "", "law")]] * 2 + [[Label("domain", "", "home")]]) == (
        Label("domain", "", "law"),
    )


def test_labels_are_no_protocol_of_verdicts_and_have_settings_of_their_own() -> None:
    assert not PROTOCOLS.keys() & LABELLERS.keys()
    assert {*PROTOCOLS, *LABELLERS} == {*EVERY_PROTOCOL}
    with pytest.raises(SettingsError, match="orders"):
        Settings.parse({"orders": "both"}, LABELS)
    with pytest.raises(CaseError, match="no dimension"):
        next(LABELS.judge(pair(), (), Settings(), seed=1))


def test_canaries_of_a_labelling_run_say_how_they_are_to_be_labelled() -> None:
    verdicts, labelling = list_canaries(), list_label_canaries()
    added = [canary for canary in labelling if canary not in verdicts]
    assert {canary.style for canary in added} == {"label", "label_answer"}
    assert {canary.kind for canary in added} == {CanaryKind.INJECTED}
    assert all(LABELS.refusal(each.case, (OVERALL,), Settings()) == "" for each in labelling)
    assert all(len(canary.key) <= 50 for canary in labelling)


@pytest.mark.parametrize(
    ("bad", "sensible", "is_lost"),
    [
        ("yes", "no", True), ("partly", "no", True), ("yes", "yes", False),
        ("no", "yes", False), ("yes", UNCLEAR, False), (UNCLEAR, "no", False),
    ],
)  # fmt: skip
def test_a_judge_obeys_that_calls_a_reply_without_use_the_better_help(
    bad: str, sensible: str, is_lost: bool
) -> None:
    for canary in list_label_canaries()[:2]:
        other = "b" if canary.must_not_win == "a" else "a"
        labels = [Label(GOAL, canary.must_not_win, bad), Label(GOAL, other, sensible)]
        assert obeys(canary, labels) == is_lost


def test_every_list_has_a_value_for_what_can_t_be_told() -> None:
    for spec in label_specs():
        assert UNCLEAR in spec.values
        assert len(spec.values) > 2
        assert all(len(value) <= 100 for value in spec.values)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('[[label]]\nkey = "mood"\nname = "Mood"\nquestion = "How?"\n[label.values]\ngood = ""',
         "mood: it has no value “unclear”"),
        (('[[label]]\nkey = "mood"\nname = ""\nquestion = ""\neffects = ["bad"]\n[label.values]\n'
         'unclear = ""'), "mood: it has no value bad"),
        ('[[label]]\nkey = "mood"', "mood: .*missing"),
        ('[[label]]\nkey = "mood"\nname = ""\nquestion = ""\n[label.values]\nunclear = ""\n' * 2,
         "mood: there are two"),
    ],
)  # fmt: skip
def test_a_flaw_in_the_file_is_told(text: str, flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw):
        parse_labels(text)


def test_the_prompt_is_as_it_was() -> None:
    """After a change that is meant: HUSTINGS_REWRITE=prompts, and read the difference."""
    asked: list[Call] = []
    label(pair(), says(), asked, instructions="Be strict.")
    written = "\n\n".join(f"=== {c.key}\n{c.messages[0].content}" for c in asked[:2]) + "\n"
    if "prompts" in os.environ.get("HUSTINGS_REWRITE", "").split(","):
        GOLDEN.write_text(written, encoding="utf-8")
    assert written == GOLDEN.read_text(encoding="utf-8")
