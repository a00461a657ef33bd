"""The key that who raters are is kept under, and how what stood in clear came under it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hustings.env import read_environment
from hustings.operations.identity_key import check_identity_key

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("IDENTITY_KEY", "identity")
    return monkeypatch


def test_production_wants_a_key_of_its_own_for_identities(production: pytest.MonkeyPatch) -> None:
    assert read_environment().identity_key == "identity"
    production.setenv("IDENTITY_KEY_FALLBACKS", "former,oldest")
    assert read_environment().identity_key_fallbacks == ("former", "oldest")
    production.delenv("IDENTITY_KEY")
    with pytest.raises(ImproperlyConfigured, match="IDENTITY_KEY is not set"):
        read_environment()
    production.setenv("IDENTITY_KEY", "secret")
    with pytest.raises(ImproperlyConfigured, match="are the same"):
        read_environment()
    production.setenv("IDENTITY_KEY", "former")
    production.setenv("SECRET_KEY_FALLBACKS", "former")
    with pytest.raises(ImproperlyConfigured, match="are the same"):
        read_environment()


def test_embedded_it_makes_one_for_its_owner_alone_and_keeps_it(
    production: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SECRET_KEY", "IDENTITY_KEY", "DATABASE_URL"):
        production.delenv(name, raising=False)
    made = read_environment()
    assert len(made.identity_key) > 50
    assert made.identity_key != made.secret_key
    assert read_environment().identity_key == made.identity_key
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "identity_key", "secret_key", "static",
    ]  # fmt: skip
    assert (tmp_path / "identity_key").stat().st_mode & 0o777 == 0o600


def test_a_short_key_is_told_of_before_it_is_served_with(settings: Any) -> None:
    settings.IDENTITY_KEY = "x" * 50
    assert check_identity_key() == []
    settings.IDENTITY_KEY = "x" * 49
    (warning,) = check_identity_key()
    assert "fewer than 50 characters" in warning.msg


# What stood in clear before

MIGRATE = """
import json, sys
import django
django.setup()
from datetime import UTC, datetime
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

def to(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("raters", name)])
    return executor.loader.project_state([("raters", name)]).apps

before = to("0008_judges")
now = datetime(2026, 11, 1, tzinfo=UTC)
study = before.get_model("studies", "Study").objects.create(slug="tea", title="Tea")
Rater = before.get_model("raters", "Rater")
Old = before.get_model("raters", "Participation")
for n, name in enumerate(json.loads(sys.argv[1])):
    rater = Rater.objects.create(code=f"CODE{n}", created_at=now)
    visit = {} if name.startswith("erased-") else {"recruiting_study": "s-1"}
    Old.objects.create(
        study=study, rater=rater, recruiting_id=name, state="completed", created_at=now, **visit
    )
to("0009_identities_under_a_key")
from raters.identities import mark_of, unseal
from raters.models import Participation

found = []
for each in Participation.objects.only("study_id", "source", "identity_mark", "identity_sealed"):
    identity = unseal(each.identity_sealed)
    name, study = identity.recruiting_id, identity.recruiting_study
    is_marked = each.identity_mark == mark_of(each.study_id, name, source=each.source)
    found.append([each.source, name, study, is_marked])
with connection.cursor() as cursor:
    table = connection.introspection.get_table_description(cursor, "raters_participation")
json.dump({"found": found, "columns": [column.name for column in table]}, sys.stdout)
"""


@pytest.mark.one_database
def test_the_migration_keeps_everybody_under_the_key_and_drops_what_was_clear(
    tmp_path: Path,
) -> None:
    names = ["p-1", "own-abc", "account-7", "erased-CODE3", *(f"q-{n}" for n in range(1_000))]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "hustings.settings"}
    for name in ("DATABASE_URL", "SECRET_KEY"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, json.dumps(names)],
        env=environment | {"HUSTINGS_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["found"][:4] == [
        ["recruited", "p-1", "s-1", True],
        ["own", "abc", "s-1", True],
        ["account", "7", "s-1", True],
        ["erased", "", "", False],
    ]
    assert told["found"][-1] == ["recruited", "q-999", "s-1", True]
    assert len(told["found"]) == len(names)
    assert [name for name in told["columns"] if "recruiting" in name] == []
