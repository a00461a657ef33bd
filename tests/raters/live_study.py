"""A study that is open to raters, for tests of their pages: bots behind names nobody may see."""

from datetime import timedelta

from django.utils import timezone

from raters.models import Reply
from raters.services.replies import make_reply
from studies.models import (
    ChatModel,
    CompletionCode,
    ConsentText,
    Dimension,
    Group,
    Quota,
    Study,
    Task,
)
from studies.services import enter_contestant
from tests.cast import make_electorate

BOTS = {"Cedar": "bot:eliza", "Maple": "bot:echo", "Rowan": "bot:helper"}
# Whatever of a model must never reach a rater.
SECRETS = ("Cedar", "Maple", "Rowan", "Timberworks", "secret-model", "bot:", "eliza")


QUESTIONS = {
    Study.Protocol.PAIRWISE: ("Which one served you better?", "Which one was clearer?"),
    Study.Protocol.SINGLE: ("How well did it serve you?", "How clear was it?"),
}


def open_study(
    slug: str = "tea",
    *,
    places: int = 10,
    min_turns: int = 1,
    battles_each: int = 2,
    protocol: Study.Protocol = Study.Protocol.PAIRWISE,
) -> Study:
    """Two axes, two dimensions, three bots, two battles a rater."""
    electorate = make_electorate(f"town-{slug}")
    study = Study.objects.create(
        slug=slug,
        title="Help around the house",
        question="Which assistant helps people best around the house?",
        task="Ask for help with something that you would really do this month.",
        protocol=protocol,
        state=Study.State.OPEN,
        is_public=True,
        electorate=electorate,
        raters_wanted=2 * places,
        battles_each=battles_each,
        min_turns=min_turns,
        max_turns=3,
        minutes_estimated=20,
        pay="3.00",
    )
    Quota.objects.bulk_create(
        Quota(study=study, group=group, target=places)
        for group in Group.objects.filter(axis__electorate=electorate)
    )
    ConsentText.objects.create(
        study=study,
        version=1,
        summary="You talk with two assistants and compare them. You may stop at any time.",
        text="We keep your messages, the answers to them, and your verdicts.\n\nNot your name.",
    )
    for outcome in ("completed", "screened_out", "returned"):
        CompletionCode.objects.create(
            study=study,
            outcome=outcome,
            code=f"CODE-{outcome.upper()}",
            redirect_url=f"https://recruiting.example/back?cc=CODE-{outcome.upper()}",
        )
    for position, (key, asked) in enumerate(
        zip(("overall", "clarity"), QUESTIONS[protocol], strict=True)
    ):
        Dimension.objects.create(
            study=study,
            key=key,
            name=key.capitalize(),
            question=asked,
            position=position,
            is_overall=position == 0,
        )
    for name, bot in BOTS.items():
        model = ChatModel.objects.create(
            name=f"{name} {slug}",
            developer="Timberworks",
            base_url=bot,
            model_id=f"secret-model-{name.lower()}",
        )
        enter_contestant(study, name=name, chat_model=model)
    return study


def add_tasks(study: Study) -> None:
    """Two tasks, of two categories; one tries to be more than text."""
    for category, name in (("Cleaning", "Something is dirty"), ("Repairs", "It <b>broke</b>")):
        Task.objects.create(
            study=study,
            area="At home",
            category=category,
            name=name,
            text=f"Think of your own home: {name.lower()}. What do you do?",
        )


def make_replies(*, after: timedelta = timedelta()) -> None:
    """What workers do: make every reply that has waited for so long."""
    waiting = Reply.objects.filter(
        state=Reply.State.WAITING, turn__created_at__lte=timezone.now() - after
    )
    for reply_id in list(waiting.values_list("pk", flat=True)):
        make_reply(reply_id)
