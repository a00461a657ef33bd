"""A study's robustness: its ranking under each control beside the ranking without."""

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import BoardError
from leaderboards.pages.controls import ControlsPage, Place, read_controls
from leaderboards.pages.words import rank_text
from leaderboards.ranking.controls import Standing
from leaderboards.ranking.errors import RankingError


@never_cache
@require_safe
def controls_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The controls, for whoever may see the study's live figures; `dimension` chooses another."""
    study = live_study(request, study_id)
    wanted = request.GET.get("dimension", "")
    context = frame_of(request, study, model_admin, name="Robustness") | {
        "dimensions": study.dimensions.order_by("position", "key"),
    }
    try:
        page = read_controls(study, dimension=wanted)
    except (BoardError, RankingError) as error:
        context["refusal"] = str(error)
    else:
        context |= {"page": page, "verdicts": f"{page.verdicts:,}", "ranks": _rank_table(page)}
    return TemplateResponse(request, "admin/leaderboards/study/controls.html", context)


def _rank_table(page: ControlsPage) -> SafeString:
    """Contestants by rank without a control, and where each control puts them."""
    computed = [switch for switch in page.switches if switch.places]
    rows = [
        (
            f"{raw.name} (provisional)" if raw.is_provisional else raw.name,
            _rank(raw.standing),
            *(_moved(switch.places[line]) for switch in computed),
        )
        for line, raw in enumerate(page.raw)
    ]
    worth = [f"{page.worth:,.0f}", *(f"{switch.worth:,.0f}" for switch in computed)]
    rows.append(("Verdicts that they are worth", *worth))
    headers = ["Contestant", "#Without a control", *(f"#{switch.name}" for switch in computed)]
    return table(headers, rows)


def _rank(standing: Standing) -> SafeString:
    ranks = rank_text(standing.rank_low, standing.rank_high)
    return format_html("<strong>{}</strong><br>rank {}", ranks, standing.rank)


def _moved(place: Place) -> SafeString:
    if not place.shift:
        return _rank(place.standing)
    way = f"{'down' if place.shift > 0 else 'up'} {abs(place.shift)}"
    told = format_html("<strong>{}</strong>", way) if place.is_warned else way
    return format_html("{}, {}", _rank(place.standing), told)
