"""Quotas on the admin's pages: those that stand, and what an allocation would make of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminRadioSelectWidget

from accounts.admin_pages import page_of
from studies.errors import StudyError
from studies.models import Cell, Group, Quota, Study
from studies.planning import Division, allocate_quotas, places_taken, plan_quotas
from studies.services import choose_quota_kind

# More lines are folded away: an electorate may have hundreds of cells.
LINES_SHOWN = 24


@dataclass(frozen=True)
class Line:
    """One group or cell: its share of the electorate, its places, and how many are taken."""

    name: str
    share: float
    places: int
    exact: float
    taken: int | None = None

    @property
    def deviation(self) -> str:
        """Places more than its share asks for."""
        return f"{self.places - self.exact:+.1f}".replace("-", "−").replace("−0.0", "+0.0")

    @property
    def percent(self) -> str:
        """Its share of the electorate."""
        return f"{self.share:.2%}"

    @property
    def is_left_out(self) -> bool:
        """Whether nobody speaks for it, although it has a share."""
        return self.places == 0 and self.share > 0


class AllocationForm(forms.Form):
    """How many raters, and among what their places are divided."""

    raters = forms.IntegerField(
        label=gettext_lazy("Raters"),
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Places in all."),
    )
    quota_by = forms.ChoiceField(
        label=gettext_lazy("Divided among"),
        choices=Study.QuotaBy.choices,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=gettext_lazy(
            "By groups, a rater needs a place in each of her groups. By cells, in her "
            "combination of groups: closer to the electorate, but small cells get nobody."
        ),
    )


def quota_tables(study: Study) -> SafeString | str:
    """The places of a study, by axis or by cell, with how many of them are taken."""
    quotas = list(study.quotas.select_related("group__axis", "cell"))
    if not quotas:
        return _("None yet: allocate quotas once the electorate is chosen.")
    total = study.raters_wanted or 0
    taken = places_taken(study)
    parts = [
        _folded_table(name, [_line_of(quota, total, taken) for quota in members])
        for name, members in groupby(quotas, key=_division_of)
    ]
    return render_to_string(
        "admin/studies/study/quotas.html", {"raters_wanted": study.raters_wanted, "parts": parts}
    )


def allocation_page(admin: ModelAdmin, request: HttpRequest, study: Study) -> HttpResponse:
    """Ask for the number of raters, show what whole raters cost, and divide once confirmed."""
    asked = request.POST if request.method == "POST" else request.GET
    initial = {"raters": study.raters_wanted, "quota_by": study.quota_by}
    form = AllocationForm(asked if "raters" in asked else None, initial=initial)
    divisions: tuple[Division, ...] = ()
    if form.is_valid():
        raters, quota_by = form.cleaned_data["raters"], form.cleaned_data["quota_by"]
        try:
            if request.method == "POST":
                return _allocate(admin, request, study, raters=raters, quota_by=quota_by)
            study.quota_by = quota_by
            divisions = plan_quotas(study, raters=raters)
        except StudyError as refusal:
            form.add_error(None, str(refusal))
    context = admin.admin_site.each_context(request) | {
        "title": _("Allocate quotas"),
        "opts": admin.model._meta,
        "original": study,
        "form": form,
        "divisions": [_preview(division) for division in divisions],
        "back": page_of(study),
    }
    return TemplateResponse(request, "admin/studies/study/allocate.html", context)


def _allocate(
    admin: ModelAdmin, request: HttpRequest, study: Study, *, raters: int, quota_by: str
) -> HttpResponse:
    with transaction.atomic():
        now = timezone.now()
        choose_quota_kind(study, quota_by=quota_by, at=now)
        allocate_quotas(study, raters=raters, at=now)
    done = _("%(raters)s places are divided among %(quota_by)s.") % {
        "raters": f"{raters:,}",
        "quota_by": study.get_quota_by_display(),
    }
    admin.log_change(request, study, done)
    messages.success(request, done)
    return redirect(page_of(study))


def _preview(division: Division) -> dict[str, object]:
    """What the page says of one division: its table, and what whole raters cost."""
    allocation = division.allocation
    lines = [
        Line(_name_of(subject), plan.share, plan.target, plan.exact)
        for subject, plan in division.rows
    ]
    furthest = max(lines, key=lambda line: abs(line.places - line.exact))
    return {
        "table": _folded_table(division.name, lines),
        "name": division.name,
        "count": len(lines),
        "left_out": len(allocation.left_out),
        "largest_left_out": max(
            (line for line in lines if line.is_left_out), key=lambda line: line.share, default=None
        ),
        "share_left_out": f"{allocation.share_left_out:.1%}",
        "furthest": furthest,
    }


def _folded_table(name: str, lines: Iterable[Line]) -> SafeString:
    lines = list(lines)
    context = {
        "name": name,
        "lines": lines,
        "has_taken": any(line.taken is not None for line in lines),
        "is_folded": len(lines) > LINES_SHOWN,
        "left_out": sum(line.is_left_out for line in lines),
    }
    return render_to_string("admin/studies/study/quota_table.html", context)


def _line_of(quota: Quota, total: int, taken: "Counter[int]") -> Line:
    subject = _subject_of(quota)
    return Line(
        _name_of(subject), subject.share, quota.target, subject.share * total, taken[subject.pk]
    )


def _subject_of(quota: Quota) -> Group | Cell:
    subject = quota.group or quota.cell
    assert subject is not None, _("the database keeps a quota without group or cell out")  # noqa: S101
    return subject


def _division_of(quota: Quota) -> str:
    return quota.group.axis.name if quota.group else _("Cells")


def _name_of(subject: Group | Cell) -> str:
    return subject.name if isinstance(subject, Group) else str(subject)
