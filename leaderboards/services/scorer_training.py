"""Trains a study's own preference scorer, and says on its card how good it is."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.exclusions import read_left_out
from leaderboards.reports import Json
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import cross_fit
from leaderboards.scorer.training import require_scikit_learn, train
from leaderboards.scorer_card import (
    DimensionCard,
    DimensionModels,
    ScorerCard,
    Wanted,
    write_scorer,
)
from leaderboards.scorer_talks import (
    MOST_BATTLES,
    SEED,
    Groups,
    Talk,
    comparisons_of,
    fold_of,
    is_by_task,
    known_groups,
    labelled_battles,
    read_talks,
    sample_of,
)
from leaderboards.services.embedding import embedder_for, expense_of
from studies.models import Dimension, Study

# With embeddings, training takes more than twice as long, and the embedding its own time.
MOST_EMBEDDED: Final = 2_000
NOTHING: Final = gettext_noop("No conversation is there whose rater gave a verdict that counts.")


def report_scorer(study: Study, subject: str, at: datetime) -> Json:
    """Train a report of the kind `scorer`, on one dimension (its key) or on all of them.

    The subject is that of a `Wanted`. Raises ScorerError where no dimension has enough verdicts,
    without scikit-learn, and where nothing could be embedded that should be.
    """
    require_scikit_learn()
    wanted = Wanted.parse(subject)
    dimensions = study.dimensions.order_by("position", "key")
    if wanted.of:
        dimensions = dimensions.filter(key=wanted.of)
    labelled = labelled_battles(study)
    embedder = None if wanted.embedder is None else embedder_for(wanted.embedder)
    drawn = sample_of(labelled, MOST_EMBEDDED if embedder else MOST_BATTLES)
    by_task = is_by_task(study, labelled)
    talks = list(read_talks(study, drawn, by_task=by_task, embedder=embedder))
    embedded = None
    if embedder is not None and drawn:
        embedded = expense_of(embedder, left_out=len(drawn) - len(talks))
    if not talks:
        raise ScorerError(_(NOTHING))
    groups = known_groups(study, [each.battle for each in talks])
    cards, models = [], {}
    for dimension in dimensions:
        of_dimension, fitted = _train_dimension(dimension, talks, groups)
        cards.append(of_dimension)
        if fitted is not None:
            models[dimension.key] = fitted
    if not models:
        raise ScorerError(cards[0].refusal if cards else _("The study has no such dimension."))
    times = [each.battle.created_at for each in talks]
    card = ScorerCard(
        study=study.slug,
        title=study.title,
        is_simulated=study.is_simulated,
        electorate=str(study.electorate or ""),
        trained_at=at,
        code_version=version("hustings"),
        scikit_learn=version("scikit-learn"),
        seed=SEED,
        by_task=by_task,
        battles=len(talks),
        labelled_battles=len(labelled),
        first_battle_at=min(times),
        last_battle_at=max(times),
        embedded=embedded,
        contestants=tuple(sorted(str(each) for each in study.contestants.all())),
        exclusions=tuple(dict.fromkeys(each.words for each in read_left_out(study))),
        groups=tuple(shown for shown, _ in groups),
        dimensions=tuple(cards),
    )
    return write_scorer(card, models)


def _train_dimension(
    dimension: Dimension, talks: Sequence[Talk], groups: Groups
) -> tuple[DimensionCard, DimensionModels | None]:
    """A dimension's card and scorers; None where there are too few verdicts, and why."""
    given, kept = comparisons_of(dimension, talks, groups)
    about: dict[str, Any] = {
        "key": dimension.key,
        "name": dimension.name,
        "verdicts": len(given),
        "ties": int((~given.decided).sum()),
        "raters": len({each.battle.participation_id for each in kept}),
        "blocks": len({each.block for each in kept}),
    }
    fold = np.array([fold_of(each.block, seed=SEED) for each in kept], np.int64)
    try:
        fitted = cross_fit(given, fold, seed=SEED)
        everybody = train(given, seed=SEED)
    except ScorerError as error:
        return DimensionCard(**about, evaluation=None, refusal=str(error)), None
    card = DimensionCard(**about, evaluation=fitted.evaluation, refusal="")
    return card, DimensionModels(everybody, fitted.models)
