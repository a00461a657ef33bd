"""The end of the way, what is stored of her, leaving before the end, and withdrawing."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.sign_up import delete_account
from raters.access import (
    UnknownRaterError,
    for_rater,
    get_participation_for,
    get_study_to_join,
    lead_to_place,
)
from raters.entry import forget_entry, read_entry, read_farewell, write_farewell
from raters.errors import PlaceLostError
from raters.forms import WithdrawForm, WordsForm
from raters.models import Participation
from raters.own_data import read_own_data
from raters.pages import offer_of, steps_at
from raters.place import read_place
from raters.quality.personal import FEWEST_ALIKE
from raters.services.erasing import may_delete_account, withdraw_and_erase
from raters.services.panel import (
    code_of,
    completion_code_for,
    has_failed_comprehension,
    may_come_back,
    return_place,
)
from raters.services.quoting import release_words, take_words_back
from raters.strike_cards import read_strikes
from studies.models import CompletionCode
from studies.stopping import takes_nobody_new

State = Participation.State
UNDER_WAY = (State.RESERVED, State.ACTIVE)
ENDED = (
    State.COMPLETED, State.RETURNED, State.TIMED_OUT, State.STRUCK_OUT, State.SCREENED_OUT,
)  # fmt: skip


@never_cache
@require_safe
@for_rater(*ENDED)
def end(request: HttpRequest, participation: Participation) -> HttpResponse:
    """Thank you with the completion code and the way back; or why it ended, with its code."""
    study = participation.study
    context = {
        "study": study,
        "offer": offer_of(study),
        "steps": steps_at("end", study),
        "participation": participation,
        "code": completion_code_for(participation),
        "can_come_back": may_come_back(participation) and not takes_nobody_new(study),
        "has_failed_comprehension": has_failed_comprehension(participation),
        "full": get_text_list(list(read_entry(request, study).full), _("and")),
        "strikes": read_strikes(participation),
    }
    return render(request, f"raters/end_{participation.state}.html", context)


@never_cache
@require_safe
@for_rater()
def my_data(request: HttpRequest, participation: Participation) -> HttpResponse:
    """What is stored of her in this study."""
    context = {
        "study": participation.study,
        "participation": participation,
        "place": read_place(participation, at=timezone.now()),
        "data": read_own_data(participation),
        "can_leave": participation.state in UNDER_WAY,
        "can_withdraw": participation.state != State.WITHDRAWN,
        "fewest_alike": FEWEST_ALIKE,
    }
    return render(request, "raters/my_data.html", context)


@never_cache
@require_POST
@for_rater()
def words(request: HttpRequest, participation: Participation) -> HttpResponse:
    """She lets what she wrote be published, or takes that back."""
    form = WordsForm(request.POST)
    if form.is_valid():
        if form.cleaned_data["answer"] == "release":
            release_words(participation, at=timezone.now())
        else:
            take_words_back(participation)
    return redirect(f"{reverse('raters:my-data', args=[participation.study.slug])}#words")


@never_cache
@require_safe
@for_rater()
def my_data_file(request: HttpRequest, participation: Participation) -> HttpResponse:  # noqa: ARG001
    """The same, as a JSON file."""
    name = f"my-data-{participation.study.slug}.json"
    return JsonResponse(
        read_own_data(participation),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_rater(*UNDER_WAY)
def leave(request: HttpRequest, participation: Participation) -> HttpResponse:
    """Leave the study: asked once more, then her place goes back."""
    if request.method != "POST":
        context = {"study": participation.study, "participation": participation}
        return render(request, "raters/leave.html", context)
    try:
        return_place(participation, at=timezone.now())
    except PlaceLostError:
        return lead_to_place(request, participation)
    return redirect("raters:end", participation.study.slug)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Withdraw and have everything erased: what that means, asked once more, then done."""
    try:
        participation = get_participation_for(request, slug)
    except UnknownRaterError:
        # Done already in another tab, or else nobody that we know.
        return redirect("raters:withdrawn", slug)
    study, outcome = participation.study, _outcome_if_withdrawn(participation)
    account = request.user if request.user.is_authenticated else None
    is_account_free = account is not None and may_delete_account(account, participation)
    if request.method != "POST":
        context = {
            "study": study,
            "participation": participation,
            "outcome": outcome,
            "code": code_of(study, outcome),
            "may_delete_account": is_account_free,
        }
        return render(request, "raters/withdraw.html", context)
    form = WithdrawForm(request.POST)
    withdraw_and_erase(participation, at=timezone.now())
    forget_entry(request, study)
    wants_account_deleted = form.is_valid() and form.cleaned_data["delete_account"]
    if account is not None and is_account_free and wants_account_deleted:
        logout(request)
        delete_account(account)
    write_farewell(request, study, outcome)
    return redirect("raters:withdrawn", slug)


def _outcome_if_withdrawn(participation: Participation) -> str:
    """The end whose code she is told: how she ended, or that she left before the end."""
    is_under_way = participation.state in UNDER_WAY
    return CompletionCode.Outcome.RETURNED if is_under_way else participation.state


@never_cache
@require_safe
def withdrawn(request: HttpRequest, slug: str) -> HttpResponse:
    """It is done: with her code for the last time, by what nothing leads back to her."""
    study = get_study_to_join(request, slug)
    outcome = read_farewell(request, study)
    if outcome is None:
        return redirect("raters:join", slug)
    context = {"study": study, "outcome": outcome, "code": code_of(study, outcome)}
    return render(request, "raters/withdrawn.html", context)
