"""How often a client may ask: so many times a minute, by its token, or user, or address."""

import logging
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from studies.models import ApiToken

if TYPE_CHECKING:
    # At run time rest_framework.views imports this module, for the settings name its classes.
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

MINUTE: Final = 60


@dataclass(frozen=True)
class Allowance:
    """What a client has in this minute: requests, those left, and seconds until the next one."""

    limit: int
    remaining: int
    reset: int


class PerMinute(BaseThrottle):
    """Counts requests by the minute of the clock, in the cache that all web processes share."""

    reset: int = MINUTE

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        now = int(time())
        who, limit = self._whose(request)
        key = f"rest:{who}:{now // MINUTE}"
        used = _count(key)
        self.reset = MINUTE - now % MINUTE
        allowance = Allowance(limit, max(0, limit - used), self.reset)
        request._request.rest_allowance = allowance  # type: ignore[attr-defined]  # noqa: SLF001
        return used <= limit

    def wait(self) -> float:
        return self.reset

    def _whose(self, request: Request) -> tuple[str, int]:
        """Who is counted, and how often it may ask in a minute."""
        if isinstance(request.auth, ApiToken):
            return f"token:{request.auth.token_key}", settings.REST_LIMIT_KNOWN
        if request.user.is_authenticated:
            return f"user:{request.user.pk}", settings.REST_LIMIT_KNOWN
        return f"address:{self.get_ident(request)}", settings.REST_LIMIT_ANONYMOUS


def _count(key: str) -> int:
    """How often this was counted by now. Who can't count refuses nobody."""
    try:
        cache.add(key, 0, timeout=2 * MINUTE)
        return cache.incr(key)
    except ValueError:
        # The cache was full, and dropped it at once.
        return 1
    except RedisError:
        logger.warning("The cache can't be reached: nobody counts how often clients ask.")
        return 1


def tell_allowance(request: HttpRequest, response: HttpResponseBase) -> None:
    """Say what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-06; in seconds."""
    allowance: Any = getattr(request, "rest_allowance", None)
    if isinstance(allowance, Allowance):
        response["RateLimit-Limit"] = str(allowance.limit)
        response["RateLimit-Remaining"] = str(allowance.remaining)
        response["RateLimit-Reset"] = str(allowance.reset)
