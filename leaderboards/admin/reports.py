"""What the admin's pages of reports have in common: one is asked for, waited for, and shown."""

from datetime import timedelta
from typing import Any, Final, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.admin_pages import actor
from leaderboards.services.reports import ReportStatus, ask_for_report
from studies.models import Study

T = TypeVar("T")

# The browser asks for a page that waits again by itself, by a header: it needs no script.
BETWEEN_LOOKS: Final = timedelta(seconds=3)


def ask(request: HttpRequest, study: Study, kind: str, subject: str) -> HttpResponseRedirect:
    """Ask for a report, and show the page again, which waits for it."""
    ask_for_report(study, kind, subject, by=actor(request), at=timezone.now())
    return redirect(request.get_full_path())


def shown(
    request: HttpRequest, template: str, context: dict[str, Any], status: ReportStatus
) -> HttpResponse:
    """A page of a report; while a worker computes it, the browser looks again."""
    response = TemplateResponse(request, template, context | {"status": status})
    if status.is_under_way:
        response["Refresh"] = str(int(BETWEEN_LOOKS.total_seconds()))
    return response
