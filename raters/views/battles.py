"""Battles: the conversation, its replies as they come, and comparing or rating."""

import json
from collections.abc import AsyncIterator

from django.core.handlers.asgi import ASGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from raters.access import (
    UnknownRaterError,
    for_rater,
    get_participation_for,
    lead_to_place,
    place_of,
    wants_json,
)
from raters.errors import BattleError, StudyRestsError, TurnConflictError
from raters.forms import JudgingForm, MessageForm, RatingsForm, RetryForm, VerdictsForm
from raters.models import Battle, Participation, Reply
from raters.pages import (
    BattlePage,
    ReplyView,
    offer_of,
    read_battle_page,
    read_questions,
    steps_at,
)
from raters.place import read_place
from raters.services.battle_rules import current_battle
from raters.services.battles import (
    give_ratings,
    give_verdicts,
    next_battle,
    put_topic_away,
    replace_battle,
    retry_reply,
    send_message,
)
from raters.services.checks import items_of
from raters.services.panel import complete_participation, keep_place
from raters.services.staying import stay
from raters.streams import watch_battle

ACTIVE = Participation.State.ACTIVE


@never_cache
@require_safe
@for_rater(ACTIVE)
def battle(request: HttpRequest, participation: Participation) -> HttpResponse:
    """The battle that she is in, or her next one; after the last, the end."""
    now = timezone.now()
    try:
        stay(participation, at=now)
        found = next_battle(participation, at=now)
    except StudyRestsError:
        return _resting_page(request, participation)
    if found is None:
        complete_participation(participation, at=now)
        return lead_to_place(request, participation)
    if found.repeats_id is not None:
        return redirect("raters:compare", participation.study.slug, found.key)
    return _battle_page(request, participation, found)


def _resting_page(request: HttpRequest, participation: Participation) -> HttpResponse:
    """The study rests: what she has begun is kept, and may be judged if it is long enough."""
    current = current_battle(participation)
    page = read_battle_page(participation, current) if current else None
    context = {
        "study": participation.study,
        "place": read_place(participation, at=timezone.now()),
        "page": page,
    }
    return render(request, "raters/resting.html", context)


def _battle_page(
    request: HttpRequest,
    participation: Participation,
    battle: Battle,
    *,
    refusal: str = "",
    typed: str = "",
) -> HttpResponse:
    context = {
        "study": participation.study,
        "offer": offer_of(participation.study),
        "steps": steps_at("battles", participation.study),
        "place": read_place(participation, at=timezone.now()),
        "page": read_battle_page(participation, battle),
        "refusal": refusal,
        "typed": typed,
    }
    return render(request, "raters/battle.html", context, status=422 if refusal else 200)


@require_POST
@for_rater(ACTIVE)
def message(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Send a message to every side. Sent again under the same number, it is still one."""
    battle = _battle_of(participation, key)
    if battle.judged_at is not None:
        return lead_to_place(request, participation)
    typed = request.POST.get("text", "")
    form = MessageForm(request.POST)
    if not form.is_valid():
        words = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return _refuse(request, participation, battle, words, typed)
    number = form.cleaned_data["number"]
    now = timezone.now()
    try:
        keep_place(participation, at=now)
        send_message(battle, **form.cleaned_data, at=now)
    except TurnConflictError:
        words = _("You have written here in another window. Your message is kept.")
        return _refuse(request, participation, battle, words, typed, is_behind=True)
    except BattleError as error:
        return _refuse(request, participation, battle, str(error), typed)
    if not wants_json(request):
        return _back_to_battle(participation)
    page = read_battle_page(participation, battle)
    turn = next(turn for turn in page.turns if turn.number == number)
    context = {"turn": turn, "page": page, "study": participation.study}
    html = render_to_string("raters/_turn.html", context, request)
    return JsonResponse(
        {"number": number, "html": html, "page": _page_data(request, participation, page)}
    )


@require_POST
@for_rater(ACTIVE)
def retry(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Try one side's failed reply again; the other side keeps what it said."""
    battle = _battle_of(participation, key)
    form = RetryForm(request.POST)
    if not form.is_valid():
        return _refuse(request, participation, battle, _("Say which reply to try again."), "")
    reply = Reply.objects.filter(
        turn__battle=battle,
        turn__number=form.cleaned_data["number"],
        side=form.cleaned_data["side"],
    ).first()
    if reply is None:
        raise Http404(_("There is no such reply."))
    now = timezone.now()
    try:
        keep_place(participation, at=now)
        retry_reply(reply, at=now)
    except BattleError as error:
        return _refuse(request, participation, battle, str(error), "")
    if wants_json(request):
        return JsonResponse(_replies(request, participation, battle))
    return _back_to_battle(participation)


@require_POST
@for_rater(ACTIVE)
def replace(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Another battle instead of one in which a side keeps failing."""
    battle = _battle_of(participation, key)
    try:
        replace_battle(battle, at=timezone.now())
    except BattleError as error:
        return _refuse(request, participation, battle, str(error), "")
    return _back_to_battle(participation)


@require_POST
@for_rater(ACTIVE)
def another_topic(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Another task card instead of a sensitive topic; nobody asks why."""
    battle = _battle_of(participation, key)
    try:
        put_topic_away(battle, at=timezone.now())
    except BattleError as error:
        return _refuse(request, participation, battle, str(error), "")
    return _back_to_battle(participation)


def _refuse(
    request: HttpRequest,
    participation: Participation,
    battle: Battle,
    words: str,
    typed: str,
    *,
    is_behind: bool = False,
) -> HttpResponse:
    """Say why nothing was done, with what she typed; `is_behind` where her page is too old."""
    if wants_json(request):
        place = {"go_to": place_of(participation)} if is_behind else {}
        return JsonResponse({"error": words} | place, status=422)
    return _battle_page(request, participation, battle, refusal=words, typed=typed)


@never_cache
@require_safe
@for_rater(ACTIVE)
def replies(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Every reply as it stands: what the page asks for where no stream comes through."""
    return JsonResponse(_replies(request, participation, _battle_of(participation, key)))


def _replies(
    request: HttpRequest, participation: Participation, battle: Battle
) -> dict[str, object]:
    page = read_battle_page(participation, battle)
    views = [_reply_data(reply) for turn in page.turns for reply in turn.replies]
    return {"replies": views, "page": _page_data(request, participation, page)}


def _page_data(
    request: HttpRequest, participation: Participation, page: BattlePage
) -> dict[str, object]:
    """The state of the page and of her place, and a card for each strike that is new to her."""
    context = {"strikes": page.strikes, "slug": participation.study.slug}
    place = read_place(participation, at=timezone.now())
    return page.as_data() | {
        "place": place.as_data() if place else None,
        "cards": render_to_string("raters/_strikes.html", context, request),
    }


def _reply_data(reply: ReplyView) -> dict[str, object]:
    return {"turn": reply.turn, "side": reply.side, "state": reply.state, "html": reply.html}


@require_safe
def stream(request: HttpRequest, slug: str, key: str) -> HttpResponseBase:
    """Replies as they are written, as server-sent events; 204 where the server can't stream.

    A WSGI server would hold the answer back until its end, so there the page polls instead.
    """
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=204)
    try:
        battle = _battle_of(get_participation_for(request, slug), key)
    except UnknownRaterError:
        return HttpResponse(status=401)
    response = StreamingHttpResponse(_events(battle), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(battle: Battle) -> AsyncIterator[str]:
    """One event for every change of a reply, then `done`."""
    yield ": open\n\n"
    async for update in watch_battle(battle.pk):
        view = ReplyView.of(update.turn, update.side, update.state, update.text)
        yield f"event: reply\ndata: {json.dumps(_reply_data(view))}\n\n"
    yield "event: done\ndata: {}\n\n"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_rater(ACTIVE)
def compare(request: HttpRequest, participation: Participation, key: str) -> HttpResponse:
    """Compare the sides on every dimension, or rate the one; given once, answers stay."""
    battle = _battle_of(participation, key)
    page = read_battle_page(participation, battle)
    if battle.judged_at is not None or not page.can_judge:
        return lead_to_place(request, participation)
    dimensions = list(participation.study.dimensions.order_by("position", "key"))
    items = items_of(battle)
    form_of = RatingsForm if page.is_single else VerdictsForm
    data = request.POST if request.method == "POST" else None
    form = form_of(dimensions, [item.check for item in items], data)
    refusal = ""
    if request.method == "POST":
        refusal = _judge(battle, form)
        if not refusal:
            return _back_to_battle(participation)
    context = {
        "study": participation.study,
        "offer": offer_of(participation.study),
        "steps": steps_at("battles", participation.study),
        "place": read_place(participation, at=timezone.now()),
        "page": page,
        "questions": read_questions(
            participation.study,
            dimensions,
            items,
            names=form.names,
            answers=form.answers,
            given=request.POST,
            is_single=page.is_single,
        ),
        "reason": request.POST.get("reason", ""),
        "refusal": refusal,
    }
    return render(request, "raters/compare.html", context, status=422 if refusal else 200)


def _judge(battle: Battle, form: JudgingForm) -> str:
    """End the battle by what she has answered; why it was refused, if it was."""
    if not form.is_valid():
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    given, items = form.given(), form.given_items()
    reason, now = form.cleaned_data["reason"], timezone.now()
    try:
        if isinstance(form, RatingsForm):
            give_ratings(battle, scores=given, items=items, reason=reason, at=now)
        else:
            give_verdicts(battle, outcomes=given, items=items, reason=reason, at=now)
    except BattleError as error:
        return str(error)
    return ""


def _battle_of(participation: Participation, key: str) -> Battle:
    """One of her battles, by its key."""
    found = participation.battles.filter(key=key).first()
    if found is None:
        raise Http404(_("There is no such battle."))
    return found


def _back_to_battle(participation: Participation) -> HttpResponse:
    return redirect(reverse("raters:battle", args=[participation.study.slug]))
