"""A site in production that breaks: run by test_production.py, in a process of its own.

Writes what it found on stdout, as JSON; its log goes to stderr, as in production.
"""

import json
import sys
from typing import Any

import sentry_sdk
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from sentry_sdk.transport import Transport

# Sets Django up, as web processes do.
import hustings.wsgi  # noqa: F401
from hustings.celery import app
from hustings.urls import handler400, handler500, urlpatterns

__all__ = ["handler400", "handler500"]
HOST = "hustings.example.org"
# A key of a chat model and a rater's words, wherever an exception might bring them from.
SECRETS = ("sk-live-0123456789", "my neighbour is called Zebedee")


def fail(*words: str) -> None:
    """Raise what quotes both, as exceptions do, with another beneath and in what is local."""
    local = " ".join(words)
    try:
        int(f"401 for key {local}")
    except ValueError as error:
        raise RuntimeError(f"could not answer “{local}”") from error


def breaks(request: HttpRequest, words: str) -> HttpResponse:
    fail(*SECRETS)
    return HttpResponse(words)


@app.task(name="breaks")
def task(what: int) -> None:
    fail(*SECRETS)


urlpatterns = [path("breaks/<str:words>/", breaks), *urlpatterns]


class Kept(Transport):
    """What would be sent to a Sentry server."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent += [item.payload.json for item in envelope.items]


def main() -> None:
    settings.ROOT_URLCONF = __name__
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    kept = Kept()
    sentry_sdk.get_client().transport = kept
    client = Client(raise_request_exception=False, headers={"Host": HOST})
    key, words = SECRETS
    broken = client.post(
        f"/breaks/{words}/?words={words}",
        {"words": words},
        secure=True,
        headers={"Authorization": f"Token {key}", "X-Request-ID": words},
    )
    page = client.get("/accounts/login/", secure=True)
    evil = client.get("/accounts/login/", secure=True, headers={"Host": "evil.example"})
    plain = client.get("/accounts/login/")
    with start_worker(app, pool="solo", perform_ping_check=False):
        task.delay(7)
    names = ("DEBUG", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
             "CSRF_COOKIE_SECURE", "STAFF_MFA_REQUIRED")  # fmt: skip
    found = {
        "settings": {name: getattr(settings, name) for name in names},
        "broken": [broken.status_code, broken.content.decode()],
        "page": dict(page.headers),
        "cookie": page.cookies["csrftoken"].OutputString(),
        "evil": evil.status_code,
        "plain": [plain.status_code, plain["Location"]],
        "reported": kept.sent,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
