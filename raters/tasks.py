"""Doorbells: each calls a service of its subject."""

from celery import shared_task
from django.utils import timezone

from raters.services import panel, previews, replies, spending


@shared_task
def release_expired_places() -> None:
    """Give back places whose time has run out: nobody has to ask for one first."""
    panel.release_expired_places(at=timezone.now())


@shared_task
def make_reply(reply_id: int) -> None:
    """Make a reply that is due."""
    replies.make_reply(reply_id)


@shared_task
def ring_due_replies() -> None:
    """Let no reply wait for a bell that was lost, or for a worker that has died."""
    now = timezone.now()
    replies.return_expired_leases(at=now)
    replies.ring_due_replies(at=now)


@shared_task
def pause_overspent_studies() -> None:
    """Let no study cost more than its budget for longer than a beat."""
    spending.pause_overspent_studies()


@shared_task
def end_stale_previews() -> None:
    """Clear away the previews that nobody has ended."""
    previews.end_stale_previews(at=timezone.now())
