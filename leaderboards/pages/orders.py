"""How far tables put contestants in the same order, and what noise alone would leave. Pure.

A board keeps a score and its interval for each contestant, and no draws. Scores are drawn again
from these, each by itself. Where tables are those of groups of one electorate they share what is
known of everybody: a group's score is everybody's plus a distance, and only the distance's part of
the variance is the group's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.models import BoardRow
from leaderboards.pages.charts import Bar, Chart
from leaderboards.pages.words import percent, signed
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.topics import BoolArray
from leaderboards.ranking.uncertainty import HALF_WIDTH

DRAWS: Final = 400
SEED: Final = 0
ENDS: Final = (0.025, 0.975)
# Of fewer contestants there is one pair, which is either way round.
FEWEST: Final = 3
# As many pairs are in the same order where two orders have nothing in common.
HALF: Final = 0.5


@dataclass(frozen=True)
class Order:
    """How a table orders the P pairs of K contestants: whether the first of a pair is above.

    `firm` (K,) is who is placed firmly; `seen` (P,) the order of its scores, `drawn` (DRAWS, P)
    those of draws, and `alike` (DRAWS, P) those if it meant what everybody means.
    """

    firm: BoolArray
    seen: BoolArray
    drawn: BoolArray
    alike: BoolArray


@dataclass(frozen=True)
class Agreement:
    """Of K contestants placed firmly in both tables, the share of pairs in the same order.

    `seen` by the scores as they stand; `middle` is the median of draws of both, and `low` to `high`
    holds 95 % of them. `noise_low` is what 97.5 % of draws exceed if both tables mean what
    everybody means.
    """

    contestants: int
    seen: float
    middle: float
    low: float
    high: float
    noise_low: float

    @property
    def is_more_than_noise(self) -> bool:
        """Whether the tables differ by more than noise alone would make them."""
        return self.seen < self.noise_low

    @property
    def words(self) -> str:
        """The interval, in per cent: "84–96 %"."""
        return f"{self.low * 100:.0f}–{percent(self.high)}"

    @property
    def tau(self) -> str:
        """The same as Kendall's rank correlation, twice the share less 1: "0.68 to 0.92"."""
        low, high = (signed(2 * share - 1) for share in (self.low, self.high))
        return _("%(low)s to %(high)s") % {"low": low, "high": high}


def orders_of_groups(
    everybody: Sequence[BoardRow], groups: Sequence[Sequence[BoardRow]]
) -> tuple[Order, ...]:
    """The order of everybody, and those of groups of the same electorate."""
    scores, sds, firm = _normal([everybody, *groups])
    rng = np.random.default_rng(SEED)
    common = sds[0] * rng.standard_normal((DRAWS, scores.shape[1]))
    # What is left of a group's variance once everybody's is known.
    own = np.sqrt(np.maximum(sds**2 - sds[0] ** 2, 0))
    orders = []
    for k, score in enumerate(scores):
        distance = own[k] * rng.standard_normal(common.shape)
        drawn = _above(score + common + distance)
        orders.append(Order(firm[k], _above(score), drawn, _above(scores[0] + distance)))
    return tuple(orders)


def orders_apart(tables: Sequence[Sequence[BoardRow]]) -> tuple[Order, ...]:
    """The orders of tables that have nothing in common, such as those of dimensions."""
    scores, sds, firm = _normal(tables)
    rng = np.random.default_rng(SEED)
    orders = []
    for k, score in enumerate(scores):
        drawn = _above(score + sds[k] * rng.standard_normal((DRAWS, len(score))))
        orders.append(Order(firm[k], _above(score), drawn, drawn))
    return tuple(orders)


def agreement(one: Order, other: Order) -> Agreement | None:
    """How far two orders agree; None where fewer than three contestants are firm in both."""
    firm = one.firm & other.firm
    contestants = int(firm.sum())
    if contestants < FEWEST:
        return None
    i, j = np.triu_indices(len(firm), 1)
    pairs = firm[i] & firm[j]

    def same(first: BoolArray, second: BoolArray) -> FloatArray:
        shares: FloatArray = (first[..., pairs] == second[..., pairs]).mean(axis=-1)
        return shares

    low, middle, high = np.quantile(same(one.drawn, other.drawn), [ENDS[0], HALF, ENDS[1]])
    noise_low = np.quantile(same(one.alike, other.alike), ENDS[0])
    seen = float(same(one.seen, other.seen))
    return Agreement(contestants, seen, float(middle), float(low), float(high), float(noise_low))


def _normal(tables: Sequence[Sequence[BoardRow]]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Scores, their standard deviations, and whether they are firm, each (tables, K)."""
    contestants = sorted({row.contestant_id for rows in tables for row in rows})
    shape = len(tables), len(contestants)
    scores, sds, firm = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    for k, rows in enumerate(tables):
        for row in rows:
            place = k, contestants.index(row.contestant_id)
            scores[place] = row.score
            sds[place] = (row.score_high - row.score_low) / (2 * HALF_WIDTH)
            firm[place] = not row.is_provisional
    return scores, sds, firm


def _above(scores: FloatArray) -> BoolArray:
    """Of scores (…, K), whether the first of each pair is above the second, (…, P)."""
    i, j = np.triu_indices(scores.shape[-1], 1)
    above: BoolArray = scores[..., i] > scores[..., j]
    return above


def of_agreements(
    key: str, title: str, reading: str, heads: tuple[str, ...], bars: tuple[Bar, ...]
) -> Chart:
    """A chart of agreements, from none in common to one order."""
    lowest = min([HALF, *(bar.low for bar in bars if bar.low is not None)])
    label = _("Pairs in the same order")
    return Chart(key, title, reading, "percent", label, lowest, 1.0, heads, bars, mark=HALF)
