"""Doorbells: each calls a service of its subject."""

from celery import shared_task
from django.utils import timezone

from studies.webhooks import delivering, ringing


@shared_task
def deliver_webhook(delivery_id: int) -> None:
    """Send a webhook that is due."""
    delivering.deliver(delivery_id, at=timezone.now())


@shared_task
def ring_due_deliveries() -> None:
    """Let no webhook wait for a bell that was lost, or past its time."""
    ringing.ring_due_deliveries(at=timezone.now())


@shared_task
def forget_old_events() -> None:
    """Forget what was told long ago."""
    delivering.forget_old_events(at=timezone.now())
