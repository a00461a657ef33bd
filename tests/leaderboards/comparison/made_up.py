"""Made-up people and judges whose truth is known."""

from dataclasses import dataclass

import numpy as np

from leaderboards.comparison.items import Items, Judged, Votes
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.simulation import by_davidson

CONTESTANTS = 12
draw_outcomes = by_davidson(0.6)


@dataclass(frozen=True)
class World:
    """Items, people's votes and a judge's verdicts in both orders, with the true skills."""

    items: Items
    votes: Votes
    judged: Judged
    skill: FloatArray


def world(
    seed: int = 0,
    *,
    items: int = 400,
    votes_each: int = 3,
    contestants: int = CONTESTANTS,
    judge_skill: FloatArray | None = None,
    first_bonus: float = 0.0,
    longer_bonus: float = 0.0,
    own_bonus: FloatArray | None = None,
) -> World:
    """People who see skills, and a judge that is swayed by so many log-odds.

    `judge_skill` (K,) is people's if not given; `own_bonus` (K,) is added to it.
    """
    rng = np.random.default_rng(seed)
    skill = np.linspace(-1, 1, contestants)
    a = rng.integers(0, contestants, items)
    b = (a + rng.integers(1, contestants, items)) % contestants
    words = rng.lognormal(5, 0.5, (items, 2))
    item = np.repeat(np.arange(items), votes_each)
    vote = draw_outcomes((skill[a] - skill[b])[item], rng)
    seen = skill if judge_skill is None else judge_skill
    seen = seen if own_bonus is None else seen + own_bonus
    verdicts = np.repeat(np.arange(items), 2)
    first = np.tile([0, 1], items)
    ahead = (seen[a] - seen[b])[verdicts] + first_bonus * (1 - 2 * first)
    ahead += longer_bonus * np.sign(words[:, 0] - words[:, 1])[verdicts]
    return World(
        Items.of([f"c{k:02}" for k in range(contestants)], a, b, words),
        Votes(item, np.tile(np.arange(votes_each), items), vote),
        Judged.of(verdicts, draw_outcomes(ahead, rng), shown_first=first),
        skill,
    )


def pairs(sides: list[tuple[int, int]], contestants: int = 3) -> Items:
    """Items of so many contestants by their sides."""
    a, b = np.array(sides).T
    return Items.of([f"c{k}" for k in range(contestants)], a, b)


def votes(outcomes: list[list[int]]) -> Votes:
    """What each person said of each item: people are numbered within it."""
    rows = [(i, rater, said) for i, all_ in enumerate(outcomes) for rater, said in enumerate(all_)]
    return Votes(*(np.array(column) for column in zip(*rows, strict=True)))


def codes(*values: int) -> IntArray:
    """An array of indices."""
    return np.array(values, np.int64)
