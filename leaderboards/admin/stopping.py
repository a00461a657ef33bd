"""A study's stopping rules: which are answered, and what the others may still take, by group."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, isinf, log10

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import table
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.pages.words import day_and_time
from leaderboards.ranking.stopping import HORIZON
from leaderboards.scheduling.outlooks import Expected, Line, RuleOutlook, read_outlooks
from studies.models import Study
from studies.spending import spent
from studies.stopping import NO_QUEUE, has_ended

FAR = format_lazy(gettext_lazy("more than {times} times those so far"), times=HORIZON)
NONE = "–"
# Its forecast waits for its turn.
TO_COME = gettext_lazy("to come")
# A figure is rounded to a tenth of its interval.
PARTS = 10


@never_cache
@require_safe
def stopping_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """How far the study's stopping rules are, for whoever may see its live figures."""
    study = live_study(request, study_id)
    context = frame_of(request, study, model_admin, name=_("Stopping")) | {
        "has_ended": has_ended(study),
        "take_again": reverse("admin:studies_study_take_again", args=[study.pk]),
        "may_change": request.user.has_perm("studies.change_study"),
    }
    if study.protocol == Study.Protocol.SINGLE:
        context["refusal"] = _(NO_QUEUE)
    else:
        outlooks = read_outlooks(study)
        context |= {
            "rules": _rule_table(study, outlooks),
            "has_rules": bool(outlooks),
            "parts": [
                _part(outlook) for outlook in outlooks if not (outlook.is_answered or outlook.flaw)
            ],
        }
    return TemplateResponse(request, "admin/leaderboards/study/stopping.html", context)


def _rule_table(study: Study, outlooks: Iterable[RuleOutlook]) -> SafeString:
    """Each rule in a line, and the budget, which is a rule of its own."""
    rows = [(str(outlook.rule), *_summary(outlook)) for outlook in outlooks]
    rows += [(_("The budget is spent"), *_budget(study))]
    headers = [
        _("Rule"),
        _("So far"),
        _("Answered"),
        _("#Battles expected"),
        _("#90 % interval"),
        _("#Raters for that"),
    ]
    return table(headers, rows)


def _summary(outlook: RuleOutlook) -> tuple[str, ...]:
    if outlook.is_overall:
        line = outlook.lines[0]
        figures = (NONE, NONE, NONE) if outlook.flaw else _figures(line)
        return (
            _("%(battles)s battles") % {"battles": f"{line.battles:,}"},
            _answered(line, outlook),
            *figures,
        )
    if not outlook.lines:
        return _("no group"), _("not yet"), NONE, NONE, NONE
    fewest, most = (f([line.battles for line in outlook.lines]) for f in (min, max))
    answered = _("%(answered)s of %(lines)s groups") % {
        "answered": outlook.answered,
        "lines": len(outlook.lines),
    }
    below = NONE if outlook.is_answered else _("by group, below")
    return (
        _("%(fewest)s to %(most)s battles") % {"fewest": f"{fewest:,}", "most": f"{most:,}"},
        answered,
        below,
        NONE,
        NONE,
    )


def _budget(study: Study) -> tuple[str, ...]:
    """What is spent of it; no rule of the battles, so that none are forecast."""
    if study.budget is None:
        return _("no budget"), "never", NONE, NONE, NONE
    cost = spent(study).cost
    so_far = _("$%(cost)s of $%(budget)s") % {
        "cost": f"{cost:,.2f}",
        "budget": f"{study.budget:,.2f}",
    }
    if cost >= study.budget:
        return so_far, _("spent: the study pauses"), NONE, NONE, NONE
    return so_far, _("not yet; it will pause the study"), NONE, NONE, NONE


@dataclass(frozen=True)
class Part:
    """What the page says of an unanswered rule by group: a table an axis, and what would help."""

    outlook: RuleOutlook
    tables: tuple[SafeString, ...]
    proposals: tuple[str, ...]


def _part(outlook: RuleOutlook) -> Part:
    of_groups = [line for line in outlook.lines if line.group is not None]
    by_axis = groupby(of_groups, key=lambda line: line.group and line.group.axis.name)
    return Part(
        outlook,
        tuple(_group_table(str(axis), lines, outlook) for axis, lines in by_axis),
        tuple(filter(None, map(proposal, of_groups))),
    )


def _group_table(axis: str, lines: Iterable[Line], outlook: RuleOutlook) -> SafeString:
    """The groups of an axis; for a rule of the overall ranking, their parts in its battles."""
    headers = [
        axis,
        _("#Battles so far"),
        _("#Still expected"),
        _("#90 % interval"),
        _("#Raters for that"),
    ]
    if outlook.is_overall:
        headers[2] = _("#Of those expected")
        rows = [_cells(line) for line in lines]
        return table([*headers, _("#Places open")], rows)
    rows = [(*_cells(line), _answered(line, outlook)) for line in lines]
    return table([*headers, _("#Places open"), _("Answered")], rows)


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.group.name if line.group else "",
        f"{line.battles:,}",
        *_figures(line),
        NONE if line.places is None else f"{line.places.open:,}",
    )


def _answered(line: Line, outlook: RuleOutlook) -> str:
    if line.answered_at is not None:
        return _("since %(answered_at)s") % {"answered_at": day_and_time(line.answered_at)}
    if outlook.flaw:
        return _("never: %(flaw)s") % {"flaw": outlook.flaw}
    return _("not yet") if line.battles else _("not yet: no battles")


def _figures(line: Line) -> tuple[str, str, str]:
    """The battles expected: the median, the interval, and the raters who bring that many."""
    if line.expected is None or line.raters is None:
        return (str(TO_COME) if line.battles and line.answered_at is None else NONE), NONE, NONE
    return middle_of(line.expected), interval_of(line.expected), middle_of(line.raters)


def proposal(line: Line) -> str:
    """How many more raters of a group it takes, where its places are too few; else empty."""
    more = line.more_raters
    if more is None or line.places is None or line.group is None:
        return ""
    why = _("Quota full but undecided") if line.places.open == 0 else _("Places too few")
    if isinf(more.middle):
        return _("%(why)s: more raters of %(name)s than for %(horizon)s times its battles.") % {
            "why": why,
            "name": line.group.name,
            "horizon": HORIZON,
        }
    about = middle_of(more)
    about = about if about.startswith("under") else _("about %(about)s") % {"about": about}
    return _("%(why)s: %(about)s more raters of %(name)s (%(more)s).") % {
        "why": why,
        "about": about,
        "name": line.group.name,
        "more": interval_of(more),
    }


# Figures


def middle_of(expected: Expected) -> str:
    """The median, rounded to what its interval supports."""
    if isinf(expected.middle):
        return str(FAR)
    return _rounded(expected.middle, _step(expected))


def interval_of(expected: Expected) -> str:
    """The 90 % interval, rounded likewise."""
    if isinf(expected.low):
        return NONE
    if isinf(expected.high):
        return _("at least %(low)s") % {"low": _rounded(expected.low, _first_digit(expected.low))}
    step = _step(expected)
    return _("%(low)s to %(high)s") % {
        "low": _rounded(expected.low, step),
        "high": _rounded(expected.high, step),
    }


def _step(expected: Expected) -> float:
    """1, 2 or 5 times a power of ten, at most a tenth of the interval.

    Where it has no upper end, no more than the first digit is known.
    """
    if isinf(expected.high):
        return _first_digit(expected.middle)
    width = (expected.high - expected.low) / PARTS
    power = _first_digit(width)
    return max(step * power for step in (1, 2, 5) if step * power <= max(width, 1))


def _first_digit(value: float) -> float:
    """The power of ten that a number's first digit counts; 1 at least."""
    return 10.0 ** max(0, floor(log10(value))) if value > 0 else 1.0


def _rounded(value: float, step: float) -> str:
    # Part of a battle, or of a rater, is a whole one.
    nearest = round(value / step) * step if step > 1 else ceil(value)
    return (
        f"{nearest:,.0f}"
        if nearest or not value
        else _("under %(step)s") % {"step": f"{step:,.0f}"}
    )
