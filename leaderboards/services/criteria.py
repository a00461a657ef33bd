"""Finds by what a study's raters choose: criteria that a chat model proposes, and are tested."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from leaderboards.comparison.criteria import (
    KEPT,
    REDUNDANT,
    Rubric,
    Saying,
    Worth,
    set_against,
    try_rubric,
    weigh_criteria,
)
from leaderboards.comparison.figures import Figure
from leaderboards.decided import (
    choices_of,
    question_of,
    read_pairs,
    require_enough,
    require_pairwise,
    require_read,
    require_sizes,
)
from leaderboards.errors import CriteriaError
from leaderboards.facts import as_json
from leaderboards.models import Report
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.reports import CRITERIA, Json
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.reports import ask_for_report
from raters.errors import JudgeError
from raters.judging.errors import JudgingError
from raters.judging.proposals.criteria import (
    Criterion,
    Trials,
    code_reasons,
    propose_criteria,
    try_criteria,
)
from raters.judging.proposals.pairs import Pair, deal_pairs
from raters.models import Judge
from raters.services.asking import Asker
from raters.services.judge_runs import add_judge
from studies.ledger import By, record_shared_with
from studies.models import ChatModel, Dimension, Study

if TYPE_CHECKING:
    from accounts.models import User

# Less than a report's lease: who takes longer says so, and is not taken for dead.
TIME_LIMIT: Final = timedelta(minutes=12)
TRAINING, HELD_OUT = "training", "held-out"
PAIRS: Final = 30
UNDER_WAY: Final = (Report.State.WAITING, Report.State.CLAIMED)


@dataclass(frozen=True)
class CriteriaWanted:
    """Which criteria are asked for: on what, by whom, from how many pairs."""

    dimension: str
    chat_model: int
    training: int = PAIRS
    held_out: int = PAIRS
    seed: int = 0

    @property
    def subject(self) -> str:
        """How reports name them: "overall:7:30+30:0"."""
        parts = f"{self.training}+{self.held_out}"
        return f"{self.dimension}:{self.chat_model}:{parts}:{self.seed}"

    @classmethod
    def parse(cls, subject: str) -> Self:
        """From a report's subject; CriteriaError for what is none."""
        try:
            key, chat_model, parts, seed = subject.split(":")
            training, held_out = map(int, parts.split("+"))
            return cls(key, int(chat_model), training, held_out, int(seed))
        except ValueError as error:
            raise CriteriaError(
                _("“%(subject)s” names no criteria.") % {"subject": subject}
            ) from error


@dataclass(frozen=True)
class FoundCriterion:
    """A criterion, what it is worth, and what reasons say of it; None of one that repeats another.

    `disagree` is the share of pairs on which the two orders of the sides contradict each other.
    """

    key: str
    name: str
    text: str
    worth: Worth
    disagree: Figure
    saying: Saying | None


@dataclass(frozen=True)
class Expense:
    """What was asked: questions put, answers that could not be read, questions given up, dollars.

    `cost` is as far as the endpoint counted tokens.
    """

    asked: int
    unreadable: int
    unanswered: int
    cost: float

    @classmethod
    def of(cls, asker: Asker) -> Self:
        """What it has come to."""
        return cls(asker.asked, asker.unreadable, asker.unanswered, float(asker.cost))


@dataclass(frozen=True)
class CriteriaReport:
    """What a report of the kind `criteria` says; battles are named by id, and no word is quoted.

    `untested` counts pairs of which no answer could be read; they are in no figure.
    """

    dimension: str
    chat_model: str
    chat_model_id: int
    seed: int
    computed_at: datetime
    training: tuple[int, ...]
    held_out: tuple[int, ...]
    raters: int
    untested: int
    reasons: int
    criteria: tuple[FoundCriterion, ...]
    rubric: Rubric
    expense: Expense

    @property
    def kept(self) -> tuple[FoundCriterion, ...]:
        """The criteria that tell choices, in training and held out."""
        return tuple(each for each in self.criteria if each.worth.status == KEPT)


@transaction.atomic
def ask_for_criteria(
    study: Study, wanted: CriteriaWanted, *, by: "User | None" = None, at: datetime
) -> Report:
    """Ask for criteria; a worker finds them. The ledger says with whom words are shared.

    Raises CriteriaError, or NothingToRankError, for what there is not.
    """
    require_pairwise(study)
    dimension_named(study, wanted.dimension)
    require_sizes(wanted.training, wanted.held_out)
    chat_model = chat_model_named(wanted.chat_model)
    what = f"conversations of up to {wanted.training + wanted.held_out:,} battles, for criteria"
    return ask_and_record(study, CRITERIA, wanted.subject, chat_model, what=what, by=by, at=at)


def ask_and_record(
    study: Study,
    kind: str,
    subject: str,
    chat_model: ChatModel,
    *,
    what: str,
    by: "User | None",
    at: datetime,
) -> Report:
    """Ask for a report that shares words with a chat model; join who asked for it already."""
    same = Report.objects.filter(study=study, kind=kind, subject=subject, state__in=UNDER_WAY)
    if not same.exists():
        who = By.PLATFORM if by is None else By.ADMIN
        record_shared_with(study, chat_model, what=what, by=who, at=at)
    return ask_for_report(study, kind, subject, by=by, at=at)


def report_criteria(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `criteria`.

    Raises CriteriaError where there are too few pairs, words would leak from one part to the
    other, or the chat model does not answer in time.
    """
    wanted = CriteriaWanted.parse(subject)
    dimension = dimension_named(study, wanted.dimension)
    asker = Asker(chat_model_named(wanted.chat_model), limit=TIME_LIMIT)
    try:
        return as_json(find_criteria(dimension, wanted, asker, at=at))
    except (JudgeError, JudgingError) as error:
        raise CriteriaError(str(error)) from error


def find_criteria(
    dimension: Dimension, wanted: CriteriaWanted, asker: Asker, *, at: datetime
) -> CriteriaReport:
    """Propose criteria on the training part, test them on both, and set reasons against them."""
    parts = deal_pairs(
        read_pairs(dimension, seed=wanted.seed),
        {TRAINING: wanted.training, HELD_OUT: wanted.held_out},
        seed=wanted.seed,
    )
    require_enough(parts)
    seed, question = wanted.seed, question_of(dimension)
    training, held_out = parts[TRAINING], parts[HELD_OUT]
    proposed = asker.conduct(propose_criteria(training, held_out, question, seed=seed))
    if not proposed:
        raise CriteriaError(
            _("%(chat_model)s proposed no criterion that could be read.")
            % {"chat_model": asker.chat_model}
        )
    pairs = (*training, *held_out)
    trials = asker.conduct(try_criteria(pairs, proposed, seed=seed))
    named = asker.conduct(code_reasons(pairs, proposed, seed=seed))
    found, rubric = _weigh(pairs, len(training), proposed, trials, named, seed=seed)
    return CriteriaReport(
        dimension=dimension.key,
        chat_model=str(asker.chat_model),
        chat_model_id=asker.chat_model.pk,
        seed=seed,
        computed_at=at,
        training=tuple(pair.key for pair in training),
        held_out=tuple(pair.key for pair in held_out),
        raters=len({pair.rater for pair in pairs}),
        untested=int(np.isnan(trials.more).all(axis=1).sum()),
        reasons=int((~np.isnan(named).all(axis=1)).sum()),
        criteria=found,
        rubric=rubric,
        expense=Expense.of(asker),
    )


def _weigh(
    pairs: tuple[Pair, ...],
    training: int,
    criteria: tuple[Criterion, ...],
    trials: Trials,
    named: FloatArray,
    *,
    seed: int,
) -> tuple[tuple[FoundCriterion, ...], Rubric]:
    """What criteria are worth; the first `training` pairs are those they were proposed from."""
    raters = {rater: code for code, rater in enumerate(sorted({pair.rater for pair in pairs}))}
    tested = np.flatnonzero(~np.isnan(trials.more).all(axis=1))
    choices = choices_of(pairs, trials.more, raters)
    known = choices.where(tested[tested < training])
    unseen = choices.where(tested[tested >= training])
    require_read(known, unseen)
    worths = weigh_criteria(known, unseen, seed=seed)
    alone = [place for place, each in enumerate(worths) if each.status != REDUNDANT]
    told = replace(choices.where(tested), more=choices.more[tested][:, alone])
    sayings = dict(zip(alone, set_against(told, named[tested][:, alone], seed=seed), strict=True))
    disagree = np.where(np.isnan(trials.more), np.nan, trials.disagree)
    found = tuple(
        FoundCriterion(
            each.key,
            each.name,
            each.text,
            worths[place],
            choices.share(disagree[:, place]),
            sayings.get(place),
        )
        for place, each in enumerate(criteria)
    )
    return found, try_rubric(known, unseen, worths)


def make_judge(study: Study, found: CriteriaReport, *, at: datetime) -> Judge:
    """A judge whose rubric is the criteria that were kept; on other dimensions, their questions.

    Raises CriteriaError where none was kept.
    """
    if not found.kept:
        raise CriteriaError(_("No criterion was kept: there is nothing to judge by."))
    rubric = {
        dimension.key: [f"The replies do well by this: {dimension.question or dimension.name}"]
        for dimension in study.dimensions.all()
    }
    rubric[found.dimension] = [item_of(each) for each in found.kept]
    try:
        return add_judge(
            name=f"{study.slug}: criteria of “{found.dimension}”",
            protocol="boolean",
            settings={"rubric": rubric},
            chat_models=[chat_model_named(found.chat_model_id)],
            at=at,
        )
    except JudgeError as error:
        raise CriteriaError(str(error)) from error


def item_of(found: FoundCriterion) -> str:
    """A criterion as an item that holds for replies that people prefer."""
    said = found.text if found.text.startswith(found.name) else f"{found.name}: {found.text}"
    return f"Clearly: {said}" if found.worth.sign > 0 else f"Not, or hardly: {said}"


def chat_model_named(number: int) -> ChatModel:
    """The chat model with this id; CriteriaError for none."""
    chat_model = ChatModel.objects.filter(pk=number).first()
    if chat_model is None:
        raise CriteriaError(_("Choose a chat model of the registry."))
    return chat_model
