"""What everybody else's verdicts predict of each rater's own, by Davidson's model."""

from typing import Final

import numpy as np

from leaderboards.ranking.davidson import DavidsonFit, fit_tournaments
from leaderboards.ranking.outcomes import FloatArray, IntArray, count_outcomes, require_index

# Raters whose fits are made at once: more need memory, fewer take longer.
AT_ONCE: Final = 200


def predict(fit: DavidsonFit, a: IntArray, b: IntArray) -> FloatArray:
    """Probabilities (N, 3) of A, tie and B in battles of contestants a and b (N,)."""
    half = (fit.skill[a] - fit.skill[b] + fit.side_effect) / 2
    logits = np.stack([half, np.full(len(half), np.log(fit.tie_propensity)), -half], axis=1)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return probabilities


def predict_without_own(
    rater: IntArray, a: IntArray, b: IntArray, outcome: IntArray, *, contestants: int
) -> FloatArray:
    """Probabilities (N, 3) of each verdict's outcomes, from a fit of all other raters' verdicts.

    All arrays are (N,), `rater` an index from 0. Each rater's fit is exact: her verdicts are
    taken out of the counts, and the weak prior holds together what falls apart without her.
    """
    raters = int(rater.max(initial=-1)) + 1
    require_index(rater, raters, "rater")
    total = count_outcomes(a, b, outcome, contestants=contestants)
    order = np.argsort(rater, kind="stable")
    starts = np.searchsorted(rater[order], np.arange(raters + 1))
    predicted = np.empty((len(rater), 3))
    for first in range(0, raters, AT_ONCE):
        last = min(raters, first + AT_ONCE)
        some = order[starts[first] : starts[last]]
        own = count_outcomes(
            a[some],
            b[some],
            outcome[some],
            contestants=contestants,
            tournament=rater[some] - first,
            tournaments=last - first,
        )
        for r, fit in enumerate(fit_tournaments(total - own), start=first):
            hers = order[starts[r] : starts[r + 1]]
            predicted[hers] = predict(fit, a[hers], b[hers])
    return predicted
