"""A rater's strikes: that she has read one, and what she says against it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from raters.access import for_rater, place_of
from raters.errors import ObjectionRefusedError
from raters.forms import ObjectionForm
from raters.models import Participation, Strike
from raters.place import read_place
from raters.services.strikes import object_to_strike, see_strike
from raters.strike_cards import find_strike, read_strikes


@require_POST
@for_rater()
def seen(request: HttpRequest, participation: Participation, number: int) -> HttpResponse:  # noqa: ARG001
    """She has read it."""
    see_strike(_strike_of(participation, number), at=timezone.now())
    return redirect(place_of(participation))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_rater()
def strike(request: HttpRequest, participation: Participation, number: int) -> HttpResponse:
    """One strike, and what she says against it; once sent, back to where she was."""
    found = _strike_of(participation, number)
    refusal = ""
    if request.method == "POST":
        refusal = _object(found, ObjectionForm(request.POST))
        if not refusal:
            return redirect(place_of(participation))
    context = {
        "study": participation.study,
        "place": read_place(participation, at=timezone.now()),
        "strike": read_strikes(participation).cards[number - 1],
        "refusal": refusal,
        "typed": request.POST.get("text", ""),
        "back": place_of(participation),
    }
    return render(request, "raters/strike.html", context, status=422 if refusal else 200)


def _object(strike: Strike, form: ObjectionForm) -> str:
    """Keep her objection; why it was refused, if it was."""
    if not form.is_valid():
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    try:
        object_to_strike(strike, text=form.cleaned_data["text"], at=timezone.now())
    except ObjectionRefusedError as error:
        return str(error)
    return ""


def _strike_of(participation: Participation, number: int) -> Strike:
    """One of her strikes, by its number among them."""
    found = find_strike(participation, number)
    if found is None:
        raise Http404(_("There is no such strike."))
    return found
