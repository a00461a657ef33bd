"""Contestants by groups: the rank intervals of all groups beside the overall ones. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.models import BoardRow, BoardSection
from leaderboards.pages.tables import OverviewCell, overview


@dataclass(frozen=True)
class HeatColumn:
    """A group: its name, the query of its table, and how many of its raters were asked."""

    key: str
    name: str
    query: str
    raters: int
    is_current: bool


@dataclass(frozen=True)
class HeatAxis:
    """The columns of one axis."""

    name: str
    columns: tuple[HeatColumn, ...]


@dataclass(frozen=True)
class HeatCell:
    """A rank interval in a group; `of` is None where there is not enough data for a ranking."""

    of: OverviewCell | None
    begins_axis: bool

    @property
    def is_thin(self) -> bool:
        """Whether the place is none, or rests on an assumption."""
        return self.of is None or self.of.is_provisional


@dataclass(frozen=True)
class HeatRow:
    """A contestant: its rank interval overall, and its cells in the order of the columns."""

    name: str
    slug: str
    overall: str
    is_provisional: bool
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class HeatMap:
    """Contestants in order of overall rank, by the groups of some axes."""

    axes: tuple[HeatAxis, ...]
    rows: tuple[HeatRow, ...]
    raters: int

    @property
    def finding(self) -> str:
        """In how many cells a group places a contestant apart from its overall place."""
        firm = [cell.of for row in self.rows for cell in row.cells if cell.of and not cell.is_thin]
        moved = sum(bool(cell.shift) for cell in firm)
        groups = sum(len(axis.columns) for axis in self.axes)
        where = ngettext("%(groups)s group", "%(groups)s groups", groups) % {"groups": groups}
        if not firm:
            return _("In %(where)s, too little is known to compare places") % {"where": where}
        if not moved:
            return _("In %(where)s, no place is clearly apart from the overall one") % {
                "where": where
            }
        return ngettext(
            "In %(where)s, %(moved)s of %(firm)s places is clearly apart from the overall one",
            "In %(where)s, %(moved)s of %(firm)s places are clearly apart from the overall one",
            moved,
        ) % {"where": where, "moved": moved, "firm": len(firm)}


def heat_map(
    overall: Sequence[BoardRow],
    groups: Mapping[str, Sequence[BoardSection]],
    rows_of: Mapping[int, Sequence[BoardRow]],
    columns_of: Mapping[str, tuple[HeatColumn, ...]],
    *,
    raters: int,
) -> HeatMap | None:
    """The heat map of axes by key, from the rows of everybody and of each group's section.

    None where nothing is ranked overall or there are no groups. Contestants must be loaded.
    """
    views = {key: overview(overall, sections, rows_of) for key, sections in groups.items()}
    shown = {key: view for key, view in views.items() if view is not None}
    if not shown:
        return None
    rows = tuple(
        HeatRow(
            name=row.name,
            slug=row.contestant.slug,
            overall=next(iter(shown.values())).rows[k].overall,
            is_provisional=row.is_provisional,
            cells=tuple(
                HeatCell(cell, begins_axis=n == 0)
                for view in shown.values()
                for n, cell in enumerate(view.rows[k].cells)
            ),
        )
        for k, row in enumerate(overall)
    )
    axes = tuple(HeatAxis(view.axis_name, columns_of[key]) for key, view in shown.items())
    return HeatMap(axes, rows, raters)
