"""Scores that raters gave contestants, one at a time, added up so that no rater is left in them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import IntArray, require_index

# Raters whose scores lie in memory as a table (raters, K) at a time.
RATERS_AT_A_TIME: Final = 10_000


@dataclass(frozen=True)
class RatingInput:
    """Ratings on one dimension as sums of integers: K contestants, G groups. No rater is in it.

    `crossings` (K, G, G) counts a contestant's ratings by raters in both groups, `sums` (K, G)
    adds up the scores that a group gave. Over raters who rated both i and j, `together` (K, K)
    counts them, `sums_together` (K, K) adds up their scores of i, and `products` (K, K) the
    products of their two scores; on the diagonal these are a contestant's ratings, its scores
    and their squares. `raters` (1 + G,) counts the raters: of everybody, then of each group.
    """

    key: str
    crossings: IntArray
    sums: IntArray
    together: IntArray
    sums_together: IntArray
    products: IntArray
    raters: IntArray

    @property
    def ratings(self) -> IntArray:
        """How many ratings everybody, and then each group, gave each contestant: (1 + G, K)."""
        by_group = np.einsum("kgg->gk", self.crossings)
        return np.concatenate([np.diagonal(self.together)[np.newaxis], by_group])


def count_ratings(
    key: str,
    rater: IntArray,
    contestant: IntArray,
    score: IntArray,
    group: IntArray,
    *,
    contestants: int,
    groups: int,
) -> RatingInput:
    """Add up N ratings; `rater`, `contestant` and `score` are (N,), `group` (A, N) the rater's.

    A rater should rate a contestant once; another time counts as if it were another rater's, and
    only the median of her scores of it is held beside her scores of others.
    Raises ValueError for a contestant or group out of range.
    """
    require_index(contestant, contestants, "contestant")
    require_index(group.ravel(), groups, "group")
    crossings = np.zeros(contestants * groups**2, np.int64)
    sums = np.zeros(contestants * groups, np.int64)
    for mine in group:
        np.add.at(sums, contestant * groups + mine, score)
        for other in group:
            place = (contestant * groups + mine) * groups + other
            crossings += np.bincount(place, minlength=len(crossings))
    people, person = np.unique(rater, return_inverse=True)
    members = [len(np.unique(person[(group == g).any(axis=0)])) for g in range(groups)]
    together, sums_together, products = _pairs(person, len(people), contestant, score, contestants)
    return RatingInput(
        key=key,
        crossings=crossings.reshape(contestants, groups, groups),
        sums=sums.reshape(contestants, groups),
        together=together,
        sums_together=sums_together,
        products=products,
        raters=np.array([len(people), *members], np.int64),
    )


def _pairs(
    person: IntArray, people: int, contestant: IntArray, score: IntArray, contestants: int
) -> tuple[IntArray, IntArray, IntArray]:
    """`together`, `sums_together` and `products` of a `RatingInput`."""
    found = np.zeros((3, contestants, contestants), np.int64)
    order = np.lexsort((score, contestant, person))
    person, contestant, score = person[order], contestant[order], score[order]
    for first in range(0, people, RATERS_AT_A_TIME):
        here = slice(*np.searchsorted(person, (first, first + RATERS_AT_A_TIME)))
        place = (person[here] - first) * contestants + contestant[here]
        size = min(RATERS_AT_A_TIME, people - first) * contestants
        # Sums of integers in floats are exact up to 2⁵³, and their products much faster.
        # Each rater once for each contestant: two that shared more raters than they have ratings
        # would have no covariance.
        rated, start, times = np.unique(place, return_index=True, return_counts=True)
        given, scores = np.zeros((2, size))
        given[rated], scores[rated] = 1, score[here][start + (times - 1) // 2]
        given, scores = given.reshape(-1, contestants), scores.reshape(-1, contestants)
        tables = (given.T @ given, scores.T @ given, scores.T @ scores)
        found += np.array(tables).round().astype(np.int64)
    for table, weights in zip(found, (None, score, score**2), strict=True):
        np.fill_diagonal(table, np.bincount(contestant, weights, contestants))
    together, sums_together, products = found
    return together, sums_together, products
