"""Everything that makes reports: ask for one, claim it, compute it, finish."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.errors import BoardError
from leaderboards.facts import UnknownFactsError, parse
from leaderboards.models import Report
from leaderboards.ranking.errors import RankingError
from leaderboards.reports import KINDS, Json, compute_of
from leaderboards.services.leases import (
    BREAKS_OFF,
    UNCLAIMED,
    UNFORESEEN,
    claim_row,
    claimed,
    due_rows,
    fail,
    give_up,
)
from studies.bells import ring
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Longer than any of them takes. A worker that died is noticed so late, and a person told so.
LEASE: Final = timedelta(minutes=15)
DIED: Final = gettext_noop("The worker that was computing it died, several times.")


@dataclass(frozen=True)
class ReportStatus:
    """What there is of a report: the newest that is finished, and one that was asked for since."""

    finished: Report | None
    later: Report | None

    @property
    def is_under_way(self) -> bool:
        """Whether a worker will finish one, or say why not."""
        return self.later is not None and self.later.state != Report.State.FAILED

    @property
    def error(self) -> str:
        """Why the last one that was asked for could not be made; empty where none failed."""
        return self.later.error if self.later else ""

    def facts(self, kind: type[T]) -> T | None:
        """What the finished one says; None where there is none, or earlier code wrote it."""
        try:
            return None if self.finished is None else parse(kind, self.finished.document)
        except UnknownFactsError:
            return None


@dataclass(frozen=True)
class ReportClaim:
    """A report that is this worker's to compute."""

    report_id: int
    token: uuid.UUID
    study: Study
    kind: str
    subject: str


@transaction.atomic
def ask_for_report(
    study: Study, kind: str, subject: str = "", *, by: "User | None" = None, at: datetime
) -> Report:
    """Ask for a report, or join who asked for the same already; a worker computes it.

    KeyError for a kind that there is not.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    # Two that ask at once would both find none.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    same = Report.objects.filter(study=study, kind=kind, subject=subject)
    report = same.filter(state__in=[Report.State.WAITING, Report.State.CLAIMED]).first()
    if report is None:
        report = Report.objects.create(
            study=study, kind=kind, subject=subject, asked_at=at, asked_by=by
        )
    _ring(report.pk)
    return report


def latest_report(study: Study, kind: str, subject: str = "") -> Report | None:
    """The newest finished report of a kind and subject, if there is any."""
    same = Report.objects.filter(study=study, kind=kind, subject=subject)
    return same.filter(state=Report.State.FINISHED).order_by("-finished_at", "-pk").first()


def report_under_way(study: Study, kind: str, subject: str = "") -> Report | None:
    """What was asked for last of a kind and subject, if it is not finished: waiting or failed."""
    last = Report.objects.filter(study=study, kind=kind, subject=subject).order_by("-pk").first()
    return None if last is None or last.state == Report.State.FINISHED else last


def report_status(study: Study, kind: str, subject: str = "") -> ReportStatus:
    """What there is of a kind and subject."""
    return ReportStatus(latest_report(study, kind, subject), report_under_way(study, kind, subject))


def write_report(report_id: int, *, at: datetime) -> None:
    """Compute a report if it is due; what stops it is told to whoever reads the report."""
    claim = claim_report(report_id, at=at)
    if claim is None:
        return
    try:
        document = compute_of(claim.kind)(claim.study, claim.subject, at)
    except (BoardError, RankingError) as error:
        fail_report(claim, str(error), at=timezone.now())
    except BREAKS_OFF as error:
        # It would be claimed again, and break off again, until nobody looks any more.
        logger.exception("Report %s broke off.", report_id)
        fail_report(claim, _(UNFORESEEN) % {"error": type(error).__name__}, at=timezone.now())
    else:
        finish_report(claim, document, at=timezone.now())


@transaction.atomic
def claim_report(report_id: int, *, at: datetime) -> ReportClaim | None:
    """Claim a report for this worker; None if it is not to be computed, or not by this one."""
    report = due_reports(at=at).select_related("study").filter(pk=report_id).first()
    if report is None or give_up(report, why=_(DIED), at=at):
        return None
    token = claim_row(report, lease=LEASE, at=at)
    if token is None:
        return None
    return ReportClaim(report.pk, token, report.study, report.kind, report.subject)


@transaction.atomic
def finish_report(claim: ReportClaim, document: Json, *, at: datetime) -> bool:
    """Store what came out, and drop what it replaces; False if the claim is no longer its own."""
    finished = _standing(claim).update(
        **UNCLAIMED, state=Report.State.FINISHED, document=document, finished_at=at
    )
    if finished:
        same = Report.objects.filter(study=claim.study, kind=claim.kind, subject=claim.subject)
        same.filter(pk__lt=claim.report_id).delete()
    return bool(finished)


def fail_report(claim: ReportClaim, error: str, *, at: datetime) -> bool:
    """Say why there is no report; the one before stays. False if the claim is not its own."""
    return fail(_standing(claim), error, at=at)


def due_reports(*, at: datetime) -> QuerySet[Report]:
    """Reports that a worker may claim now: waiting ones, and those whose lease has ended."""
    return due_rows(Report.objects.all(), at=at)


def ring_due_reports(*, at: datetime) -> int:
    """Ring for every report that is due, in case its first bell was lost; returns how many."""
    ids = list(due_reports(at=at).order_by("asked_at", "pk").values_list("pk", flat=True))
    for report_id in ids:
        _ring(report_id)
    return len(ids)


def _standing(claim: ReportClaim) -> QuerySet[Report]:
    return claimed(Report.objects.filter(pk=claim.report_id), claim.token)


def _ring(report_id: int) -> None:
    # The task imports this module for its work.
    from leaderboards.tasks import write_report

    ring(write_report, report_id)
