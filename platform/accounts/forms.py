"""The two forms by which raters sign in: an e-mail address, then the code sent to it."""

from typing import Any

from allauth.account.forms import ConfirmLoginCodeForm, RequestLoginCodeForm
from allauth.core import context
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.sign_up import account_for_code, is_sign_up_open


class AddressForm(RequestLoginCodeForm):
    """Where to send the code. Who is new on her way into a study is given an account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Your e-mail address")
        self.fields["email"].widget.attrs.pop("placeholder", None)

    def clean_email(self) -> str:
        # The library's check first: it counts how often an address is asked for a code.
        email: str = super().clean_email()
        is_open = is_sign_up_open(context.request, at=timezone.now())
        self._user = account_for_code(email, is_new_welcome=is_open)
        return email


class CodeForm(ConfirmLoginCodeForm):
    """The six digits, as a phone offers them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("The six digits")
        attributes = self.fields["code"].widget.attrs
        attributes.pop("placeholder", None)
        attributes.update({"inputmode": "numeric", "autocapitalize": "off"})
