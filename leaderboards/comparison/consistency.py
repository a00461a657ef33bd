"""Whether a judge says the same again: in the other order, and when asked once more."""

from dataclasses import dataclass

import numpy as np

from leaderboards.comparison.figures import Figure, share_of
from leaderboards.comparison.items import Items, Judged, part
from leaderboards.ranking.outcomes import FloatArray


@dataclass(frozen=True)
class Consistency:
    """Shares of pairs of verdicts on one item that have the same outcome.

    `order` is of items judged in both orders, over all pairs of one with each; `repeat` of
    items judged more than once in one order. An item counts once.
    """

    order: Figure
    repeat: Figure


def consistency(items: Items, judged: Judged) -> Consistency:
    """Compare a judge's verdicts on the same items."""
    return Consistency(_by_item(order_agreement(items, judged)), _by_item(_repeats(items, judged)))


def order_agreement(items: Items, judged: Judged) -> FloatArray:
    """The share of pairs of verdicts in different orders that agree (N,); NaN without any."""
    one, other = (judged.only(judged.shown_first == side).counts(items) for side in (0, 1))
    pairs = one.sum(axis=1) * other.sum(axis=1)
    return part((one * other).sum(axis=1), pairs)


def sample_agreement(items: Items, judged: Judged) -> FloatArray:
    """The share of all pairs of verdicts that agree, whatever the order (N,); NaN without any."""
    counts = judged.counts(items)
    n = counts.sum(axis=1)
    return part((counts * (counts - 1)).sum(axis=1), n * (n - 1))


def _repeats(items: Items, judged: Judged) -> FloatArray:
    by_order = [judged.only(judged.shown_first == side).counts(items) for side in (0, 1)]
    alike = sum((each * (each - 1)).sum(axis=1) for each in by_order)
    pairs = sum(each.sum(axis=1) * (each.sum(axis=1) - 1) for each in by_order)
    return part(np.asarray(alike, float), np.asarray(pairs, float))


def _by_item(shares: FloatArray) -> Figure:
    known = shares[np.isfinite(shares)]
    return share_of(known, np.ones(len(known)))
