"""Asks for a study's scorer and its ratings; the ledger says who is given replies to embed."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.models import Report
from leaderboards.reports import SCORER, SCORING
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.training import require_scikit_learn
from leaderboards.scorer_card import Wanted
from leaderboards.scorer_talks import MOST_BATTLES, labelled_battles
from leaderboards.services.criteria import ask_and_record
from leaderboards.services.embedding import embedder_for
from leaderboards.services.reports import ask_for_report
from leaderboards.services.scorer_training import MOST_EMBEDDED, NOTHING
from leaderboards.services.scoring import ALL, scorer_of, selected_battles
from studies.models import ChatModel, Study

if TYPE_CHECKING:
    from accounts.models import User

OF_A_PREVIEW: Final = gettext_noop(
    "A preview is a passing copy: nobody’s words are shared from it."
)


@transaction.atomic
def ask_for_scorer(
    study: Study,
    *,
    embedder: ChatModel | None = None,
    by: "User | None" = None,
    at: datetime,
) -> Report:
    """Ask for a scorer of all dimensions; a worker trains it.

    With an embedder, the ledger says that it is given replies. Raises ScorerError where it can't
    be asked, and where nothing could be trained with what it says.
    """
    if embedder is None:
        return ask_for_report(study, SCORER, by=by, at=at)
    require_scikit_learn()
    battles = min(len(labelled_battles(study)), MOST_EMBEDDED)
    if not battles:
        raise ScorerError(_(NOTHING))
    what = f"replies in up to {battles:,} battles, embedded for a scorer to learn from"
    return _ask_and_share(study, SCORER, Wanted("", embedder.pk), what=what, by=by, at=at)


@transaction.atomic
def ask_for_scoring(
    study: Study, selection: str = ALL, *, by: "User | None" = None, at: datetime
) -> Report:
    """Ask the study's scorer to rate ALL battles, or UNLABELLED ones; a worker lets it.

    Where it learned from embeddings, the ledger says that its embedder is given replies. Raises
    ScorerError without a scorer, and where there is no battle or its embedder can't be asked.
    """
    embedded = scorer_of(study).embedded
    if embedded is None:
        return ask_for_report(study, SCORING, selection, by=by, at=at)
    wanted = Wanted(selection, embedded.chat_model_id)
    battles = min(len(selected_battles(study, selection)), MOST_BATTLES)
    what = f"replies in up to {battles:,} battles, embedded for a scorer to rate them"
    return _ask_and_share(study, SCORING, wanted, what=what, by=by, at=at)


def _ask_and_share(
    study: Study, kind: str, wanted: Wanted, *, what: str, by: "User | None", at: datetime
) -> Report:
    if study.preview_of_id is not None:
        raise ScorerError(_(OF_A_PREVIEW))
    chat_model = embedder_for(wanted.embedder).chat_model
    return ask_and_record(study, kind, wanted.subject, chat_model, what=what, by=by, at=at)
