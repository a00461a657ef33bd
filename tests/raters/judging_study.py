"""A study whose raters have judged their battles, and judges for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from raters.models import Battle, Judge, Outcome, Verdict
from raters.services.judge_runs import add_judge
from studies.models import ChatModel, Dimension, Study
from tests.raters.live import answer, make_live_study, open_battle, say

GOOD = "Rinse the rice, then boil one cup of it in two cups of salted water for twelve minutes."
POOR = "Rice."


def make_judged_study(battles: int = 4, **fields: Any) -> Study:
    """A study in which each rater preferred side A, whose replies are the better ones."""
    study = make_live_study(**fields)
    for seed in range(battles):
        judged_battle(study, seed=seed)
    return study


def judged_battle(
    study: Study,
    *,
    seed: int = 1,
    a: str = GOOD,
    b: str = POOR,
    message: str = "How do I cook rice?",
) -> Battle:
    """A battle of one turn that its rater decided for A on every dimension."""
    battle = open_battle(study, seed=seed)
    turn = say(battle, message)
    answer(turn, "a", a)
    answer(turn, "b", b)
    now = timezone.now()
    Battle.objects.filter(pk=battle.pk).update(judged_at=now)
    Verdict.objects.bulk_create(
        Verdict(battle=battle, dimension=dimension, outcome=Outcome.A, recorded_at=now)
        for dimension in Dimension.objects.filter(study=study)
    )
    return battle


def make_judge(
    base_url: str = "bot:judge",
    *,
    protocol: str = "pairwise",
    settings: Mapping[str, Any] | None = None,
    jury: int = 1,
    at: datetime | None = None,
    **fields: Any,
) -> Judge:
    """A judge, or a jury of so many, whose chat models answer at `base_url`."""
    members = [
        ChatModel.objects.create(
            name=f"Beech {number}", base_url=base_url, model_id=f"beech-{number}", **fields
        )
        for number in range(1, jury + 1)
    ]
    return add_judge(
        name="Beech",
        protocol=protocol,
        settings=settings or {},
        chat_models=members,
        at=at or timezone.now(),
    )
