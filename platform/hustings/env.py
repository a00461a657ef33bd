"""Every setting that the environment may give, read and checked in one place.

With nothing set, Hustings runs embedded: SQLite under `home`, a worker inside the server process,
a secret key of its own, loopback only. With `SECRET_KEY` set it runs in production, and whatever
production needs must be set as well.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

CHECKOUT = Path(__file__).resolve().parents[2]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says. `home` holds the embedded database and secret."""

    home: Path
    is_embedded: bool
    is_debug: bool
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    database: dict[str, Any]
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
    return Environment(
        home=home_path,
        is_embedded=is_embedded,
        is_debug=is_embedded and env.bool("DEBUG", default=False),
        secret_key=_embedded_secret(home_path) if is_embedded else env.str("SECRET_KEY"),
        secret_key_fallbacks=tuple(env.list("SECRET_KEY_FALLBACKS", default=[])),
        allowed_hosts=LOOPBACK if is_embedded else tuple(env.list("ALLOWED_HOSTS", default=[])),
        trusted_origins=tuple(env.list("TRUSTED_ORIGINS", default=[])),
        database=_database(env, home_path),
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


def _embedded_secret(home: Path) -> str:
    """A random key kept beside the embedded database, so that sessions outlive a restart."""
    path = home / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    key = secrets.token_urlsafe(50)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


def _database(env: environ.Env, home: Path) -> dict[str, Any]:
    database: dict[str, Any] = env.db_url(
        "DATABASE_URL", default=f"sqlite:///{home / 'hustings.sqlite3'}"
    )
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
