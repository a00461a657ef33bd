"""Asks for the reports on a judge's run: once it has ended, and whenever somebody wants them."""

from datetime import datetime
from typing import TYPE_CHECKING

from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import ENDED
from leaderboards.models import Report
from leaderboards.reports import COMPARISON, REPORT_CARD
from leaderboards.services.reports import ask_for_report
from raters.judging.protocols import LABELLERS
from raters.models import JudgeRun

if TYPE_CHECKING:
    from accounts.models import User


def ask_for_machine_reports(run: JudgeRun, *, by: "User | None" = None, at: datetime) -> None:
    """Ask for a run's report card, and for its comparison with people on each dimension."""
    for dimension in run.study.dimensions.order_by("position", "key"):
        ask_for_report(run.study, COMPARISON, comparison_subject(run, dimension), by=by, at=at)
    ask_for_report(run.study, REPORT_CARD, card_subject(run), by=by, at=at)


def ask_for_missing_reports(*, at: datetime) -> int:
    """Ask for the reports of runs that nobody has asked for since they ended; returns how many.

    Runs are ended in another layer, which knows nothing of reports: so it is looked for here.
    """
    asked: dict[tuple[int, str], datetime] = {}
    rows = Report.objects.filter(kind=REPORT_CARD).order_by("asked_at")
    for study, subject, asked_at in rows.values_list("study_id", "subject", "asked_at"):
        asked[study, subject] = asked_at
    missing = [
        run
        for run in JudgeRun.objects.filter(state__in=ENDED)
        .exclude(judge__protocol__in=LABELLERS)
        .select_related("study")
        if _is_missing(run, asked.get((run.study_id, card_subject(run))))
    ]
    for run in missing:
        ask_for_machine_reports(run, at=at)
    return len(missing)


def _is_missing(run: JudgeRun, asked_at: datetime | None) -> bool:
    return asked_at is None or (run.ended_at is not None and asked_at < run.ended_at)
