"""Reports: computations about a study that take longer than somebody waits for a page."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from studies.models import Study


class Report(models.Model):
    """One computation about a study: asked for, claimed by a worker with a lease, finished.

    `kind` names what is computed, `subject` of what (a dimension, a board), in the kind's own
    spelling: see `leaderboards.reports`. `document` is what came out. A newer one of the same kind
    and subject replaces it, for all of it can be computed again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        CLAIMED = "claimed", gettext_lazy("being computed")
        FINISHED = "finished", gettext_lazy("finished")
        FAILED = "failed", gettext_lazy("failed")

    # No index of its own: those below start with it.
    study = models.ForeignKey(Study, models.CASCADE, related_name="reports", db_index=False)
    kind = models.SlugField(max_length=50, db_index=False)
    subject = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    document = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(fields=["study", "kind", "subject"], name="reports_by_subject"),
            models.Index(
                fields=["asked_at"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="reports_to_be_computed",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "kind", "subject"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="one_report_under_way_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "claimed", "finished", "failed"]),
                name="report_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | Q(document__isnull=False, error=""),
                name="finished_report_has_document",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="failed_report_says_why"
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, leased_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, leased_until__isnull=True)),
                name="only_a_claimed_report_has_claim_and_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()
