"""Trains the model that tells topic drift, from dialogues whose shifts were labelled by people.

Words are counted over the labelled dialogues and over conversations without labels; these also
set how often a person who keeps to a topic may be struck. Nothing here is random.
"""

import gzip
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raters.quality.drift_features import Turn, measures, read_turn, traits
from raters.quality.drift_model import MAX_DEVIATIONS, DriftModel, Measure, leaves_everything

LABELLED: Final = Path("topicshift/tiage_train.jsonl.gz")
ON_TOPIC: Final = Path("topicalchat/conversations_valid.jsonl.gz")
# A stem that stood in one turn only weighs as one that stood in none.
MIN_TURNS_OF_STEM: Final = 2
MIN_TURNS_OF_TRAIT: Final = 8
# Ridge: how strongly a weight is drawn to nothing. Chosen by cross-validation on the training set.
PENALTY_OF_MEASURES: Final = 300.0
PENALTY_OF_TRAITS: Final = 40.0
FOLDS: Final = 5
STEPS: Final = 60
# Below the 2 % that a screen may err, since other conversations will differ from these.
STRIKES_ON_TOPIC: Final = 0.015

CHOSEN: Final = {
    "shift_at": "half of the best cross-validated F1, which is where F1 is best if probabilities "
    "are calibrated (Lipton, Elkan and Naryanaswamy 2014); on the training set alone",
    "strike_at": "the least at which at most 1.5 % of the turns of conversations on topic are "
    "struck; their labels were never seen, their words were counted",
}

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Report = Callable[[str], object]


@dataclass(frozen=True)
class Dialogue:
    """A conversation's texts; `shifts` says of each whether it starts a topic, where labelled."""

    texts: tuple[str, ...]
    shifts: tuple[bool, ...] = ()

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The texts as they are compared."""
        return tuple(map(read_turn, self.texts))


@dataclass(frozen=True)
class _Rows:
    """Every turn but the first of each dialogue: its measures, traits, label and dialogue.

    `leaving` says whether nothing of the turn goes with those before it.
    """

    names: tuple[str, ...]
    values: Array
    traits: tuple[frozenset[str], ...]
    shifts: Bools
    leaving: Bools
    dialogues: npt.NDArray[np.int64]


def read_dialogues(path: Path) -> tuple[Dialogue, ...]:
    """The dialogues of a JSONL file, gzipped: `turns`, each with `text` and perhaps `shift`.

    `shift` is 1 where a turn starts a topic, and null at the first turn.
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        documents: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return tuple(
        Dialogue(
            tuple(turn["text"] for turn in document["turns"]),
            tuple(turn["shift"] == 1 for turn in document["turns"] if "shift" in turn),
        )
        for document in documents
    )


def train(
    labelled: Sequence[Dialogue],
    on_topic: Sequence[Dialogue],
    report: Report = lambda _line: None,
) -> DriftModel:
    """The model, its thresholds chosen by cross-validation and on the on-topic conversations.

    `report` is told what is being done. ValueError if the labelled dialogues hold no shift, or
    if there are no conversations without labels.
    """
    if not any(any(each.shifts) for each in labelled) or not on_topic:
        raise ValueError("Training needs dialogues with shifts, and conversations on topic.")
    report("counting words")
    rarities, unseen = _rarities([*labelled, *on_topic])
    blank = DriftModel(0.0, {}, {}, rarities, unseen, 1.0, 1.0, {}, {})
    rows = _rows(labelled, blank)
    out_of_fold = np.zeros(len(rows.shifts))
    for fold in range(FOLDS):
        report(f"fold {fold + 1} of {FOLDS}")
        out = rows.dialogues % FOLDS == fold
        out_of_fold[out] = _probabilities(rows, out, _fit(rows, ~out, blank))
    report("all dialogues")
    model = _fit(rows, np.ones(len(rows.shifts), dtype=bool), blank)
    report("thresholds")
    return _with_thresholds(model, rows, out_of_fold, on_topic)


def _with_thresholds(
    model: DriftModel, rows: _Rows, out_of_fold: Array, on_topic: Sequence[Dialogue]
) -> DriftModel:
    """The model with its two thresholds, and what cross-validation measured at them."""
    labels = rows.shifts
    shift_at = round(best_f1(labels, out_of_fold) / 2, 3)
    strike_at = _strike_threshold(model, on_topic)
    struck = (out_of_fold >= strike_at) & rows.leaving
    figures = {
        "cross-validated AUC": area_under_curve(labels, out_of_fold),
        "cross-validated F1 at shift_at": f1_score(labels, out_of_fold >= shift_at),
        "cross-validated recall of strikes": float(struck[labels].mean()),
        "cross-validated precision of strikes": float((struck & labels).sum())
        / max(1, int(struck.sum())),
    }
    return replace(
        model,
        shift_at=shift_at,
        strike_at=strike_at,
        chosen=CHOSEN,
        figures={name: round(figure, 4) for name, figure in figures.items()},
    )


def _strike_threshold(model: DriftModel, on_topic: Sequence[Dialogue]) -> float:
    """The least probability at which so few turns are struck where people keep to a topic."""
    threads = [each.turns for each in on_topic]
    scores = sorted(
        (
            model.probability(thread, i) if leaves_everything(thread, i) else 0.0
            for thread in threads
            for i in range(1, len(thread))
        ),
        reverse=True,
    )
    # The first that must not be struck, and a step of the rounding above it.
    return round(scores[int(STRIKES_ON_TOPIC * len(scores))], 3) + 0.001


def area_under_curve(labels: Bools, scores: Array) -> float:
    """The chance that a true row scores above a false one, ties counting one half (AUC)."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    true = int(labels.sum())
    false = len(labels) - true
    return float((ranks[labels].sum() - true * (true + 1) / 2) / (true * false))


def f1_score(labels: Bools, found: Bools) -> float:
    """The harmonic mean of precision and recall."""
    return float(2 * (labels & found).sum() / (labels.sum() + found.sum()))


def best_f1(labels: Bools, scores: Array) -> float:
    """The F1 at the threshold that gives the best."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    return float((2 * hits / (np.arange(1, len(labels) + 1) + labels.sum())).max())


def _rarities(dialogues: Sequence[Dialogue]) -> tuple[dict[str, float], float]:
    """Inverse document frequency by turns, scaled to at most 1."""
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    counts = Counter(each for turn in turns for each in turn.stems)
    scale = math.log(len(turns))

    def rarity(count: int) -> float:
        return round(math.log(len(turns) / (count + 1)) / scale, 3)

    kept = sorted(each for each, count in counts.items() if count >= MIN_TURNS_OF_STEM)
    return {each: rarity(counts[each]) for each in kept}, rarity(1)


def _rows(dialogues: Sequence[Dialogue], model: DriftModel) -> _Rows:
    places = [(k, i) for k, each in enumerate(dialogues) for i in range(1, len(each.turns))]
    found = [measures(dialogues[k].turns, i, model.weigh) for k, i in places]
    names = tuple(sorted(found[0]))
    return _Rows(
        names=names,
        values=np.array([[row[name] for name in names] for row in found]),
        traits=tuple(traits(dialogues[k].turns[i], dialogues[k].turns[i - 1]) for k, i in places),
        shifts=np.array([dialogues[k].shifts[i] for k, i in places]),
        leaving=np.array([leaves_everything(dialogues[k].turns, i) for k, i in places]),
        dialogues=np.array([k for k, _ in places]),
    )


def _fit(rows: _Rows, chosen: Bools, blank: DriftModel) -> DriftModel:
    """The model fitted to the chosen rows; weights are rounded, so that no processor shows."""
    values = rows.values[chosen]
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations[deviations == 0] = 1.0
    counts = Counter(each for k in np.flatnonzero(chosen) for each in rows.traits[k])
    known = sorted(each for each, count in counts.items() if count >= MIN_TURNS_OF_TRAIT)
    scales = {
        name: Measure(round(float(mean), 4), round(float(deviation), 4), 0.0)
        for name, mean, deviation in zip(rows.names, means, deviations, strict=True)
    }
    scaled = replace(blank, measures=scales, traits=dict.fromkeys(known, 0.0))
    penalties = np.repeat([PENALTY_OF_MEASURES, PENALTY_OF_TRAITS], [len(scales), len(known)])
    weights, intercept = _ridge_logistic(
        _design(rows, chosen, scaled), rows.shifts[chosen], penalties
    )
    rounded = [round(float(weight), 4) for weight in weights]
    own = zip(scales.items(), rounded, strict=False)
    return replace(
        scaled,
        intercept=round(intercept, 4),
        measures={name: replace(scale, weight=weight) for (name, scale), weight in own},
        traits={
            each: weight
            for each, weight in zip(known, rounded[len(scales) :], strict=True)
            if weight
        },
    )


def _design(rows: _Rows, chosen: Bools, model: DriftModel) -> Array:
    """A column for each of the model's measures, in deviations, and one for each trait."""
    own = list(model.measures.values())
    means = np.array([each.mean for each in own])
    scales = np.array([each.deviation for each in own])
    off = np.clip((rows.values[chosen] - means) / scales, -MAX_DEVIATIONS, MAX_DEVIATIONS)
    columns = {each: k for k, each in enumerate(model.traits)}
    has = np.zeros((len(off), len(columns)))
    for row, k in enumerate(np.flatnonzero(chosen)):
        has[row, [columns[each] for each in rows.traits[k] if each in columns]] = 1.0
    return np.hstack([off, has])


def _probabilities(rows: _Rows, chosen: Bools, model: DriftModel) -> Array:
    weights = [*(each.weight for each in model.measures.values()), *model.traits.values()]
    return _logistic(_design(rows, chosen, model) @ np.array(weights) + model.intercept)


def _ridge_logistic(X: Array, labels: Bools, penalties: Array) -> tuple[Array, float]:
    """Weights and intercept of least penalised log loss.

    The curvature is bounded by X'X / 4 whatever the weights (Böhning & Lindsay 1988), so one
    inverse serves all steps; Nesterov's momentum makes them few.
    """
    X = np.hstack([X, np.ones((len(X), 1))])
    ridge = np.append(penalties, 1e-6)
    step = np.linalg.inv(X.T @ X / 4 + np.diag(ridge))
    weights = np.zeros(X.shape[1])
    weights[-1] = math.log(labels.mean() / (1 - labels.mean()))
    ahead, pace = weights, 1.0
    for _ in range(STEPS):
        moved = ahead - step @ (X.T @ (_logistic(X @ ahead) - labels) + ridge * ahead)
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = moved + (pace - 1) / faster * (moved - weights)
        weights, pace = moved, faster
    return weights[:-1], float(weights[-1])


def _logistic(scores: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
