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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.admin_pages import HustingsAdmin, actor
from accounts.models import User
from studies.models import ApiToken, Study
from studies.tokens import issue_token

VALIDITY = {30: gettext_lazy("30 days"), 90: gettext_lazy("90 days"), 365: gettext_lazy("a year")}


class TokenForm(forms.Form):
    """What a token is for, whose it is, for how long, and what it may do."""

    label = forms.CharField(
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What it is for, so that you know which one to revoke."),
        label=gettext_lazy("Label"),
    )
    user = forms.ModelChoiceField(
        queryset=User.objects.none(),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The token never gives what this user may not."),
        label=gettext_lazy("User"),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        choices=list(VALIDITY.items()),
        coerce=int,
        initial=90,
        widget=UnfoldAdminSelectWidget,
    )
    may_read_conversations = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Those of raters who released their words, and raters' groups. Results it may "
            "read in any case."
        ),
        label=gettext_lazy("May read conversations"),
    )
    may_manage = forms.BooleanField(
        label=gettext_lazy("May manage studies"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Take boards, ask for exports and reports, open, pause and close studies."
        ),
    )
    is_for_all_studies = forms.BooleanField(
        label=gettext_lazy("For all studies"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("All that the user may see, later ones too."),
    )
    studies = forms.ModelMultipleChoiceField(
        queryset=Study.objects.none(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=gettext_lazy(
            "Or for these alone; of public ones besides it sees what anybody sees."
        ),
        label=gettext_lazy("Studies"),
    )

    def __init__(self, answer: Any, *, maker: User) -> None:
        super().__init__(answer, initial={"user": maker.pk})
        # A token for somebody else sees what she sees, so that is for superusers only.
        users = User.objects.filter(is_active=True).order_by("username")
        self._choose("user", users if maker.is_superuser else users.filter(pk=maker.pk))
        self._choose("studies", Study.objects.visible_to(maker).order_by("slug"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("studies")) == bool(data.get("is_for_all_studies")):
            self.add_error("studies", _("Name studies, or say that it is for all: one of the two."))
        return data

    def _choose(self, field: str, among: QuerySet[Any]) -> None:
        self.fields[field].queryset = among  # type: ignore[attr-defined]


@admin.register(ApiToken)
class ApiTokenAdmin(HustingsAdmin):
    """Tokens of REST clients: made here, shown once, revoked by deleting them."""

    list_display = ["label", "beginning", "user", "scopes", "expiry", "last_used_at", "standing"]
    list_filter = [("expiry", admin.DateFieldListFilter), "may_read_conversations", "may_manage"]
    list_select_related = ["user"]
    search_fields = ["label", "token_key", "user__username"]
    ordering = ["-created"]
    fields = [
        "label",
        "beginning",
        "user",
        "scopes",
        "of_studies",
        "created",
        "expiry",
        "last_used_at",
        "standing",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Her own; a superuser's are everybody's."""
        queryset: QuerySet[ApiToken] = super().get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(user=request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Begins with"), ordering="token_key")
    def beginning(self, token: ApiToken) -> str:
        return f"{token.token_key[:8]}…"

    @display(description=gettext_lazy("May"))
    def scopes(self, token: ApiToken) -> str:
        given = {
            _("read results"): True,
            _("read conversations"): token.may_read_conversations,
            _("manage"): token.may_manage,
        }
        return ", ".join(words for words, is_given in given.items() if is_given)

    @display(description=gettext_lazy("Studies"))
    def of_studies(self, token: ApiToken) -> str:
        if token.is_for_all_studies:
            return _("All that the user may see")
        return ", ".join(map(str, token.studies.order_by("slug"))) or _("None: public ones only")

    @display(description=gettext_lazy("Now"), label={"valid": "success", "expired": "default"})
    def standing(self, token: ApiToken) -> str:
        is_expired = token.expiry and token.expiry < timezone.now()
        return _("expired") if is_expired else _("valid")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a token, and show it on this answer only: nobody can read it again."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST if request.method == "POST" else None, maker=actor(request))
        context = self.admin_site.each_context(request) | {
            "title": _("Add a token"),
            "opts": self.model._meta,
            "form": form,
        }
        if form.is_valid():
            token, secret = _issue(form.cleaned_data)
            self.log_addition(request, token, _("Made for a REST client."))
            context |= {"title": _("Copy the token now"), "token": token, "secret": secret}
        # The admin site forbids storing any of its pages, and so this one.
        return TemplateResponse(request, "admin/studies/apitoken/add.html", context)


def _issue(data: dict[str, Any]) -> tuple[ApiToken, str]:
    return issue_token(
        data["user"],
        label=data["label"],
        validity=timedelta(days=data["days"]),
        may_read_conversations=data["may_read_conversations"],
        may_manage=data["may_manage"],
        studies=None if data["is_for_all_studies"] else data["studies"],
    )
