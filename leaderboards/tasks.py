"""Doorbells: each takes an id and calls a service of its subject."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from leaderboards.machines.asking import ask_for_missing_reports
from leaderboards.scheduling import refill, stopping
from leaderboards.scheduling.knowledge import Folded
from leaderboards.services import exports, reports
from leaderboards.services.robustness import ask_for_missing_checks
from leaderboards.services.standings import fold_standings
from studies.models import Study


@shared_task
def fold_study_standings(study_id: int) -> None:
    """Fold what is new in one study, choose the next pairs by it, and see what it has answered."""
    study = Study.objects.get(pk=study_id)
    if fold_standings(study):
        folded = Folded.of(study)
        refill.refill_queue(study, at=timezone.now(), folded=folded)
        if stopping.look(study, at=timezone.now(), folded=folded):
            look_at_stopping_rules.delay(study_id)


@shared_task
def look_at_stopping_rules(study_id: int) -> None:
    """Look whether a study is answered; again, as long as forecasts are due that took too long."""
    if stopping.look(Study.objects.get(pk=study_id), at=timezone.now()):
        look_at_stopping_rules.delay(study_id)


@shared_task
def fold_all_standings() -> None:
    """Fold what is new anywhere: no verdict waits longer than a beat, whatever rang or did not."""
    comparing = Study.objects.filter(protocol=Study.Protocol.PAIRWISE, preview_of=None)
    for study in comparing.exclude(state__in=[Study.State.DRAFT, Study.State.ARCHIVED]):
        fold_study_standings(study.pk)


@shared_task
def refill_low_queues() -> None:
    """Let no queue run dry between two folds, and give a study that opens its first one."""
    refill.refill_low_queues(at=timezone.now())


@shared_task
def write_report(report_id: int) -> None:
    """Compute a report that was asked for."""
    reports.write_report(report_id, at=timezone.now())


@shared_task
def ring_due_reports() -> None:
    """Let no report wait for a bell that was lost, or for a worker that has died.

    Nor a judge's run that has ended for the reports on it, nor a board for its checks.
    """
    ask_for_missing_reports(at=timezone.now())
    ask_for_missing_checks(at=timezone.now())
    reports.ring_due_reports(at=timezone.now())


@shared_task
def build_export(export_id: str) -> None:
    """Build an export that was asked for."""
    exports.build_export(UUID(export_id), at=timezone.now())


@shared_task
def ring_due_exports() -> None:
    """Let no export wait for a bell that was lost, or for a worker that has died."""
    exports.ring_due_exports(at=timezone.now())


@shared_task
def expire_exports() -> None:
    """Remove the files of exports whose time is over."""
    exports.expire_exports(at=timezone.now())
