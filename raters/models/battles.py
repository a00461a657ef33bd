"""Battles and their verdicts."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from raters.models.panel import Participation
from raters.querysets import BattleQuerySet, RatingQuerySet, VerdictQuerySet
from studies.models import AttentionCheck, Contestant, Dimension, Task


class Outcome(models.TextChoices):
    """Who won on one dimension of a battle, by side."""

    A = "a", "A"
    TIE = "tie", _("tie")
    B = "b", "B"


class Battle(models.Model):
    """One conversation of one rater with two contestants, side A and side B.

    In a study of one model at a time there is only side A.
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
    side_b = models.ForeignKey(
        Contestant, models.PROTECT, null=True, blank=True, related_name="battles_as_b"
    )
    task = models.ForeignKey(Task, models.PROTECT, null=True, blank=True, related_name="battles")
    # What makes it a check: a side broken on purpose, or an earlier battle with sides swapped.
    attention_check = models.ForeignKey(
        AttentionCheck, models.PROTECT, null=True, blank=True, related_name="battles"
    )
    # The database knows the default too: an import writes battles by SQL.
    broken_side = models.CharField(max_length=1, blank=True, default="", db_default="")
    repeats = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="repeated_by"
    )
    created_at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True, blank=True)
    # When its screens are to run, or to run again if the worker dies; null once they have.
    screen_due_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text=_("Why, in the rater's words; never trusted."))
    # Left out of public pages by an admin, although she agreed that it may stand there.
    is_reason_hidden = models.BooleanField(default=False, db_default=False)
    # What names the conversation where several raters judged the same one, as in imports; empty
    # where it is this battle's own.
    conversation = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = BattleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["screen_due_at"],
                condition=Q(screen_due_at__isnull=False),
                name="battles_to_be_screened",
            ),
            # What the queue asks for after every fold: the battles of today.
            models.Index(fields=["created_at"], name="battles_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                F("participation"), F("key"), name="one_battle_per_participation_and_key"
            ),
            models.CheckConstraint(
                condition=~Q(side_a=F("side_b")), name="a_contestant_never_meets_itself"
            ),
            models.CheckConstraint(
                condition=Q(broken_side__in=["", "a", "b"]), name="broken_side_is_known"
            ),
            models.CheckConstraint(
                condition=Q(attention_check__isnull=False)
                | Q(broken_side="", repeats__isnull=True),
                name="only_a_check_is_broken_or_repeats",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def sides(self) -> tuple["Reply.Side", ...]:
        """Who answers: A and B, or A alone."""
        return (Reply.Side.A,) if self.side_b_id is None else (Reply.Side.A, Reply.Side.B)


class Turn(models.Model):
    """One message of the rater in a battle; each side has a reply. `text` is hers, never trusted.

    Of an erased one no text is left. `is_identity_probe`: she asked a side who it is.
    """

    battle = models.ForeignKey(Battle, models.PROTECT, related_name="turns", db_index=False)
    number = models.PositiveSmallIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField()
    is_identity_probe = models.BooleanField(default=False)
    # What her browser told, if it did: signs that were pasted, and how often she looked away.
    pasted_signs = models.PositiveIntegerField(null=True, blank=True)
    times_away = models.PositiveIntegerField(null=True, blank=True)
    screen_due_at = models.DateTimeField(null=True, blank=True)
    # What kind of error the study's screener ended with, if it did; no word of anybody's.
    screen_error = models.CharField(max_length=50, blank=True)
    is_erased = models.BooleanField(default=False)

    class Meta:
        ordering = ["battle", "number"]
        indexes = [
            models.Index(
                fields=["screen_due_at"],
                condition=Q(screen_due_at__isnull=False),
                name="turns_to_be_screened",
            ),
        ]
        constraints = [
            models.UniqueConstraint(F("battle"), F("number"), name="one_turn_per_number"),
            models.CheckConstraint(condition=Q(number__gt=0), name="turns_count_from_1"),
            models.CheckConstraint(
                condition=~Q(text="") ^ Q(is_erased=True), name="turn_has_text_unless_erased"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.battle}, {self.number}"


class Reply(models.Model):
    """One side's answer to a turn, made by a worker: claimed with a lease, written, finished.

    `claim` is the worker's token; it may write only as long as the token is its own. `text` grows
    while the worker writes; it is an answer only once the reply is finished. `error` is for
    admins, and never shown to a rater: it may name the model.
    """

    class Side(models.TextChoices):
        A = "a", "A"
        B = "b", "B"

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        CLAIMED = "claimed", _("being written")
        FINISHED = "finished", _("finished")
        FAILED = "failed", _("failed")
        ERASED = "erased", _("erased with the rater's data")

    turn = models.ForeignKey(Turn, models.PROTECT, related_name="replies", db_index=False)
    side = models.CharField(max_length=1, choices=Side)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    text = models.TextField(blank=True)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # When it may be tried again, after a failure that may pass.
    due_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    first_piece_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    # How many names it gave away, that were masked. Kept, since what is a name may change.
    masked = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["turn", "side"]
        verbose_name_plural = "replies"
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="replies_to_be_made",
            ),
        ]
        constraints = [
            models.UniqueConstraint(F("turn"), F("side"), name="one_reply_per_turn_and_side"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "claimed", "finished", "failed", "erased"]),
                name="reply_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | ~Q(text=""), name="finished_reply_has_text"
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="failed_reply_has_error"
            ),
            models.CheckConstraint(
                condition=~Q(state="erased") | Q(text="", error=""),
                name="erased_reply_says_nothing",
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, leased_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, leased_until__isnull=True)),
                name="only_a_claimed_reply_has_claim_and_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.turn}{self.side}"


class SideStyle(models.Model):
    """How one side's replies of a judged battle look: counts over all of them, and no word.

    Written once she has judged, so that boards allow for it without reading what was said; the
    counts are those of `raters.quality.style`. `first_piece_ms` is the mean time to a reply's
    first piece, where it is known.
    """

    battle = models.ForeignKey(Battle, models.PROTECT, related_name="styles", db_index=False)
    side = models.CharField(max_length=1, choices=Reply.Side)
    words = models.PositiveIntegerField()
    list_items = models.PositiveIntegerField()
    headers = models.PositiveIntegerField()
    bold = models.PositiveIntegerField()
    links = models.PositiveIntegerField()
    code_blocks = models.PositiveIntegerField()
    emoji = models.PositiveIntegerField()
    first_piece_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["battle", "side"]
        constraints = [
            models.UniqueConstraint(F("battle"), F("side"), name="one_style_per_battle_and_side"),
            models.CheckConstraint(
                condition=Q(side__in=["a", "b"]), name="side_of_a_style_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.battle}{self.side}"


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


class Rating(models.Model):
    """How a rater rates the one contestant of a battle on one dimension. Append-only."""

    LOWEST, HIGHEST = 1, 7

    battle = models.ForeignKey(Battle, models.PROTECT, related_name="ratings", db_index=False)
    dimension = models.ForeignKey(Dimension, models.PROTECT, related_name="ratings", db_index=False)
    score = models.PositiveSmallIntegerField()
    recorded_at = models.DateTimeField()

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["recorded_at", "pk"]
        indexes = [
            models.Index(fields=["dimension", "battle"], name="ratings_by_dimension"),
            models.Index(fields=["dimension", "recorded_at", "id"], name="ratings_in_order"),
        ]
        constraints = [
            models.UniqueConstraint(
                F("battle"), F("dimension"), name="one_rating_per_rater_battle_dimension"
            ),
            models.CheckConstraint(
                condition=Q(score__gte=1, score__lte=7), name="rating_lies_on_the_scale"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension}: {self.score}"
