"""Doorbells: each calls a service of its subject."""

from celery import shared_task
from django.utils import timezone

from raters.services import (
    erasing,
    fraud,
    judge_claims,
    judgements,
    panel,
    previews,
    replies,
    screening,
    spending,
)


@shared_task
def release_expired_places() -> None:
    """Give back places whose time has run out: nobody has to ask for one first."""
    panel.release_expired_places(at=timezone.now())


@shared_task
def erase_after_retention() -> None:
    """Forget who the raters were of studies that closed long ago."""
    erasing.erase_after_retention(at=timezone.now())


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
def screen_turn(turn_id: int) -> None:
    """Run the screens on a message."""
    screening.screen_turn(turn_id, at=timezone.now())


@shared_task
def screen_battle(battle_id: int) -> None:
    """Run the screens on a judged battle."""
    screening.screen_battle(battle_id, at=timezone.now())


@shared_task
def ring_due_screens() -> None:
    """Let nothing go unscreened because a bell was lost, or a worker has died."""
    screening.ring_due_screens(at=timezone.now())


@shared_task
def pause_overspent_studies() -> None:
    """Let no study cost more than its budget for longer than a beat."""
    spending.pause_overspent_studies(at=timezone.now())


@shared_task
def end_stale_previews() -> None:
    """Clear away the previews that nobody has ended."""
    previews.end_stale_previews(at=timezone.now())


@shared_task
def look_for_fraud() -> None:
    """Tell reviewers what is new over all participations of studies that go on."""
    fraud.look_for_fraud_everywhere(at=timezone.now())


@shared_task
def judge(run_id: int) -> None:
    """Go on with a judge's run."""
    judgements.work_on_run(run_id)


@shared_task
def ring_running_runs() -> None:
    """Let no run stand still because a bell was lost, or a worker has died."""
    judge_claims.ring_running_runs(at=timezone.now())
