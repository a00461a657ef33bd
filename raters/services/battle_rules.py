"""What has to hold before a rater's battle goes on, and how she is told that it does not."""

from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from raters.errors import (
    BattleOverError,
    JudgementRefusedError,
    MessageRefusedError,
    PlaceLostError,
    ReplyPendingError,
    SideFailedError,
    StudyRestsError,
    TurnConflictError,
)
from raters.models import Battle, Participation, Reply
from studies.models import Study

LONGEST_TEXT: Final = 8_000


def current_battle(participation: Participation) -> Battle | None:
    """The battle that the rater is in: her last one, while it is not judged."""
    last = participation.battles.select_related("side_a", "side_b", "task").order_by("-pk").first()
    return last if last is not None and last.judged_at is None else None


def whole_turns(battle: Battle) -> int:
    """How many messages every side has answered."""
    answered = battle.turns.annotate(
        answers=Count("replies", filter=Q(replies__state=Reply.State.FINISHED))
    )
    return answered.filter(answers=len(battle.sides)).count()


def require_active(participation: Participation) -> None:
    """She is inside: PlaceLostError otherwise."""
    if participation.state != Participation.State.ACTIVE:
        raise PlaceLostError(_("Your part in this study has ended."))


def require_open(study: Study) -> None:
    """Something new may begin: StudyRestsError otherwise."""
    if study.state != Study.State.OPEN:
        raise StudyRestsError(_resting_words(study))


def _resting_words(study: Study) -> str:
    if study.state == Study.State.PAUSED:
        return _("The study is paused at the moment.")
    return _("The study has ended.")


def require_judging(study: Study) -> None:
    """While a study is paused nothing new begins, but what was begun may be ended."""
    if study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyRestsError(_resting_words(study))


def require_current(participation: Participation, battle: Battle) -> None:
    """It is the battle that she is in: BattleOverError otherwise."""
    current = current_battle(participation)
    if current is None or current.pk != battle.pk:
        raise BattleOverError(_("This conversation has ended. Please go on with the next one."))


def require_sayable(text: str) -> None:
    """It says something, and no more than fits: MessageRefusedError otherwise."""
    if not text:
        raise MessageRefusedError(_("Your message is empty."))
    if len(text) > LONGEST_TEXT:
        words = _("Your message has %(signs)s characters; %(most)s are the most.")
        figures = {"signs": figure(len(text)), "most": figure(LONGEST_TEXT)}
        raise MessageRefusedError(words % figures)


def figure(number: int) -> str:
    """A whole number as it is written in the rater's language."""
    return number_format(number, force_grouping=True)


def require_next(battle: Battle, number: int, study: Study) -> None:
    """The last turn is answered by every side, and `number` comes after it."""
    if battle.repeats_id is not None:
        raise MessageRefusedError(_("This conversation is over. Please answer the questions now."))
    states = set(last_replies(battle).values_list("state", flat=True))
    if states & {Reply.State.WAITING, Reply.State.CLAIMED}:
        raise ReplyPendingError(_("Please wait until your last message is answered."))
    if Reply.State.FAILED in states:
        raise SideFailedError(
            _("Your last message lacks an answer. Please ask for it again first.")
        )
    said = battle.turns.count()
    if said >= study.max_turns:
        words = ngettext(
            "You have sent %(said)d message, the most here. Please answer the questions now.",
            "You have sent %(said)d messages, the most here. Please answer the questions now.",
            said,
        )
        raise MessageRefusedError(words % {"said": said})
    if number != said + 1:
        raise TurnConflictError(
            _("The next message is number %(next)s, not %(number)s.")
            % {"next": said + 1, "number": number}
        )


def last_replies(battle: Battle) -> QuerySet[Reply]:
    """The replies to her last message."""
    last = battle.turns.order_by("-number").values("pk")[:1]
    return Reply.objects.filter(turn__in=last)


def require_talked(battle: Battle, study: Study) -> None:
    """They have talked enough: ReplyPendingError or JudgementRefusedError otherwise."""
    if battle.repeats_id is not None:
        return
    pending = Reply.objects.filter(
        turn__battle=battle, state__in=[Reply.State.WAITING, Reply.State.CLAIMED]
    )
    if pending.exists():
        raise ReplyPendingError(_("Please wait until your last message is answered."))
    said = whole_turns(battle)
    if said < study.min_turns:
        words = ngettext(
            "Of at least %(least)d message, %(said)d are answered until now.",
            "Of at least %(least)d messages, %(said)d are answered until now.",
            study.min_turns,
        )
        raise JudgementRefusedError(words % {"least": study.min_turns, "said": said})


def as_stored(text: str) -> str:
    """Text from a form: lines end in one way, and without the NUL that PostgreSQL refuses."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
