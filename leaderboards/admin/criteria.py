"""A study's criteria: by what its raters choose, found and tested by a chat model."""

from collections.abc import Callable, Iterable
from math import isnan
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.admin_pages import actor, link, page_of, table
from leaderboards.admin.reports import shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.comparison.criteria import CHANCE, KEPT, RARE, REDUNDANT, UNCONFIRMED, Worth
from leaderboards.comparison.figures import Figure
from leaderboards.decided import FEWEST_PAIRS, MOST_PAIRS
from leaderboards.errors import BoardError, CriteriaError
from leaderboards.models import Report
from leaderboards.pages.words import day_and_time, percent, signed
from leaderboards.reports import CRITERIA
from leaderboards.services.criteria import (
    PAIRS,
    CriteriaReport,
    CriteriaWanted,
    Expense,
    FoundCriterion,
    ask_for_criteria,
    make_judge,
)
from leaderboards.services.reports import report_status
from raters.models import Judge
from studies.models import ChatModel, Dimension, Study

TEMPLATE = "admin/leaderboards/study/criteria.html"
STATUS = {
    KEPT: "kept",
    REDUNDANT: gettext_lazy("says the same as {}"),
    RARE: gettext_lazy("tells too few pairs apart"),
    CHANCE: gettext_lazy("no more than chance in training"),
    UNCONFIRMED: gettext_lazy("not found again held out"),
}


def pairs_field(label: str, initial: int) -> forms.IntegerField:
    """A field for the number of pairs of a part."""
    return forms.IntegerField(
        label=gettext_lazy(label),
        initial=initial,
        min_value=FEWEST_PAIRS,
        max_value=MOST_PAIRS,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class CriteriaForm(forms.Form):
    """Who proposes criteria on what, and from how many pairs."""

    dimension = forms.ModelChoiceField(
        Dimension.objects.none(),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
        label=gettext_lazy("Dimension"),
    )
    chat_model = forms.ModelChoiceField(
        ChatModel.objects.filter(is_embedder=False).order_by("name"),
        widget=UnfoldAdminSelectWidget,
        label=gettext_lazy("Chat model"),
    )
    training = pairs_field(gettext_noop("Pairs to propose from"), PAIRS)
    held_out = pairs_field(gettext_noop("Pairs held out"), PAIRS)
    seed = forms.IntegerField(
        initial=0, min_value=0, widget=UnfoldAdminIntegerFieldWidget, label=gettext_lazy("Seed")
    )

    def __init__(self, study: Study, data: QueryDict | None) -> None:
        super().__init__(data)
        dimensions = study.dimensions.order_by("position", "key")
        self.fields["dimension"].queryset = dimensions  # type: ignore[attr-defined]

    @property
    def wanted(self) -> CriteriaWanted:
        """What a valid form asks for."""
        data = self.cleaned_data
        return CriteriaWanted(
            data["dimension"].key,
            data["chat_model"].pk,
            data["training"],
            data["held_out"],
            data["seed"],
        )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def criteria_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """What was found, for whoever may see live figures; `subject` chooses which.

    A post asks for criteria, or makes a judge of those that were kept.
    """
    study = live_study(request, study_id)
    subject = request.GET.get("subject", "")
    status = report_status(study, CRITERIA, subject)
    found = status.facts(CriteriaReport)
    form = CriteriaForm(study, request.POST if _asks(request, "find") else None)
    if _asks(request, "judge") and found is not None:
        require_permission(request, "raters.add_judge")
        return made(request, lambda: make_judge(study, found, at=timezone.now()))
    if form.is_valid():
        require_permission(request, "raters.add_judgerun")
        return asked(request, lambda: _ask(request, study, form.wanted))
    context = frame_of(request, study, model_admin, name=_("Criteria")) | {
        "form": form,
        "earlier": earlier(study, CRITERIA, _subject_words),
        "tuning": reverse("admin:leaderboards_study_tuning", args=[study.pk]),
    }
    if found is not None:
        context |= _shown(study, found)
    return shown(request, TEMPLATE, context, status)


def require_permission(request: HttpRequest, permission: str) -> None:
    """PermissionDenied for who may not."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def asked(request: HttpRequest, ask: Callable[[], Report]) -> HttpResponse:
    """Ask for a report, and go to its page; or stay, and say why it is refused."""
    try:
        report = ask()
    except BoardError as refusal:
        messages.error(request, str(refusal))
        return redirect(request.get_full_path())
    return redirect(f"{request.path}?{_query(report.subject)}")


def made(request: HttpRequest, make: Callable[[], Judge]) -> HttpResponse:
    """Make a judge, and go to its page; or stay, and say why not."""
    try:
        judge = make()
    except CriteriaError as refusal:
        messages.error(request, str(refusal))
        return redirect(request.get_full_path())
    messages.success(request, _("%(judge)s is registered.") % {"judge": judge})
    page: Model = judge
    return redirect(page_of(page))


def earlier(study: Study, kind: str, words: Callable[[str], str]) -> SafeString | None:
    """What was asked for before, newest first, by `words` of its subject; None for nothing."""
    reports = Report.objects.filter(study=study, kind=kind).defer("document").order_by("-pk")
    rows = [
        (
            link(f"?{_query(each.subject)}", words(each.subject)),
            each.get_state_display(),
            day_and_time(each.asked_at),
        )
        for each in reports
    ]
    return table([_("What"), _("State"), _("Asked for")], rows) if rows else None


def figure_cell(figure: Figure) -> SafeString | str:
    """A share over its interval and what it is of: "86 %", "71 to 94 of 28"."""
    if not figure.n:
        return "–"
    of = _("%(low)s to %(high)s of %(n)s") % {
        "low": f"{100 * figure.low:.0f}",
        "high": f"{100 * figure.high:.0f}",
        "n": f"{figure.n:,}",
    }
    return format_html("<strong>{}</strong><br>{}", percent(figure.value), of)


def points_cell(figure: Figure) -> SafeString | str:
    """A difference of shares in points of 100, over its interval."""
    if isnan(figure.value):
        return "–"
    ends = (figure.value, figure.low, figure.high)
    value, low, high = (signed(100 * each, decimals=0) for each in ends)
    interval = _("%(low)s to %(high)s") % {"low": low, "high": high}
    return format_html("<strong>{}</strong><br>{}", value, interval)


def expense_words(expense: Expense) -> str:
    """What was asked, and what came of it."""
    return _(
        "%(asked)s questions were asked; %(unreadable)s answers could not be read and "
        "%(unanswered)s questions were given up. As far as tokens were counted, it "
        "cost $%(cost)s."
    ) % {
        "asked": f"{expense.asked:,}",
        "unreadable": f"{expense.unreadable:,}",
        "unanswered": f"{expense.unanswered:,}",
        "cost": f"{expense.cost:,.2f}",
    }


def _asks(request: HttpRequest, step: str) -> bool:
    return request.method == "POST" and request.POST.get("step") == step


def _ask(request: HttpRequest, study: Study, wanted: CriteriaWanted) -> Report:
    return ask_for_criteria(study, wanted, by=actor(request), at=timezone.now())


def _subject_words(subject: str) -> str:
    wanted = CriteriaWanted.parse(subject)
    chat_model = ChatModel.objects.filter(pk=wanted.chat_model).first()
    pairs = _("%(training)s + %(held_out)s pairs") % {
        "training": wanted.training,
        "held_out": wanted.held_out,
    }
    return _("%(dimension)s, by %(chat_model)s, %(pairs)s, seed %(seed)s") % {
        "dimension": wanted.dimension,
        "chat_model": chat_model,
        "pairs": pairs,
        "seed": wanted.seed,
    }


def _query(subject: str) -> str:
    query = QueryDict(mutable=True)
    query["subject"] = subject
    return query.urlencode()


def _shown(study: Study, found: CriteriaReport) -> dict[str, Any]:
    return {
        "page": found,
        "dimension": study.dimensions.filter(key=found.dimension).first() or found.dimension,
        "answer": _answer(found),
        "criteria": _criteria_table(found.criteria),
        "rubric": _rubric_table(found),
        "sayings": _saying_table(found.criteria),
        "expense": expense_words(found.expense),
    }


def _answer(found: CriteriaReport) -> str:
    if not found.kept:
        return _("No criterion tells what raters choose, in both parts.")
    names = ", ".join(
        _("%(worth)s of “%(name)s”") % {"worth": _way(each.worth), "name": each.name}
        for each in found.kept
    )
    return _("Raters choose %(names)s.") % {"names": names}


def _way(worth: Worth) -> str:
    return _("more") if worth.sign > 0 else _("less")


def _criteria_table(criteria: tuple[FoundCriterion, ...]) -> SafeString:
    rows = [
        (
            _named(each),
            _status(each, criteria),
            _way(each.worth),
            figure_cell(each.worth.training),
            figure_cell(each.worth.held_out),
            points_cell(each.worth.weight),
            percent(each.disagree.value) if each.disagree.n else "–",
        )
        for each in sorted(criteria, key=lambda each: list(STATUS).index(each.worth.status))
    ]
    headers = [
        *(_("Criterion"), _("What became of it"), _("Preferred"), _("#Right in training")),
        *(_("#Right held out"), _("#Moves a choice by"), _("#Orders contradict")),
    ]
    return table(headers, rows)


def _named(found: FoundCriterion) -> SafeString:
    return format_html("<strong>{}</strong><br>{}", found.name, found.text)


def _status(found: FoundCriterion, criteria: tuple[FoundCriterion, ...]) -> str:
    twin = found.worth.like
    return str(STATUS[found.worth.status]).format(
        "" if twin is None else f"“{criteria[twin].name}”"
    )


def _rubric_table(found: CriteriaReport) -> SafeString:
    rubric = found.rubric
    rows: Iterable[tuple[str, SafeString | str]] = [
        (_("The criteria that training chose"), figure_cell(rubric.accuracy)),
        (
            _("The longer or the shorter reply, whichever training preferred"),
            figure_cell(rubric.length),
        ),
        (_("Always the side that training preferred"), figure_cell(rubric.majority)),
        (_("Criteria less length, in points"), points_cell(rubric.gain)),
    ]
    return table([_("Names the preferred side"), _("#Held out")], rows)


def _saying_table(criteria: tuple[FoundCriterion, ...]) -> SafeString:
    rows = [
        (
            each.name,
            figure_cell(saying.named),
            _part(saying.said),
            _part(saying.revealed),
            points_cell(saying.gap),
            _gap_words(saying.gap),
        )
        for each in criteria
        if (saying := each.saying) is not None
    ]
    headers = [
        *(_("Criterion"), _("#Reasons that name it"), _("#Part of what is said")),
        *(_("#Part of what choices show"), _("#Said less shown, points"), _("In words")),
    ]
    return table(headers, rows)


def _part(share: float) -> str:
    return "–" if isnan(share) else percent(share)


def _gap_words(gap: Figure) -> str:
    if gap.low > 0:
        return _("Said more than it decides.")
    return _("Decides more than is said.") if gap.high < 0 else _("Can’t be told apart.")
