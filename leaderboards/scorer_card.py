"""The card of a study's scorer: what it was trained on, and how good it is; and its weights."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from leaderboards.facts import UnknownFactsError, as_json, parse
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import Evaluation
from leaderboards.scorer.model import Model

Json = dict[str, Any]
STALE: Final = "The scorer was trained by other code than this: train it anew."


@dataclass(frozen=True)
class ScorerGroup:
    """A group whose raters have weights of their own, and how many raters they were."""

    axis: str
    key: str
    name: str
    raters: int


@dataclass(frozen=True)
class DimensionCard:
    """What a dimension's scorer was trained on, and how good it is; or why there is none.

    `evaluation` is None exactly where `refusal` says why. `blocks` counts the different things
    that conversations were about.
    """

    key: str
    name: str
    verdicts: int
    ties: int
    raters: int
    blocks: int
    evaluation: Evaluation | None
    refusal: str


@dataclass(frozen=True)
class ScorerCard:
    """Who was asked what, when, what was left out, and how good the scorer is.

    `battles` were learned from, of `labelled_battles`. `by_task` is whether battles on one task
    are one block; else those that begin with the same message are.
    """

    study: str
    title: str
    is_simulated: bool
    electorate: str
    trained_at: datetime
    code_version: str
    scikit_learn: str
    seed: int
    by_task: bool
    battles: int
    labelled_battles: int
    first_battle_at: datetime
    last_battle_at: datetime
    contestants: tuple[str, ...]
    exclusions: tuple[str, ...]
    groups: tuple[ScorerGroup, ...]
    dimensions: tuple[DimensionCard, ...]


@dataclass(frozen=True)
class DimensionModels:
    """A dimension's scorers: one trained on everything, and one without each fold."""

    everybody: Model
    folds: tuple[Model, ...]


@dataclass(frozen=True)
class Scorer:
    """A study's scorer: its card, and its models by dimension. `digest` tells two apart."""

    card: ScorerCard
    models: Mapping[str, DimensionModels]
    digest: str


def write_scorer(card: ScorerCard, models: Mapping[str, DimensionModels]) -> Json:
    """A scorer as the document of its report: what stands on the card, and `weights`."""
    weights = {
        key: {
            "everybody": each.everybody.to_json(),
            "folds": [model.to_json() for model in each.folds],
        }
        for key, each in models.items()
    }
    return as_json(card) | {"weights": weights}


def read_scorer(document: Json) -> Scorer:
    """A scorer from its document. Raises ScorerError for one that earlier code wrote."""
    try:
        card = parse(ScorerCard, document)
        models = {
            key: DimensionModels(
                Model.from_json(each["everybody"]),
                tuple(Model.from_json(model) for model in each["folds"]),
            )
            for key, each in document["weights"].items()
        }
    except (UnknownFactsError, KeyError, ValueError) as error:
        raise ScorerError(STALE) from error
    written = json.dumps(document["weights"], sort_keys=True).encode()
    return Scorer(card, models, hashlib.sha256(written).hexdigest())
