"""The admin site: signs in through allauth, and asks staff for a second factor."""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.sites import UnfoldAdminSite

# The theme runs Alpine.js, which evaluates expressions in attributes and sets inline styles.
# Only staff see these pages, and nothing a rater or a model wrote is rendered there as HTML.
relax_policy = csp_replace(
    {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}
)


class HustingsAdminSite(UnfoldAdminSite):
    """Django admin for study admins."""

    site_header = "Hustings"
    site_title = "Hustings"
    index_title = gettext_lazy("Studies")

    def admin_view(
        self,
        view: Callable[..., HttpResponseBase],
        cacheable: bool = False,  # noqa: FBT001, FBT002
    ) -> Callable[..., HttpResponseBase]:
        guarded: Callable[..., HttpResponseBase] = super().admin_view(view, cacheable)

        def with_second_factor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if needs_second_factor(request):
                messages.info(
                    request,
                    _("Study admins sign in with a second factor. Set one up, then go on."),
                )
                return redirect("mfa_index")
            return guarded(request, *args, **kwargs)

        relaxed: Callable[..., HttpResponseBase] = relax_policy(with_second_factor)
        return relaxed

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = secure_admin_login(super().login)(request, extra_context)
        return response


def needs_second_factor(request: HttpRequest) -> bool:
    """Whether this is a staff member who still has to set up an authenticator or a passkey."""
    return bool(
        settings.STAFF_MFA_REQUIRED
        and request.user.is_authenticated
        and request.user.is_staff
        and not is_mfa_enabled(request.user)
    )
