"""Whether to believe a rater: answers to checks, strikes, signals, and what boards leave out."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from raters.models.battles import Battle, Turn
from raters.models.panel import Participation
from raters.querysets import ExclusionQuerySet, StrikeQuerySet
from studies.models import AttentionCheck, Study


class CheckAnswer(models.Model):
    """What a rater answered to one attention check, and whether it passes.

    A comprehension question may be tried twice, hence `attempt`. `battle` is where an item
    stood, or the battle that was the check.
    """

    participation = models.ForeignKey(
        Participation, models.PROTECT, related_name="check_answers", db_index=False
    )
    attention_check = models.ForeignKey(
        AttentionCheck, models.PROTECT, related_name="given_answers"
    )
    battle = models.ForeignKey(
        Battle, models.PROTECT, null=True, blank=True, related_name="check_answers"
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    answer = models.CharField(max_length=300)
    is_passed = models.BooleanField()
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["participation", "answered_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("participation"),
                F("attention_check"),
                F("attempt"),
                name="one_answer_per_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.attention_check}: {self.answer}"


class Strike(models.Model):
    """One flaw in a participation, with its kind and its evidence; a reviewer can overturn it.

    `key` names what was flawed, so that a screen that runs twice strikes once. `evidence`
    quotes the rater's own words, and goes when she has them erased; the fact stays.
    """

    class Decision(models.TextChoices):
        NONE = "", _("not reviewed")
        CONFIRMED = "confirmed", _("confirmed")
        OVERTURNED = "overturned", _("overturned")

    participation = models.ForeignKey(
        Participation, models.PROTECT, related_name="strikes", db_index=False
    )
    key = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    battle = models.ForeignKey(
        Battle, models.PROTECT, null=True, blank=True, related_name="strikes"
    )
    turn = models.ForeignKey(Turn, models.PROTECT, null=True, blank=True, related_name="strikes")
    evidence = models.TextField(blank=True)
    screen = models.CharField(max_length=50)
    screen_version = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    objection = models.TextField(blank=True, help_text=_("In the rater's words; never trusted."))
    objected_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=Decision, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, help_text=_("The reviewer's; the rater sees it."))

    objects = StrikeQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(F("participation"), F("key"), name="one_strike_per_flaw"),
            models.CheckConstraint(
                condition=Q(decision="", decided_by__isnull=True, decided_at__isnull=True)
                | Q(
                    decision__in=["confirmed", "overturned"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="decided_strike_has_reviewer_and_time",
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class Signal(models.Model):
    """Something that a reviewer should look at; never a strike by itself.

    `figures` holds the numbers behind it by name, `evidence` the same in words.
    """

    participation = models.ForeignKey(
        Participation, models.PROTECT, related_name="signals", db_index=False
    )
    key = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    battle = models.ForeignKey(
        Battle, models.PROTECT, null=True, blank=True, related_name="signals"
    )
    evidence = models.TextField(blank=True)
    figures = models.JSONField(default=dict)
    screen = models.CharField(max_length=50)
    screen_version = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(F("participation"), F("key"), name="one_signal_per_finding"),
        ]

    def __str__(self) -> str:
        return self.kind


class Exclusion(models.Model):
    """A rule by which verdicts are left out of a board, with reason, actor and time.

    It names a participation or a battle, or is a rule for all that are of a kind, or will be. It
    is never deleted: lifting it is a fact of its own, and boards already published keep saying
    that it applied. Without an actor it is the rater herself who withdrew, and nobody can lift
    it.
    """

    class Rule(models.TextChoices):
        STRUCK_OUT = "struck_out", _("raters who were struck out")
        UNFINISHED = "unfinished", _("raters who did not complete the study")
        LEAKS = "leaks", _("battles in which a model gave its name away")
        PROBES = "probes", _("battles in which the rater asked a model who it is")

    study = models.ForeignKey(Study, models.PROTECT, related_name="exclusions")
    rule = models.CharField(max_length=10, choices=Rule, blank=True)
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
                condition=Q(participation__isnull=False, battle__isnull=True, rule="")
                | Q(participation__isnull=True, battle__isnull=False, rule="")
                | Q(
                    participation__isnull=True,
                    battle__isnull=True,
                    rule__in=["struck_out", "unfinished", "leaks", "probes"],
                ),
                name="exclusion_names_participation_battle_or_rule",
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

    @property
    def kind(self) -> str:
        """Its rule, or what it names: "participation" or "battle"."""
        return self.rule or ("participation" if self.participation_id else "battle")
