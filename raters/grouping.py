"""A study's groups with their cells, for figures by group."""

from dataclasses import dataclass
from typing import Final

from studies.models import CellGroup, Group, Study

# A group of fewer raters is not shown: what it says could be traced to one of them.
LEAST_RATERS: Final = 5


@dataclass(frozen=True, slots=True)
class Members:
    """One group, and the keys of the cells whose raters are in it."""

    group: Group
    cells: frozenset[int]


def groups_of(study: Study) -> tuple[Members, ...]:
    """The groups of the study's electorate in the order of axes; none without one."""
    groups = Group.objects.filter(axis__electorate__studies=study).select_related("axis")
    cells: dict[int, set[int]] = {}
    pairs = CellGroup.objects.filter(cell__electorate__studies=study)
    for group, cell in pairs.values_list("group_id", "cell_id"):
        cells.setdefault(group, set()).add(cell)
    return tuple(
        Members(group, frozenset(cells.get(group.pk, ())))
        for group in groups.order_by("axis__position", "position")
    )
