"""A study's labels and its safety board, as its team sees them, and asks for them."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.reports import ask, shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import BoardError
from leaderboards.labels import Labels
from leaderboards.pages.labels import labels_in_words
from leaderboards.pages.safety import safety_in_words
from leaderboards.reports import LABELS, SAFETY
from leaderboards.safety import Safety, safety_dimension, safety_settings
from leaderboards.services.controls import require_pairs
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.reports import report_status
from studies.models import Dimension, Study

TEMPLATE: Final = "admin/leaderboards/study/labels.html"
T = TypeVar("T")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def labels_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest report on labels, for whoever may see live figures; a post asks for a newer."""
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Labels")) | {
        "heading": _("what conversations are called"),
        "about": _(
            "What a judge calls conversations comes from its newest run: add a judge with "
            "the protocol “Labels”, and start it on the study’s page. What messages say "
            "needs none. Nobody is ranked by it."
        ),
    }
    return _page(request, study, context, (LABELS, Labels, dimension_named, labels_in_words))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def safety_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest report on sensitive topics, as above."""
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Safety")) | {
        "heading": _("sensitive topics"),
        "about": _(
            "A judge’s view comes from its newest run with the protocol “Boolean rubric, "
            "filtered”. Settings for it that ask what matters here:"
        ),
        "settings": safety_settings(study),
    }
    return _page(request, study, context, (SAFETY, Safety, safety_dimension, safety_in_words))


def _page(
    request: HttpRequest,
    study: Study,
    context: dict[str, Any],
    kind: tuple[str, type[T], Callable[[Study, str], Dimension], Callable[[Study, T], Any]],
) -> HttpResponse:
    report, facts, chooses, in_words = kind
    context["dimensions"] = study.dimensions.order_by("position", "key")
    try:
        require_pairs(study)
        dimension = chooses(study, request.GET.get("dimension", ""))
    except BoardError as error:
        return TemplateResponse(request, TEMPLATE, context | {"refusal": str(error)})
    if request.method == "POST":
        return ask(request, study, report, dimension.key)
    status = report_status(study, report, dimension.key)
    context["dimension"] = dimension
    found = status.facts(facts)
    if found is not None:
        page = in_words(study, found)
        context |= {
            "page": page,
            "parts": [(part, table(part.heads, part.rows)) for part in page.parts],
        }
    return shown(request, TEMPLATE, context, status)
