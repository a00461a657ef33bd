"""A small cast for tests through HTTP: a study with raters and a board, and people who ask."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from django.contrib.auth.models import Permission

from accounts.models import User
from leaderboards.models import Board
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from leaderboards.services.standings import fold_standings
from raters.simulation import Population, simulate_raters
from studies.census import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
from studies.models import (
    ChatModel,
    CompletionCode,
    ConsentText,
    Dimension,
    Electorate,
    Study,
)
from studies.planning import allocate_quotas
from studies.services import create_electorate, enter_contestant

NO_MORE: Mapping[str, float] = MappingProxyType({})
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTESTANTS = {"Ash": "Copse", "Birch": "Copse", "Cherry": "Spinney", "Dogwood": "Spinney"}


def make_electorate(slug: str = "town", age: Mapping[str, float] = NO_MORE) -> Electorate:
    """Two axes of two groups each, and further groups of age."""
    left = 1 - sum(age.values())
    axes = {
        "age": {"18-34": 0.4 * left, "35-plus": 0.6 * left, **age},
        "sex": {"female": 0.5, "male": 0.5},
    }
    return create_electorate(
        ElectorateSpec(
            slug=slug,
            name=f"The {slug}",
            description="",
            axes=tuple(
                AxisSpec(
                    key,
                    key.capitalize(),
                    tuple(
                        GroupSpec(group, group, share, "count") for group, share in groups.items()
                    ),
                )
                for key, groups in axes.items()
            ),
            joint=None,
            sources=(SourceSpec(key="count", title="A count of the town"),),
        )
    )


def make_study(
    slug: str = "tea",
    *,
    raters: int = 30,
    is_public: bool = True,
    state: str = Study.State.CLOSED,
    electorate: Electorate | None = None,
    protocol: str = Study.Protocol.PAIRWISE,
) -> Study:
    """A study of four contestants on two dimensions, with simulated raters."""
    study = Study.objects.create(
        slug=slug,
        title=f"The {slug} study",
        question="Which one makes the best tea?",
        state=state,
        is_public=is_public,
        is_simulated=True,
        electorate=electorate or make_electorate(),
        protocol=protocol,
    )
    for position, key in enumerate(("overall", "warmth")):
        Dimension.objects.create(
            study=study,
            key=key,
            name=key.capitalize(),
            position=position,
            is_overall=position == 0,
        )
    for name, developer in CONTESTANTS.items():
        model, _ = ChatModel.objects.get_or_create(
            name=name,
            defaults={
                "developer": developer,
                "base_url": "https://secret.example/v1",
                "model_id": "secret-id",
                "system_prompt": "A secret prompt.",
                "parameters": {"temperature": 0.123},
            },
        )
        enter_contestant(study, name=name, chat_model=model)
    if raters:
        simulate_raters(
            study, raters=raters, battles_each=4, seed=1, population=Population(), at=NOW
        )
        fold_standings(study)
    return study


def make_board(study: Study, *, draws: int = 200) -> Board:
    """A published board of the study."""
    return take_board(study, BoardParameters(draws=draws), at=NOW)


def make_user(name: str, *permissions: str, is_staff: bool = False) -> User:
    """A user with these permissions, each as `app.codename`."""
    user = User.objects.create_user(name, password="a long sentence", is_staff=is_staff)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def make_admin(name: str = "admin") -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser(name, password="a long sentence")


def complete_design(study: Study, *, raters: int = 20) -> Study:
    """Give a draft whatever it lacks to be opened: bots to talk to, texts, codes, quotas."""
    ChatModel.objects.filter(contestants__study=study).update(base_url="bot:echo")
    is_single = study.protocol == Study.Protocol.SINGLE
    study.dimensions.update(
        question="How well did it do?" if is_single else "Which one was better?"
    )
    ConsentText.objects.create(study=study, version=1, summary="You talk.", text="You agree.")
    for outcome in CompletionCode.Outcome:
        CompletionCode.objects.create(study=study, outcome=outcome, code=f"CODE-{outcome}")
    Study.objects.filter(pk=study.pk).update(task="Plan something for this month.")
    allocate_quotas(study, raters=raters, at=NOW)
    return study
