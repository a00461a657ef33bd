"""The demo study: a dozen invented contestants, the US electorate, raters who are simulated."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction

from leaderboards.machines.asking import ask_for_missing_reports
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from leaderboards.services.standings import fold_standings
from raters.simulated_judge import Leaning, simulate_judge
from raters.simulation import Population, simulate_raters, simulate_reasons
from studies.check_templates import check_templates
from studies.dimension_templates import add_dimension_template
from studies.models import AttentionCheck, ChatModel, CompletionCode, Dimension, Study
from studies.planning import allocate_quotas, open_study
from studies.providers import list_bots
from studies.registry import register_bots
from studies.services import (
    add_consent_text,
    ensure_shipped_electorate,
    enter_contestant,
    give_electorate,
)
from studies.task_list import add_tasks, parse_tasks

SLUG: Final = "demo"
LIVE_SLUG: Final = "try"
RATED_SLUG: Final = "rate"
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
# What simulated raters write, by the dimension that they speak of.
PHRASES: Final = {
    "overall": (
        "{better}, without having to think about it.",
        "I would come back to {better}. {worse} was fine, but no more than that.",
        "{better} felt like talking to somebody who wants to help.",
        "Hard to say, but a little rather {better}.",
    ),
    "task": (
        "{better} gave me something I could start with right away.",
        "{worse} talked around it. With {better} I had a plan after two messages.",
        "{better} thought of things that I had forgotten.",
        "{better} answered the question. {worse} answered another one.",
        "With {worse} I would have had to look half of it up again.",
    ),
    "communication": (
        "{better} was shorter and still said everything.",
        "{worse} went on too long, I stopped reading.",
        "Plain words from {better}; {worse} sounded like a brochure.",
        "{better} put it in steps, that helped me.",
        "{worse} was too short for me, {better} explained why.",
    ),
    "interaction": (
        "{better} asked back before it gave advice.",
        "{better} remembered what I had said at the beginning.",
        "{worse} kept repeating itself, whatever I wrote.",
        "When I changed my mind {better} went along.",
    ),
    "trust": (
        "{better} said so where it was not sure.",
        "{worse} made something up, I know this topic.",
        "{better} warned me of what could go wrong.",
        "The numbers of {worse} did not add up.",
    ),
    "tie": (
        "I could not tell them apart.",
        "Both fine.",
        "A was friendlier and B more exact, so neither.",
        "A was shorter, B more thorough: it depends on the day.",
        "Neither understood what I wanted.",
        "They said nearly the same, in other words.",
    ),
}
JUDGE: Final = "Owl (simulated judge)"
JUDGE_DEVELOPER: Final = "Heartwood AI"
JUDGED: Final = 1_500
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
            "asks_to_quote": True,
        },
    )
    if not is_new:
        return study
    _give_electorate(study, at=at)
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
    simulate_reasons(study, PHRASES, seed=seed, at=at)
    fold_standings(study)
    take_board(study, BoardParameters(seed=seed), at=at)
    _simulate_judge(study, seed=seed, at=at)
    return study


def _simulate_judge(study: Study, *, seed: int, at: datetime) -> None:
    """A judge with the tastes of one group, led astray by what stands first and what is long."""
    simulate_judge(
        study,
        name=JUDGE,
        developer=JUDGE_DEVELOPER,
        leaning=Leaning(mirrors=("age", "18-24")),
        population=POPULATION,
        battles=JUDGED,
        seed=seed,
        at=at,
    )
    ask_for_missing_reports(at=at)


CONSENT: Final = (
    "This is a demo. You talk with simple programs, which follow rules and know little, and say "
    "how you like them. What you write stays on this machine."
)
TASK: Final = "Talk as you really would, for at least 2 messages."
PLACES: Final = 400


@dataclass(frozen=True, slots=True)
class LiveDesign:
    """A study with the built-in bots, where a visitor of the demo can be a rater."""

    slug: str
    title: str
    question: str
    protocol: Study.Protocol
    battles_each: int


TASKS: Final = """
area,category,task,text
Everyday life,Home,Plan a meal,Plan a meal that you would really cook this week.
Everyday life,Free time,Plan a weekend,Plan a weekend that you would really spend this month.
Learning,Explanations,Understand something,Ask about something that you always wanted to know.
"""
LIVE_DESIGNS: Final = (
    LiveDesign(
        slug=LIVE_SLUG,
        title="Try it: talk to two bots",
        question="Which of six simple bots would you rather talk to?",
        protocol=Study.Protocol.PAIRWISE,
        battles_each=3,
    ),
    LiveDesign(
        slug=RATED_SLUG,
        title="Rate it: one bot at a time",
        question="How much do people like to talk to each of six simple bots?",
        protocol=Study.Protocol.SINGLE,
        battles_each=3,
    ),
)


def ensure_live_studies(*, at: datetime) -> tuple[Study, ...]:
    """Open studies with the built-in bots, one of each protocol, made if they are not there."""
    return tuple(_ensure_live_study(design, at=at) for design in LIVE_DESIGNS)


def _ensure_live_study(design: LiveDesign, *, at: datetime) -> Study:
    study, is_new = Study.objects.get_or_create(
        slug=design.slug,
        defaults={
            "title": design.title,
            "question": design.question,
            "protocol": design.protocol,
            "is_public": True,
            "task": TASK,
            "min_turns": 2,
            "battles_each": design.battles_each,
            "minutes_estimated": 5,
        },
    )
    if study.state != Study.State.DRAFT:
        return study
    if is_new:
        _design_live_study(study, at=at)
    open_study(study, at=at)
    return study


@transaction.atomic
def _design_live_study(study: Study, *, at: datetime) -> None:
    _give_electorate(study, at=at)
    register_bots()
    talkers = [bot.base_url for bot in list_bots()]
    for chat_model in ChatModel.objects.filter(base_url__in=talkers):
        enter_contestant(study, name=chat_model.name, chat_model=chat_model)
    add_dimension_template(study, template="humaine")
    add_tasks(study, parse_tasks(TASKS))
    # One is enough to be met; whoever only tries it is asked no more than that.
    asked = check_templates()["questions"].checks
    next(s for s in asked if s.kind == AttentionCheck.Kind.INSTRUCTED).check_for(study).save()
    add_consent_text(study, summary=CONSENT, text=CONSENT)
    for outcome in CompletionCode.Outcome:
        CompletionCode.objects.create(
            study=study, outcome=outcome, code=f"DEMO-{outcome.value.upper().replace('_', '-')}"
        )
    allocate_quotas(study, raters=PLACES, at=at)


def _give_electorate(study: Study, *, at: datetime) -> None:
    electorate = ensure_shipped_electorate("us-2023")
    assert electorate is not None, "it is shipped"  # noqa: S101
    give_electorate(study, electorate, at=at)


def ensure_demo_admin() -> str:
    """The admin of the demo; a fresh random password at each start, since nobody keeps it."""
    user, _ = get_user_model().objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True}
    )
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save()
    return password
