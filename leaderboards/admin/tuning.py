"""Tuning a judge on a study's verdicts: candidates, the test of the winner, and past uses."""

import json
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.admin_pages import actor, table
from leaderboards.admin.criteria import (
    asked,
    earlier,
    expense_words,
    figure_cell,
    made,
    pairs_field,
    points_cell,
    require_permission,
)
from leaderboards.admin.reports import shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.models import Report
from leaderboards.pages.words import day_and_time
from leaderboards.reports import TUNING
from leaderboards.services.reports import report_status
from leaderboards.services.tuning import (
    FoundCandidate,
    TuningReport,
    TuningWanted,
    ask_for_tuning,
    make_next_version,
)
from raters.judging.tuning import PROTOCOL
from raters.models import Judge
from studies.models import Dimension, Study

TEMPLATE = "admin/leaderboards/study/tuning.html"


class TuningForm(forms.Form):
    """Which judge is tuned on what, and with how many pairs."""

    judge = forms.ModelChoiceField(
        Judge.objects.filter(protocol=PROTOCOL.key),
        widget=UnfoldAdminSelectWidget,
        help_text=format_lazy(
            gettext_lazy("Of the protocol “{protocol}”, with one chat model."),
            protocol=PROTOCOL.name,
        ),
        label=gettext_lazy("Judge"),
    )
    dimension = forms.ModelChoiceField(
        Dimension.objects.none(),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
        label=gettext_lazy("Dimension"),
    )
    training = pairs_field(gettext_noop("Pairs to learn from"), TuningWanted.training)
    validation = pairs_field(gettext_noop("Pairs to choose by"), TuningWanted.validation)
    test = pairs_field(gettext_noop("Pairs to test on"), TuningWanted.test)
    seed = forms.IntegerField(
        initial=0, min_value=0, widget=UnfoldAdminIntegerFieldWidget, label=gettext_lazy("Seed")
    )

    def __init__(self, study: Study, data: QueryDict | None) -> None:
        super().__init__(data)
        dimensions = study.dimensions.order_by("position", "key")
        self.fields["dimension"].queryset = dimensions  # type: ignore[attr-defined]

    @property
    def wanted(self) -> TuningWanted:
        """What a valid form asks for."""
        data = dict(self.cleaned_data)
        dimension, judge = data.pop("dimension"), data.pop("judge")
        return TuningWanted(dimension.key, judge.pk, **data)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tuning_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """What came of a tuning, for whoever may see live figures; `subject` chooses which.

    A post asks for a tuning, or makes the winner the next version of its judge.
    """
    study = live_study(request, study_id)
    status = report_status(study, TUNING, request.GET.get("subject", ""))
    found = status.facts(TuningReport)
    step = request.POST.get("step", "")
    form = TuningForm(study, request.POST if step == "tune" else None)
    if step == "version" and found is not None:
        require_permission(request, "raters.add_judge")
        return made(request, lambda: make_next_version(found, at=timezone.now()))
    if form.is_valid():
        require_permission(request, "raters.add_judgerun")
        return asked(request, lambda: _ask(request, study, form.wanted))
    context = frame_of(request, study, model_admin, name=_("Tuning")) | {
        "form": form,
        "earlier": earlier(study, TUNING, _subject_words),
        "criteria": reverse("admin:leaderboards_study_criteria", args=[study.pk]),
    }
    if found is not None:
        context |= _shown(found)
    return shown(request, TEMPLATE, context, status)


def _ask(request: HttpRequest, study: Study, wanted: TuningWanted) -> Report:
    return ask_for_tuning(study, wanted, by=actor(request), at=timezone.now())


def _subject_words(subject: str) -> str:
    wanted = TuningWanted.parse(subject)
    judge = Judge.objects.filter(pk=wanted.judge).first()
    pairs = _("%(training)s + %(validation)s + %(test)s pairs") % {
        "training": wanted.training,
        "validation": wanted.validation,
        "test": wanted.test,
    }
    return _("%(judge)s on %(dimension)s, %(pairs)s, seed %(seed)s") % {
        "judge": judge,
        "dimension": wanted.dimension,
        "pairs": pairs,
        "seed": wanted.seed,
    }


def _shown(found: TuningReport) -> dict[str, Any]:
    winner = found.candidates[found.winner]
    return {
        "page": found,
        "answer": _answer(found),
        "candidates": _candidate_table(found),
        "test": table(
            [_("On the test part"), _("#Agrees with people")],
            [
                (_("The judge as it is"), figure_cell(found.base)),
                (_("The winner: %(name)s") % {"name": winner.name}, figure_cell(found.tuned)),
                (_("The winner less the judge as it is, in points"), points_cell(found.gain)),
            ],
        ),
        "uses": table(
            [_("Tested"), _("Judge"), _("#Conversations"), _("#Of these tested on now")],
            [
                (
                    day_and_time(use.at),
                    use.judge,
                    f"{len(use.battles):,}",
                    f"{len(set(use.battles).intersection(found.test)):,}",
                )
                for use in reversed(found.uses)
            ],
        ),
        "expense": expense_words(found.expense),
    }


def _answer(found: TuningReport) -> str:
    if found.winner == 0:
        return _("No candidate agreed with people more than %(judge)s as it is.") % {
            "judge": found.judge
        }
    name = found.candidates[found.winner].name
    if found.gain.low > 0:
        return _(
            "“%(name)s” agrees with people more than %(judge)s as it is, on the test part."
        ) % {"name": name, "judge": found.judge}
    return _(
        "“%(name)s” did best on the validation part; the test part can’t tell that it is better."
    ) % {"name": name}


def _candidate_table(found: TuningReport) -> SafeString:
    rows = [
        (
            each.name if place != found.winner else format_html("<strong>{}</strong>", each.name),
            _settings(each),
            figure_cell(each.agreement),
            f"{each.unjudged:,}",
        )
        for place, each in enumerate(found.candidates)
    ]
    return table([_("Candidate"), _("Settings"), _("#Agrees with people"), _("#Not judged")], rows)


def _settings(candidate: FoundCandidate) -> str:
    told = dict(json.loads(candidate.settings))
    if examples := told.pop("examples", None):
        told["examples"] = _("%(examples)s of the training part") % {"examples": len(examples)}
    return "; ".join(f"{name}: {value}" for name, value in told.items()) or _("as they come")
