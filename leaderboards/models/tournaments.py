"""Live standings: TrueSkill, one tournament for each group, folded as verdicts come in."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _

from studies.models import Contestant, Dimension, Group, StoppingRule, Study


class Fold(models.Model):
    """How far a study's verdicts have been folded into its standings.

    The fold is right only as long as every verdict up to `recorded_at`, `verdict_id` has been
    counted and the exclusions leave out the same; `verdicts` and `exclusions`, a digest of these
    and of which verdicts counted, let the next fold see that, and start anew if a transaction
    committed late, an exclusion came or went, or a rule speaks of others now.
    """

    study = models.OneToOneField(Study, models.CASCADE, related_name="fold")
    recorded_at = models.DateTimeField(null=True)
    verdict_id = models.BigIntegerField(default=0)
    verdicts = models.PositiveBigIntegerField(default=0)
    exclusions = models.CharField(max_length=64, blank=True)
    # What was folded, as counts: see `leaderboards.tallies`.
    tallies = models.BinaryField(default=bytes)

    def __str__(self) -> str:
        return _("%(study)s: %(verdicts)s verdicts") % {
            "study": self.study,
            "verdicts": self.verdicts,
        }


class Tournament(models.Model):
    """The verdicts of one study, dimension and group; `group` null is everybody."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="tournaments")
    dimension = models.ForeignKey(Dimension, models.CASCADE, related_name="tournaments")
    group = models.ForeignKey(
        Group, models.PROTECT, null=True, blank=True, related_name="tournaments"
    )
    draw_probability = models.FloatField()

    class Meta:
        ordering = ["study", "dimension", "group"]
        constraints = [
            models.UniqueConstraint(
                F("dimension"), F("group"), name="one_tournament_per_dimension_and_group"
            ),
            # NULLs are distinct to the constraint above.
            models.UniqueConstraint(
                fields=["dimension"],
                condition=Q(group__isnull=True),
                name="one_tournament_of_everybody_per_dimension",
            ),
            models.CheckConstraint(
                condition=Q(draw_probability__gte=0.0, draw_probability__lt=1.0),
                name="draw_probability_below_1",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension}, {self.group or 'everybody'}"


class Standing(models.Model):
    """A contestant's skill in a tournament."""

    tournament = models.ForeignKey(Tournament, models.CASCADE, related_name="standings")
    contestant = models.ForeignKey(Contestant, models.PROTECT, related_name="standings")
    mu = models.FloatField()
    sigma = models.FloatField()
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    ties = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["tournament", "-mu"]
        constraints = [
            models.UniqueConstraint(
                F("tournament"), F("contestant"), name="one_standing_per_contestant"
            ),
            models.CheckConstraint(condition=Q(sigma__gt=0.0), name="sigma_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.contestant}: {self.mu:.2f} ± {self.sigma:.2f}"

    @property
    def battles(self) -> int:
        return self.wins + self.losses + self.ties


class Outlook(models.Model):
    """How far a stopping rule is from being fulfilled, in the overall ranking or in one group's.

    Written after a fold. `answered_at` is when it first was, after `battles` battles, and stays:
    a rule that was fulfilled once is. `expected` battles more, from `low` to `high` with 90 %
    probability, as of `forecast_at`; null where it may take more than 20 times those so far.
    """

    rule = models.ForeignKey(StoppingRule, models.CASCADE, related_name="outlooks")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    battles = models.PositiveIntegerField()
    answered_at = models.DateTimeField(null=True, blank=True)
    expected = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    forecast_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["rule", "group"]
        constraints = [
            models.UniqueConstraint(F("rule"), F("group"), name="one_outlook_per_rule_and_group"),
            models.UniqueConstraint(
                fields=["rule"],
                condition=Q(group__isnull=True),
                name="one_outlook_per_rule_of_everybody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.group or 'everybody'}"
