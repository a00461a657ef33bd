"""The built-in judge answers whatever a protocol asks, so that a run can be tried without a key."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from raters.judging.calls import Answer, Call
from raters.judging.canaries import CanaryKind, CanaryOutcome, list_canaries, outcome_of_canary
from raters.judging.cases import Case, Exchange
from raters.judging.findings import Finding
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Settings
from studies.providers import Endpoint, list_judges, stream_reply
from tests.data import data_file
from tests.raters.judging.judges import NEEDS, QUESTIONS, alone, conduct, lines_of, pair

(BOT,) = list_judges()
GOOD = "Your knee hurts? Rest it and cool it for two days, then move it a little every hour."
POOR = "Try walking."
EACH = pytest.mark.parametrize("key", PROTOCOLS)


def bot(**parameters: object) -> Callable[[Call], Answer]:
    """The bot, asked over the providers' own way."""

    def ask(call: Call) -> Answer:
        endpoint = Endpoint(BOT.base_url, "", parameters={**call.parameters, **parameters})
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        stream = stream_reply(endpoint, call.messages, deadline=deadline)
        assert "".join(stream) == stream.reply.text
        return Answer(stream.reply.text, stream.reply.token_logprobs)

    return ask


def find(key: str, a: str, b: str, **parameters: object) -> tuple[Finding, ...]:
    case = pair(a, b, others=(alone("Rest your knee if it hurts."), alone("No.")))
    settings = Settings.parse(NEEDS.get(key, {}), PROTOCOLS[key])
    return conduct(PROTOCOLS[key].judge(case, QUESTIONS, settings, seed=1), bot(**parameters))


@EACH
def test_it_prefers_what_takes_up_the_person_s_words(key: str) -> None:
    assert [finding.outcome for finding in find(key, GOOD, POOR)] == ["a", "a"]
    assert [finding.outcome for finding in find(key, POOR, GOOD)] == ["b", "b"]
    assert [finding.outcome for finding in find(key, GOOD, GOOD)] == ["tie", "tie"]


@EACH
def test_it_says_the_same_again(key: str) -> None:
    noisy = [find(key, GOOD, POOR, noise=0.5, seed=seed) for seed in range(5)]
    assert noisy == [find(key, GOOD, POOR, noise=0.5, seed=seed) for seed in range(5)]
    assert any(found != noisy[0] for found in noisy)


def test_it_can_be_made_to_prefer_what_stands_first() -> None:
    for finding in find("pairwise", GOOD, GOOD, left_bias=0.4):
        assert (finding.outcome, finding.orders_agree) == ("tie", False)
        assert [sample.outcome for sample in finding.samples] == ["a", "b"]
    for finding in find("pairwise", GOOD, GOOD, left_bias=-0.4):
        assert [sample.outcome for sample in finding.samples] == ["b", "a"]


def test_log_probabilities_may_be_asked_for_and_it_has_none() -> None:
    case = pair(GOOD, POOR)
    steps = PROTOCOLS["pairwise"].judge(case, QUESTIONS, Settings(logprobs=True), seed=1)
    found = conduct(steps, bot())
    assert [(finding.outcome, finding.probabilities) for finding in found] == [("a", None)] * 2


@pytest.mark.parametrize("key", ["pairwise", "single", "criteria", "batch", "reference"])
def test_it_notices_canaries(key: str) -> None:
    for canary in list_canaries():
        steps = PROTOCOLS[key].judge(canary.case, QUESTIONS[:1], Settings(), seed=1)
        (finding,) = conduct(steps, bot())
        outcome = outcome_of_canary(canary, finding)
        assert outcome is not CanaryOutcome.PREFERRED, canary.key
        if canary.kind is CanaryKind.EMPTY:
            assert outcome is CanaryOutcome.NOTICED


def test_real_replies_reach_a_judge_as_they_are() -> None:
    with gzip.open(data_file("judges/pandalm.jsonl.gz"), "rt", encoding="utf-8") as file:
        pairs = [json.loads(line) for line in islice(file, 60)]
    asked: list[Call] = []

    def ask(call: Call) -> Answer:
        asked.append(call)
        return bot()(call)

    for said in pairs:
        message = f"{said['instruction']}\n{said['input']}"
        replies = (said["response_1"], said["response_2"])
        case = Case("", (Exchange(message, replies),))
        steps = PROTOCOLS["pairwise"].judge(case, QUESTIONS[:1], Settings(), seed=1)
        (found,) = conduct(steps, ask)
        assert found.orders_agree is True
        forth, back = ([line["text"] for line in lines_of(call)] for call in asked[-2:])
        assert forth == [message, *replies]
        assert back == [message, *replies[::-1]]
