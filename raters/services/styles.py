"""Counts how the replies of judged battles look, once, while their texts are there."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from statistics import mean
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from raters.models import Battle, Reply, SideStyle
from raters.quality.style import style_of_all
from studies.models import Study

# As many battles as are read at a time; a screenful of texts each.
CHUNK: Final = 500


def store_styles(battles: Collection[int]) -> int:
    """Store the styles of these battles' sides that have finished replies; returns how many.

    Those that are stored already stay as they are. Replies that are broken on purpose, in gold
    battles, are counted like any: no board asks for these.
    """
    said: defaultdict[tuple[int, str], list[tuple[str, int | None]]] = defaultdict(list)
    replies = Reply.objects.filter(turn__battle__in=battles, state=Reply.State.FINISHED)
    fields = ("turn__battle_id", "side", "text", "first_piece_ms")
    for battle, side, text, first_piece_ms in replies.order_by("pk").values_list(*fields):
        said[battle, side].append((text, first_piece_ms))
    styles = [
        SideStyle(
            battle_id=battle,
            side=side,
            first_piece_ms=_mean(ms for _, ms in answers),
            **vars(style_of_all(text for text, _ in answers)),
        )
        for (battle, side), answers in said.items()
    ]
    SideStyle.objects.bulk_create(styles, ignore_conflicts=True)
    return len(styles)


def store_missing_styles(study: Study, *, most: int) -> int:
    """Store the styles of up to so many judged battles of a study that have none yet.

    Every battle has its styles from its screening on; older ones were judged before that.
    Returns how many more battles wait.
    """
    waiting = list(_without_style(study).order_by("-pk").values_list("pk", flat=True))
    for start in range(0, min(most, len(waiting)), CHUNK):
        store_styles(waiting[start : min(start + CHUNK, most)])
    return max(len(waiting) - most, 0)


def _without_style(study: Study) -> QuerySet[Battle]:
    if not Reply.objects.filter(turn__battle__participation__study=study).exists():
        # An imported study has verdicts alone: no look at the battle of every one of them.
        return Battle.objects.none()
    answered = Reply.objects.filter(turn__battle=OuterRef("pk"), state=Reply.State.FINISHED)
    return Battle.objects.filter(
        ~Exists(SideStyle.objects.filter(battle=OuterRef("pk"))),
        Exists(answered),
        participation__study=study,
        judged_at__isnull=False,
        attention_check__isnull=True,
    )


def _mean(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return round(mean(known)) if known else None
