"""The demo study: a dozen invented contestants, the US electorate, raters who are simulated."""

import secrets
from datetime import datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction

from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from leaderboards.services.standings import fold_standings
from raters.simulation import Population, simulate_raters
from studies.dimension_templates import add_dimension_template
from studies.models import ChatModel, CompletionCode, Dimension, Study
from studies.planning import allocate_quotas, open_study
from studies.providers import BOT_SCHEME
from studies.registry import register_bots
from studies.services import add_consent_text, ensure_shipped_electorate, enter_contestant

SLUG: Final = "demo"
LIVE_SLUG: Final = "try"
ADMIN: Final = "demo"
BATTLES_EACH: Final = 6

CONTESTANTS: Final = {
    "Alder": "Coppice Labs",
    "Aspen 2": "Coppice Labs",
    "Beech": "Northwood",
    "Birch Mini": "Northwood",
    "Cedar": "Heartwood AI",
    "Elm": "Heartwood AI",
    "Hazel": "Understorey",
    "Juniper": "Understorey",
    "Linden": "Greenroom Research",
    "Maple": "Greenroom Research",
    "Rowan": "Hedgerow",
    "Willow": "Hedgerow",
}
DIMENSIONS: Final = (
    ("overall", "Overall", "Which of the two would you rather have talked to?"),
    ("task", "Getting things done", "Which one helped you further with what you wanted to do?"),
    ("communication", "Clear words", "Which one said what it had to say more clearly and aptly?"),
    ("interaction", "Give and take", "Which one followed better where you wanted to go?"),
    ("trust", "Trust and safety", "Which one would you sooner rely on?"),
)
POPULATION: Final = Population(
    skill_sd=0.45, group_sd={"age": 0.5, "sex": 0.15, "ethnicity": 0.25, "party": 0.35}
)


@transaction.atomic
def ensure_demo_study(*, raters: int, seed: int, at: datetime) -> Study:
    """The demo study, made with its raters and a published board if it is not there yet."""
    study, is_new = Study.objects.get_or_create(
        slug=SLUG,
        defaults={
            "title": "Demo: which assistant serves Americans best?",
            "question": "Which of twelve invented assistants serves adults in the US best?",
            "state": Study.State.CLOSED,
            "is_public": True,
            "is_simulated": True,
            "electorate": ensure_shipped_electorate("us-2023"),
        },
    )
    if not is_new:
        return study
    for name, developer in CONTESTANTS.items():
        enter_contestant(study, name=name, developer=developer)
    Dimension.objects.bulk_create(
        Dimension(study=study, key=key, name=name, question=question, position=p, is_overall=p == 0)
        for p, (key, name, question) in enumerate(DIMENSIONS)
    )
    simulate_raters(
        study,
        raters=raters,
        battles_each=BATTLES_EACH,
        seed=seed,
        population=POPULATION,
        at=at,
    )
    fold_standings(study)
    take_board(study, BoardParameters(seed=seed), at=at)
    return study


CONSENT: Final = (
    "This is a demo. You talk with two simple programs at a time, which follow rules and know "
    "little, and say which one you prefer. What you write stays on this machine."
)
TASK: Final = "Plan something that you would really do this month. Talk for at least 2 messages."


def ensure_live_study(*, at: datetime) -> Study:
    """An open study with the built-in bots, where a visitor can be a rater."""
    study, is_new = Study.objects.get_or_create(
        slug=LIVE_SLUG,
        defaults={
            "title": "Try it: talk to two bots",
            "question": "Which of six simple bots would you rather talk to?",
            "is_public": True,
            "electorate": ensure_shipped_electorate("us-2023"),
            "task": TASK,
            "min_turns": 2,
            "battles_each": 3,
            "minutes_estimated": 5,
        },
    )
    if study.state != Study.State.DRAFT:
        return study
    if is_new:
        _design_live_study(study)
    open_study(study, at=at)
    return study


@transaction.atomic
def _design_live_study(study: Study) -> None:
    register_bots()
    for chat_model in ChatModel.objects.filter(base_url__startswith=BOT_SCHEME):
        enter_contestant(study, name=chat_model.name, chat_model=chat_model)
    add_dimension_template(study, template="humaine")
    add_consent_text(study, summary=CONSENT, text=CONSENT)
    for outcome in CompletionCode.Outcome:
        CompletionCode.objects.create(
            study=study, outcome=outcome, code=f"DEMO-{outcome.value.upper().replace('_', '-')}"
        )
    allocate_quotas(study, raters=400)


def ensure_demo_admin() -> str:
    """The admin of the demo; a fresh random password at each start, since nobody keeps it."""
    user, _ = get_user_model().objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True}
    )
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save()
    return password
