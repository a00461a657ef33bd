"""What a ranking refuses, by name."""

from collections.abc import Sequence


class RankingError(ValueError):
    """Verdicts, an electorate or parameters from which no ranking can be made."""


class DisconnectedError(RankingError):
    """The battles fall into parts that never met, so that no scale joins them.

    `parts` holds the contestants' indices, one tuple a part, the largest part first.
    """

    def __init__(self, parts: Sequence[tuple[int, ...]]) -> None:
        self.parts = tuple(parts)
        listed = "; ".join(", ".join(map(str, part)) for part in self.parts)
        super().__init__(
            f"The battles fall into {len(self.parts)} parts that never met: contestants {listed}."
        )


class SharesError(RankingError):
    """The electorate's shares of the groups of one axis don't add up to 1.

    `axis` is the axis's index and `total` what its shares add up to.
    """

    def __init__(self, axis: int, total: float) -> None:
        self.axis = axis
        self.total = total
        super().__init__(f"The shares of axis {axis} add up to {total:.6g}, not to 1.")
