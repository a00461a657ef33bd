"""Reads the conversations of a study's battles as their raters saw them."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from raters.judge_cases import read_exchanges
from raters.judging.cases import Exchange
from raters.models import Battle, Participation, Reply, Turn
from raters.shown import names_to_hide
from studies.models import Study

# As many battles as are read at a time; a screenful of texts each.
CHUNK: Final = 500
UNDER_WAY: Final = (Participation.State.RESERVED, Participation.State.ACTIVE)


def battles_with_words(study: Study) -> QuerySet[Battle]:
    """A study's battles between two contestants whose words are there, checks aside.

    Judged or not: but not those in which somebody is still talking.
    """
    said = Turn.objects.filter(battle=OuterRef("pk"), is_erased=False)
    unfinished = Reply.objects.filter(~Q(state=Reply.State.FINISHED), turn__battle=OuterRef("pk"))
    over = Q(judged_at__isnull=False) | ~Q(participation__state__in=UNDER_WAY)
    found = Battle.objects.filter(
        over, participation__study=study, attention_check=None, side_b__isnull=False
    )
    return found.filter(Exists(said), ~Exists(unfinished)).order_by("pk")


def read_conversations(
    study: Study, battles: Sequence[int]
) -> Iterator[tuple[Battle, tuple[Exchange, ...]]]:
    """Battles by id in this order, each with what was said; names of models are masked.

    A battle whose words are gone meanwhile is left out.
    """
    names = names_to_hide(study)
    for start in range(0, len(battles), CHUNK):
        wanted = battles[start : start + CHUNK]
        found = Battle.objects.select_related("participation").in_bulk(wanted)
        said = read_exchanges(list(found.values()), names)
        for battle_id in wanted:
            if battle_id in found and said[battle_id]:
                yield found[battle_id], said[battle_id]
