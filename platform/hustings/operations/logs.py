"""Logs: in production one JSON object a line, with the ids of request and battle, without text.

Nothing that a rater or a model wrote belongs in a log. Our own messages name ids. Of an exception
production keeps its type and where it was raised, and not its message, which may quote what it
choked on.
"""

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

logger = logging.getLogger("hustings.requests")

REQUEST_HEADER: Final = "X-Request-ID"
TASK_HEADER: Final = "hustings_request"
# A proxy's id is kept if it is one; anything else could be anything.
LONGEST_ID: Final = 64
# What is asked by machines every few seconds is no news.
SILENT: Final = frozenset({"live", "ready", "metrics"})
# Whose messages name ids, and nothing that somebody wrote.
OURS: Final = frozenset({"accounts", "studies", "raters", "leaderboards", "hustings"})
# Parts of addresses that say where something happened, and not to whom.
NAMED: Final = {"slug": "study", "key": "battle", "board_id": "board"}

Event = MutableMapping[str, Any]


def logging_settings(*, is_json: bool) -> dict[str, Any]:
    """Django's LOGGING: JSON lines, or the plain ones that a person reads at a terminal."""
    if not is_json:
        return {"version": 1, "disable_existing_loggers": False}
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder(allow={"facts"})],
                "processors": [
                    spread_facts,
                    where_it_broke,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(ensure_ascii=False),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers would say it twice, and mail it.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Who asked for what is told by RequestLog, without the query string.
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
            "django.request": {"level": "ERROR", "propagate": True},
            "uvicorn.access": {"handlers": [], "level": "ERROR", "propagate": False},
            # That the embedded broker, which is memory, has no host.
            "kombu.connection": {"level": "ERROR", "propagate": True},
            "httpx2": {"level": "WARNING", "propagate": True},
            # A line for each task: thousands an hour that say nothing.
            "celery.app.trace": {"level": "WARNING", "propagate": True},
        },
    }


def spread_facts(_logger: Any, _name: str, event: Event) -> Event:
    """What a line says besides its words: `extra={"facts": {...}}`."""
    event.update(event.pop("facts", None) or {})
    return event


def where_it_broke(_logger: Any, _name: str, event: Event) -> Event:
    """Put an exception's type and place instead of its message and of what is beneath it.

    Libraries quote it in their own message besides, or the address that was asked for.
    """
    raised = event.pop("exc_info", None)
    if isinstance(raised, tuple) and raised[0] is not None:
        kind, _, trace = raised
        event["exception"] = kind.__name__
        if str(event.get("logger", "")).partition(".")[0] not in OURS:
            event["event"] = "broke off"
        event["at"] = [f"{f.filename}:{f.lineno} {f.name}" for f in _frames(trace)]
    event.pop("stack_info", None)
    return event


def _frames(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(trace, limit=-8))


class RequestLog:
    """Middleware: gives each request an id, and writes one line for it once it is answered.

    The line names the route and not the address, which may hold what only its reader should see.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = _given_id(request) or uuid.uuid4().hex
        started = time.perf_counter()
        clear_contextvars()
        bind_contextvars(request=request_id)
        response = self.get_response(request)
        match = request.resolver_match
        # The admin has views of these names too, in a namespace.
        if match is None or match.view_name not in SILENT:
            facts = {
                "method": request.method,
                "route": match.route if match else "",
                "status": response.status_code,
                "ms": round((time.perf_counter() - started) * 1000),
            }
            level = logging.ERROR if response.status_code >= 500 else logging.INFO
            logger.log(level, "answered", extra={"facts": facts})
        response[REQUEST_HEADER] = request_id
        return response

    def process_view(
        self, _request: HttpRequest, _view: object, _args: object, kwargs: Mapping[str, Any]
    ) -> None:
        """From here on each line says which study and battle it is about."""
        bind_contextvars(**named_in(kwargs))


def named_in(kwargs: Mapping[str, Any]) -> dict[str, str]:
    """The study, battle or board that an address names."""
    return {word: str(kwargs[name]) for name, word in NAMED.items() if name in kwargs}


def pass_on_request(headers: MutableMapping[str, Any]) -> None:
    """Give a task the id of the request that rang for it."""
    if request_id := get_contextvars().get("request"):
        headers[TASK_HEADER] = request_id


def bind_task(task: Any, task_id: str, args: Any) -> None:
    """Let every line of a task say which it is, of what, and after which request."""
    clear_contextvars()
    facts = {"task": task.name, "task_id": task_id}
    # A doorbell's only argument is an id.
    if isinstance(args, list | tuple) and args:
        facts["of"] = str(args[0])
    if request_id := getattr(task.request, TASK_HEADER, None):
        facts["request"] = str(request_id)
    bind_contextvars(**facts)


def _given_id(request: HttpRequest) -> str:
    given = request.headers.get(REQUEST_HEADER, "")
    is_id = given.isascii() and given.replace("-", "").isalnum() and len(given) <= LONGEST_ID
    return given if is_id else ""
