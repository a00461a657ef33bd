"""A study and what it compares."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from studies.models.electorate import Electorate
from studies.querysets import StudyQuerySet

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from studies.models.contestants import Contestant


class Study(models.Model):
    """One evaluation: contestants, dimensions, electorate, rules, and a life cycle."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        CLOSED = "closed", "closed"
        ARCHIVED = "archived", "archived"

    class QuotaBy(models.TextChoices):
        MARGINS = "margins", "groups of each axis"
        CELLS = "cells", "cells"

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    question = models.CharField(
        max_length=300, blank=True, help_text="The question the study answers, in one sentence."
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    is_public = models.BooleanField(
        default=False, help_text="Whether anybody may see its published boards."
    )
    is_simulated = models.BooleanField(
        default=False, help_text="Its raters are simulated: every page and export says so."
    )
    electorate = models.ForeignKey(
        Electorate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="studies",
        help_text="Whom the study speaks for. Without one, boards speak for the raters only.",
    )
    raters_wanted = models.PositiveIntegerField(
        null=True, blank=True, help_text="Places, divided into quotas by the electorate's shares."
    )
    quota_by = models.CharField(
        "quotas by",
        max_length=10,
        choices=QuotaBy,
        default=QuotaBy.MARGINS,
        help_text="Whether a rater needs a place in each of her groups, or in her cell.",
    )
    battles_each = models.PositiveSmallIntegerField(
        "battles of each rater", default=4, validators=[MinValueValidator(1)]
    )
    min_turns = models.PositiveSmallIntegerField(
        "messages at least", default=3, validators=[MinValueValidator(1)]
    )
    max_turns = models.PositiveSmallIntegerField("messages at most", default=10)
    task = models.TextField(
        blank=True, help_text="What raters are asked to talk about; shown above every battle."
    )
    reservation_minutes = models.PositiveSmallIntegerField(
        "minutes a place is kept",
        default=60,
        validators=[MinValueValidator(1)],
        help_text="After so long without a word from the rater, her place goes back.",
    )
    minutes_estimated = models.PositiveSmallIntegerField(null=True, blank=True)
    pay = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="GBP")
    recruiting_parameter = models.CharField(
        max_length=50,
        default="PROLIFIC_PID",
        help_text="The parameter of the study's link that carries the recruiting platform's id.",
    )
    team = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="studies",
        help_text="Users who may see this study although it is not public.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StudyQuerySet.as_manager()

    if TYPE_CHECKING:
        contestants: RelatedManager["Contestant"]
        dimensions: RelatedManager["Dimension"]

    class Meta:
        ordering = ["-created_at", "slug"]
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "open", "paused", "closed", "archived"]),
                name="study_state_is_known",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="study_has_title"),
            models.CheckConstraint(
                condition=Q(min_turns__gt=0, max_turns__gte=F("min_turns"), battles_each__gt=0),
                name="study_asks_for_turns_and_battles",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Dimension(models.Model):
    """One thing that raters compare. Exactly one dimension of a study is the overall one."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="dimensions")
    key = models.SlugField()
    name = models.CharField(max_length=100)
    question = models.CharField(max_length=300, blank=True)
    help = models.TextField(blank=True)
    weight = models.FloatField(default=1.0, validators=[MinValueValidator(0.0)])
    position = models.PositiveSmallIntegerField(default=0)
    is_overall = models.BooleanField(default=False)

    class Meta:
        ordering = ["study", "position", "key"]
        constraints = [
            models.UniqueConstraint(F("study"), F("key"), name="one_dimension_per_key"),
            models.UniqueConstraint(
                fields=["study"], condition=Q(is_overall=True), name="one_overall_dimension"
            ),
            models.CheckConstraint(condition=Q(weight__gte=0.0), name="weight_is_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
