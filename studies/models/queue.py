"""The battle queue of a study: which pairs come next, and when its question is answered."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from studies.models.contestants import Contestant
from studies.models.design import Study
from studies.models.electorate import Group


class Matchup(models.Model):
    """A pair of contestants that a group should see next, by side: a row of the battle queue.

    Whoever takes it deletes it, in the transaction that opens the battle. `group` is null where
    the study has no electorate. Lower positions come first; `gain` is what was expected of the
    battle when it was chosen, in the unit of `leaderboards.ranking.gain`.
    """

    # No index of its own: the queue's starts with it.
    study = models.ForeignKey(Study, models.CASCADE, related_name="matchups", db_index=False)
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    side_a = models.ForeignKey(Contestant, models.CASCADE, related_name="+", db_index=False)
    side_b = models.ForeignKey(Contestant, models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveIntegerField()
    gain = models.FloatField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["study", "position"]
        indexes = [models.Index(fields=["study", "position"], name="matchups_in_their_order")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(side_a=F("side_b")), name="a_matchup_has_two_contestants"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side_a} and {self.side_b}, {self.group or 'everybody'}"


class StoppingRule(models.Model):
    """When the study's question is answered, for one ranking; all rules together end it.

    Which fields a kind needs, the constraints say. Fixed once the study has opened, since whoever
    sees the figures could otherwise choose the rule that is just fulfilled.
    """

    class Kind(models.TextChoices):
        SIGMA = "sigma", "every skill known to within a standard deviation"
        SEPARATED = "separated", "every contestant separated from its neighbours"
        TOP = "top", "the top settled"
        PAIR = "pair", "two contestants separated"

    class Ranking(models.TextChoices):
        OVERALL = "overall", "the overall ranking"
        GROUPS = "groups", "the ranking of every group"

    study = models.ForeignKey(Study, models.CASCADE, related_name="stopping_rules")
    kind = models.CharField(max_length=10, choices=Kind)
    ranking = models.CharField("of", max_length=10, choices=Ranking, default=Ranking.OVERALL)
    confidence = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.999)],
        help_text="How sure it has to be, however often one looks. Not for standard deviations.",
    )
    sigma = models.FloatField(
        "standard deviation",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text="In log-odds: at 0.1, an interval of 95 % is about 5 points of win share "
        "to either side.",
    )
    top = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many contestants the top has.",
    )
    first = models.ForeignKey(Contestant, models.CASCADE, null=True, blank=True, related_name="+")
    second = models.ForeignKey(Contestant, models.CASCADE, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["study", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["sigma", "separated", "top", "pair"]),
                name="stopping_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(ranking__in=["overall", "groups"]), name="stopping_ranking_is_known"
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0.5, confidence__lt=1.0),
                name="stopping_confidence_is_a_chance",
            ),
            models.CheckConstraint(
                condition=Q(kind="sigma", sigma__gt=0.0) | ~Q(kind="sigma") & Q(sigma=None),
                name="only_sigma_has_a_standard_deviation",
            ),
            models.CheckConstraint(
                condition=Q(kind="top", top__gt=0) | ~Q(kind="top") & Q(top=None),
                name="only_the_top_has_a_size",
            ),
            models.CheckConstraint(
                condition=Q(kind="pair", first__isnull=False, second__isnull=False)
                & ~Q(first=F("second"))
                | ~Q(kind="pair") & Q(first=None, second=None),
                name="only_a_pair_names_two_contestants",
            ),
        ]

    def __str__(self) -> str:
        of = self.get_ranking_display()
        if self.kind == self.Kind.SIGMA:
            return f"Every skill of {of} within a standard deviation of {self.sigma:g}"
        surely = f"surely enough ({self.confidence:.1%})".replace(".0%", "%")
        if self.kind == self.Kind.PAIR:
            return f"{self.first} and {self.second} separated in {of}, {surely}"
        if self.kind == self.Kind.TOP:
            return f"The top {self.top} of {of} settled, {surely}"
        return f"All neighbours in {of} separated, {surely}"
