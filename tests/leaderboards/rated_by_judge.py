"""What a judge scored in a study that rates one model at a time."""

from collections.abc import Callable, Mapping
from typing import Any

from raters.models import Battle, Judge, Judgement, JudgeRun, JudgeVerdict
from raters.services.judge_runs import next_version
from studies.models import Study
from tests.cast import NOW

# Of a battle and a dimension's key, what the judge scores each time that it is asked.
Scored = Callable[[Battle, str], list[float]]


def scored_run(
    study: Study,
    scored: Scored,
    *,
    name: str = "Owl",
    developer: str = "Copse",
    settings: Mapping[str, Any] | None = None,
) -> JudgeRun:
    """A finished run that has scored every battle on every dimension, as `scored` says.

    No score at all is an abstention.
    """
    judge = next_version(
        name,
        protocol=Judge.IMPORTED,
        settings={"developer": developer, **(settings or {})},
        at=NOW,
    )
    run = JudgeRun.objects.create(
        study=study, judge=judge, number=1, state="finished", started_at=NOW, ended_at=NOW
    )
    battles = list(Battle.objects.filter(participation__study=study).order_by("pk"))
    judgements = Judgement.objects.bulk_create(
        Judgement(run=run, battle=battle, state="finished", due_at=NOW, finished_at=NOW)
        for battle in battles
    )
    JudgeVerdict.objects.bulk_create(
        _verdict(judgement, dimension.pk, scored(battle, dimension.key))
        for judgement, battle in zip(judgements, battles, strict=True)
        for dimension in study.dimensions.all()
    )
    return run


def _verdict(judgement: Judgement, dimension: int, scores: list[float]) -> JudgeVerdict:
    return JudgeVerdict(
        judgement=judgement,
        dimension_id=dimension,
        score_a=sum(scores) / len(scores) if scores else None,
        samples=[
            {"key": f"side:a/sample:{n}", "side": "a", "score": score}
            for n, score in enumerate(scores, start=1)
        ],
        recorded_at=NOW,
    )
