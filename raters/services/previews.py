"""Everything that writes previews: passing copies of studies, which an admin walks as a rater.

A preview has its own participations, battles and replies, so nothing of the real study is
touched; and no verdicts, which could never be removed again.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import PROTECT, ManyToOneRel, Max, QuerySet
from django.utils.translation import gettext as _

from raters.errors import PreviewRefusedError
from raters.models import Battle, Participation, Rater
from studies.cloning import clone_study
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User

# A preview without a word for so long is over.
KEPT: Final = timedelta(hours=1)


@transaction.atomic
def start_preview(study: Study, *, by: "User", at: datetime) -> Study:
    """A passing copy of a study, open to `by` alone, whatever state the study is in.

    What a design lacks only shortens the way. Raises PreviewRefusedError for what makes it
    impossible to walk.
    """
    if missing := tuple(_missing(study)):
        raise PreviewRefusedError(missing)
    slug = f"preview-{secrets.token_hex(8)}"
    preview = clone_study(study, slug=slug, title=study.title, is_preview=True)
    preview.state = Study.State.OPEN
    preview.opened_at = at
    # No recruiting platform sends her, and her calls are not the study's.
    preview.entrance = Study.Entrance.LINK
    preview.budget = None
    preview.save()
    preview.team.add(by)
    return preview


def _missing(study: Study) -> Iterator[str]:
    """What nobody can walk a study without, in sentences."""
    needed = 1 if study.protocol == Study.Protocol.SINGLE else 2
    standing = study.contestants.filter(withdrawn_at=None).count()
    if standing < needed:
        words = (
            _("Enter at least one contestant; %(standing)s would take part now.")
            if needed == 1
            else _("Enter at least two contestants; %(standing)s would take part now.")
        )
        yield words % {"standing": standing or _("none")}
    if not study.dimensions.exists():
        yield _("Add a dimension: what raters are asked.")
    if not study.consent_texts.exists():
        yield _("Write the consent text that raters agree to.")


@transaction.atomic
def end_preview(preview: Study) -> None:
    """Delete a preview with all that was said in it. Ended already, it stays ended."""
    if preview.preview_of_id is None:
        raise ValueError(f"{preview.slug} is a study, and no preview of one.")
    # Whoever writes something there holds one of these locks, and finds nothing afterwards.
    if not Study.objects.select_for_update().filter(pk=preview.pk).exists():
        return
    hers = Participation.objects.select_for_update().filter(study=preview)
    raters = list(hers.values_list("rater_id", flat=True))
    _delete_with_all_of_it(Study.objects.filter(pk=preview.pk))
    Rater.objects.filter(pk__in=raters, participations=None).delete()


def _delete_with_all_of_it(rows: QuerySet[Any]) -> None:
    """Delete rows, and before them whatever would protect them, in any table.

    What is final, such as a verdict, refuses it: that never comes into being in a preview.
    """
    model = rows.model
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel) or relation.on_delete is not PROTECT:
            continue
        name = relation.field.name
        if relation.related_model is model:
            rows.update(**{name: None})
        else:
            related = relation.related_model._default_manager
            _delete_with_all_of_it(related.filter(**{f"{name}__in": rows.values("pk")}))
    rows.delete()


def end_stale_previews(*, at: datetime) -> int:
    """End every preview without a word for an hour; returns how many."""
    previews = Study.objects.filter(preview_of__isnull=False, opened_at__lt=at - KEPT)
    stale = [preview for preview in previews if _last_word_at(preview) < at - KEPT]
    for preview in stale:
        end_preview(preview)
    return len(stale)


def _last_word_at(preview: Study) -> datetime:
    """When the admin last did something in a preview."""
    words = (
        preview.opened_at,
        *preview.participations.aggregate(Max("created_at"), Max("ended_at")).values(),
        *Battle.objects.filter(participation__study=preview)
        .aggregate(Max("created_at"), Max("judged_at"), Max("turns__created_at"))
        .values(),
    )
    last: datetime = max(word for word in words if word is not None)
    return last
