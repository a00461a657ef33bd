"""Which items people should be asked about, where a judge's word will not do.

People are predicted by Davidson's model with what judges say as covariates,

    η = θ_a − θ_b + side effect + xᵀβ

x being each judge's outcome of the item and by how much its own ranking puts a above b, and the
replies' ratio of length. Judges are trusted as far as β says that people went with them, and θ,
drawn to 0, is what people see beside that. Votes that are wanted of an item and not there are
filled in from this prediction and from the item's own votes; contestants are ranked by all.

The next vote goes where it is worth most: the gain of a battle of the pair for the order of the
contestants (`leaderboards.ranking.gain`), times how much in doubt the item's outcome is, as the
variance of its points under the prediction, times how much a further vote on it can still say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.items import Items, Judged, pair_counts, points
from leaderboards.comparison.reliability import judge_skill, length_ratio, skill_difference
from leaderboards.ranking.controls_fit import EFFECT_SD, fit_controlled
from leaderboards.ranking.davidson import DavidsonPrior, fit_davidson
from leaderboards.ranking.gain import (
    Knowledge,
    fisher_information,
    gains,
    knowledge_of,
    look_ahead,
)
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray

# Sd, in log-odds, of what people see in a contestant beside what judges do. On llmfao anything
# from .3 to .8 serves as well, within noise.
BESIDE_JUDGES: Final = DavidsonPrior(skill_sd=0.5)
# Votes on an item that the prediction is worth beside its own.
PREDICTION_VOTES: Final = 4.0
# Part of the votes wanted that are drawn before anything is known that could be gained from.
DRAWN_FIRST: Final = 0.1
# The share of a first vote's news that the next ones on the item repeat: people who see the same
# words say much the same of them.
REPEATED: Final = 0.5


@dataclass(frozen=True)
class Asked:
    """What is known while people are asked: N items, `wanted` votes of each, `counts` there.

    `counts` (N, 3) are of a, tie and b, and `columns` (N, p) what judges and the words say.
    """

    items: Items
    wanted: IntArray
    counts: FloatArray
    columns: FloatArray

    @property
    def missing(self) -> FloatArray:
        """How many votes each item may still get, (N,)."""
        left: FloatArray = np.maximum(self.wanted - self.counts.sum(axis=1), 0)
        return left


def judge_columns(items: Items, judges: Sequence[Judged]) -> FloatArray:
    """What is known of items without people (N, p), positive if it speaks for side A.

    Of each judge its points of A less ½, 0 where it said nothing, and its ranking's difference in
    log-odds; then the log ratio of the replies' words.
    """
    columns = []
    for judged in judges:
        said = points(judged.counts(items)) - 0.5
        columns += [np.nan_to_num(said), skill_difference(items, judged)]
    return np.column_stack([*columns, length_ratio(items)])


def predict(asked: Asked) -> FloatArray:
    """Probabilities (N, 3) that a person says a, tie or b of each item, from the votes there."""
    item, outcome = np.nonzero(asked.counts)
    items = asked.items
    fit = fit_controlled(
        items.a[item],
        items.b[item],
        outcome,
        contestants=len(items.contestants),
        weight=asked.counts[item, outcome],
        covariates=asked.columns[item],
        prior=BESIDE_JUDGES,
    )
    half = fit.skill[items.a] - fit.skill[items.b] + fit.side_effect
    half = (half + asked.columns @ fit.effect) / 2
    # Scaled by the largest of the three, so that none overflows.
    top = np.maximum(np.abs(half), np.log(fit.tie_propensity))
    scale = np.exp(-top)
    parts = np.stack([np.exp(half - top), fit.tie_propensity * scale, np.exp(-half - top)], axis=1)
    return _with_own_votes(asked, parts / parts.sum(axis=1, keepdims=True))


def ranking(asked: Asked) -> FloatArray:
    """Skills (K,) by the votes that are there and, for those that are missing, the prediction."""
    filled = asked.counts + asked.missing[:, np.newaxis] * predict(asked)
    return fit_davidson(pair_counts(asked.items, filled), require_connected=False).skill


def expected_gains(asked: Asked) -> FloatArray:
    """What one more vote on each item is worth (N,), in no unit; 0 where none is missing."""
    fit = fit_davidson(pair_counts(asked.items, asked.counts), require_connected=False)
    of_pair = gains(look_ahead([knowledge_of(fit)]))
    chance = predict(asked)
    lead = chance[:, A_WINS] - chance[:, B_WINS]
    in_doubt = 1 - chance[:, TIE] - lead**2
    there = asked.counts.sum(axis=1)
    news = 1 / ((1 + REPEATED * there) * (1 + REPEATED * (there + 1)))
    worth: FloatArray = of_pair[asked.items.a, asked.items.b] * in_doubt * news
    return np.where(asked.missing > 0, worth, 0)


def pair_gains(asked: Asked) -> FloatArray:
    """The greatest gain among the items of each pair of contestants, (K, K), for a queue of pairs.

    Symmetric; 0 where a pair has no item that still wants votes.
    """
    contestants = len(asked.items.contestants)
    greatest = np.zeros((contestants, contestants))
    np.maximum.at(greatest, (asked.items.a, asked.items.b), expected_gains(asked))
    return np.maximum(greatest, greatest.T)


def pair_steer(items: Items, counts: FloatArray, judges: Sequence[Judged]) -> FloatArray:
    """What a battle of each pair teaches whom judges have told, by what it teaches others, (K, K).

    The gains of a pair under what people's votes, `counts` (N, 3), say with judges and without:
    a gain by people alone, multiplied by this, is one in which judges are believed as far as
    people went with them. Symmetric; NaN where a battle teaches nothing anyhow.
    """
    alone = knowledge_of(fit_davidson(pair_counts(items, counts), require_connected=False))
    told, untold = (
        gains(look_ahead([known])) for known in (know_with_judges(items, counts, judges), alone)
    )
    steer: FloatArray = np.divide(told, untold, out=np.full(told.shape, np.nan), where=untold > 0)
    return steer


def know_with_judges(items: Items, counts: FloatArray, judges: Sequence[Judged]) -> Knowledge:
    """What people's votes, `counts` (N, 3), teach of the skills (K,) beside judges' rankings.

    A skill is θ + Jβ, with each judge's own ranking a column of J and priors as in `predict`; its
    covariance is Laplace's, with the information that the votes are expected to have.
    """
    rankings = np.column_stack([judge_skill(items, judged) for judged in judges])
    item, outcome = np.nonzero(counts)
    difference = (rankings[items.a] - rankings[items.b])[item]
    fit = fit_controlled(
        items.a[item],
        items.b[item],
        outcome,
        contestants=len(rankings),
        weight=counts[item, outcome],
        covariates=difference,
        prior=BESIDE_JUDGES,
    )
    skill = fit.skill + rankings @ fit.effect
    spread = np.sqrt((difference**2).mean(axis=0)) if len(difference) else np.ones(len(judges))
    unit = rankings / np.where(spread > 0, spread, np.inf)
    prior = BESIDE_JUDGES.skill_sd**2 * np.eye(len(skill)) + EFFECT_SD**2 * unit @ unit.T
    met = pair_counts(items, counts).sum(axis=-1)
    h = fisher_information(skill[:, np.newaxis] - skill, fit.tie_propensity) * (met + met.T)
    covariance = np.linalg.inv(np.linalg.inv(prior) + np.diag(h.sum(axis=1)) - h)
    centre = np.eye(len(skill)) - 1 / len(skill)
    return Knowledge(skill, centre @ covariance @ centre, fit.tie_propensity)


def next_items(asked: Asked, *, votes: int, seed: int) -> IntArray:
    """The items (V,) that people should be asked about next, once each, at most `votes` of them.

    The first tenth of what is wanted goes to the items with fewest votes, drawn by `seed`: until
    then a gain would be a guess. After it, those of greatest gain.
    """
    open_items = np.flatnonzero(asked.missing > 0)
    there = asked.counts.sum(axis=1)
    rng = np.random.default_rng(seed)
    by_chance = rng.permutation(len(asked.wanted))
    is_early = there.sum() < DRAWN_FIRST * asked.wanted.sum()
    first = there if is_early else -expected_gains(asked)
    order = np.lexsort((by_chance[open_items], first[open_items]))
    return open_items[order[:votes]]


def _with_own_votes(asked: Asked, chance: FloatArray) -> FloatArray:
    """Probabilities (N, 3) after an item's own votes, the prediction being worth 4 of them."""
    there = asked.counts.sum(axis=1, keepdims=True)
    own: FloatArray = (asked.counts + PREDICTION_VOTES * chance) / (there + PREDICTION_VOTES)
    return own
