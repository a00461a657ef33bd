"""Long readers read from a real replica: it streams from the tests' own server, on loopback."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InternalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leaderboards.models import Export
from leaderboards.services.exports import ask_for_export, build_export, open_export
from studies import replica
from studies.models import Study
from studies.replica import REPLICA, reading_from_replica
from tests.cast import make_study
from tests.databases import PostgresServer, find_postgres

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", REPLICA])


class Replica(PostgresServer):
    """A copy of a running server, which follows it."""

    def start_from(self, host: str, port: str) -> None:
        source = ("-h", host, "-p", port, "-U", "postgres")
        self._run(
            "pg_basebackup", *source, "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-N"
        )
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c max_connections=200"
        )
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "-o", options, "start")


@contextmanager
def name_replica(**differing: Any) -> Iterator[None]:
    """As long as it lasts, settings name a replica, with what differs from the database."""
    before = connections.settings.get(REPLICA)
    # Django's tests empty no mirror, and this one could not be.
    mirror = connection.settings_dict["TEST"] | {"MIRROR": "default"}
    connections.settings[REPLICA] = connection.settings_dict | {"TEST": mirror} | differing
    try:
        yield
    finally:
        connections[REPLICA].close()
        del connections[REPLICA], connections.settings[REPLICA]
        if before:
            connections.settings[REPLICA] = before


@pytest.fixture(scope="module", autouse=True)
def _replica(django_db_setup: None) -> Iterator[None]:
    """A replica, named as READ_DATABASE_URL does."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no replica")
    binaries = find_postgres()
    assert binaries
    # PostgreSQL's own user has to get in, as not into pytest's folders.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = Replica(binaries, Path(home))
        settings = connection.settings_dict
        server.start_from(settings["HOST"], str(settings["PORT"]))
        with name_replica(PORT=server.port):
            yield
        server.stop()


def who_is_asked() -> str:
    return Study.objects.all().db


def test_what_was_committed_is_found_there_at_once() -> None:
    for n in range(20):
        study = Study.objects.create(slug=f"s{n}", title=str(n))
        with reading_from_replica():
            found = Study.objects.get(slug=f"s{n}")
        assert (found, found._state.db) == (study, REPLICA)
    assert who_is_asked() == "default"


def test_writes_go_to_the_database_itself_and_so_does_what_a_transaction_reads() -> None:
    with reading_from_replica():
        assert who_is_asked() == REPLICA
        study = Study.objects.create(slug="one", title="One")
        assert study._state.db == "default"
        with transaction.atomic():
            Study.objects.update(title="Two")
            assert Study.objects.get().title == "Two"
    with transaction.atomic(), reading_from_replica():
        assert who_is_asked() == "default"
    # What was read there is written here.
    with reading_from_replica():
        study = Study.objects.get()
    study.title = "Three"
    study.save()
    assert Study.objects.get().title == "Three"
    with pytest.raises(InternalError, match="read-only"):
        Study.objects.using(REPLICA).update(title="Four")


def test_another_thread_reads_from_the_database_itself() -> None:
    asked = []
    with reading_from_replica():
        thread = threading.Thread(target=lambda: asked.append(who_is_asked()))
        thread.start()
        thread.join()
    assert asked == ["default"]


def test_an_export_is_read_there_and_written_here() -> None:
    study = make_study(raters=4)
    export = ask_for_export(study, form="csv", is_release=False, at=timezone.now())
    with (
        CaptureQueriesContext(connections[REPLICA]) as there,
        CaptureQueriesContext(connection) as here,
    ):
        build_export(export.pk, at=timezone.now())
    export.refresh_from_db()
    assert export.state == Export.State.READY, export.error
    assert export.rows["comparisons"] == 32
    with open_export(export) as file:
        assert len(file.read()) == export.size
    read = [query["sql"] for query in there if "raters_verdict" in query["sql"]]
    assert read
    assert not [query["sql"] for query in here if "raters_verdict" in query["sql"]]


@pytest.mark.parametrize(
    ("differing", "said"),
    [
        ({"PORT": 1}, "it can't be asked"),
        ({}, "names a database that is no replica"),
        # A benchmark's own.
        ({"NAME": "postgres"}, ""),
    ],
)
def test_the_database_itself_is_read_where_there_is_no_replica_of_it(
    differing: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    connections[REPLICA].close()
    del connections[REPLICA]
    with name_replica(**differing), reading_from_replica():
        assert who_is_asked() == "default"
    assert (said in caplog.text) if said else not caplog.text


def test_a_replica_that_stays_behind_is_not_read(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "CATCHES_UP_WITHIN", timedelta(seconds=0.3))
    with connections[REPLICA].cursor() as there:
        there.execute("SELECT pg_wal_replay_pause()")
        Study.objects.create(slug="one", title="One")
        with reading_from_replica():
            assert Study.objects.get().slug == "one"
        there.execute("SELECT pg_wal_replay_resume()")
    assert "it lags too far behind" in caplog.text
    monkeypatch.undo()
    with reading_from_replica():
        assert (who_is_asked(), Study.objects.get().slug) == (REPLICA, "one")
