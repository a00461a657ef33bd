"""What the admin's pages of live figures have in common: who sees them, and their frame."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from unfold.admin import ModelAdmin

from accounts.admin_pages import page_of
from studies.access import may_see_live_figures
from studies.models import Study


def live_study(request: HttpRequest, study_id: int) -> Study:
    """The study, for whoever may see its live figures. Raises PermissionDenied or Http404."""
    if not may_see_live_figures(request.user):
        raise PermissionDenied
    return get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)


def frame_of(
    request: HttpRequest, study: Study, model_admin: ModelAdmin, *, name: str
) -> dict[str, Any]:
    """What the template of a page of this name needs, whatever it shows."""
    context: dict[str, Any] = model_admin.admin_site.each_context(request)
    return context | {
        "title": f"{name}: {study}",
        "opts": Study._meta,
        "original": study,
        "back": page_of(study),
    }
