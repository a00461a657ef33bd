"""How a study watches over its raters' care, on its page: attention checks, and screens' rules."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from studies.checks import flaws_between, flaws_of_answers, flaws_of_words
from studies.models import AttentionCheck, ScreenRule, Study

SECTION = gettext_lazy("Checks")


class AttentionCheckForm(ModelForm):  # type: ignore[type-arg]
    """A check. What depends on the study's protocol its form set knows."""

    class Meta:
        model = AttentionCheck
        fields = ["kind", "question", "answers", "accepted", "fault", "position"]
        widgets = {
            "answers": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "accepted": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind"):
            check = AttentionCheck(**{name: data.get(name) or "" for name in self._words()})
            for field, flaw in flaws_of_words(check):
                self.add_error(field, flaw)
        return data

    def _words(self) -> list[str]:
        return ["kind", "question", "answers", "accepted", "fault"]


class AttentionCheckFormSet(PaginationInlineFormSet):
    """The checks of a study, each of which can be passed and failed."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        for form in kept:
            for field, flaw in flaws_of_answers(form.instance, self.instance.protocol):
                form.add_error(field, flaw)
        checks = [form.instance for form in kept]
        between = [*flaws_between(checks, battles_each=self.instance.battles_each or 0)]
        if between:
            raise ValidationError(between)


class AttentionCheckInline(StackedInline):
    """Checks of a rater's attention. Once there are raters, these meet what stands here."""

    model = AttentionCheck
    form = AttentionCheckForm
    formset = AttentionCheckFormSet
    extra = 0
    fields = [("kind", "position"), "question", ("answers", "accepted"), "fault"]
    collapsible = True
    after = SECTION

    def has_add_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _has_raters(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _has_raters(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _has_raters(obj) and bool(super().has_delete_permission(request, obj))


def _has_raters(study: Study | None) -> bool:
    """Which checks a rater meets where is drawn from all of them, so they stay for all raters."""
    return study is not None and bool(study.pk) and study.participations.exists()


class ScreenRuleForm(ModelForm):  # type: ignore[type-arg]
    """What one screen may do, where it is not what it does by default."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What it finds"),
        choices=ScreenRule.Kind.choices,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = ScreenRule
        fields = ["kind", "action", "threshold"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "threshold" in self.fields:
            self.fields["threshold"].help_text = _("Empty: the screen's own.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        kind, action = data.get("kind"), data.get("action")
        if action == ScreenRule.Action.STRIKE and kind in ScreenRule.NEVER_A_STRIKE:
            self.add_error(
                "action", _("This alone is never a strike: it may have an honest reason. Tell it.")
            )
        return data

    def _get_validation_exclusions(self) -> set[str]:
        # The form set tells it, of two new ones too.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"kind"}


class ScreenRuleFormSet(PaginationInlineFormSet):
    """The rules of a study, one for each kind at most."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        seen: set[str] = set()
        for form in kept:
            kind = form.cleaned_data["kind"]
            if kind in seen:
                form.add_error("kind", _("There is another rule for this: leave one."))
            seen.add(kind)


class ScreenRuleInline(TabularInline):
    """What screens may do in this study; what is not named here does what it does by default."""

    model = ScreenRule
    form = ScreenRuleForm
    formset = ScreenRuleFormSet
    extra = 0
    fields = ["kind", "action", "threshold"]
    hide_title = True
    after = SECTION
