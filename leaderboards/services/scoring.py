"""Trains a study's own preference scorer, and lets it rate battles as one more machine.

Scorers are cross-fitted: a conversation is only ever scored by the one that was trained without
the fold it lies in, whether its rater's verdict was there to be learned from or not. So what the
scorer says of a battle never repeats what its rater said of it.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Max

from leaderboards.conversations import CHUNK, battles_with_words, read_conversations
from leaderboards.exclusions import read_left_out
from leaderboards.facts import as_json
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray
from leaderboards.reports import SCORER, Json
from leaderboards.scorer.comparisons import BoolArray, Comparisons
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import FOLDS, cross_fit
from leaderboards.scorer.features import Measured, measure
from leaderboards.scorer.training import FEWEST_BLOCKS, require_scikit_learn, train
from leaderboards.scorer_card import (
    DimensionCard,
    DimensionModels,
    Scorer,
    ScorerCard,
    ScorerGroup,
    read_scorer,
    write_scorer,
)
from leaderboards.services.reports import latest_report
from raters.grouping import LEAST_RATERS, Members, groups_of
from raters.judging.cases import Exchange
from raters.models import Battle, Judge, Judgement, JudgeRun, JudgeVerdict, Outcome, Verdict
from raters.services.judge_runs import next_version
from studies.models import Dimension, Study

SEED: Final = 0
# Of more battles than this a sample is learned from: one dimension of so many takes a minute, and
# a worker that takes too long is taken for dead.
MOST_BATTLES: Final = 5_000
BATCH: Final = 1_000
# Subjects of reports of the kind `scoring`, with what is said of their runs.
ALL, UNLABELLED = "", "unlabelled"
SELECTIONS: Final = {
    ALL: "all battles whose words are there",
    UNLABELLED: "battles without a verdict that counts",
}
OUTCOME_OF: Final = {A_WINS: Outcome.A, TIE: Outcome.TIE, B_WINS: Outcome.B}
CODE_OF: Final = {outcome.value: code for code, outcome in OUTCOME_OF.items()}
UNTRAINED: Final = "There is no scorer of this study yet: train one first."


@dataclass(frozen=True)
class ScoredRun:
    """What a report of the kind `scoring` says: the judge's run, and how many battles it rated."""

    run: int
    judge: str
    battles: int
    scored_at: datetime


@dataclass(frozen=True)
class _Talk:
    """A battle as a scorer sees it: both sides measured, and what it is about."""

    battle: Battle
    a: Measured
    b: Measured
    block: str


# Training


def report_scorer(study: Study, subject: str, at: datetime) -> Json:
    """Train a report of the kind `scorer`, on one dimension (its key) or on all of them.

    Raises ScorerError where no dimension has enough verdicts, and without scikit-learn.
    """
    require_scikit_learn()
    dimensions = study.dimensions.order_by("position", "key")
    if subject:
        dimensions = dimensions.filter(key=subject)
    labelled = _labelled(study)
    by_task = _is_by_task(study, labelled)
    talks = _read_talks(study, _sampled(labelled), by_task=by_task)
    if not talks:
        raise ScorerError("No conversation is there whose rater gave a verdict that counts.")
    groups = _groups_of(study, [each.battle for each in talks])
    cards, models = [], {}
    for dimension in dimensions:
        of_dimension, fitted = _train_dimension(dimension, talks, groups)
        cards.append(of_dimension)
        if fitted is not None:
            models[dimension.key] = fitted
    if not models:
        raise ScorerError(cards[0].refusal if cards else "The study has no such dimension.")
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
        contestants=tuple(sorted(str(each) for each in study.contestants.all())),
        exclusions=tuple(dict.fromkeys(each.words for each in read_left_out(study))),
        groups=tuple(shown for shown, _ in groups),
        dimensions=tuple(cards),
    )
    return write_scorer(card, models)


def fold_of(block: str, *, seed: int) -> int:
    """The fold of whatever conversations are about: known of any, without a list of them."""
    return zlib.crc32(f"{seed} {block}".encode()) % FOLDS


Groups = Sequence[tuple[ScorerGroup, Members]]


def _labelled(study: Study) -> list[int]:
    """Battles whose words are there and that a verdict counts of."""
    counting = Verdict.objects.counting(study).order_by().values("battle")
    return list(battles_with_words(study).filter(pk__in=counting).values_list("pk", flat=True))


def _sampled(battles: Sequence[int]) -> list[int]:
    if len(battles) <= MOST_BATTLES:
        return list(battles)
    drawn = np.random.default_rng(SEED).choice(len(battles), MOST_BATTLES, replace=False)
    return [battles[place] for place in sorted(drawn.tolist())]


def _is_by_task(study: Study, battles: Sequence[int]) -> bool:
    """Whether all these battles are on tasks, and on enough of them to be parted by."""
    if study.tasks.count() < FEWEST_BLOCKS + FOLDS:
        return False
    return not battles_with_words(study).filter(pk__in=battles, task=None).exists()


def _read_talks(study: Study, battles: Sequence[int], *, by_task: bool) -> list[_Talk]:
    return [
        _Talk(
            battle,
            measure_side(exchanges, 0),
            measure_side(exchanges, 1),
            _block_of(battle, exchanges, by_task=by_task),
        )
        for battle, exchanges in read_conversations(study, battles)
    ]


def measure_side(exchanges: Sequence[Exchange], side: int) -> Measured:
    """Measure what side 0 (A) or 1 (B) replied to the rater's messages."""
    return measure([each.message for each in exchanges], [each.replies[side] for each in exchanges])


def _block_of(battle: Battle, exchanges: Sequence[Exchange], *, by_task: bool) -> str:
    if by_task and battle.task_id is not None:
        return f"task {battle.task_id}"
    return " ".join(exchanges[0].message.split()).casefold()


def _groups_of(study: Study, battles: Sequence[Battle]) -> list[tuple[ScorerGroup, Members]]:
    """The groups with enough raters here that they, and not one of them, are told apart."""
    cell_of = {each.participation_id: each.participation.cell_id for each in battles}
    found = []
    for members in groups_of(study):
        raters = sum(cell in members.cells for cell in cell_of.values())
        if raters >= LEAST_RATERS:
            group = members.group
            found.append((ScorerGroup(group.axis.key, group.key, group.name, raters), members))
    return found


def _train_dimension(
    dimension: Dimension, talks: Sequence[_Talk], groups: Groups
) -> tuple[DimensionCard, DimensionModels | None]:
    """A dimension's card and scorers; None where there are too few verdicts, and why."""
    given, kept = _comparisons(dimension, talks, groups)
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


def _comparisons(
    dimension: Dimension, talks: Sequence[_Talk], groups: Groups
) -> tuple[Comparisons, list[_Talk]]:
    """The dimension's verdicts that count on these battles, and the battle of each."""
    counting = Verdict.objects.counting(dimension.study).filter(dimension=dimension)
    outcome_of = dict(counting.order_by().values_list("battle_id", "outcome"))
    kept = [each for each in talks if each.battle.pk in outcome_of]
    blocks = {block: place for place, block in enumerate({each.block: None for each in kept})}
    contestants = [(each.battle.side_a_id, each.battle.side_b_id) for each in kept]
    sides = np.arange(2 * len(kept)).reshape(-1, 2)
    given = Comparisons.of(
        [side for each in kept for side in (each.a, each.b)],
        a=sides[:, 0],
        b=sides[:, 1],
        outcome=np.array([CODE_OF[outcome_of[each.battle.pk]] for each in kept], np.int64),
        block=np.array([blocks[each.block] for each in kept], np.int64),
        contestants=np.array(contestants, np.int64).reshape(-1, 2),
        groups=_members(kept, groups),
    )
    return given, kept


def _members(talks: Sequence[_Talk], groups: Groups) -> BoolArray:
    """Whether each battle's rater is in each group, (V, G)."""
    cells = [each.battle.participation.cell_id for each in talks]
    inside = [[cell in members.cells for _, members in groups] for cell in cells]
    return np.array(inside, bool).reshape(len(talks), len(groups))


# Predicting


def scorer_of(study: Study) -> Scorer:
    """The study's newest scorer. Raises ScorerError where there is none, or earlier code's."""
    report = latest_report(study, SCORER)
    if report is None or report.document is None:
        raise ScorerError(UNTRAINED)
    return read_scorer(report.document)


def report_scoring(study: Study, subject: str, at: datetime) -> Json:
    """Let the study's scorer rate its battles: a report of the kind `scoring`.

    The subject is ALL or UNLABELLED. Raises ScorerError without a scorer, or without a battle.
    """
    scorer = scorer_of(study)
    battles = list(battles_with_words(study).values_list("pk", flat=True))
    if subject == UNLABELLED:
        labelled = set(_labelled(study))
        battles = [battle for battle in battles if battle not in labelled]
    if not battles:
        raise ScorerError(f"There are no {SELECTIONS[subject]}.")
    said = score_battles(scorer, study, battles)
    run = _record(scorer, study, said, selection=SELECTIONS[subject], at=at)
    return as_json(ScoredRun(run.pk, str(run.judge), len(said.battles), at))


@dataclass(frozen=True)
class Said:
    """What a scorer says of battles (V,): P(A), P(tie) and P(B) (V, 3), by dimension's id."""

    battles: tuple[int, ...]
    probabilities: Mapping[int, FloatArray]


def score_battles(scorer: Scorer, study: Study, battles: Sequence[int]) -> Said:
    """Score battles by id, each by the models that have not seen what it is about.

    A battle whose words are gone meanwhile is left out. Raises ScorerError where the study's
    groups are others than the scorer knows.
    """
    known = {(each.group.axis.key, each.group.key): each for each in groups_of(study)}
    try:
        groups = [(each, known[each.axis, each.key]) for each in scorer.card.groups]
    except KeyError as error:
        raise ScorerError("The study's groups are others than those the scorer knows.") from error
    dimensions = dict(study.dimensions.filter(key__in=scorer.models).values_list("pk", "key"))
    ids: list[int] = []
    rows: dict[int, list[FloatArray]] = {pk: [np.zeros((0, 3))] for pk in dimensions}
    for start in range(0, len(battles), CHUNK):
        chunk = battles[start : start + CHUNK]
        talks = _read_talks(study, chunk, by_task=scorer.card.by_task)
        ids += [each.battle.pk for each in talks]
        for pk, key in dimensions.items():
            rows[pk].append(_score(scorer, key, talks, _members(talks, groups)))
    return Said(tuple(ids), {pk: np.concatenate(parts) for pk, parts in rows.items()})


def _score(scorer: Scorer, dimension: str, talks: Sequence[_Talk], inside: BoolArray) -> FloatArray:
    said = np.zeros((len(talks), len(OUTCOME_OF)))
    fold = np.array([fold_of(each.block, seed=scorer.card.seed) for each in talks], np.int64)
    for k, model in enumerate(scorer.models[dimension].folds):
        here = np.flatnonzero(fold == k)
        if here.size:
            some = [talks[place] for place in here.tolist()]
            a, b = [each.a for each in some], [each.b for each in some]
            said[here] = model.probabilities(model.advantage(a, b, inside[here]))
    return said


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
        judge=_judge_of(scorer, study, at=at),
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


def _judge_of(scorer: Scorer, study: Study, *, at: datetime) -> Judge:
    name = f"Scorer of {study.slug}"
    settings = {"digest": scorer.digest, "trained_at": scorer.card.trained_at.isoformat()}
    same = Judge.objects.filter(name=name, protocol=Judge.SCORER, settings=settings).first()
    return same or next_version(name, protocol=Judge.SCORER, settings=settings, at=at)


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
