"""Pages of studies and their boards, and a board's downloads."""

import gzip
import uuid

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboards.errors import NothingToRankError
from leaderboards.models import Board
from leaderboards.pages.board import (
    Choice,
    PastBoard,
    entry_of,
    place_of,
    read_board_page,
    read_boards,
    read_contents,
    read_section_rows,
    standing_of,
)
from leaderboards.pages.files import table_csv
from leaderboards.pages.home import read_cards
from leaderboards.pages.integrity import read_integrity
from leaderboards.pages.robustness import read_check
from leaderboards.pages.sampling import sampling_page
from leaderboards.sampling import read_sampling
from studies.access import get_study_for
from studies.ledger import export_ledger
from studies.models import Study

YEAR = 365 * 24 * 60 * 60


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The studies that this visitor may see."""
    studies = Study.objects.visible_to(request.user).select_related("electorate")
    return render(request, "leaderboards/home.html", {"cards": read_cards(studies)})


@require_safe
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """A study's page: the board that is stood by now."""
    found = get_study_for(request.user, slug)
    past = read_boards(found)
    entry = standing_of(past)
    if entry is None:
        context = {"study": found, "past": past}
        return render(request, "leaderboards/study_without_board.html", context)
    return _board_page(request, found, entry, past)


@require_safe
def sampling(request: HttpRequest, slug: str) -> HttpResponse:
    """How a study's battles were spread over its contestants, as they are now."""
    found = get_study_for(request.user, slug)
    page = sampling_page(read_sampling(found))
    return render(request, "leaderboards/sampling.html", {"page": page, "study": found})


@require_safe
def integrity(request: HttpRequest, slug: str) -> HttpResponse:
    """Who was tested, what was left out and which rules changed, and the ledger of it."""
    found = get_study_for(request.user, slug)
    context = {"page": read_integrity(found), "study": found}
    return render(request, "leaderboards/integrity.html", context)


@require_safe
def ledger(request: HttpRequest, slug: str) -> HttpResponse:
    """A study's ledger, which anybody can verify."""
    found = get_study_for(request.user, slug)
    response = JsonResponse(export_ledger(found), json_dumps_params={"ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{found.slug}-ledger.json"'
    patch_cache_control(response, no_cache=True)
    return response


@require_safe
def board(request: HttpRequest, slug: str, board_id: uuid.UUID) -> HttpResponse:
    """One board, under the address that stays its own."""
    found = get_study_for(request.user, slug)
    past = read_boards(found)
    return _board_page(request, found, entry_of(past, board_id), past)


def _board_page(
    request: HttpRequest, study: Study, entry: PastBoard, past: tuple[PastBoard, ...]
) -> HttpResponse:
    try:
        page = read_board_page(study, entry, past, Choice.parse(request.GET))
        check = read_check(page, request.GET.get("control", ""))
    except NothingToRankError as error:
        page = read_board_page(study, entry, past, Choice())
        context = {"page": page, "study": study, "error": error}
        return render(request, "leaderboards/unknown_table.html", context, status=404)
    context = {"page": page, "study": study, "check": check}
    return render(request, "leaderboards/board.html", context)


@require_safe
def board_export(request: HttpRequest, slug: str, board_id: uuid.UUID) -> HttpResponse:
    """A board's public export, from which anybody can compute it again."""
    found = get_study_for(request.user, slug)
    wanted = _published(found, board_id)
    etag = f'W/"{wanted.input_digest}"'  # weak: the same for both encodings
    unchanged = get_conditional_response(request, etag=etag)
    response = HttpResponse(content_type="application/json") if unchanged is None else unchanged
    if unchanged is None:
        packed = bytes(wanted.document)
        if _accepts_gzip(request):
            response.content = packed
            response["Content-Encoding"] = "gzip"
        else:
            response.content = gzip.decompress(packed)
        response["Content-Disposition"] = f'attachment; filename="{_filename(wanted, found)}.json"'
    response["ETag"] = etag
    patch_vary_headers(response, ["Accept-Encoding"])
    if found.is_public and found.state != Study.State.DRAFT:
        patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    else:
        patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
def board_table(request: HttpRequest, slug: str, board_id: uuid.UUID) -> HttpResponse:
    """One table of a board as CSV; `dimension` and `group` choose it, as on its page."""
    found = get_study_for(request.user, slug)
    wanted = _published(found, board_id)
    try:
        section = read_contents(found, wanted).choose(Choice.parse(request.GET))
    except NothingToRankError as error:
        raise Http404(str(error)) from error
    response = HttpResponse(table_csv(read_section_rows(section)), content_type="text/csv")
    place = place_of(section).replace("=", "-")
    name = f"{_filename(wanted, found)}-{section.dimension_key}-{place}"
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _published(study: Study, board_id: uuid.UUID) -> Board:
    found = Board.objects.filter(study=study, pk=board_id).defer("document").first()
    if found is None:
        raise Http404(_("This study has no such board."))
    return found


def _accepts_gzip(request: HttpRequest) -> bool:
    """Whether the client takes gzip: named in Accept-Encoding, and not with a weight of 0."""
    for accepted in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = accepted.strip().partition(";")
        if coding.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _filename(board: Board, study: Study) -> str:
    return f"{study.slug}-board-{board.taken_at:%Y-%m-%d}"
