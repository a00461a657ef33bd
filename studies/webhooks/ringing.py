"""Bells for deliveries that are due."""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from kombu.exceptions import OperationalError

from studies.models import WebhookDelivery

logger = logging.getLogger(__name__)
State = WebhookDelivery.State
# Bells rung again don't pile up where every worker is busy.
BELL_EXPIRES: Final = timedelta(seconds=30)
# Rung at once at most: what a worker does in the meantime.
MOST_BELLS: Final = 200


def due_deliveries(*, at: datetime) -> QuerySet[WebhookDelivery]:
    """Deliveries that a worker may claim now: due ones, and those whose lease has ended.

    Not those of an endpoint that is paused: they wait.
    """
    return WebhookDelivery.objects.filter(
        Q(state=State.WAITING, due_at__lte=at) | Q(state=State.CLAIMED, leased_until__lte=at),
        endpoint__is_active=True,
    )


def ring_due_deliveries(*, at: datetime) -> int:
    """Ring for deliveries that are due, the oldest first; returns how many."""
    ids = list(due_deliveries(at=at).order_by("due_at").values_list("pk", flat=True)[:MOST_BELLS])
    for delivery_id in ids:
        _ring(delivery_id)
    return len(ids)


def ring_on_commit(delivery_id: int) -> None:
    """Ring for a delivery once the transaction that made it due has come through."""
    transaction.on_commit(partial(_ring, delivery_id))


def _ring(delivery_id: int) -> None:
    # The task imports the services, and these this module.
    from studies.tasks import deliver_webhook

    try:
        deliver_webhook.apply_async((delivery_id,), expires=BELL_EXPIRES.total_seconds())
    except OperationalError:
        logger.warning("The broker can't be reached; delivery %s waits for a beat.", delivery_id)
