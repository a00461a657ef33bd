"""A study's robustness: its ranking under each control, and what else its order hangs on."""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.reports import ask, shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import BoardError
from leaderboards.pages.controls import ControlsPage, Place
from leaderboards.pages.robustness import RobustnessReport, robustness_report
from leaderboards.pages.robustness_parts import Part
from leaderboards.pages.words import rank_text
from leaderboards.ranking.controls import Standing
from leaderboards.reports import ROBUSTNESS
from leaderboards.services.controls import require_pairs
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.reports import report_status
from leaderboards.services.robustness import Robustness

TEMPLATE = "admin/leaderboards/study/controls.html"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def controls_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest report, for whoever may see live figures; `dimension` chooses another.

    A post asks for a newer one.
    """
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Robustness")) | {
        "dimensions": study.dimensions.order_by("position", "key"),
    }
    try:
        require_pairs(study)
        dimension = dimension_named(study, request.GET.get("dimension", ""))
    except BoardError as error:
        return TemplateResponse(request, TEMPLATE, context | {"refusal": str(error)})
    if request.method == "POST":
        return ask(request, study, ROBUSTNESS, dimension.key)
    status = report_status(study, ROBUSTNESS, dimension.key)
    found = status.facts(Robustness)
    context["dimension"] = dimension
    if found is not None:
        context |= _shown(robustness_report(study, found))
    return shown(request, TEMPLATE, context, status)


def _shown(report: RobustnessReport) -> dict[str, object]:
    return {
        "report": report,
        "page": report.controls,
        "ranks": _rank_table(report.controls),
        "parts": _part_tables(report.parts),
    }


def _part_tables(parts: Iterable[Part]) -> list[tuple[Part, SafeString]]:
    return [(part, table(part.heads, part.rows)) for part in parts]


def _rank_table(page: ControlsPage) -> SafeString:
    """Contestants by rank without a control, and where each control puts them."""
    rows = [
        (
            _("%(name)s (provisional)") % {"name": raw.name} if raw.is_provisional else raw.name,
            _rank(raw.standing),
            *(_moved(switch.places[line]) for switch in page.computed),
        )
        for line, raw in enumerate(page.raw)
    ]
    worth = [f"{page.worth:,.0f}", *(f"{switch.worth:,.0f}" for switch in page.computed)]
    rows.append((_("Verdicts that they are worth"), *worth))
    headers = [
        _("Contestant"),
        _("#Without a control"),
        *(f"#{switch.name}" for switch in page.computed),
    ]
    return table(headers, rows)


def _rank(standing: Standing) -> SafeString:
    ranks = rank_text(standing.rank_low, standing.rank_high)
    rank = _("rank %(rank)s") % {"rank": standing.rank}
    return format_html("<strong>{}</strong><br>{}", ranks, rank)


def _moved(place: Place) -> SafeString:
    if not place.shift:
        return _rank(place.standing)
    told = format_html("<strong>{}</strong>", place.way) if place.is_warned else place.way
    return format_html("{}, {}", _rank(place.standing), told)
