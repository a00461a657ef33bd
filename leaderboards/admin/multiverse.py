"""A study's multiverse: its ranking under every combination of its exclusions."""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import NothingToRankError
from leaderboards.pages.multiverse import (
    CombinationLine,
    Kind,
    MultiversePage,
    Place,
    Spread,
    read_multiverse,
)
from leaderboards.pages.words import rank_text, signed
from leaderboards.ranking.errors import RankingError
from studies.models import Study


@never_cache
@require_safe
def multiverse_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The multiverse, for whoever may see the study's live figures; `dimension` chooses another."""
    study = live_study(request, study_id)
    wanted = request.GET.get("dimension", "")
    context = frame_of(request, study, model_admin, name="Multiverse") | {
        "dimensions": study.dimensions.order_by("position", "key"),
    }
    try:
        context |= _shown(read_multiverse(study, dimension=wanted))
    except (NothingToRankError, RankingError) as error:
        context["refusal"] = str(error)
    return TemplateResponse(request, "admin/leaderboards/study/multiverse.html", context)


def _shown(page: MultiversePage) -> dict[str, object]:
    answers = "#Ratings" if page.study.protocol == Study.Protocol.SINGLE else "#Battles"
    return {
        "page": page,
        "kinds": _kind_table(page.kinds),
        "spreads": _spread_table(page.spreads, len(page.lines)),
        "lines": _line_table(page.lines, page.spreads, answers),
    }


def _kind_table(kinds: Iterable[Kind]) -> SafeString:
    rows = [(kind.words, f"{kind.changes:,} of {kind.pairs:,}") for kind in kinds]
    return table(["Left out or not", "#Changes the first place"], rows)


def _spread_table(spreads: Iterable[Spread], combinations: int) -> SafeString:
    rows = [
        (
            spread.name,
            rank_text(spread.best, spread.worst),
            rank_text(spread.rank_low, spread.rank_high),
            f"{signed(spread.score_lowest)} to {signed(spread.score_highest)}",
            f"{spread.firsts:,} of {combinations:,}",
        )
        for spread in spreads
    ]
    headers = ["Contestant", "#Ranks", "#Widest rank interval", "#Widest interval", "#First in"]
    return table(headers, rows)


def _line_table(
    lines: Iterable[CombinationLine], spreads: Iterable[Spread], answers: str
) -> SafeString:
    contestants = [(spread.contestant, spread.name) for spread in spreads]
    rows = [
        (
            ", ".join(kind.words for kind in line.left_out) or "nothing",
            f"{line.raters:,}",
            f"{line.battles:,}",
            *(_cell(line.place_of.get(slug), line.refusal) for slug, _name in contestants),
        )
        for line in lines
    ]
    return table(["Left out", "#Raters", answers, *(f"#{name}" for _, name in contestants)], rows)


def _cell(place: Place | None, refusal: str) -> SafeString | str:
    """Rank interval, and under it the score with its own."""
    if place is None:
        return refusal
    return format_html(
        "<strong>{}</strong>{}<br>{}<br>{} to {}",
        rank_text(place.rank_low, place.rank_high),
        " provisional" if place.is_provisional else "",
        signed(place.score),
        signed(place.score_low),
        signed(place.score_high),
    )
