"""A reviewer's decision where several review at once: the first one stands."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from raters.errors import DecidedAlreadyError
from raters.models import Strike
from raters.services.strikes import Review, confirm_strike, overturn_strike
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def decide_waiting_strike(
    strike: Strike, *, is_confirmed: bool, by: "User", note: str = "", at: datetime
) -> Review:
    """Confirm or overturn a strike that waits for it.

    Raises DecidedAlreadyError, with who and when, if it waits no more.
    """
    # Under the study's lock, which the decision takes anyway: of two at once one comes second.
    Study.objects.select_for_update(no_key=True).get(pk=strike.participation.study_id)
    strike.refresh_from_db()
    if not Strike.objects.awaiting_review().filter(pk=strike.pk).exists():
        raise DecidedAlreadyError(
            _(
                "%(by)s decided about this strike already, on %(day)s at %(time)s UTC: it is "
                "%(decision)s. That stands."
            )
            % {
                "by": strike.decided_by,
                "day": date_format(strike.decided_at or at, "DATE_FORMAT"),
                "time": f"{strike.decided_at:%H:%M}",
                "decision": strike.get_decision_display(),
            }
        )
    decide = confirm_strike if is_confirmed else overturn_strike
    return decide(strike, by=by, note=note, at=at)
