"""Whose preferences a judge mirrors: tables of who beats whom, by group and by the judge.

A table holds, for each pair of contestants, the first one's share of the points. Two tables are
alike as far as their entries stand in the same order: Spearman's correlation over the pairs that
both know. Kriegeskorte, Mur and Bandettini (2008), Representational similarity analysis. What
noise leaves to be reached is the ceiling, √ of a table's correlation with itself by halves:
Nili et al. (2014), A toolbox for representational similarity analysis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from leaderboards.comparison.figures import (
    Figure,
    benjamini_hochberg,
    difference_of,
    share_of,
    spearman,
    stepped_up,
    with_correlation_interval,
)
from leaderboards.comparison.items import NO_OUTCOME, BoolArray, Items, Judged, Votes, points, total
from leaderboards.ranking.outcomes import FloatArray, IntArray

RESAMPLES: Final = 200
SHUFFLES: Final = 999
SPLITS: Final = 20
# Votes, split between the two sides, that each pair is thought to have had before.
PSEUDO_VOTES: Final = 1.0
# Pairs in common below which two tables say nothing of each other.
FEWEST_PAIRS: Final = 10
FALSE_PART: Final = 0.05


@dataclass(frozen=True)
class Mirror:
    """How far a judge has a group's preferences: of a group with `votes` votes by `raters` raters.

    `similarity` is of the two tables, with `n` pairs and an interval over items; it can't be
    expected above `ceiling`, NaN where no pair has votes for two halves. `agreement` is how often
    the judge's outcome is that of a vote of the group, and `against_rest` by how much that is more
    than with everybody else, both with intervals over raters. `p_value` is of no such difference,
    by dealing the group's places anew to all raters, and `q_value` that by Benjamini and Hochberg
    over the groups. What a group was asked is not looked at: where it saw other topics than the
    rest, that is in it too.
    """

    group: str
    raters: int
    votes: int
    similarity: Figure
    ceiling: float
    agreement: Figure
    against_rest: Figure
    p_value: float
    q_value: float

    @property
    def is_mirrored(self) -> bool:
        """Whether the judge says what this group says more often than what others say."""
        return self.q_value < FALSE_PART and self.against_rest.value > 0

    @property
    def is_missed(self) -> bool:
        """Whether the judge says what this group says less often than what others say."""
        return self.q_value < FALSE_PART and self.against_rest.value < 0


@dataclass(frozen=True)
class Similarities:
    """A `mirror` for each of G groups, best first, and all tables against each other.

    `between` (G + 1, G + 1) has the groups in the order given, the judge last; NaN where too few
    pairs are known to both.
    """

    mirrors: tuple[Mirror, ...]
    groups: tuple[str, ...]
    between: FloatArray


class _Table(NamedTuple):
    """Points of the first of each pair and votes, by item: `won` and `votes` (N,)."""

    won: FloatArray
    votes: FloatArray


def compare_preferences(
    items: Items,
    votes: Votes,
    judged: Judged,
    groups: Mapping[str, BoolArray],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Similarities:
    """Compare a judge with groups of raters, each given by which of the M votes are theirs."""
    pair, is_turned = _pairs(items)
    judge = _judge_table(items, judged, is_turned)
    tables = [_table(items, votes.only(mine), is_turned) for mine in groups.values()]
    rng = np.random.default_rng(seed)
    chance = np.full(len(items), 1 / max(len(items), 1))
    weights = np.vstack([np.ones(len(items)), rng.multinomial(len(items), chance, resamples)])
    drawn_judge = _entries(pair, judge, weights)
    mirrors = []
    for (group, mine), table in zip(groups.items(), tables, strict=True):
        drawn = _entries(pair, table, weights)
        each = np.array([_similarity(x, y) for x, y in zip(drawn, drawn_judge, strict=True)])
        known = int((np.isfinite(drawn[0]) & np.isfinite(drawn_judge[0])).sum())
        agreement, against_rest, p_value = _agreements(votes, judged.says(items), mine, rng)
        mirrors.append(
            Mirror(
                group=group,
                raters=len(np.unique(votes.rater[mine])),
                votes=int(mine.sum()),
                similarity=with_correlation_interval(float(each[0]), each[1:], n=known),
                ceiling=_ceiling(pair, items, votes.only(mine), is_turned, rng),
                agreement=agreement,
                against_rest=against_rest,
                p_value=p_value,
                q_value=np.nan,
            )
        )
    entries = [_entries(pair, table, weights[:1])[0] for table in [*tables, judge]]
    between = np.array([[_similarity(x, y) for y in entries] for x in entries])
    return Similarities(_tested(mirrors), tuple(groups), between)


def _tested(mirrors: list[Mirror]) -> tuple[Mirror, ...]:
    """Mirrors with their q-values, most mirrored first."""
    q_values = benjamini_hochberg(np.array([each.p_value for each in mirrors], float))
    tested = [replace(each, q_value=float(q)) for each, q in zip(mirrors, q_values, strict=True)]
    return tuple(
        sorted(tested, key=lambda each: (-np.nan_to_num(each.against_rest.value), each.group))
    )


def _pairs(items: Items) -> tuple[IntArray, BoolArray]:
    """The number of each item's pair (N,), and whether its second contestant was side A."""
    low, high = np.minimum(items.a, items.b), np.maximum(items.a, items.b)
    place = np.asarray(low, np.int64) * len(items.contestants) + high
    pair = np.unique(place, return_inverse=True)[1].astype(np.int64)
    return pair, items.a > items.b


def _table(items: Items, votes: Votes, is_turned: BoolArray) -> _Table:
    counts = votes.counts(items)
    share = np.nan_to_num(points(counts))
    given = counts.sum(axis=1)
    return _Table(np.where(is_turned, 1 - share, share) * given, given)


def _judge_table(items: Items, judged: Judged, is_turned: BoolArray) -> _Table:
    """The judge's, each item being one vote whatever the orders and samples."""
    share = points(judged.counts(items))
    seen = np.isfinite(share)
    share = np.where(is_turned, 1 - share, share)
    return _Table(np.where(seen, share, 0), seen.astype(float))


def _entries(pair: IntArray, table: _Table, weights: FloatArray) -> FloatArray:
    """Shares of points (S, P) of the first of each pair, items weighted by (S, N); NaN unmet."""
    size = int(pair.max(initial=-1)) + 1
    found = np.full((len(weights), size), np.nan)
    for entries, weight in zip(found, weights, strict=True):
        votes = total(pair, size, weight * table.votes)
        won = total(pair, size, weight * table.won)
        met = votes > 0
        entries[met] = (won[met] + PSEUDO_VOTES / 2) / (votes[met] + PSEUDO_VOTES)
    return found


def _similarity(x: FloatArray, y: FloatArray) -> float:
    both = np.isfinite(x) & np.isfinite(y)
    return spearman(x[both], y[both]) if both.sum() >= FEWEST_PAIRS else np.nan


def _ceiling(
    pair: IntArray, items: Items, votes: Votes, is_turned: BoolArray, rng: np.random.Generator
) -> float:
    found = []
    one = np.ones((1, len(items)))
    for _ in range(SPLITS):
        # Half of each pair's votes, so that both halves know as many pairs as can be.
        order = np.lexsort((rng.random(len(votes.item)), pair[votes.item]))
        first = np.zeros(len(votes.item), bool)
        first[order[rng.integers(0, 2) :: 2]] = True
        halves = (_table(items, votes.only(half), is_turned) for half in (first, ~first))
        x, y = (_entries(pair, half, one)[0] for half in halves)
        found.append(stepped_up(_similarity(x, y)))
    mean = float(np.mean(found))
    return float(np.sqrt(mean)) if mean > 0 else np.nan


def _agreements(
    votes: Votes, says: IntArray, mine: BoolArray, rng: np.random.Generator
) -> tuple[Figure, Figure, float]:
    """How often the judge says what a group's votes say, how much more often than others', and p.

    By rater, and not by item: who calls half of all battles a tie agrees with nobody else, and a
    group with three of them would seem to be missed.
    """
    known = says[votes.item] != NO_OUTCOME
    raters = int(votes.rater.max(initial=-1)) + 1
    of = total(votes.rater[known], raters)
    agrees = total(votes.rater[known & (votes.outcome == says[votes.item])], raters)
    is_member = total(votes.rater[mine], raters) > 0
    heard = of > 0
    agrees, of, is_member = agrees[heard], of[heard], is_member[heard]
    own, rest = ((agrees * part, of * part) for part in (is_member, ~is_member))
    difference = difference_of(*own, *rest)
    return share_of(*own), difference, _chance(agrees, of, is_member, difference.value, rng)


def _chance(
    agrees: FloatArray, of: FloatArray, is_member: BoolArray, found: float, rng: np.random.Generator
) -> float:
    """How often a difference as large as `found` comes of dealing the places anew; NaN if none."""
    if not np.isfinite(found):
        return np.nan
    larger = 0
    for _ in range(SHUFFLES):
        dealt = rng.permutation(is_member)
        own, rest = (agrees[part].sum() / of[part].sum() for part in (dealt, ~dealt))
        larger += abs(own - rest) >= abs(found) - 1e-12
    return float(1 + larger) / (1 + SHUFFLES)
