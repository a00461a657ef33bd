"""The end of the way, what is stored of her, and leaving before the end."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from raters.access import for_rater, lead_to_place
from raters.entry import read_entry
from raters.errors import PlaceLostError
from raters.models import Participation
from raters.own_data import read_own_data
from raters.pages import offer_of, steps_at
from raters.services.panel import MAY_COME_BACK, completion_code_for, return_place
from studies.models import Study

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
        "steps": steps_at("Thank you"),
        "participation": participation,
        "code": completion_code_for(participation),
        "can_come_back": participation.state in MAY_COME_BACK and study.state == Study.State.OPEN,
        "full": read_entry(request, study).full,
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
        "data": read_own_data(participation),
        "can_leave": participation.state in UNDER_WAY,
    }
    return render(request, "raters/my_data.html", context)


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
