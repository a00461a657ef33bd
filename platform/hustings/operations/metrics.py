"""Metrics for Prometheus, read from the database when they are asked for.

So every web process tells the same, whichever is asked, and a restart sets nothing back to zero.
Each is a count over an index or over the last minutes: asking costs milliseconds.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leaderboards.models import Export, Report
from raters.models import Judgement, Participation, Rating, Reply, Verdict
from studies.models import Study, WebhookDelivery

WINDOW: Final = timedelta(minutes=5)
# A battle takes no longer: what was begun before has no news in it.
LONGEST_BATTLE: Final = timedelta(hours=3)
QUANTILES: Final = (0.5, 0.95, 0.99)
# What workers claim with a lease, and when each was due.
CLAIMED: Final[dict[str, tuple[Any, str]]] = {
    "reply": (Reply, "due_at"),
    "judgement": (Judgement, "due_at"),
    "report": (Report, "asked_at"),
    "export": (Export, "asked_at"),
    "webhook": (WebhookDelivery, "due_at"),
}


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What the service does now, for whoever has the token; without one, for this machine only."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # Behind a proxy everybody comes from it.
    is_forwarded = "X-Forwarded-For" in request.headers
    return not is_forwarded and ip_address(request.META["REMOTE_ADDR"]).is_loopback


class Figures(Collector):
    """All metrics at one instant."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[Metric]:
        yield from self._studies()
        yield from self._work()
        yield from self._providers()
        yield _gauge(
            "verdicts_per_minute",
            "Verdicts and ratings of people, over the last five minutes.",
            [((), self._verdicts() / (WINDOW / timedelta(minutes=1)))],
        )

    def _studies(self) -> Iterator[Metric]:
        real = Study.objects.filter(preview_of=None).order_by()
        yield _gauge(
            "studies", "Studies by state.", _counts(real, "state", Study.State.values), ["state"]
        )
        open_ones = real.filter(state=Study.State.OPEN)
        yield _gauge(
            "queue_depth",
            "Pairs that wait in the battle queue of each open study.",
            [
                ((slug,), depth)
                for slug, depth in open_ones.annotate(depth=Count("matchups")).values_list(
                    "slug", "depth"
                )
            ],
            ["study"],
        )
        kept = [Participation.State.RESERVED, Participation.State.ACTIVE]
        inside = Participation.objects.filter(study__preview_of=None, state__in=kept)
        yield _gauge(
            "places_kept",
            "Raters who are inside now.",
            _counts(inside, "state", [state.value for state in kept]),
            ["state"],
        )

    def _work(self) -> Iterator[Metric]:
        waiting, overdue, expired = [], [], []
        for kind, (model, due) in CLAIMED.items():
            is_due = Q(state="waiting", **{f"{due}__lte": self.at})
            is_expired = Q(state="claimed", leased_until__lte=self.at)
            found = model.objects.filter(state__in=["waiting", "claimed"]).aggregate(
                waiting=Count("pk", filter=is_due),
                oldest=Min(due, filter=is_due),
                expired=Count("pk", filter=is_expired),
            )
            age = (self.at - found["oldest"]).total_seconds() if found["oldest"] else 0.0
            waiting.append(((kind,), found["waiting"]))
            overdue.append(((kind,), age))
            expired.append(((kind,), found["expired"]))
        yield _gauge("work_due", "Pieces of work that no worker has claimed.", waiting, ["kind"])
        yield _gauge("work_oldest_due_seconds", "How long the oldest waits.", overdue, ["kind"])
        yield _gauge(
            "leases_expired", "Pieces of work whose worker has gone silent.", expired, ["kind"]
        )

    def _providers(self) -> Iterator[Metric]:
        recent = Reply.objects.filter(
            turn__battle__created_at__gte=self.at - LONGEST_BATTLE,
            finished_at__gte=self.at - WINDOW,
        )
        side = {"a": "turn__battle__side_a", "b": "turn__battle__side_b"}
        ended, first, whole = [], [], []
        by_model: dict[str, list[tuple[str, int | None, int | None]]] = {}
        for letter, path in side.items():
            fields = (f"{path}__chat_model__name", "state", "first_piece_ms", "total_ms")
            for name, state, first_ms, total_ms in recent.filter(side=letter).values_list(*fields):
                by_model.setdefault(name, []).append((state, first_ms, total_ms))
        for name, rows in sorted(by_model.items()):
            states = [row[0] for row in rows]
            ended += [((name, each), states.count(each)) for each in ("finished", "failed")]
            first += _quantiles(name, [row[1] for row in rows])
            whole += _quantiles(name, [row[2] for row in rows])
        labels = ["model", "quantile"]
        yield _gauge(
            "replies_ended", "Replies of the last five minutes.", ended, ["model", "state"]
        )
        yield _gauge("first_piece_seconds", "Until the first words came.", first, labels)
        yield _gauge("reply_seconds", "Until the last words came.", whole, labels)

    def _verdicts(self) -> int:
        recent = Q(
            battle__created_at__gte=self.at - LONGEST_BATTLE, recorded_at__gte=self.at - WINDOW
        )
        return sum(model._default_manager.filter(recent).count() for model in (Verdict, Rating))


Sample = tuple[tuple[str, ...], float]


def _gauge(
    name: str, words: str, samples: Iterable[Sample], labels: Iterable[str] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"hustings_{name}", words, labels=list(labels))
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _counts(rows: QuerySet[Any], field: str, values: Iterable[str]) -> list[Sample]:
    found = dict(rows.order_by().values_list(field).annotate(number=Count("pk")))
    return [((value,), found.get(value, 0)) for value in values]


def _quantiles(name: str, milliseconds: Iterable[int | None]) -> list[Sample]:
    known = [number for number in milliseconds if number is not None]
    if not known:
        return []
    found = np.quantile(known, QUANTILES) / 1000
    return [((name, str(q)), float(value)) for q, value in zip(QUANTILES, found, strict=True)]
