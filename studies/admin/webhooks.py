"""Admin pages of webhooks: who is told of what, what was sent, and what came of it."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin_pages import (
    HustingsAdmin,
    ReadOnlyAdmin,
    Step,
    actor,
    page_of,
    table,
    take_step,
)
from studies.models import Study, WebhookDelivery, WebhookEndpoint, WebhookEvent
from studies.providers.errors import ProviderError
from studies.webhooks.announcing import announce_test, body_of
from studies.webhooks.delivering import address_rules, change_secret, endpoint_secrets, replay
from studies.webhooks.sending import check_webhook_address
from studies.webhooks.signing import message_id

State = WebhookDelivery.State
STATE_COLOURS: Final = {
    State.WAITING.label: "info",
    State.CLAIMED.label: "info",
    State.DELIVERED.label: "success",
    State.GIVEN_UP.label: "danger",
}


def _visible(request: HttpRequest, path: str = "") -> Q:
    """Endpoints of her team's studies; all of them where she may change any study.

    That a study is public makes nobody else's addresses so.
    """
    if request.user.has_perm("studies.change_study"):
        return Q()
    return Q(**{f"{path}study__team": actor(request)})


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where to, and what of. The address is looked up before it is kept."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        required=False,
        choices=[choice for choice in WebhookEvent.Kind.choices if choice[0] != "test"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("None ticked: all of them, and those that later versions bring."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["url", "study", "description", "kinds", "is_active"]
        widgets = {
            "url": UnfoldAdminTextInputWidget,
            "study": UnfoldAdminSelectWidget,
            "description": UnfoldAdminTextInputWidget,
        }

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_webhook_address(url, address_rules())
        except ProviderError as error:
            raise forms.ValidationError(str(error)) from error
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(HustingsAdmin):
    """Addresses that are told of what happens."""

    form = EndpointForm
    list_display = ["__str__", "of", "standing", "deliveries_waiting", "deliveries_given_up"]
    list_select_related = ["study"]
    readonly_fields = ["standing", "secret", "latest"]
    fieldsets = [
        (None, {"fields": ["url", "study", "description", "kinds", "is_active", "standing"]}),
        (gettext_lazy("Secret, for who receives"), {"fields": ["secret"]}),
        (gettext_lazy("What was sent last"), {"fields": ["latest"]}),
    ]
    actions_detail = ["send_test", "new_secret"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        queryset: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        given_up = Count("deliveries", filter=Q(deliveries__state=State.GIVEN_UP))
        waiting = Count("deliveries", filter=Q(deliveries__state=State.WAITING))
        return queryset.filter(_visible(request)).annotate(given_up=given_up, waiting=waiting)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        if "study" in form.base_fields:
            is_any = request.user.has_perm("studies.change_study")
            studies = Study.objects.filter(preview_of=None)
            own = studies if is_any else studies.filter(team=actor(request))
            form.base_fields["study"].queryset = own
            # Of all studies only where she may change any.
            form.base_fields["study"].required = not is_any
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.created_at, obj.created_by = timezone.now(), actor(request)
        if obj.is_active:
            obj.pause_reason = ""
        super().save_model(request, obj, form, change)

    def has_send_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    @display(description=gettext_lazy("Study"))
    def of(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint.study or _("all"))

    @display(description=gettext_lazy("Now"), label={"active": "success"})
    def standing(self, endpoint: WebhookEndpoint) -> str:
        return _("active") if endpoint.is_active else endpoint.pause_reason or _("paused")

    @display(description=gettext_lazy("Waiting"))
    def deliveries_waiting(self, endpoint: Any) -> int:
        return int(endpoint.waiting)

    @display(description=gettext_lazy("Given up"))
    def deliveries_given_up(self, endpoint: Any) -> int:
        return int(endpoint.given_up)

    @display(description=gettext_lazy("Begins with whsec_"))
    def secret(self, endpoint: WebhookEndpoint) -> str:
        return endpoint_secrets(endpoint)[0]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets[:1]
        return fieldsets if self.has_change_permission(request, obj) else [fieldsets[0]]

    @display(description="")
    def latest(self, endpoint: WebhookEndpoint) -> SafeString | str:
        last = endpoint.deliveries.select_related("event")[:10]
        rows = [(each.event, each.get_state_display(), each.attempts_made) for each in last]
        return table([_("Event"), _("State"), _("#Attempts")], rows) if rows else _("nothing yet")

    @action(
        description=gettext_lazy("Send a test"), icon="send", url_path="test", permissions=["send"]
    )
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect(page_of(announce_test(endpoint, at=timezone.now())))

    @action(
        description=gettext_lazy("New secret"),
        icon="key",
        url_path="new-secret",
        permissions=["send"],
    )
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(_data: dict[str, Any]) -> str:
            change_secret(endpoint)
            return _("It has a new secret. Messages are signed with the old one besides.")

        step = Step(
            question=_("A new secret for “%(endpoint)s”?") % {"endpoint": endpoint},
            note=_(
                "Messages are signed with both, so that the receiver can change in peace. "
                "With the next new secret the present one ends."
            ),
            button=_("New secret"),
            act=act,
            refusals=(),
            back=page_of(endpoint),
        )
        return take_step(self, request, endpoint, step)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What was sent to whom, each attempt, and what is next."""

    list_display = ["event", "endpoint", "state_now", "attempts_made", "since", "next_at"]
    list_filter = ["state", "event__kind", "endpoint"]
    list_select_related = ["event", "endpoint"]
    fields = ["event", "endpoint", "state_now", "next_at", "message", "body", "attempts_table"]
    readonly_fields = ["state_now", "next_at", "message", "body", "attempts_table"]
    actions_detail = ["send_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        queryset: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return queryset.filter(_visible(request, "endpoint__"))

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.change_webhookendpoint")

    def unfit_steps(self, obj: WebhookDelivery) -> Iterable[str]:
        return ["send_again"] if obj.state == State.CLAIMED else []

    @display(description=gettext_lazy("State"), label=STATE_COLOURS)
    def state_now(self, delivery: WebhookDelivery) -> str:
        return delivery.get_state_display()

    @display(description=gettext_lazy("Next attempt"))
    def next_at(self, delivery: WebhookDelivery) -> Any:
        if delivery.state != State.WAITING:
            return _("none")
        return delivery.due_at if delivery.endpoint.is_active else _("its endpoint is paused")

    @display(description="webhook-id")
    def message(self, delivery: WebhookDelivery) -> str:
        return message_id(delivery.event_id)

    @display(description=gettext_lazy("Body"))
    def body(self, delivery: WebhookDelivery) -> str:
        return body_of(delivery.event).decode()

    @display(description=gettext_lazy("Attempts"))
    def attempts_table(self, delivery: WebhookDelivery) -> SafeString | str:
        rows = [
            (f"{each.at:%Y-%m-%d %H:%M:%S} UTC", each.status or "", each.error, each.total_ms)
            for each in delivery.attempts.all()
        ]
        headers = [_("When"), _("Status"), _("What went wrong"), _("#Milliseconds")]
        return table(headers, rows) if rows else _("none yet")

    @action(
        description=gettext_lazy("Send again"),
        icon="replay",
        url_path="again",
        permissions=["replay"],
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(_data: dict[str, Any]) -> str:
            replay(delivery, at=timezone.now())
            return _("%(delivery)s is sent again.") % {"delivery": delivery}

        step = Step(
            question=_("Send it again: %(delivery)s?") % {"delivery": delivery},
            note=_(
                "The receiver gets the same id as before, and may drop it for that reason. "
                "If it is not received, it is tried for another day."
            ),
            button=_("Send again"),
            act=act,
            refusals=(),
            back=page_of(delivery),
        )
        return take_step(self, request, delivery, step)
