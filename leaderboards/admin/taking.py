"""A board that is being taken: the page waits for it, and then leads to it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import page_of
from leaderboards.admin.reports import shown
from leaderboards.admin.study_pages import frame_of
from leaderboards.models import Board
from leaderboards.reports import BOARD
from leaderboards.services.boards import TakenBoard
from leaderboards.services.reports import report_status
from studies.models import Study


@never_cache
@require_safe
def taking_page(
    request: HttpRequest, study_id: int, engine: str, model_admin: ModelAdmin
) -> HttpResponse:
    """Whether the board that was asked for last is taken, or why it could not be."""
    if not request.user.has_perm("leaderboards.add_board"):
        raise PermissionDenied
    study = get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)
    status = report_status(study, BOARD, engine)
    taken = status.facts(TakenBoard)
    if taken is not None and status.later is None:
        board = get_object_or_404(Board.objects.defer("document"), pk=taken.board)
        given = _("%(verdicts)s %(answers)s of %(raters)s raters") % {
            "verdicts": f"{board.verdicts:,}",
            "answers": board.answers,
            "raters": f"{board.raters:,}",
        }
        messages.success(request, _("A board is published: %(given)s.") % {"given": given})
        return redirect(page_of(board))
    if status.later is None:
        return redirect("admin:leaderboards_board_take", study_id=study.pk)
    context = frame_of(request, study, model_admin, name=_("Board"))
    return shown(request, "admin/leaderboards/study/taking.html", context, status)
