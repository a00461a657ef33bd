"""How allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in for people an admin has let in: there is no open sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
