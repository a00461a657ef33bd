"""How far each verdict of a judge can be relied on: the chance that a person would say the same.

Doubt is read from how a judge answers: the entropy of its probabilities where there are some, its
agreement with itself over orders and samples, what it states; how near its own ranking puts the
two contestants, and how unlike the replies are in length; and what another judge says. What these
are worth is learned from people's votes, each item's from the votes on other items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboards.comparison.certainty import Curve, calibration_curve, log_odds
from leaderboards.comparison.consistency import order_agreement, sample_agreement
from leaderboards.comparison.items import (
    NO_OUTCOME,
    Items,
    Judged,
    Votes,
    is_decided,
    pair_counts,
    part,
    total,
)
from leaderboards.comparison.logistic import fit_logistic, folds
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray


@dataclass(frozen=True)
class Reliability:
    """Reliability (N,) of a judge's outcome of each item, from 0 to 1; NaN where it said nothing.

    Of the items with votes, of which there are `n`: the calibration `curve`; `area`, the chance
    that a verdict with which a person agrees has the higher reliability than one with which a
    person does not, ½ if it tells nothing; `brier_gain`, by what part the mean squared error is
    less than that of giving all verdicts the same reliability.
    """

    reliability: FloatArray
    curve: Curve
    area: float
    brier_gain: float
    n: int


def estimate_reliability(
    items: Items, votes: Votes, judged: Judged, *, others: Sequence[Judged] = (), seed: int = 0
) -> Reliability:
    """Estimate how often a person would say what the judge says; `others` are other judges.

    An item's estimate is learned from other items, in ten folds. Without any votes it is NaN.
    """
    says, counts = judged.says(items), votes.counts(items)
    said = says != NO_OUTCOME
    n = counts.sum(axis=1)
    agree = np.where(said, counts[np.arange(len(items)), says], 0)
    learned = np.flatnonzero(said & (n > 0))
    found = np.full(len(items), np.nan)
    if not len(learned):
        return Reliability(found, Curve((), np.nan, np.nan, 0), np.nan, np.nan, 0)
    X = doubt(items, judged, others)
    found[said] = fit_logistic(X[learned], agree[learned], n[learned])(X[said])
    fold = folds(len(learned), seed=seed)
    for each in np.unique(fold) if len(learned) > 1 else ():
        train, tried = learned[fold != each], learned[fold == each]
        found[tried] = fit_logistic(X[train], agree[train], n[train])(X[tried])
    share = agree[learned] / n[learned]
    curve = calibration_curve(found[learned], share, learned)
    constant = float(share.mean() * (1 - share.mean()))
    return Reliability(
        reliability=found,
        curve=curve,
        area=area(found[learned], share),
        brier_gain=1 - curve.brier / constant if constant > 0 else np.nan,
        n=len(learned),
    )


def doubt(items: Items, judged: Judged, others: Sequence[Judged] = ()) -> FloatArray:
    """What speaks for and against a judge's outcome of each item, columns (N, p).

    A column that is not known of an item has the mean of the others there, and says nothing.
    """
    says = judged.says(items)
    columns = [
        (says == TIE).astype(float),
        entropy(items, judged),
        _stated(items, judged),
        order_agreement(items, judged),
        sample_agreement(items, judged),
        _towards(says, _first(items, judged)),
        *_of_rankings(items, [judged, *others], says),
        *_of_length(items, says),
        *((other.says(items) == says).astype(float) for other in others),
    ]
    return np.column_stack([_filled(column) for column in columns])


def entropy(items: Items, judged: Judged) -> FloatArray:
    """Entropy in nats (N,) of a judge's mean probabilities of a, tie and b; NaN without any."""
    known = np.isfinite(judged.probabilities).all(axis=1)
    item, given = judged.item[known], judged.probabilities[known]
    n = total(item, len(items))
    p = np.stack([part(total(item, len(items), each), n) for each in given.T], axis=1)
    found: FloatArray = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return found


def area(score: FloatArray, right: FloatArray) -> float:
    """The chance that a right one has the higher score than a wrong one, equal ones half.

    `right` (N,) is the share of each that is right. NaN if all or none are.
    """
    places, code = np.unique(score, return_inverse=True)
    yes, no = (total(code, len(places), each) for each in (right, 1 - right))
    below = np.cumsum(no) - no / 2
    return float(yes @ below / (yes.sum() * no.sum())) if yes.sum() and no.sum() else np.nan


def _stated(items: Items, judged: Judged) -> FloatArray:
    """Mean log-odds of the certainties that a judge states (N,); NaN without any."""
    known = np.isfinite(judged.certainty)
    item = judged.item[known]
    stated = log_odds(judged.certainty[known])
    return part(total(item, len(items), stated), total(item, len(items)))


def _first(items: Items, judged: Judged) -> FloatArray:
    """1 where side A stood first each time, −1 where B did, between where both did, (N,)."""
    sides = np.where(judged.shown_first == 0, 1.0, -1.0)
    return part(total(judged.item, len(items), sides), total(judged.item, len(items)))


def _of_rankings(items: Items, judges: Sequence[Judged], says: IntArray) -> list[FloatArray]:
    """How far each judge's ranking has the named side ahead, and how far the two are apart."""
    found = []
    for judge in judges:
        ahead = skill_difference(items, judge)
        found += [_towards(says, ahead), np.abs(ahead)]
    return found


def skill_difference(items: Items, judged: Judged) -> FloatArray:
    """By how much, in log-odds, a judge's verdicts together put contestant a above b, (N,)."""
    skill = judge_skill(items, judged)
    ahead: FloatArray = skill[items.a] - skill[items.b]
    return ahead


def judge_skill(items: Items, judged: Judged) -> FloatArray:
    """Skills (K,) in log-odds by a judge's verdicts, each item counting once."""
    counts = judged.counts(items)
    votes = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return fit_davidson(pair_counts(items, votes), require_connected=False).skill


def length_ratio(items: Items) -> FloatArray:
    """Log of how many times as long side A's replies are as side B's (N,); 0 if not known."""
    ratio = np.log((items.words[:, 0] + 1) / (items.words[:, 1] + 1))
    return np.nan_to_num(ratio, nan=0.0)


def _of_length(items: Items, says: IntArray) -> list[FloatArray]:
    ratio = length_ratio(items)
    return [_towards(says, ratio), np.abs(ratio)]


def _towards(says: IntArray, of_a: FloatArray) -> FloatArray:
    """What speaks for side A turned to the side that the judge names; 0 for a tie."""
    sign = np.where(says == A_WINS, 1.0, np.where(says == B_WINS, -1.0, 0.0))
    towards: FloatArray = np.where(is_decided(says), sign * of_a, 0.0)
    return towards


def _filled(column: FloatArray) -> FloatArray:
    known = np.isfinite(column)
    return np.where(known, column, column[known].mean() if known.any() else 0.0)
