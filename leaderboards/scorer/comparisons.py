"""What a scorer learns from: sides as they were measured, and verdicts on pairs of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.outcomes import A_WINS, TIE, FloatArray, IntArray
from leaderboards.scorer.features import Measured, Vectors, Words

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparisons:
    """V verdicts on pairs of N sides.

    `style` (N, S), `words` (N, or none at all) and `embeddings` (N, E; E is 0 where there are
    none) are the sides' measures; `a`, `b` (V,) say which of them met, `outcome` (V,) who won.
    Verdicts of one `block` (V,) are about the same thing, and are never parted. `contestants`
    (V, 2) are those of the sides, `groups` (V, G) the rater's.
    """

    style: FloatArray
    words: tuple[Words, ...]
    a: IntArray
    b: IntArray
    outcome: IntArray
    block: IntArray
    contestants: IntArray
    groups: BoolArray
    embeddings: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @classmethod
    def of(
        cls,
        sides: Sequence[Measured],
        *,
        a: IntArray,
        b: IntArray,
        outcome: IntArray,
        block: IntArray,
        contestants: IntArray,
        groups: BoolArray | None = None,
    ) -> "Comparisons":
        """Verdicts on measured sides; without groups, of raters of whom nothing is known.

        Raises ValueError where embeddings of sides differ in length.
        """
        return cls(
            style=np.array([side.style for side in sides]),
            words=tuple(side.words for side in sides),
            a=a,
            b=b,
            outcome=outcome,
            block=block,
            contestants=contestants,
            groups=np.zeros((len(a), 0), bool) if groups is None else groups,
            embeddings=np.array([side.embedding for side in sides], np.float32).reshape(
                len(sides), -1 if sides else 0
            ),
        )

    def __len__(self) -> int:
        return len(self.outcome)

    def where(self, here: BoolArray | IntArray) -> "Comparisons":
        """The verdicts that `here` says, (V,) of truth or places of them, on the same sides."""
        columns = ("a", "b", "outcome", "block", "contestants", "groups")
        return replace(self, **{name: getattr(self, name)[here] for name in columns})

    def of_style_alone(self, measure: int) -> "Comparisons":
        """The same verdicts where one measure is all that is known of a side."""
        no_groups = np.zeros((len(self), 0), bool)
        alone = replace(self, style=self.style[:, [measure]], words=(), groups=no_groups)
        return alone.without_embeddings()

    def without_embeddings(self) -> "Comparisons":
        """The same verdicts where nobody was asked for embeddings."""
        return replace(self, embeddings=np.zeros((len(self.style), 0), np.float32))

    def of_contestants_alone(self) -> "Comparisons":
        """The same verdicts where nothing is known of a side but whose it is."""
        known, place = np.unique(self.contestants, return_inverse=True)
        place = place.reshape(self.contestants.shape)
        return replace(
            self,
            style=np.eye(len(known)),
            words=(),
            a=place[:, 0],
            b=place[:, 1],
            groups=np.zeros((len(self), 0), bool),
        ).without_embeddings()

    @property
    def is_embedded(self) -> bool:
        """Whether there are embeddings."""
        return bool(self.embeddings.shape[1])

    @property
    def differences(self) -> FloatArray:
        """What side A has more of than side B, (V, S)."""
        return self.style[self.a] - self.style[self.b]

    @property
    def decided(self) -> BoolArray:
        """Which verdicts are no ties, (V,)."""
        return np.not_equal(self.outcome, TIE)

    @property
    def a_wins(self) -> BoolArray:
        """Which verdicts side A won, (V,)."""
        return np.equal(self.outcome, A_WINS)


def deal(block: IntArray, folds: int, *, seed: int) -> IntArray:
    """The fold of each verdict (V,): blocks are dealt one by one, in an order drawn by seed."""
    known, place = np.unique(block, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(known))
    dealt: IntArray = (np.argsort(order) % folds)[place]
    return dealt
