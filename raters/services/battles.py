"""Everything that writes battles, their turns, and what raters find: verdicts or ratings."""

from collections.abc import Container, Mapping
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import Final, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from raters.errors import (
    JudgementRefusedError,
    NobodyLeftError,
    RetryRefusedError,
    TopicStaysError,
    TurnConflictError,
)
from raters.models import Battle, Outcome, Participation, Rating, Reply, Turn, Verdict
from raters.quality.identity import is_identity_probe
from raters.services.battle_rules import (
    LONGEST_TEXT,
    as_stored,
    current_battle,
    figure,
    last_replies,
    require_active,
    require_current,
    require_judging,
    require_next,
    require_open,
    require_sayable,
    require_talked,
)
from raters.services.checks import placement_of, read_items, record_checks
from raters.services.drawing import draw_other_task, draw_sides, draw_task
from raters.services.replies import ring_reply
from raters.services.screening import ring_screen
from studies.models import AttentionCheck, Study, Task

SCALE: Final = range(Rating.LOWEST, Rating.HIGHEST + 1)
# Who puts away more would choose what the study is about.
MOST_PUT_AWAY: Final = 3
NO_ITEMS: Final[Mapping[int, str]] = MappingProxyType({})

Given = TypeVar("Given", str, int)


@transaction.atomic
def next_battle(
    participation: Participation, *, at: datetime, seed: int | None = None
) -> Battle | None:
    """The battle that the rater is in, else a new one; None once she has done all she is asked.

    That is `battles_each` judged battles, or one with every pair; in a study of one model at a
    time, with every contestant; and the battles that are checks, where the study has any. The
    same seed draws the same sides and task. Raises PlaceLostError or StudyRestsError where she
    can't begin one.
    """
    locked = _lock(participation)
    require_active(locked)
    require_open(locked.study)
    battle = current_battle(locked)
    if battle is not None:
        return battle
    return _open_battle(locked, at=at, seed=seed)


@transaction.atomic
def replace_battle(battle: Battle, *, at: datetime, seed: int | None = None) -> Battle:
    """Another battle for the rater whose own can't go on, because a side fails to answer.

    The old one is never judged, and she does not meet its pair, or its one contestant, again.
    Raises RetryRefusedError while every side answers, and NobodyLeftError where nobody is left.
    """
    participation = _lock(battle.participation)
    require_active(participation)
    require_open(participation.study)
    require_current(participation, battle)
    if not last_replies(battle).filter(state=Reply.State.FAILED).exists():
        raise RetryRefusedError(_("Nothing has failed here: please go on with this conversation."))
    another = _open_battle(participation, at=at, seed=seed)
    if another is None:
        raise NobodyLeftError(
            _("There is nobody else left for you to meet. Please try again here.")
        )
    return another


@transaction.atomic
def put_topic_away(battle: Battle, *, at: datetime, seed: int | None = None) -> Battle:
    """The rater's battle anew, with the same sides and another task, for who will not talk of this.

    Of a sensitive topic alone, and without a reason. The old battle is never judged: it counts in
    `Battle.objects.put_away`, and for no strike. The same two are met again, so that nobody
    chooses by it whom she compares. Raises TopicStaysError where it can't be put away.
    """
    participation = _lock(battle.participation)
    require_active(participation)
    require_open(participation.study)
    require_current(participation, battle)
    if not may_put_topic_away(battle):
        raise TopicStaysError(_("This topic can't be put away. You may leave whenever you like."))
    task = draw_other_task(participation, Random(seed))  # noqa: S311  as above
    if task is None:
        raise TopicStaysError(_("There is no other topic left. You may leave whenever you like."))
    return Battle.objects.create(
        participation=participation,
        key=_next_key(participation),
        side_a_id=battle.side_a_id,
        side_b_id=battle.side_b_id,
        task=task,
        attention_check_id=battle.attention_check_id,
        broken_side=battle.broken_side,
        created_at=at,
    )


def may_put_topic_away(battle: Battle) -> bool:
    """Whether a battle's topic is a sensitive one, and its rater has not put away too many."""
    if battle.task is None or battle.task.area != Task.SENSITIVE or battle.repeats_id is not None:
        return False
    return battle.participation.battles.put_away().count() < MOST_PUT_AWAY


@transaction.atomic
def send_message(
    battle: Battle,
    *,
    text: str,
    number: int,
    pasted_signs: int | None = None,
    times_away: int | None = None,
    at: datetime,
) -> Turn:
    """Say something to every side: turn `number` with its waiting replies, and a bell for each.

    Sent again with the same text, the turn that stands is returned. A side that failed has to
    be asked again first (`retry_reply`), so that both hear the same conversation. Asking who a
    side is marks the turn. `pasted_signs` and `times_away` are what her browser told, if it did.
    Raises a BattleError, BattleOverError or PlaceLostError that says why nothing was sent.
    """
    text = as_stored(text)
    participation = _lock(battle.participation)
    standing = battle.turns.filter(number=number).first()
    if standing is not None:
        if standing.text != text:
            raise TurnConflictError(
                _("Another message stands as number %(number)s already.") % {"number": number}
            )
        return standing
    require_active(participation)
    require_open(participation.study)
    require_current(participation, battle)
    require_sayable(text)
    require_next(battle, number, participation.study)
    turn = Turn.objects.create(
        battle=battle,
        number=number,
        text=text,
        created_at=at,
        is_identity_probe=is_identity_probe(text),
        pasted_signs=pasted_signs,
        times_away=times_away,
        screen_due_at=at,
    )
    ring_screen(turn)
    waiting = (Reply(turn=turn, side=side, due_at=at) for side in battle.sides)
    for reply in Reply.objects.bulk_create(waiting):
        ring_reply(reply.pk)
    return turn


@transaction.atomic
def retry_reply(reply: Reply, *, at: datetime) -> Reply:
    """Ask a side again that could not answer the last message; the other side keeps its answer.

    A side that is being asked again already is left to it. Raises RetryRefusedError for an
    answer that stands and for an earlier turn.
    """
    battle = reply.turn.battle
    participation = _lock(battle.participation)
    require_active(participation)
    require_judging(participation.study)
    require_current(participation, battle)
    reply.refresh_from_db()
    if reply.state in (Reply.State.WAITING, Reply.State.CLAIMED):
        return reply
    if reply.state == Reply.State.FINISHED or not last_replies(battle).filter(pk=reply.pk):
        raise RetryRefusedError(_("This is answered already: there is nothing to ask again."))
    Reply.objects.filter(pk=reply.pk, state=Reply.State.FAILED).update(
        state=Reply.State.WAITING, text="", error="", attempts=0, due_at=at, finished_at=None
    )
    ring_reply(reply.pk)
    reply.refresh_from_db()
    return reply


@transaction.atomic
def give_verdicts(
    battle: Battle,
    *,
    outcomes: Mapping[str, str],
    items: Mapping[int, str] = NO_ITEMS,
    reason: str = "",
    at: datetime,
) -> Battle:
    """Record the rater's verdict on each dimension, by its key, and end the battle.

    `items` are her answers to the checks that stand among the dimensions, by their ids. The only
    writer of live verdicts; in a preview, whose rows have to pass, it writes none. Given
    again, the first verdicts stay. Raises JudgementRefusedError where an outcome is missing or
    unknown, the talk was too short, or the study asks for ratings; ReplyPendingError while a side
    is answering; and PlaceLostError, StudyRestsError or BattleOverError where it is too late.
    """
    study = _begin_judging(battle, Study.Protocol.PAIRWISE, reason)
    if study is None:
        return battle
    chosen = _by_dimension(study, outcomes, Outcome.values)
    answered = read_items(battle, items)
    if study.preview_of_id is None:
        Verdict.objects.bulk_create(
            Verdict(battle=battle, dimension_id=dimension, outcome=outcome, recorded_at=at)
            for dimension, outcome in chosen.items()
        )
    record_checks(battle, answered, chosen, at=at)
    return _end(battle, reason, at=at)


@transaction.atomic
def give_ratings(
    battle: Battle,
    *,
    scores: Mapping[str, int],
    items: Mapping[int, str] = NO_ITEMS,
    reason: str = "",
    at: datetime,
) -> Battle:
    """Record the rater's rating of the one contestant on each dimension, and end the battle.

    `scores` by the dimensions' keys, from Rating.LOWEST to Rating.HIGHEST. The only writer of
    ratings; everything else is as with `give_verdicts`.
    """
    study = _begin_judging(battle, Study.Protocol.SINGLE, reason)
    if study is None:
        return battle
    chosen = _by_dimension(study, scores, SCALE)
    answered = read_items(battle, items)
    if study.preview_of_id is None:
        Rating.objects.bulk_create(
            Rating(battle=battle, dimension_id=dimension, score=score, recorded_at=at)
            for dimension, score in chosen.items()
        )
    record_checks(battle, answered, chosen, at=at)
    return _end(battle, reason, at=at)


def _begin_judging(battle: Battle, protocol: Study.Protocol, reason: str) -> Study | None:
    """The study, her part in it locked, if the battle can be judged now; None if it is judged."""
    participation = _lock(battle.participation)
    study = participation.study
    if study.protocol != protocol:
        raise JudgementRefusedError(
            _("The study is of %(protocol)s.") % {"protocol": study.get_protocol_display()}
        )
    battle.refresh_from_db()
    if battle.judged_at is not None:
        return None
    require_active(participation)
    require_judging(study)
    require_current(participation, battle)
    if len(as_stored(reason)) > LONGEST_TEXT:
        words = _("The reason is longer than %(most)s characters.")
        raise JudgementRefusedError(words % {"most": figure(LONGEST_TEXT)})
    require_talked(battle, study)
    return study


def _end(battle: Battle, reason: str, *, at: datetime) -> Battle:
    battle.judged_at, battle.reason, battle.screen_due_at = at, as_stored(reason), at
    battle.save(update_fields=["judged_at", "reason", "screen_due_at"])
    ring_screen(battle)
    return battle


def _open_battle(participation: Participation, *, at: datetime, seed: int | None) -> Battle | None:
    """Her next battle, None where there is none or nobody is left to meet.

    The participation must be locked.
    """
    judged = list(participation.battles.filter(judged_at__isnull=False).order_by("pk"))
    placement, number = placement_of(participation), len(judged) + 1
    if number > placement.battles:
        return None
    if placement.repeated is not None and placement.is_repeat(number):
        return _repeat_battle(judged[placement.repeated - 1], at=at)
    check, broken_side = placement.gold.get(number, (None, ""))
    # No secrets hang on this: the same seed has to give the same battle.
    chance = Random(seed)  # noqa: S311
    sides = draw_sides(participation, chance, is_check=check is not None)
    if sides is None:
        return None
    is_alone = sides[1] is None
    return Battle.objects.create(
        participation=participation,
        key=_next_key(participation),
        side_a_id=sides[0],
        side_b_id=sides[1],
        task=draw_task(participation, chance),
        attention_check_id=check,
        broken_side=Reply.Side.A if broken_side and is_alone else broken_side,
        created_at=at,
    )


def _repeat_battle(battle: Battle, *, at: datetime) -> Battle:
    """A battle that shows an earlier one again, its sides swapped. What was said stays there."""
    participation, a, b = battle.participation, battle.side_a_id, battle.side_b_id
    return Battle.objects.create(
        participation=participation,
        key=_next_key(participation),
        side_a_id=a if b is None else b,
        side_b_id=b if b is None else a,
        task=battle.task,
        attention_check=participation.study.checks.get(kind=AttentionCheck.Kind.REPEAT),
        repeats=battle,
        created_at=at,
    )


def _next_key(participation: Participation) -> str:
    return str(participation.battles.count() + 1)


# What has to hold


def _lock(participation: Participation) -> Participation:
    """The participation as it stands, locked: what a rater does in two tabs goes one by one."""
    locked = Participation.objects.select_for_update(of=("self",)).select_related("study")
    return locked.get(pk=participation.pk)


def _by_dimension(
    study: Study, given: Mapping[str, Given], known: Container[Given]
) -> dict[int, Given]:
    """What is given for each dimension of the study, each known, by the dimension's id."""
    dimensions = dict(study.dimensions.values_list("key", "pk"))
    if missing := dimensions.keys() - given.keys():
        words = _("An answer is missing: %(question)s")
        raise JudgementRefusedError(words % {"question": f"{', '.join(sorted(missing))}."})
    if unknown := given.keys() - dimensions.keys():
        raise JudgementRefusedError(
            _("The study does not ask for: %(dimensions)s.")
            % {"dimensions": ", ".join(sorted(unknown))}
        )
    for key, answer in given.items():
        if answer not in known:
            raise JudgementRefusedError(
                _('"%(answer)s" is no answer for %(dimension)s.')
                % {"answer": answer, "dimension": key}
            )
    return {pk: given[key] for key, pk in dimensions.items()}
