"""Asking a chat model many questions at once: in order, again where it helps, and not for ever."""

import json
from datetime import timedelta
from typing import ClassVar

import pytest

from raters.errors import JudgeError
from raters.judging.answers import A_FLAG, an_object
from raters.judging.calls import Call
from raters.judging.settings import Settings
from raters.judging.writing import write_call
from raters.services.asking import Asker
from raters.services.judgements import MOST_READINGS
from studies.models import ChatModel
from tests.chat_server import ChatServer, Line, Refuse, Talk

MINUTE = timedelta(minutes=1)


def make_calls(count: int) -> list[Call]:
    return [
        write_call(
            f"ask:{number}",
            "criteria_find",
            [{"who": "person", "text": f"question {number}"}],
            an_object({"yes": A_FLAG}),
            Settings(),
            seed=1,
            questions="",
            most="1",
        )
        for number in range(count)
    ]


def make_asker(server: ChatServer, limit: timedelta = MINUTE, **fields: object) -> Asker:
    told = {"name": "Beech", "model_id": "beech", "timeout_s": 5, "max_concurrent": 4, **fields}
    return Asker(ChatModel(base_url=server.base_url, **told), limit=limit)


def said(*, yes: bool, **more: float) -> Talk:
    return Talk((json.dumps({"yes": yes}),), **more)  # type: ignore[arg-type]


def test_answers_come_in_the_order_of_their_questions() -> None:
    with ChatServer(default=said(yes=True)) as server:
        server.play(said(yes=True, seconds_before=0.3))
        asker = make_asker(server, input_price=1_000_000)
        calls = make_calls(9)
        answers = asker.ask(calls)
        assert len(server.requests) == 9
    assert [json.loads(each.text) for each in answers if each] == [{"yes": True}] * 9
    assert (asker.asked, asker.unreadable, asker.unanswered) == (9, 0, 0)
    # Twelve tokens are read each time, at a dollar each.
    assert asker.cost == 108


class Counting(Talk):
    """Answers slowly, and notes how many it answers at once."""

    under_way: ClassVar[list[int]] = [0]
    most: ClassVar[list[int]] = [0]

    def play(self, line: Line) -> None:
        self.under_way[0] += 1
        self.most[0] = max(self.most[0], self.under_way[0])
        super().play(line)
        self.under_way[0] -= 1


@pytest.mark.parametrize("places", [1, 3])
def test_no_more_are_asked_at_once_than_the_endpoint_takes(places: int) -> None:
    Counting.most[0] = Counting.under_way[0] = 0
    with ChatServer(default=Counting(('{"yes": true}',), seconds_before=0.05)) as server:
        make_asker(server, max_concurrent=places).ask(make_calls(9))
    assert Counting.most[0] == places


def test_what_takes_too_long_says_how_much_was_left() -> None:
    with ChatServer(default=said(yes=True, seconds_before=0.1)) as server:
        asker = make_asker(server, limit=timedelta(seconds=0.25), max_concurrent=1)
        with pytest.raises(JudgeError, match=r"minutes were not enough: 4\d of 50 questions"):
            asker.ask(make_calls(50))
        assert asker.asked < 5


def test_what_cannot_be_read_is_asked_again_and_then_given_up() -> None:
    with ChatServer(default=Talk(("Yes, I think so.",))) as server:
        asker = make_asker(server)
        assert asker.ask(make_calls(1)) == (None,)
        server.play(Talk(("Well …",)))
        server.default = said(yes=False)
        (answer,) = asker.ask(make_calls(1))
    assert answer is not None
    assert (asker.asked, asker.unreadable) == (MOST_READINGS + 2, MOST_READINGS + 1)
    assert asker.unanswered == 1


def test_an_endpoint_that_is_busy_is_asked_again_when_it_wishes() -> None:
    with ChatServer(default=said(yes=True)) as server:
        server.play(Refuse(429, retry_after="0"), Refuse(503))
        asker = make_asker(server)
        assert None not in asker.ask(make_calls(3))
    assert (asker.asked, asker.unanswered) == (5, 0)


def test_one_question_that_fails_is_given_up_and_the_others_are_answered() -> None:
    with ChatServer(default=said(yes=True)) as server:
        server.play(Refuse(400))
        answers = make_asker(server, max_concurrent=1).ask(make_calls(4))
    assert [each is None for each in answers] == [True, False, False, False]


def test_an_endpoint_that_only_fails_is_not_asked_to_the_end() -> None:
    with ChatServer(default=Refuse(401)) as server:
        with pytest.raises(JudgeError, match="Beech does not answer"):
            make_asker(server).ask(make_calls(50))
        assert len(server.requests) <= 10
