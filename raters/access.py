"""The guards: how a rater's view gets its study and its participation."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin_site import needs_second_factor
from accounts.languages import speak
from raters.entry import read_entry
from raters.errors import MovedOnError, RaterError
from raters.models import Participation
from studies.models import Study

P = ParamSpec("P")
Guarded = Callable[Concatenate[HttpRequest, Participation, P], HttpResponseBase]
View = Callable[..., HttpResponseBase]

EXPIRED = gettext_lazy(
    "This browser is no longer known to the study: its session has ended. "
    "Follow the link you were sent once more and you come back to your place."
)


class UnknownRaterError(RaterError):
    """No participation in this study belongs to this browser."""


def get_study_to_join(request: HttpRequest, slug: str) -> Study:
    """The study, if it is past its draft: whoever has the link may come in, public or not.

    A preview is there for the admin who started it, and for nobody else. From here on she is
    spoken to in the study's language, if it has one.
    """
    study = (
        Study.objects.exclude(state=Study.State.DRAFT)
        .select_related("electorate")
        .filter(slug=slug)
        .first()
    )
    if study is None or (study.preview_of_id and not _may_walk(request, study)):
        raise Http404(_("There is no study to take part in at this address."))
    speak(request, study.language)
    return study


def _may_walk(request: HttpRequest, preview: Study) -> bool:
    """Whether this is who started the preview, and may still change the study itself."""
    user = request.user
    return (
        user.is_authenticated
        and user.is_staff
        and not needs_second_factor(request)
        and user.has_perm("studies.change_study")
        and preview.team.filter(pk=user.pk).exists()
        and Study.objects.visible_to(user).filter(previews=preview).exists()
    )


def get_participation_for(request: HttpRequest, slug: str) -> Participation:
    """The participation that this browser's session is bound to, and nobody else's.

    Raises UnknownRaterError if there is none, and Http404 if there is no such study.
    """
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    participation = None
    if entry.participation_id is not None:
        # Who is erased is nobody's any more, whatever a browser still holds.
        hers = Participation.objects.named(study, entry.recruiting_id, source=entry.source)
        participation = (
            hers.select_related("rater", "cell", "consent_text")
            .filter(pk=entry.participation_id)
            .first()
        )
    if participation is None:
        raise UnknownRaterError(EXPIRED)
    participation.study = study
    return participation


def wants_json(request: HttpRequest) -> bool:
    """Whether our own script asks, which wants an answer to work with and not a page."""
    return request.headers.get("X-Requested-With") == "fetch"


def place_of(participation: Participation) -> str:
    """The address at which a participation goes on."""
    slug = participation.study.slug
    if participation.state == Participation.State.RESERVED:
        return reverse("raters:how", args=[slug])
    if participation.state == Participation.State.ACTIVE:
        return reverse("raters:battle", args=[slug])
    return reverse("raters:end", args=[slug])


def turn_away_stranger(request: HttpRequest, slug: str) -> HttpResponse:
    """Send somebody without a participation to the entrance; what she typed is not lost."""
    entrance = reverse("raters:join", args=[slug])
    if wants_json(request):
        return JsonResponse({"error": EXPIRED, "go_to": entrance}, status=401)
    if request.method == "POST":
        study = get_study_to_join(request, slug)
        typed = request.POST.get("text") or request.POST.get("reason", "")
        context = {"study": study, "typed": typed}
        return render(request, "raters/expired.html", context, status=401)
    return redirect(entrance)


def for_rater(*states: str) -> Callable[[Guarded[P]], View]:
    """A view of one rater: it is given her participation, in one of these states if any is named.

    Who has none is led to the entrance; whose participation is in another state, or gets there
    meanwhile, to its place.
    """

    def decorate(view: Guarded[P]) -> View:
        @wraps(view)
        def guarded(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            try:
                participation = get_participation_for(request, slug)
            except UnknownRaterError:
                return turn_away_stranger(request, slug)
            if states and participation.state not in states:
                return lead_to_place(request, participation)
            try:
                return view(request, participation, *args, **kwargs)
            except MovedOnError:
                return lead_to_place(request, participation)

        return guarded

    return decorate


def lead_to_place(request: HttpRequest, participation: Participation) -> HttpResponse:
    """Lead her to where her participation goes on, as it stands now: another tab may have moved."""
    participation.refresh_from_db()
    place = place_of(participation)
    if wants_json(request):
        words = _("The study has moved on, perhaps in another window.")
        if participation.state == Participation.State.STRUCK_OUT:
            words = _(
                "Your part in the study has ended. The next page says why, and what you can do."
            )
        return JsonResponse({"error": words, "go_to": place}, status=409)
    return redirect(place)
