"""What a study's folded verdicts add up to: counting them anew takes seconds in a large study."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Self

import numpy as np

from leaderboards.models import Fold
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray, count_outcomes
from leaderboards.verdicts import Frame, Verdicts, count_crossings

# What the arrays are counted by, as ids: with another frame they would mean something else.
FRAME: Final = ("contestants", "dimensions", "groups")


@dataclass(frozen=True)
class Tallies:
    """Verdicts counted in the frame of a study with K contestants, D dimensions and G groups.

    `counts` (D, 1 + G, K, K, 3) by tournament, everybody's first, side A, side B and outcome;
    `crossings` (D, G, G) by two groups of the rater.
    """

    counts: FloatArray
    crossings: IntArray

    @classmethod
    def none(cls, frame: Frame) -> Self:
        """Of no verdicts."""
        dimensions, groups = len(frame.dimensions), len(frame.groups)
        pairs = (len(frame.contestants),) * 2
        return cls(
            np.zeros((dimensions, 1 + groups, *pairs, len(OUTCOMES))),
            np.zeros((dimensions, groups, groups), np.int64),
        )

    def with_verdicts(self, frame: Frame, verdicts: Verdicts) -> Self:
        """With verdicts that were given once each."""
        belongs = frame.tournaments_of(verdicts.cell)
        dimensions, tournaments, contestants = self.counts.shape[:3]
        a, b, outcome = (
            np.tile(column, len(belongs)) for column in (verdicts.a, verdicts.b, verdicts.outcome)
        )
        counts = count_outcomes(
            a,
            b,
            outcome,
            contestants=contestants,
            tournament=np.concatenate([verdicts.dimension * tournaments + t for t in belongs]),
            tournaments=dimensions * tournaments,
        )
        crossings = [
            count_crossings(frame, frame.tournaments_of(on.cell), on.times)
            for on in map(verdicts.on, range(dimensions))
        ]
        return type(self)(
            self.counts + counts.reshape(self.counts.shape),
            self.crossings + np.reshape(crossings, self.crossings.shape),
        )

    def packed(self, frame: Frame) -> bytes:
        """As they are stored, with the frame that they were counted in."""
        file = BytesIO()
        arrays: dict[str, Any] = {"crossings": self.crossings, **_ids(frame)}
        np.savez_compressed(file, counts=self.counts.astype(np.int32), **arrays)
        return file.getvalue()

    @classmethod
    def unpacked(cls, stored: bytes, frame: Frame) -> Self | None:
        """What was stored; None for nothing, and where it was counted in another frame."""
        if not stored:
            return None
        with np.load(BytesIO(stored), allow_pickle=False) as file:
            ids = _ids(frame)
            if any(not np.array_equal(file[name], ids[name]) for name in FRAME):
                return None
            return cls(file["counts"].astype(float), file["crossings"])


def read_tallies(frame: Frame) -> Tallies | None:
    """What was folded of a study; None before the first fold, and where its frame has changed."""
    stored = Fold.objects.filter(study=frame.study).values_list("tallies", flat=True).first()
    return Tallies.unpacked(bytes(stored or b""), frame)


def _ids(frame: Frame) -> dict[str, IntArray]:
    parts = (frame.contestants, frame.dimensions, frame.groups)
    return {
        name: np.array([each.pk for each in part], np.int64)
        for name, part in zip(FRAME, parts, strict=True)
    }
