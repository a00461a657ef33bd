"""How allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.sign_up import way_back


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in for people an admin has let in, and by code for raters on their way into a study."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "incorrect_code": _("That is not the code we sent. Please look at the newest e-mail."),
        "too_many_login_attempts": _("That were too many tries. Please wait some minutes."),
        "rate_limited": _("That was a little fast. Please wait some minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never by the library's own form, which lets in addresses that nobody has confirmed.

        Raters get their account from the page that sends codes: `accounts.forms.AddressForm`.
        """
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To where she was led here from, also if she came round by another page."""
        back: str = way_back(request) or super().get_login_redirect_url(request)
        return back
