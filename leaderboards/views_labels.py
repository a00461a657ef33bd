"""Pages beside the board that rank nobody: labels of conversations, and sensitive topics."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboards.errors import NothingToRankError
from leaderboards.pages.board import Choice, PastBoard, read_board_page, read_boards, standing_of
from leaderboards.pages.labels import read_labels_page
from leaderboards.pages.safety import read_safety_page
from leaderboards.views_robustness import SECONDS_BETWEEN_LOOKS
from studies.access import get_study_for
from studies.models import Study


@require_safe
def labels(request: HttpRequest, slug: str) -> HttpResponse:
    """What conversations are called, and what that goes with; `dimension` chooses another."""
    return _page(request, slug, "labels", read_labels_page)


@require_safe
def safety(request: HttpRequest, slug: str) -> HttpResponse:
    """Sensitive topics: people's view beside a judge's; `dimension` chooses another."""
    return _page(request, slug, "safety", read_safety_page)


def _page(
    request: HttpRequest, slug: str, name: str, read: Callable[[Study, PastBoard, Choice], Any]
) -> HttpResponse:
    """A page of a report beside the board that stands; while it is computed, it looks again."""
    study = get_study_for(request.user, slug)
    past = read_boards(study)
    entry = standing_of(past)
    if entry is None:
        context = {"study": study, "past": past}
        return render(request, "leaderboards/study_without_board.html", context)
    try:
        page = read(study, entry, Choice.parse(request.GET))
    except NothingToRankError as error:
        board = read_board_page(study, entry, past, Choice())
        context = {"page": board, "study": study, "error": error}
        return render(request, "leaderboards/unknown_table.html", context, status=404)
    response = render(request, f"leaderboards/{name}.html", {"page": page, "study": study})
    if page.words is None and page.status.is_under_way:
        response["Refresh"] = str(SECONDS_BETWEEN_LOOKS)
    return response
