"""Everything that makes replies: claim one, ask the chat model, write what comes, finish.

A worker owns a reply by its claim, and only until the lease ends, which each write prolongs. It
is killed: the lease ends, and the reply is claimed anew. It was only slow: its next write finds
the claim gone, and it hangs up. The broker rings a bell and carries nothing else.
"""

import logging
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from raters.models import Reply
from raters.quality.broken import spoil
from raters.services.answers import AnswerInThread, hidden_endpoint_of
from raters.shown import names_to_hide, shown_text
from studies import providers
from studies.bells import AT_ONCE, ring
from studies.models import ChatModel, Contestant, Study
from studies.providers import Message, ProviderError, Role

logger = logging.getLogger(__name__)

# A reply is asked for again until so long after its message, and then given up. One that nobody
# asked for by then, or that the rater wants again, is asked for once, for as long.
TIME_LIMIT: Final = timedelta(seconds=120)
# How long after its last sign of life a worker is taken for dead.
LEASE: Final = timedelta(seconds=15)
# How often growing text is written, while there is more of it.
WRITE_EVERY: Final = timedelta(milliseconds=250)
# When every place at an endpoint is taken; who finishes there rings earlier.
FULL_DELAY: Final = timedelta(seconds=2)
# As many bells as one beat rings at most.
BELLS: Final = 500
# Bells rung again don't pile up where every worker is busy.
BELL_EXPIRES: Final = timedelta(seconds=10)
LONGEST_ERROR: Final = 2_000
# As many as the column holds: an answer may say nothing but names.
MOST_MASKED: Final = 32_767
DIED: Final = gettext_noop("The worker that was writing this reply died.")
UNCLAIMED: Final = {"claim": None, "leased_until": None}


class ClaimLostError(Exception):
    """Somebody else has the reply now: the worker was taken for dead."""


class WorkerStopsError(Exception):
    """The worker is told to end, and hands back what it was writing."""


_is_stopping = threading.Event()


@dataclass(frozen=True)
class ReplyClaim:
    """A reply that is this worker's to make, and what it needs for that.

    `token` is the claim; `deadline` is when the call has to be over. In a gold battle the broken
    side has a `fault`, and `seed` draws it.
    """

    reply_id: int
    token: uuid.UUID
    study: Study
    attempt: int
    chat_model: ChatModel
    messages: tuple[Message, ...]
    gives_up_at: datetime
    deadline: datetime
    fault: str = ""
    seed: int = 0


# Ringing


def ring_reply(
    reply_id: int, *, after: timedelta = AT_ONCE, expires: timedelta | None = None
) -> None:
    """Ring for a worker to make a reply, once what is being written is committed.

    A broker that can't be reached fails nothing: the next beat rings again.
    """
    # The task imports this module for its work.
    from raters.tasks import make_reply as bell

    ring(bell, reply_id, after=after, expires=expires)


def due_replies(*, at: datetime) -> QuerySet[Reply]:
    """Replies that a worker may claim now: due ones, and those whose lease has ended."""
    return Reply.objects.filter(
        Q(state=Reply.State.WAITING, due_at__lte=at)
        | Q(state=Reply.State.CLAIMED, leased_until__lte=at)
    )


def ring_due_replies(*, at: datetime) -> int:
    """Ring for every reply that is due, in case its first bell was lost; returns how many."""
    ids = list(due_replies(at=at).order_by("due_at", "pk").values_list("pk", flat=True)[:BELLS])
    for reply_id in ids:
        ring_reply(reply_id, expires=BELL_EXPIRES)
    return len(ids)


@transaction.atomic
def return_expired_leases(*, at: datetime) -> int:
    """Put back replies whose worker has died; give up those asked too often or for too long.

    Returns how many leases had ended. What had been shown of these replies is discarded.
    """
    expired = Reply.objects.filter(state=Reply.State.CLAIMED, leased_until__lte=at)
    returned = 0
    for reply in expired.select_related("turn"):
        standing = Reply.objects.filter(
            pk=reply.pk, claim=reply.claim, leased_until=reply.leased_until
        )
        if _is_given_up(reply, at=at):
            returned += _fail(standing, _(DIED), at=at)
        else:
            returned += standing.update(**UNCLAIMED, state=Reply.State.WAITING, text="", due_at=at)
    return returned


def _is_given_up(reply: Reply, *, at: datetime) -> bool:
    """Whether a reply that has been asked for is not asked for again."""
    is_too_late = at >= reply.turn.created_at + TIME_LIMIT
    return reply.attempts > 0 and (is_too_late or reply.attempts >= providers.MAX_ATTEMPTS)


def _fail(replies: QuerySet[Reply], error: str, *, at: datetime) -> int:
    """Give replies up. What has come of an answer is no answer, so none of it is kept."""
    return replies.update(
        **UNCLAIMED,
        state=Reply.State.FAILED,
        text="",
        error=error.replace("\0", "")[:LONGEST_ERROR],
        finished_at=at,
    )


# Claim


@transaction.atomic
def claim_reply(reply_id: int, *, at: datetime, lease: timedelta = LEASE) -> ReplyClaim | None:
    """Claim a due reply for this worker; None if it is not to be made, or not now.

    At most `max_concurrent` replies of a chat model are claimed at once; one too many is put
    off. A reply that has been tried for too long is given up here.
    """
    related = (
        "turn__battle__attention_check",
        "turn__battle__participation__study",
        "turn__battle__side_a__chat_model",
        "turn__battle__side_b__chat_model",
    )
    reply = due_replies(at=at).select_related(*related).filter(pk=reply_id).first()
    if reply is None:
        return None
    chat_model = contestant_of(reply).chat_model
    # Two workers that counted at the same time would both take the last place.
    ChatModel.objects.select_for_update(no_key=True).get(pk=chat_model.pk)
    standing = due_replies(at=at).filter(pk=reply_id, attempts=reply.attempts)
    if _is_given_up(reply, at=at):
        _fail(standing, _(DIED) if reply.claim else reply.error or _(DIED), at=at)
        return None
    if _under_way(chat_model, at=at) >= chat_model.max_concurrent:
        standing.filter(state=Reply.State.WAITING).update(due_at=at + FULL_DELAY)
        return None
    token = uuid.uuid4()
    claimed = standing.update(
        state=Reply.State.CLAIMED,
        claim=token,
        leased_until=at + lease,
        asked_at=at,
        attempts=F("attempts") + 1,
        text="",
    )
    if not claimed:
        return None
    gives_up_at = reply.turn.created_at + TIME_LIMIT
    return ReplyClaim(
        reply_id=reply.pk,
        token=token,
        study=reply.turn.battle.participation.study,
        attempt=reply.attempts + 1,
        chat_model=chat_model,
        messages=_conversation(reply),
        gives_up_at=gives_up_at,
        deadline=gives_up_at if reply.attempts else at + TIME_LIMIT,
        fault=_fault_of(reply),
        # Her messages of one battle follow each other, so that what goes off the topic differs.
        seed=reply.turn.battle_id + reply.turn.number,
    )


def _fault_of(reply: Reply) -> str:
    """How the reply is to be broken, if it is of the broken side of a gold battle."""
    battle = reply.turn.battle
    check = battle.attention_check
    return check.fault if check is not None and reply.side == battle.broken_side else ""


def contestant_of(reply: Reply) -> Contestant:
    """The contestant that answers on the reply's side. ValueError where the battle has no B."""
    battle = reply.turn.battle
    contestant = battle.side_a if reply.side == Reply.Side.A else battle.side_b
    if contestant is None:
        raise ValueError(f"Reply {reply.pk} is of side B, but only one contestant is asked here.")
    return contestant


def _of(chat_model: ChatModel) -> QuerySet[Reply]:
    return Reply.objects.filter(
        Q(side=Reply.Side.A, turn__battle__side_a__chat_model=chat_model)
        | Q(side=Reply.Side.B, turn__battle__side_b__chat_model=chat_model)
    )


def _under_way(chat_model: ChatModel, *, at: datetime) -> int:
    return _of(chat_model).filter(state=Reply.State.CLAIMED, leased_until__gt=at).count()


def _conversation(reply: Reply) -> tuple[Message, ...]:
    """What was said until now, as this side knows it: never a word of the other side."""
    messages = []
    earlier = Reply.objects.filter(
        turn__battle=reply.turn.battle_id,
        turn__number__lt=reply.turn.number,
        side=reply.side,
        state=Reply.State.FINISHED,
    )
    for question, answer in earlier.order_by("turn__number").values_list("turn__text", "text"):
        messages += [Message(Role.USER, question), Message(Role.ASSISTANT, answer)]
    return (*messages, Message(Role.USER, reply.turn.text))


# Work


def make_reply(
    reply_id: int, *, lease: timedelta = LEASE, write_every: timedelta = WRITE_EVERY
) -> None:
    """Make a reply if it is due: no transaction is open while the chat model is asked.

    Nothing is raised for a chat model that fails: the reply waits to be asked for again, or is
    given up with the error.
    """
    claim = claim_reply(reply_id, at=timezone.now(), lease=lease)
    if claim is None:
        return
    try:
        answer = _ask(claim, lease=lease, write_every=write_every)
    except ClaimLostError:
        logger.warning("Reply %s was taken over by another worker.", reply_id)
    except WorkerStopsError:
        _hand_back(claim, at=timezone.now())
        return
    except ProviderError as error:
        release_reply(claim, error, at=timezone.now())
    else:
        finish_reply(claim, answer, at=timezone.now())
    _ring_next(claim.chat_model, at=timezone.now())


def hand_back_replies() -> None:
    """Let this process end soon: replies under way are put back for the next worker."""
    _is_stopping.set()


def _ask(claim: ReplyClaim, *, lease: timedelta, write_every: timedelta) -> providers.Reply:
    """Ask the chat model, and write its text as it grows."""
    endpoint = hidden_endpoint_of(claim.chat_model)
    answer = AnswerInThread(endpoint, claim.messages, deadline=claim.deadline)
    text, written, alive_at = "", "", time.monotonic()
    try:
        while not answer.is_over:
            if _is_stopping.is_set():
                raise WorkerStopsError
            text += answer.read(write_every)
            is_lease_aging = time.monotonic() - alive_at > lease.total_seconds() / 3
            if text != written or is_lease_aging:
                # What will be broken is shown only so; nothing of it can be until it is whole.
                shown = "" if claim.fault else text
                _write(claim, shown, leased_until=timezone.now() + lease)
                written, alive_at = text, time.monotonic()
    finally:
        answer.hang_up()
    return answer.whole()


def _write(claim: ReplyClaim, text: str, *, leased_until: datetime) -> None:
    if not _claimed(claim).update(text=text, leased_until=leased_until):
        raise ClaimLostError


def _claimed(claim: ReplyClaim) -> QuerySet[Reply]:
    return Reply.objects.filter(pk=claim.reply_id, state=Reply.State.CLAIMED, claim=claim.token)


# Finish


def finish_reply(claim: ReplyClaim, answer: providers.Reply, *, at: datetime) -> bool:
    """Store a whole answer, and how many names it gives away.

    Where the side is broken on purpose, what is stored is what she is shown, and what the chat
    model has said as far as it will ever hear. False if the claim is no longer this worker's.
    """
    shown = shown_text(Reply.State.FINISHED, answer.text, names_to_hide(claim.study))
    # Masked first: a name of several words is none any more once they are shuffled.
    text = spoil(shown.text, claim.fault, seed=claim.seed) if claim.fault else answer.text
    stored = _claimed(claim).update(
        **UNCLAIMED,
        state=Reply.State.FINISHED,
        text=text,
        masked=min(shown.masked, MOST_MASKED),
        error="",
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        first_piece_ms=answer.first_piece_ms,
        total_ms=answer.total_ms,
        finished_at=at,
    )
    return bool(stored)


def release_reply(claim: ReplyClaim, error: ProviderError, *, at: datetime) -> bool:
    """Let a failed reply wait to be asked for again, or give it up; its text is discarded.

    False if the claim is no longer this worker's.
    """
    words = f"{type(error).__name__}: {error}"
    delay = providers.retry_delay(error, claim.attempt, seed=claim.reply_id)
    if delay is None or at + delay >= claim.gives_up_at:
        return bool(_fail(_claimed(claim), words, at=at))
    released = _claimed(claim).update(
        **UNCLAIMED,
        state=Reply.State.WAITING,
        text="",
        error=words.replace("\0", "")[:LONGEST_ERROR],
        due_at=at + delay,
    )
    if released:
        ring_reply(claim.reply_id, after=delay)
    return bool(released)


def _hand_back(claim: ReplyClaim, *, at: datetime) -> None:
    """Put a reply back whose worker ends: that is no attempt that failed."""
    _claimed(claim).update(
        **UNCLAIMED,
        state=Reply.State.WAITING,
        text="",
        attempts=F("attempts") - 1,
        due_at=at,
    )


def _ring_next(chat_model: ChatModel, *, at: datetime) -> None:
    """Ring for the reply that has waited longest for a place at this endpoint, if any has."""
    # One with an error waits for the endpoint to recover, not for a place.
    waiting = _of(chat_model).filter(state=Reply.State.WAITING, error="", due_at__gt=at)
    first = waiting.order_by("pk").values_list("pk", flat=True).first()
    if first is not None and waiting.filter(pk=first).update(due_at=at):
        ring_reply(first)
