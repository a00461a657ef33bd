"""ASAP (Mikhailiuk et al. 2020), written from the paper: a reference for the queue's benchmark.

Skills are normal and independent; i beats j if its normal performance is greater; there are no
ties, so a tie counts as half a victory of each. The posterior is inferred anew from all battles by
expectation propagation, the gain of a pair is the expected Kullback-Leibler divergence of the
posterior after one more battle from the one before, and a batch is the spanning tree of greatest
gain (least 1/gain). A candidate's posterior is updated for its two contestants only.
Mikhailiuk, A., Wilmot, C., Perez-Ortiz, M., Yue, D. and Mantiuk, R. K. (2020), Active sampling for
pairwise comparisons via approximate message passing and information gain maximization, ICPR.
"""

from dataclasses import dataclass
from math import erfc, pi, sqrt
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray

# √2 β: with it a normal difference of performances is close to a logit.
NOISE: Final = 1.702
SWEEPS: Final = 6
DAMPING: Final = 0.5


@dataclass
class Beliefs:
    """Messages of victories (S, K, K), row beats column, to winner and loser, to start from."""

    winner: tuple[FloatArray, FloatArray]
    loser: tuple[FloatArray, FloatArray]

    @classmethod
    def none(cls, studies: int, contestants: int) -> "Beliefs":
        """Messages that say nothing, of S studies."""
        shape = studies, contestants, contestants
        return cls((np.zeros(shape), np.zeros(shape)), (np.zeros(shape), np.zeros(shape)))


def choose(counts: FloatArray, beliefs: Beliefs, *, skill_sd: float) -> list[list[tuple[int, int]]]:
    """Choose the next K − 1 pairs of each of S studies, from counts (S, K, K, 3)."""
    victories = counts[..., A_WINS] + counts[..., B_WINS].transpose(0, 2, 1)
    ties = counts[..., TIE] + counts[..., TIE].transpose(0, 2, 1)
    mean, variance = _infer(victories + ties / 2, beliefs, skill_sd)
    return [_spanning_tree(gain) for gain in _expected_divergence(mean, variance)]


def _infer(
    victories: FloatArray, beliefs: Beliefs, skill_sd: float
) -> tuple[FloatArray, FloatArray]:
    """Posterior means and variances (S, K) after some sweeps over all messages at once."""
    for _ in range(SWEEPS):
        precision = skill_sd**-2 + _collect(victories, beliefs.winner[0], beliefs.loser[0])
        shift = _collect(victories, beliefs.winner[1], beliefs.loser[1])
        # Cavities: what is believed of the two without one of their battles.
        up = (
            _proper(precision[:, :, np.newaxis] - beliefs.winner[0], skill_sd),
            shift[:, :, np.newaxis] - beliefs.winner[1],
        )
        down = (
            _proper(precision[:, np.newaxis] - beliefs.loser[0], skill_sd),
            shift[:, np.newaxis] - beliefs.loser[1],
        )
        spread = np.sqrt(NOISE**2 + 1 / up[0] + 1 / down[0])
        t = (up[1] / up[0] - down[1] / down[0]) / spread
        v, w = _truncated(t)
        beliefs.winner = _damped(beliefs.winner, _message(up, v / spread, w / spread**2))
        beliefs.loser = _damped(beliefs.loser, _message(down, -v / spread, w / spread**2))
    precision = skill_sd**-2 + _collect(victories, beliefs.winner[0], beliefs.loser[0])
    return _collect(victories, beliefs.winner[1], beliefs.loser[1]) / precision, 1 / precision


def _proper(precision: FloatArray, skill_sd: float) -> FloatArray:
    """Keep a cavity from knowing less than the prior: all messages move at once, and overshoot."""
    return np.maximum(precision, skill_sd**-2)


def _collect(victories: FloatArray, to_winner: FloatArray, to_loser: FloatArray) -> FloatArray:
    total: FloatArray = (victories * to_winner).sum(axis=2) + (victories * to_loser).sum(axis=1)
    return total


def _message(
    cavity: tuple[FloatArray, FloatArray], slope: FloatArray, curve: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Precision and shift that one battle adds to a cavity, by moment matching."""
    variance = 1 / cavity[0]
    mean = cavity[1] * variance + variance * slope
    precision = 1 / (variance * (1 - variance * curve))
    return precision - cavity[0], precision * mean - cavity[1]


def _damped(
    old: tuple[FloatArray, FloatArray], new: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    return (
        (1 - DAMPING) * old[0] + DAMPING * new[0],
        (1 - DAMPING) * old[1] + DAMPING * new[1],
    )


def _truncated(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean shift v and variance factor w of a normal cut off below −t."""
    v = np.exp(-(t**2) / 2) / sqrt(2 * pi) / np.maximum(cumulative(t), 1e-300)
    return v, v * (v + t)


def cumulative(t: FloatArray) -> FloatArray:
    """Distribution function of the standard normal."""
    return np.asarray(np.frompyfunc(erfc, 1, 1)(-t / sqrt(2)), float) / 2


def _expected_divergence(mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Expected divergence (S, K, K) of both contestants' posteriors after one more battle."""
    of_i, of_j = variance[:, :, np.newaxis], variance[:, np.newaxis]
    spread = np.sqrt(NOISE**2 + of_i + of_j)
    t = (mean[:, :, np.newaxis] - mean[:, np.newaxis]) / spread
    gain = np.zeros(t.shape)
    for sign in (1, -1):
        v, w = _truncated(sign * t)
        for own in (of_i, of_j):
            left = 1 - own / spread**2 * w
            moved = own / spread**2 * v**2
            gain += cumulative(sign * t) * (-np.log(left) + left + moved - 1) / 2
    return gain


def _spanning_tree(gain: FloatArray) -> list[tuple[int, int]]:
    """Tree (K − 1 pairs) of the greatest gains, by Prim's algorithm."""
    contestants = len(gain)
    best, link = gain[0].copy(), np.zeros(contestants, int)
    best[0] = -np.inf
    pairs = []
    for _ in range(contestants - 1):
        new = int(best.argmax())
        pairs.append((int(link[new]), new))
        closer = (gain[new] > best) & np.isfinite(best)
        best[closer], link[closer] = gain[new][closer], new
        best[new] = -np.inf
    return pairs
