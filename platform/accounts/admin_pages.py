"""What our admin's pages have in common: read-only registers, steps that ask first, tables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import User


class HustingsAdmin(ModelAdmin):
    """A register that stays quick with many rows, and offers no step that makes no sense now."""

    show_full_result_count = False
    list_filter_submit = False
    warn_unsaved_form = True

    def unfit_steps(self, obj: Any) -> Iterable[str]:
        """Names of the detail actions that are not shown for this object as it stands."""
        return ()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        actions: list[Any] = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, str(object_id)) if actions else None
        if obj is None:
            return actions
        unfit = set(self.unfit_steps(obj))
        return [a for a in actions if a.method.original_function_name not in unfit]


class NeverDeleted:
    """Mixed into a register or an inline: nothing of it is ever deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NeverDeleted):
    """Mixed into a register or an inline: people look, and services write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, HustingsAdmin):
    """A register to look at."""


class ReadOnlyInline(ReadOnly, TabularInline):
    """A table to look at, on the page of what its rows belong to; `page` leads to a row's own."""

    extra = 0
    can_delete = False
    hide_title = True
    readonly_fields = ["page"]

    @display(description="")
    def page(self, obj: Model) -> SafeString:
        return link_to(obj, _("Open"))


class StepForm(forms.Form):
    """A step that asks nothing but: sure?"""


class ReasonForm(StepForm):
    """A step that asks why."""

    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "One or two sentences. Anybody may read it, wherever this shows and in the "
            "study's ledger, and it is kept for good: name nobody."
        ),
        label=gettext_lazy("Reason"),
    )


@dataclass(frozen=True)
class Step:
    """A page between a button and what it does: a question, and a form where more is asked.

    `act` takes the form's data and returns what to tell the person. What it raises of `refusals`
    becomes a message: nothing was done, and why.
    """

    question: str
    note: str
    button: str
    act: Callable[[dict[str, Any]], str]
    refusals: tuple[type[Exception], ...]
    back: str
    form: type[forms.Form] = StepForm
    is_final: bool = False


def take_step(admin: ModelAdmin, request: HttpRequest, obj: Model, step: Step) -> HttpResponse:
    """Ask, then act once the answer comes; then go back to where the person came from."""
    form = step.form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            done = step.act(form.cleaned_data)
        except step.refusals as refusal:
            messages.error(request, str(refusal))
        else:
            admin.log_change(request, obj, done)
            messages.success(request, done)
        return redirect(step.back)
    context = admin.admin_site.each_context(request) | {
        "title": step.question,
        "opts": admin.model._meta,
        "original": obj,
        "step": step,
        "form": form,
    }
    return TemplateResponse(request, "admin/step.html", context)


def actor(request: HttpRequest) -> User:
    """Who acts. Nobody comes to the admin's pages without signing in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def page_of(obj: Model) -> str:
    """The admin's page of an object."""
    meta = obj._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[obj.pk])


def link_to(obj: Model, text: object = None) -> SafeString:
    """A link to the admin's page of an object."""
    return link(page_of(obj), obj if text is None else text)


def link(address: str, text: object) -> SafeString:
    """A link as the admin's pages show it."""
    return render_to_string("admin/link.html", {"address": address, "text": text})


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = ""
) -> SafeString:
    """A table on an admin's page. Columns of numbers are told by a header that begins with `#`."""
    columns = [(header.removeprefix("#"), header.startswith("#")) for header in headers]
    lines = [list(zip(row, (is_number for _, is_number in columns), strict=True)) for row in rows]
    return render_to_string(
        "admin/table.html", {"columns": columns, "lines": lines, "caption": caption}
    )


def stack(parts: Iterable[SafeString]) -> SafeString:
    """Parts of a page, one under the other."""
    return mark_safe("".join(parts))  # noqa: S308 every part is safe already
