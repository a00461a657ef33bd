"""What workers do for people, done at once for simulated raters: replies, and screens.

Simulated studies have contestants that nobody can ask, and raters whose words say nothing: both
would only cost time, and money. A study of people is refused here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.db import transaction

from raters.models import Battle, Reply, Turn
from raters.services.replies import make_reply
from studies.models import Contestant
from studies.providers import BOT_SCHEME
from studies.simulated import require_simulated

SIMULATED_REPLY: Final = "This reply is simulated: no chat model was asked for it."


def answer_as_simulated(turn: Turn, *, at: datetime) -> None:
    """Let every side have answered a message: a built-in bot by itself, others with a stock reply.

    Nobody is asked over a network, whatever address a chat model has, and the message is not
    screened. StateError in a study of people.
    """
    battle = turn.battle
    require_simulated(battle.participation.study)
    bots = set(
        Contestant.objects.filter(
            pk__in=[battle.side_a_id, battle.side_b_id],
            chat_model__base_url__startswith=BOT_SCHEME,
        ).values_list("pk", flat=True)
    )
    sides = {Reply.Side.A: battle.side_a_id, Reply.Side.B: battle.side_b_id}
    stock = [side for side, contestant in sides.items() if contestant not in bots]
    turn.replies.filter(state=Reply.State.WAITING, side__in=stock).update(
        state=Reply.State.FINISHED, text=SIMULATED_REPLY, asked_at=at, finished_at=at
    )
    if bots:
        for reply in turn.replies.exclude(side__in=stock):
            make_reply(reply.pk)
    Turn.objects.filter(pk=turn.pk).update(screen_due_at=None)


def skip_screens(battle: Battle) -> None:
    """Take a judged battle for screened. StateError in a study of people."""
    require_simulated(battle.participation.study)
    Battle.objects.filter(pk=battle.pk).update(screen_due_at=None)


@contextmanager
def without_bells() -> Iterator[None]:
    """A transaction after which nobody is rung: workers elsewhere have no part in it."""
    with transaction.atomic():
        connection = transaction.get_connection()
        before = len(connection.run_on_commit)
        yield
        del connection.run_on_commit[before:]
