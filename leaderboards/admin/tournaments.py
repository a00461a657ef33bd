"""Admin pages of live tournaments."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_pages import ReadOnlyAdmin, ReadOnlyInline
from leaderboards.models import Standing, Tournament
from studies.models import Study


class StandingInline(ReadOnlyInline):
    model = Standing
    fields = ["contestant", "skill", "uncertainty", "wins", "losses", "ties"]
    readonly_fields = ["skill", "uncertainty"]
    ordering = ["-mu"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Standing]:
        queryset: QuerySet[Standing] = super().get_queryset(request)
        return queryset.select_related("contestant", "tournament")

    @display(description=gettext_lazy("Skill (μ)"))
    def skill(self, standing: Standing) -> str:
        return f"{standing.mu:.2f}"

    @display(description=gettext_lazy("Uncertainty (σ)"))
    def uncertainty(self, standing: Standing) -> str:
        return f"{standing.sigma:.2f}"


@admin.register(Tournament)
class TournamentAdmin(ReadOnlyAdmin):
    """Live standings, folded as verdicts come in. Only studies that compare models have them."""

    list_display = ["study", "dimension", "group_name", "ties_expected"]
    list_display_links = ["dimension", "group_name"]
    list_filter = ["study", "dimension"]
    search_fields = ["study__slug", "dimension__key", "group__name"]
    fields = ["study", "dimension", "group_name", "ties_expected"]
    inlines = [StandingInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tournament]:
        visible = Study.objects.visible_to(request.user)
        queryset = Tournament.objects.filter(study__in=visible)
        return queryset.select_related("study", "dimension", "group__axis")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        rated = Study.objects.visible_to(request.user).filter(protocol=Study.Protocol.SINGLE)
        study = rated.filter(pk__in=request.GET.getlist("study__id__exact")).first()
        if study is not None:
            messages.info(
                request,
                _(
                    "%(study)s rates one model at a time: it has no live standings. Its boards "
                    "rank the ratings."
                )
                % {"study": study},
            )
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    @display(description=gettext_lazy("Ties expected"), ordering="draw_probability")
    def ties_expected(self, tournament: Tournament) -> str:
        return f"{tournament.draw_probability:.1%}"

    @display(description=gettext_lazy("Group"), ordering="group")
    def group_name(self, tournament: Tournament) -> str:
        return str(tournament.group or _("everybody"))
