"""Admin pages of judges' runs: started from a study, watched, paused, gone on with, ended."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from accounts.admin_pages import (
    ReadOnlyAdmin,
    Step,
    StepForm,
    actor,
    page_of,
    table,
    take_step,
)
from raters.admin.registers import OfRealStudies, OfVisibleStudies
from raters.errors import JudgeError
from raters.judging.canaries import list_canaries
from raters.judging.protocols import EVERY_PROTOCOL, LABELLERS
from raters.models import Judge, Judgement, JudgeRun, JudgeVerdict
from raters.services.judge_claims import ring_run
from raters.services.judge_runs import (
    Selection,
    cancel_run,
    go_on_with_run,
    pause_run,
    progress_of,
    start_run,
)
from studies.models import Study

State = JudgeRun.State
STATE_COLOURS: Final = {
    State.RUNNING.label: "info",
    State.PAUSED.label: "warning",
    State.FINISHED.label: "success",
    State.CANCELLED.label: "default",
    State.FAILED.label: "danger",
}
MOST_ERRORS: Final = 5
# What came of a canary that did not win.
OF_CANARY: Final = {
    "": gettext_lazy("undecided: it abstained"),
    "tie": gettext_lazy("undecided: a tie"),
}


class RunForm(StepForm):
    """Which judge, over how many battles, and what it may cost."""

    judge = forms.ModelChoiceField(
        Judge.objects.none(), widget=UnfoldAdminSelectWidget, label=gettext_lazy("Judge")
    )
    sample = forms.IntegerField(
        label=gettext_lazy("Battles"),
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy(
            "So many, drawn by the seed; empty: all whose conversation is still there."
        ),
    )
    budget = forms.DecimalField(
        label=gettext_lazy("Budget in US dollars"),
        required=False,
        min_value=Decimal("0.01"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("The run pauses once it is spent; empty: no limit."),
    )
    calls_per_minute = forms.IntegerField(
        label=gettext_lazy("Questions a minute"),
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Empty: as many as its endpoint takes."),
    )
    seed = forms.IntegerField(
        initial=0, min_value=0, widget=UnfoldAdminIntegerFieldWidget, label=gettext_lazy("Seed")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        judges = Judge.objects.filter(protocol__in=EVERY_PROTOCOL)
        self.fields["judge"].queryset = judges  # type: ignore[attr-defined]


def judge_step(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask who judges how much, then start the run; and on to its page."""
    if not request.user.has_perm("raters.add_judgerun"):
        raise PermissionDenied
    study = get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)
    started: list[JudgeRun] = []

    def act(data: dict[str, Any]) -> str:
        sample = data["sample"]
        words = (
            _("all battles")
            if sample is None
            else _("a sample of %(sample)s battles") % {"sample": f"{sample:,}"}
        )
        run = start_run(
            data["judge"],
            study,
            Selection(sample=sample, words=words),
            seed=data["seed"],
            budget=data["budget"],
            calls_per_minute=data["calls_per_minute"],
            by=actor(request),
            at=timezone.now(),
        )
        started.append(run)
        ring_run(run.pk)
        return _("%(run)s has started, over %(count)s battles.") % {
            "run": run,
            "count": f"{run.judgements.filter(canary='').count():,}",
        }

    step = Step(
        question=_("Let a judge rate the battles of “%(study)s”?") % {"study": study},
        note=_(
            "What it says is kept apart from what people say, and never a part of their "
            "boards. Conversations are sent to its chat models: the study's ledger says "
            "so. Some battles are canaries that only a careless judge gets wrong; if one "
            "wins, the run counts for nothing."
        ),
        button=_("Start"),
        act=act,
        refusals=(JudgeError,),
        back=page_of(study),
        form=RunForm,
    )
    answer = take_step(model_admin, request, study, step)
    return redirect(page_of(started[0])) if started else answer


class BudgetForm(StepForm):
    """With how much to go on."""

    budget = forms.DecimalField(
        label=gettext_lazy("Budget in US dollars, what is spent included"),
        required=False,
        min_value=Decimal("0.01"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("Empty: as it is."),
    )


@admin.register(JudgeRun)
class JudgeRunAdmin(OfVisibleStudies, ReadOnlyAdmin):
    """Runs of judges: how far they are, what they cost, and what went wrong."""

    list_display = ["__str__", "study", "state_now", "done", "cost", "started_at"]
    list_filter = ["state", ("study", OfRealStudies)]
    list_select_related = ["judge", "study"]
    fieldsets = [
        (None, {"fields": ["judge", "study", "selection", "seed"]}),
        (
            gettext_lazy("How far it is"),
            {"fields": ["state_now", "reason", "done", "cost", "budget"]},
        ),
        (gettext_lazy("What went wrong"), {"fields": ["unreadable", "errors"]}),
        (gettext_lazy("Canaries: none may win"), {"fields": ["canaries"]}),
        (
            gettext_lazy("When"),
            {"fields": ["started_at", "started_by", "ended_at", "calls_per_minute", "prompts"]},
        ),
    ]
    readonly_fields = ["state_now", "done", "cost", "unreadable", "errors", "canaries"]
    actions_detail = ["pause", "go_on", "cancel", "routing"]

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (("study/<int:study_id>/judge/", "raters_study_judge", judge_step),)

    def has_move_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.change_judgerun")

    def unfit_steps(self, run: JudgeRun) -> Iterable[str]:
        unfit = {
            State.RUNNING: ["go_on"],
            State.PAUSED: ["pause"],
        }.get(State(run.state), ["pause", "go_on", "cancel"])
        compares = run.judge.protocol not in LABELLERS and run.state != State.FAILED
        is_routed = compares and run.study.protocol == Study.Protocol.PAIRWISE
        return unfit if is_routed else [*unfit, "routing"]

    @display(description=gettext_lazy("State"), label=STATE_COLOURS)
    def state_now(self, run: JudgeRun) -> str:
        return run.get_state_display()

    @display(description=gettext_lazy("Judged"))
    def done(self, run: JudgeRun) -> str:
        progress = progress_of(run)
        figures = {
            "finished": f"{progress.finished:,}",
            "total": f"{progress.total:,}",
            "failed": f"{progress.failed:,}",
        }
        if progress.failed:
            return _("%(finished)s of %(total)s, %(failed)s failed") % figures
        return _("%(finished)s of %(total)s") % figures

    @display(description=gettext_lazy("Cost"))
    def cost(self, run: JudgeRun) -> str:
        return f"${progress_of(run).cost:,.2f}"

    @display(description=gettext_lazy("Answers that could not be read"))
    def unreadable(self, run: JudgeRun) -> str:
        return f"{progress_of(run).unreadable:,}"

    @display(description=gettext_lazy("Errors"))
    def errors(self, run: JudgeRun) -> SafeString | str:
        said = run.judgements.exclude(error="").order_by("-pk").values_list("state", "error")
        rows = [(Judgement.State(state).label, error[:300]) for state, error in said[:MOST_ERRORS]]
        return table([_("Judgement"), _("What went wrong")], rows) if rows else _("none")

    @display(description="")
    def canaries(self, run: JudgeRun) -> SafeString | str:
        losers = {canary.key: canary.must_not_win for canary in list_canaries()}
        said = JudgeVerdict.objects.filter(judgement__run=run).exclude(judgement__canary="")
        found = said.filter(dimension__is_overall=True)
        rows = [
            (
                canary,
                _("won") if outcome == losers.get(canary) else OF_CANARY.get(outcome, _("lost")),
            )
            for canary, outcome in found.values_list("judgement__canary", "outcome")
        ]
        return table([_("Canary"), _("What came of it")], rows) if rows else _("none judged yet")

    @action(description=gettext_lazy("Pause"), icon="pause", url_path="pause", permissions=["move"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)

        def act(_data: dict[str, Any]) -> str:
            pause_run(run, reason=_("An admin paused it."))
            return _("%(run)s is paused.") % {"run": run}

        note = _("Nothing new is begun; what is under way is finished.")
        return self._ask(request, run, _("Pause"), note, act)

    @action(
        description=gettext_lazy("Go on"), icon="play_arrow", url_path="go-on", permissions=["move"]
    )
    def go_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)

        def act(data: dict[str, Any]) -> str:
            go_on_with_run(run, budget=data["budget"])
            ring_run(run.pk)
            return _("%(run)s goes on.") % {"run": run}

        note = _("It has cost $%(cost)s until now.") % {"cost": f"{progress_of(run).cost:,.2f}"}
        return self._ask(request, run, _("Go on"), note, act, form=BudgetForm)

    @action(
        description=gettext_lazy("Cancel"), icon="cancel", url_path="cancel", permissions=["move"]
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self._run(request, object_id)

        def act(_data: dict[str, Any]) -> str:
            cancel_run(run, at=timezone.now())
            return _("%(run)s is cancelled.") % {"run": run}

        note = _("It can't be gone on with. What it said until now stays.")
        return self._ask(request, run, _("Cancel"), note, act)

    @action(
        description=gettext_lazy("Routing"),
        icon="alt_route",
        url_path="routing",
        permissions=["view"],
    )
    def routing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What to rely on and whom to ask: a page of the app above, found by its name."""
        run = self._run(request, object_id)
        return redirect("admin:leaderboards_study_routing", study_id=run.study_id)

    def _ask(
        self,
        request: HttpRequest,
        run: JudgeRun,
        button: str,
        note: str,
        act: Any,
        *,
        form: type[StepForm] = StepForm,
    ) -> HttpResponse:
        step = Step(
            question=f"{button}: {run}?",
            note=note,
            button=button,
            act=act,
            refusals=(JudgeError,),
            back=page_of(run),
            form=form,
        )
        return take_step(self, request, run, step)

    def _run(self, request: HttpRequest, object_id: str) -> JudgeRun:
        run: JudgeRun = get_object_or_404(self.get_queryset(request), pk=object_id)
        return run
