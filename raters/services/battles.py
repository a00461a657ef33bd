"""Everything that writes battles, their turns, and the verdicts that raters give."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import combinations
from random import Random
from typing import Final

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from raters.errors import (
    BattleOverError,
    MessageRefusedError,
    NoPairLeftError,
    PlaceLostError,
    ReplyPendingError,
    RetryRefusedError,
    SideFailedError,
    StudyRestsError,
    TurnConflictError,
    VerdictRefusedError,
)
from raters.models import Battle, Outcome, Participation, Reply, Turn, Verdict
from raters.services.replies import ring_reply
from studies.models import Study

LONGEST_TEXT: Final = 8_000

# Two contestants, the one of the smaller id first; and the same two by side.
Pair = tuple[int, int]
Sides = tuple[int, int]


@transaction.atomic
def next_battle(
    participation: Participation, *, at: datetime, seed: int | None = None
) -> Battle | None:
    """The battle that the rater is in, else a new one; None once she has done all she is asked.

    That is `battles_each` judged battles, or one with every pair. The same seed chooses the
    same pair and sides. Raises PlaceLostError or StudyRestsError where she can't begin one.
    """
    locked = _lock(participation)
    _require_active(locked)
    _require_open(locked.study)
    battle = current_battle(locked)
    if battle is not None:
        return battle
    if locked.battles.filter(judged_at__isnull=False).count() >= locked.study.battles_each:
        return None
    return _open_battle(locked, at=at, seed=seed)


@transaction.atomic
def replace_battle(battle: Battle, *, at: datetime, seed: int | None = None) -> Battle:
    """Another pair for the rater whose battle can't go on, because a side fails to answer.

    The old one stays without verdicts, and she does not meet its pair again. Raises
    RetryRefusedError while both sides answer, and NoPairLeftError where no other pair is left.
    """
    participation = _lock(battle.participation)
    _require_active(participation)
    _require_open(participation.study)
    _require_current(participation, battle)
    if not _last_replies(battle).filter(state=Reply.State.FAILED).exists():
        raise RetryRefusedError("Both sides answer here: there is nothing to leave this pair for.")
    another = _open_battle(participation, at=at, seed=seed)
    if another is None:
        raise NoPairLeftError("There is no other pair left for you. Please ask this side again.")
    return another


def current_battle(participation: Participation) -> Battle | None:
    """The battle that the rater is in: her last one, while it is not judged."""
    last = participation.battles.select_related("side_a", "side_b").order_by("-pk").first()
    return last if last is not None and last.judged_at is None else None


@transaction.atomic
def send_message(battle: Battle, *, text: str, number: int, at: datetime) -> Turn:
    """Say something to both sides: turn `number` with two waiting replies, and a bell for each.

    Sent again with the same text, the turn that stands is returned. A side that failed has to
    be asked again first (`retry_reply`), so that both hear the same conversation. Raises a
    BattleError or PlaceLostError that says why nothing was sent.
    """
    text = _as_stored(text)
    participation = _lock(battle.participation)
    standing = battle.turns.filter(number=number).first()
    if standing is not None:
        if standing.text != text:
            raise TurnConflictError(f"Another message stands as number {number} already.")
        return standing
    _require_active(participation)
    _require_open(participation.study)
    _require_current(participation, battle)
    _require_sayable(text)
    _require_next(battle, number, participation.study)
    turn = Turn.objects.create(battle=battle, number=number, text=text, created_at=at)
    for side in Reply.Side:
        ring_reply(Reply.objects.create(turn=turn, side=side, due_at=at).pk)
    return turn


@transaction.atomic
def retry_reply(reply: Reply, *, at: datetime) -> Reply:
    """Ask a side again that could not answer the last message; the other side keeps its answer.

    A side that is being asked again already is left to it. Raises RetryRefusedError for an
    answer that stands and for an earlier turn.
    """
    battle = reply.turn.battle
    participation = _lock(battle.participation)
    _require_active(participation)
    _require_judging(participation.study)
    _require_current(participation, battle)
    reply.refresh_from_db()
    if reply.state in (Reply.State.WAITING, Reply.State.CLAIMED):
        return reply
    if reply.state == Reply.State.FINISHED or not _last_replies(battle).filter(pk=reply.pk):
        raise RetryRefusedError("This side has answered: there is nothing to ask again.")
    Reply.objects.filter(pk=reply.pk, state=Reply.State.FAILED).update(
        state=Reply.State.WAITING, text="", error="", attempts=0, due_at=at, finished_at=None
    )
    ring_reply(reply.pk)
    reply.refresh_from_db()
    return reply


@transaction.atomic
def give_verdicts(
    battle: Battle, *, outcomes: Mapping[str, str], reason: str = "", at: datetime
) -> Battle:
    """Record the rater's verdict on each dimension, by its key, and end the battle.

    The only writer of live verdicts. Given again, the first verdicts stay. Raises
    VerdictRefusedError where an outcome is missing or unknown or the talk was too short,
    ReplyPendingError while a side is answering, and PlaceLostError, StudyRestsError or
    BattleOverError where it is too late.
    """
    reason = _as_stored(reason)
    participation = _lock(battle.participation)
    battle.refresh_from_db()
    if battle.judged_at is not None:
        return battle
    _require_active(participation)
    _require_judging(participation.study)
    _require_current(participation, battle)
    if len(reason) > LONGEST_TEXT:
        raise VerdictRefusedError(f"The reason is longer than {LONGEST_TEXT:,} characters.")
    _require_talked(battle, participation.study)
    chosen = _chosen(participation.study, outcomes)
    Verdict.objects.bulk_create(
        Verdict(battle=battle, dimension_id=dimension, outcome=outcome, recorded_at=at)
        for dimension, outcome in chosen.items()
    )
    battle.judged_at, battle.reason = at, reason
    battle.save(update_fields=["judged_at", "reason"])
    return battle


def whole_turns(battle: Battle) -> int:
    """How many messages both sides have answered."""
    answered = battle.turns.annotate(
        answers=Count("replies", filter=Q(replies__state=Reply.State.FINISHED))
    )
    return answered.filter(answers=len(Reply.Side)).count()


# Choosing whom she meets


def _open_battle(participation: Participation, *, at: datetime, seed: int | None) -> Battle | None:
    """A new battle, None if no pair is left. The participation must be locked."""
    # No secrets hang on this: the same seed has to give the same battle.
    chance = Random(seed)  # noqa: S311
    sides = _choose_sides(participation, chance)
    if sides is None:
        return None
    return Battle.objects.create(
        participation=participation,
        key=str(participation.battles.count() + 1),
        side_a_id=sides[0],
        side_b_id=sides[1],
        created_at=at,
    )


def _choose_sides(participation: Participation, chance: Random) -> Sides | None:
    """Whom the rater meets next, as side A and side B: the study's least-met pair new to her.

    Ties are broken by chance, and so are the sides where both ways have been seen as often.
    """
    standing = participation.study.contestants.filter(withdrawn_at__isnull=True)
    hers = participation.battles.values_list("side_a", "side_b")
    known = {_pair(sides) for sides in hers}
    ids = sorted(standing.values_list("pk", flat=True))
    open_pairs = [pair for pair in combinations(ids, 2) if pair not in known]
    if not open_pairs:
        return None
    seen = _seen(participation.study)
    met = {(a, b): seen[a, b] + seen[b, a] for a, b in open_pairs}
    fewest = min(met.values())
    a, b = chance.choice([pair for pair in open_pairs if met[pair] == fewest])
    is_turned = chance.random() < 0.5 if seen[a, b] == seen[b, a] else seen[b, a] < seen[a, b]
    return (b, a) if is_turned else (a, b)


def _seen(study: Study) -> Counter[Sides]:
    """How often each two have met or are meeting, by side; battles that came to nothing aside."""
    judged = Exists(Verdict.objects.filter(battle=OuterRef("pk")))
    under_way = Q(
        participation__state__in=[Participation.State.RESERVED, Participation.State.ACTIVE]
    )
    battles = Battle.objects.filter(judged | under_way, participation__study=study).order_by()
    rows = battles.values_list("side_a", "side_b").annotate(count=Count("pk"))
    return Counter({(a, b): count for a, b, count in rows})


def _pair(sides: Iterable[int]) -> Pair:
    a, b = sorted(sides)
    return a, b


# What has to hold


def _lock(participation: Participation) -> Participation:
    """The participation as it stands, locked: what a rater does in two tabs goes one by one."""
    locked = Participation.objects.select_for_update(of=("self",)).select_related("study")
    return locked.get(pk=participation.pk)


def _require_active(participation: Participation) -> None:
    if participation.state != Participation.State.ACTIVE:
        raise PlaceLostError("Your part in this study has ended.")


def _require_open(study: Study) -> None:
    if study.state != Study.State.OPEN:
        raise StudyRestsError(f"The study is {study.get_state_display()} at the moment.")


def _require_judging(study: Study) -> None:
    """While a study is paused nothing new begins, but what was begun may be ended."""
    if study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyRestsError(f"The study is {study.get_state_display()}.")


def _require_current(participation: Participation, battle: Battle) -> None:
    current = current_battle(participation)
    if current is None or current.pk != battle.pk:
        raise BattleOverError("This comparison has ended. Please go on with the next one.")


def _require_sayable(text: str) -> None:
    if not text:
        raise MessageRefusedError("Your message is empty.")
    if len(text) > LONGEST_TEXT:
        raise MessageRefusedError(
            f"Your message has {len(text):,} characters; {LONGEST_TEXT:,} are the most."
        )


def _require_next(battle: Battle, number: int, study: Study) -> None:
    """The last turn is answered by both sides, and `number` comes after it."""
    states = set(_last_replies(battle).values_list("state", flat=True))
    if states & {Reply.State.WAITING, Reply.State.CLAIMED}:
        raise ReplyPendingError("Please wait until both sides have answered.")
    if Reply.State.FAILED in states:
        raise SideFailedError("One side could not answer. Please ask it again first.")
    said = battle.turns.count()
    if said >= study.max_turns:
        raise MessageRefusedError(
            f"You have sent {said} messages, which are the most here. Please compare the two now."
        )
    if number != said + 1:
        raise TurnConflictError(f"The next message is number {said + 1}, not {number}.")


def _last_replies(battle: Battle) -> QuerySet[Reply]:
    last = battle.turns.order_by("-number").values("pk")[:1]
    return Reply.objects.filter(turn__in=last)


def _require_talked(battle: Battle, study: Study) -> None:
    pending = Reply.objects.filter(
        turn__battle=battle, state__in=[Reply.State.WAITING, Reply.State.CLAIMED]
    )
    if pending.exists():
        raise ReplyPendingError("Please wait until both sides have answered.")
    said = whole_turns(battle)
    if said < study.min_turns:
        raise VerdictRefusedError(
            f"Both sides have answered {said} of at least {study.min_turns} messages."
        )


def _chosen(study: Study, outcomes: Mapping[str, str]) -> dict[int, str]:
    """The outcome of each dimension of the study by its id, in their order."""
    dimensions = dict(study.dimensions.values_list("key", "pk"))
    if missing := dimensions.keys() - outcomes.keys():
        raise VerdictRefusedError(f"These are not compared yet: {', '.join(sorted(missing))}.")
    if unknown := outcomes.keys() - dimensions.keys():
        raise VerdictRefusedError(f"The study does not ask for: {', '.join(sorted(unknown))}.")
    for key, outcome in outcomes.items():
        if outcome not in Outcome.values:
            raise VerdictRefusedError(
                f'"{outcome}" is no outcome for {key}; there are: {", ".join(Outcome.values)}.'
            )
    return {pk: outcomes[key] for key, pk in dimensions.items()}


def _as_stored(text: str) -> str:
    """Text from a form: lines end in one way, and without the NUL that PostgreSQL refuses."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
