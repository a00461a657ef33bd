"""The way in: why, consent, about you, how it works. Nothing is stored before she agrees."""

import secrets
from dataclasses import asdict, replace

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.sign_up import close_sign_up, open_sign_up
from raters.access import for_rater, get_study_to_join, lead_to_place, place_of
from raters.entry import (
    UNSAID,
    Entry,
    Link,
    begin_entry,
    forget_entry,
    read_entry,
    write_entry,
)
from raters.errors import QuotaFullError, StudyClosedError
from raters.fingerprints import fingerprint_of
from raters.forms import RATHER_NOT, ComprehensionForm, ConsentForm, QuestionForm
from raters.models import Participation
from raters.pages import comprehension_questions, offer_of, steps_at
from raters.place import read_place
from raters.quality.personal import FEWEST_ALIKE
from raters.services.checks import (
    Comprehension,
    answer_comprehension,
    battles_asked,
    read_comprehension,
)
from raters.services.identities import find_participation, note_visit
from raters.services.panel import (
    account_id,
    keep_place,
    may_come_back,
    reserve_place,
    start,
)
from studies.models import Axis, CompletionCode, ConsentText, Study
from studies.stopping import has_ended, takes_nobody_new

Source = Participation.Source


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Who asks and why. Looking creates nothing, so that a link's preview takes no place."""
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    # The form goes where the link went, so that what the link says is there with both.
    link = Link.parse(study, request.GET, request.POST.get("recruiting_id", ""))
    if request.method == "POST":
        return _come_in(request, study, entry, link)
    standing = _participation_of(study, entry)
    if standing and entry.participation_id and link.recruiting_id in {"", entry.recruiting_id}:
        return _lead_back(standing, entry.coming_by(link))
    context = _context(study, "why") | {
        "recruiting_id": link.recruiting_id,
        "battles": battles_asked(study),
    }
    if takes_nobody_new(study):
        # Somebody who has a place comes back to it also where the study takes nobody new.
        may_have_place = bool(link.recruiting_id) or study.entrance == Study.Entrance.ACCOUNT
        context |= {"may_have_place": may_have_place, "has_ended": has_ended(study)}
        return render(request, "raters/not_open.html", context)
    if not _has_id(study, entry, link):
        return _ask_for_id(request, study, link)
    return render(request, "raters/why.html", context)


@never_cache
@require_safe
def signed_in(request: HttpRequest, slug: str) -> HttpResponse:
    """She has signed in on her way, and goes on where she was."""
    study = get_study_to_join(request, slug)
    if study.entrance != Study.Entrance.ACCOUNT or not request.user.is_authenticated:
        return redirect("raters:join", slug)
    close_sign_up(request)
    return _come_in(request, study, read_entry(request, study), Link.parse(study, request.GET))


def _come_in(request: HttpRequest, study: Study, entry: Entry, link: Link) -> HttpResponse:
    """Find out who she is, and lead her to her place, or on to the consent."""
    who = (Source.RECRUITED.value, link.recruiting_id) if link.recruiting_id else entry.who
    if study.entrance == Study.Entrance.ACCOUNT:
        if not request.user.is_authenticated:
            return _send_to_sign_in(request, study, entry.coming_by(link))
        who = (Source.ACCOUNT.value, account_id(request.user))
    elif not _has_id(study, entry, link):
        return _ask_for_id(request, study, link)
    source, recruiting_id = who or (Source.OWN.value, secrets.token_urlsafe(16))
    if entry.who not in {None, (source, recruiting_id)}:
        entry = Entry()  # Another rater's, in the same browser.
    entry = replace(entry, source=source, recruiting_id=recruiting_id).coming_by(link)
    standing = _participation_of(study, entry)
    is_again = "again" in request.POST and not takes_nobody_new(study)
    if standing is not None and not (is_again and may_come_back(standing)):
        if entry.participation_id != standing.pk:
            begin_entry(request, study, replace(entry, participation_id=standing.pk))
        return _lead_back(standing, entry)
    if takes_nobody_new(study):
        return redirect("raters:join", study.slug)
    entry = replace(
        entry, consent_text_id=None, releases_words=False, participation_id=None, full=()
    )
    begin_entry(request, study, entry)
    return redirect("raters:consent", study.slug)


def _lead_back(standing: Participation, entry: Entry) -> HttpResponse:
    """To the place that she has; by which visit she came back is kept."""
    note_visit(standing, study=entry.recruiting_study, session=entry.recruiting_session)
    return redirect(place_of(standing))


def _has_id(study: Study, entry: Entry, link: Link) -> bool:
    """Whether she may come in by what the link says, or said when she came before."""
    if link.is_unfilled:
        return False
    if study.entrance != Study.Entrance.RECRUITED or link.recruiting_id:
        return True
    is_own = entry.source == Source.OWN
    return bool(entry.recruiting_id) and (not is_own or entry.participation_id is not None)


def _ask_for_id(request: HttpRequest, study: Study, link: Link) -> HttpResponse:
    """Nobody can tell who she is: say what is missing, and what she can do."""
    return render(request, "raters/no_id.html", {"study": study, "link": link})


def _send_to_sign_in(request: HttpRequest, study: Study, entry: Entry) -> HttpResponse:
    """To her e-mail address and the code; an account is made only for an open study."""
    write_entry(request, study, entry)
    back = reverse("raters:signed-in", args=[study.slug])
    is_open = not takes_nobody_new(study)
    open_sign_up(
        request,
        back_to=back,
        takes_new=is_open,
        language=study.language,
        at=timezone.now(),
    )
    return redirect(f"{reverse('account_request_login_code')}?{urlencode({'next': back})}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    """What she agrees to: a summary, then the full text of the newest version."""
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    text = study.consent_texts.order_by("-version").first()
    if takes_nobody_new(study) or not entry.recruiting_id or text is None:
        return redirect("raters:join", slug)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if form.cleaned_data["answer"] == "decline":
            return _let_go(request, study)
        if form.cleaned_data["version"] == text.version:
            releases_words = form.cleaned_data["releases_words"]
            entry = replace(entry, consent_text_id=text.pk, releases_words=releases_words)
            write_entry(request, study, entry)
            return _go_on(request, study, entry)
    context = _context(study, "consent") | {
        "text": text,
        "is_changed": form.is_valid(),
        "releases_words": form.is_valid() and form.cleaned_data["releases_words"],
        "fewest_alike": FEWEST_ALIKE,
    }
    return render(request, "raters/consent.html", context)


@never_cache
@require_safe
def about(request: HttpRequest, slug: str) -> HttpResponse:
    """The first question that she has not answered."""
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    axis = _next_axis(study, entry)
    if entry.consent_text_id is None or axis is None:
        return redirect("raters:join", slug)
    return redirect("raters:question", slug, axis.key)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, slug: str, axis_key: str) -> HttpResponse:
    """One question about her: her group on one axis."""
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    if entry.participation_id is not None or entry.consent_text_id is None:
        return redirect("raters:join", slug)
    axes = _axes(study)
    keys = [axis.key for axis in axes]
    if axis_key not in keys:
        raise Http404(_("The study has no such question."))
    place = keys.index(axis_key)
    form = QuestionForm(axes[place], request.POST if request.method == "POST" else None)
    if form.is_valid():
        answer = form.cleaned_data["group"]
        entry = entry.answering(axis_key, UNSAID if answer == RATHER_NOT else answer)
        write_entry(request, study, entry)
        return _go_on(request, study, entry)
    context = _context(study, "about") | {
        "axis": axes[place],
        "form": form,
        "number": place + 1,
        "questions": len(axes),
        "before": keys[place - 1] if place else None,
        "chosen": entry.groups.get(axis_key),
        "rather_not": RATHER_NOT,
    }
    return render(request, "raters/question.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def no_place(request: HttpRequest, slug: str) -> HttpResponse:
    """She would rather not say to which group she belongs: what that means, and both ways on."""
    study = get_study_to_join(request, slug)
    entry = read_entry(request, study)
    unsaid = [axis for axis in _axes(study) if entry.groups.get(axis.key) == UNSAID]
    if not unsaid or entry.participation_id is not None:
        return redirect("raters:join", slug)
    if request.method == "POST":
        return _let_go(request, study)
    context = _context(study, "about") | {
        "unsaid": unsaid,
        "axes": ", ".join(axis.name for axis in unsaid),
    }
    return render(request, "raters/no_place.html", context)


@never_cache
@for_rater(Participation.State.RESERVED)
def how(request: HttpRequest, participation: Participation) -> HttpResponse:
    """How it works, with an example and what asks whether it is clear; her place is kept."""
    standing = read_comprehension(participation)
    form = ComprehensionForm(standing.checks, request.POST if request.method == "POST" else None)
    refusal = ""
    if request.method == "POST":
        refusal = _begin(participation, standing, form)
        if not refusal:
            return lead_to_place(request, participation)
    context = _context(participation.study, "how") | {
        "participation": participation,
        "place": read_place(participation, at=timezone.now()),
        "comprehension": standing,
        "questions": comprehension_questions(standing, names=form.names, given=request.POST),
        "refusal": refusal,
    }
    return render(request, "raters/how.html", context, status=422 if refusal else 200)


def _begin(participation: Participation, standing: Comprehension, form: ComprehensionForm) -> str:
    """Begin, as soon as all questions are answered rightly; what she left out, if she did."""
    now = timezone.now()
    if not standing.is_passed:
        if not form.is_valid():
            return " ".join(str(error) for errors in form.errors.values() for error in errors)
        attempt = form.cleaned_data["attempt"]
        keep_place(participation, at=now)
        standing = answer_comprehension(
            participation, answers=form.given(), attempt=attempt, at=now
        )
    if standing.is_passed:
        start(participation, at=now)
    return ""


def _go_on(request: HttpRequest, study: Study, entry: Entry) -> HttpResponse:
    """The next question, or her place once she has answered all.

    Who comes back after her place had gone is asked nothing: the groups she gave first stand.
    """
    if entry.consent_text_id is None:
        return redirect("raters:join", study.slug)
    axis = _next_axis(study, entry)
    # Whether she has been here is asked before the first question, not before each.
    if axis is not None and (entry.groups or _participation_of(study, entry) is None):
        return redirect("raters:question", study.slug, axis.key)
    if UNSAID in entry.groups.values():
        return redirect("raters:no-place", study.slug)
    axes = {axis.key for axis in _axes(study)}
    full: tuple[str, ...] = ()
    try:
        participation = reserve_place(
            study,
            recruiting_id=entry.recruiting_id,
            source=entry.source,
            groups={key: group for key, group in entry.groups.items() if key in axes},
            consent_text=ConsentText.objects.get(pk=entry.consent_text_id, study=study),
            recruiting_study=entry.recruiting_study,
            recruiting_session=entry.recruiting_session,
            **asdict(fingerprint_of(request, study)),
            releases_words=entry.releases_words,
            at=timezone.now(),
        )
    except StudyClosedError:
        return redirect("raters:join", study.slug)
    except QuotaFullError as error:
        participation, full = error.participation, error.full
    # What she said about herself is now kept with her place, and need not stand here as well.
    entry = Entry(entry.source, entry.recruiting_id, participation_id=participation.pk, full=full)
    write_entry(request, study, entry)
    return redirect(place_of(participation))


def _let_go(request: HttpRequest, study: Study) -> HttpResponse:
    """She leaves before a place was hers: nothing was stored, and nothing is."""
    forget_entry(request, study)
    code = study.completion_codes.filter(outcome=CompletionCode.Outcome.RETURNED).first()
    return render(request, "raters/declined.html", {"study": study, "code": code})


def _axes(study: Study) -> list[Axis]:
    if study.electorate is None:
        return []
    # Asked once, however often a page needs them.
    prefetch_related_objects([study.electorate], "axes__groups")
    return list(study.electorate.axes.all())


def _next_axis(study: Study, entry: Entry) -> Axis | None:
    return next((axis for axis in _axes(study) if axis.key not in entry.groups), None)


def _participation_of(study: Study, entry: Entry) -> Participation | None:
    return entry.who and find_participation(study, entry.recruiting_id, source=entry.source)


def _context(study: Study, step: str) -> dict[str, object]:
    return {"study": study, "offer": offer_of(study), "steps": steps_at(step, study)}
