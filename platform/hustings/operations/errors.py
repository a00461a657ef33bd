"""Errors to a Sentry server, if the environment names one. It is told where, and not what."""

import logging
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

# Of an event these say where it happened; the rest may hold what somebody wrote.
KEPT: Final = ("module", "function", "filename", "abs_path", "lineno", "in_app")


def start_reporting(dsn: str, *, release: str) -> None:
    """Report errors to `dsn`; nothing if it is empty. Needs the extra `sentry`."""
    if not dsn:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.logging import LoggingIntegration
    except ImportError as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, but sentry-sdk is not installed: pip install 'hustings[sentry]'."
        ) from error
    sentry_sdk.init(
        dsn=dsn,
        release=release,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=0.0,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        before_send=without_words,
    )


def without_words(event: Any, _hint: Any) -> Any:
    """An event without messages, addresses, headers and whatever else a person may have written."""
    for name in ("request", "user", "breadcrumbs", "extra", "logentry", "message", "server_name"):
        event.pop(name, None)
    for raised in event.get("exception", {}).get("values", []):
        raised["value"] = ""
        for frame in raised.get("stacktrace", {}).get("frames", []):
            for name in set(frame) - set(KEPT):
                del frame[name]
    return event
