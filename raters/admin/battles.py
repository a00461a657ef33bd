"""Admin pages of battles and verdicts."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from accounts.admin_pages import ReadOnlyAdmin, ReadOnlyInline, Step, page_of, take_step
from raters.admin.registers import Excludable, OfRealStudies, OfVisibleStudies
from raters.models import Battle, Participation, Rating, Reply, Verdict
from raters.services.quoting import hide_reason, show_reason


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
        return [("yes", _("asked who it is, or gave it away"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Battle]) -> QuerySet[Battle]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Battle.objects.marked().values("pk"))


class OfReasons(admin.SimpleListFilter):
    """Battles whose reason the rater lets be published, to be looked over."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("released", _("may stand on public pages")), ("hidden", _("hidden by an admin"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Battle]) -> QuerySet[Battle]:
        if self.value() == "hidden":
            return queryset.filter(is_reason_hidden=True)
        if self.value() == "released":
            released = Participation.objects.filter(words_released_at__isnull=False)
            found = queryset.filter(participation__in=released, is_reason_hidden=False)
            return found.exclude(reason="")
        return queryset


@admin.register(Battle)
class BattleAdmin(OfVisibleStudies, Excludable, ReadOnlyAdmin):
    """One conversation of one rater with two contestants."""

    study_path = "participation__study"
    list_display = ["key", "code", "side_a", "side_b", "study", "created_at"]
    list_filter = [("participation__study", OfRealStudies), Marked, OfReasons]
    search_fields = ["participation__rater__code__exact", "key__exact"]
    search_help_text = gettext_lazy("A rater's code, or a battle's whole key.")
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
        "reason",
        "publication",
    ]
    readonly_fields = ["marks", "publication"]
    actions_detail = ["leave_out", "hide", "show"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Battle]:
        queryset = super().get_queryset(request)
        return queryset.select_related(
            "participation__rater", "participation__study", "side_a", "side_b", "task"
        )

    def get_inlines(self, request: HttpRequest, obj: Battle | None) -> list[Any]:
        if obj is None:
            return []
        return [RatingInline] if obj.side_b_id is None else [VerdictInline]

    @display(description=gettext_lazy("Rater"))
    def code(self, battle: Battle) -> str:
        return battle.participation.rater.code

    @display(description=gettext_lazy("Study"))
    def study(self, battle: Battle) -> str:
        return str(battle.participation.study)

    @display(description=gettext_lazy("Marks"))
    def marks(self, battle: Battle) -> str:
        """Why it may be left out: who the models are was asked, or told."""
        probes = battle.turns.filter(is_identity_probe=True).count()
        replies = Reply.objects.filter(turn__battle=battle, masked__gt=0)
        leaks = replies.values_list("side").order_by("side").annotate(Sum("masked"))
        found = (
            [_("Messages that ask who it is: %(probes)s.") % {"probes": probes}] if probes else []
        )
        found += [
            _("Names masked in what %(side)s said: %(names)s.")
            % {"side": side.upper(), "names": names}
            for side, names in leaks
        ]
        return " ".join(found) or _("None.")

    @display(description=gettext_lazy("On public pages"))
    def publication(self, battle: Battle) -> str:
        """Whether the reason may stand there, and why not."""
        if not battle.reason:
            return _("She gave no reason.")
        if battle.is_reason_hidden:
            return _("Hidden by an admin; the history says by whom.")
        if battle.participation.words_released_at is None:
            return _("Never: she has not agreed that her words may be published.")
        if not battle.participation.study.asks_to_quote:
            return _("Not while the study does not ask whether words may be published.")
        return _("It may stand there, under no name, as long as her verdict counts.")

    def unfit_steps(self, battle: Battle) -> Iterable[str]:
        if not battle.reason:
            return ["hide", "show"]
        return ["hide"] if battle.is_reason_hidden else ["show"]

    @action(
        description=gettext_lazy("Exclude from boards"),
        icon="block",
        url_path="exclude",
        permissions=["exclude"],
    )
    def leave_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:raters_exclusion_add')}?battle={object_id}")

    @action(
        description=gettext_lazy("Hide the reason"),
        icon="visibility_off",
        url_path="hide-reason",
        permissions=["exclude"],
    )
    def hide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            question=_("Hide the reason from public pages?"),
            note=_(
                "Do this where it tells who she is, or hurts somebody. Her verdict counts "
                "as before. It can be shown again."
            ),
            button=_("Hide it"),
            act=hide_reason,
            done=_("The reason is hidden from public pages."),
        )

    @action(
        description=gettext_lazy("Show the reason"),
        icon="visibility",
        url_path="show-reason",
        permissions=["exclude"],
    )
    def show(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            question=_("Let the reason stand on public pages again?"),
            note=_("It is shown only where she agreed that her words may be published."),
            button=_("Show it"),
            act=show_reason,
            done=_("The reason may stand on public pages again."),
        )

    def _decide(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        question: str,
        note: str,
        button: str,
        act: Callable[[Battle], None],
        done: str,
    ) -> HttpResponse:
        """Ask about a battle's reason, then act; the log says who did it, and when."""
        battle = get_object_or_404(self.get_queryset(request), pk=object_id)

        def decide(_data: dict[str, Any]) -> str:
            act(battle)
            return done

        step = Step(question, note, button, decide, refusals=(), back=page_of(battle))
        return take_step(self, request, battle, step)


@admin.register(Verdict)
class VerdictAdmin(OfVisibleStudies, ReadOnlyAdmin):
    """A, B or tie. Append-only, and many."""

    study_path = "dimension__study"
    list_display = ["recorded_at", "side_a", "side_b", "dimension", "outcome_label", "code"]
    list_filter = [("dimension__study", OfRealStudies), "outcome"]
    search_fields = ["battle__participation__rater__code__exact", "battle__key__exact"]
    search_help_text = gettext_lazy("A rater's code, or a battle's whole key.")
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

    @display(description=gettext_lazy("Rater"))
    def code(self, verdict: Verdict) -> str:
        return verdict.battle.participation.rater.code

    @display(description=gettext_lazy("Outcome"), label=True)
    def outcome_label(self, verdict: Verdict) -> str:
        return verdict.get_outcome_display()
