"""Admin pages of chat models, and of their entries into studies."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Max, Q, QuerySet, URLField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from accounts.admin_pages import (
    HustingsAdmin,
    NeverDeleted,
    ReadOnly,
    ReasonForm,
    Step,
    page_of,
    take_step,
)
from studies.errors import StudyError
from studies.models import ChatModel, Contestant, Study
from studies.services import withdraw_contestant

HAS_PLAYED = Q(battles_as_a__isnull=False) | Q(battles_as_b__isnull=False)


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

    @action(description="Withdraw", icon="logout", url_path="withdraw", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contestant = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(data: dict[str, Any]) -> str:
            withdraw_contestant(contestant, reason=data["reason"], at=timezone.now())
            return f"{contestant} has withdrawn."

        step = Step(
            question=f"Withdraw {contestant}?",
            note="It meets nobody any more. Its battles and the boards already published stay, "
            "and boards show the reason. It can't come back into this study.",
            button="Withdraw",
            act=act,
            refusals=(StudyError,),
            back=page_of(contestant),
            form=ReasonForm,
            is_final=True,
        )
        return take_step(self, request, contestant, step)


@admin.register(ChatModel)
class ChatModelAdmin(NeverDeleted, HustingsAdmin):
    """The registry. What is pinned stays once a model has been in a battle."""

    list_display = ["name", "version", "developer", "model_id", "revision", "created_at"]
    list_filter = ["developer"]
    search_fields = ["name", "developer", "model_id"]
    fieldsets = [
        ("The model", {"fields": [("name", "version"), "developer"]}),
        (
            "Pinned once it has been in a battle",
            {"fields": ["base_url", ("model_id", "revision"), "parameters", "system_prompt"]},
        ),
    ]
    actions_detail = ["new_version"]

    def get_readonly_fields(self, request: HttpRequest, obj: ChatModel | None = None) -> list[str]:
        if obj is None or not obj.contestants.filter(HAS_PLAYED).exists():
            return []
        return list(ChatModel.PINNED)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_new_version_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.add_chatmodel")

    @action(
        description="New version",
        icon="content_copy",
        url_path="new-version",
        permissions=["new_version"],
    )
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        get_object_or_404(ChatModel, pk=object_id)
        return redirect(f"{reverse('admin:studies_chatmodel_add')}?version_of={object_id}")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version starts as a copy of the old one."""
        old = request.GET.get("version_of", "")
        model = ChatModel.objects.filter(pk=old).first() if old.isdecimal() else None
        if model is None:
            return {}
        last = ChatModel.objects.filter(name=model.name).aggregate(last=Max("version"))["last"]
        pinned = {field: getattr(model, field) for field in ChatModel.PINNED}
        return {"name": model.name, "version": last + 1, **pinned}


def standing_of(contestant: Contestant) -> str:
    """Whether the contestant takes part, in two words."""
    return "withdrawn" if contestant.withdrawn_at else "takes part"
