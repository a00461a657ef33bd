"""A study's topics: who is good at what, and who everywhere."""

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import NothingToRankError
from leaderboards.pages.words import battles_in_words, percent, probability, rank_text
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.swiss import Profile
from leaderboards.ranking.topics import ENOUGH_BATTLES
from leaderboards.topics import Level, Place, SwissLine, TopicsPage, read_topics


@never_cache
@require_safe
def topics_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The topics, for whoever may see the study's live figures.

    `dimension` and `level` choose others.
    """
    study = live_study(request, study_id)
    wanted = request.GET.get("level", "")
    context = frame_of(request, study, model_admin, name=_("Topics")) | {
        "dimensions": study.dimensions.order_by("position", "key"),
    }
    try:
        # Another level than there is comes from an address written by hand.
        level = Level(wanted) if wanted in list(Level) else None
        page = read_topics(study, dimension=request.GET.get("dimension", ""), level=level)
        context |= _shown(page)
    except (NothingToRankError, RankingError) as error:
        context["refusal"] = str(error)
    return TemplateResponse(request, "admin/leaderboards/study/topics.html", context)


def _shown(page: TopicsPage) -> dict[str, object]:
    most = page.contests.eliminations[-1]
    return {
        "page": page,
        "enough": ENOUGH_BATTLES,
        "most": percent(most),
        "contests": f"{page.contests.runs:,}",
        "places": _place_table(page),
        "swiss": _swiss_table(page, percent(most)),
    }


def _place_table(page: TopicsPage) -> SafeString:
    """Contestants down in order of their overall rank, topics across."""
    total = sum(topic.battles for topic in page.topics)
    weights = [_lines(percent(topic.weight), topic.battles) for topic in page.topics]
    rows: list[tuple[object, ...]] = [(_("Weight"), _lines(percent(1), total), *weights)]
    across = zip(page.overall, *(line.places for line in page.lines), strict=True)
    rows += [(places[0].name, *map(_cell, places)) for places in across]
    names = [f"#{topic.name}" for topic in page.topics]
    return table([_("Contestant"), _("#All topics"), *names], rows)


def _cell(place: Place) -> SafeString:
    """Rank interval over the battles it rests on."""
    if not place.is_enough:
        return _lines(_("not enough data"), place.battles)
    rank = rank_text(place.rank_low, place.rank_high)
    return _lines(format_html("<strong>{}</strong>", rank), place.battles)


def _lines(above: str, battles: int) -> SafeString:
    return format_html("{}<br>{}", above, battles_in_words(battles))


def _swiss_table(page: TopicsPage, most: str) -> SafeString:
    headers = [
        *(_("Contestant"), _("#Expected score"), _("#95 % interval"), _("#Wins the contest")),
        *(
            _("#Expected rank"),
            _("#With %(most)s out") % {"most": most},
            _("What eliminations do to it"),
        ),
    ]
    rows = [
        (
            line.name,
            percent(line.score),
            _("%(low)s to %(high)s") % {"low": percent(line.low), "high": percent(line.high)},
            probability(line.wins),
            f"{line.rank:.1f}",
            f"{line.rank_most:.1f}",
            _words(line),
        )
        for line in page.swiss
    ]
    return table(headers, rows)


def _words(line: SwissLine) -> str:
    if line.profile is Profile.SPECIALIST:
        return _("Specialist: a weak topic first costs it %(sensitivity)s more places.") % {
            "sensitivity": f"{-line.sensitivity:.1f}"
        }
    if line.profile is Profile.GENERALIST:
        return _("Generalist: it hardly matters which topic comes first.")
    return _("Can’t be told yet.")
