"""How many places each group of a study has, whether it divides them by groups or by cells."""

from dataclasses import dataclass

import numpy as np

from leaderboards.verdicts import Frame
from raters.quotas import places


@dataclass(frozen=True)
class Places:
    """A group's places: all, those that nobody has, and those that nobody has completed yet."""

    target: int
    open: int
    to_complete: int


def group_places(frame: Frame) -> dict[int, Places]:
    """The places of each group by its key, by groups or added up from cells; {} without quotas."""
    index = {group.pk: g for g, group in enumerate(frame.groups)}
    counted = np.zeros((len(frame.groups), 3), np.int64)
    fills = places(frame.study)
    for fill in fills:
        row = (
            fill.target,
            max(0, fill.target - fill.taken),
            max(0, fill.target - fill.completed),
        )
        if fill.quota.group_id is not None:
            counted[index[fill.quota.group_id]] += row
        elif fill.quota.cell_id is not None:
            cell = np.searchsorted(frame.cell_ids, fill.quota.cell_id)
            counted[frame.groups_of_cell[cell]] += row
    return {pk: Places(*counted[g].tolist()) for pk, g in index.items()} if fills else {}
