"""Log-probabilities: found at the value's token, and renormalised over what it can be."""

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raters.judging.answers import SCORES
from raters.judging.calls import Answer
from raters.judging.logprobs import entropy, find_value, probabilities_at, weighted_score
from raters.judging.orders import WINNERS
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Settings
from studies.providers import TokenLogprob
from tests.raters.judging.judges import OVERALL, conduct, pair

PATH = ("overall", "score")


def answer_of(*pieces: str | tuple[str, dict[str, float]]) -> Answer:
    """An answer of these tokens; those that have alternatives are a token and probabilities."""
    tokens = []
    for piece in pieces:
        text, probable = (piece, {}) if isinstance(piece, str) else piece
        others = tuple((other, math.log(p)) for other, p in probable.items())
        tokens.append(TokenLogprob(text, math.log(probable.get(text, 0.999)), others))
    return Answer("".join(token.token for token in tokens), tuple(tokens))


def scored(*pieces: str | tuple[str, dict[str, float]]) -> Answer:
    reason = ' "It has {score: 5}} and', ' 4}}"'
    return answer_of('{"overall": {"reason":', *reason, ', "score":', *pieces, "}}")


def test_a_score_is_weighted_by_its_probabilities() -> None:
    # By hand: .5 + .3 + .1 = .9 of all, and (4·.5 + 5·.3 + 3·.1) / .9 = 3.8 / .9.
    answer = scored(" ", ("4", {"4": 0.5, "5": 0.3, "3": 0.1, "very": 0.1}))
    assert weighted_score(answer, PATH) == pytest.approx(3.8 / 0.9)
    found = probabilities_at(answer, PATH, SCORES)
    assert found == pytest.approx({1: 0, 2: 0, 3: 1 / 9, 4: 5 / 9, 5: 3 / 9})


@pytest.mark.parametrize(
    "pieces",
    [
        [" ", ("4", {"4": 0.6, "2": 0.4})],
        [(" 4", {" 4": 0.6, " 2": 0.4})],
        [" ", ("4}", {"4}": 0.6, "2": 0.4, "20": 0.0001})],
        [(" 4", {" 4": 0.6, " 2": 0.4, "4": 0.3, "\n": 0.1})],
    ],
)
def test_a_token_may_hold_more_than_the_value(
    pieces: Sequence[str | tuple[str, dict[str, float]]],
) -> None:
    text = scored(*pieces).text.replace("}}}", "}}")
    answer = Answer(text, scored(*pieces).token_logprobs)
    assert weighted_score(answer, PATH) == pytest.approx(3.2)


def test_signs_of_a_reason_that_fell_into_two_tokens_shift_nothing() -> None:
    tokens = answer_of(
        '{"overall": {"reason": "', "\ufffd", "\ufffd", '", "score": ', ("2", {"2": 0.5, "3": 0.5}),
        "}}", "<|end|>",
    ).token_logprobs  # fmt: skip
    answer = Answer('{"overall": {"reason": "😀", "score": 2}}', tokens)
    assert weighted_score(answer, PATH) == pytest.approx(2.5)


@pytest.mark.parametrize(
    "pieces",
    [
        ['{"overall": {"winner": "', ("first", {"first": 0.6, "second": 0.3, "tie": 0.1}), '"}}'],
        ['{"overall": {"winner":', (' "', {' "': 1.0}), ("f", {"f": 0.6, "s": 0.3, "t": 0.1}),
         'irst"}}'],
        ['{"overall": {"winner": ', ('"first', {'"first': 0.6, '"second': 0.3, '"tie': 0.1}),
         '"}}'],
        ['{"overall": {"winner": "',
         ('first"}}', {'first"}}': 0.6, 'second"}': 0.3, "tie": 0.1, "neither": 0.2})],
    ],
)  # fmt: skip
def test_a_winner_s_probabilities_are_found_however_it_is_cut_into_tokens(
    pieces: Sequence[str | tuple[str, dict[str, float]]],
) -> None:
    found = probabilities_at(answer_of(*pieces), ("overall", "winner"), WINNERS)
    assert found == pytest.approx({"first": 0.6, "second": 0.3, "tie": 0.1})


@pytest.mark.parametrize(
    "answer",
    [
        Answer('{"overall": {"score": 4}}'),
        Answer('{"overall": {"score": 4}}', ()),
        scored(" 4"),
        Answer('{"overall": {"score": 4}}', answer_of("Sorry", ".").token_logprobs),
        scored(" ", ("four", {"four": 0.9, "five": 0.1})),
        answer_of('{"other": {"score": ', ("4", {"4": 0.9}), "}}"),
        answer_of('{"overall": [', ("4", {"4": 0.9}), "]}"),
        answer_of("The score is ", ("4", {"4": 0.9})),
        answer_of('{"overall"'),
        answer_of('{"overall": '),
        answer_of('{"overall": {"score"'),
        answer_of(""),
    ],
)
def test_where_a_value_can_t_be_found_nothing_is_weighted(answer: Answer) -> None:
    assert weighted_score(answer, PATH) is None


@given(
    reason=st.text(st.characters(exclude_categories=["Cs"])),
    score=st.sampled_from(SCORES),
    indent=st.sampled_from([None, 0, 2]),
)
def test_a_value_is_found_behind_any_reason(reason: str, score: int, indent: int | None) -> None:
    said = {
        "empathy": {"reason": reason, "score": 1},
        "overall": {"reason": reason, "score": score},
    }
    text = json.dumps(said, indent=indent)
    start = find_value(text, PATH)
    assert start is not None
    assert text[start] == str(score)
    assert text[:start].rstrip().endswith('"score":')


def test_entropy_is_in_bits() -> None:
    assert entropy([1.0, 0.0, 0.0]) == 0
    assert entropy([0.5, 0.5]) == pytest.approx(1)
    assert entropy([1 / 3] * 3) == pytest.approx(math.log2(3))


# In protocols


def test_scores_of_a_judge_that_gives_log_probabilities_are_weighted() -> None:
    answers = iter(
        [
            scored(" ", ("4", {"4": 0.75, "5": 0.25})),
            scored(" ", ("4", {"4": 0.75, "3": 0.25})),
        ]
    )
    settings = Settings(logprobs=True)
    asked = []

    def ask(call):  # type: ignore[no-untyped-def]
        asked.append(call.parameters)
        return next(answers)

    (found,) = conduct(PROTOCOLS["single"].judge(pair(), (OVERALL,), settings, seed=1), ask)
    assert (found.score_a, found.score_b) == (pytest.approx(4.25), pytest.approx(3.75))
    assert found.outcome == "a"
    assert [(each["logprobs"], each["top_logprobs"]) for each in asked] == [(True, 20)] * 2


def test_probabilities_of_a_verdict_are_those_of_the_sides_in_both_orders() -> None:
    def said(**probabilities: float) -> Answer:
        winner = max(probabilities, key=lambda label: probabilities[label])
        return answer_of(
            '{"overall": {"reason": "So.", "winner": "', (winner, probabilities), '"}}'
        )

    answers = iter([said(first=0.7, second=0.1, tie=0.2), said(first=0.3, second=0.6, tie=0.1)])
    steps = PROTOCOLS["pairwise"].judge(pair(), (OVERALL,), Settings(logprobs=True), seed=1)
    (found,) = conduct(steps, lambda call: next(answers))
    assert found.outcome == "a"
    assert found.probabilities == pytest.approx((0.65, 0.15, 0.2))
    assert found.samples[1].probabilities == pytest.approx((0.6, 0.1, 0.3))


def test_without_those_of_one_order_a_verdict_has_no_probabilities() -> None:
    given = answer_of('{"overall": {"reason": "So.", "winner": "', ("first", {"first": 1.0}), '"}}')
    answers = iter([given, Answer('{"overall": {"reason": "So.", "winner": "second"}}')])
    steps = PROTOCOLS["pairwise"].judge(pair(), (OVERALL,), Settings(logprobs=True), seed=1)
    (found,) = conduct(steps, lambda call: next(answers))
    assert (found.outcome, found.probabilities) == ("a", None)
