"""The page of what could change the order of a board."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboards.errors import NothingToRankError
from leaderboards.pages.board import Choice, read_board_page, read_boards, standing_of
from leaderboards.pages.robustness import read_robustness_page
from studies.access import get_study_for

# A page that waits for a worker is asked for again by the browser, by a header: it needs no script.
SECONDS_BETWEEN_LOOKS: Final = 5


@require_safe
def robustness(request: HttpRequest, slug: str) -> HttpResponse:
    """What could change the order of the board that stands; `dimension` chooses another."""
    study = get_study_for(request.user, slug)
    past = read_boards(study)
    entry = standing_of(past)
    if entry is None:
        context = {"study": study, "past": past}
        return render(request, "leaderboards/study_without_board.html", context)
    try:
        page = read_robustness_page(study, entry, Choice.parse(request.GET))
    except NothingToRankError as error:
        board = read_board_page(study, entry, past, Choice())
        context = {"page": board, "study": study, "error": error}
        return render(request, "leaderboards/unknown_table.html", context, status=404)
    response = render(request, "leaderboards/robustness.html", {"page": page, "study": study})
    if page.report is None and page.status.is_under_way:
        response["Refresh"] = str(SECONDS_BETWEEN_LOOKS)
    return response
