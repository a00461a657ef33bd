"""Fixtures that every test may use: a small cast and one study."""

import pytest


@pytest.fixture(autouse=True)
def _let_flush_empty_final_tables(request: pytest.FixtureRequest) -> None:
    """After a test that commits, pytest empties every table; the triggers would refuse that.

    Migration's last step puts them back, so the next test has them again.
    """
    if "transactional_db" not in request.fixturenames:
        return
    from django.db import connection

    import leaderboards.apps
    import raters.apps
    from studies import append_only

    request.getfixturevalue("transactional_db")

    def remove() -> None:
        append_only.remove(connection, [*raters.apps.refusals(), *leaderboards.apps.refusals()])

    request.addfinalizer(remove)
