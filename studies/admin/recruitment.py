"""How a study recruits, on its page: consent texts, completion codes, pay."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminURLInputWidget

from accounts.admin_pages import NeverDeleted
from studies.models import CompletionCode, ConsentText, Study

MINUTES_OF_AN_HOUR = 60


class ConsentTextForm(ModelForm):  # type: ignore[type-arg]
    """A new version; its number is given when it is stored."""

    class Meta:
        model = ConsentText
        fields = ["summary", "text"]
        widgets = {
            "summary": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "text": UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        }


class ConsentTextInline(NeverDeleted, StackedInline):
    """What raters agree to, the newest version first. Versions are added, and never changed."""

    model = ConsentText
    form = ConsentTextForm
    extra = 0
    fields = ["summary", "text"]
    can_delete = False
    after = gettext_lazy("Task and turns")

    def has_change_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentText]:
        queryset: QuerySet[ConsentText] = super().get_queryset(request)
        return queryset.order_by("-version")


class CompletionCodeForm(ModelForm):  # type: ignore[type-arg]
    """The code of one outcome. A new row counts once something is written in it."""

    redirect_url = forms.URLField(
        label=gettext_lazy("Redirect"),
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=gettext_lazy("Back to the recruiting platform."),
    )

    class Meta:
        model = CompletionCode
        fields = ["outcome", "code", "redirect_url"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["outcome"].disabled = True
        # The table's headers are not labels to a screen reader.
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label

    def has_changed(self) -> bool:
        written = {"code", "redirect_url"} & set(self.changed_data)
        return bool(written) or bool(self.instance.pk and super().has_changed())


class CompletionCodeInline(TabularInline):
    """The code and the way back for each end: all of them are offered."""

    model = CompletionCode
    form = CompletionCodeForm
    fields = ["outcome", "code", "redirect_url"]
    hide_title = True
    max_num = len(CompletionCode.Outcome)
    after = gettext_lazy("Way in and way back")

    def get_extra(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> int:
        return len(unnamed_outcomes(obj))


def unnamed_outcomes(study: Study | None) -> list[CompletionCode.Outcome]:
    """The outcomes for which a study has no code yet, in the order in which people think."""
    named: set[str] = set()
    if study is not None and study.pk:
        named = set(CompletionCode.objects.filter(study=study).values_list("outcome", flat=True))
    return [outcome for outcome in CompletionCode.Outcome if outcome not in named]


def hourly_rate_of(study: Study) -> str:
    """What an hour is paid, or what has to be said to know it."""
    if study.pay is None or not study.minutes_estimated:
        return _("Say the pay and the estimated minutes, and it shows here.")
    rate = Decimal(study.pay) * MINUTES_OF_AN_HOUR / study.minutes_estimated
    return _("%(rate)s %(currency)s an hour") % {"rate": f"{rate:,.2f}", "currency": study.currency}
