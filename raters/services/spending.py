"""Everything that keeps a study within its budget."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from django.db import transaction

from studies.errors import StateError
from studies.life_cycle import move_study
from studies.models import Study, WebhookEvent
from studies.spending import overspending
from studies.webhooks import announce

# What it has cost is for admins alone.
PUBLIC_REASON: Final = "Its budget is spent."


def pause_overspent_studies(*, at: datetime) -> list[Study]:
    """Pause each open study whose replies have cost its budget; returns those.

    Nothing new begins there; who is in the middle of a battle may still give her verdicts.
    """
    open_studies = Study.objects.filter(
        state=Study.State.OPEN, budget__isnull=False, preview_of=None
    )
    paused = []
    for study in open_studies:
        reason = overspending(study)
        if reason:
            # Somebody may have paused or closed it since.
            with suppress(StateError), transaction.atomic():
                move_study(
                    study,
                    to=Study.State.PAUSED,
                    reason=reason,
                    public_reason=PUBLIC_REASON,
                    at=at,
                )
                # Raised and spent again, it is another budget.
                facts = {"budget": str(study.budget), "currency": "USD"}
                kind = WebhookEvent.Kind.BUDGET_SPENT
                announce(study, kind, facts, key=str(study.budget), at=at)
                paused.append(study)
    return paused
