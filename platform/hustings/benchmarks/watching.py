"""What the screens find in a simulated study, who is struck out, and whom a reviewer excludes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np

from hustings.benchmarks.watched_study import BATTLES, CONTESTANTS, REPEAT, BoolArray, Watched
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, IntArray, count_outcomes
from raters.quality.flaws import FlawKind
from raters.quality.fraud import likelihood_test, sequential_test, without_ties
from raters.quality.lenience import FORGIVEN
from raters.quality.pace import (
    Population,
    estimate_population,
    find_fast_comparison,
    find_one_side,
    find_straight_lines,
)

STRIKES_ALLOWED: Final = 3
STRIKES_EXCLUDED: Final = 2
# A reviewer who excludes by votes alone wants more than the .01 at which they are told of.
VOTES_LEVEL: Final = 0.001
SIMULATIONS: Final = 9_999
# What a reviewer takes for a reason of its own. A message that drifts is none: that is one
# honest rater in five.
REASONS: Final = (
    FlawKind.FAILED_CHECK,
    FlawKind.SPEEDING,
    FlawKind.STRAIGHT_LINING,
    FlawKind.ONE_SIDED,
    FlawKind.INCONSISTENT,
)
NEVER: Final = 99


@dataclass(frozen=True)
class Found:
    """Flaws that could be strikes by kind, in each rater's places (N, S), did all go on.

    Those that can only be signals are in `told`: what she says of a repeated battle.
    """

    flaws: dict[FlawKind, IntArray]
    told: dict[FlawKind, IntArray]


@dataclass(frozen=True)
class Watch:
    """N raters: their strikes, who is struck out, whom votes and whom a reviewer would exclude.

    `is_heard` (N, M) are the battles that are on record: hers until the strike that ended it.
    """

    strikes: IntArray
    is_struck_out: BoolArray
    is_unlikely: BoolArray
    is_excluded: BoolArray
    is_heard: BoolArray

    @property
    def is_left_out(self) -> BoolArray:
        """Struck out, which boards leave out by rule, or excluded by a reviewer."""
        return self.is_struck_out | self.is_excluded

    @property
    def is_counted(self) -> BoolArray:
        """The battles that a board counts, (N, M)."""
        return self.is_heard & ~self.is_left_out[:, np.newaxis]


def find_flaws(watched: Watched) -> Found:
    """Run the screens on everything that the raters do."""
    raters = np.arange(len(watched.place))[:, np.newaxis]
    by_battle = _verdict_flaws(watched)

    def there(flagged: BoolArray) -> IntArray:
        """From battles that count to the places where they stand."""
        counted = watched.place.clip(min=0)
        placed: IntArray = np.where(watched.place >= 0, flagged[raters, counted], 0)
        return placed

    least = np.array([_least_seconds(int(words)) for words in watched.shorter.flat])
    fast = (watched.seconds < least.reshape(watched.shorter.shape)) & (watched.place >= REPEAT)
    inconsistent = (watched.place == REPEAT) & watched.is_inconsistent[:, np.newaxis]
    return Found(
        flaws={
            FlawKind.FAILED_CHECK: watched.failed,
            FlawKind.SPEEDING: fast.astype(np.int64),
            FlawKind.DRIFT: watched.text_flaws[:, :, 0],
            FlawKind.TOO_SHORT: watched.text_flaws[:, :, 1],
            **{kind: there(flagged) for kind, flagged in by_battle.items()},
        },
        told={FlawKind.INCONSISTENT: inconsistent.astype(np.int64)},
    )


def watch(
    watched: Watched,
    found: Found,
    *,
    forgiven: Mapping[FlawKind, int] = FORGIVEN,
    seed: int,
) -> Watch:
    """Strike as the platform does, and exclude as a careful reviewer would.

    She excludes who has two strikes, or one and flaws for two of the `REASONS`, forgiven ones
    counted; and whose votes have a p-value under .001.
    """
    strikes: IntArray = np.zeros_like(watched.place)
    for kind, there in found.flaws.items():
        strikes += np.maximum(there.cumsum(axis=1) - forgiven.get(kind, 0), 0)
    ends: BoolArray = strikes >= STRIKES_ALLOWED
    is_struck_out = np.asarray(ends.any(axis=1))
    last = np.where(is_struck_out, ends.argmax(axis=1), NEVER)
    happened = np.arange(strikes.shape[1]) <= last[:, np.newaxis]
    is_heard = np.zeros(watched.a.shape, bool)
    rater, place = np.nonzero(happened & (watched.place >= 0))
    is_heard[rater, watched.place[rater, place]] = True
    hers = np.where(happened, strikes, 0).max(axis=1)
    kinds = found.flaws | found.told
    reasons = sum((kinds[kind] * happened).any(axis=1).astype(int) for kind in REASONS)
    is_careless = (hers >= STRIKES_EXCLUDED) | ((hers > 0) & (reasons > 1))
    unlikely = unlikely_votes(watched, is_heard & ~is_struck_out[:, np.newaxis], seed=seed)
    return Watch(
        strikes=hers,
        is_struck_out=is_struck_out,
        is_unlikely=unlikely,
        is_excluded=~is_struck_out & (is_careless | unlikely),
        is_heard=is_heard,
    )


def unlikely_votes(watched: Watched, is_heard: BoolArray, *, seed: int) -> BoolArray:
    """Whose votes no honest rater would give, (N,), by the board of all that is heard."""
    overall = watched.outcome[:, :, 0]
    a, b, outcome = watched.a[is_heard], watched.b[is_heard], overall[is_heard]
    fit = fit_davidson(count_outcomes(a, b, outcome, contestants=CONTESTANTS))
    half = (fit.skill[watched.a] - fit.skill[watched.b] + fit.side_effect) / 2
    weights = np.stack(
        [np.exp(half), np.full(half.shape, fit.tie_propensity), np.exp(-half)], axis=-1
    )
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    flagged = np.zeros(len(is_heard), bool)
    for number, hers in enumerate(is_heard):
        decided, said = without_ties(probabilities[number, hers], overall[number, hers])
        given = decided[np.arange(len(said)), said].prod()
        # Her own votes are as unlikely as themselves, so neither p-value can be below theirs.
        if given > VOTES_LEVEL:
            continue
        sequential = sequential_test(decided, said, level=VOTES_LEVEL).flagged_at is not None
        flagged[number] = (
            sequential
            or likelihood_test(
                decided, said, seed=seed, level=VOTES_LEVEL, simulations=SIMULATIONS
            ).is_flagged
        )
    return flagged


def _verdict_flaws(watched: Watched) -> dict[FlawKind, BoolArray]:
    """Straight lines and one-sidedness, at the battle (N, M) after which each is first found."""
    is_done = watched.is_done
    alike = (watched.outcome == watched.outcome[:, :, :1]).all(axis=2) & is_done
    population = estimate_population(alike.sum(axis=1), is_done.sum(axis=1))
    overall = watched.outcome[:, :, 0]
    decided = is_done & (overall != TIE)
    share_of_a = round(float((overall == A_WINS)[decided].mean()), 3)
    straight, one_sided = np.zeros(alike.shape, bool), np.zeros(alike.shape, bool)
    lines = _straight_lines(population, watched.outcome.shape[2])
    for rater, battle in np.argwhere(is_done):
        until = slice(battle + 1)
        straight[rater, battle] = lines[int(alike[rater, until].sum()), int(battle) + 1]
        sides = overall[rater, until][decided[rater, until]]
        one_sided[rater, battle] = _is_one_sided(tuple(sides.tolist()), share_of_a)
    return {
        FlawKind.STRAIGHT_LINING: _first(straight),
        FlawKind.ONE_SIDED: _first(one_sided),
    }


def _first(flagged: BoolArray) -> BoolArray:
    """The first of each row alone: what is said of all her battles strikes once."""
    first: BoolArray = flagged & (flagged.cumsum(axis=1) == 1)
    return first


def _straight_lines(population: Population, dimensions: int) -> dict[tuple[int, int], bool]:
    """Whether so many of so many battles, answered alike on all dimensions, are flagged."""
    table = {}
    for battles, alike in product(range(1, max(BATTLES) + 1), range(max(BATTLES) + 1)):
        outcomes = np.full((battles, dimensions), A_WINS)
        outcomes[alike:, 0] = B_WINS
        flaw = find_straight_lines(outcomes, population)
        table[alike, battles] = flaw is not None
    return table


@cache
def _is_one_sided(overall: tuple[int, ...], share_of_a: float) -> bool:
    sides = ["a" if outcome == A_WINS else "b" for outcome in overall]
    return find_one_side(sides, share_of_a=share_of_a) is not None


@cache
def _least_seconds(words: int) -> float:
    """Of comparing replies of which the shorter has so many words."""
    flaw = find_fast_comparison(["word " * words], seconds=-1)
    assert flaw is not None  # noqa: S101  nobody compares in less than nothing
    return float(flaw.figures["needed_seconds"])
