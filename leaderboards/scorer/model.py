"""A scorer as it is kept and used: weights, and numpy alone.

The advantage η of side A over side B is linear in what A has more of than B, so that exchanging
them exchanges the probabilities: P(A) = e^{η/2} / Z, P(tie) = ν / Z, P(B) = e^{-η/2} / Z
(Davidson 1970, JASA 65:317-328). A group's weights are what its raters add to everybody's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from leaderboards.ranking.outcomes import FloatArray
from leaderboards.scorer.comparisons import BoolArray
from leaderboards.scorer.features import BUCKETS, NAMES, Measured, Vectors, Words

Json = dict[str, Any]
DIGITS: Final = 6
# Beyond it e^{η/2} says nothing more than certain.
MOST_ADVANTAGE: Final = 50.0
# What stands below a line where nothing would.
TINY: Final = 1e-12


@dataclass(frozen=True)
class Model:
    """Weights of S measures for everybody and for G groups, of words by bucket, of embeddings.

    `style` (S,) and `groups` (G, S) are per unit of a measure. `words` and `idf` are (BUCKETS,),
    and `embeddings` (E,), or (0,) where they did not help. `sharpness` multiplies the advantage,
    `tie` is ν.
    """

    style: FloatArray
    groups: FloatArray
    words: FloatArray
    idf: FloatArray
    embeddings: FloatArray
    sharpness: float
    tie: float

    def score(self, style: FloatArray, words: Sequence[Words], embeddings: Vectors) -> FloatArray:
        """What everybody makes of sides (N,), before groups: `style` is (N, S).

        `embeddings` are (N, E); where they did not help, nobody looks at them.
        """
        found: FloatArray = style @ self.style
        if self.words.size:
            found = found + [self._of_words(each) for each in words]
        if self.embeddings.size:
            found = found + embeddings @ self.embeddings
        return found

    def advantage(
        self, a: Sequence[Measured], b: Sequence[Measured], groups: BoolArray | None = None
    ) -> FloatArray:
        """The advantage η of sides `a` over `b` (V,), to raters of `groups` (V, G) if given."""
        of_a, of_b = (np.array([side.style for side in sides]) for sides in (a, b))
        found = self._score_sides(a, of_a) - self._score_sides(b, of_b)
        if groups is not None and self.groups.size:
            found = found + ((groups @ self.groups) * (of_a - of_b)).sum(axis=1)
        return found * self.sharpness

    def _score_sides(self, sides: Sequence[Measured], style: FloatArray) -> FloatArray:
        embeddings = np.array([side.embedding for side in sides])
        return self.score(style, [side.words for side in sides], embeddings)

    def _of_words(self, words: Words) -> float:
        values = words.values * self.idf[words.buckets]
        length = max(float(np.linalg.norm(values)), TINY)
        return float(values @ self.words[words.buckets]) / length

    def probabilities(self, advantage: FloatArray) -> FloatArray:
        """P(A), P(tie) and P(B) by advantage (V,): (V, 3)."""
        return outcome_probabilities(advantage, self.tie)

    def to_json(self) -> Json:
        """The weights as JSON; measures by name, to be read by people too."""
        return {
            "form": "P(a) : P(tie) : P(b) = exp(x/2) : tie : exp(-x/2), "
            "x = sharpness * (score(a) - score(b))",
            "measures": dict(zip(NAMES, _rounded(self.style), strict=True)),
            "groups": [_rounded(row) for row in self.groups],
            "words": _rounded(self.words),
            "idf": _rounded(self.idf),
            "embeddings": _rounded(self.embeddings),
            "buckets": BUCKETS,
            "sharpness": self.sharpness,
            "tie": self.tie,
        }

    @classmethod
    def from_json(cls, document: Json) -> "Model":
        """A model from its JSON. Raises ValueError where it is one of other measures."""
        # By name: a database may keep them in another order.
        measures = document["measures"]
        if measures.keys() != set(NAMES) or document["buckets"] != BUCKETS:
            raise ValueError("The scorer was trained on other measures than these.")
        return cls(
            style=np.array([measures[name] for name in NAMES], float),
            groups=np.array(document["groups"], float).reshape(-1, len(NAMES)),
            words=np.array(document["words"], float),
            idf=np.array(document["idf"], float),
            embeddings=np.array(document["embeddings"], float),
            sharpness=document["sharpness"],
            tie=document["tie"],
        )


def outcome_probabilities(advantage: FloatArray, tie: float) -> FloatArray:
    """Davidson's probabilities of A, tie and B by advantage (V,) and ν: (V, 3)."""
    half = np.clip(advantage, -MOST_ADVANTAGE, MOST_ADVANTAGE) / 2
    parts = np.stack([np.exp(half), np.full(len(half), tie), np.exp(-half)], axis=1)
    found: FloatArray = parts / parts.sum(axis=1, keepdims=True)
    return found


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
