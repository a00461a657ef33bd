"""The key that who raters are is kept under."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hustings.env import read_environment
from hustings.operations.identity_key import check_identity_key


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
