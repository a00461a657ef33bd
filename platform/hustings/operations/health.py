"""Whether this process lives, and whether it can do its work."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from hustings.celery import app
from raters.errors import IdentityKeyError
from raters.identities import unseal
from raters.models import Participation

BROKER_TIMEOUT_S: Final = 2.0
# Some of them may be erased.
NEWEST: Final = 100
OK: Final = "ok"


@require_safe
@never_cache
def live(_request: HttpRequest) -> JsonResponse:
    """The process answers. It asks nobody else: restarting it would mend nothing of theirs."""
    return JsonResponse({"live": OK})


@require_safe
@never_cache
def ready(_request: HttpRequest) -> JsonResponse:
    """The process can serve: 200, or 503 with what is missing.

    A broker that is down is told, and is no reason to send raters away: beats ring instead.
    """
    found = {name: check() for name, check in CHECKS.items()}
    is_ready = all(found[name] == OK for name in NEEDED)
    return JsonResponse(found, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "can't be reached"
    return OK


def _migrations() -> str:
    """Code that is older than its tables serves on; code that is newer must not begin."""
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return "can't be read"
    return f"{len(missing)} to be applied" if missing else OK


def _broker() -> str:
    if settings.CELERY_BROKER_URL.startswith("memory:"):
        return OK
    try:
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
    except (OperationalError, OSError):
        return "can't be reached"
    return OK


def _identities() -> str:
    """Whether our key opens what says who raters are, by one of the newest participations."""
    try:
        newest = Participation.objects.order_by("-pk").values_list("identity_sealed", flat=True)
        unseal(next(filter(None, newest[:NEWEST]), ""))
    except Error:
        return "can't be read"
    except IdentityKeyError:
        return "sealed under another key"
    return OK


CHECKS: Final[dict[str, Callable[[], str]]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "identities": _identities,
}
NEEDED: Final = ("database", "migrations", "identities")
