"""Doorbells: each takes an id and calls a service of its subject."""

from celery import shared_task

from leaderboards.services.standings import fold_standings
from studies.models import Study


@shared_task
def fold_study_standings(study_id: int) -> None:
    """Fold what is new in one study."""
    fold_standings(Study.objects.get(pk=study_id))


@shared_task
def fold_all_standings() -> None:
    """Fold what is new anywhere: no verdict waits longer than a beat, whatever rang or did not."""
    comparing = Study.objects.filter(protocol=Study.Protocol.PAIRWISE, preview_of=None)
    for study in comparing.exclude(state__in=[Study.State.DRAFT, Study.State.ARCHIVED]):
        fold_standings(study)
