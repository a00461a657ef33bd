"""Claims of judgements: rung for, claimed with a lease, kept alive, and finished or given up.

A worker owns a judgement by its claim, and only until the lease ends, which each sign of life
prolongs. It is killed: the lease ends, and the judgement is claimed anew. The broker rings a bell
and carries nothing else.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.db import transaction
from django.db.models import F, Q, QuerySet

from raters.judge_cases import read_questions, with_examples
from raters.judging.cases import Question
from raters.judging.findings import Finding
from raters.judging.labels import Label
from raters.judging.protocols import EVERY_PROTOCOL, Asking
from raters.judging.settings import Settings
from raters.models import JudgeLabel, Judgement, JudgeRun, JudgeVerdict
from raters.services.judge_runs import end_if_done
from studies import providers
from studies.bells import AT_ONCE, ring
from studies.models import ChatModel
from studies.providers import ProviderError

logger = logging.getLogger(__name__)

# How long after its last sign of life a worker is taken for dead.
LEASE: Final = timedelta(seconds=30)
LONGEST_ERROR: Final = 2_000
UNCLAIMED: Final = {"claim": None, "leased_until": None}

Said = Finding | Label


class ClaimLostError(Exception):
    """Somebody else has the judgement now: the worker was taken for dead."""


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


def ring_run(run_id: int, *, times: int = 1, after: timedelta = AT_ONCE) -> None:
    """Ring for workers to go on with a run, once what is being written is committed.

    A broker that can't be reached fails nothing: the next beat rings again.
    """
    # The task imports this module for its work.
    from raters.tasks import judge

    ring(judge, run_id, times=times, after=after)


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


def stay_alive(claim: JudgementClaim, *, at: datetime) -> None:
    """Prolong the lease; ClaimLostError if somebody else has the judgement now."""
    if not claimed(claim).update(leased_until=at + claim.lease):
        raise ClaimLostError


# Finish


@transaction.atomic
def finish_judgement(
    bench: Bench, claim: JudgementClaim, said: Sequence[Said], *, at: datetime
) -> bool:
    """Store what the judge finds, or its labels; False if the claim is not this worker's now."""
    finished = claimed(claim).update(
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
    released = claimed(claim).update(
        **UNCLAIMED, state=Judgement.State.WAITING, error=as_stored(words), due_at=at + delay
    )
    return bool(released)


def fail_judgement(claim: JudgementClaim, error: str, *, at: datetime) -> bool:
    """Give a judgement up. It is counted, and is no verdict; False if the claim is lost."""
    failed = claimed(claim).update(
        **UNCLAIMED, state=Judgement.State.FAILED, error=as_stored(error), finished_at=at
    )
    return bool(failed)


def put_back(claim: JudgementClaim, *, due_at: datetime) -> None:
    """Put a judgement back whose next question has to wait: that is no attempt that failed."""
    claimed(claim).update(
        **UNCLAIMED,
        state=Judgement.State.WAITING,
        attempts=F("attempts") - 1,
        due_at=due_at,
    )


def claimed(claim: JudgementClaim) -> QuerySet[Judgement]:
    """The claimed judgement, as long as the claim is this worker's own."""
    return Judgement.objects.filter(
        pk=claim.judgement_id, state=Judgement.State.CLAIMED, claim=claim.token
    )


def as_stored(words: str) -> str:
    """An error's words as the database takes them."""
    return words.replace("\0", "")[:LONGEST_ERROR]
