"""Answers about published boards, kept as they were sent: such a board never changes.

Only for who says not who it is. What may change around a board, whether anybody may see it,
whether it was withdrawn and what supersedes it, is looked up in one query: each time, or where
`BOARDS_KEPT_S` says so, once in as many seconds.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from threading import Lock
from typing import Final, TypeGuard
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language

from leaderboards.models import Board
from studies.models import Study

View = Callable[..., HttpResponseBase]
State = tuple[object, ...]

# Bytes of all answers that one process keeps, and of the largest that is worth it.
MOST: Final = 64 << 20
LARGEST: Final = MOST >> 3
MOST_STATES: Final = 10_000
# What is said of this one client, and not of the board.
OF_THE_CLIENT: Final = ("RateLimit-", "Retry-After", "Set-Cookie")


@dataclass(frozen=True)
class Kept:
    """An answer's bytes and headers."""

    content: bytes
    headers: dict[str, str]

    def answer(self) -> HttpResponse:
        return HttpResponse(self.content, headers=self.headers)


class Answers:
    """The answers that a process keeps; those go first that nobody has asked for longest."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def get(self, key: Hashable) -> Kept | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, kept: Kept) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = kept
            self._size += len(kept.content)
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.content)


ANSWERS: Final = Answers()
# By slug and board: until when its state is taken as it was found, by the monotonic clock.
_STATES: Final[dict[tuple[str, UUID], tuple[float, State | None]]] = {}


def kept(view: View) -> View:
    """The view of one board, whose answers are kept. What is kept counts against no limit."""

    @wraps(view)
    def answer(request: HttpRequest, slug: str, board_id: UUID) -> HttpResponseBase:
        key = _key(request, slug, board_id)
        if key is None:
            return view(request, slug=slug, board_id=board_id)
        found = ANSWERS.get(key)
        if found is not None:
            return found.answer()
        response = view(request, slug=slug, board_id=board_id)
        if _is_worth_keeping(response):
            headers = {
                name: value
                for name, value in response.items()
                if not name.startswith(OF_THE_CLIENT)
            }
            ANSWERS.put(key, Kept(response.content, headers))
        return response

    return answer


def _key(request: HttpRequest, slug: str, board_id: UUID) -> Hashable | None:
    """What the answer hangs on; None where it is not to be kept, or there is nothing to see."""
    given = request.headers
    is_known = "Authorization" in given or settings.SESSION_COOKIE_NAME in request.COOKIES
    if request.method != "GET" or is_known or "If-None-Match" in given or "Range" in given:
        return None
    state = _state(slug, board_id)
    if state is None:
        return None
    asked = (request.scheme, request.get_host(), request.get_full_path(), get_language())
    return (state, *asked, given.get("Accept"), given.get("Accept-Encoding"))


def _state(slug: str, board_id: UUID) -> State | None:
    """All that can change around a board, as it was looked up last; None where it is none."""
    if not settings.BOARDS_KEPT_S:
        return _look_up(slug, board_id)
    now = time.monotonic()
    until, state = _STATES.get((slug, board_id), (0.0, None))
    if now >= until:
        state = _look_up(slug, board_id)
        if len(_STATES) >= MOST_STATES:
            _STATES.clear()
        _STATES[slug, board_id] = (now + settings.BOARDS_KEPT_S, state)
    return state


def _look_up(slug: str, board_id: UUID) -> State | None:
    public = Study.objects.visible_to(AnonymousUser()).filter(slug=slug)
    found = Board.objects.filter(pk=board_id, study__in=public).order_by("pk")
    return found.values_list("pk", "withdrawal", "superseded_by").first()


def _is_worth_keeping(response: HttpResponseBase) -> TypeGuard[HttpResponse]:
    return (
        isinstance(response, HttpResponse)
        and response.status_code == HTTPStatus.OK
        and not response.cookies
        and len(response.content) <= LARGEST
    )
