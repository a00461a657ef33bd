"""Admin pages of who answers, and what is left out. Many rows: no page counts them all."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import (
    HustingsAdmin,
    NeverDeleted,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Step,
    actor,
    link,
    link_to,
    page_of,
    take_step,
)
from raters.errors import RaterError
from raters.models import Battle, Exclusion, Participation, Rater, Verdict
from raters.services.exclusions import exclude, lift_exclusion
from studies.models import Study


class OfVisibleStudies:
    """Mixed into a register: shows what belongs to studies that the person may see."""

    model: type[Model]
    study_path = "study"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        if request.user.has_perm("studies.view_study"):
            # All of them: this spares the database a look at the study of every row.
            return queryset
        visible = Study.objects.visible_to(request.user)
        # By key: joined to her participations, a rater would be there once for each.
        theirs = self.model._default_manager.filter(**{f"{self.study_path}__in": visible})
        return queryset.filter(pk__in=theirs.values("pk"))


class Excludable:
    """Mixed into a register: what of it can be left out of boards."""

    # By a method: named with a dot, the theme's system check looks it up in the database.
    def has_exclude_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.add_exclusion")


class ParticipationInline(ReadOnlyInline):
    model = Participation
    fields = ["study", "state", "cell", "created_at", "page"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        queryset: QuerySet[Participation] = super().get_queryset(request)
        return queryset.select_related("study", "cell", "rater")


class BattleInline(ReadOnlyInline):
    model = Battle
    fields = ["key", "side_a", "side_b", "created_at", "page"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Battle]:
        queryset: QuerySet[Battle] = super().get_queryset(request)
        return queryset.select_related("side_a", "side_b")


class VerdictInline(ReadOnlyInline):
    model = Verdict
    fields = ["dimension", "outcome", "recorded_at", "page"]
    ordering = ["dimension__position"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        queryset: QuerySet[Verdict] = super().get_queryset(request)
        return queryset.select_related("dimension")


@admin.register(Rater)
class RaterAdmin(OfVisibleStudies, ReadOnlyAdmin):
    """People, pseudonymous."""

    study_path = "participations__study"
    list_display = ["code", "created_at"]
    search_fields = ["code__exact", "participations__recruiting_id__exact"]
    search_help_text = "A rater's code, or the whole id that the recruiting platform gave."
    ordering = ["-pk"]
    inlines = [ParticipationInline]


@admin.register(Participation)
class ParticipationAdmin(OfVisibleStudies, Excludable, ReadOnlyAdmin):
    """One rater in one study."""

    list_display = ["code", "study", "recruiting_id", "state", "cell", "created_at"]
    list_filter = ["study", "state"]
    list_select_related = ["rater", "study", "cell"]
    search_fields = ["rater__code__exact", "recruiting_id__exact"]
    search_help_text = "A rater's code, or the whole id that the recruiting platform gave."
    ordering = ["-pk"]
    fields = ["rater", "study", "recruiting_id", "state", "cell", "created_at"]
    inlines = [BattleInline]
    actions_detail = ["leave_out"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        return super().get_queryset(request).select_related("rater", "study", "cell")

    @display(description="Rater", ordering="rater__code")
    def code(self, participation: Participation) -> str:
        return participation.rater.code

    @action(
        description="Exclude from boards",
        icon="block",
        url_path="exclude",
        permissions=["exclude"],
    )
    def leave_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:raters_exclusion_add')}?participation={object_id}")


@admin.register(Battle)
class BattleAdmin(OfVisibleStudies, Excludable, ReadOnlyAdmin):
    """One conversation of one rater with two contestants."""

    study_path = "participation__study"
    list_display = ["key", "code", "side_a", "side_b", "study", "created_at"]
    list_filter = ["participation__study"]
    search_fields = ["participation__rater__code__exact", "key__exact"]
    search_help_text = "A rater's code, or a battle's whole key."
    ordering = ["-pk"]
    paginator = InfinitePaginator
    sortable_by: list[str] = []
    fields = ["participation", "key", "side_a", "side_b", "created_at"]
    inlines = [VerdictInline]
    actions_detail = ["leave_out"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Battle]:
        queryset = super().get_queryset(request)
        return queryset.select_related(
            "participation__rater", "participation__study", "side_a", "side_b"
        )

    @display(description="Rater")
    def code(self, battle: Battle) -> str:
        return battle.participation.rater.code

    @display(description="Study")
    def study(self, battle: Battle) -> str:
        return str(battle.participation.study)

    @action(
        description="Exclude from boards",
        icon="block",
        url_path="exclude",
        permissions=["exclude"],
    )
    def leave_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:raters_exclusion_add')}?battle={object_id}")


@admin.register(Verdict)
class VerdictAdmin(OfVisibleStudies, ReadOnlyAdmin):
    """A, B or tie. Append-only, and many."""

    study_path = "dimension__study"
    list_display = ["recorded_at", "side_a", "side_b", "dimension", "outcome_label", "code"]
    list_filter = ["dimension__study", "outcome"]
    search_fields = ["battle__participation__rater__code__exact", "battle__key__exact"]
    search_help_text = "A rater's code, or a battle's whole key."
    ordering = ["-pk"]
    paginator = InfinitePaginator
    sortable_by: list[str] = []
    fields = ["battle", "side_a", "side_b", "dimension", "outcome", "recorded_at"]
    readonly_fields = ["side_a", "side_b"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        queryset = super().get_queryset(request)
        return queryset.select_related(
            "dimension", "battle__participation__rater", "battle__side_a", "battle__side_b"
        )

    @display(description="A")
    def side_a(self, verdict: Verdict) -> str:
        return str(verdict.battle.side_a)

    @display(description="B")
    def side_b(self, verdict: Verdict) -> str:
        return str(verdict.battle.side_b)

    @display(description="Rater")
    def code(self, verdict: Verdict) -> str:
        return verdict.battle.participation.rater.code

    @display(description="Outcome", label=True)
    def outcome_label(self, verdict: Verdict) -> str:
        return verdict.get_outcome_display()


class ExclusionForm(ModelForm):  # type: ignore[type-arg]
    """What to leave out, and why. Actor, time and study are not asked: they are known."""

    class Meta:
        model = Exclusion
        fields = ["participation", "battle", "reason"]
        widgets = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts = {
            "participation": "All of one rater's verdicts in one study.",
            "battle": "Or the verdicts of one battle.",
            "reason": "One or two sentences. Boards publish it.",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("participation")) == bool(data.get("battle")):
            raise ValidationError("Choose a participation or a battle, and not both.")
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
    list_filter = ["study", ("lifted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["participation__rater", "battle", "study", "actor"]
    search_fields = ["reason", "participation__rater__code__exact", "battle__key__exact"]
    autocomplete_fields = ["participation", "battle"]
    actions_detail = ["lift"]

    def get_fields(self, request: HttpRequest, obj: Exclusion | None = None) -> list[str]:
        if obj is None:
            return ["participation", "battle", "reason"]
        fields = ["what", "study", "reason", "actor", "created_at", "standing"]
        return [*fields, "lifted_at", "lifted_by"] if obj.lifted_at else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.change_exclusion")

    @display(description="What")
    def what(self, exclusion: Exclusion) -> SafeString:
        if exclusion.participation is not None:
            return link_to(exclusion.participation, f"Rater {exclusion.participation.rater}")
        address = reverse("admin:raters_battle_change", args=[exclusion.battle_id])
        return link(address, f"Battle {exclusion.battle}")

    @display(description="Now", label={"in force": "warning", "lifted": "default"})
    def standing(self, exclusion: Exclusion) -> str:
        return "lifted" if exclusion.lifted_at else "in force"

    def unfit_steps(self, exclusion: Exclusion) -> Iterable[str]:
        return ["lift"] if exclusion.lifted_at else []

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

    @action(description="Lift", icon="undo", url_path="lift", permissions=["lift"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        exclusion = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(_data: dict[str, Any]) -> str:
            lift_exclusion(exclusion, by=actor(request), at=timezone.now())
            return "The exclusion is lifted."

        step = Step(
            question="Lift this exclusion?",
            note=f"Its verdicts count again in boards taken from now on. It was: {exclusion}",
            button="Lift",
            act=act,
            refusals=(RaterError,),
            back=page_of(exclusion),
        )
        return take_step(self, request, exclusion, step)
