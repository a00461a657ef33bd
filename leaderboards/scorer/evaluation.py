"""How good a scorer is on what it has not seen, beside what is simpler.

Every verdict is predicted by a scorer trained without its block, and without any choice made
with it. Beside it, in the same folds: itself without embeddings, where it knows any, its length
alone, the side that won more often, and the contestants alone, which know who speaks and read
nothing. Once more, verdicts are predicted by scorers that never met one of their contestants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import A_WINS, B_WINS, OUTCOMES, FloatArray, IntArray
from leaderboards.scorer.comparisons import BoolArray, Comparisons, deal
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.features import LENGTH
from leaderboards.scorer.model import Model
from leaderboards.scorer.training import require_enough, train

FOLDS: Final = 5
# Resamples of blocks for an interval.
RESAMPLES: Final = 1_000
CONFIDENCE_BINS: Final = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Accuracy:
    """How often the winner of verdicts that are no ties was told, with 95 % interval.

    The interval is of resampled blocks. `three_way` is the part of all verdicts, ties among
    them, whose likeliest outcome came; `loss` is the mean logarithmic loss of all three.
    """

    verdicts: int
    decided: int
    accuracy: float
    low: float
    high: float
    three_way: float
    loss: float


@dataclass(frozen=True)
class Bin:
    """Verdicts whose winner was told about as surely: how surely, and how often rightly."""

    low: float
    high: float
    verdicts: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """Confidence against what came, over verdicts that are no ties.

    `error` is the mean distance, weighted by verdicts (Naeini et al. 2015, expected calibration
    error).
    """

    bins: tuple[Bin, ...]
    error: float


@dataclass(frozen=True)
class Evaluation:
    """The scorer and its baselines on held-out blocks; `new_contestants` on unseen contestants.

    `without_embeddings` is the scorer trained as if nobody had been asked for them, None where
    nobody was. `by_group` (G,) is the scorer on verdicts of each group's raters, None where none is
    decided.
    """

    scorer: Accuracy
    without_embeddings: Accuracy | None
    length_only: Accuracy
    majority: Accuracy
    contestants_alone: Accuracy
    new_contestants: Accuracy | None
    by_group: tuple[Accuracy | None, ...]
    calibration: Calibration


@dataclass(frozen=True)
class CrossFitted:
    """The scorers of the folds, each trained without its fold, and how good they are."""

    models: tuple[Model, ...]
    evaluation: Evaluation


def cross_fit(
    given: Comparisons,
    fold: IntArray | None = None,
    *,
    seed: int,
    with_new_contestants: bool = True,
) -> CrossFitted:
    """Train a scorer without each fold (V,), and measure all of them on what they did not see.

    Without folds, blocks are dealt into five by seed. A fold without verdicts has the scorer of
    all of them. Raises ScorerError for fewer than 100 decided verdicts or 10 blocks, and where a
    fold leaves too few to train on.
    """
    require_enough(given, times=2)
    fold = deal(given.block, FOLDS, seed=seed) if fold is None else fold
    folds = max(FOLDS, int(fold.max()) + 1)
    models = tuple(train(given.where(fold != k), seed=seed) for k in range(folds))
    held_out = _held_out(given, fold, lambda k, _: models[k])
    evaluation = Evaluation(
        scorer=measure_accuracy(held_out, given, seed=seed),
        without_embeddings=_of_retrained(given.without_embeddings(), fold, seed=seed)
        if given.is_embedded
        else None,
        length_only=_of_retrained(given.of_style_alone(LENGTH), fold, seed=seed),
        majority=measure_accuracy(_majority(given, fold), given, seed=seed),
        contestants_alone=_of_retrained(given.of_contestants_alone(), fold, seed=seed),
        new_contestants=_on_new_contestants(given, seed=seed) if with_new_contestants else None,
        by_group=tuple(
            _on(given.groups[:, g], held_out, given, seed=seed)
            for g in range(given.groups.shape[1])
        ),
        calibration=measure_calibration(held_out, given),
    )
    return CrossFitted(models, evaluation)


def predict(model: Model, given: Comparisons) -> FloatArray:
    """P(A), P(tie) and P(B) of each verdict's pair to its rater: (V, 3)."""
    scores = model.score(given.style, given.words, given.embeddings)
    advantage = scores[given.a] - scores[given.b]
    if model.groups.size and given.groups.size:
        advantage += ((given.groups @ model.groups) * given.differences).sum(axis=1)
    return model.probabilities(model.sharpness * advantage)


def measure_accuracy(probabilities: FloatArray, given: Comparisons, *, seed: int) -> Accuracy:
    """Measure probabilities (V, 3) by what came. Raises ScorerError if all verdicts are ties.

    Two sides that are given the same chance are half right.
    """
    right = _right(probabilities, given)
    if not len(right):
        raise ScorerError("All verdicts are ties: there is no winner to be told.")
    low, high = _interval(right, given.block[given.decided], seed=seed)
    likely = probabilities[np.arange(len(given)), given.outcome]
    return Accuracy(
        verdicts=len(given),
        decided=len(right),
        accuracy=float(right.mean()),
        low=low,
        high=high,
        three_way=float((probabilities.argmax(axis=1) == given.outcome).mean()),
        loss=float(-np.log(np.maximum(likely, 1e-12)).mean()),
    )


def measure_calibration(probabilities: FloatArray, given: Comparisons) -> Calibration:
    """How sure the told winners (of verdicts that are no ties) were, against how often right."""
    wins = probabilities[given.decided][:, [A_WINS, B_WINS]]
    confidence = wins.max(axis=1) / wins.sum(axis=1)
    right = _right(probabilities, given)
    place = np.clip(np.searchsorted(CONFIDENCE_BINS, confidence, "right") - 1, 0, None)
    place = np.minimum(place, len(CONFIDENCE_BINS) - 2)
    bins = tuple(
        Bin(
            low=CONFIDENCE_BINS[k],
            high=CONFIDENCE_BINS[k + 1],
            verdicts=int(here.sum()),
            confidence=float(confidence[here].mean()),
            right=float(right[here].mean()),
        )
        for k in range(len(CONFIDENCE_BINS) - 1)
        if (here := place == k).any()
    )
    apart = sum(each.verdicts * abs(each.confidence - each.right) for each in bins)
    return Calibration(bins, apart / len(right))


def _right(probabilities: FloatArray, given: Comparisons) -> FloatArray:
    """Whether the winner was told, of verdicts that are no ties: 1, 0, or ½ for a toss."""
    here = given.decided
    told = np.sign(probabilities[here, A_WINS] - probabilities[here, B_WINS])
    came = np.where(given.a_wins[here], 1, -1)
    return np.asarray((1 + told * came) / 2, float)


def _interval(right: FloatArray, block: IntArray, *, seed: int) -> tuple[float, float]:
    """95 % interval of the mean, whole blocks being drawn again (cluster bootstrap)."""
    known, place = np.unique(block, return_inverse=True)
    sums = np.bincount(place, right)
    sizes = np.bincount(place).astype(float)
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(known), size=len(known))
        means.append(sums[drawn].sum() / sizes[drawn].sum())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _held_out(
    given: Comparisons, fold: IntArray, model_of: Callable[[int, Comparisons], Model]
) -> FloatArray:
    """Probabilities (V, 3), those of each fold by the model made of its number and the others."""
    found = np.zeros((len(given), len(OUTCOMES)))
    for k in np.unique(fold).tolist():
        here = fold == k
        found[here] = predict(model_of(k, given.where(~here)), given.where(here))
    return found


def _of_retrained(given: Comparisons, fold: IntArray, *, seed: int) -> Accuracy:
    held_out = _held_out(given, fold, lambda _, rest: train(rest, seed=seed))
    return measure_accuracy(held_out, given, seed=seed)


def _majority(given: Comparisons, fold: IntArray) -> FloatArray:
    """How often each outcome came in the other folds, for every verdict (V, 3)."""
    found = np.zeros((len(given), len(OUTCOMES)))
    for k in np.unique(fold):
        rest = given.outcome[fold != k]
        # One of each beforehand, so that nothing is impossible.
        counted = np.bincount(rest, minlength=len(OUTCOMES)) + 1.0
        found[fold == k] = counted / counted.sum()
    return found


def _on(
    here: BoolArray, probabilities: FloatArray, given: Comparisons, *, seed: int
) -> Accuracy | None:
    part = given.where(here)
    return measure_accuracy(probabilities[here], part, seed=seed) if part.decided.any() else None


def _on_new_contestants(given: Comparisons, *, seed: int) -> Accuracy | None:
    """Verdicts with a contestant that the scorer never met; None where too few are left."""
    known = np.unique(given.contestants)
    fold = deal(known, min(FOLDS, len(known)), seed=seed)
    fold_of = fold[np.searchsorted(known, given.contestants)]
    parts, found = [], []
    for k in np.unique(fold):
        here = (fold_of == k).any(axis=1)
        try:
            model = train(given.where(~here), seed=seed)
        except ScorerError:
            continue
        parts.append(np.flatnonzero(here))
        found.append(predict(model, given.where(here)))
    if not parts:
        return None
    # A verdict between two contestants of different folds stands here twice.
    together = np.concatenate(parts)
    again = given.where(together)
    return measure_accuracy(np.concatenate(found), again, seed=seed)
