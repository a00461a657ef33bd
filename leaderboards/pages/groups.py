"""Reads where the groups of a board disagree: with everybody, with each other, and about whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.board import (
    Choice,
    Option,
    PastBoard,
    place_of,
    read_contents,
    read_rows,
)
from leaderboards.pages.charts import Bar, Chart, Placed, apart
from leaderboards.pages.method import chart_of_axes
from leaderboards.pages.orders import (
    Agreement,
    Order,
    agreement,
    of_agreements,
    orders_of_groups,
)
from leaderboards.pages.tables import MAX_SHIFT_LEVEL, rank_distance
from leaderboards.pages.words import percent, rank_text
from studies.models import Study

# Shares this far below what noise leaves get the next stronger colour.
STEP: Final = 0.1

Rows = Mapping[int, Sequence[BoardRow]]


@dataclass(frozen=True)
class PairCell:
    """Two groups, or a group and everybody; coloured where they differ by more than noise."""

    share: str
    interval: str
    hint: str
    style: str


@dataclass(frozen=True)
class GroupLine:
    """A group's row of its axis' matrix; None is itself, and a cell without numbers too thin."""

    name: str
    raters: int
    query: str
    cells: tuple[PairCell | None, ...]


@dataclass(frozen=True)
class AxisMatrix:
    """The groups of an axis against everybody and each other."""

    key: str
    name: str
    finding: str
    lines: tuple[GroupLine, ...]


@dataclass(frozen=True)
class Divided:
    """A contestant, and where its rank intervals do not meet: by group, and from overall.

    `best` and `worst` are groups of one axis whose intervals for it do not meet.
    """

    row: BoardRow
    overall: str
    best: str
    worst: str
    apart: int
    groups: int


@dataclass(frozen=True)
class Groups:
    """Where the groups of a board disagree on a dimension."""

    entry: PastBoard
    section: BoardSection
    dimensions: tuple[Option, ...]
    finding: str
    shifts: Chart | None
    agreements: Chart | None
    matrices: tuple[AxisMatrix, ...]
    divided: tuple[Divided, ...]
    divided_title: str

    @property
    def board(self) -> Board:
        return self.entry.board


def read_groups(study: Study, entry: PastBoard, choice: Choice) -> Groups:
    """Read the page of groups. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    axes = contents.groups(section.dimension_key)
    rows_of = read_rows([section, *(s for sections in axes.values() for s in sections)])
    everybody = rows_of[section.pk]
    groups = [s for sections in axes.values() for s in sections]
    whole, *orders = orders_of_groups(everybody, [rows_of[s.pk] for s in groups])
    order_of = {s.pk: order for s, order in zip(groups, orders, strict=True)}
    found = {pk: agreement(whole, order) for pk, order in order_of.items()}
    divided = divided_over(everybody, axes, rows_of)
    return Groups(
        entry=entry,
        section=section,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        finding=finding(list(found.values())),
        shifts=chart_of_axes(section.fit, axes),
        agreements=chart_of_groups(groups, found),
        matrices=tuple(axis_matrix(sections, order_of, found) for sections in axes.values())
        if everybody
        else (),
        divided=divided,
        divided_title=_title_of_divided(divided),
    )


def finding(found: Sequence[Agreement | None]) -> str:
    """How many groups order the contestants otherwise than everybody does."""
    known = [each for each in found if each is not None]
    if not known:
        return _("Too little is known of any group to compare it with everybody")
    otherwise = sum(each.is_more_than_noise for each in known)
    groups = ngettext("%(known)s group", "%(known)s groups", len(known)) % {"known": len(known)}
    if not otherwise:
        return _("None of %(groups)s orders the contestants otherwise than noise alone would") % {
            "groups": groups
        }
    return ngettext(
        "%(otherwise)s of %(groups)s orders the contestants otherwise than everybody does",
        "%(otherwise)s of %(groups)s order the contestants otherwise than everybody does",
        otherwise,
    ) % {"otherwise": otherwise, "groups": groups}


def chart_of_groups(
    groups: Sequence[BoardSection], found: Mapping[int, Agreement | None]
) -> Chart | None:
    """How far each group agrees with everybody; None where of none it can be said."""
    bars = tuple(_bar(group, found[group.pk]) for group in groups)
    drawn = [bar for bar in bars if bar.is_drawn]
    if not drawn:
        return None
    title = _("No group is clearly further from everybody than every other")
    least = min(drawn, key=lambda bar: bar.high or 0.0)
    others = [bar.low or 0.0 for bar in drawn if bar is not least]
    if others and (least.high or 0.0) < min(others):
        title = _("%(name)s is further from everybody than every other group") % {
            "name": least.name
        }
    return of_agreements(
        "agreement",
        title,
        _(
            "Of all pairs of contestants, how many a group puts in the same order as "
            "everybody: all would be one order, half none in common. The bar holds 95 % of "
            "what the board’s numbers allow, the dot is its middle. “Noise alone” is what "
            "a group of this size would still reach, 39 times of 40, if it thought as "
            "everybody does: where what was seen is below, it is marked as more than "
            "noise. Hollow and grey may be noise."
        ),
        (
            _("Group"),
            _("Pairs in the same order"),
            _("Seen"),
            _("Noise alone"),
            _("Contestants"),
            _("Raters"),
        ),
        bars,
    )


def _bar(group: BoardSection, agreed: Agreement | None) -> Bar:
    name = f"{group.axis_name}: {group.group_name}"
    query = Choice(group.dimension_key, place_of(group)).query
    address = f"../{query}"
    if agreed is None:
        return Bar(
            name, (_("not enough data"), "–", "–", "–", f"{group.raters:,}"), address=address
        )
    seen = percent(agreed.seen)
    cells = (
        agreed.words,
        _("%(seen)s, more than noise") % {"seen": seen} if agreed.is_more_than_noise else seen,
        f"≥ {percent(agreed.noise_low)}",
        f"{agreed.contestants}",
        f"{group.raters:,}",
    )
    return Bar(
        name,
        cells,
        agreed.middle,
        agreed.low,
        agreed.high,
        is_doubtful=not agreed.is_more_than_noise,
        address=address,
    )


def axis_matrix(
    groups: Sequence[BoardSection],
    order_of: Mapping[int, Order],
    found: Mapping[int, Agreement | None],
) -> AxisMatrix:
    """The groups of one axis, each against everybody and then against each of them."""
    name = groups[0].axis_name
    between: dict[frozenset[int], Agreement | None] = {}
    for k, one in enumerate(groups):
        for other in groups[k + 1 :]:
            pair = frozenset({one.pk, other.pk})
            between[pair] = agreement(order_of[one.pk], order_of[other.pk])
    lines = tuple(
        GroupLine(
            one.group_name,
            one.raters,
            f"../{Choice(one.dimension_key, place_of(one)).query}",
            (
                _cell(found[one.pk]),
                *(
                    None if other is one else _cell(between[frozenset({one.pk, other.pk})])
                    for other in groups
                ),
            ),
        )
        for one in groups
    )
    return AxisMatrix(groups[0].axis_key, name, _title_of_axis(name, between.values()), lines)


def _title_of_axis(name: str, between: Collection[Agreement | None]) -> str:
    known = [each for each in between if each is not None]
    if not known:
        return _("%(name)s: too little is known to compare groups") % {"name": name}
    otherwise = sum(each.is_more_than_noise for each in known)
    if len(known) == 1:
        return (
            _("%(name)s: two groups disagree by more than noise")
            if otherwise
            else _("%(name)s: two groups disagree by no more than noise")
        ) % {"name": name}
    if not otherwise:
        return _("%(name)s: of %(known)s pairs of groups, none disagrees by more than noise") % {
            "name": name,
            "known": len(known),
        }
    return ngettext(
        "%(name)s: %(otherwise)s of %(known)s pairs of groups disagrees by more than noise",
        "%(name)s: %(otherwise)s of %(known)s pairs of groups disagree by more than noise",
        otherwise,
    ) % {"name": name, "otherwise": otherwise, "known": len(known)}


def _cell(agreed: Agreement | None) -> PairCell:
    if agreed is None:
        return PairCell("", "", "", "thin")
    below = (agreed.noise_low) - agreed.seen
    level = min(int(below / STEP) + 1, MAX_SHIFT_LEVEL)
    return PairCell(
        share=percent(agreed.middle),
        interval=agreed.words,
        hint=_("more than noise") if agreed.is_more_than_noise else _("may be noise"),
        style=f"down-{level}" if agreed.is_more_than_noise else "",
    )


def divided_over(
    everybody: Sequence[BoardRow], axes: Mapping[str, Sequence[BoardSection]], rows_of: Rows
) -> tuple[Divided, ...]:
    """The contestants in the board's order, with where groups place them apart."""
    tables = {
        group.pk: {row.contestant_id: row for row in rows_of[group.pk]}
        for groups in axes.values()
        for group in groups
    }
    return tuple(_divided(row, axes, tables) for row in everybody) if tables else ()


def _divided(
    overall: BoardRow,
    axes: Mapping[str, Sequence[BoardSection]],
    tables: Mapping[int, Mapping[int, BoardRow]],
) -> Divided:
    ends, distances = [], []
    for groups in axes.values():
        placed = []
        for group in groups:
            row = tables[group.pk].get(overall.contestant_id)
            if row is None or row.is_provisional:
                continue
            distances.append(rank_distance(row, overall))
            name = f"{group.axis_name}: {group.group_name}"
            placed.append(Placed(name, row.rank_low, row.rank_high))
        if found := apart(placed):
            ends.append(found)
    # Of several axes, the one whose intervals lie furthest apart.
    widest = max(ends, key=lambda each: each[1].low - each[0].high, default=None)
    is_firm = not overall.is_provisional
    return Divided(
        row=overall,
        overall=rank_text(overall.rank_low, overall.rank_high),
        best=widest[0].words if widest and is_firm else "",
        worst=widest[1].words if widest and is_firm else "",
        apart=sum(map(bool, distances)) if is_firm else 0,
        groups=len(distances) if is_firm else 0,
    )


def _title_of_divided(divided: Sequence[Divided]) -> str:
    split = sum(bool(each.best) for each in divided)
    if not split:
        return _("No contestant divides the groups of any axis clearly")
    contestants = ngettext("%(divided)s contestant", "%(divided)s contestants", len(divided)) % {
        "divided": len(divided)
    }
    return ngettext(
        "%(split)s of %(contestants)s divides the groups of an axis clearly",
        "%(split)s of %(contestants)s divide the groups of an axis clearly",
        split,
    ) % {"split": split, "contestants": contestants}
