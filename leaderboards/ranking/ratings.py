"""Ratings of single contestants on a scale, ranked for an electorate.

Multilevel regression and post-stratification. Rater r gives contestant i the score

    y_ri = μ_i + Σ_axes u_{i, group of r on the axis} + b_r + ε_ri
    u_ig ~ Normal(0, τ_axis²)    b_r ~ Normal(0, ω²)    ε_ri ~ Normal(0, σ²)

and the overall score of i is μ_i + Σ_g share_g u_ig, with the electorate's shares. Everything is
computed from sums over raters, so that who gave which score need not be known:

- each contestant's effects by Henderson's mixed model equations, from the cross-products of its
  ratings alone; τ and the variance of a rating, σ² + ω², by restricted maximum likelihood over
  all contestants, each rater's scores of different contestants being taken one by one;
- ω² by moments, from raters who rated two contestants. It correlates the errors of contestants
  with raters in common, and what one rater sees in two contestants differs by σ alone.

Henderson, C. R. (1975), Best linear unbiased estimation and prediction under a selection model,
Biometrics 31:423-447.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.merging import require_shares
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.scores import RatingInput

# No rater's scores are all the same by nature: ω² takes no more of a rating's variance.
MOST_SHARED: Final = 0.99
# A contestant with fewer ratings is provisional: nothing says how far raters differ about it.
ENOUGH_RATINGS: Final = 2
# Part of the largest cross-product by which rounding may leave a square below 0.
ROUNDING: Final = 1e-9
MAX_SCORING_STEPS: Final = 200
MAX_HALVINGS: Final = 30


@dataclass(frozen=True)
class RatingPrior:
    """The scale, and weak priors in widths of it, which is `highest` − `lowest`.

    A contestant's mean is normal about the mean of those that were rated, with `contestant_sd`:
    at ½ its interval holds the whole scale until somebody has rated it. The variance of a rating
    starts as if `ratings` ratings had shown a sd of `rating_sd`.
    """

    lowest: int = 1
    highest: int = 7
    contestant_sd: float = 0.5
    rating_sd: float = 0.25
    ratings: float = 2.0

    def __post_init__(self) -> None:
        if self.lowest >= self.highest:
            raise ValueError("A scale's highest score is above its lowest.")
        if not (self.contestant_sd > 0 and self.rating_sd > 0 and self.ratings > 0):
            raise ValueError("The prior's sds and number of ratings are positive.")

    @property
    def contestant_variance(self) -> float:
        """Prior variance of a contestant's mean, in squared points."""
        return ((self.highest - self.lowest) * self.contestant_sd) ** 2

    @property
    def rating_variance(self) -> float:
        """Prior variance of a rating, in squared points."""
        return ((self.highest - self.lowest) * self.rating_sd) ** 2


WEAK_RATING_PRIOR: Final = RatingPrior()


@dataclass(frozen=True)
class Estimate:
    """Normal scores of K contestants: `mean` (K,), `covariance` (K, K), in points of the scale.

    `rater_sd` is ω, that of raters' levels; `spread` the sd of what a rater sees in a contestant,
    about its score and her level.
    """

    mean: FloatArray
    covariance: FloatArray
    rater_sd: float
    spread: float


@dataclass(frozen=True)
class RatingFit:
    """Posterior of K contestants' μ and effects of G groups on A axes, all in points.

    `effect` (K, 1 + G) holds μ and u, `covariance` (K, 1 + G, 1 + G) theirs, and `noise` the part
    of it that comes from who was asked; `correlation` (K, K) of that part between contestants;
    `tau` (A,), `rater_sd` ω and `residual_sd` σ.
    """

    effect: FloatArray
    covariance: FloatArray
    noise: FloatArray
    correlation: FloatArray
    tau: FloatArray
    rater_sd: float
    residual_sd: float
    axis: IntArray
    shares: FloatArray

    def of_electorate(self) -> Estimate:
        """Weigh the groups' effects with the electorate's shares."""
        return self._of_mix(self.shares)

    def of_group(self, group: int) -> Estimate:
        """The score in one group, mixed on the other axes as the electorate is.

        So groups of unlike samples can be compared, and on each axis the groups' scores in the
        electorate's shares add up to the overall score. Groups borrow strength: the fewer
        ratings, the nearer a group is to everybody.
        """
        mix = np.where(self.axis == self.axis[group], 0.0, self.shares)
        mix[group] = 1
        return self._of_mix(mix)

    def _of_mix(self, mix: FloatArray) -> Estimate:
        weights = np.concatenate([[1.0], mix])
        variance = self.covariance @ weights @ weights
        noise = np.sqrt(np.maximum(self.noise @ weights @ weights, 0))
        covariance = self.correlation * noise[:, np.newaxis] * noise
        np.fill_diagonal(covariance, variance)
        mixed = 1 - np.bincount(self.axis, weights=mix**2, minlength=len(self.tau))
        spread = self.residual_sd**2 + float(mixed @ self.tau**2)
        return Estimate(self.effect @ weights, covariance, self.rater_sd, spread**0.5)


def fit_ratings(
    given: RatingInput,
    *,
    axis: IntArray,
    shares: FloatArray,
    prior: RatingPrior = WEAK_RATING_PRIOR,
) -> RatingFit:
    """Fit the model to ratings. `axis` (G,) gives each group's axis, `shares` the electorate's.

    Shares add up to 1 on each axis, or SharesError is raised; RankingError, where no ratings have
    such sums. An axis of which only one group
    was heard says nothing of its τ, and gets the mean of the others' τ². A contestant that
    nobody rated has the prior's score, and without any rating all have the middle of the scale.
    """
    axis, shares = np.asarray(axis), np.asarray(shares, float)
    require_shares(axis, shares)
    on_axis = (axis == np.arange(axis.max(initial=-1) + 1)[:, np.newaxis]).astype(float)
    components = _restricted_maximum_likelihood(_Deviations.of(given, on_axis, prior))
    variance, tau_squared = components[0], components[1:]
    rater_variance = _rater_variance(given, at_most=MOST_SHARED * variance)
    centre = _centre(given, prior)
    counts, cross = _cross_products(given)
    cross = cross / variance
    # D^½ (I + D^½ W'W D^½ / s²)⁻¹ D^½ stays finite where a τ is 0, unlike (W'W/s² + D⁻¹)⁻¹.
    root = np.sqrt(np.concatenate([[prior.contestant_variance], tau_squared @ on_axis]))
    solved = np.linalg.inv(np.eye(len(root)) + root[:, np.newaxis] * cross * root)
    covariance = root[:, np.newaxis] * solved * root
    sums = np.concatenate([np.diagonal(given.sums_together)[:, np.newaxis], given.sums], axis=1)
    effect = np.einsum("kgh,kh->kg", covariance, sums - centre * counts) / variance
    effect[:, 0] += centre
    return RatingFit(
        effect=effect,
        covariance=covariance,
        noise=covariance @ cross @ covariance,
        correlation=_overlap(given) * rater_variance / variance,
        tau=np.sqrt(tau_squared),
        rater_sd=rater_variance**0.5,
        residual_sd=float(variance - rater_variance) ** 0.5,
        axis=axis,
        shares=shares,
    )


def plain_means(given: RatingInput, prior: RatingPrior = WEAK_RATING_PRIOR) -> Estimate:
    """The raters as they came: plain means, nothing weighted and nothing borrowed.

    Only a contestant that nobody rated has the prior's score.
    """
    ratings = np.diagonal(given.together)
    rated = ratings > 0
    variance = _Deviations.of(given, np.zeros((0, len(given.raters) - 1)), prior).plain_variance
    rater_variance = _rater_variance(given, at_most=MOST_SHARED * variance)
    mean = np.where(rated, _means(given), _centre(given, prior))
    own = np.where(rated, variance / np.maximum(ratings, 1), prior.contestant_variance)
    covariance = _overlap(given) * np.sqrt(own[:, np.newaxis] * own) * rater_variance / variance
    np.fill_diagonal(covariance, own)
    spread = float(variance - rater_variance) ** 0.5
    return Estimate(mean, covariance, rater_variance**0.5, spread)


def _cross_products(given: RatingInput) -> tuple[FloatArray, FloatArray]:
    """W'1 (K, 1 + G) and W'W (K, 1 + G, 1 + G) of each contestant; W is 1 and the groups."""
    counts = given.ratings.T.astype(float)
    cross = np.empty((*counts.shape, counts.shape[1]))
    cross[:, 0], cross[:, :, 0], cross[:, 1:, 1:] = counts, counts, given.crossings
    return counts, cross


def _means(given: RatingInput) -> FloatArray:
    """Plain mean of each contestant's scores (K,); 0 where nobody rated it."""
    ratings = np.maximum(np.diagonal(given.together), 1)
    means: FloatArray = np.diagonal(given.sums_together) / ratings
    return means


def _centre(given: RatingInput, prior: RatingPrior) -> float:
    """Where an unrated contestant is expected: the mean of the rated, or the scale's middle."""
    rated = np.diagonal(given.together) > 0
    return float(_means(given)[rated].mean()) if rated.any() else (prior.lowest + prior.highest) / 2


def _overlap(given: RatingInput) -> FloatArray:
    """Correlation (K, K) of two means that share raters, if raters were all that made noise."""
    ratings = np.maximum(np.diagonal(given.together), 1)
    overlap: FloatArray = given.together / np.sqrt(ratings[:, np.newaxis] * ratings)
    return overlap


def _rater_variance(given: RatingInput, *, at_most: float) -> float:
    """Estimate ω² from raters who rated two contestants, by moments: no less than 0.

    For contestants i and j with means m, Σ (y_ri − m_i)(y_rj − m_j) over the n_ij raters of both
    has the expectation ω² n_ij (1 − 1/n_i − 1/n_j + n_ij/(n_i n_j)), since each rater is in both
    means. Groups' effects are independent between contestants and don't enter. Where nobody
    rated two, it is taken for 0: what raters share then correlates nothing.
    """
    n, m = np.maximum(np.diagonal(given.together), 1).astype(float), _means(given)
    together, sums = given.together.astype(float), given.sums_together
    moments = given.products - m * sums - m[:, np.newaxis] * sums.T
    moments += together * m[:, np.newaxis] * m
    weights = together * (1 - 1 / n[:, np.newaxis] - 1 / n + together / n / n[:, np.newaxis])
    apart = ~np.eye(len(n), dtype=bool)
    weight = float(weights[apart].sum())
    if weight <= 0:
        return 0.0
    return min(max(float(moments[apart].sum()) / weight, 0.0), float(at_most))


class _Deviations(NamedTuple):
    """Cross-products about each rated contestant's mean, which is what the likelihood sees.

    With the groups' indicators Z and the scores y of a contestant, both less their means:
    `ZZ` (K, G, G), `Zy` (K, G), `yy` summed over contestants; `freedom` is Σ (n − 1), with the
    prior's ratings among `freedom` and `yy`. `on_axis` (A, G) marks the groups of an axis.
    """

    ZZ: FloatArray
    Zy: FloatArray
    yy: float
    freedom: float
    on_axis: FloatArray

    @classmethod
    def of(cls, given: RatingInput, on_axis: FloatArray, prior: RatingPrior) -> "_Deviations":
        """Raises RankingError where no ratings have these sums."""
        n = np.diagonal(given.together).astype(float)
        rated, means = n > 0, _means(given)
        counts = np.einsum("kgg->kg", given.crossings)
        outer = counts[:, :, np.newaxis] * counts[:, np.newaxis]
        ZZ = given.crossings - outer / np.maximum(n, 1)[:, np.newaxis, np.newaxis]
        Zy = given.sums - counts * means[:, np.newaxis]
        yy = np.diagonal(given.products) - n * means**2
        _require_cross_products(ZZ, Zy, yy)
        return cls(
            ZZ=ZZ[rated],
            Zy=Zy[rated],
            yy=float(yy.sum() + prior.ratings * prior.rating_variance),
            freedom=float((n[rated] - 1).sum() + prior.ratings),
            on_axis=on_axis,
        )

    @property
    def plain_variance(self) -> float:
        """Variance of a rating about its contestant's mean, groups being left out."""
        return self.yy / self.freedom


def _require_cross_products(ZZ: FloatArray, Zy: FloatArray, yy: FloatArray) -> None:
    """Raise RankingError unless these can be cross-products: no square is less than 0."""
    border = np.concatenate([Zy, yy[:, np.newaxis]], axis=1)[:, np.newaxis]
    whole = np.concatenate([np.concatenate([ZZ, Zy[:, :, np.newaxis]], axis=2), border], axis=1)
    largest = np.abs(whole).max(axis=(1, 2), initial=0)
    if (np.linalg.eigvalsh(whole).min(axis=1) < -ROUNDING * np.maximum(largest, 1)).any():
        raise RankingError("No ratings have these sums.")


class _Likelihood(NamedTuple):
    """The restricted likelihood at given components (s², τ²), with its score and information."""

    log: float
    score: FloatArray
    information: FloatArray


def _likelihood(data: _Deviations, components: FloatArray) -> _Likelihood:
    """Evaluate the restricted likelihood at s² and τ² (1 + A,), from G × G matrices only.

    With V = s² I + Z D Z', T = D^½ (s² I + D^½ Z'Z D^½)⁻¹ D^½ and H = I − T Z'Z (Z and y less their
    means), the projection P = V⁻¹ − V⁻¹11'V⁻¹/1'V⁻¹1 gives Z'PZ = Z'Z H/s², Z'Py = H'Z'y/s² and
    so on: the score of a component is ½ (y'P V_k P y − tr P V_k), and ½ tr P V_k P V_l informs.
    """
    variance, tau_squared = components[0], components[1:]
    root = np.sqrt(tau_squared @ data.on_axis)
    identity = np.eye(len(root))
    B = identity * variance + root[:, np.newaxis] * data.ZZ * root
    T = root[:, np.newaxis] * np.linalg.inv(B) * root
    H = identity - T @ data.ZZ
    ZPZ, ZPPZ = data.ZZ @ H / variance, data.ZZ @ H @ H / variance**2
    ZPy = np.einsum("kgh,kg->kh", H, data.Zy) / variance
    TZy = np.einsum("kgh,kh->kg", T, data.Zy)
    explained = float((data.Zy * TZy).sum())
    again = float(np.einsum("kg,kgh,kh->", TZy, data.ZZ, TZy))
    trace = np.einsum("kgg->", H) - H.shape[0] * len(root)
    trace_of_square = np.einsum("kgh,khg->", H, H) - H.shape[0] * len(root)
    log = np.linalg.slogdet(B)[1].sum() + (data.freedom - H.shape[0] * len(root)) * np.log(variance)
    log += (data.yy - explained) / variance
    squared = data.on_axis @ np.square(ZPy).sum(axis=0) - data.on_axis @ np.einsum("kgg->g", ZPZ)
    own = (data.yy - 2 * explained + again) / variance**2 - (data.freedom + trace) / variance
    information = np.empty((len(components), len(components)))
    information[0, 0] = (data.freedom + trace_of_square) / variance**2
    information[0, 1:] = information[1:, 0] = data.on_axis @ np.einsum("kgg->g", ZPPZ)
    information[1:, 1:] = data.on_axis @ np.square(ZPZ).sum(axis=0) @ data.on_axis.T
    return _Likelihood(-float(log) / 2, np.concatenate([[own], squared]) / 2, information / 2)


def _restricted_maximum_likelihood(data: _Deviations) -> FloatArray:
    """Estimate s² and τ² (1 + A,), by Fisher scoring that keeps τ² at or above 0."""
    reach = data.on_axis @ np.einsum("kgg->g", data.ZZ)
    identified = np.concatenate([[True], reach > 1e-9])
    axes = len(data.on_axis)
    components = np.full(1 + axes, data.plain_variance)
    components[1:] *= identified[1:] / (10 * max(axes, 1))
    now = _likelihood(data, components)
    for _ in range(MAX_SCORING_STEPS):
        free = identified & ((components > 0) | (now.score > 0))
        step = np.zeros(1 + axes)
        # Axes that split the raters alike can't be told apart: then least squares halves τ².
        step[free] = np.linalg.lstsq(now.information[np.ix_(free, free)], now.score[free])[0]
        before = components
        components, now = _halved_step(data, before, step, now)
        if np.abs(components - before).max() <= 1e-10 * components[0]:
            break
    if identified[1:].any():
        components[1:][~identified[1:]] = components[1:][identified[1:]].mean()
    return components


def _halved_step(
    data: _Deviations, components: FloatArray, step: FloatArray, now: _Likelihood
) -> tuple[FloatArray, _Likelihood]:
    """Take the step, halved until it doesn't lower the likelihood; τ² stop at 0, s² near it."""
    lowest = np.zeros(len(components))
    lowest[0] = components[0] / 10
    for _ in range(MAX_HALVINGS):
        moved = np.maximum(components + step, lowest)
        after = _likelihood(data, moved)
        if after.log >= now.log:
            return moved, after
        step = step / 2
    return components, now
