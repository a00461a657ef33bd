"""The people who answer: pseudonymous raters, and their participation in studies."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from raters.identities import RECRUITED, Identity, unseal
from raters.querysets import ParticipationQuerySet
from studies.models import Cell, ConsentText, Study

# Crockford's alphabet: no I, L, O or U, so that a code read aloud or copied by hand survives.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_code() -> str:
    """A random public code of ten characters (50 bits)."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(10))


class Rater(models.Model):
    """A person, pseudonymous: a public code, never a name."""

    code = models.CharField(max_length=12, unique=True, default=new_code, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.code


class Participation(models.Model):
    """One rater in one study.

    What she is called outside, where `source` says, stands here under a key that the database
    does not hold: `identity_mark` finds her in this study, `identity_sealed` opens for who may
    read it (`raters.identities`). `cell` is null where the study has no electorate, and once
    erased.
    """

    class Source(models.TextChoices):
        """Who calls her by the id that is kept under the key."""

        RECRUITED = RECRUITED, _("a recruiting platform or an imported file")
        OWN = "own", _("ourselves, as she came by the link alone")
        ACCOUNT = "account", _("her account")
        ERASED = "erased", _("nobody any more: it is erased")

    class State(models.TextChoices):
        RESERVED = "reserved", _("reserved")
        ACTIVE = "active", _("active")
        COMPLETED = "completed", _("completed")
        RETURNED = "returned", _("returned")
        TIMED_OUT = "timed_out", _("timed out")
        STRUCK_OUT = "struck_out", _("struck out")
        SCREENED_OUT = "screened_out", _("screened out")
        WITHDRAWN = "withdrawn", _("withdrawn, and erased")

    # No index of its own: the unique key below starts with it.
    study = models.ForeignKey(Study, models.PROTECT, related_name="participations", db_index=False)
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="participations")
    cell = models.ForeignKey(
        Cell, models.PROTECT, null=True, blank=True, related_name="participations"
    )
    source = models.CharField(max_length=9, choices=Source, default=Source.RECRUITED)
    # Null and not empty where there is none: those of one study differ.
    identity_mark = models.CharField(max_length=32, null=True, blank=True, editable=False)  # noqa: DJ001
    identity_sealed = models.TextField(blank=True, editable=False)
    # Keyed hashes, other ones in each study: they tell that two are the same, and nothing else.
    address_hash = models.CharField(max_length=64, blank=True)
    device_hash = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=State)
    created_at = models.DateTimeField()
    consent_text = models.ForeignKey(
        ConsentText, models.PROTECT, null=True, blank=True, related_name="participations"
    )
    consented_at = models.DateTimeField(null=True, blank=True)
    # When she agreed that her words may be published, under no name; null if she did not.
    words_released_at = models.DateTimeField(null=True, blank=True)
    # A place is kept until then, and longer with each word from the rater.
    kept_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ParticipationQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["kept_until"],
                condition=Q(state__in=["reserved", "active"]),
                name="places_that_are_kept",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                F("study"), F("identity_mark"), name="one_participation_per_identity"
            ),
            models.CheckConstraint(
                condition=Q(source__in=["recruited", "own", "account", "erased"]),
                name="participation_source_is_known",
            ),
            models.CheckConstraint(
                condition=Q(identity_mark=None, identity_sealed="")
                | (Q(identity_mark__isnull=False) & ~Q(identity_sealed="")),
                name="identity_is_marked_and_sealed_or_neither",
            ),
            models.CheckConstraint(
                condition=~Q(source="erased") | Q(identity_mark=None),
                name="erased_participation_is_nobody_s",
            ),
            models.UniqueConstraint(
                fields=["study", "rater"],
                condition=Q(state__in=["reserved", "active"]),
                name="one_active_participation_per_rater_and_study",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "reserved",
                        "active",
                        "completed",
                        "returned",
                        "timed_out",
                        "struck_out",
                        "screened_out",
                        "withdrawn",
                    ]
                ),
                name="participation_state_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater} in {self.study}"

    @property
    def identity(self) -> Identity:
        """What she is called outside, for who may read it. Raises IdentityKeyError."""
        return unseal(self.identity_sealed)
