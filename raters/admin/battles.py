"""Admin pages of battles and verdicts."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from accounts.admin_pages import ReadOnlyAdmin, ReadOnlyInline
from raters.admin.registers import Excludable, OfRealStudies, OfVisibleStudies
from raters.models import Battle, Rating, Reply, Verdict


class VerdictInline(ReadOnlyInline):
    model = Verdict
    fields = ["dimension", "outcome", "recorded_at", "page"]
    ordering = ["dimension__position"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        queryset: QuerySet[Verdict] = super().get_queryset(request)
        return queryset.select_related("dimension")


class RatingInline(ReadOnlyInline):
    """What a rater of one model at a time said. Ratings have no pages of their own."""

    model = Rating
    fields = ["dimension", "score", "recorded_at"]
    readonly_fields = []
    ordering = ["dimension__position"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rating]:
        queryset: QuerySet[Rating] = super().get_queryset(request)
        return queryset.select_related("dimension")


class Marked(admin.SimpleListFilter):
    """Battles in which a model may not have stayed hidden."""

    title = "marked"
    parameter_name = "marked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "asked who it is, or gave it away")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Battle]) -> QuerySet[Battle]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Battle.objects.marked().values("pk"))


@admin.register(Battle)
class BattleAdmin(OfVisibleStudies, Excludable, ReadOnlyAdmin):
    """One conversation of one rater with two contestants."""

    study_path = "participation__study"
    list_display = ["key", "code", "side_a", "side_b", "study", "created_at"]
    list_filter = [("participation__study", OfRealStudies), Marked]
    search_fields = ["participation__rater__code__exact", "key__exact"]
    search_help_text = "A rater's code, or a battle's whole key."
    ordering = ["-pk"]
    paginator = InfinitePaginator
    sortable_by: list[str] = []
    fields = [
        "participation",
        "key",
        ("side_a", "side_b"),
        "task",
        ("created_at", "judged_at"),
        "marks",
    ]
    readonly_fields = ["marks"]
    actions_detail = ["leave_out"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Battle]:
        queryset = super().get_queryset(request)
        return queryset.select_related(
            "participation__rater", "participation__study", "side_a", "side_b", "task"
        )

    def get_inlines(self, request: HttpRequest, obj: Battle | None) -> list[Any]:
        if obj is None:
            return []
        return [RatingInline] if obj.side_b_id is None else [VerdictInline]

    @display(description="Rater")
    def code(self, battle: Battle) -> str:
        return battle.participation.rater.code

    @display(description="Study")
    def study(self, battle: Battle) -> str:
        return str(battle.participation.study)

    @display(description="Marks")
    def marks(self, battle: Battle) -> str:
        """Why it may be left out: who the models are was asked, or told."""
        probes = battle.turns.filter(is_identity_probe=True).count()
        replies = Reply.objects.filter(turn__battle=battle, masked__gt=0)
        leaks = replies.values_list("side").order_by("side").annotate(Sum("masked"))
        found = [f"Messages that ask who it is: {probes}."] if probes else []
        found += [f"Names masked in what {side.upper()} said: {names}." for side, names in leaks]
        return " ".join(found) or "None."

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
    list_filter = [("dimension__study", OfRealStudies), "outcome"]
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
        return str(verdict.battle.side_b or "–")

    @display(description="Rater")
    def code(self, verdict: Verdict) -> str:
        return verdict.battle.participation.rater.code

    @display(description="Outcome", label=True)
    def outcome_label(self, verdict: Verdict) -> str:
        return verdict.get_outcome_display()
