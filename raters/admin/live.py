"""A study's live page: how it fills, what its endpoints do, what it has cost, when it will end."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import page_of, table
from raters.models import Participation
from raters.progress import (
    Calls,
    ContestantLine,
    Division,
    EndpointLine,
    Forecast,
    Hour,
    Progress,
    read_progress,
)
from raters.review import waiting_for
from studies.models import Study


@never_cache
@require_safe
def live_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The live page, for whoever may see the study in the admin. It refreshes itself by script."""
    user = request.user
    if not (user.has_perm("studies.view_study") or user.has_perm("studies.change_study")):
        raise PermissionDenied
    study = get_object_or_404(Study.objects.visible_to(user), pk=study_id)
    progress = read_progress(study, at=timezone.now())
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Live: %(study)s") % {"study": study},
        "opts": Study._meta,
        "original": study,
        "progress": progress,
        "facts": _facts(progress),
        "divisions": [_quota_table(division) for division in progress.divisions],
        "states": _state_table(progress),
        "contestants": _contestant_table(progress.contestants),
        "calls": _call_table(progress.endpoints),
        "latencies": _latency_table(progress.endpoints),
        "costs": _cost_table(progress.endpoints),
        "budget": _budget_bar(progress),
        "hours": _hour_table(progress.hours),
        "forecast": words_of(progress.forecast, study),
        "back": page_of(study),
        "quality": reverse("admin:raters_study_quality", args=[study.pk]),
        "review": f"{reverse('admin:raters_review')}?study={study.slug}",
        "may_review": user.has_perm("raters.change_strike"),
        "strikes_waiting": waiting_for(user, study=study).count(),
    }
    return TemplateResponse(request, "admin/raters/study/live.html", context)


def _facts(progress: Progress) -> list[tuple[str, str]]:
    """The figures on top: what they are called, and what they are."""
    study, spending = progress.study, progress.spending
    cost = dollars(spending.cost)
    if study.budget:
        cost = _("%(cost)s of %(budget)s") % {"cost": cost, "budget": dollars(study.budget)}
    completed = f"{progress.participations[Participation.State.COMPLETED]:,}"
    if study.raters_wanted:
        completed = _("%(completed)s of %(wanted)s") % {
            "completed": completed,
            "wanted": f"{study.raters_wanted:,}",
        }
    left = progress.forecast.time_left
    return [
        (_("State"), study.get_state_display()),
        (_("Raters who completed it"), completed),
        (_("Battles judged"), f"{progress.battles.judged:,}"),
        (_("Cost so far"), cost),
        (_("Cost of a judged battle"), dollars(progress.cost_per_battle)),
        (_("Tokens in and out"), f"{spending.prompt_tokens:,} · {spending.completion_tokens:,}"),
        (_("Expected time to the end"), _("not known") if left is None else duration(left)),
    ]


def words_of(forecast: Forecast, study: Study) -> str:
    """What is expected, and how that is computed."""
    over = duration(forecast.over)
    if forecast.to_complete is None:
        return _("Nobody has said how many raters the study wants, so it has no end to expect.")
    if forecast.to_complete == 0:
        return _("Every place is filled by somebody who completed the study.")
    to_go = _("%(to_complete)s raters have still to complete the study") % {
        "to_complete": f"{forecast.to_complete:,}"
    }
    if study.state != Study.State.OPEN:
        return _("%(to_go)s. It is %(state)s, so no end is expected.") % {
            "to_go": to_go,
            "state": study.get_state_display(),
        }
    left = forecast.time_left
    if left is None:
        return _(
            "%(to_go)s, and nobody did in the last %(over)s: there is no telling when it ends."
        ) % {"to_go": to_go, "over": over}
    return _(
        "%(to_go)s. %(completed)s did in the last %(over)s, %(an_hour)s an hour; if "
        "that goes on, the rest takes %(left)s. A group that fills more slowly than "
        "the others makes it longer."
    ) % {
        "to_go": to_go,
        "completed": f"{forecast.completed:,}",
        "over": over,
        "an_hour": f"{forecast.an_hour:.1f}",
        "left": duration(left),
    }


# Tables


def _quota_table(division: Division) -> SafeString:
    """Places by group: the bar is filled by who completed, is active, or has reserved."""
    rows = [
        (
            fill.quota.group.name if fill.quota.group else str(fill.quota.cell),
            bar(fill.target, completed=fill.completed, active=fill.active, reserved=fill.reserved),
            f"{fill.completed:,}",
            f"{fill.active:,}",
            f"{fill.reserved:,}",
            f"{fill.target:,}",
        )
        for fill in division.fills
    ]
    headers = [
        division.name,
        _("Filled"),
        _("#Completed"),
        _("#Active"),
        _("#Reserved"),
        _("#Places"),
    ]
    return table(headers, rows)


def _state_table(progress: Progress) -> SafeString:
    """Raters by the state of their participation; states that nobody is in are left out."""
    most = sum(progress.participations.values())
    rows = [
        (Participation.State(state).label.capitalize(), bar(most, completed=count), f"{count:,}")
        for state, count in progress.participations.items()
        if count
    ]
    return table([_("Participation"), _("Of all"), _("#Raters")], rows)


def _contestant_table(lines: Sequence[ContestantLine]) -> SafeString:
    most = max((line.battles.total for line in lines), default=0)
    rows = [
        (
            line.contestant,
            bar(
                most,
                completed=line.battles.judged,
                active=line.battles.under_way,
                left=line.battles.left,
            ),
            f"{line.battles.judged:,}",
            f"{line.battles.under_way:,}",
            f"{line.battles.left:,}",
            f"{line.asked_who:,}",
            f"{line.gave_away:,}",
        )
        for line in lines
    ]
    headers = [
        _("Contestant"),
        _("Battles"),
        _("#Judged"),
        _("#Under way"),
        _("#Left"),
        _("#Asked who it is"),
        _("#Gave a name away"),
    ]
    return table(headers, rows)


def _call_table(lines: Iterable[EndpointLine]) -> SafeString:
    rows = [
        (
            line.chat_model,
            *_counts(line.calls),
            ", ".join(f"{kind} {count:,}" for kind, count in line.errors) or "–",
        )
        for line in lines
    ]
    headers = [
        _("Chat model"),
        _("#Finished"),
        _("#Failed"),
        _("#Failure share"),
        _("#Being asked"),
        _("#Waiting"),
        _("#Retries"),
        _("Errors"),
    ]
    return table(headers, rows, caption=_("Calls"))


def _latency_table(lines: Iterable[EndpointLine]) -> SafeString:
    rows = [
        (
            line.chat_model,
            seconds(line.first_piece.median),
            seconds(line.first_piece.p95),
            seconds(line.whole.median),
            seconds(line.whole.p95),
        )
        for line in lines
    ]
    headers = [
        _("Chat model"),
        _("#First words, median"),
        _("#95 % within"),
        _("#Whole answer, median"),
        _("#95 % within"),
    ]
    return table(headers, rows, caption=_("Latency"))


def _counts(calls: Calls) -> tuple[str, ...]:
    share = calls.failure_share
    return (
        f"{calls.finished:,}",
        f"{calls.failed:,}",
        "–" if share is None else f"{share:.1%}",
        f"{calls.being_asked:,}",
        f"{calls.waiting:,}",
        f"{calls.retries:,}",
    )


def _cost_table(lines: Iterable[EndpointLine]) -> SafeString:
    rows = [
        (
            line.chat_model,
            f"{line.spending.prompt_tokens:,}",
            f"{line.spending.completion_tokens:,}",
            dollars(line.spending.cost),
            f"{line.spending.uncounted:,}",
        )
        for line in lines
    ]
    headers = [
        _("Chat model"),
        _("#Tokens in"),
        _("#Tokens out"),
        _("#Cost"),
        _("#Answers without a count"),
    ]
    return table(headers, rows)


def _budget_bar(progress: Progress) -> SafeString | None:
    """How much of the budget is spent; None without one."""
    share = progress.budget_share
    return None if share is None else bar(1, completed=min(1.0, share))


def _hour_table(hours: Sequence[Hour]) -> SafeString:
    most = max((hour.battles for hour in hours), default=0)
    rows = [
        (
            f"{hour.begins_at:%-d %b, %H:%M}",
            bar(most, completed=hour.battles),
            f"{hour.battles:,}",
            f"{hour.raters:,}",
        )
        for hour in reversed(hours)
    ]
    return table([_("Hour from (UTC)"), _("Battles judged"), _("#Battles"), _("#Raters")], rows)


# Figures


def bar(whole: float, **parts: float) -> SafeString:
    """A bar filled by parts of a whole, each of a kind that the stylesheet knows.

    It repeats the figures beside it, so it is for the eyes alone.
    """
    pieces, at = [], 0.0
    for kind, part in parts.items():
        width = min(100 * part / whole, 100 - at) if whole else 0.0
        if width:
            pieces.append((kind, f"{at:.2f}", f"{width:.2f}"))
        at += width
    return render_to_string("admin/raters/study/bar.html", {"pieces": pieces})


def dollars(amount: Decimal | None) -> str:
    """An amount in US dollars; with four decimals where cents would say nothing."""
    if amount is None:
        return "–"
    return f"${amount:,.4f}" if 0 < amount < 1 else f"${amount:,.2f}"


def seconds(ms: float | None) -> str:
    """Milliseconds as seconds."""
    return "–" if ms is None else f"{ms / 1000:.1f} s"


def duration(time: timedelta) -> str:
    """A time in the unit that fits it: minutes, hours or days."""
    hours = time / timedelta(hours=1)
    for amount, unit in ((hours / 24, "day"), (hours, "hour")):
        if amount >= 2:
            return f"{amount:.0f} {unit}s"
    minutes = round(hours * 60)
    return (
        _("%(minutes)s minute") % {"minutes": minutes}
        if minutes == 1
        else _("%(minutes)s minutes") % {"minutes": minutes}
    )
