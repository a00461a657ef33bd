"""Admin pages of what was found in raters' work: strikes, signals, and their review."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_pages import ReadOnlyAdmin
from raters.admin.quality import agreement_page, look_again, quality_page
from raters.admin.registers import OfRealStudies, OfVisibleStudies
from raters.admin.review import decide, exclude_step, review_page
from raters.models import Participation, Signal, Strike
from raters.review import figures_in_words, kind_in_words


class Findings(OfVisibleStudies, ReadOnlyAdmin):
    """A register of what was found, the newest first."""

    study_path = "participation__study"
    search_fields = ["participation__rater__code__exact"]
    search_help_text = gettext_lazy("A rater's code.")
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        return queryset.select_related("participation__rater", "participation__study", "battle")

    @display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_name(self, found: Strike | Signal) -> str:
        return kind_in_words(found.kind)

    @display(description=gettext_lazy("Rater"))
    def code(self, found: Strike | Signal) -> str:
        return found.participation.rater.code

    @display(description=gettext_lazy("Study"))
    def study(self, found: Strike | Signal) -> str:
        return str(found.participation.study)

    @display(description=gettext_lazy("Found by"))
    def found_by(self, found: Strike | Signal) -> str:
        return _("%(screen)s, version %(screen_version)s") % {
            "screen": found.screen,
            "screen_version": found.screen_version,
        }


@admin.register(Strike)
class StrikeAdmin(Findings):
    """Flaws, and what a reviewer made of them. They are decided about in the review queue."""

    list_display = ["created_at", "kind_name", "code", "study", "decided"]
    list_filter = [
        ("participation__study", OfRealStudies),
        "kind",
        "decision",
        ("objected_at", admin.EmptyFieldListFilter),
        "participation__state",
    ]
    fields = [
        "participation",
        "kind_name",
        "battle",
        "turn",
        "evidence",
        "found_by",
        ("created_at", "seen_at"),
        "objection",
        "objected_at",
        "decided",
        ("decided_by", "decided_at"),
        "note",
    ]
    readonly_fields = ["kind_name", "found_by", "decided"]

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (
            ("review/", "raters_review", review_page),
            ("review/<int:strike_id>/decide/", "raters_review_decide", decide),
            ("review/<int:participation_id>/exclude/", "raters_review_exclude", exclude_step),
            ("study/<int:study_id>/quality/", "raters_study_quality", quality_page),
            ("study/<int:study_id>/agreement/", "raters_study_agreement", agreement_page),
            ("study/<int:study_id>/look-again/", "raters_study_look_again", look_again),
        )

    @display(
        description=gettext_lazy("Review"),
        label={"not reviewed": "warning", "confirmed": "default", "overturned": "success"},
    )
    def decided(self, strike: Strike) -> str:
        return str(strike.get_decision_display())


@admin.register(Signal)
class SignalAdmin(Findings):
    """What a reviewer should look at. Never a strike by itself."""

    list_display = ["created_at", "kind_name", "code", "study", "figures_line"]
    list_filter = [
        ("participation__study", OfRealStudies),
        "kind",
        "screen",
        "participation__state",
    ]
    fields = [
        "participation",
        "kind_name",
        "battle",
        "evidence",
        "figures_line",
        "others",
        "found_by",
        "created_at",
    ]
    readonly_fields = ["kind_name", "figures_line", "others", "found_by"]

    @display(description=gettext_lazy("Figures"))
    def figures_line(self, signal: Signal) -> str:
        return figures_in_words(signal.figures) or "–"

    @display(description=gettext_lazy("Others now"))
    def others(self, signal: Signal) -> str:
        """Raters of the same address now, whatever the figure was when it was found."""
        address = signal.participation.address_hash
        if not signal.kind.startswith(("shared_address", "shared_device")) or not address:
            return "–"
        near = Participation.objects.filter(
            study=signal.participation.study_id, address_hash=address
        )
        codes = near.exclude(pk=signal.participation_id).values_list("rater__code", flat=True)
        return ", ".join(codes[:50]) or "–"
