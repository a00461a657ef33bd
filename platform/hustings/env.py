"""Every setting that the environment may give, read and checked in one place.

With nothing set, Hustings runs embedded: SQLite under `home`, a worker inside the server process,
keys of its own, loopback only. With `SECRET_KEY` set it runs in production, and whatever
production needs must be set as well.
"""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS

from studies.replica import REPLICA

CHECKOUT = Path(__file__).resolve().parents[2]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
FOLDER = "django.core.files.storage.FileSystemStorage"


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says. `home` holds the embedded database and keys."""

    home: Path
    is_embedded: bool
    is_debug: bool
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    identity_key: str
    identity_key_fallbacks: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    databases: dict[str, dict[str, Any]]
    partitions: int
    exports_storage: dict[str, Any]
    cache: dict[str, Any]
    broker_url: str | None
    email_url: dict[str, Any]
    email_from: str
    is_staff_mfa_required: bool
    is_behind_tls_proxy: bool
    is_plain_http_to_providers_allowed: bool
    are_private_providers_allowed: bool
    are_private_webhooks_allowed: bool
    is_log_json: bool
    metrics_token: str
    sentry_dsn: str
    boards_kept_s: float
    data_licence: str
    data_publisher: str


def read_environment() -> Environment:
    """Read the environment; ImproperlyConfigured says what to set where it contradicts itself."""
    env = environ.Env()
    is_embedded = not env.str("SECRET_KEY", default="")
    if is_embedded and (
        env.str("DATABASE_URL", default="") or env.str("CELERY_BROKER_URL", default="")
    ):
        raise ImproperlyConfigured(
            "DATABASE_URL or CELERY_BROKER_URL is set, but SECRET_KEY is not. "
            "Set SECRET_KEY to a long random text, or unset both to run embedded."
        )
    home = env.path("HUSTINGS_HOME", default=str(_default_home()))
    home_path = Path(str(home))
    # With the folder of collected static files, which the web server misses where it is not.
    (home_path / "static").mkdir(parents=True, exist_ok=True)
    secret_key = env.str("SECRET_KEY", default="") or _embedded_key(home_path, "secret_key")
    return Environment(
        home=home_path,
        is_embedded=is_embedded,
        is_debug=is_embedded and env.bool("DEBUG", default=False),
        secret_key=secret_key,
        secret_key_fallbacks=tuple(env.list("SECRET_KEY_FALLBACKS", default=[])),
        identity_key=_identity_key(env, home_path, secret_key=secret_key, is_embedded=is_embedded),
        identity_key_fallbacks=tuple(env.list("IDENTITY_KEY_FALLBACKS", default=[])),
        allowed_hosts=LOOPBACK if is_embedded else tuple(env.list("ALLOWED_HOSTS", default=[])),
        trusted_origins=tuple(env.list("TRUSTED_ORIGINS", default=[])),
        databases=_databases(env, home_path),
        partitions=env.int("PARTITIONS", default=0),
        exports_storage=_exports_storage(env, home_path),
        cache=_cache(env),
        broker_url=env.str("CELERY_BROKER_URL", default="") or None,
        email_url=env.email_url("EMAIL_URL", default="consolemail://"),
        email_from=env.str("EMAIL_FROM", default="hustings@localhost"),
        is_staff_mfa_required=env.bool("STAFF_MFA_REQUIRED", default=not is_embedded),
        is_behind_tls_proxy=env.bool("BEHIND_TLS_PROXY", default=not is_embedded),
        is_plain_http_to_providers_allowed=env.bool("PROVIDERS_ALLOW_PLAIN_HTTP", default=False),
        are_private_providers_allowed=env.bool("PROVIDERS_ALLOW_PRIVATE_ADDRESSES", default=False),
        are_private_webhooks_allowed=env.bool(
            "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES", default=is_embedded
        ),
        is_log_json=env.bool("LOG_JSON", default=not is_embedded),
        metrics_token=env.str("METRICS_TOKEN", default=""),
        sentry_dsn=env.str("SENTRY_DSN", default=""),
        boards_kept_s=env.float("BOARDS_KEPT_S", default=0.0),
        data_licence=env.str("DATA_LICENCE", default=""),
        data_publisher=env.str("DATA_PUBLISHER", default="Hustings"),
    )


def _default_home() -> Path:
    is_checkout = (CHECKOUT / "manage.py").exists()
    return CHECKOUT / "var" if is_checkout else Path.home() / ".hustings"


def _identity_key(env: environ.Env, home: Path, *, secret_key: str, is_embedded: bool) -> str:
    """The key that who raters are is kept under: one that does nothing else, and is kept apart."""
    key: str = env.str("IDENTITY_KEY", default="")
    if not key and is_embedded:
        return _embedded_key(home, "identity_key")
    if not key:
        raise ImproperlyConfigured(
            "IDENTITY_KEY is not set. Set it to a long random text other than SECRET_KEY, and keep "
            "a copy apart from the database's backups: without it nobody can tell who raters are."
        )
    if key in {secret_key, *env.list("SECRET_KEY_FALLBACKS", default=[])}:
        raise ImproperlyConfigured(
            "IDENTITY_KEY and SECRET_KEY are the same. Each needs a long random text of its own."
        )
    return key


def _embedded_key(home: Path, name: str) -> str:
    """A random key kept beside the embedded database, so that what hangs on it outlives a restart.

    It is there whole or not at all: two processes that start at once end with the same one.
    """
    path = home / name
    if not path.exists():
        written = home / f"{name}.{secrets.token_hex(4)}"
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            os.link(written, path)
        written.unlink()
    return path.read_text()


def _databases(env: environ.Env, home: Path) -> dict[str, dict[str, Any]]:
    """The database, and the replica that long readers go to where one is named."""
    databases = {
        "default": _database(env, "DATABASE_URL", f"sqlite:///{home / 'hustings.sqlite3'}")
    }
    if env.str("READ_DATABASE_URL", default=""):
        databases[REPLICA] = _database(env, "READ_DATABASE_URL", "")
        # Tests that know of no replica find there what they wrote.
        databases[REPLICA]["TEST"] = {"MIRROR": DEFAULT_DB_ALIAS}
        if any(not each["ENGINE"].endswith("postgresql") for each in databases.values()):
            raise ImproperlyConfigured(
                "READ_DATABASE_URL names a replica, which only PostgreSQL has: set it and "
                "DATABASE_URL to addresses such as postgres://user:password@host:5432/name."
            )
    return databases


def _database(env: environ.Env, name: str, default: str) -> dict[str, Any]:
    database: dict[str, Any] = env.db_url(name, default=default)
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            # A transaction that writes takes its lock at the start: two that read first and
            # then both want to write would otherwise fail at once, whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        # A new one for every request costs PostgreSQL three times what the request itself does.
        database.setdefault("CONN_MAX_AGE", 60)
        database["CONN_HEALTH_CHECKS"] = True
    return database


def _exports_storage(env: environ.Env, home: Path) -> dict[str, Any]:
    """Where exports lie: in a folder, unless another storage is named; with the options given."""
    backend = env.str("EXPORTS_STORAGE", default=FOLDER)
    try:
        given = json.loads(env.str("EXPORTS_STORAGE_OPTIONS", default="{}"))
    except ValueError as error:
        raise ImproperlyConfigured(f"EXPORTS_STORAGE_OPTIONS is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ImproperlyConfigured(
            'EXPORTS_STORAGE_OPTIONS is no JSON object such as {"bucket_name": "exports"}.'
        )
    private: dict[str, Any] = {
        "location": str(home / "exports"),
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    }
    return {"BACKEND": backend, "OPTIONS": private | given if backend == FOLDER else given}


def _cache(env: environ.Env) -> dict[str, Any]:
    """The cache that is named, or the broker where it is Redis; else each process has its own."""
    broker = env.str("CELERY_BROKER_URL", default="")
    shared = (
        broker
        if broker.startswith(("redis://", "rediss://"))
        else "locmemcache://hustings?max_entries=10000"
    )
    cache: dict[str, Any] = env.cache_url("CACHE_URL", default=shared)
    return cache | {"KEY_PREFIX": "hustings"}
