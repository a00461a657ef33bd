"""A study's routing: which verdicts of judges to rely on, what it costs, and whom to ask next."""

import json
from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from accounts.admin_pages import actor, link, page_of, table
from leaderboards.admin.planning import chart_options, line
from leaderboards.admin.reports import shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.comparison.cascade import Point
from leaderboards.comparison.figures import Figure
from leaderboards.errors import BoardError
from leaderboards.machines.runs import counting_runs
from leaderboards.pages.words import percent
from leaderboards.reports import ROUTING
from leaderboards.routing import (
    MOST,
    Next,
    Relied,
    Routing,
    RoutingWanted,
    ask_stronger,
    newest_subject,
    person_cost_of,
)
from leaderboards.services.reports import ask_for_report, report_status
from raters.errors import JudgeError
from raters.judging.protocols import PROTOCOLS
from raters.models import Judge, JudgeRun
from raters.services.judge_claims import ring_run
from studies.models import Study

TEMPLATE: Final = "admin/leaderboards/study/routing.html"
PAIRS_SHOWN: Final = 20
# The others are folded away.
BATTLES_SHOWN: Final = 20
PERSON: Final = gettext_lazy("A person")


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

    judge = forms.ModelChoiceField(Judge.objects.none(), widget=UnfoldAdminSelectWidget)
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
        "relied": _relied_table(found.runs),
        "calibration": [(each.judge, _bin_table(each)) for each in found.runs],
        "alone": _point_table(found, found.cascade.alone),
        "curve": _point_table(found, _different(found.cascade.curve)),
        "chart": json.dumps(_chart(found)),
        "chart_options": json.dumps(chart_options(_("a person would say so, %"), _("US dollars"))),
        "pairs": _pair_table(found, names),
        "battles": _battle_table(found, found.battles[:BATTLES_SHOWN], names),
        "more_battles": _battle_table(found, found.battles[BATTLES_SHOWN:], names),
        "left": len(left),
        "left_battles": [(each, _battle_page(each)) for each in left[:MOST]],
        "reached": _reached_table(found),
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


def _relied_table(runs: Sequence[Relied]) -> SafeString:
    rows = [
        (
            _("%(judge)s, run %(run)s") % {"judge": each.judge, "run": each.run},
            f"{len(each.battles):,}",
            f"{each.n:,}",
            percent(each.curve.error, decimals=1),
            f"{each.area:.2f}" if isfinite(each.area) else _("not known"),
            f"${each.cost:,.4f}" if isfinite(each.cost) else _("not known: taken as $0"),
        )
        for each in runs
    ]
    heads = [
        _("Judge"),
        _("#Verdicts"),
        _("#With people’s"),
        _("#Off by"),
        _("#Area"),
        _("#Cost of one"),
    ]
    return table(heads, rows)


def _bin_table(relied: Relied) -> SafeString:
    rows = [
        (
            _("%(low)s to %(high)s") % {"low": percent(each.low), "high": percent(each.high)},
            f"{each.right.n:,}",
            percent(each.mean),
            figure_text(each.right),
        )
        for each in relied.curve.bins
    ]
    return table(
        [_("Relied on"), _("#Verdicts"), _("#On average"), _("#A person said the same")], rows
    )


def figure_text(figure: Figure) -> str:
    """A share with its interval."""
    if not isfinite(figure.value):
        return _("not known")
    if not isfinite(figure.low):
        return percent(figure.value)
    return _("%(value)s (%(low)s to %(high)s)") % {
        "value": percent(figure.value),
        "low": percent(figure.low),
        "high": percent(figure.high),
    }


def _stage_names(found: Routing) -> list[str]:
    return [
        *(
            _("%(judge)s, run %(run)s") % {"judge": each.judge, "run": each.run}
            for each in found.runs
        ),
        str(PERSON),
    ]


def _point_table(found: Routing, points: Sequence[Point]) -> SafeString | str:
    if not points:
        return ""
    names = _stage_names(found)
    rows = [
        (
            f"${point.cost:,.4f}",
            figure_text(point.accuracy),
            *(percent(share) for share in point.shares),
            *(_threshold(each) for each in point.thresholds),
        )
        for point in points
    ]
    below = (
        [_("#%(name)s: from") % {"name": name} for name in names[:-1]]
        if points[0].thresholds
        else []
    )
    shares = [_("#%(name)s: part") % {"name": name} for name in names]
    return table([_("#Cost of one"), _("#A person would say so"), *shares, *below], rows)


def _different(curve: Sequence[Point]) -> list[Point]:
    """The points without those that a greater budget does not change."""
    return [
        point
        for before, point in zip((None, *curve), curve, strict=False)
        if before is None or (point.cost, point.shares) != (before.cost, before.shares)
    ]


def _threshold(reached: float | None) -> str:
    return "never" if reached is None else percent(reached)


def _chart(found: Routing) -> dict[str, Any]:
    """Accuracy by cost, with a person's and the first judge's own beside it."""
    curve, alone = _different(found.cascade.curve), found.cascade.alone
    if not curve:
        return {}
    colours = ("#737a87", "#d97706", "#2f7fb5")
    lines = [
        line(_("Cascade"), [100 * point.accuracy.value for point in curve], "#2f7fb5", width=3)
    ]
    for name, point, colour in zip(_stage_names(found), alone, colours[-len(alone) :], strict=True):
        flat = [100 * point.accuracy.value] * len(curve)
        lines.append(line(_("%(name)s alone") % {"name": name}, flat, colour, dash=[4, 4], width=1))
    return {"labels": [f"{point.cost:,.4f}" for point in curve], "datasets": lines}


def _pair_table(found: Routing, names: dict[str, str]) -> SafeString:
    pairs = sorted(found.pairs, key=lambda pair: (-pair.worth, pair.a, pair.b))[:PAIRS_SHOWN]
    most = max((pair.worth for pair in pairs), default=0.0)
    rows = [
        (
            _("%(one)s and %(other)s")
            % {"one": names.get(pair.a, pair.a), "other": names.get(pair.b, pair.b)},
            percent(pair.worth / most) if most else "none",
            f"{pair.steer:.2f}" if isfinite(pair.steer) else _("not known"),
        )
        for pair in pairs
    ]
    return table([_("Pair"), _("#Worth, of the best"), _("#Told by judges")], rows)


def _battle_table(
    found: Routing, battles: Sequence[Next], names: dict[str, str]
) -> SafeString | str:
    most = max((each.worth for each in found.battles), default=0.0)
    rows = [
        (
            link(_battle_page(each.battle), each.battle),
            _("%(one)s and %(other)s")
            % {"one": names.get(each.a, each.a), "other": names.get(each.b, each.b)},
            percent(each.worth / most) if most else "none",
            f"{each.votes:,}",
            *(percent(sure) if isfinite(sure) else _("said nothing") for sure in each.reliability),
        )
        for each in battles
    ]
    judges = [f"#{name}" for name in _stage_names(found)[:-1]]
    heads = [_("Battle"), _("Contestants"), _("#Worth, of the best"), _("#People"), *judges]
    return table(heads, rows) if rows else ""


def _battle_page(battle: int) -> str:
    return reverse("admin:raters_battle_change", args=[battle])


def _reached_table(found: Routing) -> SafeString | str:
    rows = [
        (
            percent(each.share),
            *(_order(way) for way in (each.routed, each.random, each.people_only)),
        )
        for each in found.reached
    ]
    heads = [_("#Of people’s verdicts"), _("#Routed"), _("#At random"), _("#At random, no judge")]
    return table(heads, rows) if rows else ""


def _order(figure: Figure) -> str:
    return f"{figure.value:.2f}" if isfinite(figure.value) else _("not known")
