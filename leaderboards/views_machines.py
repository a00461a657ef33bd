"""Pages of people and machine: where judges can be believed."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from leaderboards.errors import NothingToRankError
from leaderboards.machines.asking import ask_for_machine_reports
from leaderboards.machines.conversations import (
    Conversation,
    RatedConversation,
    conversations_of,
    rated_conversations_of,
)
from leaderboards.models import Board
from leaderboards.pages.board import Choice, read_boards, standing_of
from leaderboards.pages.machine_parts import scenario_name
from leaderboards.pages.machines import read_machine, read_machines, run_of
from leaderboards.views_board import with_charts
from leaderboards.views_robustness import SECONDS_BETWEEN_LOOKS
from studies.access import get_study_for, may_see_live_figures
from studies.models import Study


@require_safe
def machines(request: HttpRequest, slug: str) -> HttpResponse:
    """All judges of a study, with a line each."""
    study = get_study_for(request.user, slug)
    board = _board(study)
    if board is None and not may_see_live_figures(request.user):
        return _before_the_first_board(request, study)
    page = read_machines(study, board)
    return render(request, "leaderboards/machines.html", {"page": page, "study": study})


@require_safe
@with_charts
def machine(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One run of a judge beside people; `dimension` chooses another than the overall."""
    study = get_study_for(request.user, slug)
    board, is_team = _board(study), may_see_live_figures(request.user)
    if board is None and not is_team:
        return _before_the_first_board(request, study)
    page = read_machine(study, board, number, Choice.parse(request.GET))
    context = {"page": page, "study": study, "is_team": is_team}
    response = render(request, "leaderboards/machine.html", context)
    if page.comparison is None and page.status.is_under_way:
        response["Refresh"] = str(SECONDS_BETWEEN_LOOKS)
    return response


@require_POST
def compute_machine(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask for the reports on a run anew; for whoever may see the study's live figures."""
    study = _study_of_team(request, slug)
    run = run_of(study, number)
    by = request.user if isinstance(request.user, User) else None
    ask_for_machine_reports(run, by=by, at=timezone.now())
    messages.success(request, _("It is being compared with people anew."))
    return redirect("leaderboards:machine", slug=study.slug, number=number)


@require_safe
def machine_conversations(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The conversations behind a gap, for whoever may see the study's live figures."""
    study = _study_of_team(request, slug)
    run = run_of(study, number)
    asked = {name: request.GET.get(name, "") for name in ("axis", "name", "contestant")}
    dimension = study.dimensions.filter(key=request.GET.get("dimension", "")).first()
    if dimension is None:
        raise Http404(_("The study has no such dimension."))
    is_of_ratings = study.protocol == Study.Protocol.SINGLE
    if is_of_ratings:
        # A gap of ratings is of a scenario alone: a contestant is one of them.
        asked.pop("contestant")
    found: tuple[Conversation | RatedConversation, ...]
    try:
        read = rated_conversations_of if is_of_ratings else conversations_of
        found = read(run, dimension, **asked)
    except NothingToRankError as error:
        raise Http404(str(error)) from error
    context = {
        "study": study,
        "run": run,
        "dimension": dimension,
        "scenario": scenario_name(asked["axis"], asked["name"]),
        "conversations": found,
        "is_of_ratings": is_of_ratings,
    }
    return render(request, "leaderboards/machine_conversations.html", context)


def _study_of_team(request: HttpRequest, slug: str) -> Study:
    study = get_study_for(request.user, slug)
    if not may_see_live_figures(request.user):
        raise Http404(_("There is no such page here, or it is not for you."))
    return study


def _board(study: Study) -> Board | None:
    entry = standing_of(read_boards(study))
    return entry.board if entry else None


def _before_the_first_board(request: HttpRequest, study: Study) -> HttpResponse:
    """People's shares are not shown before a board is: nobody should rate by them."""
    context = {"study": study, "past": read_boards(study)}
    return render(request, "leaderboards/study_without_board.html", context)
