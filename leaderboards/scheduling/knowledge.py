"""What a study's folded verdicts have taught so far, as the queue and stopping rules need it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leaderboards.ranking.boards import axis_of_each
from leaderboards.ranking.davidson import fit_tournaments
from leaderboards.ranking.gain import (
    MERGED_WEIGHT,
    Knowledge,
    among,
    knowledge_of,
    knowledge_of_merged,
)
from leaderboards.ranking.merging import composition, merge_davidson
from leaderboards.ranking.outcomes import IntArray
from leaderboards.tallies import Tallies, read_tallies
from leaderboards.verdicts import Frame
from studies.models import Study


@dataclass(frozen=True)
class StudyKnowledge:
    """What is known of the S contestants that stand, on D dimensions and in G groups.

    `standing` (S,) are their indices in the frame. `overall` (D) is the merged ranking of each
    dimension, or everybody's without groups; `groups` (G) has each group's own, by dimension.
    `battles` (1 + G,) counts those on the overall dimension: everybody's, then each group's.
    """

    frame: Frame
    standing: IntArray
    overall_dimension: int
    overall: tuple[Knowledge, ...]
    groups: tuple[tuple[Knowledge, ...], ...]
    battles: IntArray

    @property
    def tournaments(self) -> tuple[Knowledge, ...]:
        """All that a battle teaches: the merged rankings, and those of groups with battles."""
        return (*self.overall, *(own for group in self.groups for own in group if own.reach))


@dataclass(frozen=True)
class Folded:
    """A study as it was folded last: read once, and refitted once for all who ask.

    `tallies` is None before the first fold.
    """

    frame: Frame
    tallies: Tallies | None

    @classmethod
    def of(cls, study: Study) -> "Folded":
        """Read what was folded of a study."""
        frame = Frame.of(study)
        return cls(frame, read_tallies(frame))

    @cached_property
    def knowledge(self) -> StudyKnowledge:
        """What it has taught."""
        return know(self.frame, self.tallies)


def know(frame: Frame, tallies: Tallies | None) -> StudyKnowledge:
    """Refit everything that was folded; before the first fold, nothing is known but the prior."""
    tallies = tallies or Tallies.none(frame)
    standing = np.array(
        [k for k, each in enumerate(frame.contestants) if not each.withdrawn_at], int
    )
    overall_dimension = next((d for d, each in enumerate(frame.dimensions) if each.is_overall), 0)
    overall, groups = [], []
    for d, dimension in enumerate(frame.dimensions):
        merged, own = _know_dimension(frame, tallies, d, dimension.weight)
        overall.append(among(merged, standing))
        groups.append([among(each, standing) for each in own])
    battles = tallies.counts.sum(axis=(2, 3, 4)).astype(int)
    return StudyKnowledge(
        frame=frame,
        standing=standing,
        overall_dimension=overall_dimension,
        overall=tuple(overall),
        groups=tuple(zip(*groups, strict=True)),
        battles=battles[overall_dimension],
    )


def _know_dimension(
    frame: Frame, tallies: Tallies, dimension: int, weight: float
) -> tuple[Knowledge, list[Knowledge]]:
    """The merged ranking of a dimension, and each group's own."""
    counts = tallies.counts[dimension]
    everybody, *fits = fit_tournaments(counts)
    if not frame.groups:
        return knowledge_of(everybody, weight=weight), []
    groups = frame.group_shares
    merged = merge_davidson(
        counts[1:],
        composition=composition(tallies.crossings[dimension]),
        axis=axis_of_each(groups),
        shares=np.array([group.share for group in groups]),
    )
    battles = counts.sum(axis=(1, 2, 3))
    reach = battles[1:] / max(battles[0], 1)
    return (
        knowledge_of_merged(merged, everybody, weight=weight * MERGED_WEIGHT),
        [
            knowledge_of(fit, weight=weight, reach=float(r))
            for fit, r in zip(fits, reach, strict=True)
        ],
    )
