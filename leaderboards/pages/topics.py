"""Reads who is good at what, from the report that was computed when the board was published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from leaderboards.models import Board
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.charts import Bar, Chart, Placed, apart, of_ranks
from leaderboards.pages.tables import MAX_SHIFT_LEVEL, shift_hint
from leaderboards.pages.words import battles_in_words, percent, rank_text, signed
from leaderboards.ranking.topics import ENOUGH_BATTLES
from leaderboards.reports import TOPICS
from leaderboards.services.reports import ReportStatus, latest_report, report_status
from leaderboards.services.topics import SwissScore, TopicPlace, Topics
from studies.models import Study

PROFILES: Final = {
    "specialist": gettext_noop("Specialist: much hangs on which topics come first."),
    "generalist": gettext_noop("Generalist: it hardly matters which topic comes first."),
}
NOT_KNOWN: Final = gettext_noop("Can’t be told yet.")
EVEN: Final = 0.5
# The axis of shares begins and ends at a multiple of it.
STEP: Final = 0.1


@dataclass(frozen=True)
class TopicColumn:
    """A topic, its part of the whole, and its battles."""

    name: str
    weight: str
    battles: int


@dataclass(frozen=True)
class TopicCell:
    """A rank interval in a topic; coloured where it does not meet that over all topics."""

    rank: str
    battles: int
    is_enough: bool
    mark: str
    hint: str
    style: str

    @property
    def counted(self) -> str:
        """Its battles in words."""
        return battles_in_words(self.battles)


@dataclass(frozen=True)
class TopicRow:
    """A contestant over all topics, and in each."""

    name: str
    slug: str
    overall: str
    cells: tuple[TopicCell, ...]


@dataclass(frozen=True)
class TopicsOfBoard:
    """The topics page; without `columns` there are no topics, or none computed: see `state`."""

    entry: PastBoard
    dimensions: tuple[Option, ...]
    dimension_name: str
    state: str
    finding: str
    spread: str
    computed_at: datetime | None
    left_out: int
    enough: int
    columns: tuple[TopicColumn, ...]
    rows: tuple[TopicRow, ...]
    swiss: Chart | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_topics_page(study: Study, entry: PastBoard, choice: Choice) -> TopicsOfBoard:
    """Read the topics page. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    status = report_status(study, TOPICS, section.dimension_key)
    found = status.facts(Topics)
    state = "" if found else status.error
    if not found and status.is_under_way:
        state = _("It is being computed, and stands here within minutes.")
    return TopicsOfBoard(
        entry=entry,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        dimension_name=section.dimension_name,
        state=state,
        finding=finding(found) if found else "",
        spread=_spread(found) if found else "",
        computed_at=found.computed_at if found else None,
        left_out=found.left_out if found else 0,
        enough=ENOUGH_BATTLES,
        columns=tuple(
            TopicColumn(topic.name, percent(topic.weight), topic.battles) for topic in found.topics
        )
        if found
        else (),
        rows=topic_rows(found) if found else (),
        swiss=chart_of_contests(found) if found else None,
    )


def finding(topics: Topics) -> str:
    """In how many topics a contestant's place is apart from that over all topics."""
    overall = {place.contestant: place for place in topics.overall}
    firm = [
        _shift(place, overall[place.contestant])
        for topic in topics.topics
        for place in topic.places
        if place.is_enough
    ]
    if not firm:
        return _("In %(topics)s topics, too little is known to compare places") % {
            "topics": len(topics.topics)
        }
    moved = sum(map(bool, firm))
    if not moved:
        return _("In %(topics)s topics, no place is clearly apart from that over all topics") % {
            "topics": len(topics.topics)
        }
    return ngettext(
        "In %(topics)s topics, %(moved)s of %(firm)s places is clearly apart from that "
        "over all topics",
        "In %(topics)s topics, %(moved)s of %(firm)s places are clearly apart from that "
        "over all topics",
        moved,
    ) % {"topics": len(topics.topics), "moved": moved, "firm": len(firm)}


def topic_rows(topics: Topics) -> tuple[TopicRow, ...]:
    """The contestants in the order of their places over all topics."""
    return tuple(
        TopicRow(
            place.name,
            place.contestant,
            rank_text(place.rank_low, place.rank_high),
            tuple(_cell(topic.places[k], place) for topic in topics.topics),
        )
        for k, place in enumerate(topics.overall)
    )


def chart_of_topics(study: Study, slug: str, dimension: str) -> Chart | None:
    """A contestant's rank interval in each topic; None where none were computed."""
    found = ReportStatus(latest_report(study, TOPICS, dimension), None).facts(Topics)
    if found is None:
        return None
    overall = next((each for each in found.overall if each.contestant == slug), None)
    if overall is None:
        return None
    bars = tuple(
        _bar(topic.name, next(place for place in topic.places if place.contestant == slug), overall)
        for topic in found.topics
    )
    ends = apart(
        [Placed(bar.name, int(bar.low or 0), int(bar.high or 0)) for bar in bars if bar.is_drawn]
    )
    title = _("In no two topics is its place clearly apart")
    if ends is not None:
        best, worst = ends
        title = _("It stands higher in %(best)s than in %(worst)s") % {
            "best": best.words,
            "worst": worst.words,
        }
    reading = _(
        "A bar is where the rank in a topic lies with 95 % probability, further right "
        "is better; the upright line is its rank over all topics. Topics with few "
        "battles are drawn towards the others."
    )
    heads = (_("Topic"), _("Rank"), _("Against all topics"), _("Battles"))
    size = len(found.overall)
    mark = float(overall.rank)
    return of_ranks("topics", title, reading, heads, bars, contestants=size, mark=mark)


def chart_of_contests(topics: Topics) -> Chart:
    """The expected share of points in contests over the topics, in the order of all topics."""
    order = [place.contestant for place in topics.overall]
    swiss = sorted(topics.swiss, key=lambda line: order.index(line.contestant))
    bars = tuple(
        Bar(
            line.name,
            (
                f"{line.low * 100:.0f}–{percent(line.high)}",
                percent(line.score),
                _(PROFILES.get(line.profile, NOT_KNOWN)),
            ),
            line.score,
            line.low,
            line.high,
        )
        for line in swiss
    )
    return Chart(
        key="contests",
        title=_title_of_contests(swiss),
        reading=(
            _(
                "Expected share of points in simulated Swiss contests, where every round "
                "is another topic and contestants meet others of like score: the dot is "
                "the mean, the bar holds 95 % of draws. Bars that overlap do not separate "
                "contestants."
            )
        ),
        unit="percent",
        label=_("Share of points"),
        start=floor(min(line.low for line in swiss) / STEP) * STEP,
        end=ceil(max(line.high for line in swiss) / STEP) * STEP,
        heads=(_("Contestant"), _("95 % interval"), _("Share"), _("Specialist or generalist")),
        bars=bars,
        mark=EVEN,
    )


def _title_of_contests(swiss: Sequence[SwissScore]) -> str:
    """Of how many contestants it is known that much hangs on which topic comes first."""
    known = [line.profile for line in swiss if line.profile in PROFILES]
    if not known:
        return _("Of no contestant can it be told yet whether it is a specialist")
    special = known.count("specialist")
    if not special:
        return _("No contestant is a specialist as far as can be told")
    return ngettext(
        "%(special)s of %(swiss)s contestants is a specialist as far as can be told",
        "%(special)s of %(swiss)s contestants are specialists as far as can be told",
        special,
    ) % {"special": special, "swiss": len(swiss)}


def _bar(name: str, place: TopicPlace, overall: TopicPlace) -> Bar:
    if not place.is_enough:
        return Bar(name, (_("not enough data"), "–", f"{place.battles:,}"))
    shift = _shift(place, overall)
    words = _("not apart")
    if shift:
        words = (_("%(shift)s higher") if shift > 0 else _("%(shift)s lower")) % {
            "shift": abs(shift)
        }
    cells = (rank_text(place.rank_low, place.rank_high), words, f"{place.battles:,}")
    return Bar(name, cells, float(place.rank), float(place.rank_low), float(place.rank_high))


def _cell(place: TopicPlace, overall: TopicPlace) -> TopicCell:
    shift = _shift(place, overall) if place.is_enough else 0
    way = "up" if shift > 0 else "down"
    return TopicCell(
        rank=rank_text(place.rank_low, place.rank_high) if place.is_enough else "–",
        battles=place.battles,
        is_enough=place.is_enough,
        mark=f"{'▲' if shift > 0 else '▼'}{abs(shift)}" if shift else "",
        hint=shift_hint(shift),
        style=f"{way}-{min(abs(shift), MAX_SHIFT_LEVEL)}" if shift else "",
    )


def _shift(place: TopicPlace, overall: TopicPlace) -> int:
    """By how many places it stands higher; 0 where the rank intervals meet."""
    is_apart = place.rank_low > overall.rank_high or place.rank_high < overall.rank_low
    return overall.rank - place.rank if is_apart else 0


def _spread(topics: Topics) -> str:
    low, high = signed(topics.tau_low), signed(topics.tau_high)
    return _("%(tau)s (%(low)s to %(high)s)") % {
        "tau": signed(topics.tau),
        "low": low,
        "high": high,
    }
