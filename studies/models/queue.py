"""The battle queue of a study: which pairs come next, and when its question is answered."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
        return _("%(side_a)s and %(side_b)s, %(queue)s") % {
            "side_a": self.side_a,
            "side_b": self.side_b,
            "queue": self.group or "everybody",
        }


class StoppingRule(models.Model):
    """When the study's question is answered, for one ranking; all rules together end it.

    Which fields a kind needs, the constraints say. Fixed once the study has opened, since whoever
    sees the figures could otherwise choose the rule that is just fulfilled.
    """

    class Kind(models.TextChoices):
        SIGMA = "sigma", gettext_lazy("every skill known to within a standard deviation")
        SEPARATED = "separated", gettext_lazy("every contestant separated from its neighbours")
        TOP = "top", gettext_lazy("the top settled")
        PAIR = "pair", gettext_lazy("two contestants separated")

    class Ranking(models.TextChoices):
        OVERALL = "overall", gettext_lazy("the overall ranking")
        GROUPS = "groups", gettext_lazy("the ranking of every group")

    study = models.ForeignKey(Study, models.CASCADE, related_name="stopping_rules")
    kind = models.CharField(max_length=10, choices=Kind)
    ranking = models.CharField("of", max_length=10, choices=Ranking, default=Ranking.OVERALL)
    confidence = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.999)],
        help_text=gettext_lazy(
            "How sure it has to be, however often one looks. Not for standard deviations."
        ),
    )
    sigma = models.FloatField(
        gettext_lazy("standard deviation"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text=gettext_lazy(
            "In log-odds: at 0.1, an interval of 95 % is about 5 points of win share to "
            "either side."
        ),
    )
    top = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("How many contestants the top has."),
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
            return _("Every skill of %(of)s within a standard deviation of %(sigma)s") % {
                "of": of,
                "sigma": f"{self.sigma:g}",
            }
        confidence = f"{self.confidence:.1%}".replace(".0%", "%")
        surely = _("surely enough (%(confidence)s)") % {"confidence": confidence}
        if self.kind == self.Kind.PAIR:
            return _("%(first)s and %(second)s separated in %(of)s, %(surely)s") % {
                "first": self.first,
                "second": self.second,
                "of": of,
                "surely": surely,
            }
        if self.kind == self.Kind.TOP:
            return _("The top %(top)s of %(of)s settled, %(surely)s") % {
                "top": self.top,
                "of": of,
                "surely": surely,
            }
        return _("All neighbours in %(of)s separated, %(surely)s") % {"of": of, "surely": surely}
