"""Exports: a study's data as files, for people who analyse or publish them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from studies.models import Study


class Export(models.Model):
    """One archive of a study's data: asked for, claimed by a worker with a lease, built, fetched.

    A release is what may be published: it leaves out whatever consent does not cover.
    `file_name` lies in the storage of exports; `rows` counts what each of its files holds.
    """

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", gettext_lazy("JSON lines")
        PARQUET = "parquet", "Parquet"

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        CLAIMED = "claimed", gettext_lazy("being built")
        READY = "ready", gettext_lazy("ready")
        FAILED = "failed", gettext_lazy("failed")
        EXPIRED = "expired", gettext_lazy("expired")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, models.CASCADE, related_name="exports")
    format = models.CharField(max_length=7, choices=Format, default=Format.CSV)
    is_release = models.BooleanField(
        gettext_lazy("public release"),
        default=False,
        help_text=gettext_lazy(
            "Only what raters' consent covers, under pseudonyms of its own; small groups "
            "are not told apart."
        ),
    )
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    rows = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="exports_to_be_built",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(format__in=["csv", "jsonl", "parquet"]), name="export_format_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "claimed", "ready", "failed", "expired"]),
                name="export_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready")
                | (Q(size__isnull=False) & ~Q(sha256="") & ~Q(file_name="")),
                name="ready_export_has_file",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="failed_export_says_why"
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, leased_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, leased_until__isnull=True)),
                name="only_a_claimed_export_has_claim_and_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study.slug}-{self.asked_at:%Y%m%d}-{self.get_format_display()}"
