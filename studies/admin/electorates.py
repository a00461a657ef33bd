"""Admin pages of electorates: looked at, and made from a file or from what is shipped."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_pages import ReadOnlyAdmin, link, link_to, page_of, stack, table
from studies.census import ElectorateError
from studies.errors import StudyError
from studies.forms import ElectorateForm
from studies.models import Electorate, Source, Study
from studies.services import create_electorate


@admin.register(Electorate)
class ElectorateAdmin(ReadOnlyAdmin):
    """Whom studies speak for. Figures never change: boards speak for them."""

    list_display = ["name", "slug", "axis_count", "study_count"]
    search_fields = ["name", "slug"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "used_by"]}),
        (gettext_lazy("Groups and shares"), {"fields": ["figures"], "classes": ["full-width"]}),
        (gettext_lazy("Sources"), {"fields": ["origins"], "classes": ["full-width"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Electorate]:
        return Electorate.objects.annotate(
            axis_total=Count("axes", distinct=True), study_total=Count("studies", distinct=True)
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.add_electorate")

    @display(description=gettext_lazy("Axes"), ordering="axis_total")
    def axis_count(self, electorate: Electorate) -> int:
        return int(getattr(electorate, "axis_total", 0))

    @display(description=gettext_lazy("Studies"), ordering="study_total")
    def study_count(self, electorate: Electorate) -> int:
        return int(getattr(electorate, "study_total", 0))

    @display(description=gettext_lazy("Used by"))
    def used_by(self, electorate: Electorate) -> SafeString | str:
        studies = Study.objects.filter(electorate=electorate)
        return stack(link_to(study) for study in studies) or _("No study yet.")

    @display(description=gettext_lazy("Shares of the electorate"))
    def figures(self, electorate: Electorate) -> SafeString:
        return stack(
            table(
                [_("Group"), _("#Share"), _("Key"), _("Source")],
                [
                    (group.name, f"{group.share:.2%}", group.key, group.source.key)
                    for group in axis.groups.all()
                ],
                caption=axis.name,
            )
            for axis in electorate.axes.prefetch_related("groups__source")
        )

    @display(description=gettext_lazy("Where shares were read"))
    def origins(self, electorate: Electorate) -> SafeString:
        return table(
            [_("Key"), _("Publication"), _("Licence"), _("Note")],
            [
                (source.key, _publication(source), source.licence or "–", source.note or "–")
                for source in electorate.sources.all()
            ],
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make an electorate from a file, or one that Hustings ships."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        answer = (request.POST, request.FILES) if request.method == "POST" else ()
        form = ElectorateForm(*answer)
        if form.is_valid():
            try:
                electorate = create_electorate(form.spec)
            except (ElectorateError, StudyError) as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, electorate, _("Made from published figures."))
                messages.success(
                    request,
                    _("The electorate “%(electorate)s” is ready for studies.")
                    % {"electorate": electorate},
                )
                return redirect(page_of(electorate))
        context = self.admin_site.each_context(request) | {
            "title": _("Add an electorate"),
            "opts": self.model._meta,
            "form": form,
        }
        return TemplateResponse(request, "admin/studies/electorate/add.html", context)


def _publication(source: Source) -> SafeString | str:
    return link(source.url, source) if source.url else str(source)
