"""Tuning a judge: advice from where it and people part, examples, and candidates.

After a change of prompts that is meant: HUSTINGS_REWRITE=prompts, and read the difference.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from raters.judging.errors import LeakError
from raters.judging.findings import Outcome
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import LONGEST_TEXT, Settings
from raters.judging.tuning import (
    advise,
    agreement_of,
    draw_examples,
    exchanges_of,
    judge_pairs,
    list_candidates,
)
from tests.raters.judging.decided_pairs import OVERALL, Seer, conduct, make_pairs
from tests.raters.judging.judges import lines_of

PROMPTS = Path(__file__).parent / "prompts"
ADVICE = ["Prefer what is said in few words.", "Care for what she does next."]


def test_a_judge_is_asked_of_every_pair_in_both_orders() -> None:
    pairs, seer = make_pairs(6), Seer()
    told = Settings(instructions=ADVICE[0])
    said = conduct(judge_pairs(pairs, OVERALL, told, seed=1, about="training"), seer)
    assert [call.key for call in seer.asked[:2]] == [
        "training:1/order:ab/sample:1",
        "training:1/order:ba/sample:1",
    ]
    assert agreement_of(pairs, said) == [1.0] * 6


def test_what_could_not_be_read_is_no_verdict() -> None:
    pairs = make_pairs(2)
    steps = judge_pairs(pairs, OVERALL, Settings(instructions="few words"), seed=1, about="test")
    said = conduct(steps, Seer(mumbles="test:1/order:ba"))
    assert said[0] is None
    assert agreement_of(pairs, said) == [None, 1.0]
    assert agreement_of(pairs, ("tie", "b" if pairs[1].preferred == "a" else "a")) == [0.5, 0.0]


def test_advice_comes_from_where_judge_and_people_part_and_names_who_was_shown_where() -> None:
    pairs = make_pairs(8)
    said: list[Outcome | None] = [*(pair.preferred for pair in pairs[:6]), "tie", None]
    said[0] = "b" if pairs[0].preferred == "a" else "a"
    seer = Seer(advice=ADVICE)
    advice = conduct(advise(pairs, said, OVERALL, held_out=(), seed=1), seer)
    assert advice == tuple(ADVICE)
    (call,) = seer.asked
    lines = lines_of(call)
    assert {line["pair"] for line in lines} == {1, 2}
    judge, choice = (
        next(line["text"] for line in lines if line["who"] == who) for who in ("judge", "choice")
    )
    assert {judge, choice} == {"first", "second"}
    assert [line["text"] for line in lines if line["who"] == "judge"][1] == "tie"
    quoting = Seer(advice=[f"Prefer what answers {pairs[0].case.messages[0]}", *ADVICE[:1]])
    assert conduct(advise(pairs, said, OVERALL, held_out=(), seed=1), quoting) == (ADVICE[0],)


def test_words_that_are_held_out_stop_advice_and_judging() -> None:
    pairs = make_pairs(8)
    with pytest.raises(LeakError, match="Words of battle 2"):
        next(advise(pairs, ["tie"] * 8, OVERALL, held_out=pairs[1:2], seed=1))
    example = draw_examples(pairs, OVERALL, seed=1)[0]
    leaky = Settings.parse({"examples": [example]}, PROTOCOLS["pairwise"])
    shown = leaky.showing(exchanges_of(pairs))
    held_out = [pair for pair in pairs if pair.key == example["battle"]]
    others = [pair for pair in pairs if pair.key != example["battle"]]
    with pytest.raises(LeakError, match=f"Words of battle {example['battle']}"):
        next(judge_pairs(others, OVERALL, shown, seed=1, about="x", held_out=held_out))


def test_examples_are_as_many_where_a_was_preferred_as_b() -> None:
    pairs = make_pairs(20)
    examples = draw_examples(pairs, OVERALL, seed=1)
    winners = [each["winner"]["overall"] for each in examples]
    assert sorted(winners) == ["first", "first", "second", "second"]
    preferred = {pair.key: pair.preferred for pair in pairs}
    assert all(
        (preferred[e["battle"]] == "a") == (e["winner"]["overall"] == "first") for e in examples
    )
    one_sided = [pair for pair in pairs if pair.preferred == "a"]
    assert draw_examples(one_sided, OVERALL, seed=1) == ()


def test_candidates_change_one_thing_each_and_the_judge_as_it_is_comes_first() -> None:
    base = {"temperature": 0.2, "instructions": "Be fair."}
    examples = draw_examples(make_pairs(20), OVERALL, seed=1)
    found = list_candidates(base, ADVICE, examples)
    assert found[0].settings == base
    assert found[1].settings["instructions"] == f"Be fair.\n{ADVICE[0]}"
    by_name = {each.name: each.settings for each in found}
    assert by_name["told and shown"] == {
        "temperature": 0.2,
        "instructions": "Be fair.\n" + "\n".join(ADVICE),
        "examples": list(examples),
    }
    for each in found:
        Settings.parse(each.settings, PROTOCOLS["pairwise"])
    names = [each.name for each in list_candidates({}, ADVICE[:1], ())]
    assert names == ["as it is", "told more, 1", "asked thrice, at temperature 0.7"]
    told = list_candidates({"instructions": "x" * LONGEST_TEXT}, ADVICE[:1], ())
    assert all(len(each.settings["instructions"]) == LONGEST_TEXT for each in told)


def test_what_is_asked_is_as_it_was() -> None:
    pairs, seer = make_pairs(2), Seer(advice=ADVICE)
    conduct(advise(pairs[:1], ["tie"], OVERALL, held_out=(), seed=1), seer)
    example = {"battle": 1, "winner": {"overall": "first"}}
    parsed = Settings.parse(
        {"instructions": ADVICE[0], "examples": [example]}, PROTOCOLS["pairwise"]
    )
    shown = parsed.showing(exchanges_of(pairs))
    conduct(judge_pairs(pairs[1:], OVERALL, shown, seed=1, about="test"), seer)
    written = "\n\n".join(f"=== {call.key}\n{call.messages[0].content}" for call in seer.asked[:2])
    golden = PROMPTS / "tuning.txt"
    if "prompts" in os.environ.get("HUSTINGS_REWRITE", "").split(","):
        golden.write_text(written + "\n", encoding="utf-8")
    assert written + "\n" == golden.read_text(encoding="utf-8")


def test_an_example_whose_words_are_gone_is_not_shown() -> None:
    parsed = Settings.parse(
        {"examples": [{"battle": 1, "winner": {"overall": "first"}}]}, PROTOCOLS["pairwise"]
    )
    pair, seer = make_pairs(1)[0], Seer()
    for settings in (parsed, parsed.showing({}), parsed.showing({1: ()})):
        conduct(judge_pairs([pair], OVERALL, settings, seed=1, about="test"), seer)
        plain = Seer()
        conduct(judge_pairs([pair], OVERALL, Settings(), seed=1, about="test"), plain)
        assert seer.asked[-1].messages == plain.asked[-1].messages


def test_an_example_can_be_written_by_hand() -> None:
    turn = {"message": "How?", "first": "So.", "second": "Thus, at length."}
    example = {"turns": [turn], "winner": {"overall": "tie"}}
    settings = Settings.parse({"examples": [example]}, PROTOCOLS["pairwise"])
    seer = Seer()
    pair = make_pairs(1)[0]
    conduct(judge_pairs([pair], OVERALL, settings.showing({}), seed=1, about="test"), seer)
    lines = [line for line in lines_of(seer.asked[0]) if "example" in line]
    assert [(line["who"], line["text"]) for line in lines] == [
        ("example person", "How?"),
        ("example first", "So."),
        ("example second", "Thus, at length."),
        ("example winner", "tie"),
    ]
    assert replace(settings, examples=()) == Settings()
