"""How a study watches over its raters' care: attention checks, and what each screen may do."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from studies.models.design import Study


class AttentionCheck(models.Model):
    """One check of a rater's attention; where it comes is drawn by seed for each rater.

    Instructed and nonsensical items stand among the dimensions of one battle, comprehension
    questions before the first. A gold battle has a side whose replies are broken on purpose; a
    repeated one shows an earlier conversation again with its sides swapped. Neither counts in
    boards.
    """

    class Kind(models.TextChoices):
        INSTRUCTED = "instructed", "instructed answer"
        NONSENSICAL = "nonsensical", "nonsensical item"
        COMPREHENSION = "comprehension", "comprehension question"
        GOLD = "gold", "battle with a broken side"
        REPEAT = "repeat", "battle repeated with sides swapped"

    class Fault(models.TextChoices):
        OFF_TOPIC = "off_topic", "off the topic"
        TRUNCATED = "truncated", "cut off in the middle"
        SCRAMBLED = "scrambled", "words in a random order"

    study = models.ForeignKey(Study, models.CASCADE, related_name="checks")
    kind = models.CharField(max_length=13, choices=Kind)
    question = models.CharField(
        max_length=300, blank=True, help_text="What she is asked, for an item or a question."
    )
    answers = models.TextField(
        blank=True, help_text="One a line. Empty: the study's own, A, about the same, B; or 1 to 7."
    )
    accepted = models.TextField(blank=True, help_text="The answers that pass, one a line.")
    fault = models.CharField(
        max_length=9, choices=Fault, blank=True, help_text="How the one side is broken."
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["study", "position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["instructed", "nonsensical", "comprehension"])
                & ~Q(question="")
                & ~Q(accepted="")
                | Q(kind__in=["gold", "repeat"], question="", accepted=""),
                name="check_asks_and_accepts_or_is_a_battle",
            ),
            models.CheckConstraint(
                condition=Q(kind="gold") ^ Q(fault=""), name="only_a_gold_battle_has_a_fault"
            ),
        ]

    def __str__(self) -> str:
        return self.question or f"{self.get_kind_display()}"


class ScreenRule(models.Model):
    """What a screen may do in a study, where it is not what screens do by default.

    `kind` is a `raters.quality.flaws.FlawKind`. What `threshold` means depends on it.
    """

    class Action(models.TextChoices):
        STRIKE = "strike", "strike"
        SIGNAL = "signal", "only tell a reviewer"
        OFF = "off", "nothing"

    study = models.ForeignKey(Study, models.CASCADE, related_name="screen_rules", db_index=False)
    kind = models.CharField(max_length=20)
    action = models.CharField(max_length=6, choices=Action)
    threshold = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.0)])

    class Meta:
        ordering = ["study", "kind"]
        constraints = [
            models.UniqueConstraint(F("study"), F("kind"), name="one_screen_rule_per_kind"),
            models.CheckConstraint(
                condition=Q(action__in=["strike", "signal", "off"]), name="screen_action_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.get_action_display()}"
