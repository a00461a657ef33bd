"""A study's multiverse: its ranking under every combination of its exclusions."""

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
from leaderboards.combinations import kinds_of
from leaderboards.errors import NothingToRankError
from leaderboards.pages.multiverse import (
    CombinationLine,
    Kind,
    MultiversePage,
    Place,
    Spread,
    multiverse_page,
)
from leaderboards.pages.words import rank_text, signed
from leaderboards.reports import MULTIVERSE
from leaderboards.services.multiverse import (
    MultiverseReport,
    dimension_named,
    multiverse_subject,
)
from leaderboards.services.reports import report_status
from studies.models import Study

TEMPLATE = "admin/leaderboards/study/multiverse.html"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def study_multiverse(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest report, for whoever may see live figures; `dimension` chooses another.

    A post asks for a newer one.
    """
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Multiverse")) | {
        "dimensions": study.dimensions.order_by("position", "key"),
    }
    try:
        dimension = dimension_named(study, request.GET.get("dimension", ""))
    except NothingToRankError as error:
        return TemplateResponse(request, TEMPLATE, context | {"refusal": str(error)})
    subject = multiverse_subject(dimension, kinds_of(study))
    if request.method == "POST":
        return ask(request, study, MULTIVERSE, subject)
    status = report_status(study, MULTIVERSE, subject)
    found = status.facts(MultiverseReport)
    context["dimension"] = dimension
    if found is not None:
        context |= _shown(multiverse_page(study, dimension, found))
    return shown(request, TEMPLATE, context, status)


def _shown(page: MultiversePage) -> dict[str, object]:
    answers = _("#Ratings") if page.study.protocol == Study.Protocol.SINGLE else _("#Battles")
    return {
        "page": page,
        "kinds": _kind_table(page.kinds),
        "spreads": _spread_table(page.spreads, len(page.lines)),
        "lines": _line_table(page.lines, page.spreads, answers),
    }


def _kind_table(kinds: Iterable[Kind]) -> SafeString:
    rows = [
        (
            kind.words,
            _("%(changes)s of %(pairs)s")
            % {"changes": f"{kind.changes:,}", "pairs": f"{kind.pairs:,}"},
        )
        for kind in kinds
    ]
    return table([_("Left out or not"), _("#Changes the first place")], rows)


def _spread_table(spreads: Iterable[Spread], combinations: int) -> SafeString:
    rows = [
        (
            spread.name,
            rank_text(spread.best, spread.worst),
            rank_text(spread.rank_low, spread.rank_high),
            _("%(score_lowest)s to %(score_highest)s")
            % {
                "score_lowest": signed(spread.score_lowest),
                "score_highest": signed(spread.score_highest),
            },
            _("%(firsts)s of %(combinations)s")
            % {"firsts": f"{spread.firsts:,}", "combinations": f"{combinations:,}"},
        )
        for spread in spreads
    ]
    headers = [
        _("Contestant"),
        _("#Ranks"),
        _("#Widest rank interval"),
        _("#Widest interval"),
        _("#First in"),
    ]
    return table(headers, rows)


def _line_table(
    lines: Iterable[CombinationLine], spreads: Iterable[Spread], answers: str
) -> SafeString:
    contestants = [(spread.contestant, spread.name) for spread in spreads]
    rows = [
        (
            ", ".join(kind.words for kind in line.left_out) or _("nothing"),
            f"{line.raters:,}",
            f"{line.battles:,}",
            *(_cell(line.place_of.get(slug), line.refusal) for slug, _name in contestants),
        )
        for line in lines
    ]
    return table(
        [_("Left out"), _("#Raters"), answers, *(f"#{name}" for _, name in contestants)], rows
    )


def _cell(place: Place | None, refusal: str) -> SafeString | str:
    """Rank interval, and under it the score with its own."""
    if place is None:
        return refusal
    low, high = signed(place.score_low), signed(place.score_high)
    return format_html(
        "<strong>{}</strong>{}<br>{}<br>{}",
        rank_text(place.rank_low, place.rank_high),
        f" {_('provisional')}" if place.is_provisional else "",
        signed(place.score),
        _("%(low)s to %(high)s") % {"low": low, "high": high},
    )
