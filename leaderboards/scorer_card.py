"""The card of a study's scorer: what it was trained on, and how good it is; and its weights."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.facts import UnknownFactsError, as_json, parse
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import Evaluation
from leaderboards.scorer.model import Model

Json = dict[str, Any]
STALE: Final = gettext_noop("The scorer was trained by other code than this: train it anew.")


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
class Wanted:
    """What a report is asked for: a dimension or a selection of battles, and who embeds replies.

    `of` is a dimension's key (empty for all) or a selection, `embedder` a chat model's id.
    """

    of: str = ""
    embedder: int | None = None

    @property
    def subject(self) -> str:
        """How reports name it: "unlabelled", or "unlabelled:7" with embeddings by chat model 7."""
        return self.of if self.embedder is None else f"{self.of}:{self.embedder}"

    @classmethod
    def parse(cls, subject: str) -> Self:
        """From a report's subject; ScorerError for what is none."""
        of, _colon, embedder = subject.partition(":")
        if embedder and not embedder.isdecimal():
            raise ScorerError(_("“%(subject)s” names no scorer.") % {"subject": subject})
        return cls(of, int(embedder) if embedder else None)


@dataclass(frozen=True)
class Embedded:
    """Who was asked for embeddings, and what it took; `pinned` tells how it was asked from others.

    An embedding has so many `numbers`. `texts` different ones were embedded, `failed` were not,
    which left out so many battles; `error` names why. `tokens` were read and `cost` in US dollars
    was paid, as far as the endpoint counted.
    """

    chat_model: str
    chat_model_id: int
    pinned: str
    numbers: int
    texts: int
    failed: int
    battles_left_out: int
    tokens: int
    cost: float
    error: str


@dataclass(frozen=True)
class ScorerCard:
    """Who was asked what, when, what was left out, and how good the scorer is.

    `battles` were learned from, of `labelled_battles`. `by_task` is whether battles on one task
    are one block; else those that begin with the same message are. `embedded` is None where nobody
    was asked for embeddings.
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
    embedded: Embedded | None
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

    @property
    def embedded(self) -> Embedded | None:
        """Who has to be asked for embeddings before it says anything; None where nobody has to.

        So it is of a scorer that was shown embeddings, and that they did not help.
        """
        every = (model for each in self.models.values() for model in each.folds)
        return self.card.embedded if any(model.embeddings.size for model in every) else None


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
        raise ScorerError(_(STALE)) from error
    written = json.dumps(document["weights"], sort_keys=True).encode()
    return Scorer(card, models, hashlib.sha256(written).hexdigest())
