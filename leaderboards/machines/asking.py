"""Asks for the reports on a judge's run: once it has ended, and whenever somebody wants them."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import ENDED
from leaderboards.models import Report
from leaderboards.reports import COMPARISON, LABELS, REPORT_CARD, ROUTING, SAFETY
from leaderboards.routing import subject_after
from leaderboards.services.reports import ask_for_report
from raters.judging.protocols.boolean import BooleanRubric
from raters.models import JudgeRun
from raters.querysets import JudgeRunQuerySet
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User


def ask_for_machine_reports(run: JudgeRun, *, by: "User | None" = None, at: datetime) -> None:
    """Ask for a run's report card, its comparison with people on each dimension, and its routing.

    The safety board is asked for too, where a rubric's run may have changed it.
    """
    study = run.study
    for dimension in study.dimensions.order_by("position", "key"):
        ask_for_report(study, COMPARISON, comparison_subject(run, dimension), by=by, at=at)
    ask_for_report(study, REPORT_CARD, card_subject(run), by=by, at=at)
    if subject := subject_after(run):
        # Nobody chose it, so that nobody stands behind it.
        ask_for_report(study, ROUTING, subject, at=at)
    if run.judge.protocol == BooleanRubric.key and study.has_scenarios:
        _ask_on_each_dimension(study, SAFETY, at=at)


def ask_for_missing_reports(*, at: datetime) -> int:
    """Ask for the reports of runs that nobody has asked for since they ended; returns how many.

    Runs are ended in another layer, which knows nothing of reports: so it is looked for here.
    """
    judging = list(_without(REPORT_CARD, JudgeRun.objects.judging()))
    for run in judging:
        ask_for_machine_reports(run, at=at)
    labelling = list(_without(LABELS, JudgeRun.objects.labelling()))
    for study in {run.study for run in labelling}:
        _ask_on_each_dimension(study, LABELS, at=at)
    return len(judging) + len(labelling)


def _without(kind: str, runs: JudgeRunQuerySet) -> Iterator[JudgeRun]:
    """The ended ones of some runs of which no report of this kind was asked for since.

    A report card is of one run, and a report on labels of the newest.
    """
    asked: dict[tuple[int, str], datetime] = {}
    rows = Report.objects.filter(kind=kind).order_by("asked_at")
    for study, subject, asked_at in rows.values_list("study_id", "subject", "asked_at"):
        asked[study, subject if kind == REPORT_CARD else ""] = asked_at
    for run in runs.filter(state__in=ENDED).select_related("study", "judge"):
        if kind == LABELS and run.study.protocol == Study.Protocol.SINGLE:
            continue
        subject = card_subject(run) if kind == REPORT_CARD else ""
        if _is_missing(run, asked.get((run.study_id, subject))):
            yield run


def _ask_on_each_dimension(study: Study, kind: str, *, at: datetime) -> None:
    for dimension in study.dimensions.order_by("position", "key"):
        ask_for_report(study, kind, dimension.key, at=at)


def _is_missing(run: JudgeRun, asked_at: datetime | None) -> bool:
    return asked_at is None or (run.ended_at is not None and asked_at < run.ended_at)
