"""Admin pages of who signs in, and of the tokens that programs use."""

from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from knox.models import AuthToken
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin_pages import HustingsAdmin, actor
from accounts.models import User

for model in (Group, EmailAddress, Authenticator, AuthToken):
    admin.site.unregister(model)

VALIDITY = {30: "30 days", 90: "90 days", 365: "a year"}


@admin.register(User)
class UserAdmin(DjangoUserAdmin, HustingsAdmin):  # type: ignore[type-arg]
    """Study admins, reviewers, owners of tokens; and raters who came in by an account."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_staff", "is_superuser", "is_active", "last_login"]


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, HustingsAdmin):
    """What people may do, by role."""


@admin.register(EmailAddress)
class EmailAddressAdmin(HustingsAdmin):
    """Addresses that users sign in with."""

    list_display = ["email", "user", "primary", "verified"]
    list_filter = ["primary", "verified"]
    list_select_related = ["user"]
    search_fields = ["email", "user__username"]
    autocomplete_fields = ["user"]


@admin.register(Authenticator)
class AuthenticatorAdmin(HustingsAdmin):
    """Second factors. Somebody who lost hers gets it deleted here; its secret is never shown."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TokenForm(forms.Form):
    """Whose token, and for how long."""

    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        widget=UnfoldAdminSelectWidget,
        help_text="The token sees what this user sees.",
    )
    days = forms.TypedChoiceField(
        label="Valid for",
        choices=list(VALIDITY.items()),
        coerce=int,
        initial=90,
        widget=UnfoldAdminSelectWidget,
    )


@admin.register(AuthToken)
class TokenAdmin(HustingsAdmin):
    """Tokens of REST clients: made here, shown once, revoked by deleting them."""

    list_display = ["beginning", "user", "created", "expiry", "standing"]
    list_filter = [("expiry", admin.DateFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["token_key", "user__username"]
    ordering = ["-created"]
    fields = ["beginning", "user", "created", "expiry", "standing"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthToken]:
        """Her own; a superuser's are everybody's."""
        queryset: QuerySet[AuthToken] = super().get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(user=request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Begins with", ordering="token_key")
    def beginning(self, token: AuthToken) -> str:
        return f"{token.token_key[:8]}…"

    @display(description="Now", label={"valid": "success", "expired": "default"})
    def standing(self, token: AuthToken) -> str:
        return "expired" if token.expiry and token.expiry < timezone.now() else "valid"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a token, and show it on this answer only: nobody can read it again."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        answer = request.POST if request.method == "POST" else None
        form = TokenForm(answer, initial={"user": request.user.pk})
        # A token for somebody else sees what she sees, so that is for superusers only.
        users = User.objects.filter(is_active=True).order_by("username")
        mine = users if request.user.is_superuser else users.filter(pk=actor(request).pk)
        form.fields["user"].queryset = mine  # type: ignore[attr-defined]
        context = self.admin_site.each_context(request) | {
            "title": "Add a token",
            "opts": self.model._meta,
            "form": form,
        }
        if form.is_valid():
            validity = timedelta(days=form.cleaned_data["days"])
            token, secret = AuthToken.objects.create(form.cleaned_data["user"], expiry=validity)
            self.log_addition(request, token, "Made for a REST client.")
            context |= {"title": "Copy the token now", "token": token, "secret": secret}
        # The admin site forbids storing any of its pages, and so this one.
        return TemplateResponse(request, "admin/knox/authtoken/add.html", context)
