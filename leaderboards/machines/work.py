"""What any report on a run says of it: its work, its canaries, and both boards side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Sum

from leaderboards.errors import BoardError, NothingToRankError
from leaderboards.machines.boards import rank_judge
from leaderboards.machines.documents import Place, Standing
from leaderboards.ranking.boards import BoardInput, BoardParameters, Scope, Section, rank_board
from leaderboards.ranking.errors import RankingError
from leaderboards.verdicts import Frame
from raters.models import Judgement, JudgeRun
from raters.services.judge_runs import lost_canaries
from studies.models import Dimension


@dataclass(frozen=True)
class Work:
    """How many conversations could not be judged, and how many answers said nothing."""

    failed: int
    unreadable: int


def work_of(run: JudgeRun) -> Work:
    """Count what went wrong in a run, canaries aside."""
    work = run.judgements.filter(battle__isnull=False)
    return Work(
        failed=work.filter(state=Judgement.State.FAILED).count(),
        unreadable=work.aggregate(n=Sum("unreadable"))["n"] or 0,
    )


def canaries_of(run: JudgeRun) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each canary that was judged did not win, (C,)."""
    shown = run.judgements.exclude(canary="").filter(state=Judgement.State.FINISHED)
    lost = set(lost_canaries(run))
    return np.array([key not in lost for key in shown.values_list("canary", flat=True)], bool)


def standings_of(
    frame: Frame,
    run: JudgeRun,
    dimension: Dimension,
    people: BoardInput,
    parameters: BoardParameters,
) -> tuple[tuple[Standing, ...], str]:
    """Both boards on a dimension side by side for everybody, or why there is none.

    They are in the order of people's, which is ranked from `people` by the same engine.
    """
    try:
        of_people = _places(rank_board(people, parameters))
        of_judge = _places(rank_judge(run, dimension, parameters, frame=frame)[1])
    except (BoardError, RankingError) as error:
        return (), str(error)
    both = [
        Standing(each.slug, of_people.get(k), of_judge.get(k))
        for k, each in enumerate(frame.contestants)
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
