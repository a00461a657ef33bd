"""Admin pages of the tokens that programs use."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
)

from accounts.admin_pages import HustingsAdmin, actor
from accounts.models import User
from studies.models import ApiToken

VALIDITY = {30: "30 days", 90: "90 days", 365: "a year"}


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


@admin.register(ApiToken)
class ApiTokenAdmin(HustingsAdmin):
    """Tokens of REST clients: made here, shown once, revoked by deleting them."""

    list_display = ["beginning", "user", "created", "expiry", "standing"]
    list_filter = [("expiry", admin.DateFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["token_key", "user__username"]
    ordering = ["-created"]
    fields = ["beginning", "user", "created", "expiry", "standing"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Her own; a superuser's are everybody's."""
        queryset: QuerySet[ApiToken] = super().get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(user=request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Begins with", ordering="token_key")
    def beginning(self, token: ApiToken) -> str:
        return f"{token.token_key[:8]}…"

    @display(description="Now", label={"valid": "success", "expired": "default"})
    def standing(self, token: ApiToken) -> str:
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
            token, secret = ApiToken.objects.create(form.cleaned_data["user"], expiry=validity)
            self.log_addition(request, token, "Made for a REST client.")
            context |= {"title": "Copy the token now", "token": token, "secret": secret}
        # The admin site forbids storing any of its pages, and so this one.
        return TemplateResponse(request, "admin/studies/apitoken/add.html", context)
