"""What a judge that labels has said of a study's battles, without asking one."""

from collections.abc import Callable

from raters.judging.labels import of_conversation, of_sides
from raters.models import Battle, JudgeLabel, Judgement, JudgeRun
from raters.services.judge_runs import add_judge
from studies.models import ChatModel, Study
from tests.cast import NOW

# What is said of a battle's conversation or side, by label; what is left out is unclear.
Says = Callable[[Battle, str], dict[str, str]]


def make_labels(
    study: Study, says: Says, *, state: str = JudgeRun.State.FINISHED, name: str = "Finch"
) -> JudgeRun:
    """A run over all battles of a study in which `says` was said of each."""
    model = ChatModel.objects.create(name=name, base_url="bot:judge", model_id=name)
    judge = add_judge(name=name, protocol="labels", settings={}, chat_models=[model], at=NOW)
    has_ended = state not in (JudgeRun.State.RUNNING, JudgeRun.State.PAUSED)
    run = JudgeRun.objects.create(
        judge=judge,
        study=study,
        number=study.judge_runs.count() + 1,
        state=state,
        reason="A canary won." if state == JudgeRun.State.FAILED else "",
        started_at=NOW,
        ended_at=NOW if has_ended else None,
    )
    battles = list(Battle.objects.filter(participation__study=study).order_by("pk"))
    judgements = Judgement.objects.bulk_create(
        Judgement(run=run, battle=battle, due_at=NOW, state="finished", finished_at=NOW)
        for battle in battles
    )
    JudgeLabel.objects.bulk_create(
        JudgeLabel(
            judgement=judgement,
            key=spec.key,
            side=side,
            value=says(battle, side).get(spec.key, "unclear"),
        )
        for judgement, battle in zip(judgements, battles, strict=True)
        for specs, sides in ((of_conversation(), ("",)), (of_sides(), ("a", "b")))
        for spec in specs
        for side in sides
    )
    return run
