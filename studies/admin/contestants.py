"""Admin pages of contestants: chat models' entries into studies."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldBooleanWidget

from accounts.admin_pages import (
    HustingsAdmin,
    ReadOnly,
    ReasonForm,
    Step,
    page_of,
    take_step,
)
from studies.errors import StudyError
from studies.models import Contestant, Study
from studies.services import cut_off_by, parts_left_by, withdraw_contestant


class SplitForm(ReasonForm):
    """A step that asks why, and whether it may leave others that have never met."""

    may_split = forms.BooleanField(
        label=gettext_lazy("Withdraw it although that cuts others off"),
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy(
            "Boards would then compare them by its past battles alone: once those are left "
            "out, nobody can be ranked. Better let them meet before it goes."
        ),
        error_messages={"required": gettext_lazy("Tick this, or go back and let them meet first.")},
    )


@admin.register(Contestant)
class ContestantAdmin(ReadOnly, HustingsAdmin):
    """Who takes part in which study. Entered on the study's page, withdrawn here."""

    list_display = ["name", "developer", "study", "standing", "entered_at"]
    list_filter = [("withdrawn_at", admin.EmptyFieldListFilter), "study"]
    list_select_related = ["study", "chat_model"]
    search_fields = ["name", "slug", "chat_model__developer"]
    fields = [
        "name",
        "study",
        "chat_model",
        "developer",
        "slug",
        "entered_at",
        "standing",
        "withdrawn_at",
        "withdrawal_reason",
    ]
    actions_detail = ["withdraw"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contestant]:
        visible = Study.objects.visible_to(request.user)
        queryset: QuerySet[Contestant] = super().get_queryset(request)
        return queryset.filter(study__in=visible)

    def has_withdraw_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.change_contestant")

    @display(ordering="chat_model__developer")
    def developer(self, contestant: Contestant) -> str:
        return contestant.chat_model.developer

    @display(label={"takes part": "success", "withdrawn": "warning"}, ordering="withdrawn_at")
    def standing(self, contestant: Contestant) -> str:
        return standing_of(contestant)

    def unfit_steps(self, contestant: Contestant) -> Iterable[str]:
        return ["withdraw"] if contestant.withdrawn_at else []

    @action(
        description=gettext_lazy("Withdraw"),
        icon="logout",
        url_path="withdraw",
        permissions=["withdraw"],
    )
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contestant = get_object_or_404(self.get_queryset(request), pk=object_id)
        parts = parts_left_by(contestant)

        def act(data: dict[str, Any]) -> str:
            withdraw_contestant(
                contestant,
                reason=data["reason"],
                at=timezone.now(),
                may_split=data.get("may_split", False),
            )
            return _("%(contestant)s has withdrawn.") % {"contestant": contestant}

        step = Step(
            question=_("Withdraw %(contestant)s?") % {"contestant": contestant},
            note=_(
                "It meets nobody any more. Its battles and the boards already published "
                "stay, and boards show the reason. It can't come back into this study."
            )
            + (f" {cut_off_by(contestant, parts)}" if parts else ""),
            button=_("Withdraw"),
            act=act,
            refusals=(StudyError,),
            back=page_of(contestant),
            form=SplitForm if parts else ReasonForm,
            is_final=True,
        )
        return take_step(self, request, contestant, step)


def standing_of(contestant: Contestant) -> str:
    """Whether the contestant takes part, in two words."""
    return _("withdrawn") if contestant.withdrawn_at else _("takes part")
