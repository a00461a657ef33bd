"""Pages about the board that stands: contestants, head-to-heads, and the board's method."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leaderboards.errors import NothingToRankError
from leaderboards.pages.board import (
    Choice,
    PastBoard,
    read_board_page,
    read_boards,
    standing_of,
)
from leaderboards.pages.contestant import read_profile
from leaderboards.pages.head_to_head import read_matrix
from leaderboards.pages.method import read_method
from studies.access import get_study_for
from studies.models import Study

# Observable Plot puts one style element into a drawing, always with the same text: this one
# may stand there, and no other.
PLOT_STYLE: Final = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='"
View = TypeVar("View", bound=Callable[..., HttpResponse])

Read = Callable[[PastBoard, tuple[PastBoard, ...], Choice], Any]


def with_charts(view: View) -> View:
    """A view whose page may hold drawings; its policy allows their style and nothing else new."""
    return cast("View", csp_update({"style-src": [SELF, PLOT_STYLE]})(view))


@require_safe
@with_charts
def contestant(request: HttpRequest, slug: str, contestant_slug: str) -> HttpResponse:
    """A contestant's profile, from the board that stands."""
    study = get_study_for(request.user, slug)
    found = get_object_or_404(study.contestants.select_related("chat_model"), slug=contestant_slug)

    def read(entry: PastBoard, past: tuple[PastBoard, ...], choice: Choice) -> Any:
        return read_profile(study, found, entry, past, choice)

    return _page(request, study, "contestant", read)


@require_safe
def head_to_head(request: HttpRequest, slug: str) -> HttpResponse:
    """Who has the better of whom, by the battles between these two alone."""
    study = get_study_for(request.user, slug)
    return _page(
        request,
        study,
        "head_to_head",
        lambda entry, _past, choice: read_matrix(study, entry, choice),
    )


@require_safe
@with_charts
def method(request: HttpRequest, slug: str) -> HttpResponse:
    """The model of the board that stands, with its numbers."""
    study = get_study_for(request.user, slug)
    return _page(
        request, study, "method", lambda entry, _past, choice: read_method(study, entry, choice)
    )


def _page(request: HttpRequest, study: Study, name: str, read: Read) -> HttpResponse:
    """A page of the board that stands; without one, or without what was asked for, it says so."""
    past = read_boards(study)
    entry = standing_of(past)
    if entry is None:
        context = {"study": study, "past": past}
        return render(request, "leaderboards/study_without_board.html", context)
    try:
        page = read(entry, past, Choice.parse(request.GET))
    except NothingToRankError as error:
        page = read_board_page(study, entry, past, Choice())
        context = {"page": page, "study": study, "error": error}
        return render(request, "leaderboards/unknown_table.html", context, status=404)
    return render(request, f"leaderboards/{name}.html", {"page": page, "study": study})
