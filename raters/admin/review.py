"""The review queue: one strike at a time, its evidence beside its conversation."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import ReasonForm, Step, actor, page_of, take_step
from raters.errors import DecidedAlreadyError, RaterError
from raters.models import Participation, Strike
from raters.review import figures_in_words, kind_in_words, read_case, waiting_for
from raters.services.exclusions import exclude
from raters.services.review import decide_waiting_strike
from studies.models import Study

NOTE_LENGTH = 2_000


class DecisionForm(forms.Form):
    """Confirm or overturn, and a word for the rater."""

    note = forms.CharField(
        max_length=NOTE_LENGTH,
        required=False,
        label=gettext_lazy("A note for the rater"),
        help_text=gettext_lazy("Optional. She reads it with your decision."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    decision = forms.ChoiceField(
        choices=[("confirm", gettext_lazy("Confirm")), ("overturn", gettext_lazy("Overturn"))],
        widget=forms.HiddenInput,
    )


def may_review(request: HttpRequest) -> bool:
    """Whether this person is a reviewer."""
    return request.user.has_perm("raters.change_strike")


@never_cache
@require_safe
def review_page(request: HttpRequest, model_admin: ModelAdmin) -> HttpResponse:
    """The strike that `?strike=` names, or the first that waits; of one study by `?study=`."""
    study = _study(request, request.GET.get("study", ""))
    queue = _queue(request, study)
    wanted = _number(request.GET.get("strike", ""))
    if wanted is not None and wanted not in queue:
        _say_what_became_of(request, wanted)
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Review"),
        "opts": Strike._meta,
        "study": study,
        "everywhere": reverse("admin:raters_review"),
        "study_page": reverse("admin:raters_study_live", args=[study.pk]) if study else "",
    }
    if queue:
        at = queue.index(wanted) if wanted in queue else 0
        context |= _case_context(request, queue, at, study)
    return TemplateResponse(request, "admin/raters/review.html", context)


@require_POST
def decide(request: HttpRequest, strike_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Decide about one strike, then on to the next."""
    strike = _strike(request, strike_id)
    study = _study(request, request.POST.get("study", ""))
    queue = _queue(request, study)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return redirect(_address(study, strike_id))
    try:
        review = decide_waiting_strike(
            strike,
            is_confirmed=form.cleaned_data["decision"] == "confirm",
            by=actor(request),
            note=form.cleaned_data["note"],
            at=timezone.now(),
        )
    except DecidedAlreadyError as refusal:
        messages.warning(request, str(refusal))
    else:
        model_admin.log_change(request, strike, review.words)
        tell = messages.warning if review.is_pay_due else messages.success
        tell(
            request,
            _("Rater %(rater)s: %(words)s")
            % {"rater": strike.participation.rater, "words": review.words},
        )
    return redirect(_address(study, _following(queue, strike_id)))


def exclude_step(
    request: HttpRequest, participation_id: int, model_admin: ModelAdmin
) -> HttpResponse:
    """Leave a rater's verdicts out of boards, with a reason that stands there already."""
    if not (may_review(request) and request.user.has_perm("raters.add_exclusion")):
        raise PermissionDenied
    visible = Participation.objects.filter(study__in=Study.objects.visible_to(request.user))
    participation = get_object_or_404(visible.select_related("rater"), pk=participation_id)
    rater = participation.rater

    class ExclusionForm(ReasonForm):
        """Why she is left out; the usual words are there."""

        reason = forms.CharField(
            initial=_("Fraud"),
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            help_text=_("Anybody may read it, on boards and in the study's ledger: name nobody."),
        )

    def act(data: dict[str, Any]) -> str:
        exclude(participation, reason=data["reason"], by=actor(request), at=timezone.now())
        return _("Rater %(rater)s is left out of boards from now on.") % {"rater": rater}

    step = Step(
        question=_("Leave rater %(rater)s out of boards?") % {"rater": rater},
        note=_(
            "All her verdicts in this study are left out of boards taken from now on. "
            "Nothing is deleted, and the exclusion can be lifted. Her strikes still wait "
            "for a decision."
        ),
        button=_("Exclude"),
        act=act,
        refusals=(RaterError,),
        back=_address(_study(request, request.GET.get("study", "")), None),
        form=ExclusionForm,
    )
    return take_step(model_admin, request, participation, step)


def _case_context(
    request: HttpRequest, queue: list[int], at: int, study: Study | None
) -> dict[str, Any]:
    case = read_case(Strike.objects.get(pk=queue[at]))
    excluding = reverse("admin:raters_review_exclude", args=[case.participation.pk])
    return {
        "case": case,
        "kind": kind_in_words(case.strike.kind),
        "others": [(kind_in_words(other.kind), other) for other in case.others],
        "signals": [
            (kind_in_words(signal.kind), signal, figures_in_words(signal.figures))
            for signal in case.signals
        ],
        "form": DecisionForm(),
        "place": at + 1,
        "waiting": len(queue),
        "next": _address(study, queue[at + 1]) if at + 1 < len(queue) else "",
        "back": _address(study, queue[at - 1]) if at else "",
        "participation_page": page_of(case.participation),
        "excluding": f"{excluding}?{urlencode({'study': study.slug if study else ''})}",
        "may_exclude": request.user.has_perm("raters.add_exclusion"),
    }


def _study(request: HttpRequest, slug: str) -> Study | None:
    if not may_review(request):
        raise PermissionDenied
    if not slug:
        return None
    return get_object_or_404(Study.objects.visible_to(request.user), slug=slug)


def _strike(request: HttpRequest, strike_id: int) -> Strike:
    """A strike of a study that she may see, waiting or not."""
    if not may_review(request):
        raise PermissionDenied
    studies = Study.objects.visible_to(request.user)
    visible = Strike.objects.filter(participation__study__in=studies)
    return get_object_or_404(visible.select_related("participation__rater"), pk=strike_id)


def _queue(request: HttpRequest, study: Study | None) -> list[int]:
    return list(waiting_for(request.user, study=study).values_list("pk", flat=True))


def _following(queue: list[int], strike_id: int) -> int | None:
    """The one after it, the one before it at the end, none if it was the only one."""
    if strike_id not in queue:
        return None
    at = queue.index(strike_id)
    others = queue[at + 1 :][:1] or queue[:at][-1:]
    return others[0] if others else None


def _address(study: Study | None, strike_id: int | None) -> str:
    asked = {"study": study.slug if study else "", "strike": strike_id or ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('admin:raters_review')}{'?' if query else ''}{query}"


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _say_what_became_of(request: HttpRequest, strike_id: int) -> None:
    """Somebody else may have been faster."""
    strike = _strike(request, strike_id)
    if strike.decision:
        words = _("That strike is %(decision)s by %(decided_by)s already.") % {
            "decision": strike.get_decision_display(),
            "decided_by": strike.decided_by,
        }
        messages.info(request, words)
