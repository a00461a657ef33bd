"""Everything that finds raters by who they are outside, and keeps that under the first key."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from raters.identities import fields_for, mark_of, unseal
from raters.models import Participation
from studies.models import Study

BATCH: Final = 1_000
# How many raters of a file have their marks at hand: mostly one rater's rows stand together.
MARKS_AT_HAND: Final = 10_000

Source = Participation.Source
Marker = Callable[[str], str]


def find_participation(
    study: Study, recruiting_id: str, *, source: str = Source.RECRUITED
) -> Participation | None:
    """Hers whom `source` calls so, if she has been here.

    Raises IdentityKeyError where nobody is found and the study's raters are kept under another
    key: she may well be among them, and would be there twice.
    """
    found = Participation.objects.named(study, recruiting_id, source=source)
    participation = found.select_related("study").first()
    if participation is None:
        require_identity_key(study)
    return participation


def note_visit(participation: Participation, *, study: str, session: str) -> None:
    """Keep what the recruiting platform calls the study and her visit; the latest stands.

    Empty, it says nothing: she has come back by another way.
    """
    if not participation.identity_sealed or not (study or session):
        return
    known = participation.identity
    told = replace(
        known,
        recruiting_study=study or known.recruiting_study,
        recruiting_session=session or known.recruiting_session,
    )
    if told != known:
        # Only in place of what was read: nobody who was erased meanwhile comes back by this.
        hers = Participation.objects.filter(
            pk=participation.pk, identity_sealed=participation.identity_sealed
        )
        study_id, source = participation.study_id, participation.source
        hers.update(**fields_for(study_id, told, source=source))
        participation.refresh_from_db(fields=["source", "identity_mark", "identity_sealed"])


def require_identity_key(study: Study) -> None:
    """Raise IdentityKeyError if the study's raters are kept under a key that is not ours."""
    known = study.participations.filter(identity_mark__isnull=False).order_by("identity_mark")
    unseal(known.values_list("identity_sealed", flat=True).first() or "")


def marker_of(study: Study) -> Marker:
    """What gives the raters of a file the marks under which this study knows them.

    Marks under former keys are brought up to date first: a file is compared with one mark a
    rater. Raises IdentityKeyError if the study's raters are kept under a key that is not ours.
    """
    require_identity_key(study)
    if settings.IDENTITY_KEY_FALLBACKS:
        renew_identities(study.participations.all())

    @lru_cache(maxsize=MARKS_AT_HAND)
    def mark(recruiting_id: str) -> str:
        return mark_of(study.pk, recruiting_id)

    return mark


def ids_of(study: Study) -> dict[int, str]:
    """What each participation of a study is called outside, by its key."""
    sealed = study.participations.values_list("pk", "identity_sealed")
    return {pk: unseal(text).recruiting_id for pk, text in sealed.iterator()}


def renew_identities(participations: QuerySet[Participation] | None = None) -> int:
    """Mark and seal under the first key who is kept under another one; returns how many.

    Batch by batch, each in a transaction: broken off, it goes on where it was. Raises
    IdentityKeyError at somebody whom no key opens.
    """
    chosen = Participation.objects.all() if participations is None else participations
    known = chosen.filter(identity_mark__isnull=False).order_by("pk")
    renewed, last = 0, 0
    while batch := list(known.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        renewed += _renew(batch)
        last = batch[-1]
    return renewed


@transaction.atomic
def _renew(keys: list[int]) -> int:
    """Locked, so that nobody who is erased meanwhile comes back."""
    locked = Participation.objects.select_for_update(of=("self",)).order_by("pk")
    renewed = []
    for hers in locked.filter(pk__in=keys, identity_mark__isnull=False):
        fields = fields_for(hers.study_id, hers.identity, source=hers.source)
        # Mark and seal are always written together: one tells of the other's key.
        if hers.identity_mark != fields["identity_mark"]:
            hers.identity_mark = fields["identity_mark"]
            hers.identity_sealed = fields["identity_sealed"]
            renewed.append(hers)
    Participation.objects.bulk_update(renewed, ["identity_mark", "identity_sealed"])
    return len(renewed)
