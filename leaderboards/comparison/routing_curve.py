"""How soon people's order is reached, by routing and by chance: a study replayed from its votes.

`wanted` of each item is as many votes as people gave it, and each vote asked for is one of theirs,
drawn. The order that has to be reached is that of all people's votes, so that the votes asked for
are a part of it; or that of other people's votes, of which none can be asked for. A router sees
the judges' verdicts, and of people only the votes that it has asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import Figure, spearman
from leaderboards.comparison.items import BoolArray, Items, Judged, Votes, pair_counts
from leaderboards.comparison.routing import Asked, judge_columns, next_items, ranking
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray, tally

SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Part of all votes that is asked for at a time.
BATCH: Final = 0.025


@dataclass(frozen=True)
class Reached:
    """Spearman's correlation with people's order once a `share` of the votes was asked for.

    Each is the mean over seeds with where 95 % of them lie, `n` seeds: `routed`, votes going
    where they are worth most and judges standing in for the others; `random`, votes drawn and
    judges standing in; `people_only`, votes drawn and no judge.
    """

    share: float
    routed: Figure
    random: Figure
    people_only: Figure


def replay(
    items: Items,
    votes: Votes,
    judges: Sequence[Judged],
    *,
    seeds: Sequence[int],
    shares: Sequence[float] = SHARES,
    reference: Votes | None = None,
) -> tuple[Reached, ...]:
    """Ask for people's votes by routing and by chance, and see how near their order is at shares.

    The order is that of the `reference`, or of all the `votes` without one; contestants without a
    vote in it are left out. Shares are ascending, from above 0 to 1.
    """
    if list(shares) != sorted(shares) or not all(0 < share <= 1 for share in shares):
        raise ValueError("Shares are ascending, above 0 and at most 1.")
    study = _Study.of(items, votes, judges, votes if reference is None else reference)
    found = np.array([_one(study, shares, seed) for seed in seeds])
    return tuple(
        Reached(share, *(_over_seeds(found[:, place, way]) for way in range(found.shape[2])))
        for place, share in enumerate(shares)
    )


@dataclass(frozen=True)
class _Study:
    """What is replayed: all `counts` (N, 3) to be asked for, and the `order` (K,) to be reached."""

    items: Items
    votes: Votes
    counts: FloatArray
    columns: FloatArray
    order: FloatArray
    is_met: BoolArray

    @classmethod
    def of(cls, items: Items, votes: Votes, judges: Sequence[Judged], reference: Votes) -> "_Study":
        goal = reference.counts(items)
        columns = judge_columns(items, judges)
        is_met = tally(pair_counts(items, goal)).battles > 0
        return cls(items, votes, votes.counts(items), columns, _skill(items, goal), is_met)

    def asked(self, counts: FloatArray) -> Asked:
        return Asked(self.items, self.counts.sum(axis=1).astype(np.int64), counts, self.columns)

    def nearness(self, skill: FloatArray) -> float:
        return spearman(skill[self.is_met], self.order[self.is_met])


def _one(study: _Study, shares: Sequence[float], seed: int) -> list[list[float]]:
    """The three correlations of `Reached` at each share, by one seed."""
    rng = np.random.default_rng(seed)
    total = len(study.votes.item)
    drawn = rng.permutation(total)
    deck = _Deck.of(study, rng)
    found = []
    routed = np.zeros_like(study.counts)
    for share in shares:
        budget = round(share * total)
        while (lacking := budget - round(routed.sum())) > 0:
            batch = min(lacking, max(1, round(BATCH * total)))
            chosen = next_items(study.asked(routed), votes=batch, seed=int(rng.integers(2**32)))
            routed = routed + deck.vote(chosen, routed)
        random = study.votes.only(drawn[:budget]).counts(study.items)
        by_route, by_chance = (ranking(study.asked(each)) for each in (routed, random))
        ways = (by_route, by_chance, _skill(study.items, random))
        found.append([study.nearness(skill) for skill in ways])
    return found


@dataclass(frozen=True)
class _Deck:
    """Each item's votes in an order drawn: outcomes (M,) sorted by item, first at `start` (N,)."""

    outcome: IntArray
    start: IntArray

    @classmethod
    def of(cls, study: _Study, rng: np.random.Generator) -> "_Deck":
        order = np.lexsort((rng.random(len(study.votes.item)), study.votes.item))
        n = study.counts.sum(axis=1).astype(np.int64)
        return cls(study.votes.outcome[order], np.cumsum(n) - n)

    def vote(self, chosen: IntArray, there: FloatArray) -> FloatArray:
        """The next vote on each chosen item, as counts (N, 3)."""
        place = self.start[chosen] + there[chosen].sum(axis=1).astype(np.int64)
        new = np.zeros((len(there), len(OUTCOMES)))
        new[chosen, self.outcome[place]] = 1
        return new


def _skill(items: Items, counts: FloatArray) -> FloatArray:
    return fit_davidson(pair_counts(items, counts), require_connected=False).skill


def _over_seeds(each: FloatArray) -> Figure:
    low, high = np.quantile(each, [0.025, 0.975])
    return Figure(float(each.mean()), float(low), float(high), len(each))
