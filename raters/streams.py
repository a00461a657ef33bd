"""How text travels from the workers to the page: the database holds it, one reader looks.

Each web process has one reader, however many raters it serves: while anybody watches, it reads
all watched replies in one query a tick, in a thread and on a connection of its own. Nothing is
sent from process to process, so it is the same on SQLite and PostgreSQL.

Both sides are released in step, so that speed tells nothing: neither shows more signs than the
slower one has, and never faster than PACE. So is a side that answers alone.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error, connections

from raters.models import Reply, Turn
from raters.shown import ShownText, names_to_hide, shown_text

logger = logging.getLogger(__name__)

T = TypeVar("T")

TICK_S: Final = 0.25
# Signs a second: some seventy words, faster than anybody reads.
PACE: Final = 400.0

ENDED: Final = (Reply.State.FINISHED, Reply.State.FAILED, Reply.State.ERASED)


@dataclass(frozen=True, slots=True)
class ReplyUpdate:
    """What a rater may see of one reply now; it takes the place of what was shown of it before.

    `state` is a `Reply.State`: finished only once the whole text is shown, and for every side
    claimed until then. `text` is masked; it begins anew, empty, where an answer was discarded.
    """

    turn: int
    side: str
    state: str
    text: str
    masked: int


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A reply as the database has it."""

    side: str
    state: str
    text: str


async def watch_battle(battle_id: int) -> AsyncGenerator[ReplyUpdate]:
    """What can be seen of the replies to the last message, and each change of it.

    Ends when all have ended and are shown to their end; at once, where nothing was said yet.
    To send something while it is silent, wait for its `anext` with `asyncio.wait`, which
    cancels nothing.
    """
    reader = _reader()
    watch = await reader.watch(battle_id)
    if watch is None:
        return
    try:
        while not watch.release.is_over:
            await watch.tick.wait()
            watch.tick.clear()
            for update in watch.release.advance(watch.rows, at=time.monotonic()):
                yield update
    finally:
        reader.leave(watch)


class Release:
    """How much of the replies to one turn is shown, tick by tick. `at` is in seconds."""

    def __init__(self, turn: int, names: frozenset[str]) -> None:
        self.turn = turn
        self.is_over = False
        self._names = names
        self._limit = 0.0
        self._at: float | None = None
        self._known: dict[str, tuple[ReplyRow, ShownText]] = {}
        self._shown: dict[str, ReplyUpdate] = {}

    def advance(self, rows: Iterable[ReplyRow], *, at: float) -> list[ReplyUpdate]:
        """What has changed in what may be seen, side A first."""
        texts = [(row, self._text(row)) for row in rows]
        self._limit = self._next_limit(texts, at)
        self._at = at
        changed = []
        for row, whole in texts:
            update = self._update(row, whole)
            if self._shown.get(row.side) != update:
                self._shown[row.side] = update
                changed.append(update)
        # Without rows too: a preview that is gone is over.
        self.is_over = all(self._shown[row.side].state in ENDED for row, _ in texts)
        return changed

    def mask(self, rows: Iterable[ReplyRow]) -> None:
        """Do the slow part of `advance` ahead, in a thread where nobody waits for it."""
        for row in rows:
            self._text(row)

    def _text(self, row: ReplyRow) -> ShownText:
        """What may be shown of a reply at most; masked again only where it has changed."""
        known = self._known.get(row.side)
        if known is None or known[0] != row:
            known = (row, shown_text(row.state, row.text, self._names))
            self._known[row.side] = known
        return known[1]

    def _next_limit(self, texts: Iterable[tuple[ReplyRow, ShownText]], at: float) -> float:
        """How many signs of each side are shown: what the slowest has, or else everything."""
        growing = [len(text.text) for row, text in texts if row.state not in ENDED]
        goal = min(growing) if growing else max((len(text.text) for _, text in texts), default=0)
        if self._at is None:
            # Somebody who comes late, or comes again, sees at once what is there for both.
            return float(goal)
        return max(self._limit, min(goal, self._limit + PACE * (at - self._at)))

    def _update(self, row: ReplyRow, whole: ShownText) -> ReplyUpdate:
        limit = int(self._limit)
        has_all = row.state in ENDED and len(whole.text) <= limit
        state = row.state if has_all else Reply.State.CLAIMED
        return ReplyUpdate(self.turn, row.side, str(state), whole.text[:limit], whole.masked)


@dataclass(eq=False, slots=True)
class _Watch:
    """One page that watches the replies to one turn."""

    turn_id: int
    release: Release
    rows: tuple[ReplyRow, ...] = ()
    tick: asyncio.Event = field(default_factory=asyncio.Event)


class _Reader:
    """Reads what is watched in one event loop, while anybody watches."""

    def __init__(self) -> None:
        self._watches: set[_Watch] = set()
        self._task: asyncio.Task[None] | None = None
        # A thread, and thus a connection, of its own: requests neither share it nor wait for it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replies")

    async def watch(self, battle_id: int) -> _Watch | None:
        """Begin to watch the last turn of a battle; None if it has none."""
        try:
            watch = await self._in_thread(partial(_open_watch, battle_id))
            if watch is not None:
                self._watches.add(watch)
                if self._task is None:
                    self._task = asyncio.create_task(self._run())
        finally:
            if self._task is None:
                self._thread.submit(connections.close_all)
        return watch

    def leave(self, watch: _Watch) -> None:
        """Watch no longer."""
        self._watches.discard(watch)

    async def _run(self) -> None:
        """Read once a tick, and give everybody what is hers; end when nobody watches."""
        try:
            while self._watches:
                began = time.monotonic()
                watches = tuple(self._watches)
                try:
                    rows = await self._in_thread(partial(_look, watches))
                except Error:
                    # The pages wait; the next tick has a new connection.
                    logger.exception("The replies that raters watch could not be read.")
                else:
                    # Who came meanwhile has her first look in the next tick.
                    for watch in watches:
                        watch.rows = rows.get(watch.turn_id, ())
                        watch.tick.set()
                await asyncio.sleep(max(TICK_S / 10, TICK_S - (time.monotonic() - began)))
        finally:
            self._task = None
            self._thread.submit(connections.close_all)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _closing_after_error, work)


def _closing_after_error(work: Callable[[], T]) -> T:
    try:
        return work()
    except Error:
        connections.close_all()
        raise


def _open_watch(battle_id: int) -> _Watch | None:
    turns = Turn.objects.filter(battle=battle_id).select_related("battle__participation__study")
    last = turns.order_by("-number").first()
    if last is None:
        return None
    return _Watch(last.pk, Release(last.number, names_to_hide(last.battle.participation.study)))


def _look(watches: Iterable[_Watch]) -> Mapping[int, tuple[ReplyRow, ...]]:
    """The replies that these watch, read and masked."""
    rows = _read({watch.turn_id for watch in watches})
    for watch in watches:
        watch.release.mask(rows.get(watch.turn_id, ()))
    return rows


def _read(turn_ids: Iterable[int]) -> Mapping[int, tuple[ReplyRow, ...]]:
    """The replies to these turns, side A first, in one query."""
    found: dict[int, tuple[ReplyRow, ...]] = {}
    replies = Reply.objects.filter(turn__in=turn_ids).order_by("side")
    for turn_id, side, state, text in replies.values_list("turn_id", "side", "state", "text"):
        found[turn_id] = (*found.get(turn_id, ()), ReplyRow(side, state, text))
    return found


_READERS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Reader]] = WeakKeyDictionary()


def _reader() -> _Reader:
    """The reader of this event loop: a web process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _READERS:
        _READERS[loop] = _Reader()
    return _READERS[loop]
