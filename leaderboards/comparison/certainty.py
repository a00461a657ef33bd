"""Whether a judge that says it is 90 % certain is right 90 % of the time, and what its word means.

A verdict is right as far as people's votes on its item say the same: a share from 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import Figure, share_of
from leaderboards.comparison.items import Items, Judged, Votes, total
from leaderboards.comparison.logistic import fit_isotonic, fit_logistic, folds
from leaderboards.ranking.outcomes import FloatArray, IntArray

BINS: Final = 10
# Probabilities are not taken to be nearer to 0 or 1, whose log-odds are infinite.
FURTHEST: Final = 0.01

_Learner = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class Bin:
    """Verdicts whose probability is from `low` to `high`: its mean, and how many are right."""

    low: float
    high: float
    mean: float
    right: Figure


@dataclass(frozen=True)
class Curve:
    """A calibration curve: `bins` that hold verdicts, of `n` verdicts.

    `error` is the expected calibration error, the mean distance of stated and right over bins by
    their verdicts, and `brier` the mean squared distance of a probability and each vote. NaN
    without verdicts.
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float
    n: int


@dataclass(frozen=True)
class Certainty:
    """The curve of what the judge states, and of it after learning what its word means.

    `platt` is a line in log-odds and `isotonic` any rising steps; each is learned from people's
    votes on other items than it is tried on.
    """

    stated: Curve
    platt: Curve
    isotonic: Curve


def calibrate_certainty(items: Items, votes: Votes, judged: Judged, *, seed: int = 0) -> Certainty:
    """Compare stated certainties with people's votes; verdicts without either are left out."""
    counts = votes.counts(items)[judged.item]
    asked = np.isfinite(judged.certainty) & counts.any(axis=1)
    counts, stated = counts[asked], np.asarray(judged.certainty)[asked]
    outcome, item = judged.outcome[asked], judged.item[asked]
    right = counts[np.arange(len(outcome)), outcome] / counts.sum(axis=1)
    return Certainty(
        stated=calibration_curve(stated, right, item),
        platt=calibration_curve(_crossed(stated, right, item, _platt, seed), right, item),
        isotonic=calibration_curve(_crossed(stated, right, item, _isotonic, seed), right, item),
    )


def calibration_curve(
    probability: FloatArray, right: FloatArray, item: IntArray, *, bins: int = BINS
) -> Curve:
    """Compare probabilities (N,) with the share of right votes (N,), by bins of equal width.

    Verdicts on the same `item` (N,) count together in the intervals.
    """
    if not len(probability):
        return Curve((), np.nan, np.nan, 0)
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    found, error = [], 0.0
    for each in np.unique(place):
        here = place == each
        mean = float(probability[here].mean())
        error += abs(float((probability - right)[here].sum()))
        share = _by_item(right[here], item[here])
        found.append(Bin(float(each) / bins, float(each + 1) / bins, mean, share))
    # A vote is right or it is not: E(p − vote)² = p² − 2 p share + share.
    brier = float((probability**2 - 2 * probability * right + right).mean())
    return Curve(tuple(found), error / len(probability), brier, len(probability))


def log_odds(probability: FloatArray) -> FloatArray:
    """Log-odds, finite for 0 and 1 too."""
    inside = np.clip(probability, FURTHEST, 1 - FURTHEST)
    return np.log(inside / (1 - inside))


def _by_item(right: FloatArray, item: IntArray) -> Figure:
    code = np.unique(item, return_inverse=True)[1]
    items = int(code.max()) + 1
    return share_of(total(code, items, right), total(code, items))


def _crossed(
    stated: FloatArray, right: FloatArray, item: IntArray, learn: _Learner, seed: int
) -> FloatArray:
    """What each stated certainty means, learned from the items of other folds."""
    found = np.full(len(stated), 0.5)
    items, code = np.unique(item, return_inverse=True)
    fold = folds(len(items), seed=seed)[code]
    for each in np.unique(fold):
        others = fold != each
        if others.any():
            found[~others] = learn(stated[others], right[others], stated[~others])
    return found


def _platt(stated: FloatArray, right: FloatArray, at: FloatArray) -> FloatArray:
    """Platt (1999), Probabilistic outputs for support vector machines."""
    fitted = fit_logistic(log_odds(stated)[:, np.newaxis], right, np.ones(len(right)))
    return fitted(log_odds(at)[:, np.newaxis])


def _isotonic(stated: FloatArray, right: FloatArray, at: FloatArray) -> FloatArray:
    """Zadrozny and Elkan (2002), Transforming classifier scores into accurate probabilities."""
    return fit_isotonic(stated, right, np.ones(len(right)))(at)
