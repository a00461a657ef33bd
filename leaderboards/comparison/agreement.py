"""How often a judge says what people say, beside how often people say what other people say."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.figures import Figure, resampled, share_of
from leaderboards.comparison.items import (
    NO_OUTCOME,
    Items,
    Judged,
    Votes,
    decided,
    is_decided,
    leading,
)
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from raters.quality.agreement import Alpha, Level, krippendorff_alpha

RESAMPLES: Final = 1000
# Krippendorff's α is drawn again one at a time.
ALPHA_RESAMPLES: Final = 200


@dataclass(frozen=True)
class Agreement:
    """A judge beside people on the items that both compared; `n` says of what each is a share.

    `with_majority` and Cohen's `kappa` are of items where one outcome leads among people; of the
    others there are `without_majority`. `on_sides` is of items where the judge names a side and
    one side leads among the people who do. `with_individuals` is of single votes of people.

    The ceiling is what people reach: `with_others` takes for each vote the outcome that leads
    among the others' votes on the item, and asks how often the judge says it; `people_with_others`
    asks how often the vote itself does. `people_with_individuals` compares single votes with each
    other. `alpha` is Krippendorff's, nominal, of the judge and people's majority, `people_alpha`
    of people alone.
    """

    items: int
    votes: int
    without_majority: int
    with_majority: Figure
    kappa: Figure
    on_sides: Figure
    with_individuals: Figure
    with_others: Figure
    people_with_others: Figure
    people_with_individuals: Figure
    alpha: Alpha
    people_alpha: Alpha


def compare(items: Items, votes: Votes, judged: Judged, *, seed: int = 0) -> Agreement:
    """Compare a judge's outcome of each item with people's votes; intervals are by item."""
    says, counts = judged.says(items), votes.counts(items)
    both = (says != NO_OUTCOME) & counts.any(axis=1)
    says, counts = says[both], counts[both]
    most, side = leading(counts), decided(counts)
    led = most != NO_OUTCOME
    sided = is_decided(says) & (side != NO_OUTCOME)
    individuals = counts[np.arange(len(says)), says]
    others = _left_out(counts)
    return Agreement(
        items=len(says),
        votes=int(counts.sum()),
        without_majority=int((~led).sum()),
        with_majority=share_of((says == most)[led].astype(float), np.ones(int(led.sum()))),
        kappa=cohen_kappa(says[led], most[led], seed=seed),
        on_sides=share_of((says == side)[sided].astype(float), np.ones(int(sided.sum()))),
        with_individuals=share_of(individuals, counts.sum(axis=1)),
        with_others=share_of(others.leads[np.arange(len(says)), says], others.leads.sum(axis=1)),
        people_with_others=share_of(others.agree, others.leads.sum(axis=1)),
        people_with_individuals=people_with_people(counts),
        alpha=krippendorff_alpha(
            np.stack([says[led], most[led]]).astype(float),
            Level.NOMINAL,
            seed=seed,
            resamples=ALPHA_RESAMPLES,
        ),
        people_alpha=krippendorff_alpha(
            _as_units(counts), Level.NOMINAL, seed=seed, resamples=ALPHA_RESAMPLES
        ),
    )


def cohen_kappa(
    first: IntArray, second: IntArray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Figure:
    """Cohen's (1960) κ of outcomes (N,) by two raters; NaN where both always say the same one."""
    table = np.zeros((len(first), len(OUTCOMES) ** 2))
    table[np.arange(len(first)), first * len(OUTCOMES) + second] = 1
    return resampled(table, _kappa, seed=seed, resamples=resamples)


def people_with_people(counts: FloatArray) -> Figure:
    """How often a vote is that of another person on the item, from counts (N, 3), by vote."""
    n = counts.sum(axis=1)
    shared = n > 1
    counts, n = counts[shared], n[shared]
    return share_of((counts * (counts - 1)).sum(axis=1) / (n - 1), n)


def _kappa(sums: FloatArray) -> FloatArray:
    joint = sums.reshape(*sums.shape[:-1], len(OUTCOMES), len(OUTCOMES))
    joint = joint / joint.sum(axis=(-1, -2), keepdims=True)
    alike = joint.diagonal(axis1=-2, axis2=-1).sum(axis=-1)
    chance = (joint.sum(axis=-1) * joint.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: FloatArray = np.where(chance < 1, (alike - chance) / (1 - chance), np.nan)
    return kappa


@dataclass(frozen=True)
class _LeftOut:
    """Over the votes of an item, each left out once.

    How often each outcome alone leads among the others, `leads` (N, 3), and how often that is
    what the vote says, `agree` (N,).
    """

    leads: FloatArray
    agree: FloatArray


def _left_out(counts: FloatArray) -> _LeftOut:
    leads, agree = np.zeros(counts.shape), np.zeros(len(counts))
    for outcome in OUTCOMES:
        others = counts.copy()
        others[:, outcome] -= 1
        times = counts[:, outcome]
        led = leading(np.maximum(others, 0))
        there = (led != NO_OUTCOME) & (times > 0)
        leads[there, led[there]] += times[there]
        agree[there] += (times * (led == outcome))[there]
    return _LeftOut(leads, agree)


def _as_units(counts: FloatArray) -> FloatArray:
    """Votes as Krippendorff has them, (most votes of an item, N), NaN where there are fewer."""
    most = int(counts.sum(axis=1).max(initial=0))
    upto = counts.cumsum(axis=1)
    place = np.arange(most)[:, np.newaxis]
    value: FloatArray = (place >= upto.T[:, np.newaxis]).sum(axis=0).astype(float)
    value[value == len(OUTCOMES)] = np.nan
    return value
