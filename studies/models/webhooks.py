"""Webhooks: whom to tell of what happens, and how often it was tried."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studies.models.design import Study


class WebhookEndpoint(models.Model):
    """An address that is told of events of one study, or of all.

    Its secret is not stored: it is derived from the server's own, by `id` and `secret_number`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(
        Study,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="webhook_endpoints",
        help_text=gettext_lazy("Empty: all studies."),
    )
    url = models.CharField("address", max_length=500)
    description = models.CharField(max_length=200, blank=True)
    kinds = models.JSONField(
        "events",
        default=list,
        blank=True,
        help_text=gettext_lazy("What it is told of; none: everything."),
    )
    is_active = models.BooleanField("active", default=True)
    pause_reason = models.CharField(max_length=300, blank=True, editable=False)
    secret_number = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.description or self.url


class WebhookEvent(models.Model):
    """Something that happened, once: `key` names it within its study."""

    class Kind(models.TextChoices):
        BOARD_PUBLISHED = "board.published", gettext_lazy("board published")
        QUOTA_FULL = "quota.full", gettext_lazy("quota full")
        STUDY_FINISHED = "study.finished", gettext_lazy("study finished")
        BUDGET_SPENT = "budget.spent", gettext_lazy("budget spent")
        REVIEW_WAITING = "review.waiting", gettext_lazy("strike review waiting")
        TEST = "test", gettext_lazy("test")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of its own: the unique key below starts with it. A test is of no study.
    study = models.ForeignKey(
        Study, models.CASCADE, null=True, related_name="webhook_events", db_index=False
    )
    kind = models.CharField(max_length=20, choices=Kind)
    key = models.CharField(max_length=200)
    facts = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("study"), F("kind"), F("key"), name="one_webhook_event_per_key"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "board.published",
                        "quota.full",
                        "study.finished",
                        "budget.spent",
                        "review.waiting",
                        "test",
                    ]
                ),
                name="webhook_event_kind_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class WebhookDelivery(models.Model):
    """One event to one endpoint: tried until it is received, or given up after a day."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        CLAIMED = "claimed", gettext_lazy("being sent")
        DELIVERED = "delivered", gettext_lazy("delivered")
        GIVEN_UP = "given_up", gettext_lazy("given up")

    event = models.ForeignKey(WebhookEvent, models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    # Since it was announced, or replayed by a person: the day counts from there.
    since = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts_made = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-since", "-pk"]
        verbose_name_plural = gettext_lazy("webhook deliveries")
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="deliveries_to_be_made",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                F("event"), F("endpoint"), name="one_delivery_per_event_and_endpoint"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "claimed", "delivered", "given_up"]),
                name="delivery_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, leased_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, leased_until__isnull=True)),
                name="only_a_claimed_delivery_has_claim_and_lease",
            ),
        ]

    def __str__(self) -> str:
        return _("%(event)s to %(endpoint)s") % {"event": self.event, "endpoint": self.endpoint}


class WebhookAttempt(models.Model):
    """One try of a delivery, and what came of it. `status` is null where nothing answered."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return str(self.status or self.error)
