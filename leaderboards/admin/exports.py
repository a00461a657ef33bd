"""A study's exports: asked for, waited for, fetched and deleted."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from accounts.admin_pages import actor
from leaderboards.admin.reports import BETWEEN_LOOKS
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import ExportError
from leaderboards.exports.serving import answer_file
from leaderboards.models import Export
from leaderboards.services.exports import UNDER_WAY, ask_for_export, delete_export
from studies.models import Study

TEMPLATE: Final = "admin/leaderboards/study/exports.html"


class AskForm(forms.Form):
    """Which files are wanted, and for whom."""

    format = forms.ChoiceField(
        choices=Export.Format.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "Of the files of rows; all come in one ZIP, with a codebook and a datasheet."
        ),
        label=gettext_lazy("Format"),
    )
    is_release = forms.BooleanField(
        label=gettext_lazy("Public release"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Only what raters' consent covers, under pseudonyms of its own; small groups "
            "are not told apart. Without it, everything but identities, for the study's "
            "team alone."
        ),
    )


def may_fetch(request: HttpRequest, export: Export) -> bool:
    """Whether this person may fetch an export: a release by whoever sees live figures."""
    return export.is_release or request.user.has_perm("studies.change_study")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def exports_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """A study's exports, newest first. A post asks for one, or deletes one: `do` says which."""
    study = live_study(request, study_id)
    may_change = request.user.has_perm("studies.change_study")
    form = AskForm()
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if request.POST.get("do") == "delete":
            return _delete(request, study)
        form = AskForm(request.POST)
        if form.is_valid():
            return _ask(request, study, form.cleaned_data)
    found = [each for each in study.exports.select_related("asked_by") if may_fetch(request, each)]
    context = frame_of(request, study, model_admin, name=_("Exports")) | {
        "exports": found,
        "form": form,
        "may_change": may_change,
    }
    response = TemplateResponse(request, TEMPLATE, context)
    if any(each.state in UNDER_WAY for each in found) and not form.errors:
        response["Refresh"] = str(int(BETWEEN_LOOKS.total_seconds()))
    return response


def _ask(request: HttpRequest, study: Study, given: dict[str, Any]) -> HttpResponse:
    try:
        ask_for_export(
            study,
            form=given["format"],
            is_release=given["is_release"],
            by=actor(request),
            at=timezone.now(),
        )
    except ExportError as error:
        messages.error(request, str(error))
    return redirect("admin:leaderboards_study_exports", study_id=study.pk)


def _delete(request: HttpRequest, study: Study) -> HttpResponse:
    export = _named(study, request.POST.get("export", ""))
    delete_export(export)
    messages.success(request, _("The export is deleted, with its file."))
    return redirect("admin:leaderboards_study_exports", study_id=study.pk)


def _named(study: Study, key: str) -> Export:
    try:
        return get_object_or_404(Export, pk=UUID(key), study=study)
    except ValueError as error:
        raise Http404(_("There is no such export.")) from error


@never_cache
@require_safe
def export_file(
    request: HttpRequest,
    study_id: int,
    export_id: UUID,
    model_admin: ModelAdmin,  # noqa: ARG001 every page of the site is given it
) -> HttpResponseBase:
    """An export's file, or a part of it."""
    study = live_study(request, study_id)
    export = _named(study, str(export_id))
    if not may_fetch(request, export):
        raise PermissionDenied
    try:
        return answer_file(request, export)
    except ExportError as error:
        raise Http404(str(error)) from error
