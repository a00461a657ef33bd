"""Which runs of judges count, and whose they are."""

from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from raters.models import Judge, JudgeRun, JudgeVerdict
from studies.models import Study

# A run whose canary won has failed: none of its verdicts counts. One that was cancelled, or is
# under way, counts as far as it came.
COUNTING: Final = (
    JudgeRun.State.RUNNING,
    JudgeRun.State.PAUSED,
    JudgeRun.State.FINISHED,
    JudgeRun.State.CANCELLED,
)
# So many other judges are asked what they think of what a judge says.
MOST_BESIDE: Final = 3
# Those of which nothing more is to come.
ENDED: Final = (JudgeRun.State.FINISHED, JudgeRun.State.CANCELLED)


def runs_of(study: Study) -> QuerySet[JudgeRun]:
    """A study's runs that judge, the newest first, failed ones among them."""
    return study.judge_runs.judging().select_related("judge").order_by("-number")


def counting_runs(study: Study) -> QuerySet[JudgeRun]:
    """The runs whose verdicts count, as far as there are any."""
    said = JudgeVerdict.objects.filter(
        judgement__run=OuterRef("pk"), judgement__battle__isnull=False
    )
    return runs_of(study).filter(Exists(said), state__in=COUNTING)


def developer_of(judge: Judge) -> str:
    """Who made the judge's chat models; empty if that is not known, or if they are of several."""
    if judge.protocol == Judge.IMPORTED:
        return str(judge.settings.get("developer", ""))
    developers = set(judge.members.values_list("chat_model__developer", flat=True))
    return developers.pop() if len(developers) == 1 else ""


def runs_beside(run: JudgeRun) -> tuple[JudgeRun, ...]:
    """The newest counting run of each other judge of the study, as many as are looked at.

    Versions of one judge are one: what it says again is no second opinion.
    """
    newest: dict[str, JudgeRun] = {}
    for each in counting_runs(run.study).exclude(judge__name=run.judge.name):
        newest.setdefault(each.judge.name, each)
    return tuple(newest.values())[:MOST_BESIDE]
