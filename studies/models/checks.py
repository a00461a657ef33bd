"""How a study watches over its raters' care: attention checks, and what each screen may do."""

from collections.abc import Mapping
from typing import Final

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from studies.models.design import Study

# What raters choose from on every dimension, and so on a check without answers of its own.
STUDYS_OWN_ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    Study.Protocol.PAIRWISE: ("A", "About the same", "B"),
    Study.Protocol.SINGLE: ("1", "2", "3", "4", "5", "6", "7"),
}


class AttentionCheck(models.Model):
    """One check of a rater's attention; where it comes is drawn by seed for each rater.

    Instructed and nonsensical items stand among the dimensions of one battle, comprehension
    questions before the first. A gold battle has a side whose replies are broken on purpose; a
    repeated one shows an earlier conversation again with its sides swapped. Neither counts in
    boards.
    """

    class Kind(models.TextChoices):
        INSTRUCTED = "instructed", _("instructed answer")
        NONSENSICAL = "nonsensical", _("nonsensical item")
        COMPREHENSION = "comprehension", _("comprehension question")
        GOLD = "gold", _("battle with a broken side")
        REPEAT = "repeat", _("battle repeated with sides swapped")

    class Fault(models.TextChoices):
        OFF_TOPIC = "off_topic", _("off the topic")
        TRUNCATED = "truncated", _("cut off in the middle")
        SCRAMBLED = "scrambled", _("words in a random order")

    study = models.ForeignKey(Study, models.CASCADE, related_name="checks")
    kind = models.CharField(max_length=13, choices=Kind)
    question = models.CharField(
        max_length=300,
        blank=True,
        help_text=_("What she is asked, for an item or a question."),
    )
    answers = models.TextField(
        blank=True,
        help_text=_("One a line. Empty: the study's own, A, about the same, B; or 1 to 7."),
    )
    accepted = models.TextField(blank=True, help_text=_("The answers that pass, one a line."))
    fault = models.CharField(
        max_length=9,
        choices=Fault,
        blank=True,
        help_text=_("How the one side is broken."),
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

    @property
    def is_item(self) -> bool:
        """It stands among the dimensions of a battle."""
        return self.kind in {self.Kind.INSTRUCTED, self.Kind.NONSENSICAL}

    @property
    def is_battle(self) -> bool:
        """It is a battle by itself, beside those that count."""
        return self.kind in {self.Kind.GOLD, self.Kind.REPEAT}

    @property
    def own_answers(self) -> tuple[str, ...]:
        """Answers that it brings along; empty where it is answered like a dimension."""
        return lines_of(self.answers)

    def answers_for(self, protocol: str) -> tuple[str, ...]:
        """What a rater can answer, in a study of this protocol."""
        return self.own_answers or STUDYS_OWN_ANSWERS[protocol]

    def accepts(self, answer: str) -> bool:
        """Whether the answer passes."""
        return answer in lines_of(self.accepted)


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text that say something."""
    return tuple(line for line in map(str.strip, text.splitlines()) if line)


class ScreenRule(models.Model):
    """What a screen may do in a study, where it is not what screens do by default.

    `kind` is a `raters.quality.flaws.FlawKind`; `Kind` says what each is called here, below the
    app that finds them. What `threshold` means depends on it.
    """

    class Kind(models.TextChoices):
        SINGLE_WORD = "single_word", _("single words")
        TOO_SHORT = "too_short", _("very short messages")
        REPEATED = "repeated", _("the same message again")
        GIBBERISH = "gibberish", _("gibberish")
        COPIED_TASK = "copied_task", _("text copied from the task")
        IDENTITY_PROBE = "identity_probe", _("asking who a model is")
        DRIFT = "drift", _("leaving the topic")
        PASTED = "pasted", _("pasted text")
        SPEEDING = "speeding", _("faster than anybody reads")
        STRAIGHT_LINING = "straight_lining", _("the same answer on every dimension")
        ONE_SIDED = "one_sided", _("always the same side")
        AWAY = "away", _("the page out of sight")
        UNLIKELY_VOTES = "unlikely_votes", _("votes that no honest rater would give")
        SHARED_TEXT = "shared_text", _("the same text as another rater")
        SHARED_ID = "shared_id", _("a recruiting id that came twice")
        SHARED_ADDRESS = "shared_address", _("an address that many have")
        SHARED_DEVICE = "shared_device", _("a device that many have")
        FAILED_CHECK = "failed_check", _("a failed attention check")
        INCONSISTENT = "inconsistent", _("the opposite answer when asked again")

    class Action(models.TextChoices):
        STRIKE = "strike", _("strike")
        SIGNAL = "signal", _("only tell a reviewer")
        OFF = "off", _("nothing")

    # What may have an honest reason, or be somebody else's doing, is for a reviewer to weigh.
    NEVER_A_STRIKE = frozenset(
        {
            Kind.PASTED,
            Kind.AWAY,
            Kind.UNLIKELY_VOTES,
            Kind.SHARED_TEXT,
            Kind.SHARED_ID,
            Kind.SHARED_ADDRESS,
            Kind.SHARED_DEVICE,
        }
    )

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
        known = self.kind in self.Kind.values
        return f"{self.Kind(self.kind).label if known else self.kind}: {self.get_action_display()}"
