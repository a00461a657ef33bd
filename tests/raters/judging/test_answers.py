"""What is taken for an answer, and everything else, which never is: least of all for a tie."""

import json

import pytest

from raters.judging.answers import (
    A_FLAG,
    A_SCORE,
    LONGEST_TEXT,
    a_text,
    an_object,
    load_json,
    one_of,
    read_answer,
    sketch,
    texts,
)
from raters.judging.calls import Answer, Call
from raters.judging.errors import UnreadableAnswerError
from raters.judging.orders import WINNERS

SCHEMA = an_object(
    {
        "overall": an_object({"reason": a_text("why"), "winner": one_of(WINNERS)}),
        "empathy": an_object({"reason": a_text("why"), "score": A_SCORE}),
        "more": an_object({"holds": A_FLAG, "criteria": texts("a criterion")}),
    }
)
GOOD = {
    "overall": {"reason": "Warmer.", "winner": "second"},
    "empathy": {"reason": "Warm.", "score": 4},
    "more": {"holds": True, "criteria": ["Says how."]},
}
CALL = Call("order:ab/sample:1", (), SCHEMA, temperature=0, wants_logprobs=False)


def changed(dimension: str, **changes: object) -> str:
    return json.dumps(GOOD | {dimension: GOOD[dimension] | changes})  # type: ignore[operator]


def test_an_answer_is_the_one_object_that_was_asked_for() -> None:
    assert CALL.read(Answer(json.dumps(GOOD))) == GOOD
    assert CALL.read(Answer(f"\n{json.dumps(GOOD, indent=2)}\n")) == GOOD
    assert CALL.read(Answer(changed("more", criteria=[])))["more"]["criteria"] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tie",
        "The second one is warmer.",
        "[]",
        "null",
        "[" * 100_000,
        '{"overall": ' * 20_000,
        "```json\n" + json.dumps(GOOD) + "\n```",
        "Here is my verdict: " + json.dumps(GOOD),
        json.dumps(GOOD) + " I hope this helps.",
        json.dumps(GOOD) * 2,
        json.dumps(GOOD)[:-1],
        json.dumps(GOOD | {"fluency": GOOD["empathy"]}),
        json.dumps({"overall": GOOD["overall"]}),
        json.dumps(GOOD | {"overall": "second"}),
        json.dumps(GOOD | {"overall": [GOOD["overall"]]}),
        json.dumps(GOOD).replace('"winner"', '"Winner"'),
        json.dumps(GOOD).replace('"second"', '"second", "winner": "first"'),
        json.dumps(GOOD).replace('"empathy"', '"overall"'),
        changed("overall", winner="Second"),
        changed("overall", winner="b"),
        changed("overall", winner=" second"),
        changed("overall", winner="second or tie"),
        changed("overall", winner=None),
        changed("overall", winner=2),
        changed("overall", reason=""),
        changed("overall", reason=" \n"),
        changed("overall", reason=None),
        changed("overall", reason=["Warmer."]),
        changed("empathy", score=0),
        changed("empathy", score=6),
        changed("empathy", score=-3),
        changed("empathy", score="5"),
        changed("empathy", score=4.5),
        changed("empathy", score=4.0),
        changed("empathy", score=True),
        changed("empathy", score=float("nan")),
        changed("empathy", score=float("inf")),
        changed("empathy", score=None),
        json.dumps(GOOD).replace('"score": 4', '"score": 1e999'),
        json.dumps(GOOD).replace('"score": 4', '"score": ' + "4" * 5_000),
        changed("more", holds="yes"),
        changed("more", holds=1),
        changed("more", criteria="Says how."),
        changed("more", criteria=["Says how.", 1]),
        changed("more", criteria=[""]),
    ],
)
def test_anything_else_is_unreadable_and_names_the_call(text: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        CALL.read(Answer(text))
    assert caught.value.key == "order:ab/sample:1"
    assert str(caught.value).startswith("order:ab/sample:1: ")


def test_an_error_says_where_it_is() -> None:
    with pytest.raises(ValueError, match=r"^the answer\.empathy\.score is none of the values"):
        read_answer(changed("empathy", score=6), SCHEMA)
    with pytest.raises(ValueError, match=r"the answer\.more\.criteria\[1\] is no text"):
        read_answer(changed("more", criteria=["Says how.", 1]), SCHEMA)


def test_a_reason_can_be_stored_whatever_signs_it_is_of() -> None:
    text = r'{"reason": "Warm\u0000er \ud83d\ude00 \ud83d."}'
    read = read_answer(text, an_object({"reason": a_text("why")}))
    assert read["reason"] == "Warmer 😀 \ufffd."
    assert read["reason"].encode()


def test_of_an_endless_reason_the_beginning_is_kept() -> None:
    said = json.dumps({"reason": "x" * (LONGEST_TEXT + 9)})
    assert len(read_answer(said, an_object({"reason": a_text("why")}))["reason"]) == LONGEST_TEXT


def test_json_that_means_two_things_is_none() -> None:
    with pytest.raises(ValueError, match="twice"):
        load_json('{"a": 1, "a": 2}')
    with pytest.raises(ValueError, match="NaN"):
        load_json("NaN")


def test_a_schema_is_told_in_one_line_too() -> None:
    assert sketch(SCHEMA) == (
        '{"overall": {"reason": "why", "winner": "first" or "second" or "tie"}, '
        '"empathy": {"reason": "why", "score": 1 or 2 or 3 or 4 or 5}, '
        '"more": {"holds": true or false, "criteria": ["a criterion", …]}}'
    )
