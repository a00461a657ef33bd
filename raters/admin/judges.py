"""Admin pages of judges: who they are, and what they are asked."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin_pages import (
    HustingsAdmin,
    NeverDeleted,
)
from raters.judging.canaries import list_canaries
from raters.judging.cases import Question
from raters.judging.errors import SettingsError
from raters.judging.protocols import EVERY_PROTOCOL
from raters.judging.settings import Settings
from raters.models import Judge
from raters.services.judge_runs import (
    add_judge,
)
from studies.models import ChatModel

# What a prompt is shown with, on a judge's page: any study's own dimensions stand there later.
SAMPLE_QUESTION: Final = Question("overall", "Overall", "Which of the two is better overall?")


class JudgeForm(ModelForm):  # type: ignore[type-arg]
    """A new judge, or the next version of one; one that stands is never changed."""

    protocol = forms.ChoiceField(
        widget=UnfoldAdminRadioSelectWidget,
        choices=[(key, protocol.name) for key, protocol in EVERY_PROTOCOL.items()],
        help_text=format_html_join(
            mark_safe("<br>"),
            "{}: {}",
            ((protocol.name, protocol.explanation) for protocol in EVERY_PROTOCOL.values()),
        ),
    )
    chat_models = forms.ModelMultipleChoiceField(
        ChatModel.objects.filter(is_embedder=False),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy(
            "One, or several as a jury: each is asked, and they vote. “Judge” among the "
            "built-in bots needs no key."
        ),
    )

    class Meta:
        model = Judge
        fields = ["name", "protocol", "settings", "chat_models"]
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "settings": UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        }
        help_texts = {
            "name": gettext_lazy("A name that a judge has already makes its next version."),
            "settings": gettext_lazy(
                'A JSON object; {} is fine for most. Such as {"repeats": 3, "temperature": '
                '0.7}, {"orders": "both"}, or {"rubric": {"warmth": "…"}}. Pairwise judges '
                'and labels take "instructions", said besides the prompt; pairwise judges '
                'take "examples" too, a list such as [{"battle": 12, "winner": {"overall": '
                '"first"}}], which the judge sees as its raters saw them and is never '
                "asked about. What a protocol does not know is refused."
            ),
        }

    def clean_settings(self) -> dict[str, Any]:
        settings = self.cleaned_data["settings"]
        return {} if settings is None else settings

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        protocol = EVERY_PROTOCOL.get(data.get("protocol", ""))
        if protocol is not None and "settings" in data:
            try:
                Settings.parse(data["settings"], protocol)
            except SettingsError as error:
                raise ValidationError({"settings": str(error)}) from error
        return data

    def save(self, commit: bool = True) -> Judge:  # noqa: FBT001, FBT002  ModelForm's
        data = self.cleaned_data
        return add_judge(
            name=data["name"],
            protocol=data["protocol"],
            settings=data["settings"],
            chat_models=list(data["chat_models"]),
            at=timezone.now(),
        )

    def save_m2m(self) -> None:
        """The service has written the jury."""


@admin.register(Judge)
class JudgeAdmin(NeverDeleted, HustingsAdmin):
    """The register of judges. To change one is to add its next version."""

    form = JudgeForm
    list_display = ["name", "version", "protocol_name", "jury"]
    search_fields = ["name"]
    readonly_fields = ["version", "protocol_name", "jury", "shown_settings", "prompt", "created_at"]
    actions_detail = ["new_version"]

    def get_fieldsets(self, request: HttpRequest, obj: Judge | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["name", "protocol", "settings", "chat_models"]})]
        asked = ["protocol_name", "jury", "shown_settings"]
        return [
            (None, {"fields": [("name", "version"), "created_at"]}),
            (_("What it is asked"), {"fields": asked}),
            (_("The prompt, on a conversation made up for it"), {"fields": ["prompt"]}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Judge | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Judge, form: Any, change: bool) -> None:  # noqa: FBT001
        """The form's service has written it."""

    def unfit_steps(self, judge: Judge) -> Iterable[str]:
        return [] if judge.protocol in EVERY_PROTOCOL else ["new_version"]

    @display(description=gettext_lazy("Protocol"))
    def protocol_name(self, judge: Judge) -> str:
        protocol = EVERY_PROTOCOL.get(judge.protocol)
        return protocol.name if protocol else judge.protocol

    @display(description=gettext_lazy("Chat models"))
    def jury(self, judge: Judge) -> str:
        return ", ".join(str(member) for member in judge.chat_models.all()) or _("none")

    @display(description=gettext_lazy("Settings"))
    def shown_settings(self, judge: Judge) -> str:
        told = [f"{name}: {value}" for name, value in judge.settings.items()]
        return "; ".join(told) or _("as they come")

    @display(description="")
    def prompt(self, judge: Judge) -> SafeString | str:
        """The first question of a canary, as its chat model reads it."""
        protocol = EVERY_PROTOCOL.get(judge.protocol)
        if protocol is None:
            return _("Nobody is asked.")
        rubric = judge.settings.get("rubric", {})
        keys = list(rubric) or [SAMPLE_QUESTION.key]
        questions = [Question(key, key, SAMPLE_QUESTION.question) for key in keys]
        settings = Settings.parse(judge.settings, protocol)
        calls = next(protocol.judge(list_canaries()[0].case, questions, settings, seed=0))
        said = "\n\n".join(message.content for message in calls[0].messages)
        return format_html('<pre class="hustings-prompt">{}</pre>', said)

    @action(
        description=gettext_lazy("New version"),
        icon="content_copy",
        url_path="new-version",
        permissions=["new_version"],
    )
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        get_object_or_404(Judge, pk=object_id)
        return redirect(f"{reverse('admin:raters_judge_add')}?version_of={object_id}")

    def has_new_version_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.add_judge")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version starts as a copy of the old one."""
        old = request.GET.get("version_of", "")
        judge = Judge.objects.filter(pk=old).first() if old.isdecimal() else None
        if judge is None:
            return {}
        return {
            "name": judge.name,
            "protocol": judge.protocol,
            "settings": judge.settings,
            "chat_models": list(judge.chat_models.all()),
        }
