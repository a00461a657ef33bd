"""Reads what the page of a board shows, in few queries.

Of its export, which is large, only what was left out is read, and that once.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.http import Http404, QueryDict
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from leaderboards.errors import NothingToRankError
from leaderboards.exclusions import LeftOutTogether, left_out_of, together
from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.pages.heat_map import HeatColumn, HeatMap, heat_map
from leaderboards.pages.tables import Table, table
from leaderboards.pages.words import Fact, model_numbers, percent, verdict
from leaderboards.ranking.boards import Scope
from studies.models import Dimension, Group, Source, Study

# Where REST clients find a study's boards.
API_BOARDS: Final = "/api/v1/studies/{slug}/boards/"


@dataclass(frozen=True)
class Choice:
    """Which table somebody asked for; an empty field leaves it to the board.

    `place` is "electorate", "sample" or "AXIS=GROUP"; `axis` is that of the heat map, and
    without one it shows all; `against` is the dimension that another is compared with.
    """

    dimension: str = ""
    place: str = ""
    axis: str = ""
    against: str = ""

    @classmethod
    def parse(cls, query: QueryDict) -> "Choice":
        """Read the query of an address; whether the values exist is the board's to say."""
        names = ("dimension", "group", "axis", "against")
        return cls(*(query.get(name, "") for name in names))

    @property
    def query(self) -> str:
        """The choice as the query of an address."""
        named = {
            "dimension": self.dimension,
            "group": self.place,
            "axis": self.axis,
            "against": self.against,
        }
        return f"?{urlencode({name: value for name, value in named.items() if value})}"


@dataclass(frozen=True)
class Option:
    """Something to choose: its value, its name, and the address that chooses it."""

    value: str
    name: str
    query: str
    is_current: bool


@dataclass(frozen=True)
class Axis:
    """An axis in the picker, with its groups."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class PastBoard:
    """A board of the study, and whether it is still stood by."""

    board: Board
    superseded_by: Board | None

    @property
    def withdrawal_reason(self) -> str:
        """Why it was withdrawn; empty if it was not."""
        return self.board.withdrawal.reason if self.is_withdrawn else ""

    @property
    def is_withdrawn(self) -> bool:
        return hasattr(self.board, "withdrawal")

    @property
    def is_standing(self) -> bool:
        return not self.is_withdrawn and self.superseded_by is None


@dataclass(frozen=True)
class GroupShare:
    """A group's share of the electorate, where it was read, and its part of the raters."""

    axis: str
    name: str
    share: str
    source: Source
    raters: int | None
    raters_share: str


@dataclass(frozen=True)
class Contents:
    """The sections of a board, its dimensions and groups, and how they are chosen."""

    sections: tuple[BoardSection, ...]
    overall_key: str

    def choose(self, choice: Choice) -> BoardSection:
        """The section that was asked for. Raises NothingToRankError where there is no such."""
        dimension = choice.dimension or self.default_dimension
        here = [s for s in self.sections if s.dimension_key == dimension]
        if not here:
            raise NothingToRankError(
                _("This board has no dimension “%(dimension)s”.") % {"dimension": dimension}
            )
        # Without an electorate the sample comes first.
        place = choice.place or place_of(here[0])
        for section in here:
            if place_of(section) == place:
                return section
        raise NothingToRankError(_("This board has no group “%(place)s”.") % {"place": place})

    @property
    def default_dimension(self) -> str:
        """The study's overall dimension, if this board has it, or else its first."""
        keys = [section.dimension_key for section in self.sections]
        return self.overall_key if self.overall_key in keys else keys[0]

    def default_of(self, dimension: str) -> BoardSection:
        """The electorate's section of a dimension, or the sample's without one."""
        return next(s for s in self.sections if s.dimension_key == dimension)

    @property
    def defaults(self) -> tuple[BoardSection, ...]:
        """The section that speaks for all on each dimension."""
        keys = dict.fromkeys(section.dimension_key for section in self.sections)
        return tuple(self.default_of(key) for key in keys)

    def groups(self, dimension: str) -> dict[str, list[BoardSection]]:
        """The group sections of a dimension, by the key of their axis."""
        found: dict[str, list[BoardSection]] = {}
        for section in self.sections:
            if section.dimension_key == dimension and section.axis_key:
                found.setdefault(section.axis_key, []).append(section)
        return found

    def dimension_options(self, choice: Choice) -> tuple[Option, ...]:
        """The tabs."""
        names = {s.dimension_key: s.dimension_name for s in self.sections}
        return tuple(
            Option(key, name, replace(choice, dimension=key).query, key == choice.dimension)
            for key, name in names.items()
        )

    def everybody_options(self, choice: Choice) -> tuple[Option, ...]:
        """The electorate, where there is one, and the raters as they came."""
        names = {
            Scope.ELECTORATE: _("The whole electorate"),
            Scope.SAMPLE: _("The raters as they came"),
        }
        return tuple(
            _place_option(place_of(section), names[Scope(section.scope)], choice)
            for section in self.sections
            if section.dimension_key == choice.dimension and section.scope in names
        )

    def axes(self, choice: Choice) -> tuple[Axis, ...]:
        """The picker's axes with their groups."""
        return tuple(
            Axis(
                groups[0].axis_name,
                tuple(_place_option(place_of(g), g.group_name, choice) for g in groups),
            )
            for groups in self.groups(choice.dimension).values()
        )


def place_of(section: BoardSection) -> str:
    """How addresses name a section within its dimension."""
    if section.scope == Scope.GROUP:
        return f"{section.axis_key}={section.group_key}"
    return section.scope


def _place_option(place: str, name: str, choice: Choice) -> Option:
    # The heat map shows the group among all, so an axis chosen before is forgotten.
    query = replace(choice, place=place, axis="").query
    return Option(place, name, query, place == choice.place)


@dataclass(frozen=True)
class BoardPage:
    """Everything on a board's page."""

    study: Study
    entry: PastBoard
    past: tuple[PastBoard, ...]
    contents: Contents
    choice: Choice
    section: BoardSection
    question: str
    verdict: str
    table: Table | None
    heat_map: HeatMap | None
    heat_axes: tuple[Option, ...]
    numbers: tuple[Fact, ...]
    shares: tuple[GroupShare, ...]

    @property
    def board(self) -> Board:
        return self.entry.board

    @cached_property
    def dimensions(self) -> tuple[Option, ...]:
        return self.contents.dimension_options(self.choice)

    @cached_property
    def everybody(self) -> tuple[Option, ...]:
        return self.contents.everybody_options(self.choice)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        return self.contents.axes(self.choice)

    @cached_property
    def left_out(self) -> tuple[LeftOutTogether, ...]:
        """The exclusions that applied, those for the same reason together."""
        return together(left_out_of(self.board))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of the shares, each once."""
        return tuple({share.source.pk: share.source for share in self.shares}.values())

    @property
    def standing(self) -> PastBoard | None:
        """The board that is stood by now."""
        return standing_of(self.past)

    @property
    def api_path(self) -> str:
        return API_BOARDS.format(slug=self.study.slug)


def read_boards(study: Study) -> tuple[PastBoard, ...]:
    """All boards of a study, the newest first; without their exports."""
    boards = list(
        study.boards.defer("document").select_related("withdrawal").order_by("-taken_at", "pk")
    )
    successors = {board.supersedes_id: board for board in boards if board.supersedes_id}
    return tuple(PastBoard(board, successors.get(board.pk)) for board in boards)


def standing_of(boards: Sequence[PastBoard]) -> PastBoard | None:
    """The newest board that is stood by, if any."""
    return next((entry for entry in boards if entry.is_standing), None)


def entry_of(boards: Sequence[PastBoard], board_id: uuid.UUID) -> PastBoard:
    """One board of a study. Raises Http404 where there is no such."""
    for entry in boards:
        if entry.board.pk == board_id:
            return entry
    raise Http404(_("This study has no such board."))


def read_contents(study: Study, board: Board) -> Contents:
    """The sections of a board, in its order."""
    overall = study.dimensions.filter(is_overall=True).values_list("key", flat=True).first()
    sections = board.sections.order_by("pk")
    return Contents(tuple(sections), overall or "")


def read_board_page(
    study: Study, entry: PastBoard, past: Sequence[PastBoard], choice: Choice
) -> BoardPage:
    """Read a board's page. Raises NothingToRankError for a dimension, group or axis it lacks."""
    dimensions = {dimension.key: dimension for dimension in study.dimensions.all()}
    contents = Contents(tuple(entry.board.sections.order_by("pk")), _overall_key(dimensions))
    section = contents.choose(choice)
    dimension = section.dimension_key
    default = contents.default_of(dimension)
    groups = contents.groups(dimension)
    if choice.axis and choice.axis not in groups:
        raise NothingToRankError(_("This board has no axis “%(axis)s”.") % {"axis": choice.axis})
    shown = Choice(dimension, place_of(section), choice.axis)
    across = {choice.axis: groups[choice.axis]} if choice.axis else groups
    rows_of = read_rows([section, default, *(s for ss in across.values() for s in ss)])
    rows = rows_of[section.pk]
    asked = dimensions.get(dimension)
    return BoardPage(
        study=study,
        entry=entry,
        past=tuple(past),
        contents=contents,
        choice=shown,
        section=section,
        question=asked.question if asked else "",
        verdict=verdict(rows),
        table=table(rows),
        heat_map=heat_map(
            rows_of[default.pk],
            across,
            rows_of,
            {key: _heat_columns(sections, shown) for key, sections in across.items()},
            raters=default.raters,
        ),
        heat_axes=_heat_axes(groups, shown),
        numbers=model_numbers(section.fit, {key: g[0].axis_name for key, g in groups.items()}),
        shares=_read_shares(study, default, groups),
    )


def _heat_columns(sections: Sequence[BoardSection], choice: Choice) -> tuple[HeatColumn, ...]:
    options = [_place_option(place_of(each), each.group_name, choice) for each in sections]
    return tuple(
        HeatColumn(each.group_key, option.name, option.query, each.raters, option.is_current)
        for each, option in zip(sections, options, strict=True)
    )


def _heat_axes(groups: Mapping[str, Sequence[BoardSection]], choice: Choice) -> tuple[Option, ...]:
    """The choice of the heat map's axes, all of them first; nothing to choose from one."""
    if len(groups) < 2:
        return ()
    names = {"": _("All groups")} | {key: sections[0].axis_name for key, sections in groups.items()}
    return tuple(
        Option(key, name, replace(choice, axis=key).query, key == choice.axis)
        for key, name in names.items()
    )


def _overall_key(dimensions: Mapping[str, Dimension]) -> str:
    return next((key for key, d in dimensions.items() if d.is_overall), "")


def read_rows(sections: Sequence[BoardSection]) -> dict[int, list[BoardRow]]:
    """The rows of sections, in order of rank, by the key of the section."""
    found: dict[int, list[BoardRow]] = {section.pk: [] for section in sections}
    rows = BoardRow.objects.filter(section__in=found).select_related("contestant")
    for row in rows.order_by("rank"):
        found[row.section_id].append(row)
    return found


def read_section_rows(section: BoardSection) -> list[BoardRow]:
    """The rows of one section, in order of rank."""
    return read_rows([section])[section.pk]


def _read_shares(
    study: Study, everybody: BoardSection, groups: Mapping[str, Sequence[BoardSection]]
) -> tuple[GroupShare, ...]:
    """The electorate's groups beside the raters of this board."""
    if study.electorate_id is None:
        return ()
    raters = {(axis, s.group_key): s.raters for axis, ss in groups.items() for s in ss}
    known = (
        Group.objects.filter(axis__electorate=study.electorate_id)
        .select_related("axis", "source")
        .order_by("axis__position", "position")
    )
    shares = []
    for group in known:
        came = raters.get((group.axis.key, group.key))
        part = percent(came / everybody.raters, decimals=1) if came and everybody.raters else ""
        share = percent(group.share, decimals=1)
        shares.append(GroupShare(group.axis.name, group.name, share, group.source, came, part))
    return tuple(shares)
