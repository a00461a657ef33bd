"""Admin pages of what boards leave out."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import (
    HustingsAdmin,
    NeverDeleted,
    Step,
    actor,
    link,
    link_to,
    page_of,
    take_step,
)
from raters.admin.exclusion_rules import rule_step
from raters.admin.registers import OfRealStudies, OfVisibleStudies
from raters.errors import RaterError
from raters.models import Exclusion
from raters.services.exclusions import exclude, lift_exclusion


class ExclusionForm(ModelForm):  # type: ignore[type-arg]
    """What to leave out, and why. Actor, time and study are not asked: they are known."""

    class Meta:
        model = Exclusion
        fields = ["participation", "battle", "reason"]
        widgets = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts = {
            "participation": gettext_lazy("All of one rater's verdicts in one study."),
            "battle": gettext_lazy("Or the verdicts of one battle."),
            "reason": gettext_lazy(
                "One or two sentences. Anybody may read it, on boards and in the study's "
                "ledger: name nobody."
            ),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("participation")) == bool(data.get("battle")):
            raise ValidationError(_("Choose a participation or a battle, and not both."))
        return data

    def _get_validation_exclusions(self) -> set[str]:
        # The service fills in the rest, and says more kindly what the constraints demand.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"participation", "battle"}


@admin.register(Exclusion)
class ExclusionAdmin(OfVisibleStudies, NeverDeleted, HustingsAdmin):
    """What boards leave out, and why. Added and lifted, never changed or deleted."""

    form = ExclusionForm
    list_display = ["what", "study", "reason", "actor", "created_at", "standing"]
    list_filter = [("study", OfRealStudies), ("lifted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["participation__rater", "battle", "study", "actor"]
    search_fields = ["reason", "participation__rater__code__exact", "battle__key__exact"]
    autocomplete_fields = ["participation", "battle"]
    actions_detail = ["lift"]

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (("study/<int:study_id>/rule/", "raters_exclusion_rule", rule_step),)

    def get_fields(self, request: HttpRequest, obj: Exclusion | None = None) -> list[str]:
        if obj is None:
            return ["participation", "battle", "reason"]
        fields = ["what", "study", "reason", "actor", "created_at", "standing"]
        return [*fields, "lifted_at", "lifted_by"] if obj.lifted_at else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.change_exclusion")

    @display(description=gettext_lazy("What"))
    def what(self, exclusion: Exclusion) -> SafeString:
        if exclusion.rule:
            return format_html("{}", _("Rule: %(rule)s") % {"rule": exclusion.get_rule_display()})
        if exclusion.participation is not None:
            return link_to(
                exclusion.participation,
                _("Rater %(rater)s") % {"rater": exclusion.participation.rater},
            )
        address = reverse("admin:raters_battle_change", args=[exclusion.battle_id])
        return link(address, _("Battle %(battle)s") % {"battle": exclusion.battle})

    @display(description=gettext_lazy("Now"), label={"in force": "warning", "lifted": "default"})
    def standing(self, exclusion: Exclusion) -> str:
        return _("lifted") if exclusion.lifted_at else _("in force")

    def unfit_steps(self, exclusion: Exclusion) -> Iterable[str]:
        # Without an actor it is the rater herself who withdrew.
        return ["lift"] if exclusion.lifted_at or exclusion.actor_id is None else []

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Only what the person may see can be chosen, whatever key the form sends."""
        register = self.admin_site.get_model_admin(db_field.related_model)
        kwargs["queryset"] = register.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Exclusion:  # noqa: FBT001
        """Let the service write it. A refusal goes back to the form's page as a message."""
        data = form.cleaned_data
        return exclude(
            data["participation"] or data["battle"],
            reason=data["reason"],
            by=actor(request),
            at=timezone.now(),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """`save_form` has written it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """There is nothing related."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().add_view(request, form_url, extra_context)
        except RaterError as refusal:
            messages.error(request, str(refusal))
            return redirect(request.get_full_path())
        return response

    @action(description=gettext_lazy("Lift"), icon="undo", url_path="lift", permissions=["lift"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        exclusion = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(_data: dict[str, Any]) -> str:
            lift_exclusion(exclusion, by=actor(request), at=timezone.now())
            return _("The exclusion is lifted.")

        step = Step(
            question=_("Lift this exclusion?"),
            note=_("Its verdicts count again in boards taken from now on. It was: %(exclusion)s")
            % {"exclusion": exclusion},
            button=_("Lift"),
            act=act,
            refusals=(RaterError,),
            back=page_of(exclusion),
        )
        return take_step(self, request, exclusion, step)
