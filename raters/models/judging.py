"""Machine raters: judges, their runs over a study's battles, and what they say.

What judges say lies in tables of its own: nothing that adds up people's verdicts can meet one.
"""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from raters.models.battles import Battle, Outcome
from raters.querysets import JudgeRunQuerySet
from studies.models import ChatModel, Dimension, Study


class Judge(models.Model):
    """A machine that rates: chat models of the registry, a protocol and its settings.

    What it is asked never changes once it has a run: a change is a new version. Several chat
    models are a jury. `settings` are those of `raters.judging`; a judge whose verdicts were
    imported, or predicted by a study's own scorer, asks no chat model.
    """

    PINNED = ("protocol", "settings")
    # Of judges that ask nobody: what they said came in a file, or a study's scorer predicts it.
    IMPORTED, SCORER = "imported", "scorer"

    name = models.CharField(max_length=200)
    version = models.PositiveSmallIntegerField(default=1)
    protocol = models.SlugField(max_length=50)
    settings = models.JSONField(default=dict, blank=True)
    chat_models = models.ManyToManyField(
        ChatModel, through="JudgeMember", related_name="judges", blank=True
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(F("name"), F("version"), name="one_judge_per_version"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(protocol=""), name="judge_has_name"),
        ]

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} (version {self.version})"


class JudgeMember(models.Model):
    """One chat model of a judge; several are a jury."""

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="members", db_index=False)
    chat_model = models.ForeignKey(ChatModel, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["judge", "position", "pk"]
        constraints = [
            models.UniqueConstraint(F("judge"), F("chat_model"), name="one_seat_in_a_jury"),
        ]

    def __str__(self) -> str:
        return f"{self.chat_model} in {self.judge}"


class JudgeRun(models.Model):
    """One judge over a study's battles, or over some of them.

    Which battles, and which canaries, is fixed as it starts: each is a judgement. A run whose
    canary wins is failed, and none of its verdicts counts.
    """

    class State(models.TextChoices):
        RUNNING = "running", gettext_lazy("running")
        PAUSED = "paused", gettext_lazy("paused")
        FINISHED = "finished", gettext_lazy("finished")
        CANCELLED = "cancelled", gettext_lazy("cancelled")
        FAILED = "failed", gettext_lazy("failed")

    # No index of its own: the unique key below starts with it.
    study = models.ForeignKey(Study, models.PROTECT, related_name="judge_runs", db_index=False)
    judge = models.ForeignKey(Judge, models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    # Why it is paused, or has failed; for admins.
    reason = models.TextField(blank=True)
    # What was asked for, in words: all battles, a sample, those of which another run was unsure.
    selection = models.CharField(max_length=200, blank=True)
    # SHA-256 of the prompts' words, which the judge's settings go into.
    prompts = models.CharField(max_length=64, blank=True)
    seed = models.PositiveIntegerField(default=0)
    budget = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=gettext_lazy("US dollars that it may cost. It pauses once they are spent."),
    )
    calls_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy(
            "As many questions a minute at most. Each chat model's own limit holds besides."
        ),
    )
    # When the next question may be asked, where so many a minute are allowed.
    next_call_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = JudgeRunQuerySet.as_manager()

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(F("study"), F("number"), name="one_judge_run_per_number"),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused", "finished", "cancelled", "failed"]),
                name="judge_run_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(reason=""), name="failed_judge_run_says_why"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused"], ended_at__isnull=True)
                | Q(state__in=["finished", "cancelled", "failed"], ended_at__isnull=False),
                name="judge_run_has_ended_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judge}, run {self.number}"


class Judgement(models.Model):
    """One battle, or one canary, that a run has to judge: claimed with a lease, worked, finished.

    `unreadable` counts the answers that said nothing; they were asked for again, and never taken
    for a tie.
    """

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        CLAIMED = "claimed", gettext_lazy("being judged")
        FINISHED = "finished", gettext_lazy("finished")
        FAILED = "failed", gettext_lazy("failed")

    run = models.ForeignKey(JudgeRun, models.PROTECT, related_name="judgements", db_index=False)
    battle = models.ForeignKey(
        Battle, models.PROTECT, null=True, blank=True, related_name="judgements"
    )
    canary = models.CharField(max_length=50, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    unreadable = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run", "pk"]
        indexes = [
            models.Index(
                fields=["run", "due_at"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="judgements_to_be_made",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "battle"],
                condition=Q(battle__isnull=False),
                name="one_judgement_per_run_and_battle",
            ),
            models.UniqueConstraint(
                fields=["run", "canary"],
                condition=~Q(canary=""),
                name="one_judgement_per_run_and_canary",
            ),
            models.CheckConstraint(
                condition=Q(battle__isnull=False, canary="") | (Q(battle=None) & ~Q(canary="")),
                name="judgement_is_of_a_battle_or_a_canary",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "claimed", "finished", "failed"]),
                name="judgement_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="failed_judgement_has_error"
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, leased_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, leased_until__isnull=True)),
                name="only_a_claimed_judgement_has_claim_and_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: {self.canary or self.battle}"


class JudgeAnswer(models.Model):
    """What a chat model answered to one question of a judgement. Paid for once: it is kept.

    `key` names the question within the judgement (order, sample, step). An answer that could not
    be read is kept too, with `error`: it cost something, and it says how often that happens. What
    it says of a conversation is as confidential as that; of an erased one no text is left.
    """

    judgement = models.ForeignKey(Judgement, models.PROTECT, related_name="answers", db_index=False)
    chat_model = models.ForeignKey(ChatModel, models.PROTECT, related_name="judge_answers")
    key = models.CharField(max_length=200)
    attempt = models.PositiveSmallIntegerField(default=1)
    text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    token_logprobs = models.JSONField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["judgement", "pk"]
        indexes = [models.Index(fields=["chat_model", "answered_at"], name="answers_by_time")]
        constraints = [
            models.UniqueConstraint(
                F("judgement"),
                F("chat_model"),
                F("key"),
                F("attempt"),
                name="one_answer_per_question_and_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judgement}, {self.key}"


class JudgeVerdict(models.Model):
    """What a judge says of one battle on one dimension. Append-only, and never a person's.

    `outcome` is empty where it abstained. `certainty` (0 to 1) is what it stated, `p_a`, `p_tie`
    and `p_b` what its log-probabilities or its samples say; `score_a` and `score_b` are its scores
    where it gave any. `orders_agree` is whether both orders of the sides gave the same winner.
    Without a reason once erased.
    """

    judgement = models.ForeignKey(
        Judgement, models.PROTECT, related_name="verdicts", db_index=False
    )
    dimension = models.ForeignKey(
        Dimension, models.PROTECT, related_name="judge_verdicts", db_index=False
    )
    outcome = models.CharField(max_length=3, choices=Outcome, blank=True)
    certainty = models.FloatField(null=True, blank=True)
    p_a = models.FloatField(null=True, blank=True)
    p_tie = models.FloatField(null=True, blank=True)
    p_b = models.FloatField(null=True, blank=True)
    score_a = models.FloatField(null=True, blank=True)
    score_b = models.FloatField(null=True, blank=True)
    orders_agree = models.BooleanField(null=True, blank=True)
    # What each order and sample said: [{"shown": "ab", "outcome": "a", "by": 3, …}, …].
    samples = models.JSONField(default=list, blank=True)
    reason = models.TextField(blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["recorded_at", "pk"]
        indexes = [models.Index(fields=["dimension", "judgement"], name="judge_verdicts_by_dim")]
        constraints = [
            models.UniqueConstraint(
                F("judgement"), F("dimension"), name="one_judge_verdict_per_dimension"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "a", "tie", "b"]),
                name="judge_verdict_outcome_is_known",
            ),
            models.CheckConstraint(
                condition=Q(certainty__isnull=True) | Q(certainty__gte=0, certainty__lte=1),
                name="certainty_is_a_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension}: {self.outcome or 'abstained'}"


class JudgeLabel(models.Model):
    """What a judge calls a conversation: its task type, say. Never a part of a ranking."""

    judgement = models.ForeignKey(Judgement, models.PROTECT, related_name="labels", db_index=False)
    key = models.SlugField(max_length=50)
    # Of what: the conversation as a whole, or one side of it.
    side = models.CharField(max_length=1, blank=True)
    value = models.CharField(max_length=100)

    class Meta:
        ordering = ["judgement", "key", "side"]
        constraints = [
            models.UniqueConstraint(
                F("judgement"), F("key"), F("side"), name="one_label_per_key_and_side"
            ),
            models.CheckConstraint(
                condition=Q(side__in=["", "a", "b"]), name="side_of_a_label_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"
