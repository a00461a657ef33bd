"""What screens read of a conversation up to one of its turns."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from raters.models import Reply, Turn
from raters.shown import names_to_hide, text_for_rater
from studies.models import Study


@dataclass(frozen=True)
class Talk:
    """A conversation up to `turn`, names of models masked.

    `replies` holds for each message what the sides answered, A first; an answer that never came
    is empty. `said_before` are her messages of all her battles before this one of hers.
    """

    study: Study
    turn: Turn
    topic: str
    messages: tuple[str, ...]
    replies: tuple[tuple[str, ...], ...]
    said_before: tuple[str, ...]
    could_write_at: datetime
    replies_began_at: datetime
    pasted_signs: int

    @property
    def earlier_replies(self) -> tuple[tuple[str, ...], ...]:
        """What was answered to the messages before the last one."""
        return self.replies[:-1]


def read_talk(turn: Turn) -> Talk:
    """The conversation of a battle up to one of its turns."""
    battle = turn.battle
    study = battle.participation.study
    names = names_to_hide(study)
    until_now = battle.turns.filter(number__lte=turn.number).order_by("number")
    turns = list(until_now.prefetch_related("replies"))
    before = Turn.objects.filter(
        battle__participation=battle.participation_id, battle__repeats=None, pk__lt=turn.pk
    )
    task = [battle.task.name, battle.task.text] if battle.task else []
    return Talk(
        study=study,
        turn=turn,
        topic="\n".join(filter(None, [study.task, *task])),
        messages=tuple(each.text for each in turns),
        replies=tuple(_answers(each, names) for each in turns),
        said_before=tuple(before.order_by("pk").values_list("text", flat=True)),
        could_write_at=_answered_at(turns[-2]) if len(turns) > 1 else battle.created_at,
        replies_began_at=_answers_began_at(turns[-1]),
        pasted_signs=sum(each.pasted_signs or 0 for each in turns),
    )


def _sorted_replies(turn: Turn) -> list[Reply]:
    return sorted(turn.replies.all(), key=lambda reply: reply.side)


def _answers(turn: Turn, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(text_for_rater(reply, names) for reply in _sorted_replies(turn))


def _answered_at(turn: Turn) -> datetime:
    """When the first side had answered: from then on she could think of what to say next."""
    return min(reply.finished_at or turn.created_at for reply in turn.replies.all())


def _answers_began_at(turn: Turn) -> datetime:
    """When the first words came, of whichever side: she can't have read any before."""
    began = [
        reply.asked_at + timedelta(milliseconds=reply.first_piece_ms)
        for reply in turn.replies.all()
        if reply.asked_at is not None and reply.first_piece_ms is not None
    ]
    return min(began, default=turn.created_at)
