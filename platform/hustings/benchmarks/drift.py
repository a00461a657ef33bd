"""How well topic drift is told: where people labelled it, and where people keep to a topic."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from raters.quality.drift import Drift, drifts
from raters.quality.drift_model import shipped_model
from raters.quality.drift_training import Dialogue, area_under_curve, f1_score, read_dialogues

# Dialogues with labels, and conversations that keep to their topics.
SPLITS: Final = {
    "dev": ("topicshift/tiage_dev.jsonl.gz", "topicalchat/conversations_valid.jsonl.gz"),
    "test": ("topicshift/tiage_test.jsonl.gz", "topicalchat/conversations_test.jsonl.gz"),
}


@dataclass(frozen=True)
class DriftFigures:
    """F1 and AUC of shifts at the model's threshold, milliseconds a turn, and the strikes.

    `recall` is the part of the labelled shifts that is struck, `false_positive_rate` the part of
    all turns that is struck in conversations that keep to their topics.
    """

    f1_dev: float
    auc_dev: float
    ms_per_turn: float
    false_positive_rate: float
    recall: float


def measure_drift(folder: Path, *, split: str = "dev") -> DriftFigures:
    """Judge every turn but the first of the split's dialogues in the data folder.

    The names say `dev` after the figures' usual split; another one is measured under them too.
    KeyError if there is no such split, OSError if its files are not there.
    """
    labelled, on_topic = (read_dialogues(folder / name) for name in SPLITS[split])
    shipped_model()
    begun = time.perf_counter()
    judged = _judged(labelled)
    seconds = time.perf_counter() - begun
    kept = _judged(on_topic)
    shifts = np.array([shift for each in labelled for shift in each.shifts[1:]])
    probabilities = np.array([each.probability or 0.0 for each in judged])
    struck = np.array([each.is_strike for each in judged])
    return DriftFigures(
        f1_dev=round(f1_score(shifts, np.array([each.is_shift for each in judged])), 4),
        auc_dev=round(area_under_curve(shifts, probabilities), 4),
        ms_per_turn=round(1000 * seconds / len(judged), 3),
        false_positive_rate=round(sum(each.is_strike for each in kept) / len(kept), 4),
        recall=round(float(struck[shifts].mean()), 4),
    )


def _judged(dialogues: tuple[Dialogue, ...]) -> list[Drift]:
    """Every turn but the first of each dialogue."""
    return [drift for each in dialogues for drift in drifts(each.texts)[1:]]
