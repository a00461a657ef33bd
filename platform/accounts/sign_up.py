"""Accounts of raters: an e-mail address, and a six-digit code sent to it; never a password.

Whoever leads somebody here leaves in her session where she goes on afterwards, and whether an
account may be made for her. Nothing else opens sign-up.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final

from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User

KEY: Final = "sign-up"
# A way in that somebody has begun and left is no open door in her browser for ever.
KEPT: Final = timedelta(hours=1)


def open_sign_up(
    request: HttpRequest, *, back_to: str, takes_new: bool, language: str = "", at: datetime
) -> None:
    """Let somebody sign in on her way, and go on at the address `back_to`.

    `takes_new`: who has no account is given one, for as long as an hour from `at`. `language`:
    in which she is spoken to there, as on her way; empty for her own.
    """
    until = (at + KEPT).timestamp() if takes_new else 0.0
    request.session[KEY] = {"back_to": back_to, "until": until, "language": language}


def close_sign_up(request: HttpRequest) -> None:
    """She is in, and goes on elsewhere."""
    request.session.pop(KEY, None)


def is_sign_up_open(request: HttpRequest, *, at: datetime) -> bool:
    """Whether somebody without an account may be given one here and now."""
    way = request.session.get(KEY)
    return isinstance(way, dict) and at.timestamp() < way["until"]


def way_back(request: HttpRequest) -> str | None:
    """Where somebody goes on who was led here; None if nobody led her."""
    way = request.session.get(KEY)
    return str(way["back_to"]) if isinstance(way, dict) else None


def language_of_way(request: HttpRequest) -> str:
    """In which language somebody is spoken to who was led here; empty for her own."""
    way = request.session.get(KEY)
    return str(way.get("language", "")) if isinstance(way, dict) else ""


def account_for_code(email: str, *, is_new_welcome: bool) -> User | None:
    """The account that a code sent to this address opens; made now if new ones are welcome.

    `email` is in lower case. None if there is no such account: also for staff, who sign in with
    password and second factor, and for an account that has been closed.
    """
    account = _account_of(email)
    if account is None:
        return _make_account(email) if is_new_welcome else None
    return account if account.is_active and not account.is_staff else None


def _account_of(email: str) -> User | None:
    """Whose address this is: who has confirmed it, or else who was given it first."""
    confirmed = EmailAddress.objects.select_related("user").filter(email=email, verified=True)
    # The database finds Ann@ for ann@, but also mike@ for a dotless mıke@: another's address.
    alike = User.objects.filter(email__iexact=email).order_by("pk")
    given = (user for user in alike if user.email.lower() == email)
    owner = confirmed.first()
    return owner.user if owner is not None else next(given, None)


@transaction.atomic
def _make_account(email: str) -> User:
    # A name of our own: one made from her address would show it wherever users are named.
    account = User(username=f"rater-{secrets.token_hex(8)}", email=email)
    account.set_unusable_password()
    account.save()
    EmailAddress.objects.create(user=account, email=email, primary=True, verified=False)
    return account


def delete_account(account: User) -> None:
    """Delete the account of a rater, with its address; staff are not deleted here."""
    if account.is_staff:
        raise ValueError(f"{account} is staff, and no rater's account.")
    account.delete()
