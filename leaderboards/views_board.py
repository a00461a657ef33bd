"""Pages about the board that stands, and the tables of these pages as files."""

import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboards.errors import NothingToRankError
from leaderboards.models import Board, BoardSection
from leaderboards.pages.board import (
    Choice,
    Contents,
    PastBoard,
    read_board_page,
    read_boards,
    read_contents,
    read_rows,
    read_section_rows,
    standing_of,
)
from leaderboards.pages.contestant import read_profile
from leaderboards.pages.dimensions import read_dimensions
from leaderboards.pages.files import duels_csv, heat_map_csv
from leaderboards.pages.groups import read_groups
from leaderboards.pages.head_to_head import read_battles, read_matrix
from leaderboards.pages.history import read_history
from leaderboards.pages.method import read_method
from leaderboards.pages.said import SaidChoice, read_said_page
from leaderboards.pages.topics import read_topics_page
from leaderboards.pages.wall import SECONDS_ON_THE_WALL, Turn, read_wall
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
        return read_profile(study, found, entry, past, choice, SaidChoice.parse(request.GET))

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
def dimensions(request: HttpRequest, slug: str) -> HttpResponse:
    """How the dimensions put the contestants in different orders."""
    study = get_study_for(request.user, slug)
    return _page(
        request,
        study,
        "dimensions",
        lambda entry, _past, choice: read_dimensions(study, entry, choice),
    )


@require_safe
@with_charts
def groups(request: HttpRequest, slug: str) -> HttpResponse:
    """Where groups disagree: with everybody, with each other, and about whom."""
    study = get_study_for(request.user, slug)
    return _page(
        request, study, "groups", lambda entry, _past, choice: read_groups(study, entry, choice)
    )


@require_safe
@with_charts
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """How the contestants' places changed over the study's boards."""
    study = get_study_for(request.user, slug)
    return _page(
        request,
        study,
        "history",
        lambda entry, past, choice: read_history(study, entry, past, choice),
    )


@require_safe
@with_charts
def topics(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is good at what, and who everywhere."""
    study = get_study_for(request.user, slug)
    return _page(
        request,
        study,
        "topics",
        lambda entry, _past, choice: read_topics_page(study, entry, choice),
    )


@require_safe
def wall(request: HttpRequest, slug: str) -> HttpResponse:
    """The board in large type, for a screen on a wall: one dimension after the other.

    The browser asks for the next by itself, by a header, for nobody is there to press anything.
    """
    study = get_study_for(request.user, slug)
    turn = Turn.parse(request.GET)
    response = _page(request, study, "wall", lambda entry, _past, _: read_wall(study, entry, turn))
    response["Refresh"] = f"{SECONDS_ON_THE_WALL}; url={request.path}{turn.next_query}"
    return response


@require_safe
def heat_map_table(request: HttpRequest, slug: str, board_id: uuid.UUID) -> HttpResponse:
    """The places in all groups on one dimension of a board, as CSV."""

    def text(contents: Contents, section: BoardSection) -> str:
        groups = contents.groups(section.dimension_key).values()
        sections = [section, *(each for of_axis in groups for each in of_axis)]
        rows_of = read_rows(sections)
        return heat_map_csv(rows_of[section.pk], sections, rows_of)

    return _file(request, slug, board_id, "groups", text)


@require_safe
def duels_table(request: HttpRequest, slug: str, board_id: uuid.UUID) -> HttpResponse:
    """Who had the better of whom on one dimension of a board, as CSV."""

    def text(_contents: Contents, section: BoardSection) -> str:
        battles = read_battles(section.board, section.dimension_key)
        if battles is None:
            raise NothingToRankError(_("Contestants were rated singly: nobody met anybody."))
        return duels_csv(read_section_rows(section), battles)

    return _file(request, slug, board_id, "head-to-head", text)


def _file(
    request: HttpRequest,
    slug: str,
    board_id: uuid.UUID,
    name: str,
    text: Callable[[Contents, BoardSection], str],
) -> HttpResponse:
    """A part of a board as CSV; `dimension` chooses it. Not found where there is no such part."""
    study = get_study_for(request.user, slug)
    board = get_object_or_404(Board.objects.defer("document"), study=study, pk=board_id)
    contents = read_contents(study, board)
    try:
        section = contents.choose(Choice(request.GET.get("dimension", "")))
        response = HttpResponse(text(contents, section), content_type="text/csv")
    except NothingToRankError as error:
        raise Http404(str(error)) from error
    file = f"{study.slug}-{name}-{board.taken_at:%Y-%m-%d}-{section.dimension_key}.csv"
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


@require_safe
def said(request: HttpRequest, slug: str) -> HttpResponse:
    """What raters wrote, in their words, of those who let it be published."""
    study = get_study_for(request.user, slug)
    choice = SaidChoice.parse(request.GET)
    return _page(
        request, study, "said", lambda entry, _past, _: read_said_page(study, entry, choice)
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
