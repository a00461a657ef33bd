"""Reads what the page of a contestant shows: where it is placed, by whom, and against whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.board import (
    Choice,
    Contents,
    Option,
    PastBoard,
    place_of,
    read_contents,
    read_section_rows,
)
from leaderboards.pages.charts import Bar, Chart, Placed, apart, of_ranks
from leaderboards.pages.head_to_head import EVEN, Battles, read_battles
from leaderboards.pages.said import Said, SaidChoice, read_said
from leaderboards.pages.tables import rank_distance
from leaderboards.pages.topics import chart_of_topics
from leaderboards.pages.words import day_and_time, percent, provisional_because, rank_text
from leaderboards.ranking.boards import Scope
from studies.models import Contestant, Study

HOW_TO_READ: Final = gettext_noop(
    "A bar is where the rank lies with 95 % probability, further right is better."
)
DOUBTFUL: Final = gettext_noop("Hollow and grey is provisional.")
SCOPES_OF_ALL: Final = (Scope.ELECTORATE, Scope.SAMPLE)


@dataclass(frozen=True)
class Profile:
    """Everything on a contestant's page; `row` is None where the board does not rank it."""

    study: Study
    contestant: Contestant
    entry: PastBoard
    section: BoardSection
    dimensions: tuple[Option, ...]
    row: BoardRow | None
    verdict: str
    charts: tuple[Chart, ...]
    said: Said | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_profile(
    study: Study,
    contestant: Contestant,
    entry: PastBoard,
    past: Sequence[PastBoard],
    choice: Choice,
    whose: SaidChoice,
) -> Profile:
    """Read a contestant's page; `whose` words are on it.

    Raises NothingToRankError for a dimension the board lacks, or a group the study lacks.
    """
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    rows = read_section_rows(section)
    own = _read_own(contestant, entry.board)
    row = own.get(section.pk)
    charts = () if row is None else _charts(contents, section, rows, own, past)
    return Profile(
        study=study,
        contestant=contestant,
        entry=entry,
        section=section,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        row=row,
        verdict=verdict(row, len(rows), section) if row else "",
        charts=charts,
        said=read_said(study, whose, contestant=contestant),
    )


def _charts(
    contents: Contents,
    section: BoardSection,
    rows: Sequence[BoardRow],
    own: dict[int, BoardRow],
    past: Sequence[PastBoard],
) -> tuple[Chart, ...]:
    row = own[section.pk]
    board = section.board
    groups = [s for of_axis in contents.groups(section.dimension_key).values() for s in of_axis]
    defaults = contents.defaults
    size = len(rows)
    charts = [
        chart_of_groups(row, groups, own, size) if groups else None,
        chart_of_dimensions(defaults, own, size) if len(defaults) > 1 else None,
        chart_of_topics(board.study, row.contestant.slug, section.dimension_key),
        chart_of_rivals(row, rows, read_battles(board, section.dimension_key)),
        chart_of_boards(_read_history(row.contestant, section), past, size),
    ]
    return tuple(chart for chart in charts if chart is not None)


def verdict(row: BoardRow, contestants: int, section: BoardSection) -> str:
    """A contestant's place in one sentence, which claims no more than its interval."""
    ranks = rank_text(row.rank_low, row.rank_high)
    place = (
        _("place %(ranks)s of %(contestants)s")
        if row.rank_low == row.rank_high
        else _("places %(ranks)s of %(contestants)s")
    ) % {"ranks": ranks, "contestants": contestants}
    if row.is_provisional:
        return _("%(name)s takes %(place)s, provisionally: it has not %(reason)s yet") % {
            "name": row.name,
            "place": place,
            "reason": provisional_because(row),
        }
    whom = (
        _("the whole electorate")
        if section.scope == Scope.ELECTORATE
        else _("the raters as they came")
    )
    return _("%(name)s takes %(place)s in the eyes of %(whom)s") % {
        "name": row.name,
        "place": place,
        "whom": whom,
    }


def chart_of_groups(
    row: BoardRow, groups: Sequence[BoardSection], own: dict[int, BoardRow], contestants: int
) -> Chart:
    """Its rank interval in each group, beside that in everybody's eyes."""
    bars = tuple(_bar_of_group(row, group, own.get(group.pk)) for group in groups)
    placed = [_placed(bar) for bar in bars if bar.is_drawn]
    ends = apart(placed)
    if ends is None:
        title = _("No two groups place it clearly apart")
    else:
        best, worst = ends
        title = _("%(best)s places it higher than %(worst)s") % {
            "best": best.words,
            "worst": worst.words,
        }
    own_reading = _(
        "The upright line is its rank in everybody’s eyes. Only bars that do not meet "
        "are apart; among many groups, a pair may be so by chance."
    )
    reading = f"{_(HOW_TO_READ)} {own_reading} {_(DOUBTFUL)}"
    heads = (_("In whose eyes"), _("Rank"), _("Against overall"), _("Raters"), _("Battles"))
    if row.is_rating:
        heads = (*heads[:-1], _("Ratings"))
    return of_ranks(
        "groups", title, reading, heads, bars, contestants=contestants, mark=float(row.rank)
    )


def _bar_of_group(overall: BoardRow, group: BoardSection, row: BoardRow | None) -> Bar:
    name = f"{group.axis_name}: {group.group_name}"
    query = Choice(group.dimension_key, place_of(group)).query
    if row is None:
        return Bar(name, (_("not enough data"), "–", f"{group.raters:,}", "0"), address=query)
    places = rank_distance(row, overall)
    words = _("not apart")
    if places:
        words = (_("%(places)s higher") if places > 0 else _("%(places)s lower")) % {
            "places": abs(places)
        }
    cells = (_rank_words(row), words, f"{group.raters:,}", f"{row.battles:,}")
    return _bar(name, row, cells)


def chart_of_dimensions(
    defaults: Sequence[BoardSection], own: dict[int, BoardRow], contestants: int
) -> Chart:
    """Its rank interval on each dimension."""
    bars = tuple(
        Bar(section.dimension_name, (_("no ranking"), "–"))
        if (row := own.get(section.pk)) is None
        else _bar(section.dimension_name, row, (_rank_words(row), f"{row.battles:,}"))
        for section in defaults
    )
    ends = apart([_placed(bar) for bar in bars if bar.is_drawn])
    title = _("On no two dimensions does it stand clearly apart")
    if ends is not None:
        best, worst = ends
        title = _("It stands higher on %(best)s than on %(worst)s") % {
            "best": best.words,
            "worst": worst.words,
        }
    counted = _("Ratings") if any(row.is_rating for row in own.values()) else _("Battles")
    heads = (_("Dimension"), _("Rank"), counted)
    reading = f"{_(HOW_TO_READ)} {_(DOUBTFUL)}"
    return of_ranks("dimensions", title, reading, heads, bars, contestants=contestants)


def chart_of_rivals(
    row: BoardRow, rows: Sequence[BoardRow], battles: Battles | None
) -> Chart | None:
    """Its share of the points against every other contestant, in the order of the board."""
    if battles is None:
        return None
    own = row.contestant.slug
    records = {
        rival.name: battles.between(own, rival.contestant.slug)
        for rival in rows
        if rival.contestant_id != row.contestant_id
    }
    bars = []
    for name, record in records.items():
        if not record.battles:
            bars.append(Bar(name, (_("never met"), "–", "0", "0", "0", "0")))
            continue
        share = record.share
        counts = (record.battles, record.wins, record.ties, record.losses)
        cells = (record.interval, percent(share.share), *(f"{count:,}" for count in counts))
        bars.append(Bar(name, cells, share.share, share.low, share.high))
    ahead = sum(record.lead > 0 for record in records.values())
    behind = sum(record.lead < 0 for record in records.values())
    title = _(
        "It has the better of %(ahead)s and the worse of %(behind)s of %(records)s others"
    ) % {"ahead": ahead, "behind": behind, "records": len(records)}
    if not ahead and not behind:
        title = _("Its own battles separate it from none of %(records)s others") % {
            "records": len(records)
        }
    return Chart(
        key="rivals",
        title=title,
        reading=(
            _(
                "The dot is its share of the points in battles with each other contestant, "
                "as raters came and a tie counting half; the bar is Wilson’s 95 % "
                "interval. A bar that crosses the upright line at one half may be chance, "
                "and so may one in twenty that do not."
            )
        ),
        unit="percent",
        label=_("Share of points"),
        start=0.0,
        end=1.0,
        mark=EVEN,
        heads=(
            _("Against"),
            _("95 % interval"),
            _("Share"),
            _("Battles"),
            _("Won"),
            _("Tied"),
            _("Lost"),
        ),
        bars=tuple(bars),
    )


def chart_of_boards(
    history: dict[UUID, BoardRow], past: Sequence[PastBoard], contestants: int
) -> Chart | None:
    """Its rank interval on each board of the study, the oldest first."""
    bars = []
    for entry in reversed(past):
        row = history.get(entry.board.pk)
        if row is None:
            continue
        state = _("withdrawn") if entry.is_withdrawn else _("superseded")
        state = _("stands") if entry.is_standing else state
        name = day_and_time(entry.board.taken_at)
        address = reverse("leaderboards:board", args=[entry.board.study.slug, entry.board.pk])
        cells = (_rank_words(row), f"{row.battles:,}", state)
        bars.append(_bar(name, row, cells, address=address, is_doubtful=entry.is_withdrawn))
    if not bars:
        return None
    ends = apart([_placed(bar) for bar in bars])
    title = _("Its place has not clearly changed over the boards of this study")
    if len(bars) == 1:
        title = _("It has been on one board of this study so far")
    elif ends is not None:
        best, worst = ends
        title = _("It stood higher on %(best)s than on %(worst)s") % {
            "best": best.words,
            "worst": worst.words,
        }
    own_reading = _("Boards share battles: later ones hold those of earlier ones.")
    reading = f"{_(HOW_TO_READ)} {own_reading} {_(DOUBTFUL)}"
    size = max([contestants, *(row.rank_high for row in history.values())])
    counted = _("Ratings") if next(iter(history.values())).is_rating else _("Battles")
    heads = (_("Board"), _("Rank"), counted, _("Now"))
    return of_ranks("history", title, reading, heads, tuple(bars), contestants=size)


def _bar(
    name: str,
    row: BoardRow,
    cells: tuple[str, ...],
    *,
    address: str = "",
    is_doubtful: bool = False,
) -> Bar:
    doubtful = is_doubtful or row.is_provisional
    ranks = float(row.rank), float(row.rank_low), float(row.rank_high)
    return Bar(name, cells, *ranks, doubtful, address)


def _placed(bar: Bar) -> Placed:
    low, high = int(bar.low or 0), int(bar.high or 0)
    return Placed(bar.name, low, high, is_firm=not bar.is_doubtful)


def _rank_words(row: BoardRow) -> str:
    ranks = rank_text(row.rank_low, row.rank_high)
    return _("%(ranks)s, provisional") % {"ranks": ranks} if row.is_provisional else ranks


def _read_own(contestant: Contestant, board: Board) -> dict[int, BoardRow]:
    """Its rows on a board, by the key of their section."""
    rows = BoardRow.objects.filter(section__board=board, contestant=contestant)
    return {row.section_id: row for row in rows.select_related("contestant")}


def _read_history(contestant: Contestant, section: BoardSection) -> dict[UUID, BoardRow]:
    """Its rows of everybody on this dimension, by the board: the electorate's if there is one."""
    rows = (
        BoardRow.objects.filter(
            contestant=contestant,
            section__dimension_key=section.dimension_key,
            section__scope__in=SCOPES_OF_ALL,
        )
        .select_related("section")
        .order_by("section_id")
    )
    found: dict[UUID, BoardRow] = {}
    for row in rows:
        key = row.section.board_id
        if key not in found or row.section.scope == Scope.ELECTORATE:
            found[key] = row
    return found
