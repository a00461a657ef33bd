"""The life cycle of a study: draft → open ⇄ paused → closed → archived."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from studies.errors import StateError
from studies.ledger import By, Kind, record
from studies.models import Study, WebhookEvent
from studies.rules import rules_of
from studies.webhooks import announce

NEXT_STATES: dict[str, frozenset[str]] = {
    Study.State.DRAFT: frozenset({Study.State.OPEN}),
    Study.State.OPEN: frozenset({Study.State.PAUSED, Study.State.CLOSED}),
    Study.State.PAUSED: frozenset({Study.State.OPEN, Study.State.CLOSED}),
    Study.State.CLOSED: frozenset({Study.State.ARCHIVED}),
    Study.State.ARCHIVED: frozenset(),
}
# What the ledger says of a study that came to a state. Opening it has a service of its own.
ENTRIES: Final = {
    Study.State.PAUSED: Kind.STUDY_PAUSED,
    Study.State.CLOSED: Kind.STUDY_CLOSED,
    Study.State.ARCHIVED: Kind.STUDY_ARCHIVED,
}


@transaction.atomic
def move_study(
    study: Study, *, to: str, reason: str = "", public_reason: str = "", at: datetime
) -> None:
    """Move a study along its life cycle: draft → open ⇄ paused → closed → archived.

    Except to open: that is `studies.planning.open_study`, which checks the design first.
    `reason` is why the platform pauses it, where no person did; it is for admins, and the ledger
    says `public_reason`.
    """
    if to == Study.State.OPEN:
        raise StateError(_("A study opens only by the step that checks its design."))
    closed = {"closed_at": at} if to == Study.State.CLOSED else {}
    moved = Study.objects.filter(pk=study.pk, state__in=states_before(to)).update(
        state=to, pause_reason=reason, **closed
    )
    study.refresh_from_db()
    if not moved:
        raise refused_step(study, to)
    by = By.PLATFORM if reason else By.ADMIN
    record(study, ENTRIES[Study.State(to)], {"reason": public_reason}, by=by, at=at)
    if closed:
        announce(study, WebhookEvent.Kind.STUDY_FINISHED, {"because": "closed"}, key=to, at=at)


@transaction.atomic
def mark_open(study: Study, *, at: datetime) -> None:
    """Write that a study is open, and in its ledger the rules with which it first opened.

    What has to be checked before, its callers have. Raises StateError where the life cycle does
    not allow it.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if locked.state not in states_before(Study.State.OPEN):
        raise refused_step(locked, Study.State.OPEN)
    facts: dict[str, object] = {}
    if locked.opened_at is None:
        facts = {"rules": [{"what": what, "is": value} for what, value in rules_of(locked).items()]}
    Study.objects.filter(pk=study.pk).update(
        state=Study.State.OPEN, opened_at=locked.opened_at or at, pause_reason=""
    )
    study.refresh_from_db()
    record(study, Kind.STUDY_OPENED, facts, by=By.ADMIN, at=at)


def states_before(to: str) -> list[str]:
    """The states from which a study can come to this one."""
    return [state for state, nexts in NEXT_STATES.items() if to in nexts]


def refused_step(study: Study, to: str) -> StateError:
    """What to say where the life cycle does not allow a step."""
    allowed = ", ".join(sorted(NEXT_STATES[study.state])) or _("nothing more")
    return StateError(
        _("A study that is %(state)s can become: %(allowed)s. Not %(to)s.")
        % {"state": study.state, "allowed": allowed, "to": to}
    )
