"""What a battle can end in, and battles counted by pair and outcome."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

A_WINS: Final = 0
TIE: Final = 1
B_WINS: Final = 2
OUTCOMES: Final = (A_WINS, TIE, B_WINS)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Tally:
    """How often each contestant won, tied and lost, on either side: three arrays (..., K)."""

    wins: FloatArray
    ties: FloatArray
    losses: FloatArray

    @property
    def battles(self) -> FloatArray:
        """How many battles each contestant was in, (..., K)."""
        return self.wins + self.ties + self.losses


def require_battles(a: IntArray, b: IntArray, outcome: IntArray, *, contestants: int) -> None:
    """Raise ValueError unless every battle is between two of K contestants and has an outcome.

    All arrays are (N,). An unknown code is refused because a misspelt winner must never
    become a tie.
    """
    require_index(a, contestants, "contestant")
    require_index(b, contestants, "contestant")
    same = a == b
    if same.any():
        raise ValueError(f"Contestant {a[same][0]} meets itself.")
    known = (outcome >= A_WINS) & (outcome <= B_WINS)
    if not known.all():
        raise ValueError(f"{outcome[~known][0]} is no outcome; outcomes are {OUTCOMES}.")


def require_index(index: IntArray, size: int, what: str) -> None:
    """Raise ValueError if an index is outside 0 … size − 1."""
    outside = (index < 0) | (index >= size)
    if outside.any():
        raise ValueError(f"There is no {what} {index[outside][0]} among {size}.")


def count_outcomes(
    a: IntArray,
    b: IntArray,
    outcome: IntArray,
    *,
    contestants: int,
    tournament: IntArray | None = None,
    tournaments: int = 1,
) -> FloatArray:
    """Count battles by tournament, side A, side B and outcome.

    `a`, `b`, `outcome` and `tournament` are (N,); the result is (tournaments, K, K, 3), or
    (K, K, 3) if `tournament` is not given. Raises ValueError for an index out of range, an
    unknown outcome, and a contestant that meets itself.
    """
    require_battles(a, b, outcome, contestants=contestants)
    cell = (np.asarray(a, np.int64) * contestants + b) * len(OUTCOMES) + outcome
    shape: tuple[int, ...] = (contestants, contestants, len(OUTCOMES))
    if tournament is not None:
        require_index(tournament, tournaments, "tournament")
        cell += np.asarray(tournament, np.int64) * (contestants * contestants * len(OUTCOMES))
        shape = (tournaments, *shape)
    return np.bincount(cell, minlength=int(np.prod(shape))).astype(float).reshape(shape)


def tally(counts: FloatArray) -> Tally:
    """Add up wins, ties and losses of each contestant from counts (..., K, K, 3)."""
    as_a, as_b = counts.sum(axis=-2), counts.sum(axis=-3)
    return Tally(
        wins=as_a[..., A_WINS] + as_b[..., B_WINS],
        ties=as_a[..., TIE] + as_b[..., TIE],
        losses=as_a[..., B_WINS] + as_b[..., A_WINS],
    )


def require_counts(counts: FloatArray) -> None:
    """Raise ValueError unless counts are (..., K, K, 3), finite, at least 0, and 0 with oneself."""
    if counts.ndim < len(OUTCOMES) or counts.shape[-1] != len(OUTCOMES):
        raise ValueError(f"Counts are (..., K, K, {len(OUTCOMES)}), not {counts.shape}.")
    if counts.shape[-2] != counts.shape[-3]:
        raise ValueError(f"Counts are square in the contestants, not {counts.shape}.")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("Counts are finite and not negative.")
    if np.einsum("...iio->...", counts).any():
        raise ValueError("A contestant meets itself.")
