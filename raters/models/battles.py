"""Battles and their verdicts."""

from django.db import models
from django.db.models import F, Q

from raters.models.panel import Participation
from raters.querysets import VerdictQuerySet
from studies.models import Contestant, Dimension


class Outcome(models.TextChoices):
    """Who won on one dimension of a battle, by side."""

    A = "a", "A"
    TIE = "tie", "tie"
    B = "b", "B"


class Battle(models.Model):
    """One conversation of one rater with two contestants, side A and side B.

    `key` names the battle within its participation: an import finds its battles again by it.
    """

    participation = models.ForeignKey(
        # No index of its own: the unique key below starts with it.
        Participation,
        models.PROTECT,
        related_name="battles",
        db_index=False,
    )
    key = models.CharField(max_length=200)
    side_a = models.ForeignKey(Contestant, models.PROTECT, related_name="battles_as_a")
    side_b = models.ForeignKey(Contestant, models.PROTECT, related_name="battles_as_b")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                F("participation"), F("key"), name="one_battle_per_participation_and_key"
            ),
            models.CheckConstraint(
                condition=~Q(side_a=F("side_b")), name="a_contestant_never_meets_itself"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Verdict(models.Model):
    """A, B or tie on one dimension of one battle. Append-only: a trigger refuses any change.

    `recorded_at` is when this database took it, so that what is new can be folded in order;
    when the rater gave it is the battle's affair.
    """

    # No indexes of their own: the unique key and the index below start with them.
    battle = models.ForeignKey(Battle, models.PROTECT, related_name="verdicts", db_index=False)
    dimension = models.ForeignKey(
        Dimension, models.PROTECT, related_name="verdicts", db_index=False
    )
    outcome = models.CharField(max_length=3, choices=Outcome)
    recorded_at = models.DateTimeField()

    objects = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["recorded_at", "pk"]
        indexes = [
            models.Index(fields=["dimension", "recorded_at", "id"], name="verdicts_in_fold_order"),
        ]
        constraints = [
            # A battle has one rater, so this is one verdict per rater, battle and dimension.
            models.UniqueConstraint(
                F("battle"), F("dimension"), name="one_verdict_per_rater_battle_dimension"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["a", "tie", "b"]), name="verdict_outcome_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension}: {self.outcome}"
