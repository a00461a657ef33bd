"""A judge's board: its verdicts ranked by the engines that rank people's. It is never published."""

from dataclasses import replace
from typing import Final

import numpy as np
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from leaderboards.comparison.rated import JUDGES_SCALE, PEOPLES_SCALE
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.machines.runs import counting_runs
from leaderboards.ranking.boards import BoardInput, BoardParameters, Engine, Section, rank_board
from leaderboards.ratings import rating_input
from leaderboards.verdicts import OUTCOME_CODE, Frame, dimension_input, fetched, indexed
from raters.models import JudgeRun, JudgeVerdict
from studies.models import Dimension, Study

# Raters of studies without an electorate are in no cell.
CELL: Final = Coalesce("judgement__battle__participation__cell_id", Value(0))
ROW: Final = (CELL, "judgement__battle__side_a_id", "judgement__battle__side_b_id")
SCORED: Final = ("judgement__battle__participation_id", CELL, "judgement__battle__side_a_id")
# The engine adds up whole numbers, and a judge's scores need not be: so it is given hundredths.
PARTS: Final = 100


def run_named(study: Study, named: str) -> JudgeRun:
    """The run that `NAME` or `NAME:RUN` means: a judge's newest of the study that counts.

    Raises NothingToRankError where there is none.
    """
    name, colon, number = named.rpartition(":")
    runs = counting_runs(study)
    found = None
    if colon and number.isascii() and number.isdigit():
        found = runs.filter(judge__name=name, number=int(number)).first()
    # A name may hold a colon itself.
    found = found or runs.filter(judge__name=named).first()
    if found is None:
        known = ", ".join(f"{run.judge.name}:{run.number}" for run in runs) or _("none")
        raise NothingToRankError(
            _(
                'The study %(study)s has no verdict of a judge "%(judge)s" that counts; it has: '
                "%(known)s."
            )
            % {"study": study.slug, "judge": named, "known": known}
        )
    return found


def rank_run(
    run: JudgeRun, parameters: BoardParameters, *, dimension: str
) -> tuple[BoardInput, tuple[Section, ...]]:
    """Rank by a run on the dimension of this key. Raises what `rank_judge` does."""
    frame = Frame.of(run.study)
    for known in frame.dimensions:
        if known.key == dimension:
            return rank_judge(run, known, parameters, frame=frame)
    raise NothingToRankError(
        _('The study %(study)s has no dimension "%(dimension)s".')
        % {"study": run.study.slug, "dimension": dimension}
    )


def rank_judge(
    run: JudgeRun, dimension: Dimension, parameters: BoardParameters, *, frame: Frame | None = None
) -> tuple[BoardInput, tuple[Section, ...]]:
    """Rank the contestants by a run's verdicts on a dimension, for the electorate and each group.

    A conversation belongs to the groups of the rater whose it was; abstentions are left out. Raises
    NothingToRankError without verdicts, WrongEngineError for an engine that does not rank what the
    study's raters are asked for: pairs, or one contestant at a time.
    """
    frame = frame or Frame.of(run.study)
    is_single = run.study.protocol == Study.Protocol.SINGLE
    if is_single != (parameters.engine is Engine.RATINGS):
        words = (
            _("A judge's scores of one side can't be ranked by %(engine)s.")
            if is_single
            else _("A judge's verdicts of pairs can't be ranked by %(engine)s.")
        )
        raise WrongEngineError(words % {"engine": parameters.engine})
    if is_single:
        return _rank_scores(frame, run, dimension, parameters)
    said = JudgeVerdict.objects.filter(
        judgement__run=run, dimension=dimension, judgement__battle__side_b__isnull=False
    ).exclude(outcome="")
    ordered = said.order_by("recorded_at", "pk").values_list(*ROW, OUTCOME_CODE)
    rows = fetched(ordered, width=4)
    if not rows.shape[1]:
        raise _said_nothing(run, dimension)
    verdicts = indexed(
        frame,
        np.vstack([np.full(rows.shape[1], dimension.pk), rows, np.ones(rows.shape[1], np.int64)]),
    )
    # One rater, who has judged in each group that any of the conversations is of.
    raters = np.zeros(1 + len(frame.groups), np.int64)
    for tournament in frame.tournaments_of(verdicts.cell):
        raters[tournament] = 1
    given = BoardInput(
        contestants=tuple(contestant.slug for contestant in frame.contestants),
        groups=frame.group_shares,
        cells=frame.cells,
        dimensions=(
            dimension_input(
                frame,
                dimension,
                verdicts,
                raters,
                reads_order=parameters.engine is Engine.TRUESKILL,
            ),
        ),
    )
    return given, rank_board(given, parameters)


def _said_nothing(run: JudgeRun, dimension: Dimension) -> NothingToRankError:
    words = _("%(run)s has said nothing on %(dimension)s.")
    return NothingToRankError(words % {"run": run, "dimension": dimension.name})


def _rank_scores(
    frame: Frame, run: JudgeRun, dimension: Dimension, parameters: BoardParameters
) -> tuple[BoardInput, tuple[Section, ...]]:
    """Rank by a run's scores of single conversations, put on people's scale.

    Conversations of one rater count as one rater's: what her way of talking does to the judge's
    scores of them is theirs in common.
    """
    said = JudgeVerdict.objects.filter(
        judgement__run=run, dimension=dimension, judgement__battle__side_b__isnull=True
    ).exclude(Q(score_a=None) | Q(judgement__battle=None))
    rows = list(said.order_by().values_list(*SCORED, "score_a"))
    if not rows:
        raise _said_nothing(run, dimension)
    columns = np.array(rows, float).T
    scores = JUDGES_SCALE.onto(PEOPLES_SCALE, columns[3]) * PARTS
    whole = np.vstack([columns[:3], scores.round()]).astype(np.int64)
    given = BoardInput(
        contestants=tuple(contestant.slug for contestant in frame.contestants),
        groups=frame.group_shares,
        cells=frame.cells,
        dimensions=(rating_input(frame, dimension, whole),),
    )
    prior = parameters.ratings
    fine = replace(prior, lowest=prior.lowest * PARTS, highest=prior.highest * PARTS)
    sections = rank_board(given, replace(parameters, ratings=fine))
    return given, tuple(_in_points(section) for section in sections)


def _in_points(section: Section) -> Section:
    """A section that was ranked in hundredths; all numbers of its fit are in points."""
    summary = section.summary
    points = ("mean", "sd", "low", "high")
    return replace(
        section,
        fit={name: value / PARTS for name, value in section.fit.items()},
        summary=summary
        and replace(summary, **{name: getattr(summary, name) / PARTS for name in points}),
    )
