"""Everything that writes tokens of REST clients."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from studies.models import ApiToken, Study

if TYPE_CHECKING:
    from accounts.models import User

# A program that asks a hundred times a second must not write as often.
BETWEEN_MARKS: Final = timedelta(minutes=1)


@transaction.atomic
def issue_token(
    user: "User",
    *,
    label: str,
    validity: timedelta,
    may_read_conversations: bool = False,
    may_manage: bool = False,
    studies: Iterable[Study] | None = (),
) -> tuple[ApiToken, str]:
    """Make a token, and return it with its secret, which nobody can read again.

    `studies` are those that it is for; None means all that its user may see, later ones too.
    """
    token, secret = ApiToken.objects.create(
        user,
        expiry=validity,
        label=label,
        may_read_conversations=may_read_conversations,
        may_manage=may_manage,
        is_for_all_studies=studies is None,
    )
    token.studies.set(studies or ())
    return token, secret


def mark_used(token: ApiToken, *, at: datetime) -> None:
    """Write that a token was used, at most once a minute."""
    if token.last_used_at is not None and at - token.last_used_at < BETWEEN_MARKS:
        return
    is_old = Q(last_used_at=None) | Q(last_used_at__lte=at - BETWEEN_MARKS)
    ApiToken.objects.filter(is_old, pk=token.pk).update(last_used_at=at)
