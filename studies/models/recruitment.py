"""Whom a study takes, what they consent to, and how they are sent back."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studies.models.design import Study
from studies.models.electorate import Cell, Group


class Quota(models.Model):
    """How many raters a study wants from a group, or from a cell.

    How many places are taken is counted, never stored: see `raters.services.panel`.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="quotas")
    group = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, related_name="quotas")
    cell = models.ForeignKey(Cell, models.PROTECT, null=True, blank=True, related_name="quotas")
    target = models.PositiveIntegerField()

    class Meta:
        ordering = ["study", "group__axis__position", "group__position", "cell__key"]
        constraints = [
            models.UniqueConstraint(F("study"), F("group"), name="one_quota_per_group"),
            models.UniqueConstraint(F("study"), F("cell"), name="one_quota_per_cell"),
            models.CheckConstraint(
                condition=Q(group__isnull=True) ^ Q(cell__isnull=True),
                name="quota_names_group_or_cell",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group or self.cell}: {self.target}"


class ConsentText(models.Model):
    """One version of what raters of a study agree to. A change is a new version."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="consent_texts")
    version = models.PositiveSmallIntegerField()
    summary = models.TextField(help_text=gettext_lazy("In plain words; shown first."))
    text = models.TextField(help_text=gettext_lazy("In full; shown below."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "-version"]
        constraints = [
            models.UniqueConstraint(F("study"), F("version"), name="one_consent_text_per_version"),
            models.CheckConstraint(
                condition=~Q(summary="") & ~Q(text=""), name="consent_text_is_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return _("version %(version)s") % {"version": self.version}


class CompletionCode(models.Model):
    """The code and the way back for one end that a participation can come to."""

    class Outcome(models.TextChoices):
        COMPLETED = "completed", gettext_lazy("completed")
        SCREENED_OUT = "screened_out", gettext_lazy("no place left for her groups")
        STRUCK_OUT = "struck_out", gettext_lazy("struck out")
        TIMED_OUT = "timed_out", gettext_lazy("timed out")
        RETURNED = "returned", gettext_lazy("left, or did not consent")

    study = models.ForeignKey(Study, models.CASCADE, related_name="completion_codes")
    outcome = models.CharField(max_length=12, choices=Outcome)
    code = models.CharField(max_length=50)
    redirect_url = models.URLField(
        blank=True, help_text=gettext_lazy("Back to the recruiting platform.")
    )

    class Meta:
        ordering = ["study", "outcome"]
        constraints = [
            models.UniqueConstraint(F("study"), F("outcome"), name="one_code_per_outcome"),
            models.CheckConstraint(condition=~Q(code=""), name="completion_code_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.code}"
