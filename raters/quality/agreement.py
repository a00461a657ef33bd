"""How far raters agree: with all, each with the others, and each with herself."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Normal quantile of a 95 % interval.
HALF_WIDTH: Final = 1.959963984540054
RESAMPLES: Final = 1000
# The outcome that the same opinion has when the sides are swapped.
SWAPPED: Final = {"a": "b", "tie": "tie", "b": "a"}

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Level(StrEnum):
    """What differences between values mean: any, ranks between them, or their distance."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's α with its 95 % interval, from `units` with two values or more.

    NaN where nothing varies or nothing can be paired: agreement has no meaning there.
    """

    alpha: float
    low: float
    high: float
    units: int
    values: int


@dataclass(frozen=True)
class Share:
    """`count` of `n`, as a share with Wilson's 95 % interval; NaN and 0 to 1 without any."""

    share: float
    low: float
    high: float
    count: float
    n: int


def krippendorff_alpha(
    values: FloatArray, level: Level, *, seed: int = 0, resamples: int = RESAMPLES
) -> Alpha:
    """α = 1 − D_observed / D_expected of values (R, U), NaN where a rater has none for a unit.

    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability. The interval is of units
    drawn again with replacement, by `seed`; 0 resamples give none (NaN).
    """
    values = np.asarray(values, float)
    counts, domain = _values_by_unit(values)
    pairable = counts[counts.sum(axis=1) > 1]
    units, paired = len(pairable), int(pairable.sum())
    if not units:
        return Alpha(np.nan, np.nan, np.nan, 0, 0)
    per_unit = pairable.sum(axis=1)
    alpha = _alpha(np.ones((1, units)), pairable, per_unit, domain, level)[0]
    low = high = np.nan
    if resamples and np.isfinite(alpha):
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(units, np.full(units, 1 / units), size=resamples).astype(float)
        drawn = _alpha(weights, pairable, per_unit, domain, level)
        # A draw in which nothing varies says as little as such data do.
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Alpha(float(alpha), float(low), float(high), units, paired)


def wilson(count: float, n: int) -> Share:
    """A share with Wilson's (1927) 95 % interval, which holds at 0 and 1 too."""
    if n == 0:
        return Share(np.nan, 0.0, 1.0, count, 0)
    share, z = count / n, HALF_WIDTH
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # Rounding must not leave a share of 0 or 1 outside its own interval.
    low, high = min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))
    return Share(share, low, high, count, n)


def agreement_with_others(
    item: IntArray, rater: IntArray, label: IntArray, *, raters: int
) -> tuple[Share, ...]:
    """Each rater's agreement with the majority of the others, of N labels (N,) of indices.

    An item counts if others labelled it and one label leads among theirs: a tie of theirs says
    nothing. A rater labels an item once, or ValueError is raised.
    """
    item, rater, label = (np.asarray(index, np.int64) for index in (item, rater, label))
    if len(np.unique(item * raters + rater)) < len(item):
        raise ValueError("A rater labelled an item twice: agreement with others takes one label.")
    votes = np.zeros((int(item.max(initial=-1)) + 1, int(label.max(initial=-1)) + 1))
    np.add.at(votes, (item, label), 1)
    others = votes[item]
    others[np.arange(len(label)), label] -= 1
    most = others.max(axis=1, initial=0)
    leads = (most > 0) & ((others == most[:, np.newaxis]).sum(axis=1) == 1)
    agrees = leads & (others[np.arange(len(label)), label] == most)
    n = np.bincount(rater[leads], minlength=raters)
    count = np.bincount(rater[agrees], minlength=raters)
    return tuple(wilson(int(k), int(total)) for k, total in zip(count, n, strict=True))


def self_consistency(
    first: Sequence[str], second: Sequence[str], *, swapped: Sequence[bool]
) -> Share:
    """How often a repeated battle got the same verdict: outcomes "a", "tie" or "b".

    Where the second time had the sides `swapped`, a is taken for b. Any other outcome is a
    ValueError.
    """
    unknown = {*first, *second} - set(SWAPPED)
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is no outcome; outcomes are {tuple(SWAPPED)}.")
    again = [SWAPPED[now] if turned else now for now, turned in zip(second, swapped, strict=True)]
    return wilson(sum(x == y for x, y in zip(first, again, strict=True)), len(first))


def _values_by_unit(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How often each unit has each value (U, V), and the values in order (V,)."""
    present = np.isfinite(values)
    domain, code = np.unique(values[present], return_inverse=True)
    counts = np.zeros((values.shape[1], len(domain)))
    np.add.at(counts, (np.nonzero(present)[1], code), 1)
    return counts, domain


def _alpha(
    weights: FloatArray, counts: FloatArray, per_unit: FloatArray, domain: FloatArray, level: Level
) -> FloatArray:
    """α (S,) of S sets of units, each unit weighted by weights (S, U)."""
    totals = weights @ counts
    n = totals.sum(axis=1)
    alphas = np.full(len(weights), np.nan)
    # The distances of ranks depend on how often values occur, so on the drawn units.
    shared = None if level is Level.ORDINAL else _distance(totals[0], domain, level)
    for s, (weight, total) in enumerate(zip(weights, totals, strict=True)):
        distance = _distance(total, domain, level) if shared is None else shared
        within = ((counts @ distance) * counts).sum(axis=1) / (per_unit - 1)
        expected = total @ distance @ total / (n[s] - 1)
        if expected > 0:
            alphas[s] = 1 - weight @ within / expected
    return alphas


def _distance(total: FloatArray, domain: FloatArray, level: Level) -> FloatArray:
    """Squared differences δ² (V, V) of values that occur `total` (V,) times."""
    if level is Level.NOMINAL:
        return 1 - np.eye(len(domain))
    scale = domain if level is Level.INTERVAL else np.cumsum(total) - total / 2
    squares: FloatArray = np.square(scale[:, np.newaxis] - scale)
    return squares
