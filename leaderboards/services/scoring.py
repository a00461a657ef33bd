"""Lets a study's own preference scorer rate battles, as one more machine.

Scorers are cross-fitted: a conversation is only ever scored by the one that was trained without
the fold it lies in, whether its rater's verdict was there to be learned from or not. So what the
scorer says of a battle never repeats what its rater said of it.

Where it learned from embeddings, replies are sent to nobody but the chat model that the report's
subject names: see `scorer_asking`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.conversations import CHUNK, battles_with_words
from leaderboards.facts import as_json
from leaderboards.models import Report
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.reports import SCORER, SCORING, Json
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer_card import (
    Embedded,
    Scorer,
    Wanted,
    read_scorer,
)
from leaderboards.scorer_talks import (
    MOST_BATTLES,
    OUTCOME_OF,
    Groups,
    Talk,
    fold_of,
    labelled_battles,
    members_of,
    read_talks,
    sample_of,
)
from leaderboards.services.embedding import Embedder, embedder_for, expense_of
from leaderboards.services.reports import ReportStatus
from raters.grouping import groups_of
from raters.models import Judge, Judgement, JudgeRun, JudgeVerdict
from raters.services.judge_runs import next_version
from studies.models import Study

BATCH: Final = 1_000
# Which battles a report of the kind `scoring` is about, with what is said of its run.
ALL, UNLABELLED = "", "unlabelled"
SELECTIONS: Final = {
    ALL: gettext_noop("all battles whose words are there"),
    UNLABELLED: gettext_noop("battles without a verdict that counts"),
}
UNTRAINED: Final = gettext_noop("There is no scorer of this study yet: train one first.")
CHANGED: Final = gettext_noop("The scorer was trained anew since this was asked for: ask again.")


@dataclass(frozen=True)
class ScoredRun:
    """What a report of the kind `scoring` says: the judge's run, and how many battles it rated.

    `embedded` is None where nobody was asked for embeddings.
    """

    run: int
    judge: str
    battles: int
    scored_at: datetime
    embedded: Embedded | None


def scorer_of(study: Study) -> Scorer:
    """The study's newest scorer. Raises ScorerError where there is none, or earlier code's."""
    report = scorer_status(study).finished
    if report is None or report.document is None:
        raise ScorerError(_(UNTRAINED))
    return read_scorer(report.document)


def scorer_status(study: Study) -> ReportStatus:
    """The study's newest scorer of all dimensions, whoever embedded for it, and one asked since."""
    return _status(_scorers(study))


def scoring_status(study: Study) -> ReportStatus:
    """The study's newest rating by a scorer, of whichever battles, and one asked since."""
    return _status(Report.objects.filter(study=study, kind=SCORING))


def _scorers(study: Study) -> QuerySet[Report]:
    of_all = Q(subject="") | Q(subject__startswith=":")
    return Report.objects.filter(of_all, study=study, kind=SCORER)


def _status(reports: QuerySet[Report]) -> ReportStatus:
    last = reports.order_by("-pk").first()
    is_finished = last is None or last.state == Report.State.FINISHED
    finished = reports.filter(state=Report.State.FINISHED).order_by("-finished_at", "-pk").first()
    return ReportStatus(finished, None if is_finished else last)


def report_scoring(study: Study, subject: str, at: datetime) -> Json:
    """Let the study's scorer rate its battles: a report of the kind `scoring`.

    The subject is that of a `Wanted`. Raises ScorerError without a scorer, without a battle, and
    where embeddings by another would be needed than was asked for, or none came.
    """
    wanted, scorer = Wanted.parse(subject), scorer_of(study)
    needed = scorer.embedded
    if wanted.embedder != (needed.chat_model_id if needed else None):
        raise ScorerError(_(CHANGED))
    battles, words = selected_battles(study, wanted.of), _(SELECTIONS[wanted.of])
    embedder = embedded = None
    if needed is not None:
        embedder = embedder_for(wanted.embedder, as_trained=needed)
        if len(battles) > MOST_BATTLES:
            sample = _("a sample of %(n)s, of %(selection)s")
            words = sample % {"n": f"{MOST_BATTLES:,}", "selection": words}
        battles = sample_of(battles, MOST_BATTLES)
    said = _score_battles(scorer, study, battles, embedder)
    if embedder is not None:
        embedded = expense_of(embedder, left_out=len(battles) - len(said.battles))
    run = _record(scorer, study, said, selection=words, at=at)
    return as_json(ScoredRun(run.pk, str(run.judge), len(said.battles), at, embedded))


def selected_battles(study: Study, selection: str) -> list[int]:
    """The battles of a selection, by id. Raises ScorerError where there is none."""
    battles = list(battles_with_words(study).values_list("pk", flat=True))
    if selection == UNLABELLED:
        labelled = set(labelled_battles(study))
        battles = [battle for battle in battles if battle not in labelled]
    if not battles:
        words = _("There are no %(selection)s.")
        raise ScorerError(words % {"selection": _(SELECTIONS[selection])})
    return battles


@dataclass(frozen=True)
class Said:
    """What a scorer says of battles (V,): P(A), P(tie) and P(B) (V, 3), by dimension's id."""

    battles: tuple[int, ...]
    probabilities: Mapping[int, FloatArray]


def score_battles(scorer: Scorer, study: Study, battles: Sequence[int]) -> Said:
    """Score battles by id, each by the models that have not seen what it is about.

    A battle whose words are gone meanwhile is left out. Nobody is asked for embeddings: a scorer
    that needs them says what it said in its runs, and of other battles nothing. Raises ScorerError
    where it has no run, or the study's groups are others than the scorer knows.
    """
    if scorer.embedded is None:
        return _score_battles(scorer, study, battles, None)
    return _said_before(scorer, study, battles)


def _score_battles(
    scorer: Scorer, study: Study, battles: Sequence[int], embedder: Embedder | None
) -> Said:
    known = {(each.group.axis.key, each.group.key): each for each in groups_of(study)}
    try:
        groups = [(each, known[each.axis, each.key]) for each in scorer.card.groups]
    except KeyError as error:
        raise ScorerError(
            _("The study's groups are others than those the scorer knows.")
        ) from error
    dimensions = dict(study.dimensions.filter(key__in=scorer.models).values_list("pk", "key"))
    by_task = scorer.card.by_task
    ids: list[int] = []
    rows: dict[int, list[FloatArray]] = {pk: [np.zeros((0, 3))] for pk in dimensions}
    for start in range(0, len(battles), CHUNK):
        chunk = battles[start : start + CHUNK]
        talks = list(read_talks(study, chunk, by_task=by_task, embedder=embedder))
        ids += [each.battle.pk for each in talks]
        for pk, key in dimensions.items():
            rows[pk].append(_score(scorer, key, talks, groups))
    return Said(tuple(ids), {pk: np.concatenate(parts) for pk, parts in rows.items()})


def _score(scorer: Scorer, dimension: str, talks: Sequence[Talk], groups: Groups) -> FloatArray:
    said, inside = np.zeros((len(talks), len(OUTCOME_OF))), members_of(talks, groups)
    fold = np.array([fold_of(each.block, seed=scorer.card.seed) for each in talks], np.int64)
    for k, model in enumerate(scorer.models[dimension].folds):
        here = np.flatnonzero(fold == k)
        if here.size:
            some = [talks[place] for place in here.tolist()]
            a, b = [each.a for each in some], [each.b for each in some]
            said[here] = model.probabilities(model.advantage(a, b, inside[here]))
    return said


def _said_before(scorer: Scorer, study: Study, battles: Sequence[int]) -> Said:
    """What the scorer has said of battles in its runs: each time the same."""
    said = JudgeVerdict.objects.filter(
        judgement__run__study=study, judgement__run__judge=_judge_of(scorer, study)
    )
    if not said.exists():
        raise ScorerError(
            _(
                "The scorer needs embeddings of replies, and only a run asks for them: let it "
                "rate all battles first."
            )
        )
    rows = (
        said.filter(judgement__battle__in=battles)
        .order_by()
        .values_list("judgement__battle", "dimension", "p_a", "p_tie", "p_b")
    )
    found: defaultdict[int, dict[int, list[float | None]]] = defaultdict(dict)
    for battle, dimension, *chances in rows:
        found[battle][dimension] = chances
    dimensions = sorted({dimension for each in found.values() for dimension in each})
    known = [battle for battle in battles if battle in found]
    return Said(
        tuple(known),
        {pk: np.array([found[battle][pk] for battle in known], float) for pk in dimensions},
    )


@transaction.atomic
def _record(
    scorer: Scorer,
    study: Study,
    said: Said,
    *,
    selection: str,
    at: datetime,
) -> JudgeRun:
    """Store what a scorer says as a finished run of a judge; the same scorer is the same judge."""
    # Two that start at once would get the same number.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    last = study.judge_runs.aggregate(last=Max("number"))["last"]
    run = JudgeRun.objects.create(
        study=study,
        judge=_judge_of(scorer, study) or _new_judge(scorer, study, at=at),
        number=(last or 0) + 1,
        state=JudgeRun.State.FINISHED,
        selection=selection,
        seed=scorer.card.seed,
        started_at=at,
        ended_at=at,
    )
    state = Judgement.State.FINISHED
    Judgement.objects.bulk_create(
        (
            Judgement(run=run, battle_id=battle, state=state, due_at=at, finished_at=at)
            for battle in said.battles
        ),
        batch_size=BATCH,
    )
    ids = dict(run.judgements.values_list("battle_id", "pk"))
    JudgeVerdict.objects.bulk_create(
        (
            _verdict(ids[battle], dimension, row, at=at)
            for dimension, rows in said.probabilities.items()
            for battle, row in zip(said.battles, rows, strict=True)
        ),
        batch_size=BATCH,
    )
    return run


def _judge_of(scorer: Scorer, study: Study) -> Judge | None:
    """The judge that this scorer was registered as with its first run."""
    name, settings = _registered(scorer, study)
    return Judge.objects.filter(name=name, protocol=Judge.SCORER, settings=settings).first()


def _new_judge(scorer: Scorer, study: Study, *, at: datetime) -> Judge:
    name, settings = _registered(scorer, study)
    return next_version(name, protocol=Judge.SCORER, settings=settings, at=at)


def _registered(scorer: Scorer, study: Study) -> tuple[str, dict[str, str]]:
    settings = {"digest": scorer.digest, "trained_at": scorer.card.trained_at.isoformat()}
    return f"Scorer of {study.slug}", settings


def _verdict(judgement: int, dimension: int, row: FloatArray, *, at: datetime) -> JudgeVerdict:
    p_a, p_tie, p_b = row.tolist()
    return JudgeVerdict(
        judgement_id=judgement,
        dimension_id=dimension,
        outcome=OUTCOME_OF[int(row.argmax())],
        certainty=max(p_a, p_tie, p_b),
        p_a=p_a,
        p_tie=p_tie,
        p_b=p_b,
        # By the form of the model.
        orders_agree=True,
        recorded_at=at,
    )
