"""Bells for deliveries that are due."""

from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from studies.bells import ring
from studies.models import WebhookDelivery

State = WebhookDelivery.State
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
        ring_delivery(delivery_id)
    return len(ids)


def ring_delivery(delivery_id: int) -> None:
    """Ring for a delivery once the transaction that made it due has come through."""
    # The task imports the services, and these this module.
    from studies.tasks import deliver_webhook

    ring(deliver_webhook, delivery_id)
