"""Trains a scorer: a ridge regression on what sides differ in, chosen by cross-validation.

scikit-learn and scipy do it; they are an extra, and imported only here, when they are needed.
Weights are drawn towards nothing with a common prior variance; those of words have a smaller one,
those of embeddings too, and those of groups, so that a group differs from everybody only as far as
its verdicts say (partial pooling, Gelman & Hill 2007, ch. 12). Each of the four is chosen by inner
folds of blocks, one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.scorer.comparisons import Comparisons, deal
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.features import BUCKETS, Words
from leaderboards.scorer.model import TINY, Model, outcome_probabilities

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

INNER_FOLDS: Final = 4
# Prior variances of the weights of measures that vary by 1.
VARIANCES: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
# Prior sds of words', embeddings' and groups' weights, as parts of that of measures; 0 leaves
# them out.
WORDS: Final = (0.0, 0.1, 0.3)
EMBEDDINGS: Final = (0.0, 0.1, 0.3, 1.0)
GROUPS: Final = (0.0, 0.3, 1.0)
# What words, and embeddings, are reduced to.
DIRECTIONS: Final = 48
FEWEST_BLOCKS: Final = 5
FEWEST_DECIDED: Final = 50
WITHOUT: Final = (
    "Training a scorer needs scikit-learn, which isn't installed on this server: "
    "pip install 'hustings[scorer]'. What was trained before can still be used."
)


@dataclass(frozen=True)
class Settings:
    """Prior variance of measures' weights, and prior sds of the others' beside it."""

    variance: float
    words: float = 0.0
    embeddings: float = 0.0
    groups: float = 0.0


@dataclass(frozen=True)
class Columns:
    """What verdicts are regressed on, every column of them varying by 1.

    `style` (V, S), `words` (V, D), `embeddings` (V, R) and `groups` (V, G S); `spread` (S,) is what
    style was divided by, `directions` (D, BUCKETS) what turns words into weights by bucket again,
    and `axes` (R, E) what turns embeddings into weights of their numbers.
    """

    style: FloatArray
    words: FloatArray
    embeddings: FloatArray
    groups: FloatArray
    spread: FloatArray
    directions: FloatArray
    idf: FloatArray
    axes: FloatArray

    def scaled(self, settings: Settings) -> FloatArray:
        """The columns (V, P) under one prior variance for all."""
        parts = [self.style]
        if settings.words:
            parts.append(self.words * settings.words)
        if settings.embeddings:
            parts.append(self.embeddings * settings.embeddings)
        if settings.groups:
            parts.append(self.groups * settings.groups)
        return np.concatenate(parts, axis=1)


def train(given: Comparisons, *, seed: int) -> Model:
    """Train a scorer; the same verdicts and seed give the same one.

    Raises ScorerError for fewer than 50 decided verdicts or 5 blocks, and without scikit-learn.
    """
    require_enough(given)
    columns = _columns_of(given, seed=seed)
    fold = deal(given.block, INNER_FOLDS, seed=seed)
    settings, held_out = _choose(given, columns, fold)
    sharpness, tie = _fit_ties(held_out, given.outcome)
    weights = _fit(columns.scaled(settings), given, settings.variance)
    return _model(weights, columns, settings, sharpness=sharpness, tie=tie)


def require_enough(given: Comparisons, *, times: int = 1) -> None:
    """Raise ScorerError where nothing could be learned, or where nobody here can learn.

    `times` as many are asked for where a part of them is held out.
    """
    require_scikit_learn()
    decided, blocks = int(given.decided.sum()), len(np.unique(given.block))
    if decided < times * FEWEST_DECIDED or blocks < times * FEWEST_BLOCKS:
        raise ScorerError(
            f"A scorer is trained on at least {times * FEWEST_DECIDED} verdicts that are no ties, "
            f"about {times * FEWEST_BLOCKS} different things; there are {decided:,}, about "
            f"{blocks:,}."
        )


def require_scikit_learn() -> None:
    """Raise ScorerError, saying what to do, where scikit-learn is not installed."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ScorerError(WITHOUT) from error


def _columns_of(given: Comparisons, *, seed: int) -> Columns:
    differences = given.differences
    spread = np.sqrt((differences**2).mean(axis=0))
    spread[spread < 1e-9] = 1.0
    style = differences / spread
    idf, directions, words = np.zeros(0), np.zeros((0, BUCKETS)), np.zeros((len(given), 0))
    if given.words:
        idf, directions, words = _directions_of(given, seed=seed)
    axes, embeddings = _axes_of(given, seed=seed)
    groups = (given.groups[:, :, None] * style[:, None, :]).reshape(len(given), -1)
    return Columns(style, words, embeddings, groups, spread, directions, idf, axes)


def _directions_of(given: Comparisons, *, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights of rare words (BUCKETS,), the directions (D, BUCKETS), and verdicts along them.

    Directions are the first singular vectors of TF-IDF of the sides that met (Deerwester et al.
    1990), their columns in units of their common spread.
    """
    from sklearn.decomposition import TruncatedSVD

    met = np.unique(np.concatenate([given.a, given.b]))
    counts = _matrix([given.words[side] for side in met])
    appear = np.asarray((counts > 0).sum(axis=0)).ravel()
    idf: FloatArray = np.log((1 + len(met)) / (1 + appear)) + 1
    weighed = counts.multiply(idf).tocsr()
    norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed = weighed.multiply(1 / np.maximum(norms, TINY)[:, None]).tocsr()
    reduced = TruncatedSVD(min(DIRECTIONS, len(met) - 1), random_state=seed).fit(weighed)
    along = weighed @ reduced.components_.T
    place_a, place_b = np.searchsorted(met, given.a), np.searchsorted(met, given.b)
    words = along[place_a] - along[place_b]
    spread = max(float(np.sqrt((words**2).mean())), 1e-9)
    return idf, reduced.components_ / spread, words / spread


def _axes_of(given: Comparisons, *, seed: int) -> tuple[FloatArray, FloatArray]:
    """The axes (R, E) along which embeddings of pairs differ most, and verdicts along them (V, R).

    Principal components (Jolliffe 2002) of what two sides differ in, and not of sides, which differ
    most in what was asked. Nothing is subtracted: exchanged sides make their mean nothing.
    """
    if not given.is_embedded:
        return np.zeros((0, 0)), np.zeros((len(given), 0))
    from sklearn.utils.extmath import randomized_svd

    differences = given.embeddings[given.a] - given.embeddings[given.b]
    most = min(DIRECTIONS, *differences.shape)
    _, _, axes = randomized_svd(differences, most, random_state=seed)
    along = (differences @ axes.T).astype(float)
    spread = max(float(np.sqrt((along**2).mean())), 1e-9)
    return axes / spread, along / spread


def _matrix(words: Sequence[Words]) -> "csr_matrix":
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum([len(each.values) for each in words])])
    buckets = np.concatenate([each.buckets for each in words])
    values = np.concatenate([each.values for each in words])
    return csr_matrix((values, buckets, starts), shape=(len(words), BUCKETS))


def _choose(given: Comparisons, columns: Columns, fold: IntArray) -> tuple[Settings, FloatArray]:
    """The settings with the least loss in held-out folds (V,), and the advantages there (V,)."""
    best = Settings(VARIANCES[0])
    kept = _held_out(given, columns, best, fold)
    knobs: list[tuple[str, tuple[float, ...]]] = [("variance", VARIANCES[1:])]
    if columns.words.shape[1]:
        knobs.append(("words", WORDS[1:]))
    if columns.embeddings.shape[1]:
        knobs.append(("embeddings", EMBEDDINGS[1:]))
    if columns.groups.shape[1]:
        knobs.append(("groups", GROUPS[1:]))
    for knob, values in knobs:
        start = best
        for value in values:
            tried = replace(start, **{knob: value})
            found = _held_out(given, columns, tried, fold)
            if _loss(given, found) < _loss(given, kept):
                best, kept = tried, found
    return best, kept


def _held_out(
    given: Comparisons, columns: Columns, settings: Settings, fold: IntArray
) -> FloatArray:
    scaled = columns.scaled(settings)
    found = np.zeros(len(given))
    for k in np.unique(fold):
        here = fold == k
        found[here] = scaled[here] @ _fit(scaled[~here], given.where(~here), settings.variance)
    return found


def _loss(given: Comparisons, advantage: FloatArray) -> float:
    """Mean logarithmic loss, a tie being half a win of each."""
    won = np.where(given.decided, given.a_wins, 0.5)
    return float(np.mean(np.logaddexp(0, advantage) - won * advantage))


def _fit(scaled: FloatArray, given: Comparisons, variance: float) -> FloatArray:
    """Weights (P,) of the columns, a tie being half a win of each."""
    from sklearn.linear_model import LogisticRegression

    tied = ~given.decided
    rows = np.concatenate([scaled[~tied], scaled[tied], scaled[tied]])
    wins = np.concatenate([given.a_wins[~tied], np.ones(tied.sum()), np.zeros(tied.sum())])
    weight = np.concatenate([np.ones((~tied).sum()), np.full(2 * tied.sum(), 0.5)])
    # The loss is the same with sides exchanged, and the solver wants wins of both.
    exchanged = np.arange(len(wins)) % 2 == 1
    rows[exchanged] *= -1
    wins[exchanged] = 1 - wins[exchanged]
    if len(np.unique(wins)) < 2:
        wins[0], rows[0] = 1 - wins[0], -rows[0]
    solver = LogisticRegression(
        C=variance, fit_intercept=False, solver="newton-cholesky", max_iter=200
    )
    weights: FloatArray = solver.fit(rows, wins, sample_weight=weight).coef_[0]
    return weights


def _fit_ties(advantage: FloatArray, outcome: IntArray) -> tuple[float, float]:
    """Sharpness and ν that make held-out verdicts likeliest: both by their logarithms."""
    from scipy.optimize import minimize

    place = np.arange(len(outcome))

    def surprise(logs: FloatArray) -> Any:
        sharpness, tie = np.exp(logs)
        likely = outcome_probabilities(sharpness * advantage, tie)[place, outcome]
        # A little prior: of no ties at all ν would be sought at minus infinity.
        return -np.log(likely).sum() + 0.5 * (logs[0] ** 2 + (logs[1] / 3) ** 2)

    found = minimize(surprise, np.zeros(2), method="Nelder-Mead")
    sharpness, tie = np.exp(found.x)
    return float(sharpness), float(tie)


def _model(
    weights: FloatArray, columns: Columns, settings: Settings, *, sharpness: float, tie: float
) -> Model:
    measures = columns.style.shape[1]
    style, rest = weights[:measures] / columns.spread, weights[measures:]
    words, idf, embeddings = np.zeros(0), np.zeros(0), np.zeros(0)
    if settings.words:
        directions = len(columns.directions)
        words = settings.words * rest[:directions] @ columns.directions
        idf, rest = columns.idf, rest[directions:]
    if settings.embeddings:
        embeddings = settings.embeddings * rest[: len(columns.axes)] @ columns.axes
        rest = rest[len(columns.axes) :]
    groups = np.zeros((columns.groups.shape[1] // measures, measures))
    if settings.groups:
        groups = settings.groups * rest.reshape(-1, measures) / columns.spread
    return Model(style, groups, words, idf, embeddings, sharpness=sharpness, tie=tie)
