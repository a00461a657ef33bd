"""Admin pages of raters and their participations."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from accounts.admin_pages import ReadOnlyAdmin, ReadOnlyInline, Step, page_of, take_step
from raters.admin.live import live_page
from raters.admin.previews import end_preview_step, preview_step
from raters.admin.registers import Excludable, FoundByIdentity, OfRealStudies, OfVisibleStudies
from raters.errors import RaterError
from raters.models import Battle, Participation, Rater
from raters.services.erasing import withdraw_and_erase


class ParticipationInline(ReadOnlyInline):
    model = Participation
    fields = ["study", "state", "cell", "created_at", "page"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        queryset: QuerySet[Participation] = super().get_queryset(request)
        return queryset.select_related("study", "cell", "rater")


class BattleInline(ReadOnlyInline):
    model = Battle
    fields = ["key", "side_a", "side_b", "task", "created_at", "judged_at", "page"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Battle]:
        queryset: QuerySet[Battle] = super().get_queryset(request)
        return queryset.select_related("side_a", "side_b", "task")


@admin.register(Rater)
class RaterAdmin(FoundByIdentity, OfVisibleStudies, ReadOnlyAdmin):
    """People, pseudonymous."""

    identity_path = "rater"
    study_path = "participations__study"
    list_display = ["code", "created_at"]
    search_fields = ["code__exact"]
    ordering = ["-pk"]
    inlines = [ParticipationInline]


@admin.register(Participation)
class ParticipationAdmin(FoundByIdentity, OfVisibleStudies, Excludable, ReadOnlyAdmin):
    """One rater in one study."""

    identity_path = "pk"

    list_display = ["code", "study", "recruiting_id", "state", "cell", "created_at"]
    list_filter = [("study", OfRealStudies), "state"]
    list_select_related = ["rater", "study", "cell"]
    search_fields = ["rater__code__exact"]
    ordering = ["-pk"]
    fields = [
        "rater",
        "study",
        ("source", "recruiting_id", "recruiting_study", "recruiting_session"),
        "state",
        "cell",
        ("created_at", "ended_at"),
    ]
    inlines = [BattleInline]
    actions_detail = ["leave_out", "erase"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        return super().get_queryset(request).select_related("rater", "study", "cell")

    @display(description=gettext_lazy("Rater"), ordering="rater__code")
    def code(self, participation: Participation) -> str:
        return participation.rater.code

    @display(description=gettext_lazy("Recruiting id"))
    def recruiting_id(self, participation: Participation) -> str:
        return participation.identity.recruiting_id

    @display(description=gettext_lazy("Recruiting study"))
    def recruiting_study(self, participation: Participation) -> str:
        return participation.identity.recruiting_study

    @display(description=gettext_lazy("Recruiting session"))
    def recruiting_session(self, participation: Participation) -> str:
        return participation.identity.recruiting_session

    @action(
        description=gettext_lazy("Exclude from boards"),
        icon="block",
        url_path="exclude",
        permissions=["exclude"],
    )
    def leave_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:raters_exclusion_add')}?participation={object_id}")

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (
            ("study/<int:study_id>/live/", "raters_study_live", live_page),
            ("study/<int:study_id>/preview/", "raters_study_preview", preview_step),
            ("preview/<slug:slug>/end/", "raters_study_preview_end", end_preview_step),
        )

    # By a method: nobody changes a participation by hand, so the theme's own answer is no.
    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.change_participation")

    def unfit_steps(self, participation: Participation) -> Iterable[str]:
        return ["erase"] if participation.state == Participation.State.WITHDRAWN else []

    @action(
        description=gettext_lazy("Withdraw and erase"),
        icon="delete",
        url_path="erase",
        permissions=["erase"],
    )
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        participation = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(_data: dict[str, Any]) -> str:
            withdraw_and_erase(participation, at=timezone.now())
            return _("%(participation)s is withdrawn, and what was said there is erased.") % {
                "participation": participation
            }

        step = Step(
            question=_("Withdraw and erase what %(rater)s said?") % {"rater": participation.rater},
            note=_(
                "Do this where the rater asks for it. Her messages, the answers to them "
                "and what is known of her groups are erased, and her verdicts are left out "
                "of all boards to come. Nobody can bring any of it back, and the exclusion "
                "can't be lifted."
            ),
            button=_("Erase for good"),
            act=act,
            refusals=(RaterError,),
            back=page_of(participation),
            is_final=True,
        )
        return take_step(self, request, participation, step)
