"""The ledger of a study: what happened to it, in an append-only chain that anybody can verify."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy

from studies.models.design import Study

DIGEST_SIGNS = 64


class LedgerEntry(models.Model):
    """One fact of a study's past, chained to the one before it: see `studies.chain`.

    Anybody who sees the study reads it, so that `facts` name no person and hold nothing secret.
    Never changed or removed. A preview, which is a passing copy, has none.
    """

    class Kind(models.TextChoices):
        STUDY_OPENED = "study_opened", gettext_lazy("study opened")
        STUDY_PAUSED = "study_paused", gettext_lazy("study paused")
        STUDY_CLOSED = "study_closed", gettext_lazy("study closed")
        STUDY_ARCHIVED = "study_archived", gettext_lazy("study archived")
        STUDY_ANSWERED = "study_answered", gettext_lazy("question answered")
        CONTESTANT_ENTERED = "contestant_entered", gettext_lazy("contestant entered")
        CONTESTANT_WITHDRAWN = "contestant_withdrawn", gettext_lazy("contestant withdrawn")
        ELECTORATE_GIVEN = "electorate_given", gettext_lazy("electorate given")
        RULES_CHANGED = "rules_changed", gettext_lazy("rules changed")
        EXCLUSION_MADE = "exclusion_made", gettext_lazy("exclusion made")
        EXCLUSION_LIFTED = "exclusion_lifted", gettext_lazy("exclusion lifted")
        BOARD_TAKEN = "board_taken", gettext_lazy("board published")
        BOARD_WITHDRAWN = "board_withdrawn", gettext_lazy("board withdrawn")
        DATA_SHARED = "data_shared", gettext_lazy("data shared")

    class By(models.TextChoices):
        """Who did it, which is a part of the facts. Nobody is named."""

        ADMIN = "admin", gettext_lazy("an admin")
        PLATFORM = "platform", gettext_lazy("the platform")
        RATER = "rater", gettext_lazy("a rater")

    # No index of its own: the unique key below starts with it.
    study = models.ForeignKey(Study, models.PROTECT, related_name="ledger", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    facts = models.JSONField()
    previous = models.CharField(max_length=DIGEST_SIGNS, blank=True)
    digest = models.CharField(max_length=DIGEST_SIGNS)

    class Meta:
        ordering = ["study", "number"]
        verbose_name_plural = gettext_lazy("ledger entries")
        constraints = [
            models.UniqueConstraint(
                F("study"), F("number"), name="one_ledger_entry_per_number_of_a_study"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "study_opened",
                        "study_paused",
                        "study_closed",
                        "study_archived",
                        "study_answered",
                        "contestant_entered",
                        "contestant_withdrawn",
                        "electorate_given",
                        "rules_changed",
                        "exclusion_made",
                        "exclusion_lifted",
                        "board_taken",
                        "board_withdrawn",
                        "data_shared",
                    ]
                ),
                name="ledger_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(Exact(Length("digest"), DIGEST_SIGNS)), name="ledger_digest_is_whole"
            ),
            models.CheckConstraint(
                condition=Q(number=1, previous="")
                | Q(Exact(Length("previous"), DIGEST_SIGNS), number__gt=1),
                name="only_the_first_ledger_entry_follows_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.get_kind_display()}"
