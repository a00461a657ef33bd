"""A rater says that she is still here, and her place is kept longer."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from raters.access import for_rater, place_of, wants_json
from raters.models import Participation
from raters.place import read_place
from raters.services import staying
from raters.services.panel import IS_KEPT


@require_POST
@for_rater(*IS_KEPT)
def stay(request: HttpRequest, participation: Participation) -> HttpResponse:
    """Keep it. Without our script the answer comes in a window of its own, beside what she does."""
    now = timezone.now()
    staying.stay(participation, at=now)
    place = read_place(participation, at=now)
    if wants_json(request):
        return JsonResponse(place.as_data() if place else {})
    context = {"study": participation.study, "kept": place, "back": place_of(participation)}
    return render(request, "raters/stay.html", context)
