"""A study's plan: how many raters it needs for a wished precision, and what they cost."""

import json
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from accounts.admin_pages import table
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.planning import (
    Prices,
    Talk,
    answer,
    assumed_battle_cost,
    assumptions_of,
    columns,
    groups_of,
    observed_battle_cost,
    require_pairs,
)
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.planning import (
    WIDTHS,
    Assumptions,
    Measure,
    Plan,
    Wish,
    ladder_up_to,
    plan,
    raters_needed,
)
from studies.models import Study

# Seconds of a processor that one simulated study takes: at least, and for each pair in a group.
LEAST_SECONDS = 0.25
SECONDS_OF_A_PAIR = 1.1e-4
# What a page may take, and the studies that a plan is the mean of.
PATIENCE = 7.0
FEWEST_STUDIES, MOST_STUDIES = 2, 8
WISHES = [
    (Measure.POINTS, gettext_lazy("± so many points of win share")),
    (Measure.TAU, gettext_lazy("Kendall’s τ of the order, 0 to 1")),
    (Measure.LEADER, gettext_lazy("chance that the leader is the best, 0 to 1")),
]
AXIS_NAMES = {
    Measure.POINTS: gettext_lazy("± points of win share"),
    Measure.TAU: gettext_lazy("Kendall’s τ"),
    Measure.LEADER: gettext_lazy("chance that the leader is the best"),
}
# Colours of the plot, in light and dark: of the lowest and highest study, and between them.
BAND, SHADE = "rgba(120, 130, 150, 0.6)", "rgba(120, 130, 150, 0.18)"
# Another wish or price needs no other simulation.
simulated = lru_cache(maxsize=32)(plan)


def whole(label: str, most: int, help_text: str = "", *, least: int = 1) -> forms.IntegerField:
    """A field for a whole number."""
    return forms.IntegerField(
        label=gettext_lazy(label),
        min_value=least,
        max_value=most,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy(help_text) if help_text else "",
    )


def number(label: str, least: float, most: float, help_text: str) -> forms.FloatField:
    """A field for a number."""
    return forms.FloatField(
        label=gettext_lazy(label),
        min_value=least,
        max_value=most,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text=gettext_lazy(help_text),
    )


class PlanForm(forms.Form):
    """What is assumed of a study, and the precision that is wished for."""

    measure = forms.ChoiceField(
        label=gettext_lazy("Wish for"), choices=WISHES, widget=UnfoldAdminSelectWidget
    )
    level = number(
        gettext_noop("How much"), 0.001, 100, gettext_noop("Points, or a number from 0 to 1.")
    )
    raters = whole(
        gettext_noop("Raters at most"), 20_000, gettext_noop("As far as the plan looks."), least=20
    )
    contestants = whole(gettext_noop("Contestants"), 40, least=2)
    battles_each = whole(gettext_noop("Battles of each rater"), 30)
    policy = forms.ChoiceField(
        label=gettext_lazy("Pairs are chosen"),
        choices=Study.Policy.choices,
        widget=UnfoldAdminSelectWidget,
    )
    skill_sd = number(
        gettext_noop("Spread of contestants"),
        0.01,
        5,
        gettext_noop("Standard deviation, in log-odds. Close rivals: 0.4."),
    )
    heterogeneity_sd = number(
        gettext_noop("Spread of groups"),
        0,
        3,
        gettext_noop("The same, of what groups of an axis think of a contestant."),
    )
    ties = number(
        gettext_noop("Ties, %"),
        0.1,
        95,
        gettext_noop("Of pairs drawn at random. The closer two are, the more."),
    )
    turns = whole(
        gettext_noop("Messages of a battle"),
        50,
        gettext_noop("What its replies cost depends on it."),
    )
    message_tokens = whole(
        gettext_noop("Tokens of a message"), 10_000, gettext_noop("A token is about ¾ of a word.")
    )
    reply_tokens = whole(gettext_noop("Tokens of a reply"), 100_000)

    def __init__(self, study: Study, data: Any) -> None:
        self.study = study
        super().__init__(data or None, initial=_initial(study))
        self.observed = observed_battle_cost(study)
        if self.observed is not None:
            for name in ("turns", "message_tokens", "reply_tokens"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            self.wish = Wish(Measure(data["measure"]), data["level"])
        except RankingError as refusal:
            self.add_error("level", str(refusal))
            return data
        try:
            self.assumptions = self._assumptions(data)
        except RankingError as refusal:
            raise ValidationError(str(refusal)) from refusal
        return data

    def _assumptions(self, data: dict[str, Any]) -> Assumptions:
        names = ("contestants", "battles_each", "policy", "skill_sd", "heterogeneity_sd")
        return assumptions_of(
            self.study,
            **{name: data[name] for name in names},
            tie_rate=data["ties"] / 100,
            ladder=ladder_up_to(data["raters"]),
            studies=_studies(data["contestants"], sum(map(len, groups_of(self.study)))),
        )

    @property
    def prices(self) -> Prices:
        """What raters and replies cost, as far as it is known."""
        battle = self.observed
        if battle is None:
            names = ("turns", "message_tokens", "reply_tokens")
            talk = Talk(**{name: self.cleaned_data[name] for name in names})
            battle = assumed_battle_cost(self.study, talk)
        return Prices(self.study.pay, self.study.currency, battle)


def _initial(study: Study) -> dict[str, Any]:
    contestants = study.contestants.filter(withdrawn_at=None).count()
    return {
        "measure": Measure.POINTS,
        "level": 3,
        "raters": max(3200, study.raters_wanted or 0),
        "contestants": contestants if contestants > 1 else Assumptions.contestants,
        "battles_each": study.battles_each,
        "policy": study.policy,
        "skill_sd": Assumptions.skill_sd,
        "heterogeneity_sd": Assumptions.heterogeneity_sd,
        "ties": round(100 * Assumptions.tie_rate),
        "turns": study.min_turns,
        "message_tokens": Talk.message_tokens,
        "reply_tokens": Talk.reply_tokens,
    }


def _studies(contestants: int, groups: int) -> int:
    """How many studies can be simulated while somebody waits for the page."""
    pairs = (1 + groups) * contestants**2 / 2
    studies = int(PATIENCE / (LEAST_SECONDS + SECONDS_OF_A_PAIR * pairs))
    if studies < FEWEST_STUDIES:
        raise RankingError(
            _(
                "%(contestants)s contestants in %(groups)s groups take longer to simulate "
                "than a page may take: run `hustings plan` on the server, or name fewer "
                "contestants."
            )
            % {"contestants": contestants, "groups": groups}
        )
    return min(studies, MOST_STUDIES)


@never_cache
@require_safe
def planning_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask for the assumptions, and show the plan once they are given; nothing is stored."""
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Plan"))
    try:
        require_pairs(study)
    except RankingError as refusal:
        context["refusal"] = str(refusal)
    else:
        form = PlanForm(study, request.GET)
        context["form"] = form
        if form.is_valid():
            context |= _shown(simulated(form.assumptions), form)
    return TemplateResponse(request, "admin/leaderboards/study/plan.html", context)


def _shown(made: Plan, form: PlanForm) -> dict[str, object]:
    needed = raters_needed(made, form.wish)
    return {
        "plan": made,
        "answer": answer(needed, form.wish, form.prices, made.assumptions),
        "rungs": _rung_table(made, form.prices),
        "axis_name": AXIS_NAMES[form.wish.measure],
        "chart": json.dumps(_chart(made, form.wish)),
        "chart_options": json.dumps(chart_options(str(AXIS_NAMES[form.wish.measure]), _("raters"))),
        "ties": {
            "random": f"{made.assumptions.tie_rate:.0%}",
            "equals": f"{made.tie_rate_of_equals:.0%}",
            "met": f"{made.tie_rate[-1]:.0%}",
        },
    }


def _rung_table(made: Plan, prices: Prices) -> SafeString:
    """A row for each number of raters."""
    cells = columns(made, prices)
    return table([f"#{header}" for header in cells], zip(*cells.values(), strict=True))


def _chart(made: Plan, wish: Wish) -> dict[str, Any]:
    """Lines for the theme's chart: what is wished for, by numbers of raters that double."""
    curve = made.curve(wish.measure)
    lines = [
        line(_("Whole study"), curve.mean, "#2f7fb5", width=3),
        line(_("Highest"), curve.high, BAND, fill="+1", width=1),
        line(_("Lowest"), curve.low, BAND, width=1),
    ]
    if wish.measure in WIDTHS and Measure.GROUP_POINTS in made.figures:
        group = made.curve(Measure.GROUP_POINTS).mean
        lines.insert(1, line(_("Typical group"), group, "#d97706", dash=[8, 4]))
    wished = [wish.level] * len(curve.mean)
    lines.append(line(_("Your wish"), wished, "#737a87", dash=[2, 4]))
    return {
        "labels": [f"{raters:,}" for raters in made.assumptions.ladder],
        "datasets": lines,
    }


def line(
    label: str,
    figures: Any,
    colour: str,
    *,
    width: int = 2,
    dash: list[int] | None = None,
    fill: str | bool = False,
) -> dict[str, Any]:
    """A line of the theme's chart."""
    return {
        "label": label,
        "data": [round(float(figure), 3) for figure in figures],
        "borderColor": colour,
        "backgroundColor": SHADE if fill else colour,
        "borderWidth": width,
        "borderDash": dash or [],
        "fill": fill,
        "pointRadius": 0,
        "tension": 0,
    }


def chart_options(up: str, across: str) -> dict[str, Any]:
    """How the theme's chart draws lines, with these names of its axes."""
    grey = "#737a87"
    title = {"display": True, "color": grey}
    grid = {"color": "rgba(120, 130, 150, 0.2)"}
    return {
        "animation": False,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "position": "bottom",
                "labels": {"color": grey, "boxWidth": 24, "boxHeight": 2},
            }
        },
        "scales": {
            "x": {"title": title | {"text": across}, "ticks": {"color": grey}, "grid": grid},
            "y": {
                "title": title | {"text": up},
                "ticks": {"color": grey},
                "grid": grid,
                "beginAtZero": True,
            },
        },
    }
