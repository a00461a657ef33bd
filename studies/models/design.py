"""A study and what its battles are about."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from studies.models.electorate import Electorate
from studies.querysets import StudyQuerySet

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from studies.models.contestants import Contestant
    from studies.models.dimensions import Dimension


class Study(models.Model):
    """One evaluation: contestants, dimensions, electorate, rules, and a life cycle."""

    class State(models.TextChoices):
        DRAFT = "draft", gettext_lazy("draft")
        OPEN = "open", gettext_lazy("open")
        PAUSED = "paused", gettext_lazy("paused")
        CLOSED = "closed", gettext_lazy("closed")
        ARCHIVED = "archived", gettext_lazy("archived")

    class Protocol(models.TextChoices):
        PAIRWISE = "pairwise", gettext_lazy("two models side by side, compared")
        SINGLE = "single", gettext_lazy("one model at a time, rated")

    class Entrance(models.TextChoices):
        LINK = "link", gettext_lazy("anybody with the link")
        RECRUITED = "recruited", gettext_lazy("only with an id from a recruiting platform")
        ACCOUNT = "account", gettext_lazy("by sign-up with an e-mail address")

    class Policy(models.TextChoices):
        GAIN = "gain", gettext_lazy("where a battle teaches most")
        RANDOM = "random", gettext_lazy("at random")
        ROUND_ROBIN = "round_robin", gettext_lazy("in turn, every pair as often")
        SWISS = "swiss", gettext_lazy("neighbours in the ranking (Swiss)")
        ROUTED = "routed", gettext_lazy("where people and judges know least together")

    class QuotaBy(models.TextChoices):
        MARGINS = "margins", gettext_lazy("groups of each axis")
        CELLS = "cells", gettext_lazy("cells")

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    question = models.CharField(
        max_length=300,
        blank=True,
        help_text=gettext_lazy("The question the study answers, in one sentence."),
    )
    language = models.CharField(
        gettext_lazy("language of its raters"),
        max_length=10,
        choices=[("", gettext_lazy("each rater’s own")), *settings.LANGUAGES],
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy(
            "Raters’ pages open in it, unless a rater has chosen another one herself. What "
            "you write for them is marked as written in it, so that it is read out rightly."
        ),
    )
    protocol = models.CharField(
        max_length=10,
        choices=Protocol,
        default=Protocol.PAIRWISE,
        help_text=gettext_lazy("It can't be changed once the study has raters."),
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    pause_reason = models.TextField(blank=True, editable=False)
    is_public = models.BooleanField(
        default=False, help_text=gettext_lazy("Whether anybody may see its published boards.")
    )
    is_simulated = models.BooleanField(
        default=False,
        help_text=gettext_lazy("Its raters are simulated: every page and export says so."),
    )
    electorate = models.ForeignKey(
        Electorate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="studies",
        help_text=gettext_lazy(
            "Whom the study speaks for. Without one, boards speak for the raters only. "
            "Once there are raters, and while it is paused, it can be one that has new "
            "groups besides."
        ),
    )
    raters_wanted = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Places, divided into quotas by the electorate's shares."),
    )
    quota_by = models.CharField(
        gettext_lazy("quotas by"),
        max_length=10,
        choices=QuotaBy,
        default=QuotaBy.MARGINS,
        help_text=gettext_lazy(
            "Whether a rater needs a place in each of her groups, or in her cell."
        ),
    )
    battles_each = models.PositiveSmallIntegerField(
        gettext_lazy("battles of each rater"), default=4, validators=[MinValueValidator(1)]
    )
    min_turns = models.PositiveSmallIntegerField(
        gettext_lazy("messages at least"), default=3, validators=[MinValueValidator(1)]
    )
    max_turns = models.PositiveSmallIntegerField(gettext_lazy("messages at most"), default=10)
    task = models.TextField(
        blank=True,
        help_text=gettext_lazy(
            "What raters are asked to talk about; shown above every battle, before the "
            "battle's own task where the study has several."
        ),
    )
    reservation_minutes = models.PositiveSmallIntegerField(
        gettext_lazy("minutes a place is kept"),
        default=60,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("After so long without a word from the rater, her place goes back."),
    )
    minutes_estimated = models.PositiveSmallIntegerField(null=True, blank=True)
    pay = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="GBP")
    strikes_allowed = models.PositiveSmallIntegerField(
        gettext_lazy("strikes that end it"),
        default=3,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy(
            "With so many active strikes a participation ends, and is left to a reviewer."
        ),
    )
    screener = models.ForeignKey(
        "studies.ChatModel",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=gettext_lazy(
            "A chat model that reads conversations for topic drift, beside the screen that "
            "needs none."
        ),
    )
    policy = models.CharField(
        gettext_lazy("pairs are chosen"),
        max_length=12,
        choices=Policy,
        default=Policy.GAIN,
        help_text=gettext_lazy(
            "Under every policy the same caps, floors and balanced sides hold. What judges "
            "know is taken from the newest report of Routing; without one, a battle goes "
            "where it teaches most."
        ),
    )
    battle_cap = models.FloatField(
        gettext_lazy("cap of a day's battles"),
        default=0.5,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=gettext_lazy(
            "The largest share of a day's battles that one contestant may be in, or one "
            "and a half equal shares if that is more."
        ),
    )
    battle_floor = models.FloatField(
        gettext_lazy("floor of a day's battles"),
        default=0.2,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=gettext_lazy(
            "The part of an equal share of a day's battles that every contestant gets."
        ),
    )
    ends_when_answered = models.BooleanField(
        gettext_lazy("ends once it is answered"),
        default=True,
        help_text=gettext_lazy(
            "Once all stopping rules are fulfilled nobody new can take part; who is inside "
            "goes on to the end. Otherwise you are only told."
        ),
    )
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    asks_to_quote = models.BooleanField(
        gettext_lazy("asks whether words may be published"),
        default=False,
        help_text=gettext_lazy(
            "Whether raters are asked, beside their consent, if what they write may be "
            "published without a name. Taking part never depends on it."
        ),
    )
    retention_days = models.PositiveSmallIntegerField(
        gettext_lazy("days that identities are kept"),
        default=365,
        db_default=365,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy(
            "So many days after the study closes, what could say who a rater is (ids of "
            "the recruiting platform, accounts, hashes of address and device) is erased, "
            "and so are words that she did not release. Verdicts stay, under her public "
            "code."
        ),
    )
    identities_erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    budget = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=gettext_lazy(
            "US dollars that replies may cost. The study pauses once they are spent."
        ),
    )
    entrance = models.CharField(
        gettext_lazy("who may come in"), max_length=10, choices=Entrance, default=Entrance.LINK
    )
    recruiting_parameter = models.CharField(
        gettext_lazy("parameter of the rater"),
        max_length=50,
        default="PROLIFIC_PID",
        help_text=gettext_lazy(
            "The parameter of the study's link that carries the recruiting platform's id."
        ),
    )
    study_parameter = models.CharField(
        gettext_lazy("parameter of the study"),
        max_length=50,
        default="STUDY_ID",
        blank=True,
        help_text=gettext_lazy(
            "Carries the platform's id of the study; kept with the participation."
        ),
    )
    session_parameter = models.CharField(
        gettext_lazy("parameter of the session"),
        max_length=50,
        default="SESSION_ID",
        blank=True,
        help_text=gettext_lazy(
            "Carries the platform's id of the rater's session; kept with the participation."
        ),
    )
    preview_of = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="previews",
        help_text=gettext_lazy("The study that this is a passing copy of, for an admin to try."),
    )
    team = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="studies",
        help_text=gettext_lazy("Users who may see this study although it is not public."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StudyQuerySet.as_manager()

    if TYPE_CHECKING:
        contestants: RelatedManager["Contestant"]
        dimensions: RelatedManager["Dimension"]
        tasks: RelatedManager["Task"]

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
                condition=Q(language__in=["", "en-gb", "en-us", "de"]),
                name="study_language_is_known",
            ),
            models.CheckConstraint(
                condition=Q(min_turns__gt=0, max_turns__gte=F("min_turns"), battles_each__gt=0),
                name="study_asks_for_turns_and_battles",
            ),
            models.CheckConstraint(
                condition=Q(protocol__in=["pairwise", "single"]), name="study_protocol_is_known"
            ),
            models.CheckConstraint(
                condition=Q(entrance__in=["link", "recruited", "account"]),
                name="study_entrance_is_known",
            ),
            models.CheckConstraint(condition=Q(strikes_allowed__gt=0), name="strikes_can_end_it"),
            models.CheckConstraint(
                condition=Q(policy__in=["gain", "random", "round_robin", "swiss", "routed"]),
                name="study_policy_is_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    battle_cap__gte=0.0,
                    battle_cap__lte=1.0,
                    battle_floor__gte=0.0,
                    battle_floor__lte=1.0,
                ),
                name="cap_and_floor_are_shares",
            ),
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gt=0), name="budget_is_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_scenarios(self) -> bool:
        """Whether some of its tasks are sensitive topics."""
        return self.tasks.filter(area=Task.SENSITIVE).exists()


class Task(models.Model):
    """What one battle is about: a topic, or a leaf of a tree of area, category and task.

    A study without tasks has one for all battles, `Study.task`. How many battles each has is
    counted, never stored.
    """

    # The area in which tasks are sensitive topics, for the safety board.
    SENSITIVE = "Sensitive topics"

    study = models.ForeignKey(Study, models.CASCADE, related_name="tasks", db_index=False)
    area = models.CharField(max_length=100, blank=True)
    category = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100)
    text = models.TextField(
        help_text=gettext_lazy("What the rater is asked to do, on her task card.")
    )
    reference = models.TextField(
        blank=True,
        help_text=gettext_lazy(
            "A good reply, written by a person. Raters never see it; judges may compare with it."
        ),
    )
    battles_wanted = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy(
            "The task's quota. For all tasks of a study, or for none: then all are equal."
        ),
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["study", "position", "area", "category", "name"]
        constraints = [
            models.UniqueConstraint(
                F("study"), F("area"), F("category"), F("name"), name="one_task_per_name"
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(text=""), name="task_says_something"),
            models.CheckConstraint(
                condition=~Q(area="") | Q(category=""), name="task_category_lies_in_an_area"
            ),
            models.CheckConstraint(
                condition=Q(battles_wanted__isnull=True) | Q(battles_wanted__gt=0),
                name="task_quota_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return " › ".join(filter(None, (self.area, self.category, self.name)))
