"""Computes the reports on people and machine: of a run on one dimension, and on all together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.comparison.domains import compare_domains
from leaderboards.comparison.orders import RESAMPLES
from leaderboards.comparison.report_card import Setting, report_card
from leaderboards.errors import BoardError, NothingToRankError
from leaderboards.facts import as_json
from leaderboards.machines.documents import Machine, Order, Reliability, Standing
from leaderboards.machines.rated_reports import compare_rated_on, rated_card_of
from leaderboards.machines.reading import read_sheet
from leaderboards.machines.runs import counting_runs, developer_of, runs_beside
from leaderboards.machines.scenarios import domains_of, groups_of, scenarios_of
from leaderboards.machines.work import canaries_of, standings_of, work_of
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.ranking.errors import RankingError
from leaderboards.reports import Json
from leaderboards.services.tuning import learned_from
from leaderboards.verdicts import Frame, read_board_input
from raters.models import JudgeRun
from studies.models import Dimension, Study

# As many gaps are kept; the rest lie nearer to none.
MOST_GAPS: Final = 500


def comparison_subject(run: JudgeRun, dimension: Dimension) -> str:
    """The subject of the kind `comparison`: a run's number and a dimension's key."""
    return f"{run.number}:{dimension.key}"


def card_subject(run: JudgeRun) -> str:
    """The subject of the kind `report_card`: a run's number."""
    return str(run.number)


def report_comparison(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `comparison`. Raises NothingToRankError for no such subject."""
    number, _colon, key = subject.partition(":")
    dimension = study.dimensions.filter(key=key).first()
    if dimension is None:
        raise NothingToRankError(
            _("The study %(study)s has no dimension “%(dimension)s”.")
            % {"study": study.slug, "dimension": key}
        )
    is_single = study.protocol == Study.Protocol.SINGLE
    compare = compare_rated_on if is_single else compare_on
    return as_json(compare(_run(study, number), dimension, at=at))


def report_report_card(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `report_card`. Raises NothingToRankError as above."""
    card = rated_card_of if study.protocol == Study.Protocol.SINGLE else card_of
    return as_json(card(_run(study, subject), at=at))


def compare_on(
    run: JudgeRun, dimension: Dimension, *, at: datetime, resamples: int = RESAMPLES
) -> Machine:
    """A run beside people on one dimension. Raises NothingToRankError if nothing is shared."""
    frame = Frame.of(run.study)
    return _machine(frame, run, [dimension], at=at, resamples=resamples)


def card_of(run: JudgeRun, *, at: datetime, resamples: int = RESAMPLES) -> Machine:
    """A run beside people on all dimensions together. Raises NothingToRankError as above."""
    frame = Frame.of(run.study)
    return _machine(frame, run, frame.dimensions, at=at, resamples=resamples)


def _run(study: Study, number: str) -> JudgeRun:
    is_number = number.isascii() and number.isdigit()
    run = counting_runs(study).filter(number=int(number)).first() if is_number else None
    if run is None:
        raise NothingToRankError(
            _("The study %(study)s has no run %(run)s that counts.")
            % {"study": study.slug, "run": number}
        )
    return run


def _machine(
    frame: Frame,
    run: JudgeRun,
    dimensions: Sequence[Dimension],
    *,
    at: datetime,
    resamples: int,
) -> Machine:
    # All is of the same conversations: else what was asked would be in every difference.
    read = read_sheet(frame, run, dimensions, beside=runs_beside(run))
    sheet = read.shared(without=learned_from(run.judge, run.study))
    learned = len(np.unique(read.shared().battle)) - len(np.unique(sheet.battle))
    if not len(sheet.items):
        words = (
            _(
                "%(run)s has judged no conversation of which a verdict of people counts but for "
                "those it was tuned on."
            )
            if learned
            else _("%(run)s has judged no conversation of which a verdict of people counts.")
        )
        raise NothingToRankError(words % {"run": run})
    developer = developer_of(run.judge)
    card = report_card(
        sheet.items,
        sheet.votes,
        sheet.judged,
        Setting(
            developers=[each.chat_model.developer for each in frame.contestants],
            judge_developer=developer,
            groups=groups_of(sheet),
            scenarios=scenarios_of(sheet),
            canaries=canaries_of(run),
            others=sheet.others,
        ),
        resamples=resamples,
    )
    standings, refusal = _standings(frame, run, dimensions)
    work = work_of(run)
    return Machine(
        judge=str(run.judge),
        run=run.number,
        dimension=dimensions[0].key if len(dimensions) == 1 else "",
        computed_at=at,
        verdicts=sheet.verdicts,
        abstained=sheet.abstained,
        failed=work.failed,
        unreadable=work.unreadable,
        learned_from=learned,
        contestants=sheet.items.contestants,
        agreement=card.agreement,
        order=Order(card.orders.spearman, card.orders.kendall, card.orders.ceiling),
        position=card.biases.position if sheet.has_orders else None,
        length=card.biases.length,
        family=card.biases.family,
        developer=developer,
        consistency=card.consistency,
        certainty=card.certainty,
        reliability=Reliability(
            card.reliability.curve,
            card.reliability.area,
            card.reliability.brier_gain,
            card.reliability.n,
        ),
        mirrors=card.similarities.mirrors,
        domains=compare_domains(sheet.items, sheet.votes, sheet.judged, domains_of(sheet)),
        gaps=card.gaps[:MOST_GAPS],
        gaps_found=len(card.gaps),
        canaries=card.canaries,
        price=card.price,
        standings=standings,
        refusal=refusal,
    )


def _standings(
    frame: Frame, run: JudgeRun, dimensions: Sequence[Dimension]
) -> tuple[tuple[Standing, ...], str]:
    """Both boards side by side for everybody, or why there is none."""
    if len(dimensions) > 1:
        return (), ""
    parameters = BoardParameters(engine=Engine.DAVIDSON)
    try:
        given = read_board_input(frame, parameters.engine, dimensions=[dimensions[0].key])
    except (BoardError, RankingError) as error:
        return (), str(error)
    return standings_of(frame, run, dimensions[0], given, parameters)
