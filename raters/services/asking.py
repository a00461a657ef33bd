"""Puts many questions to a chat model at once, within a time, for whoever can't wait for longer."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from raters.errors import JudgeError
from raters.judging.calls import Answer, Call
from raters.judging.errors import UnreadableAnswerError
from raters.judging.proposals.pairs import StepsTo
from raters.services.answers import AnswerInThread
from raters.services.judgements import CALL_LIMIT, MOST_READINGS, asked_endpoint
from studies.models import ChatModel
from studies.providers import ProviderError, retry_delay
from studies.registry import cost_of

T = TypeVar("T")

# How long each of those under way is listened to in turn.
GLANCE: Final = timedelta(milliseconds=5)
# If so many in a row end in an error, and none in an answer, the rest are not paid for.
MOST_FAILED: Final = 5


# By identity: what a question asks for can't be hashed.
@dataclass(frozen=True, eq=False)
class _Question:
    """A question at its place in a step; `failed` and `unread` count how often it came to that."""

    place: int
    call: Call
    failed: int = 0
    unread: int = 0
    not_before: float = 0.0


class Asker:
    """Asks one chat model, as many questions at once as its endpoint takes.

    `asked`, `unreadable` and `unanswered` count the questions put, the answers that said nothing
    of what was asked, and the questions given up. `cost` is in US dollars, as far as tokens were
    counted.
    """

    def __init__(self, chat_model: ChatModel, *, limit: timedelta) -> None:
        self.chat_model = chat_model
        self.asked = self.unreadable = self.unanswered = 0
        self.cost = Decimal(0)
        self._limit = limit
        self._until = time.monotonic() + limit.total_seconds()
        self._failed_in_a_row = 0

    def conduct(self, steps: StepsTo[T]) -> T:
        """Ask whatever steps want to know, and return what they find.

        Raises JudgeError once the time is up, or where the chat model only fails.
        """
        try:
            calls = next(steps)
            while True:
                calls = steps.send(self.ask(calls))
        except StopIteration as end:
            found: T = end.value
            return found

    def ask(self, calls: Sequence[Call]) -> tuple[Answer | None, ...]:
        """The answers in order; None for a question whose answers could not be read or had."""
        found: dict[int, Answer | None] = {}
        waiting = deque(_Question(place, call) for place, call in enumerate(calls))
        under_way: dict[_Question, AnswerInThread] = {}
        try:
            while waiting or under_way:
                self._check_time(len(waiting) + len(under_way), len(calls))
                self._begin(waiting, under_way)
                for question, answer in list(under_way.items()):
                    answer.read(GLANCE)
                    if answer.is_over:
                        del under_way[question]
                        self._take(question, answer, found, waiting)
                if not under_way:
                    time.sleep(GLANCE.total_seconds())
        finally:
            for answer in under_way.values():
                answer.hang_up()
        return tuple(found[place] for place in range(len(calls)))

    def _begin(self, waiting: deque[_Question], under_way: dict[_Question, AnswerInThread]) -> None:
        now = time.monotonic()
        for _place in range(len(waiting)):
            if len(under_way) >= max(self.chat_model.max_concurrent, 1):
                return
            question = waiting.popleft()
            if question.not_before > now:
                waiting.append(question)
                continue
            self.asked += 1
            endpoint = asked_endpoint(self.chat_model, question.call)
            deadline = timezone.now() + CALL_LIMIT
            under_way[question] = AnswerInThread(
                endpoint, question.call.messages, deadline=deadline
            )

    def _take(
        self,
        question: _Question,
        answer: AnswerInThread,
        found: dict[int, Answer | None],
        waiting: deque[_Question],
    ) -> None:
        """Keep an answer that can be read; else put the question again, or give it up."""
        try:
            whole = answer.whole()
            self.cost += cost_of(self.chat_model, whole) or 0
            read = Answer(whole.text, whole.token_logprobs)
            question.call.read(read)
        except UnreadableAnswerError:
            self.unreadable += 1
            again = replace(question, unread=question.unread + 1)
            is_left = again.unread < MOST_READINGS
        except ProviderError as error:
            again = replace(question, failed=question.failed + 1)
            delay = retry_delay(error, again.failed, seed=question.place)
            is_left = delay is not None
            again = replace(
                again, not_before=time.monotonic() + (delay or timedelta()).total_seconds()
            )
            if not is_left:
                self._count_failure(error)
        else:
            self._failed_in_a_row = 0
            found[question.place] = read
            return
        if is_left:
            waiting.append(again)
        else:
            self.unanswered += 1
            found[question.place] = None

    def _count_failure(self, error: ProviderError) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MOST_FAILED:
            raise JudgeError(
                _("%(chat_model)s does not answer (%(error)s), and was not asked any further.")
                % {"chat_model": self.chat_model, "error": f"{type(error).__name__}: {error}"}
            ) from error

    def _check_time(self, left: int, of: int) -> None:
        if time.monotonic() < self._until:
            return
        minutes = self._limit.total_seconds() / 60
        raise JudgeError(
            _(
                "%(minutes)s minutes were not enough: %(left)s of %(of)s questions of a step were "
                "left. Choose fewer pairs, or a chat model that takes more questions at once."
            )
            % {"minutes": f"{minutes:g}", "left": f"{left:,}", "of": f"{of:,}"}
        )
