"""Everything that makes judgements: claim one, ask the judge, write what it says, finish.

A worker owns a judgement by its claim, and only until the lease ends, which each sign of life
prolongs. It is killed: the lease ends, the judgement is claimed anew, and what was answered to it
until then is not asked again. The broker rings a bell and carries nothing else.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Self

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from raters.errors import JudgeError
from raters.judge_cases import read_case, read_fillers, read_questions, with_examples
from raters.judging.calls import Answer, Call
from raters.judging.canaries import canary_of
from raters.judging.cases import Case, Question
from raters.judging.errors import CaseError, UnreadableAnswerError
from raters.judging.findings import Finding
from raters.judging.jury import combine_jury
from raters.judging.labels import Label, agree_on
from raters.judging.protocols import EVERY_PROTOCOL, Asking, LabelSteps, Steps
from raters.judging.settings import Settings
from raters.models import JudgeAnswer, JudgeLabel, Judgement, JudgeRun, JudgeVerdict
from raters.services.answers import AnswerInThread
from raters.services.judge_runs import cost_of_answers, end_if_done, left_of, pause_spent_run
from studies import providers
from studies.models import ChatModel
from studies.providers import Endpoint, ProviderError, TokenLogprob
from studies.registry import endpoint_of

logger = logging.getLogger(__name__)

# How long after its last sign of life a worker is taken for dead.
LEASE: Final = timedelta(seconds=30)
# One question is given up after so long.
CALL_LIMIT: Final = timedelta(seconds=120)
# How often a question is asked whose answers can't be read.
MOST_READINGS: Final = 3
# A worker goes on with a run for so long after one bell, so that other bells are heard too.
SHIFT: Final = timedelta(seconds=20)
# Longer than this nobody waits for a question's turn: the judgement waits instead.
LONGEST_WAIT: Final = timedelta(seconds=2)
BELL_EXPIRES: Final = timedelta(seconds=20)
LONGEST_ERROR: Final = 2_000
UNCLAIMED: Final = {"claim": None, "leased_until": None}

Said = Finding | Label


class ClaimLostError(Exception):
    """Somebody else has the judgement now: the worker was taken for dead."""


class NotNowError(Exception):
    """The next question's turn is too far off: the judgement waits until then."""

    def __init__(self, due_at: datetime) -> None:
        self.due_at = due_at
        super().__init__(str(due_at))


@dataclass(frozen=True)
class Bench:
    """What a worker needs to make judgements of one run, read once for all of them.

    `places` is how many judgements may be made at once: as many as the slowest member's endpoint
    takes.
    """

    run: JudgeRun
    protocol: Asking[Any]
    settings: Settings
    questions: tuple[Question, ...]
    dimensions: dict[str, int]
    members: tuple[ChatModel, ...]
    places: int

    @classmethod
    def of(cls, run: JudgeRun) -> Self:
        """Read a run's judge and its study's dimensions."""
        protocol = EVERY_PROTOCOL[run.judge.protocol]
        members = run.judge.members.select_related("chat_model")
        return cls(
            run=run,
            protocol=protocol,
            settings=with_examples(Settings.parse(run.judge.settings, protocol)),
            questions=read_questions(run.study),
            dimensions=dict(run.study.dimensions.values_list("key", "pk")),
            members=tuple(member.chat_model for member in members),
            places=places_of(run),
        )


@dataclass(frozen=True)
class JudgementClaim:
    """A judgement that is this worker's to make; `token` is the claim."""

    judgement_id: int
    token: uuid.UUID
    attempt: int
    lease: timedelta


# Ringing


def ring_run(run_id: int, *, times: int = 1, after: timedelta | None = None) -> None:
    """Ring for workers to go on with a run, once what is being written is committed.

    A broker that can't be reached fails nothing: the next beat rings again.
    """
    transaction.on_commit(partial(_ring, run_id, times, after))


def _ring(run_id: int, times: int, after: timedelta | None) -> None:
    # The task imports this module for its work.
    from raters.tasks import judge as bell

    try:
        for _ in range(times):
            bell.apply_async(
                (run_id,),
                countdown=after.total_seconds() if after else None,
                expires=(BELL_EXPIRES + (after or timedelta())).total_seconds(),
            )
    except OperationalError:
        logger.warning("The broker can't be reached; run %s waits for the next beat.", run_id)


def ring_running_runs(*, at: datetime) -> int:
    """Ring for every run with work that is due, as often as it has free places; returns bells."""
    rung = 0
    for run in JudgeRun.objects.filter(state=JudgeRun.State.RUNNING):
        if end_if_done(run, at=at):
            continue
        free = places_of(run) - _under_way(run, at=at).count()
        due = due_judgements(run, at=at).order_by()[: max(free, 0)].count()
        ring_run(run.pk, times=due)
        rung += due
    return rung


def places_of(run: JudgeRun) -> int:
    """How many judgements of a run may be made at once: as its slowest member's endpoint takes."""
    members = run.judge.members.values_list("chat_model__max_concurrent", flat=True)
    return min(members, default=0)


def due_judgements(run: JudgeRun, *, at: datetime) -> QuerySet[Judgement]:
    """A run's judgements that a worker may claim now: due ones, and those whose lease has ended."""
    return run.judgements.filter(
        Q(state=Judgement.State.WAITING, due_at__lte=at)
        | Q(state=Judgement.State.CLAIMED, leased_until__lte=at)
    )


def _under_way(run: JudgeRun, *, at: datetime) -> QuerySet[Judgement]:
    return run.judgements.filter(state=Judgement.State.CLAIMED, leased_until__gt=at)


# Claim


@transaction.atomic
def claim_judgement(
    bench: Bench, *, at: datetime, lease: timedelta = LEASE
) -> JudgementClaim | None:
    """Claim a run's next judgement for this worker; None if there is none, or no place."""
    # Two workers that counted at the same time would both take the last place.
    run = JudgeRun.objects.select_for_update(no_key=True).get(pk=bench.run.pk)
    if run.state != JudgeRun.State.RUNNING or _under_way(run, at=at).count() >= bench.places:
        return None
    found = due_judgements(run, at=at).order_by("due_at", "pk").first()
    if found is None:
        return None
    token = uuid.uuid4()
    Judgement.objects.filter(pk=found.pk).update(
        state=Judgement.State.CLAIMED,
        claim=token,
        leased_until=at + lease,
        attempts=F("attempts") + 1,
    )
    return JudgementClaim(found.pk, token, found.attempts + 1, lease)


# Work


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
            _stay_alive(claim, at=timezone.now())
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


def _stay_alive(claim: JudgementClaim, *, at: datetime) -> None:
    if not _claimed(claim).update(leased_until=at + claim.lease):
        raise ClaimLostError


def _stored_answers(claim: JudgementClaim, member: ChatModel) -> dict[str, Answer]:
    """What this chat model has answered for the judgement, as far as it could be read."""
    stored = JudgeAnswer.objects.filter(judgement=claim.judgement_id, chat_model=member, error="")
    return {each.key: Answer(each.text, _parse_logprobs(each.token_logprobs)) for each in stored}


def _set_aside(claim: JudgementClaim, member: ChatModel, error: UnreadableAnswerError) -> int:
    """Note that an answer can't be read; returns how many to its question could not."""
    said = JudgeAnswer.objects.filter(
        judgement=claim.judgement_id, chat_model=member, key=error.key
    )
    said.filter(error="").update(error=_as_stored(str(error)))
    _claimed(claim).update(unreadable=F("unreadable") + 1)
    return said.exclude(error="").count()


# Finish


@transaction.atomic
def finish_judgement(
    bench: Bench, claim: JudgementClaim, said: Sequence[Said], *, at: datetime
) -> bool:
    """Store what the judge finds, or its labels; False if the claim is not this worker's now."""
    finished = _claimed(claim).update(
        **UNCLAIMED, state=Judgement.State.FINISHED, error="", finished_at=at
    )
    if finished:
        JudgeVerdict.objects.bulk_create(
            _verdict_of(bench, claim, each, at=at) for each in said if isinstance(each, Finding)
        )
        JudgeLabel.objects.bulk_create(
            JudgeLabel(
                judgement_id=claim.judgement_id, key=each.key, side=each.side, value=each.value
            )
            for each in said
            if isinstance(each, Label)
        )
    return bool(finished)


def _verdict_of(
    bench: Bench, claim: JudgementClaim, finding: Finding, *, at: datetime
) -> JudgeVerdict:
    p_a, p_tie, p_b = finding.probabilities or (None, None, None)
    return JudgeVerdict(
        judgement_id=claim.judgement_id,
        dimension_id=bench.dimensions[finding.dimension],
        outcome=finding.outcome or "",
        certainty=finding.certainty,
        p_a=p_a,
        p_tie=p_tie,
        p_b=p_b,
        score_a=finding.score_a,
        score_b=finding.score_b,
        orders_agree=finding.orders_agree,
        samples=[asdict(sample) for sample in finding.samples],
        reason=finding.reason.replace("\0", ""),
        recorded_at=at,
    )


def release_judgement(claim: JudgementClaim, error: ProviderError, *, at: datetime) -> bool:
    """Let a judgement wait to be made again, or give it up; its answers until now are kept.

    False if the claim is no longer this worker's.
    """
    words = f"{type(error).__name__}: {error}"
    delay = providers.retry_delay(error, claim.attempt, seed=claim.judgement_id)
    if delay is None:
        return fail_judgement(claim, words, at=at)
    released = _claimed(claim).update(
        **UNCLAIMED, state=Judgement.State.WAITING, error=_as_stored(words), due_at=at + delay
    )
    return bool(released)


def fail_judgement(claim: JudgementClaim, error: str, *, at: datetime) -> bool:
    """Give a judgement up. It is counted, and is no verdict; False if the claim is lost."""
    failed = _claimed(claim).update(
        **UNCLAIMED, state=Judgement.State.FAILED, error=_as_stored(error), finished_at=at
    )
    return bool(failed)


def put_back(claim: JudgementClaim, *, due_at: datetime) -> None:
    """Put a judgement back whose next question has to wait: that is no attempt that failed."""
    _claimed(claim).update(
        **UNCLAIMED,
        state=Judgement.State.WAITING,
        attempts=F("attempts") - 1,
        due_at=due_at,
    )


def _claimed(claim: JudgementClaim) -> QuerySet[Judgement]:
    return Judgement.objects.filter(
        pk=claim.judgement_id, state=Judgement.State.CLAIMED, claim=claim.token
    )


def _as_stored(words: str) -> str:
    return words.replace("\0", "")[:LONGEST_ERROR]


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
