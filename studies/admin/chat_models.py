"""Admin pages of the registry of chat models."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Max, Q
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.admin_pages import HustingsAdmin, NeverDeleted, Step, StepForm, page_of
from studies.ledger import changing_chat_model
from studies.models import ChatModel
from studies.providers import (
    BOT_SCHEME,
    Embeddings,
    ProviderError,
    Reply,
    check_address,
    list_bots,
)
from studies.providers.endpoint import KEY_VARIABLE, OWN_PARAMETERS
from studies.registry import (
    address_rules,
    ask_once,
    cost_of,
    embed_once,
    is_key_set,
    register_bots,
    unregistered_bots,
)

HAS_PLAYED = Q(battles_as_a__isnull=False) | Q(battles_as_b__isnull=False)
# A person waits in front of the page for so long.
TRIAL_LIMIT = timedelta(seconds=30)
KEY_LIKE = re.compile(r"(?i)(sk|pk|gsk|hf|key|bearer|aiza)[-_ ].*|.*[a-z0-9+/=_-]{24,}.*")
KEY_COLOURS = {"set": "success", "not set": "danger", "none needed": "default"}


class ChatModelForm(ModelForm):  # type: ignore[type-arg]
    """A chat model. Once it has been in a battle, the pinned fields are not in the form."""

    class Meta:
        model = ChatModel
        fields = [
            "name", "version", "is_embedder", *ChatModel.PINNED,
            "key_variable", "timeout_s", "max_concurrent", "input_price", "output_price",
        ]  # fmt: skip
        widgets = {
            "base_url": UnfoldAdminTextInputWidget(attrs={"list": "built-in-bots"}),
            "parameters": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            "key_variable": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        }
        help_texts = {
            "parameters": gettext_lazy(
                'A JSON object that goes into each request, such as {"temperature": 0.7, '
                '"max_tokens": 800}. A bot takes seed and pace_ms.'
            ),
            "key_variable": gettext_lazy(
                "The name of the environment variable that holds the key, such as "
                "OPENAI_API_KEY; never the key itself. Empty if none is needed."
            ),
            "timeout_s": gettext_lazy("The longest silence that is waited out."),
            "max_concurrent": gettext_lazy(
                "How many calls may be open at its endpoint at one time."
            ),
        }

    def clean_base_url(self) -> str:
        base_url = str(self.cleaned_data["base_url"]).strip()
        # Checked when it changes: a name that does not resolve today must not keep a price.
        if base_url and base_url != self.initial.get("base_url"):
            try:
                check_address(base_url, address_rules())
            except ProviderError as refusal:
                raise ValidationError(str(refusal)) from refusal
        return base_url

    def clean_key_variable(self) -> str:
        """The name; what is not one goes neither into the message nor back into the page."""
        name = str(self.cleaned_data["key_variable"]).strip()
        if not name or KEY_VARIABLE.fullmatch(name):
            return name
        # By its items, which are the last value of each name; unpacked, they would be lists.
        self.data = dict(self.data.items()) | {self.add_prefix("key_variable"): ""}
        if KEY_LIKE.fullmatch(name):
            raise ValidationError(
                _(
                    "This looks like a key, and a key must not be kept here; it was not "
                    "stored. Put it into the server's environment, and the variable's name "
                    "here. If anybody may have seen it, ask for a new one."
                )
            )
        raise ValidationError(
            _(
                "The name is in capitals and ends in _API_KEY, such as OPENAI_API_KEY, so "
                "that no other secret of the server is ever sent to an endpoint."
            )
        )

    def clean_parameters(self) -> dict[str, Any]:
        parameters = self.cleaned_data["parameters"]
        if parameters is None:
            return {}
        if not isinstance(parameters, dict):
            raise ValidationError(
                _('This is no JSON object; write one such as {"temperature": 0.7}.')
            )
        if taken := sorted(OWN_PARAMETERS & parameters.keys()):
            raise ValidationError(
                _("Leave out %(taken)s: the request sets it.") % {"taken": ", ".join(taken)}
            )
        return parameters

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        base_url = data.get("base_url", "")
        if base_url and not base_url.startswith(BOT_SCHEME) and not data.get("model_id"):
            self.add_error("model_id", _("Say what its endpoint calls it."))
        if data.get("is_embedder"):
            self._check_embedder(data)
        return data

    def _check_embedder(self, data: dict[str, Any]) -> None:
        base_url = data.get("base_url")
        if base_url is not None and (not base_url or base_url.startswith(BOT_SCHEME)):
            self.add_error("base_url", _("Say where it answers; no built-in bot embeds texts."))
        if data.get("system_prompt"):
            self.add_error("system_prompt", _("Leave it empty: texts are embedded as they are."))
        if self.instance.pk and self.instance.contestants.exists():
            self.add_error("is_embedder", _("It takes part in a study: register another one."))


class TrialForm(forms.Form):
    """What to say to a chat model, to try it out."""

    message = forms.CharField(
        max_length=4_000,
        initial=gettext_lazy("What should I cook tonight with rice and two eggs?"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "It is sent with the system prompt and the parameters of the model. Nothing of "
            "it is stored."
        ),
        label=gettext_lazy("Message"),
    )


@admin.register(ChatModel)
class ChatModelAdmin(NeverDeleted, HustingsAdmin):
    """The registry. What is pinned stays once a model has been in a battle."""

    form = ChatModelForm
    list_display = ["name", "version", "developer", "base_url", "model_id", "revision", "key"]
    list_filter = ["developer", "is_embedder"]
    search_fields = ["name", "developer", "model_id"]
    change_form_template = "admin/studies/chatmodel/change_form.html"
    readonly_fields = ["key"]
    fieldsets = [
        (gettext_lazy("The model"), {"fields": [("name", "version"), "developer", "is_embedder"]}),
        (
            gettext_lazy("Pinned once it has been in a battle"),
            {"fields": ["base_url", ("model_id", "revision"), "parameters", "system_prompt"]},
        ),
        (
            gettext_lazy("How it is called"),
            {"fields": ["key_variable", "key", ("timeout_s", "max_concurrent")]},
        ),
        (gettext_lazy("What it costs"), {"fields": [("input_price", "output_price")]}),
    ]
    actions_list = ["add_bots"]
    actions_detail = ["try_out", "new_version"]

    def get_readonly_fields(self, request: HttpRequest, obj: ChatModel | None = None) -> list[str]:
        if obj is None or not obj.contestants.filter(HAS_PLAYED).exists():
            return ["key"]
        return ["key", *ChatModel.PINNED]

    def get_fieldsets(self, request: HttpRequest, obj: ChatModel | None = None) -> Any:
        if obj is not None:
            return self.fieldsets
        *others, calls, costs = self.fieldsets
        fields = ["key_variable", ("timeout_s", "max_concurrent")]
        return [*others, (calls[0], {"fields": fields}), costs]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = (extra_context or {}) | {"bots": list_bots()}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: ChatModel, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            super().save_model(request, obj, form, change)
            return
        with changing_chat_model(obj, at=timezone.now()):
            super().save_model(request, obj, form, change)

    @display(description=gettext_lazy("Key"), label=KEY_COLOURS)
    def key(self, chat_model: ChatModel) -> str:
        return {True: _("set"), False: _("not set"), None: _("none needed")}[is_key_set(chat_model)]

    def unfit_steps(self, chat_model: ChatModel) -> Iterable[str]:
        return [] if chat_model.base_url else ["try_out"]

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        actions: list[Any] = super().get_actions_list(request)
        return actions if actions and unregistered_bots() else []

    # Try it

    @action(description=gettext_lazy("Try it"), icon="chat", url_path="try", permissions=["change"])
    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say one thing to the model, and look at the answer."""
        chat_model = get_object_or_404(ChatModel, pk=object_id)
        form = TrialForm(request.POST if request.method == "POST" else None)
        answer = self._ask(request, chat_model, form) if form.is_valid() else None
        reply = answer if isinstance(answer, Reply) else None
        context = self.admin_site.each_context(request) | {
            "title": _("Try %(chat_model)s") % {"chat_model": chat_model},
            "opts": self.model._meta,
            "original": chat_model,
            "form": form,
            "reply": reply,
            "embeddings": answer if isinstance(answer, Embeddings) else None,
            "cost": cost_of(chat_model, reply) if reply else None,
            "back": page_of(chat_model),
        }
        return TemplateResponse(request, "admin/studies/chatmodel/try.html", context)

    def _ask(
        self, request: HttpRequest, chat_model: ChatModel, form: TrialForm
    ) -> Reply | Embeddings | None:
        deadline = timezone.now() + TRIAL_LIMIT
        ask = embed_once if chat_model.is_embedder else ask_once
        try:
            return ask(chat_model, form.cleaned_data["message"], deadline=deadline)
        except ProviderError as failure:
            messages.error(
                request,
                _("%(chat_model)s did not answer: %(failure)s")
                % {"chat_model": chat_model, "failure": failure},
            )
            return None

    # Built-in bots

    def has_add_bots_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("studies.add_chatmodel")

    @action(
        description=gettext_lazy("Register the built-in bots"),
        icon="smart_toy",
        url_path="add-bots",
        permissions=["add_bots"],
    )
    def add_bots(self, request: HttpRequest) -> HttpResponse:
        back = reverse("admin:studies_chatmodel_changelist")
        if request.method == "POST":
            new = register_bots()
            for chat_model in new:
                self.log_addition(request, chat_model, _("A bot that comes with Hustings."))
            names = ", ".join(str(chat_model) for chat_model in new)
            messages.success(
                request,
                _("Registered: %(names)s.") % {"names": names}
                if new
                else _("Every bot is registered already."),
            )
            return redirect(back)
        step = Step(
            question=_("Register the built-in bots?"),
            note=_(
                "Chat models that are a few rules, of visibly different quality, so that a "
                "study can be tried without a key:"
            )
            + " "
            + " ".join(
                f"{bot.name.capitalize()}: {bot.description}" for bot in unregistered_bots()
            ),
            button=_("Register"),
            act=lambda _data: "",
            refusals=(),
            back=back,
        )
        context = self.admin_site.each_context(request) | {
            "title": step.question,
            "opts": self.model._meta,
            "step": step,
            "form": StepForm(),
        }
        return TemplateResponse(request, "admin/step.html", context)

    # New version

    def has_new_version_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.add_chatmodel")

    @action(
        description=gettext_lazy("New version"),
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
        copied = {
            field: getattr(model, field)
            for field in ChatModelForm.Meta.fields
            if field not in ("name", "version")
        }
        return {"name": model.name, "version": last + 1, **copied}
