"""Steps of a study's page that let an admin walk the rater's way, and clear it away again."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from unfold.admin import ModelAdmin

from accounts.admin_pages import actor, page_of
from raters.access import get_study_to_join
from raters.entry import forget_entry
from raters.errors import PreviewRefusedError
from raters.services.previews import end_preview, start_preview
from studies.models import Study


@require_http_methods(["GET", "HEAD", "POST"])
def preview_step(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask, then start a preview and lead to its entrance. It passes: the log is not told of it."""
    if not request.user.has_perm("studies.change_study"):
        raise PermissionDenied
    study = get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)
    if request.method == "POST":
        try:
            preview = start_preview(study, by=actor(request), at=timezone.now())
            return redirect("raters:join", preview.slug)
        except PreviewRefusedError as refusal:
            messages.error(request, str(refusal))
            return redirect(page_of(study))
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Preview"),
        "opts": Study._meta,
        "original": study,
        "back": page_of(study),
    }
    return TemplateResponse(request, "admin/raters/study/preview.html", context)


@require_POST
def end_preview_step(
    request: HttpRequest,
    slug: str,
    model_admin: ModelAdmin,  # noqa: ARG001
) -> HttpResponse:
    """End a preview, and lead back to the study."""
    preview = get_study_to_join(request, slug)
    study = preview.preview_of
    if study is None:
        raise PermissionDenied
    end_preview(preview)
    forget_entry(request, preview)
    messages.success(request, _("The preview has ended, and nothing of it is kept."))
    return redirect(page_of(study))
