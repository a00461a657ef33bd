"""Whether the key that who raters are is kept under is a good one, and the database's own."""

import logging
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import render

from raters.errors import IdentityKeyError

logger = logging.getLogger("hustings.identity_key")

SHORTEST: Final = 50


@checks.register(checks.Tags.security, deploy=True)
def check_identity_key(**_kwargs: Any) -> list[checks.Warning]:
    """Part of `check --deploy`: who has the database can try short keys until one opens it."""
    if len(settings.IDENTITY_KEY) >= SHORTEST:
        return []
    text = f"IDENTITY_KEY has fewer than {SHORTEST} characters."
    hint = "Set a long random text, and run `hustings renew_identities`."
    return [checks.Warning(text, hint=hint, id="hustings.W002")]


class IdentityKeyGuard:
    """Middleware: where the key is not the database's, nobody goes on, and the log says why."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, IdentityKeyError):
            return None
        logger.error("%s", error)
        return render(request, "500.html", status=503)
