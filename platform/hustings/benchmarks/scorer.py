"""How often a scorer trained on people's verdicts tells the winner of pairs it has not seen."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from hustings.benchmarks.judge_data import (
    LLMFAO_OUTCOMES,
    SIDE_OUTCOMES,
    read_objects,
    read_rows,
)
from leaderboards.ranking.outcomes import IntArray
from leaderboards.scorer.comparisons import Comparisons
from leaderboards.scorer.evaluation import Evaluation, cross_fit
from leaderboards.scorer.features import Measured, measure

SEEDS: Final = 5


@dataclass(frozen=True)
class ScorerSetFigures:
    """One set: the part of held-out verdicts, ties aside, whose winner was told.

    Means over seeds by which prompts are dealt into five folds; `by_seed` are the scorer's.
    `three_way` is the part of all verdicts whose likeliest outcome came, `majority_three_way` that
    of the outcome that came most often. `new_contestants` is on contestants the scorer never met,
    about prompts it knows, by the first seed; `calibration_error` in probability.
    """

    accuracy: float
    length_only: float
    majority: float
    contestants_alone: float
    new_contestants: float | None
    three_way: float
    majority_three_way: float
    calibration_error: float
    by_seed: tuple[float, ...]
    verdicts: int
    decided: int
    prompts: int


@dataclass(frozen=True)
class ScorerFigures:
    """The scorer beside its baselines: means over both sets, and each set's own."""

    accuracy: float
    length_only: float
    majority: float
    sets: Mapping[str, ScorerSetFigures]


def measure_scorer(folder: Path, *, seeds: Sequence[int] = range(SEEDS)) -> ScorerFigures:
    """Train and measure on llmfao and pandalm; FileNotFoundError names a file that is missing."""
    sets = {
        "llmfao": _measure_set(read_llmfao_comparisons(folder), seeds),
        "pandalm": _measure_set(read_pandalm_comparisons(folder), seeds),
    }

    def mean(name: str) -> float:
        return float(np.mean([getattr(each, name) for each in sets.values()]))

    return ScorerFigures(
        accuracy=mean("accuracy"),
        length_only=mean("length_only"),
        majority=mean("majority"),
        sets=sets,
    )


def read_llmfao_comparisons(folder: Path) -> Comparisons:
    """The crowd's votes on answers of llmfao's chat models, in blocks of one prompt."""
    with (folder / "llmfao" / "prompts.jsonl").open(encoding="utf-8") as file:
        prompts = {str(each["id"]): each["text"] for each in map(json.loads, file)}
    place: dict[tuple[str, str], int] = {}
    sides: list[Measured] = []
    for each in read_objects(folder / "llmfao/responses.jsonl.gz"):
        prompt = str(each["prompt"])
        place[prompt, str(each["model"])] = len(sides)
        sides.append(measure([prompts[prompt]], [each["text"]]))
    rows = read_rows(folder / "llmfao/human.csv.gz")
    return _comparisons(
        sides,
        [
            (place[row["prompt"], row["model_x"]], place[row["prompt"], row["model_y"]])
            for row in rows
        ],
        [LLMFAO_OUTCOMES[row["winner"]] for row in rows],
        [row["prompt"] for row in rows],
        [(row["model_x"], row["model_y"]) for row in rows],
    )


def read_pandalm_comparisons(folder: Path) -> Comparisons:
    """Three people's votes on each pair of pandalm, in blocks of one instruction and input."""
    sides: list[Measured] = []
    pairs, outcomes, blocks, contestants = [], [], [], []
    for row in read_objects(folder / "judges/pandalm.jsonl.gz"):
        asked = f"{row['instruction']}\n{row['input']}"
        sides += [measure([asked], [str(row[side])]) for side in ("response_1", "response_2")]
        for vote in row["humans"]:
            pairs.append((len(sides) - 2, len(sides) - 1))
            outcomes.append(SIDE_OUTCOMES[vote])
            blocks.append(asked)
            contestants.append((row["model_1"], row["model_2"]))
    return _comparisons(sides, pairs, outcomes, blocks, contestants)


def _comparisons(
    sides: Sequence[Measured],
    pairs: Sequence[tuple[int, int]],
    outcomes: Sequence[int],
    blocks: Sequence[str],
    contestants: Sequence[tuple[str, str]],
) -> Comparisons:
    a, b = np.array(pairs).T
    return Comparisons.of(
        sides,
        a=a,
        b=b,
        outcome=np.array(outcomes),
        block=_numbered(blocks),
        contestants=_numbered(np.array(contestants).ravel()).reshape(-1, 2),
    )


def _numbered(names: Any) -> IntArray:
    numbers: IntArray = np.unique(np.array(names), return_inverse=True)[1]
    return numbers


def _measure_set(given: Comparisons, seeds: Sequence[int]) -> ScorerSetFigures:
    found = [
        cross_fit(given, seed=seed, with_new_contestants=seed == seeds[0]).evaluation
        for seed in seeds
    ]
    new = found[0].new_contestants
    return ScorerSetFigures(
        accuracy=_mean(found, lambda each: each.scorer.accuracy),
        length_only=_mean(found, lambda each: each.length_only.accuracy),
        majority=_mean(found, lambda each: each.majority.accuracy),
        contestants_alone=_mean(found, lambda each: each.contestants_alone.accuracy),
        new_contestants=None if new is None else round(new.accuracy, 4),
        three_way=_mean(found, lambda each: each.scorer.three_way),
        majority_three_way=_mean(found, lambda each: each.majority.three_way),
        calibration_error=_mean(found, lambda each: each.calibration.error),
        by_seed=tuple(round(each.scorer.accuracy, 4) for each in found),
        verdicts=len(given),
        decided=int(given.decided.sum()),
        prompts=len(np.unique(given.block)),
    )


def _mean(found: Sequence[Evaluation], figure: Callable[[Evaluation], float]) -> float:
    return round(float(np.mean([figure(each) for each in found])), 4)
