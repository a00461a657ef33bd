"""What raters see of faults in the middle of their battles, and whether anything is lost by them.

Web, worker, beat, Redis, PostgreSQL and chat models are processes of their own on loopback. A few
raters at a time hold their battles over HTTP as people do who try again, some on a line that drops
before the answer comes; one fault after the other is caused meanwhile. In the end every message
and verdict that the site said it had must stand in the database once, as it was sent, and none
that nobody sent.
"""

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.core.management.base import CommandError
from django.db import connection

from hustings.benchmarks.crowd import Crowd, Visit, visits_of
from hustings.benchmarks.faults_caused import FAULTS, Scene, faked_clock
from hustings.benchmarks.faults_raters import Diary, walk_patiently
from hustings.benchmarks.faults_site import (
    WEB_PROCESSES,
    FaultySite,
    faulty_site,
    start,
    supervised,
)
from hustings.benchmarks.raters import BATTLES_EACH, CODE, groups_to_come, look, open_large_study
from raters.models import Turn, Verdict
from raters.services.identities import ids_of
from studies.models import Study

AT_ONCE: Final = 8
MESSAGES: Final = 2
HASTE: Final = 20.0
REPLY_S: Final = 1.5
WORDS_NAMED: Final = 6


@dataclass(frozen=True)
class FaultFigures:
    """One fault: what came of it, and what raters went through until the next one.

    `saw` are the words or pages that they were shown, and how often; `held_up` how many requests
    did not go through at first, and `longest_s` the longest until one did. `longest_wait_s` is
    the longest from a message that was taken to both replies, `pressed_retry` how often a side
    that had failed was asked again.
    """

    fault: str
    came_of_it: str
    seconds: float
    saw: Mapping[str, int]
    held_up: int
    longest_s: float
    longest_wait_s: float
    pressed_retry: int


@dataclass(frozen=True)
class Count:
    """What the site said it had, against what the database has in the end.

    `lost` is missing there, or is not as it was sent; `unsent` is there and was never sent, or is
    there twice. `dropped` requests were cut off before their answer, and sent again.
    """

    messages: int
    messages_lost: int
    messages_unsent: int
    verdicts: int
    verdicts_lost: int
    verdicts_unsent: int
    dropped: int
    completed: int
    raters: int
    taken_over_target: int


@dataclass(frozen=True)
class FaultsSeen:
    """Every fault in the order in which it was caused, and the final count.

    `ended_alone` names the parts that ended though nobody had told them to, and were started again.
    """

    battles: int
    faults: Sequence[FaultFigures]
    count: Count
    is_whole: bool
    ended_alone: Sequence[str]
    failures: Sequence[str]
    longest_wait_without_fault_s: float
    seconds: float
    setup: Mapping[str, object]


@dataclass(frozen=True)
class _Caused:
    fault: str
    came_of_it: str
    begun_at: float
    ended_at: float


def run(
    n: int = 100, *, outage_s: float = 600.0, only: Collection[str] = FAULTS.keys()
) -> FaultsSeen:
    """Let raters hold `n` battles, two each, and cause faults in the middle of them.

    A provider is down for `outage_s`. Raises CommandError for a fault that is not known, or where
    PostgreSQL or Redis is missing.
    """
    if unknown := set(only) - FAULTS.keys():
        raise CommandError(f"There is no fault {', '.join(sorted(unknown))}.")
    raters = max(1, n // BATTLES_EACH)
    with faulty_site(reply_s=REPLY_S) as site:
        study = open_large_study(raters, MESSAGES, site.base_urls)
        visits = visits_of(groups_to_come(study, seed=1), seed=1)
        crowd = Crowd(site.address, study.slug, MESSAGES, CODE, HASTE)
        scene = Scene(site, study, outage_s)
        _start(site, has_jumps="clock jumped" in only)
        # It would be cut with all the others.
        connection.close()
        begun = time.time()
        diary = Diary()
        caused: list[_Caused] = []
        with supervised(site) as ended_alone:
            asyncio.run(_live_through(scene, crowd, visits, diary, caused, only))
        count = _count(study, diary, raters)
        return FaultsSeen(
            battles=len(diary.verdicts),
            faults=_figures(diary, caused),
            count=count,
            is_whole=_is_whole(count),
            ended_alone=ended_alone,
            failures=crowd.timings.failures,
            longest_wait_without_fault_s=_quiet_wait(diary, caused),
            seconds=round(time.time() - begun, 1),
            setup=_setup(outage_s),
        )


def _start(site: FaultySite, *, has_jumps: bool) -> None:
    """Start web, worker and beat; the clock of the first two can jump until they start again."""
    names = ("web", "worker")
    given = {name: site.parts[name].environment for name in names}
    fake = faked_clock(site) if has_jumps else {}
    for name in names:
        site.parts[name].environment = {**given[name], **fake}
    start(site)
    for name in names:
        site.parts[name].environment = given[name]


async def _live_through(
    scene: Scene,
    crowd: Crowd,
    visits: Sequence[Visit],
    diary: Diary,
    caused: list[_Caused],
    only: Collection[str],
) -> None:
    """Let the raters through; each fault comes after an even part of the battles."""
    faults = [name for name in FAULTS if name in only]
    part = len(visits) * BATTLES_EACH / (len(faults) + 1)
    diary.may_begin = part + AT_ONCE
    walking = asyncio.create_task(walk_patiently(crowd, visits, diary, at_once=AT_ONCE))
    for number, name in enumerate(faults, start=1):
        while len(diary.verdicts) < part * number and not walking.done():
            await asyncio.sleep(0.1)
        diary.may_begin = part * (number + 1) + AT_ONCE
        begun = time.time()
        came_of_it = await asyncio.to_thread(_cause, name, scene)
        caused.append(_Caused(name, came_of_it, begun, time.time()))
    diary.may_begin = math.inf
    await walking


def _cause(name: str, scene: Scene) -> str:
    try:
        return FAULTS[name](scene)
    finally:
        # The thread's own, which nobody uses again.
        connection.close()


def _figures(diary: Diary, caused: Sequence[_Caused]) -> list[FaultFigures]:
    ends = [each.begun_at for each in caused[1:]] + [float("inf")]
    found = []
    for each, until in zip(caused, ends, strict=True):
        # What was under way as the fault came is its victim as well.
        troubles = [t for t in diary.troubles if each.begun_at <= t.begun_at + t.seconds < until]
        waits = [w for w in diary.waits if each.begun_at <= w.begun_at + w.seconds < until]
        saw = Counter(words for trouble in troubles for words in trouble.saw)
        found.append(
            FaultFigures(
                fault=each.fault,
                came_of_it=each.came_of_it,
                seconds=round(each.ended_at - each.begun_at, 1),
                saw=dict(saw.most_common(WORDS_NAMED)),
                held_up=len(troubles),
                longest_s=round(max((t.seconds for t in troubles), default=0.0), 1),
                longest_wait_s=round(max((w.seconds for w in waits), default=0.0), 1),
                pressed_retry=sum(w.pressed for w in waits),
            )
        )
    return found


def _quiet_wait(diary: Diary, caused: Sequence[_Caused]) -> float:
    """The longest wait for replies before the first fault, to compare the others with; seconds."""
    first = caused[0].begun_at if caused else float("inf")
    waits = [wait.seconds for wait in diary.waits if wait.begun_at + wait.seconds < first]
    return round(max(waits, default=0.0), 1)


def _count(study: Study, diary: Diary, raters: int) -> Count:
    called, by_rater = ids_of(study), "battle__participation"
    said = Counter(
        (called[rater], key, number, text)
        for rater, key, number, text in Turn.objects.filter(
            battle__participation__study=study
        ).values_list(by_rater, "battle__key", "number", "text")
    )
    sent = Counter((*key, text) for key, text in diary.messages.items())
    found = Counter(
        (called[rater], key, f"outcome-{dimension}", outcome)
        for rater, key, dimension, outcome in Verdict.objects.filter(
            battle__participation__study=study
        ).values_list(by_rater, "battle__key", "dimension__key", "outcome")
    )
    given = Counter(
        (*key, name, outcome)
        for key, outcomes in diary.verdicts.items()
        for name, outcome in outcomes.items()
    )
    looked = look(study, raters, MESSAGES)
    return Count(
        messages=sent.total(),
        messages_lost=(sent - said).total(),
        messages_unsent=(said - sent).total(),
        verdicts=given.total(),
        verdicts_lost=(given - found).total(),
        verdicts_unsent=(found - given).total(),
        dropped=diary.dropped,
        completed=looked.completed,
        raters=raters,
        taken_over_target=looked.taken_over_target,
    )


def _is_whole(count: Count) -> bool:
    """Nothing lost, nothing twice, no quota overshot, and every rater came to the end."""
    wrong = replace(count, messages=0, verdicts=0, dropped=0, completed=0, raters=0)
    return count.completed == count.raters and wrong == Count(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _setup(outage_s: float) -> dict[str, object]:
    return {
        "database": "PostgreSQL, fsync and synchronous_commit on",
        "servers": f"{WEB_PROCESSES} web processes of `hustings serve`, no proxy",
        "workers": "1 Celery process of threads, and 1 beat",
        "broker": "Redis, nothing kept on disk",
        "raters_at_once": AT_ONCE,
        "provider_down_s": outage_s,
        "processors": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
    }
