"""Without a replica nothing changes; the environment names one. tests/operations has a real one."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from hustings.env import read_environment
from studies.models import Study
from studies.replica import REPLICA, ReplicaRouter, reading_from_replica


@pytest.mark.django_db
def test_without_a_replica_nothing_changes() -> None:
    with reading_from_replica():
        assert Study.objects.all().db == "default"
        assert Study.objects.create(slug="one", title="One")._state.db == "default"
    assert ReplicaRouter().allow_migrate(REPLICA, "studies") is False


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of-a-test")
    monkeypatch.setenv("IDENTITY_KEY", "of-a-test-as-well")
    monkeypatch.setenv("DATABASE_URL", "postgres://me@here/db")
    monkeypatch.setenv("READ_DATABASE_URL", "postgres://me@there/db")
    named = read_environment().databases
    assert {alias: each["HOST"] for alias, each in named.items()} == {
        "default": "here",
        REPLICA: "there",
    }
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{os.devnull}")
    with pytest.raises(ImproperlyConfigured, match="only PostgreSQL has"):
        read_environment()
