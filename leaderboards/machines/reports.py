"""Computes the reports on people and machine: of a run on one dimension, and on all together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from django.db.models import Sum

from leaderboards.comparison.domains import compare_domains
from leaderboards.comparison.orders import RESAMPLES
from leaderboards.comparison.report_card import Setting, report_card
from leaderboards.errors import BoardError, NothingToRankError
from leaderboards.facts import as_json
from leaderboards.machines.boards import rank_judge
from leaderboards.machines.documents import Machine, Order, Place, Reliability, Standing
from leaderboards.machines.reading import read_sheet
from leaderboards.machines.runs import counting_runs, developer_of
from leaderboards.machines.scenarios import domains_of, groups_of, scenarios_of
from leaderboards.ranking.boards import BoardParameters, Engine, Scope, Section, rank_board
from leaderboards.ranking.errors import RankingError
from leaderboards.reports import Json
from leaderboards.verdicts import Frame, read_board_input
from raters.models import Judgement, JudgeRun
from raters.services.judge_runs import lost_canaries
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
    number, _, key = subject.partition(":")
    dimension = study.dimensions.filter(key=key).first()
    if dimension is None:
        raise NothingToRankError(f"The study {study.slug} has no dimension “{key}”.")
    return as_json(compare_on(_run(study, number), dimension, at=at))


def report_report_card(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `report_card`. Raises NothingToRankError as above."""
    return as_json(card_of(_run(study, subject), at=at))


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
        raise NothingToRankError(f"The study {study.slug} has no run {number} that counts.")
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
    sheet = read_sheet(frame, run, dimensions).shared()
    if not len(sheet.items):
        raise NothingToRankError(
            f"{run} has judged no conversation of which a verdict of people counts."
        )
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
            canaries=_canaries(run),
        ),
        resamples=resamples,
    )
    standings, refusal = _standings(frame, run, dimensions)
    work = run.judgements.filter(battle__isnull=False)
    return Machine(
        judge=str(run.judge),
        run=run.number,
        dimension=dimensions[0].key if len(dimensions) == 1 else "",
        computed_at=at,
        verdicts=sheet.verdicts,
        abstained=sheet.abstained,
        failed=work.filter(state=Judgement.State.FAILED).count(),
        unreadable=work.aggregate(n=Sum("unreadable"))["n"] or 0,
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


def _canaries(run: JudgeRun) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each canary that was judged did not win, (C,)."""
    shown = run.judgements.exclude(canary="").filter(state=Judgement.State.FINISHED)
    lost = set(lost_canaries(run))
    return np.array([key not in lost for key in shown.values_list("canary", flat=True)], bool)


def _standings(
    frame: Frame, run: JudgeRun, dimensions: Sequence[Dimension]
) -> tuple[tuple[Standing, ...], str]:
    """Both boards side by side for everybody, or why there is none."""
    if len(dimensions) > 1:
        return (), ""
    parameters = BoardParameters(engine=Engine.DAVIDSON)
    try:
        given = read_board_input(frame, parameters.engine, dimensions=[dimensions[0].key])
        people = _places(rank_board(given, parameters))
        judge = _places(rank_judge(run, dimensions[0], parameters, frame=frame)[1])
    except (BoardError, RankingError) as error:
        return (), str(error)
    both = [
        Standing(each.slug, people.get(k), judge.get(k)) for k, each in enumerate(frame.contestants)
    ]
    return tuple(sorted(both, key=_by_people)), ""


def _places(sections: Sequence[Section]) -> dict[int, Place]:
    """The places of the electorate's section, or of the sample's where there is no electorate."""
    section = next(each for each in sections if each.scope in {Scope.ELECTORATE, Scope.SAMPLE})
    if section.summary is None:
        raise NothingToRankError(section.record.refusal)
    summary, record = section.summary, section.record
    return {
        k: Place(
            rank=int(summary.rank[k]),
            rank_low=int(summary.rank_low[k]),
            rank_high=int(summary.rank_high[k]),
            score=float(summary.mean[k]),
            low=float(summary.low[k]),
            high=float(summary.high[k]),
            battles=int(record.battles_each[k]),
            is_provisional=bool(record.provisional[k]),
        )
        for k in range(len(summary.rank))
    }


def _by_people(standing: Standing) -> tuple[int, str]:
    return (standing.people.rank if standing.people else 10**6, standing.contestant)
