"""How fast the site answers many raters who take part at once, over HTTP, from link to code."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Final

import numpy as np
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from hustings.benchmarks.crowd import Crowd, Seen, visits_of
from hustings.benchmarks.scratch import scratch_database
from hustings.benchmarks.serving import WEB_PROCESSES, Site, serve_chat_models, serve_site
from raters.models import Participation, Reply, Turn, Verdict
from raters.quotas import places
from raters.services.identities import ids_of
from studies.dimension_templates import add_dimension_template
from studies.models import ChatModel, CompletionCode, Study
from studies.planning import allocate_quotas, open_study
from studies.services import add_consent_text, ensure_shipped_electorate, enter_contestant

BATTLES_EACH: Final = 2
CHAT_SERVERS: Final = 2
CONTESTANTS: Final = ("Ash", "Birch", "Cherry", "Dogwood")
CODE: Final = "BENCH-COMPLETED"
TEXT: Final = "You talk with two assistants and compare them. You may stop at any time."
FAILURES_NAMED: Final = 10


@dataclass(frozen=True)
class Times:
    """How often, and milliseconds: median, 95th percentile, most."""

    n: int
    p50_ms: float
    p95_ms: float
    max_ms: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Times":
        """Of at least one measurement."""
        p50, p95 = np.percentile(milliseconds, [50, 95])
        return cls(
            len(milliseconds), round(float(p50), 1), round(float(p95), 1),
            round(max(milliseconds), 1),
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What the database holds at the end, each beside what it must be.

    `taken_over_target`: by how many places the fullest quota is overshot, 0 if none is.
    `inside_at_once`: the most raters who had a place at the same time.
    """

    completed: int
    verdicts_expected: int
    verdicts_found: int
    replies_expected: int
    replies_finished: int
    taken_over_target: int
    inside_at_once: int


@dataclass(frozen=True)
class RatersSpeed:
    """Times of every page and post, by method and name of its address.

    No page waits for a chat model. Of a stream the opening is timed as a page; `stream_lag` is
    the time from the end of the later of two replies in the database to the last of both on the
    rater's screen, which comes at the pace of reading.
    """

    raters: int
    seconds: float
    pages: Mapping[str, Times]
    worst_p95_ms: float
    stream_lag: Times | None
    errors: int
    failures: Sequence[str]
    found: Found
    setup: Mapping[str, object]


def run(
    n: int = 200,
    *,
    messages: int = 3,
    haste: float = 1.0,
    reply_s: float = 1.5,
    web_processes: int = WEB_PROCESSES,
) -> RatersSpeed:
    """Let `n` raters through a study of two battles, with so many messages in each.

    The site, its worker and its chat models run on loopback, each a process of its own. Raters
    arrive three in a second and take some ten minutes; `haste` divides the time they take to
    think, and `reply_s` is how long chat models talk on average.
    """
    load = os.getloadavg()[0]
    with (
        serve_chat_models(CHAT_SERVERS, reply_s=reply_s) as base_urls,
        scratch_database() as environment,
    ):
        study = open_large_study(n, messages, base_urls)
        groups = groups_to_come(study, seed=1)
        with serve_site(environment, web_processes=web_processes) as site:
            crowd = Crowd(site.address, study.slug, messages, CODE, haste)
            begun = time.perf_counter()
            asyncio.run(crowd.walk(visits_of(groups, seed=1)))
            seconds = time.perf_counter() - begun
        pages = {name: Times.of(each) for name, each in sorted(crowd.timings.answers.items())}
        lags = _stream_lags(study, crowd.seen)
        return RatersSpeed(
            raters=n,
            seconds=round(seconds, 1),
            pages=pages,
            worst_p95_ms=max(times.p95_ms for times in pages.values()),
            stream_lag=Times.of(lags) if lags else None,
            errors=len(crowd.timings.failures),
            failures=sorted(set(crowd.timings.failures))[:FAILURES_NAMED],
            found=look(study, n, messages),
            setup=setup_of(site, load=load),
        )


def setup_of(site: Site, *, load: float) -> dict[str, object]:
    """What was measured, in words; `load` is the machine's before."""
    parts = asdict(site)
    del parts["address"]
    return {
        "database": connection.vendor,
        **parts,
        "chat_models": f"{len(CONTESTANTS)} at {CHAT_SERVERS} servers of their own processes",
        "processors": os.cpu_count(),
        "load_before": round(load, 1),
    }


def open_large_study(n: int, messages: int, base_urls: Sequence[str]) -> Study:
    """A study with as many places as raters, in the quotas of the US electorate."""
    study = Study.objects.create(
        slug="load",
        title="Help around the house",
        question="Which assistant helps people best around the house?",
        task="Ask for help with something that you would really do this month.",
        electorate=ensure_shipped_electorate("us-2023"),
        entrance=Study.Entrance.RECRUITED,
        battles_each=BATTLES_EACH,
        min_turns=messages,
    )
    for place, name in enumerate(CONTESTANTS):
        chat_model = ChatModel.objects.create(
            name=name,
            developer="Copse",
            base_url=base_urls[place % len(base_urls)],
            model_id=name.lower(),
            max_concurrent=n,
        )
        enter_contestant(study, name=name, chat_model=chat_model)
    add_dimension_template(study, template="humaine")
    add_consent_text(study, summary=TEXT, text=TEXT)
    for outcome in CompletionCode.Outcome:
        is_completed = outcome == CompletionCode.Outcome.COMPLETED
        CompletionCode.objects.create(
            study=study,
            outcome=outcome,
            code=CODE if is_completed else f"BENCH-{outcome.value}",
            redirect_url="https://recruiting.example/",
        )
    allocate_quotas(study, raters=n, at=timezone.now())
    open_study(study, at=timezone.now())
    return study


def groups_to_come(study: Study, *, seed: int) -> list[dict[str, str]]:
    """The groups of each rater, so that the last of them takes the last place of every quota."""
    chance = Random(seed)  # noqa: S311  no secret hangs on it
    by_axis: dict[str, list[str]] = {}
    quotas = study.quotas.values_list("group__axis__key", "group__key", "target")
    for axis, group, target in quotas:
        by_axis.setdefault(axis, []).extend([group] * target)
    for groups in by_axis.values():
        chance.shuffle(groups)
    return [
        dict(zip(by_axis, groups, strict=True)) for groups in zip(*by_axis.values(), strict=True)
    ]


def _stream_lags(study: Study, seen: Sequence[Seen]) -> list[float]:
    """Milliseconds from both replies finished in the database to both whole on the screen."""
    called = ids_of(study)
    finished = {
        (called[participation], battle, number): at
        for participation, battle, number, at in Turn.objects.annotate(
            at=Max("replies__finished_at")
        ).values_list("battle__participation", "battle__key", "number", "at")
    }
    return [
        1000 * (each.at - finished[each.recruiting_id, each.battle, each.number].timestamp())
        for each in seen
    ]


def look(study: Study, n: int, messages: int) -> Found:
    """What the database holds once `n` raters are through."""
    turns = n * BATTLES_EACH * messages
    verdicts = Verdict.objects.filter(battle__participation__study=study)
    completed = study.participations.filter(state=Participation.State.COMPLETED)
    return Found(
        completed=completed.count(),
        verdicts_expected=n * BATTLES_EACH * study.dimensions.count(),
        # The constraint allows one for each battle and dimension.
        verdicts_found=verdicts.count(),
        replies_expected=2 * turns,
        replies_finished=Reply.objects.filter(state=Reply.State.FINISHED).count(),
        taken_over_target=max(max(0, fill.taken - fill.target) for fill in places(study)),
        inside_at_once=_most_at_once(completed.values_list("created_at", "ended_at")),
    )


def _most_at_once(stays: Any) -> int:
    """The most of these times, from and to, that hold at one instant."""
    steps: Counter[Any] = Counter()
    for begun, ended in stays:
        steps[begun] += 1
        steps[ended] -= 1
    inside = most = 0
    for _, step in sorted(steps.items()):
        inside += step
        most = max(most, inside)
    return most
