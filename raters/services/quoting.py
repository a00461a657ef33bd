"""Everything that writes whether raters' words may stand on public pages, besides her consent."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from raters.models import Battle, Participation
from studies.models import Study
from studies.simulated import require_simulated


def release_words(participation: Participation, *, at: datetime) -> None:
    """She agrees that her words may be published; again keeps the first time.

    Nothing changes where the study doesn't ask for it, and once she has withdrawn.
    """
    hers = Participation.objects.filter(pk=participation.pk, study__asks_to_quote=True)
    hers = hers.exclude(state=Participation.State.WITHDRAWN)
    hers.filter(words_released_at=None).update(words_released_at=at)
    participation.refresh_from_db(fields=["words_released_at"])


def take_words_back(participation: Participation) -> None:
    """Her words are published no more, whatever the study asks; what she said otherwise stands."""
    Participation.objects.filter(pk=participation.pk).update(words_released_at=None)
    participation.refresh_from_db(fields=["words_released_at"])


def hide_reason(battle: Battle) -> None:
    """Leave a battle's reason out of public pages, although she agreed that it may stand there."""
    _set_hidden(battle, is_hidden=True)


def show_reason(battle: Battle) -> None:
    """Let a battle's reason stand on public pages again, where she agreed to it."""
    _set_hidden(battle, is_hidden=False)


def _set_hidden(battle: Battle, *, is_hidden: bool) -> None:
    Battle.objects.filter(pk=battle.pk).update(is_reason_hidden=is_hidden)
    battle.is_reason_hidden = is_hidden


@transaction.atomic
def give_simulated_reasons(study: Study, reasons: Mapping[int, str], *, at: datetime) -> None:
    """Let simulated raters have given these reasons, by battle id, and have released their words.

    StateError in a study of people.
    """
    require_simulated(study)
    battles = Battle.objects.filter(participation__study=study).in_bulk(list(reasons))
    for battle in battles.values():
        battle.reason = reasons[battle.pk]
    Battle.objects.bulk_update(battles.values(), ["reason"], batch_size=500)
    hers = {battle.participation_id for battle in battles.values()}
    Participation.objects.filter(pk__in=hers).update(words_released_at=at)
