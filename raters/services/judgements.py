"""Making judgements: what is asked of a judge's chat models, and what comes back.

What was answered is stored question by question: a judgement whose worker died, or whose endpoint
failed, goes on from there, and nothing is paid for twice.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from raters.errors import JudgeError
from raters.judge_cases import read_case, read_fillers
from raters.judging.calls import Answer, Call
from raters.judging.canaries import canary_of
from raters.judging.cases import Case
from raters.judging.errors import CaseError, UnreadableAnswerError
from raters.judging.findings import Finding
from raters.judging.jury import combine_jury
from raters.judging.labels import Label, agree_on
from raters.judging.protocols import LabelSteps, Steps
from raters.models import JudgeAnswer, Judgement, JudgeRun
from raters.services.answers import AnswerInThread
from raters.services.judge_claims import (
    LEASE,
    Bench,
    ClaimLostError,
    JudgementClaim,
    Said,
    as_stored,
    claim_judgement,
    claimed,
    fail_judgement,
    finish_judgement,
    put_back,
    release_judgement,
    ring_run,
    stay_alive,
)
from raters.services.judge_runs import cost_of_answers, end_if_done, left_of, pause_spent_run
from studies.models import ChatModel
from studies.providers import Endpoint, ProviderError, TokenLogprob
from studies.registry import endpoint_of

logger = logging.getLogger(__name__)

# One question is given up after so long.
CALL_LIMIT: Final = timedelta(seconds=120)
# How often a question is asked whose answers can't be read.
MOST_READINGS: Final = 3
# A worker goes on with a run for so long after one bell, so that other bells are heard too.
SHIFT: Final = timedelta(seconds=20)
# Longer than this nobody waits for a question's turn: the judgement waits instead.
LONGEST_WAIT: Final = timedelta(seconds=2)


class NotNowError(Exception):
    """The next question's turn is too far off: the judgement waits until then."""

    def __init__(self, due_at: datetime) -> None:
        self.due_at = due_at
        super().__init__(str(due_at))


def work_on_run(run_id: int, *, shift: timedelta = SHIFT, lease: timedelta = LEASE) -> int:
    """Make a run's judgements, one after the other, until none is left or the shift is over.

    Returns how many were finished. No transaction is open while a chat model is asked.
    """
    bench = Bench.of(JudgeRun.objects.select_related("judge", "study").get(pk=run_id))
    began, finished, purse = time.monotonic(), 0, Purse(bench)
    while time.monotonic() - began < shift.total_seconds():
        if purse.is_empty():
            pause_spent_run(bench.run)
            return finished
        claim = claim_judgement(bench, at=timezone.now(), lease=lease)
        if claim is None:
            end_if_done(bench.run, at=timezone.now())
            return finished
        finished += make_judgement(bench, claim)
        purse.pay_for(claim)
    ring_run(run_id)
    return finished


class Purse:
    """What a worker may spend of a run's budget before it adds up the whole run's cost again.

    Adding it up after each judgement would make a long run slow. Each of the workers that may be
    at it takes its share of what is left.
    """

    def __init__(self, bench: Bench) -> None:
        self._run, self._places = bench.run, max(bench.places, 1)
        self._share = left_of(self._run) / self._places

    def pay_for(self, claim: JudgementClaim) -> None:
        """Take out what a judgement has cost."""
        if self._run.budget is not None:
            self._share -= cost_of_answers(JudgeAnswer.objects.filter(judgement=claim.judgement_id))

    def is_empty(self) -> bool:
        """Whether the budget is spent; looks at it anew once this worker's share is."""
        if self._share <= 0:
            self._share = left_of(self._run) / self._places
        return self._share <= 0


def make_judgement(bench: Bench, claim: JudgementClaim) -> bool:
    """Make a claimed judgement; whether it was finished.

    Nothing is raised for a chat model that fails: the judgement waits to be made again, or is
    given up with the error.
    """
    try:
        said = _judge(bench, claim)
    except ClaimLostError:
        logger.warning("Judgement %s was taken over by another worker.", claim.judgement_id)
    except NotNowError as wait:
        put_back(claim, due_at=wait.due_at)
    except (JudgeError, CaseError, UnreadableAnswerError) as error:
        fail_judgement(claim, str(error), at=timezone.now())
    except ProviderError as error:
        release_judgement(claim, error, at=timezone.now())
    else:
        return finish_judgement(bench, claim, said, at=timezone.now())
    return False


def _judge(bench: Bench, claim: JudgementClaim) -> tuple[Said, ...]:
    """What the judge, or each of its jury, finds of the claimed battle or canary."""
    related = ("battle__participation__study", "battle__task")
    judgement = Judgement.objects.select_related(*related).get(pk=claim.judgement_id)
    case = _case_of(bench, judgement)
    # A battle that is an example would be shown with who won it.
    settings = bench.settings.without_example(judgement.battle_id)
    seed = bench.run.seed + claim.judgement_id
    begin = partial(bench.protocol.judge, case, bench.questions, settings, seed=seed)
    found = {str(each): _ask_member(bench, claim, each, begin) for each in bench.members}
    if len(found) == 1:
        return next(iter(found.values()))
    return _of_jury(found)


def _of_jury(found: Mapping[str, Sequence[Said]]) -> tuple[Said, ...]:
    """What several find together, by what a judge is called: on each question, or each label."""
    labels = [[each for each in said if isinstance(each, Label)] for said in found.values()]
    findings = [[each for each in said if isinstance(each, Finding)] for said in found.values()]
    on_each = zip(*findings, strict=True)
    return (
        *agree_on(labels),
        *(combine_jury(dict(zip(found, each, strict=True))).finding for each in on_each),
    )


def _case_of(bench: Bench, judgement: Judgement) -> Case:
    if judgement.battle is None:
        return canary_of(judgement.canary).case
    wanted = bench.settings.batch_size - 2 if bench.protocol.needs_others else 0
    fillers = read_fillers(judgement.battle, wanted=wanted, seed=bench.run.seed)
    return read_case(judgement.battle, others=fillers)


Begin = Callable[[], Steps | LabelSteps]


def _ask_member(
    bench: Bench, claim: JudgementClaim, member: ChatModel, begin: Begin
) -> tuple[Said, ...]:
    """What one chat model finds. What it answered before is not asked again, if it can be read.

    Raises UnreadableAnswerError once a question was answered so too often.
    """
    answers = _stored_answers(claim, member)
    while True:
        try:
            return _play(bench, claim, member, begin, answers)
        except UnreadableAnswerError as error:
            if _set_aside(claim, member, error) >= MOST_READINGS:
                raise
            del answers[error.key]


def _play(
    bench: Bench,
    claim: JudgementClaim,
    member: ChatModel,
    begin: Begin,
    answers: dict[str, Answer],
) -> tuple[Said, ...]:
    """Go through the protocol's steps; `answers`, by key, grow by what had to be asked."""
    steps = begin()
    try:
        calls = next(steps)
        while True:
            for call in calls:
                if call.key not in answers:
                    answers[call.key] = _ask(bench, claim, member, call)
            calls = steps.send(tuple(answers[call.key] for call in calls))
    except StopIteration as end:
        found: tuple[Said, ...] = end.value
        return found


def _ask(bench: Bench, claim: JudgementClaim, member: ChatModel, call: Call) -> Answer:
    """Ask one question, prolonging the lease meanwhile, and store what was answered."""
    _wait_for_turn(bench.run)
    deadline = timezone.now() + CALL_LIMIT
    answer = AnswerInThread(asked_endpoint(member, call), call.messages, deadline=deadline)
    try:
        while not answer.is_over:
            answer.read(claim.lease / 3)
            stay_alive(claim, at=timezone.now())
    finally:
        answer.hang_up()
    whole = answer.whole()
    said = JudgeAnswer.objects.filter(judgement=claim.judgement_id, chat_model=member, key=call.key)
    JudgeAnswer.objects.create(
        judgement_id=claim.judgement_id,
        chat_model=member,
        key=call.key,
        attempt=said.count() + 1,
        text=whole.text,
        token_logprobs=_logprobs_json(whole.token_logprobs),
        prompt_tokens=whole.prompt_tokens,
        completion_tokens=whole.completion_tokens,
        total_ms=whole.total_ms,
        answered_at=timezone.now(),
    )
    return Answer(whole.text, whole.token_logprobs)


def asked_endpoint(chat_model: ChatModel, call: Call) -> Endpoint:
    """How a chat model is asked a judge's question.

    The judge's settings go before the chat model's, but for what its endpoint refuses to take.
    """
    endpoint = endpoint_of(chat_model)
    refused = {name: None for name, value in endpoint.parameters.items() if value is None}
    parameters = {**endpoint.parameters, **call.parameters, **refused}
    return replace(endpoint, parameters=parameters)


def _wait_for_turn(run: JudgeRun) -> None:
    """Wait until the run may ask its next question, if it may not ask as many as it likes.

    Raises NotNowError where that takes longer than a worker should stand idle.
    """
    if run.calls_per_minute is None:
        return
    with transaction.atomic():
        locked = JudgeRun.objects.select_for_update(no_key=True).get(pk=run.pk)
        now = timezone.now()
        turn = max(now, locked.next_call_at or now)
        if turn - now > LONGEST_WAIT:
            raise NotNowError(turn)
        after = turn + timedelta(minutes=1) / run.calls_per_minute
        JudgeRun.objects.filter(pk=run.pk).update(next_call_at=after)
    time.sleep((turn - now).total_seconds())


def _stored_answers(claim: JudgementClaim, member: ChatModel) -> dict[str, Answer]:
    """What this chat model has answered for the judgement, as far as it could be read."""
    stored = JudgeAnswer.objects.filter(judgement=claim.judgement_id, chat_model=member, error="")
    return {each.key: Answer(each.text, _parse_logprobs(each.token_logprobs)) for each in stored}


def _set_aside(claim: JudgementClaim, member: ChatModel, error: UnreadableAnswerError) -> int:
    """Note that an answer can't be read; returns how many to its question could not."""
    said = JudgeAnswer.objects.filter(
        judgement=claim.judgement_id, chat_model=member, key=error.key
    )
    said.filter(error="").update(error=as_stored(str(error)))
    claimed(claim).update(unreadable=F("unreadable") + 1)
    return said.exclude(error="").count()


def _parse_logprobs(stored: list[Any] | None) -> tuple[TokenLogprob, ...] | None:
    if stored is None:
        return None
    return tuple(
        TokenLogprob(
            each["token"],
            each["logprob"],
            tuple((token, logprob) for token, logprob in each["alternatives"]),
        )
        for each in stored
    )


def _logprobs_json(tokens: Sequence[TokenLogprob] | None) -> list[object] | None:
    return None if tokens is None else [asdict(token) for token in tokens]
