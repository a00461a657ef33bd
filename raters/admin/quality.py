"""A study's quality page and agreement page: does its quality control work, and is it fair?"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from math import isfinite

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from unfold.admin import ModelAdmin

from accounts.admin_pages import link, table
from raters.admin.live import bar, duration
from raters.agreement_report import AgreementReport, RaterLine, read_agreement
from raters.grouping import LEAST_RATERS
from raters.models import Participation
from raters.quality.agreement import Alpha, Share
from raters.quality.fairness import RateRatio
from raters.quality_report import (
    ANY_KIND,
    LATEST,
    Day,
    FairnessLine,
    KindLine,
    QualityReport,
    Step,
    Times,
    read_quality,
)
from raters.review import kind_in_words
from raters.services.fraud import look_for_fraud
from studies.access import may_see_live_figures
from studies.models import Study

# Raters that the page shows; REST gives all of them.
RATERS_SHOWN = 50


@never_cache
@require_safe
def quality_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The quality page, for whoever may see the study's live page."""
    study = _visible_study(request, study_id)
    report = read_quality(study)
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Quality: %(study)s") % {"study": study},
        "opts": Study._meta,
        "original": study,
        "report": report,
        "facts": _facts(report),
        "kinds": _kind_table(report),
        "days": _day_table(report.days),
        "steps": _step_table(report.steps),
        "times": _time_table(report.times),
        "fairness": _fairness_tables(report.fairness),
        "many_looks": many_looks(report),
        "latest": LATEST,
        "least": LEAST_RATERS,
        "may_review": request.user.has_perm("raters.change_strike"),
        "review": _review_address(study),
        "signals": f"{reverse('admin:raters_signal_changelist')}?participation__study__id__exact="
        f"{study.pk}",
    }
    return TemplateResponse(request, "admin/raters/study/quality.html", context)


@never_cache
@require_safe
def agreement_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The agreement page, for whoever may see the study's live page."""
    study = _visible_study(request, study_id)
    report = read_agreement(study)
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Agreement: %(study)s") % {"study": study},
        "opts": Study._meta,
        "original": study,
        "report": report,
        "alphas": _alpha_tables(report),
        "consistency": _consistency_table(report),
        "raters": _rater_table(report.raters[:RATERS_SHOWN]),
        "shown": min(RATERS_SHOWN, len(report.raters)),
        "least": LEAST_RATERS,
    }
    return TemplateResponse(request, "admin/raters/study/agreement.html", context)


@require_POST
def look_again(
    request: HttpRequest,
    study_id: int,
    model_admin: ModelAdmin,  # noqa: ARG001 the theme gives it
) -> HttpResponse:
    """Look for fraud now, without waiting for the beat."""
    study = _visible_study(request, study_id)
    if not request.user.has_perm("raters.change_strike"):
        raise PermissionDenied
    new = look_for_fraud(study, at=timezone.now())
    words = ngettext("One new signal was found.", "%(n)s new signals were found.", new)
    messages.success(request, words % {"n": f"{new:,}"} if new else _("Nothing new was found."))
    return redirect("admin:raters_study_quality", study_id=study.pk)


def _visible_study(request: HttpRequest, study_id: int) -> Study:
    if not may_see_live_figures(request.user):
        raise PermissionDenied
    return get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)


def _review_address(study: Study) -> str:
    return f"{reverse('admin:raters_review')}?study={study.slug}"


def many_looks(report: QualityReport) -> str:
    """What the number of flags means, in words."""
    looks = sum(isfinite(line.ratio.p_value) for line in report.fairness)
    if not looks:
        return _("There is nothing to compare yet.")
    stand = sum(line.stands for line in report.fairness)
    return ngettext(
        "%(flagged)s of %(looks)s ratios are flagged: their intervals exclude 1. If no "
        "screen hit any group harder, chance alone would flag %(flagged_by_chance)s on "
        "average; %(stand)s stands with all looks taken into account (Holm, 5 %% over "
        "all of them).",
        "%(flagged)s of %(looks)s ratios are flagged: their intervals exclude 1. If no "
        "screen hit any group harder, chance alone would flag %(flagged_by_chance)s on "
        "average; %(stand)s stand with all looks taken into account (Holm, 5 %% over "
        "all of them).",
        stand,
    ) % {
        "flagged": report.flagged,
        "looks": looks,
        "flagged_by_chance": f"{report.flagged_by_chance:.1f}",
        "stand": stand,
    }


# Tables of the quality page


def _facts(report: QualityReport) -> list[tuple[str, str]]:
    every = report.every_kind
    return [
        (_("Strikes given"), f"{every.given:,}"),
        (_("Waiting for review"), f"{every.waiting:,}"),
        (_("Reviewed"), f"{every.false_share.n:,}"),
        (_("Overturned, of those reviewed"), _share(every.false_share)),
    ]


def _kind_table(report: QualityReport) -> SafeString:
    most = max((line.given for line in report.kinds), default=0)

    def row(line: KindLine, name: str) -> tuple[object, ...]:
        share = line.false_share
        reviewed = bar(most, completed=share.n - share.count, left=share.count)
        return (
            name,
            reviewed if line.kind != ANY_KIND else "",
            f"{line.given:,}",
            f"{line.waiting:,}",
            f"{share.n:,}",
            f"{share.count:,.0f}",
            _share(share),
        )

    rows = [row(line, kind_in_words(line.kind)) for line in report.kinds]
    if len(rows) > 1:
        rows.append(row(report.every_kind, _("All")))
    headers = [
        _("Kind"),
        _("Reviewed"),
        _("#Given"),
        _("#Waiting"),
        _("#Reviewed"),
        _("#Overturned"),
        _("#False-strike rate"),
    ]
    return table(headers, rows)


def _day_table(days: Sequence[Day]) -> SafeString:
    most = max((day.total for day in days), default=0)
    rows = [
        (
            f"{day.day:%-d %b %Y}",
            bar(most, completed=day.total),
            f"{day.total:,}",
            ", ".join(f"{kind_in_words(kind)} {n:,}" for kind, n in day.strikes.items()),
        )
        for day in reversed(days)
    ]
    return table([_("Day (UTC)"), _("Strikes"), _("#Strikes"), _("Of which")], rows)


def _step_table(steps: Sequence[Step]) -> SafeString:
    came = steps[0].raters
    rows = [
        (
            step.name.capitalize(),
            bar(came, completed=step.raters),
            f"{step.raters:,}",
            f"{step.raters / came:.0%}" if came else "–",
            ", ".join(
                f"{Participation.State(state).label} {n:,}"
                for state, n in step.left.items()
                if state != Participation.State.COMPLETED
            )
            or "–",
        )
        for step in steps
    ]
    return table([_("Step"), _("Of all"), _("#Raters"), _("#Share"), _("Came no further")], rows)


def _time_table(times: Iterable[Times]) -> SafeString:
    rows = [
        (
            str(line.group) if line.group else _("Everybody"),
            f"{line.raters:,}",
            *map(_span, (line.message, line.compare, line.battle, line.whole)),
        )
        for line in times
    ]
    headers = [
        _("Raters"),
        _("#Number"),
        _("#A message"),
        _("#Comparing"),
        _("#A battle"),
        _("#The whole study"),
    ]
    return table(headers, rows, caption=_("Median times"))


def _fairness_tables(lines: Iterable[FairnessLine]) -> list[SafeString]:
    """One table for each kind, any kind first."""
    headers = [
        _("Group"),
        _("#Struck"),
        _("#Of raters"),
        _("#Rate"),
        _("#Rate of the rest"),
        _("#Ratio"),
        _("#95 % interval"),
        _("Flag"),
    ]
    return [
        table(
            headers,
            [_fairness_row(line) for line in some],
            caption=_("Strikes of any kind") if kind == ANY_KIND else kind_in_words(kind),
        )
        for kind, some in groupby(lines, key=lambda line: line.kind)
    ]


def _fairness_row(line: FairnessLine) -> tuple[object, ...]:
    ratio = line.ratio
    flag = _("stands") if line.stands else _("flagged") if ratio.is_flagged else "–"
    return (
        line.group,
        f"{ratio.group.hit:,}",
        f"{ratio.group.n:,}",
        f"{ratio.group.share:.1%}",
        f"{ratio.rest.share:.1%}",
        *_ratio(ratio),
        flag,
    )


# Tables of the agreement page


def _alpha_tables(report: AgreementReport) -> SafeString:
    rows = [
        (
            str(line.group) if line.group else _("Everybody"),
            line.dimension,
            f"{line.raters:,}",
            *_alpha(line.alpha),
        )
        for line in report.alphas
    ]
    headers = [
        _("Raters"),
        _("Dimension"),
        _("#Number"),
        _("#Units"),
        _("#Answers"),
        "#α",
        _("#95 % interval"),
    ]
    return table(headers, rows)


def _consistency_table(report: AgreementReport) -> SafeString:
    rows = [
        (line.dimension, f"{line.share.n:,}", f"{line.share.count:,.0f}", _share(line.share))
        for line in report.consistency
    ]
    return table([_("Dimension"), _("#Came again"), _("#Same answer"), _("#Share")], rows)


def _rater_table(lines: Iterable[RaterLine]) -> SafeString:
    rows = [
        (
            link(
                reverse("admin:raters_participation_change", args=[line.participation_id]),
                line.code,
            ),
            f"{line.labels:,}",
            f"{line.agreement.n:,}",
            _share(line.agreement),
            f"{line.reliability:.2f}",
        )
        for line in lines
    ]
    headers = [
        _("Rater"),
        _("#Answers"),
        _("#With a majority of others"),
        _("#Agrees"),
        _("#Reliability"),
    ]
    return table(headers, rows)


# Figures


def _share(share: Share) -> str:
    """A share with its interval; a dash without anything to count."""
    return f"{share.share:.0%} ({share.low:.0%}–{share.high:.0%})" if share.n else "–"


def _alpha(alpha: Alpha | None) -> tuple[str, ...]:
    if alpha is None:
        return (
            "–",
            "–",
            _("fewer than %(least_raters)s raters") % {"least_raters": LEAST_RATERS},
            "–",
        )
    counts = (f"{alpha.units:,}", f"{alpha.values:,}")
    if not isfinite(alpha.alpha):
        return (*counts, _("nothing varies"), "–")
    interval = (
        _("%(low)s to %(high)s") % {"low": f"{alpha.low:.2f}", "high": f"{alpha.high:.2f}"}
        if isfinite(alpha.low)
        else "–"
    )
    return (*counts, f"{alpha.alpha:.2f}", interval)


def _ratio(ratio: RateRatio) -> tuple[str, str]:
    if not isfinite(ratio.ratio):
        return ("–", "–")
    return (
        f"{ratio.ratio:.2f}",
        _("%(low)s to %(high)s") % {"low": f"{ratio.low:.2f}", "high": f"{ratio.high:.2f}"},
    )


def _span(seconds: float | None) -> str:
    """Seconds in the unit that fits them."""
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else duration(timedelta(seconds=seconds))
