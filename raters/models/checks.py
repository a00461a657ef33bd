"""What is left out of boards, and why."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from raters.models.battles import Battle
from raters.models.panel import Participation
from raters.querysets import ExclusionQuerySet
from studies.models import Study


class Exclusion(models.Model):
    """A rule by which verdicts are left out of a board, with reason, actor and time.

    It names a participation or a battle. It is never deleted: lifting it is a fact of its own,
    and boards already published keep saying that it applied. Without an actor it is the rater
    herself who withdrew, and nobody can lift it.
    """

    study = models.ForeignKey(Study, models.PROTECT, related_name="exclusions")
    participation = models.ForeignKey(
        Participation, models.PROTECT, null=True, blank=True, related_name="exclusions"
    )
    battle = models.ForeignKey(
        Battle, models.PROTECT, null=True, blank=True, related_name="exclusions"
    )
    reason = models.TextField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(participation__isnull=True) ^ Q(battle__isnull=True),
                name="exclusion_names_participation_or_battle",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="exclusion_has_reason"),
            models.CheckConstraint(
                condition=Q(actor__isnull=False) | Q(lifted_at__isnull=True),
                name="what_a_rater_withdrew_stays_out",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="lifted_exclusion_has_actor",
            ),
        ]

    def __str__(self) -> str:
        return self.reason
