"""Drop-k: how few verdicts, or raters, the first place hangs on.

A verdict v pulls the gap between the leader and a rival by its influence

    I_v = cᵀ H⁻¹ g_v        c = 1 at the leader, −1 at the rival

with g_v the gradient of its log likelihood at the fit and H the negative Hessian of the log
posterior: without a set of verdicts the gap is about what it was less the sum of their
influences. So the greatest influences go first, as many as make that prediction turn; then the
ranking is made again without them, and the number is corrected, along the same order, until a
new ranking has another leader and one verdict less left it as it was. Huang, Shen, Wei and
Broderick (2025), Dropping just a handful of preferences can change top large language model
rankings, arXiv:2508.11847; after Broderick, Giordano and Meager (2020), An automatic finite-sample
robustness metric, arXiv:2011.14999.

What is found does change the leader, for it was tried. That no smaller set would is not proved:
the number is an upper bound of the true minimum.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from leaderboards.ranking.davidson import WEAK_PRIOR, DavidsonPrior, fit_davidson
from leaderboards.ranking.information import Moments, flow, information, moments
from leaderboards.ranking.outcomes import (
    A_WINS,
    B_WINS,
    OUTCOMES,
    TIE,
    FloatArray,
    IntArray,
    require_battles,
)

# By how much, in log-odds, a score has to be above the leader's: less is rounding, and a tie.
AHEAD: Final = 1e-9
NOTHING: Final = np.zeros(0, np.int64)


class Ranking(Protocol):
    """A ranking of K contestants by scores that can be made again without some of N verdicts."""

    def scores_without(self, dropped: IntArray) -> FloatArray:
        """Scores (K,), the greatest the best, without the verdicts of these indices, or none."""
        ...

    def influence(self, one: int, other: int) -> FloatArray:
        """By how much each verdict (N,) raises the score of one contestant above another's.

        To the first order, at the fit to all verdicts: for a score that is linear in the mode,
        cᵀ H⁻¹ g_v with c what the scores' difference weighs the unknowns with.
        """
        ...


@dataclass(frozen=True)
class DavidsonRanking:
    """Everybody's tournament, fitted flat: verdicts by contestants `a`, `b` and `outcome`, (N,).

    A `weight` (N,) of each verdict, as that of its rater's place in the electorate, makes the
    likelihood a weighted one; without it, each counts 1. Whose verdicts are left keep their
    weights.
    """

    a: IntArray
    b: IntArray
    outcome: IntArray
    contestants: int
    weight: FloatArray | None = None
    prior: DavidsonPrior = WEAK_PRIOR

    def __post_init__(self) -> None:
        """Refuse what is no verdict, and a weight that is none."""
        require_battles(self.a, self.b, self.outcome, contestants=self.contestants)
        if self.weight is not None and (
            self.weight.shape != self.a.shape
            or not np.isfinite(self.weight).all()
            or (self.weight < 0).any()
        ):
            raise ValueError("Each verdict has a weight, finite and not negative.")

    def scores_without(self, dropped: IntArray) -> FloatArray:
        """Skills (K,) fitted without some verdicts; by the prior where they fall into parts.

        Raises DisconnectedError if all verdicts together fall into parts.
        """
        if not len(dropped):
            return fit_davidson(self._counts, prior=self.prior).skill
        # Rounding of weights must not leave less than nothing.
        left = np.maximum(self._counts - self._count(dropped), 0)
        return fit_davidson(left, prior=self.prior, require_connected=False).skill

    def influence(self, one: int, other: int) -> FloatArray:
        """By how much each verdict (N,) raises the skill of one contestant above another's."""
        covariance, expected = self._fitted
        pull = covariance[one] - covariance[other]
        skill, side, log_tie = pull[:-2], pull[-2], pull[-1]
        of_pair = skill[:, np.newaxis] - skill + side
        table = np.empty((*of_pair.shape, len(OUTCOMES)))
        for outcome, points in ((A_WINS, 0.5), (TIE, 0.0), (B_WINS, -0.5)):
            tied = (outcome == TIE) - expected.tie
            table[..., outcome] = (points - expected.lead) * of_pair + tied * log_tie
        found: FloatArray = table.ravel()[self._place]
        return found if self.weight is None else found * self.weight

    @cached_property
    def _place(self) -> IntArray:
        """Each verdict's place (N,) in the table of counts, laid out flat."""
        pair = self.a.astype(np.int64) * self.contestants + self.b
        return pair * len(OUTCOMES) + self.outcome

    @cached_property
    def _counts(self) -> FloatArray:
        return self._count(slice(None))

    @cached_property
    def _fitted(self) -> tuple[FloatArray, Moments]:
        """H⁻¹ (K + 2, K + 2) at the fit to all verdicts, and what it expects of each pair."""
        fit = fit_davidson(self._counts, prior=self.prior)
        expected = moments(fit.skill, fit.side_effect, fit.tie_propensity)
        prior = np.full(self.contestants + 2, self.prior.skill_sd**-2.0)
        prior[-2:] = self.prior.side_effect_sd**-2.0, self.prior.log_tie_sd**-2.0
        hessian = information(flow(self._counts, expected)) + np.diag(prior)
        return np.asarray(np.linalg.inv(hessian), float), expected

    def _count(self, which: IntArray | slice) -> FloatArray:
        """Count some verdicts by pair and outcome, (K, K, 3), by their weights."""
        shape = (self.contestants, self.contestants, len(OUTCOMES))
        weight = None if self.weight is None else self.weight[which]
        counted = np.bincount(self._place[which], weight, int(np.prod(shape)))
        return counted.astype(float).reshape(shape)


@dataclass(frozen=True)
class Fewest:
    """The fewest verdicts, or raters, that were found to change the leader by leaving.

    `dropped` (k,) names them, the most influential first, `among` is how many there were in all;
    `leader` is who leads with them, and `new_leader` who does without.
    """

    dropped: IntArray
    among: int
    leader: int
    new_leader: int

    @property
    def count(self) -> int:
        """How many they are, k: at least as many as the true minimum."""
        return len(self.dropped)

    @property
    def share(self) -> float:
        """What part of all they are, from 0 to 1."""
        return self.count / self.among


def fewest_verdicts(ranking: Ranking) -> Fewest | None:
    """Find the fewest verdicts whose removal changes who leads; `dropped` are their indices.

    None where no removal does: of one contestant, or of no verdicts. See above for formula and
    source. A page may say: "It takes as few as 12 of 57,477 verdicts to change the leader."
    """
    return _fewest(ranking, None)


def fewest_raters(ranking: Ranking, rater: IntArray) -> Fewest | None:
    """Find the fewest raters whose removal changes who leads; `dropped` are values of `rater`.

    `rater` (N,) is whose each verdict is; the influence of a rater is the sum of her verdicts'.
    None as in `fewest_verdicts`. A page may say: "It takes as few as 3 of 1,204 raters to change
    the leader."
    """
    people, person = np.unique(rater, return_inverse=True)
    found = _fewest(ranking, person)
    if found is None:
        return None
    return Fewest(people[found.dropped], len(people), found.leader, found.new_leader)


def _fewest(ranking: Ranking, unit: IntArray | None) -> Fewest | None:
    """Find the fewest units: verdicts (N,) by their unit, or each its own."""
    scores = ranking.scores_without(NOTHING)
    leader, *rivals = np.argsort(-scores, kind="stable").tolist() or [0]
    best: Fewest | None = None
    for rival in rivals:
        influence = ranking.influence(leader, rival)
        pull = influence if unit is None else np.bincount(unit, influence).astype(float)
        # Against this rival, only fewer than were enough against another are of use.
        order = _greatest(pull, len(pull) if best is None else best.count - 1)
        predicted = 1 + int((np.cumsum(pull[order]) <= scores[leader] - scores[rival]).sum())
        if not len(order) or (best is not None and predicted > len(order)):
            continue
        trial = _Trial(ranking, unit, leader, order)
        count = _least(trial.has_another_leader, predicted, len(order))
        if count is not None:
            best = Fewest(order[:count], len(pull), leader, trial.leader(count))
    return best


@dataclass(frozen=True)
class _Trial:
    """Rankings without the first so many units of an order; `first` leads the one with all."""

    ranking: Ranking
    unit: IntArray | None
    first: int
    order: IntArray

    def leader(self, count: int) -> int:
        """Who leads without the first `count` units: the first place is lost to a higher score."""
        gone = self.order[:count]
        if self.unit is not None:
            gone = np.flatnonzero(np.isin(self.unit, gone))
        scores = self.ranking.scores_without(gone)
        best = int(scores.argmax())
        return best if scores[best] > scores[self.first] + AHEAD else self.first

    def has_another_leader(self, count: int) -> bool:
        """Whether who led leads no more without the first `count` units."""
        return self.leader(count) != self.first


def _greatest(pull: FloatArray, most: int) -> IntArray:
    """Indices of the greatest positive values, at most so many, in descending order."""
    if most < 1:
        return NOTHING
    found = np.flatnonzero(pull > 0)
    if most < len(found):
        found = found[np.argpartition(-pull[found], most - 1)[:most]]
        found.sort()
    return found[np.argsort(-pull[found], kind="stable")]


def _least(is_enough: Callable[[int], bool], guess: int, most: int) -> int | None:
    """A number up to `most` that is enough and whose predecessor is not; None if none was found.

    0 is never enough. Sought with doubling steps away from the guess, which is good for a small
    part of the verdicts, and by bisection between the last two.
    """
    high = min(guess, most)
    low, step = high - 1, 1
    if is_enough(high):
        while low > 0 and is_enough(low):
            high, step = low, 2 * step
            low = max(0, high - step)
    else:
        low = high
        while low < most and not is_enough(high := min(low + step, most)):
            low, step = high, 2 * step
        if low == most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
