"""Admin pages of studies: the question, who takes part, what is compared, for whom."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_pages import NeverDeleted
from studies.admin.checks import AttentionCheckInline, ScreenRuleInline
from studies.admin.comparison import ContestantInline, DimensionInline
from studies.admin.ledger import LedgerSteps
from studies.admin.life_cycle import LifeCycleSteps
from studies.admin.quotas import quota_tables
from studies.admin.recruitment import (
    CompletionCodeInline,
    ConsentTextInline,
    hourly_rate_of,
    unnamed_outcomes,
)
from studies.admin.steps import DesignSteps
from studies.admin.stopping import (
    QUEUE_SETTINGS,
    SECTION,
    StoppingRuleInline,
    StoppingSteps,
    words_of_stopping,
)
from studies.admin.study_form import PARAMETERS, StudyForm
from studies.admin.tasks import OVER, TaskInline, battles_planned_of
from studies.dimension_templates import dimension_templates, reword_questions
from studies.errors import StudyError
from studies.ledger import changing_rules
from studies.life_cycle import NEXT_STATES
from studies.models import ConsentText, Contestant, Study
from studies.planning import missing_before_opening
from studies.services import add_consent_text, choose_protocol, enter_contestant, give_electorate
from studies.stopping import empty_queue, has_ended

STATE_COLOURS = {
    "draft": "info",
    "open": "success",
    "paused": "warning",
    "closed": "primary",
    "archived": "default",
}

COMPUTED = (
    "state",
    "opened_at",
    "pause_reason",
    "progress",
    "quotas",
    "battles_planned",
    "hourly_rate",
    "answered_at",
    "stopping",
)
# Shown once there is something to say.
RARELY_SAID = ("pause_reason", "opened_at", "answered_at")
# What raters were shown or told is theirs: once there are some, it stays.
FIXED_BY_RATERS = ("electorate", "protocol")


@admin.register(Study)
class StudyAdmin(NeverDeleted, LifeCycleSteps, StoppingSteps, LedgerSteps, DesignSteps):
    """Studies, in the order in which a person thinks: question, contestants, dimensions, whom."""

    form = StudyForm
    list_display = ["title", "standing", "electorate", "is_public", "raters", "created_at"]
    list_display_links = ["title"]
    list_filter = ["state", "is_public", "is_simulated"]
    list_select_related = ["electorate"]
    search_fields = ["slug", "title"]
    prepopulated_fields = {"slug": ["title"]}
    autocomplete_fields = ["electorate", "screener", "team"]
    inlines = [
        ContestantInline,
        DimensionInline,
        TaskInline,
        AttentionCheckInline,
        ScreenRuleInline,
        StoppingRuleInline,
        ConsentTextInline,
        CompletionCodeInline,
    ]
    change_form_template = "admin/studies/study/change_form.html"
    # Inlines say in `after` which of these they follow on the page.
    fieldsets: list[tuple[str | Promise, dict[str, Any]]] = [
        (
            gettext_lazy("The question"),
            {
                "fields": [
                    "title",
                    "slug",
                    "question",
                    "language",
                    "protocol",
                    "state",
                    "pause_reason",
                    "opened_at",
                    "progress",
                    "is_simulated",
                ]
            },
        ),
        (gettext_lazy("Electorate and quotas"), {"fields": ["electorate", "quotas"]}),
        (
            gettext_lazy("Task and turns"),
            {"fields": ["task", ("min_turns", "max_turns"), "battles_each", "battles_planned"]},
        ),
        (gettext_lazy("Checks"), {"fields": ["strikes_allowed", "screener"]}),
        (
            gettext_lazy("Pay and budget"),
            {"fields": ["minutes_estimated", ("pay", "currency"), "hourly_rate", "budget"]},
        ),
        (
            SECTION,
            {
                "fields": [
                    "policy",
                    "battle_cap",
                    "battle_floor",
                    "stopping",
                    "ends_when_answered",
                    "answered_at",
                ]
            },
        ),
        (
            gettext_lazy("Way in and way back"),
            {"fields": ["entrance", *PARAMETERS, "reservation_minutes"]},
        ),
        (
            gettext_lazy("Who may see it"),
            {"fields": ["is_public", "asks_to_quote", "retention_days", "team"]},
        ),
    ]
    # Side by side, all of them would be wider than a desk's screen.
    actions_detail = [
        "see",
        "live",
        "preview",
        "open",
        "take_again",
        "pause",
        {
            "title": gettext_lazy("Design"),
            "icon": "design_services",
            "items": [
                "plan",
                "allocate",
                "add_template",
                "add_tasks",
                "add_scenarios",
                "add_checks",
                "clone",
            ],
        },
        {
            "title": gettext_lazy("More"),
            "icon": "more_horiz",
            "items": [
                "take_board",
                "stopping_page",
                "multiverse",
                "robustness",
                "topics",
                "labels",
                "safety",
                "criteria",
                "judge",
                "routing",
                "scorer",
                "sampling",
                "integrity",
                "exclude_by_rule",
                "exports",
                "share_data",
                "close",
                "archive",
            ],
        },
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Study]:
        queryset = Study.objects.visible_to(request.user)
        return queryset.annotate(rater_count=Count("participations"))

    def get_readonly_fields(self, request: HttpRequest, obj: Study | None = None) -> list[str]:
        if obj is None:
            return list(COMPUTED)
        fixed = set(FIXED_BY_RATERS if obj.participations.exists() else ())
        if obj.state == Study.State.PAUSED:
            # It may be extended, by new groups.
            fixed.discard("electorate")
        return [*COMPUTED, "slug", *sorted(fixed)]

    def get_fieldsets(self, request: HttpRequest, obj: Study | None = None) -> Any:
        if obj is None:
            hidden = set(COMPUTED)
        else:
            hidden = {field for field in RARELY_SAID if not getattr(obj, field)}
        return [
            (name, {"fields": [f for f in options["fields"] if f not in hidden]})
            for name, options in self.fieldsets
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Study | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Study, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, DimensionInline) and not obj.pk:
            kwargs["initial"] = [_first_dimension()]
        if isinstance(inline, CompletionCodeInline):
            kwargs["initial"] = [{"outcome": outcome} for outcome in unnamed_outcomes(obj)]
        return kwargs

    def save_model(self, request: HttpRequest, obj: Study, form: StudyForm, change: bool) -> None:  # noqa: FBT001
        wanted = {field: form.cleaned_data.get(field) for field in FIXED_BY_RATERS}
        # Services write these, and refuse them where raters came in meanwhile.
        if change:
            stored = Study.objects.get(pk=obj.pk)
            obj.electorate, obj.protocol = stored.electorate, stored.protocol
        else:
            obj.electorate = None
        super().save_model(request, obj, form, change)
        if not set(QUEUE_SETTINGS).isdisjoint(form.changed_data):
            empty_queue(obj)
        try:
            if wanted["electorate"] is not None:
                give_electorate(obj, wanted["electorate"], at=timezone.now())
            if wanted["protocol"]:
                choose_protocol(obj, wanted["protocol"])
        except StudyError as refusal:
            messages.error(request, str(refusal))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        if "protocol" in form.changed_data and reword_questions(form.instance):
            messages.info(request, _("Questions from a template ask what the protocol wants now."))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        study = form.instance
        if formset.model is Contestant:
            formset.new_objects = [
                enter_contestant(study, name=entry.name, chat_model=entry.chat_model)
                for entry in formset.save(commit=False)
            ]
        elif formset.model is ConsentText:
            formset.new_objects = [
                add_consent_text(study, summary=new.summary, text=new.text)
                for new in formset.save(commit=False)
            ]
        else:
            super().save_formset(request, form, formset, change)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        study = self.get_object(request, object_id) if object_id else None
        context = extra_context or {}
        if study is not None and study.state == Study.State.DRAFT:
            # Called by the template, after the transaction: it looks up hosts' names.
            context = context | {
                "is_draft": True,
                "missing_before_opening": lambda: missing_before_opening(study),
            }
        if study is None or request.method != "POST":
            return super().changeform_view(request, object_id, form_url, context)
        # The one place that sees all of the form's parts, before and after.
        with changing_rules(study, at=timezone.now()):
            return super().changeform_view(request, object_id, form_url, context)

    @display(description=gettext_lazy("State"), label=STATE_COLOURS, ordering="state")
    def standing(self, study: Study) -> tuple[str, str]:
        return study.state, study.get_state_display()

    @display(description=gettext_lazy("Raters"), ordering="rater_count")
    def raters(self, study: Study) -> str:
        return f"{getattr(study, 'rater_count', 0):,}"

    @display(description=gettext_lazy("So far"))
    def progress(self, study: Study) -> str:
        verdicts = study.dimensions.aggregate(n=Count("verdicts"))["n"]
        battles = study.contestants.aggregate(n=Count("battles_as_a"))["n"]
        return _("%(count)s raters · %(battles)s battles · %(verdicts)s verdicts") % {
            "count": f"{study.participations.count():,}",
            "battles": f"{battles:,}",
            "verdicts": f"{verdicts:,}",
        }

    @display(description=gettext_lazy("Places"))
    def quotas(self, study: Study) -> SafeString | str:
        return quota_tables(study)

    @display(description=gettext_lazy("Battles in all"))
    def battles_planned(self, study: Study) -> str:
        return battles_planned_of(study)

    @display(description=gettext_lazy("Hourly rate"))
    def hourly_rate(self, study: Study) -> str:
        return hourly_rate_of(study)

    @display(description=gettext_lazy("Stopping rules"))
    def stopping(self, study: Study) -> str:
        return words_of_stopping(study)

    def unfit_steps(self, study: Study) -> Iterable[str]:
        steps = {"open": "open", "paused": "pause", "closed": "close", "archived": "archive"}
        yield from (step for state, step in steps.items() if state not in NEXT_STATES[study.state])
        if study.state == Study.State.DRAFT:
            yield from ("take_board", "stopping_page", "multiverse", "robustness", "topics")
            yield from ("criteria", "labels", "safety")
            yield from ("judge", "routing", "scorer", "live")
        else:
            yield "add_template"
        if study.state in OVER:
            yield from ("allocate", "add_tasks", "add_scenarios", "preview")
        if study.participations.exists():
            yield "add_checks"
        if study.state in OVER or not has_ended(study):
            yield "take_again"


def _first_dimension() -> dict[str, Any]:
    """What a new study starts with: the overall dimension, as the first template asks it."""
    template = next(iter(dimension_templates().values()))
    overall = next(spec for spec in template.dimensions if spec.is_overall)
    return {
        "key": overall.key,
        "name": _("Overall"),
        "question": overall.question,
        "is_overall": True,
    }
