"""Doorbells of the site itself."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from studies import written


@shared_task
def clear_sessions() -> None:
    """Remove sessions that have expired."""
    call_command("clearsessions")


@shared_task
def clear_written() -> None:
    """Forget what was answered to writes more than a day ago."""
    written.clear_written(at=timezone.now())
