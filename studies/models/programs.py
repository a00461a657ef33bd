"""Programs that read results and run studies: their tokens, and what they sent."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy
from knox.models import AbstractAuthToken

from studies.models.design import Study


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # without types of its own
    """A REST client's token: it may do what its user may, within its scopes and studies.

    Every token may read results. The database knows it by its hash only.
    """

    label = models.CharField(
        max_length=100,
        help_text=gettext_lazy("What it is for, so that you know which one to revoke."),
    )
    may_read_conversations = models.BooleanField(
        gettext_lazy("may read conversations"),
        default=False,
        help_text=gettext_lazy("Those of raters who released their words, and raters' groups."),
    )
    may_manage = models.BooleanField(
        gettext_lazy("may manage studies"),
        default=False,
        help_text=gettext_lazy(
            "Take boards, ask for exports and reports, open, pause and close studies."
        ),
    )
    is_for_all_studies = models.BooleanField(
        gettext_lazy("for all studies"),
        default=False,
        help_text=gettext_lazy(
            "All that its user may see, later ones too; else only those that are named."
        ),
    )
    studies = models.ManyToManyField(Study, blank=True, related_name="tokens")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created"]
        verbose_name = "token"

    def __str__(self) -> str:
        return self.label or f"{self.token_key[:8]}…"


class WrittenRequest(models.Model):
    """What was answered to a write with an `Idempotency-Key`, so that it is done once.

    While it is under way `status` is null. `digest` is of what was asked: the same key with
    another request is an error. Kept for a day.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    document = models.JSONField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(F("user"), F("key"), name="one_written_request_per_key"),
            models.CheckConstraint(condition=~Q(key=""), name="written_request_has_key"),
        ]

    def __str__(self) -> str:
        return self.key
