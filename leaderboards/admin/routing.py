"""A study's routing: which verdicts of judges to rely on, what it costs, and whom to ask next."""

import json
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from accounts.admin_pages import actor, page_of
from leaderboards.admin.planning import chart_options
from leaderboards.admin.reports import shown
from leaderboards.admin.routing_tables import (
    battle_page,
    battle_table,
    bin_table,
    chart,
    different,
    pair_table,
    point_table,
    reached_table,
    relied_table,
)
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import BoardError
from leaderboards.machines.runs import counting_runs
from leaderboards.pages.words import percent
from leaderboards.reports import ROUTING
from leaderboards.routing import (
    MOST,
    Relied,
    Routing,
    RoutingWanted,
    newest_subject,
    person_cost_of,
)
from leaderboards.services.reports import ask_for_report, report_status
from leaderboards.services.stronger import ask_stronger
from raters.errors import JudgeError
from raters.judging.protocols import PROTOCOLS
from raters.models import Judge, JudgeRun
from raters.services.judge_claims import ring_run
from studies.models import Study

TEMPLATE: Final = "admin/leaderboards/study/routing.html"
# The others are folded away.
BATTLES_SHOWN: Final = 20


class RoutingForm(forms.Form):
    """Of which runs the report is to be, and what a person's verdict costs."""

    cheap = forms.ModelChoiceField(
        JudgeRun.objects.none(), label=gettext_lazy("First judge"), widget=UnfoldAdminSelectWidget
    )
    strong = forms.ModelChoiceField(
        JudgeRun.objects.none(),
        label=gettext_lazy("Then, where that is unsure"),
        required=False,
        empty_label=gettext_lazy("a person"),
        widget=UnfoldAdminSelectWidget,
    )
    person_cost = forms.DecimalField(
        label=gettext_lazy("A person’s verdict costs, in US dollars"),
        min_value=Decimal("0.0001"),
        max_digits=10,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text=gettext_lazy("On one dimension of one battle."),
    )

    def __init__(self, study: Study, found: Routing | None, data: Any = None) -> None:
        """What the report asked for stands in it, or else what the study pays."""
        runs = counting_runs(study)
        numbers = [each.run for each in found.runs] if found else []
        by_number = {run.number: run for run in runs.filter(number__in=numbers)}
        cost = Decimal(str(found.person_cost)) if found else person_cost_of(study)
        super().__init__(
            data,
            initial={
                "cheap": by_number.get(numbers[0]) if numbers else None,
                "strong": by_number.get(numbers[1]) if numbers[1:] else None,
                "person_cost": None if cost is None else round(cost, 4),
            },
        )
        for name in ("cheap", "strong"):
            self.fields[name].queryset = runs  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("cheap") and data.get("cheap") == data.get("strong"):
            self.add_error("strong", _("Choose another run, or a person."))
        return data

    @property
    def wanted(self) -> RoutingWanted:
        """What is asked for, once the form is valid."""
        runs = [self.cleaned_data[name] for name in ("cheap", "strong")]
        numbers = tuple(run.number for run in runs if run is not None)
        return RoutingWanted(numbers, self.cleaned_data["person_cost"])


class StrongerForm(forms.Form):
    """Who rates what the first judge is unsure of."""

    judge = forms.ModelChoiceField(
        Judge.objects.none(), widget=UnfoldAdminSelectWidget, label=gettext_lazy("Judge")
    )
    below = forms.FloatField(
        label=gettext_lazy("Where it is relied on below"),
        min_value=0.0,
        max_value=1.0,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text=gettext_lazy("The chance that a person would say what it says, from 0 to 1."),
    )
    budget = forms.DecimalField(
        label=gettext_lazy("Budget in US dollars"),
        required=False,
        min_value=Decimal("0.01"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("The run pauses once it is spent; empty: no limit."),
    )

    def __init__(self, below: float | None = None, data: Any = None) -> None:
        super().__init__(data, initial={} if below is None else {"below": round(below, 3)})
        judges = Judge.objects.filter(protocol__in=PROTOCOLS)
        self.fields["judge"].queryset = judges  # type: ignore[attr-defined]


class ThresholdsForm(forms.Form):
    """How far each judge has to be relied on, for a conversation not to be left to people."""

    def __init__(self, found: Routing, data: Any) -> None:
        self._found = found
        names = [f"threshold_{each.run}" for each in found.runs]
        super().__init__(data if set(names) <= set(data) else None)
        for name, each, threshold in zip(names, found.runs, found.thresholds, strict=True):
            self.fields[name] = forms.FloatField(
                label=_("%(judge)s, run %(run)s: relied on from")
                % {"judge": each.judge, "run": each.run},
                min_value=0.0,
                max_value=1.0,
                initial=round(threshold, 3),
                widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
            )

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Those that were asked for, or else the report's."""
        return tuple(self.cleaned_data.values()) if self.is_valid() else self._found.thresholds


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def routing_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest report, or that of which `of` is the subject, for whoever may see live figures.

    A post asks for one, or starts a stronger judge: `do` says which.
    """
    study = live_study(request, study_id)
    may_judge = request.user.has_perm("raters.add_judgerun")
    subject = request.GET.get("of", "") or newest_subject(study)
    status = report_status(study, ROUTING, subject)
    found = status.facts(Routing)
    form, stronger = RoutingForm(study, found), StrongerForm(found.thresholds[0] if found else None)
    if request.method == "POST" and request.POST.get("do") == "judge":
        if not may_judge:
            raise PermissionDenied
        stronger = StrongerForm(data=request.POST)
        if found is not None and stronger.is_valid():
            return _start(request, study, found.runs[0], stronger.cleaned_data)
    elif request.method == "POST":
        form = RoutingForm(study, found, request.POST)
        if form.is_valid():
            return _ask(request, study, form.wanted)
    context = frame_of(request, study, model_admin, name=_("Routing")) | {
        "form": form,
        "stronger": stronger,
        "of": request.GET.get("of", ""),
        "may_judge": may_judge,
        "has_runs": counting_runs(study).exists(),
        "is_steered": study.policy == Study.Policy.ROUTED,
    }
    if found is not None:
        context |= _shown(study, found, ThresholdsForm(found, request.GET))
    return shown(request, TEMPLATE, context, status)


def _ask(request: HttpRequest, study: Study, wanted: RoutingWanted) -> HttpResponse:
    ask_for_report(study, ROUTING, wanted.subject, by=actor(request), at=timezone.now())
    return redirect("admin:leaderboards_study_routing", study_id=study.pk)


def _start(
    request: HttpRequest, study: Study, first: Relied, chosen: dict[str, Any]
) -> HttpResponse:
    try:
        run = ask_stronger(
            study,
            first,
            chosen["judge"],
            below=chosen["below"],
            budget=chosen["budget"],
            by=actor(request),
            at=timezone.now(),
        )
    except (JudgeError, BoardError) as refusal:
        messages.error(request, str(refusal))
        return redirect(request.get_full_path())
    ring_run(run.pk)
    messages.success(
        request,
        _("%(run)s has started, over %(selection)s.") % {"run": run, "selection": run.selection},
    )
    return redirect(page_of(run))


def _shown(study: Study, found: Routing, chosen: ThresholdsForm) -> dict[str, object]:
    names = dict(study.contestants.values_list("slug", "name"))
    left = found.left_to_people(chosen.thresholds)
    return {
        "page": found,
        "chosen": chosen,
        "answer": answer_of(found),
        "relied": relied_table(found.runs),
        "calibration": [(each.judge, bin_table(each)) for each in found.runs],
        "alone": point_table(found, found.cascade.alone),
        "curve": point_table(found, different(found.cascade.curve)),
        "chart": json.dumps(chart(found)),
        "chart_options": json.dumps(chart_options(_("a person would say so, %"), _("US dollars"))),
        "pairs": pair_table(found, names),
        "battles": battle_table(found, found.battles[:BATTLES_SHOWN], names),
        "more_battles": battle_table(found, found.battles[BATTLES_SHOWN:], names),
        "left": len(left),
        "left_battles": [(each, battle_page(each)) for each in left[:MOST]],
        "reached": reached_table(found),
        "first": found.runs[0],
    }


def answer_of(found: Routing) -> str:
    """What the report comes to, in a sentence."""
    best = found.best
    if best is None:
        return _(
            "Too few conversations were compared by several people: what a person's "
            "verdict is worth beside a judge's can't be told."
        )
    person = found.cascade.alone[-1]
    if best.accuracy.value >= person.accuracy.value:
        return _(
            "With %(shares)s of the conversations left to people, verdicts are right "
            "as often as with people alone, for $%(best)s each instead of $%(person)s."
        ) % {
            "shares": percent(best.shares[-1]),
            "best": f"{best.cost:,.4f}",
            "person": f"{person.cost:,.4f}",
        }
    return _(
        "No cascade is right as often as a person, %(person)s; the nearest is right in "
        "%(best)s, for $%(cost)s a verdict."
    ) % {
        "person": percent(person.accuracy.value),
        "best": percent(best.accuracy.value),
        "cost": f"{best.cost:,.4f}",
    }
