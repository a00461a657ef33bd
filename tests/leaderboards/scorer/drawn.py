"""Verdicts of people whose wishes are known, on texts that were made up."""

import numpy as np

from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.simulation import by_davidson
from leaderboards.scorer.comparisons import Comparisons
from leaderboards.scorer.features import NAMES, Measured, measure

WORDS = ["rice", "water", "salt", "pan", "heat", "stir", "boil", "rinse", "serve", "taste", "plate"]
# What people wish for: long texts, lists, no refusals.
WISHES = {"length": 0.8, "list items": 0.9, "refusals": -1.5}


def made_up(rng: np.random.Generator) -> str:
    """A text of random words: perhaps a list, perhaps a refusal."""
    said = " ".join(rng.choice(WORDS, rng.integers(5, 80)).tolist()).capitalize() + "."
    if rng.random() < 0.4:
        said += "".join(f"\n- {word}" for word in rng.choice(WORDS, rng.integers(2, 6)))
    return f"I cannot help with that. {said}" if rng.random() < 0.3 else said


def draw_comparisons(
    seed: int,
    *,
    verdicts: int = 600,
    blocks: int = 60,
    tie: float = 0.5,
    of_group: float = 0.0,
    wishes: dict[str, float] = WISHES,
) -> Comparisons:
    """Verdicts by Davidson's model of these wishes; raters of a group wish for more length."""
    rng = np.random.default_rng(seed)
    sides = [measure(["How do I cook rice?"], [made_up(rng)]) for _ in range(2 * verdicts)]
    places = np.arange(2 * verdicts).reshape(-1, 2)
    inside = rng.random(verdicts) < 0.5
    weights = np.array([wishes.get(name, 0.0) for name in NAMES])
    score = np.array([side.style for side in sides]) @ weights
    more = _lengths(sides)[places[:, 0]] - _lengths(sides)[places[:, 1]]
    advantage = score[places[:, 0]] - score[places[:, 1]] + of_group * inside * more
    a = rng.integers(0, 4, verdicts)
    return Comparisons.of(
        sides,
        a=places[:, 0],
        b=places[:, 1],
        outcome=by_davidson(tie)(advantage, rng),
        block=rng.integers(0, blocks, verdicts),
        contestants=np.stack([a, (a + rng.integers(1, 4, verdicts)) % 4], axis=1),
        groups=np.stack([inside, ~inside], axis=1),
    )


def _lengths(sides: list[Measured]) -> FloatArray:
    return np.array([side.style[NAMES.index("length")] for side in sides])


def sides_of(given: Comparisons, side: IntArray) -> list[Measured]:
    """Sides by number, as they were measured."""
    embeddings = given.embeddings if given.is_embedded else np.zeros((len(given.style), 0))
    return [Measured(given.style[i], given.words[i], embeddings[i]) for i in side]
