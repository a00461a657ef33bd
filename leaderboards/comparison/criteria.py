"""What criteria are worth: which of them tell people's choices, and whether people say so.

Criteria are chosen on a training part and held against another. With only some thirty pairs in
each, a criterion has to show itself twice: its interval on the training part leaves ½ out, and on
the part held out a sign test over raters finds it again, all such tests together by Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.comparison.figures import (
    NOTHING,
    Figure,
    difference_of,
    share_of,
    with_interval,
)
from leaderboards.comparison.items import BoolArray, part, total
from leaderboards.comparison.logistic import COEFFICIENT_SD, fit_logistic
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import HALF_WIDTH
from raters.quality.fairness import holm

# Of fewer pairs that a criterion tells apart nothing is said.
FEWEST_TOLD_APART: Final = 8
# Criteria that say the same of so many pairs, or the opposite, are one.
SAME: Final = 0.9
RESAMPLES: Final = 300

KEPT, REDUNDANT, RARE, CHANCE, UNCONFIRMED = (
    "kept", "redundant", "rare", "chance", "unconfirmed",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """P choices between two sides, and what C criteria say of them.

    `more` (P, C) is 1 where the preferred side has more of a criterion, −1 where the other has, 0
    where neither, NaN where nobody could say. `longer` (P,) is the same of length, and `is_a` (P,)
    whether side A was preferred. `rater` (P,) is who chose.
    """

    more: FloatArray
    longer: FloatArray
    is_a: BoolArray
    rater: IntArray

    def __len__(self) -> int:
        return len(self.rater)

    def where(self, here: NDArray[np.bool_] | IntArray) -> "Choices":
        """Some of the choices, by truth or place."""
        return Choices(self.more[here], self.longer[here], self.is_a[here], self.rater[here])

    def share(self, right: FloatArray) -> Figure:
        """The share of `right` (P,), NaN left out, with an interval over raters."""
        count, of = _by_rater(self.rater, right)
        return share_of(count, of)


@dataclass(frozen=True)
class Worth:
    """What one criterion is worth.

    `sign` is 1 where people prefer more of it, −1 where less, by the training part; `training`
    and `held_out` are how often the preferred side has more of it (or less), of the pairs that it
    tells apart. `weight` is how much likelier the side with more is preferred, other criteria
    alike: P − ½, by all pairs. `status` says whether it is kept, or why not.
    """

    sign: int
    training: Figure
    held_out: Figure
    p_value: float
    status: str
    like: int | None
    weight: Figure


@dataclass(frozen=True)
class Rubric:
    """How often the criteria that training chose name the preferred side, on the part held out.

    Beside it the side that was preferred more often in training, and the longer (or shorter)
    reply; `gain` is the rubric's accuracy less that of length.
    """

    chosen: tuple[int, ...]
    accuracy: Figure
    majority: Figure
    length: Figure
    gain: Figure


@dataclass(frozen=True)
class Saying:
    """A criterion in what people say and in what they choose.

    `named` is the share of reasons that name it. `said` and `revealed` are its parts of all that
    reasons name and of all weight that choices show; `gap` is the first less the second.
    """

    named: Figure
    said: float
    revealed: float
    gap: Figure


def weigh_criteria(training: Choices, held_out: Choices, *, seed: int) -> tuple[Worth, ...]:
    """What each criterion is worth, in their order."""
    count = training.more.shape[1]
    if not count:
        return ()
    shares = [_orient(training, place) for place in range(count)]
    status: list[str] = []
    for place, (_, figure) in enumerate(shares):
        is_rare = np.count_nonzero(np.nan_to_num(training.more[:, place])) < FEWEST_TOLD_APART
        status.append(RARE if is_rare else KEPT if figure.low > 0.5 else CHANCE)
    like = _mark_redundant(training, shares, status)
    tested = [
        sign_test(held_out, place, sign) if status[place] == KEPT else np.nan
        for place, (sign, _) in enumerate(shares)
    ]
    stands = holm(tested)
    status = [
        UNCONFIRMED if each == KEPT and not holds else each
        for each, holds in zip(status, stands, strict=True)
    ]
    weights = _weights(_joined(training, held_out), seed=seed)
    return tuple(
        Worth(
            sign,
            figure,
            held_out.share(_right(held_out, place, sign)),
            tested[place],
            status[place],
            like[place],
            weights[place],
        )
        for place, (sign, figure) in enumerate(shares)
    )


def try_rubric(training: Choices, held_out: Choices, worths: Sequence[Worth]) -> Rubric:
    """The criteria that the training part alone chose, weighted by it, on the part held out.

    Those that the part held out did not confirm are among them: to leave them out here would be
    to look twice. No criterion gives no accuracy.
    """
    chosen = [place for place, each in enumerate(worths) if each.status in (KEPT, UNCONFIRMED)]
    majority = held_out.share(np.where(held_out.is_a, 1.0, 0.0))
    if training.is_a.mean() < 0.5:
        majority = held_out.share(np.where(held_out.is_a, 0.0, 1.0))
    sign = 1 if np.nan_to_num(training.longer).sum() >= 0 else -1
    length = _as_right(sign * np.nan_to_num(held_out.longer))
    if not chosen:
        return Rubric((), NOTHING, majority, held_out.share(length), NOTHING)
    weights = fit_weights(training.more[:, chosen])
    right = _as_right(np.nan_to_num(held_out.more[:, chosen]) @ weights)
    gain = difference_of(*_by_rater(held_out.rater, right), *_by_rater(held_out.rater, length))
    return Rubric(tuple(chosen), held_out.share(right), majority, held_out.share(length), gain)


def set_against(choices: Choices, named: FloatArray, *, seed: int) -> tuple[Saying, ...]:
    """What reasons name (P, C), NaN without one, against what choices show, for each criterion.

    Intervals are of raters drawn again, with their choices and reasons.
    """
    count = choices.more.shape[1]
    sign = np.where(fit_weights(choices.more) < 0, -1.0, 1.0)
    said, revealed = _parts(choices, named, sign)
    draws = np.array(
        [
            np.subtract(*_parts(choices.where(rows), named[rows], sign))
            for rows in _draws(choices.rater, seed=seed)
        ]
    ).reshape(-1, count)
    return tuple(
        Saying(
            choices.share(named[:, place]),
            float(said[place]),
            float(revealed[place]),
            _gap(float(said[place] - revealed[place]), draws[:, place], n=len(choices)),
        )
        for place in range(count)
    )


def fit_weights(more: FloatArray) -> FloatArray:
    """Log-odds (C,) by which the side with more of each criterion is preferred, others alike.

    A logistic regression without an intercept, drawn to 0 (`logistic`): each pair is seen from
    both sides, as half a choice each.
    """
    given = np.nan_to_num(more)
    X = np.vstack([given, -given])
    half = np.full(len(X), 0.5)
    fitted = fit_logistic(X, np.repeat([0.5, 0.0], len(given)), half)
    return np.asarray(fitted.coefficient / fitted.scale, float)


def sign_test(choices: Choices, place: int, sign: int) -> float:
    """One-sided p that a criterion tells no more than chance, each rater counting once.

    A rater says yes or no by most of her choices; NaN where nobody says either.
    """
    net = total(
        choices.rater,
        int(choices.rater.max(initial=-1)) + 1,
        sign * np.nan_to_num(choices.more[:, place]),
    )
    yes, of = int((net > 0).sum()), int((net != 0).sum())
    if not of:
        return float("nan")
    return float(sum(comb(of, k) for k in range(yes, of + 1)) / 2**of)


def _gap(value: float, draws: FloatArray, *, n: int) -> Figure:
    """A gap with the percentiles of its draws: to correct their bias would call more apart."""
    drawn = draws[np.isfinite(draws)]
    if not len(drawn) or not np.isfinite(value):
        return Figure(value, np.nan, np.nan, n)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, min(float(low), value), max(float(high), value), n)


def _orient(choices: Choices, place: int) -> tuple[int, Figure]:
    sign = 1 if np.nan_to_num(choices.more[:, place]).sum() >= 0 else -1
    return sign, choices.share(_right(choices, place, sign))


def _right(choices: Choices, place: int, sign: int) -> FloatArray:
    """1 where the preferred side has more (or less) of it, 0 where the other; NaN where neither."""
    more = sign * choices.more[:, place]
    return np.where(np.nan_to_num(more) == 0, np.nan, np.where(more > 0, 1.0, 0.0))


def _as_right(score: FloatArray) -> FloatArray:
    """1 where a score is for the preferred side, ½ where it is for neither."""
    return np.where(score > 0, 1.0, np.where(score < 0, 0.0, 0.5))


def _mark_redundant(
    training: Choices, shares: Sequence[tuple[int, Figure]], status: list[str]
) -> list[int | None]:
    """Mark those that say the same as a better one; returns which one, for each."""
    like: list[int | None] = [None] * len(status)
    ranked = sorted(
        (place for place, each in enumerate(status) if each == KEPT),
        key=lambda place: (-shares[place][1].low, place),
    )
    better: list[int] = []
    for place in ranked:
        twin = next((each for each in better if _is_same(training.more, each, place)), None)
        if twin is None:
            better.append(place)
        else:
            status[place], like[place] = REDUNDANT, twin
    return like


def _is_same(more: FloatArray, one: int, other: int) -> bool:
    given = np.nan_to_num(more[:, [one, other]])
    told = given[(given != 0).any(axis=1)]
    same = (told[:, 0] == told[:, 1]).mean()
    opposite = (told[:, 0] == -told[:, 1]).mean()
    return bool(max(same, opposite) >= SAME)


def _weights(choices: Choices, *, seed: int) -> list[Figure]:
    """P − ½ of each criterion; the interval is of raters drawn again, or the posterior's if wider.

    Drawn again, choices that all say the same say it as surely, however few they are.
    """
    weights = fit_weights(choices.more)
    draws = np.array([fit_weights(choices.more[rows]) for rows in _draws(choices.rater, seed=seed)])
    half = HALF_WIDTH * _posterior_sd(choices.more, weights)
    found = []
    for place, weight in enumerate(weights.tolist()):
        drawn = with_interval(weight, draws[:, place], n=len(choices))
        low = float(np.fmin(drawn.low, weight - half[place]))
        high = float(np.fmax(drawn.high, weight + half[place]))
        found.append(Figure(_lead(weight), _lead(low), _lead(high), len(choices)))
    return found


def _lead(weight: float) -> float:
    return float(1 / (1 + np.exp(-weight)) - 0.5)


def _posterior_sd(more: FloatArray, weights: FloatArray) -> FloatArray:
    """Standard deviations (C,) of weights, by the curvature at the mode (Laplace's)."""
    given = np.nan_to_num(more)
    scale = np.sqrt(np.square(given).mean(axis=0)) if len(given) else np.ones(len(weights))
    scale = np.where(scale > 0, scale, 1.0)
    Z = given / scale
    chance = 1 / (1 + np.exp(-(given @ weights)))
    curve = (Z.T * (chance * (1 - chance))) @ Z + np.eye(len(weights)) / COEFFICIENT_SD**2
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(curve))) / scale, float)


def _parts(choices: Choices, named: FloatArray, sign: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each criterion's part (C,) of what reasons name, and of the weight that choices show.

    A weight against its `sign` is a part less than none: else what weighs nothing would always
    have some.
    """
    said = np.nan_to_num(named).sum(axis=0)
    weight = fit_weights(choices.more)
    sums = [np.full(len(said), each) for each in (said.sum(), np.abs(weight).sum())]
    return part(said, sums[0]), part(sign * weight, sums[1])


def _draws(rater: IntArray, *, seed: int) -> list[IntArray]:
    """Rows of raters drawn again with replacement, as often as RESAMPLES says."""
    rng = np.random.default_rng(seed)
    known = np.unique(rater)
    rows = {each: np.flatnonzero(rater == each) for each in known.tolist()}
    return [
        np.concatenate([rows[each] for each in rng.choice(known, len(known)).tolist()])
        for _ in range(RESAMPLES)
    ]


def _by_rater(rater: IntArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum and number of what is no NaN (P,), by rater."""
    known, code = np.unique(rater, return_inverse=True)
    is_there = ~np.isnan(right)
    return (
        total(code, len(known), np.nan_to_num(right)),
        total(code, len(known), is_there.astype(float)),
    )


def _joined(one: Choices, other: Choices) -> Choices:
    return Choices(
        np.vstack([one.more, other.more]),
        np.concatenate([one.longer, other.longer]),
        np.concatenate([one.is_a, other.is_a]),
        np.concatenate([one.rater, other.rater]),
    )
