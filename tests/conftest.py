"""Fixtures that every test may use: a small cast and one study."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from leaderboards.models import Board
    from studies.models import Study


@pytest.fixture(scope="session")
def django_db_use_migrations(pytestconfig: pytest.Config) -> bool:
    """On SQLite tables come from the models: each process would else migrate for ten seconds.

    PostgreSQL's are migrated, and the demo's on SQLite, where a test compares the two.
    """
    return bool(pytestconfig.getoption("--database") == "postgres")


@pytest.fixture(autouse=True)
def _let_flush_empty_final_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that commits, pytest empties every table; the triggers would refuse that.

    Migration's last step puts them back, so the next test has them again.
    """
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction", False)
    if not commits and "transactional_db" not in request.fixturenames:
        yield
        return
    from django.db import connection

    import leaderboards.apps
    import raters.apps
    import studies.apps
    from studies import append_only

    request.getfixturevalue("transactional_db")
    yield
    for app in (studies.apps, raters.apps, leaderboards.apps):
        append_only.remove(connection, app.refusals())


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """What makes a password slow to guess makes every test with a user slow."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    """In production names of static files are hashed by `collectstatic`, which no test runs.

    `live_server` serves them by itself: WhiteNoise would look for all of them with every client.
    """
    backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": backend}}
    settings.WHITENOISE_USE_FINDERS = False


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet() -> None:
    """How often a client may ask in a minute is counted in the cache: tests share none."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def simulated_study(db: None) -> "Study":
    """A public study with an electorate of two axes, five contestants and sixty raters."""
    from tests.kept import kept

    study: Study = kept(_make_island_study)
    return study


def _make_island_study() -> "Study":
    from django.utils import timezone

    from raters.simulation import Population, simulate_raters
    from studies.census import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
    from studies.models import Study
    from studies.services import (
        add_dimension,
        choose_overall_dimension,
        create_electorate,
        enter_contestant,
    )

    spec = ElectorateSpec(
        slug="island",
        name="The Island, adults",
        description="",
        axes=(
            AxisSpec(
                "age",
                "Age",
                (
                    GroupSpec("18-34", "18-34", 0.3, "census"),
                    GroupSpec("35-54", "35-54", 0.4, "census"),
                    GroupSpec("55-plus", "55+", 0.3, "census"),
                ),
            ),
            AxisSpec(
                "shore",
                "Shore",
                (
                    GroupSpec("north", "North", 0.6, "census"),
                    GroupSpec("south", "South", 0.4, "census"),
                ),
            ),
        ),
        joint=None,
        sources=(SourceSpec("census", "Census of the island", "Statistics office", "T1", 2025),),
    )
    study = Study.objects.create(
        slug="harbour",
        title="Who helps islanders best?",
        question="Which assistant serves adults on the island best?",
        state=Study.State.CLOSED,
        is_public=True,
        is_simulated=True,
        electorate=create_electorate(spec),
    )
    for name, developer in (
        ("Cedar", "Heartwood"), ("Elm", "Heartwood"), ("Hazel", "Understorey"),
        ("Maple", "Greenroom"), ("Rowan", "Hedgerow"),
    ):  # fmt: skip
        enter_contestant(study, name=name, developer=developer)
    for key in ("overall", "trust"):
        add_dimension(study, key=key)
    choose_overall_dimension(study)
    simulate_raters(
        study, raters=60, battles_each=6, seed=3, population=Population(), at=timezone.now()
    )
    return study


@pytest.fixture
def board(simulated_study: "Study") -> "Board":
    """The board of that study, just published."""
    from tests.kept import kept

    board: Board = kept(_publish, simulated_study)
    return board


def _publish(study: "Study") -> "Board":
    from django.utils import timezone

    from leaderboards.ranking.boards import BoardParameters
    from leaderboards.services.boards import take_board

    return take_board(study, BoardParameters(), at=timezone.now())
