"""The registry of chat models, and their entry into studies as contestants."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy, gettext_noop

from studies.models.design import Study


def price_field(help_text: str) -> "models.DecimalField[Decimal | str, Decimal]":
    """A price in US dollars for a million tokens; 0 where nothing is charged."""
    return models.DecimalField(
        max_digits=9,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=gettext_lazy(help_text),
    )


class ChatModel(models.Model):
    """A model in the registry. Its pinned fields never change once it has been in a battle.

    A change of endpoint, model id, revision, parameters or system prompt is a new version. An
    embedder is asked in the same way for something else, and holds no conversation.
    """

    PINNED = ("developer", "base_url", "model_id", "revision", "parameters", "system_prompt")

    name = models.CharField(max_length=200)
    version = models.PositiveSmallIntegerField(default=1)
    developer = models.CharField(max_length=200, blank=True)
    is_embedder = models.BooleanField(
        gettext_lazy("embeds texts"),
        default=False,
        help_text=gettext_lazy(
            "It answers with embeddings of texts, not with replies: a study’s scorer may "
            "learn from them, and it is neither contestant nor judge."
        ),
    )
    base_url = models.CharField(
        max_length=300,
        blank=True,
        help_text=gettext_lazy(
            "Where its chat-completions endpoint answers, or bot:NAME for a built-in bot."
        ),
    )
    model_id = models.CharField(
        max_length=200, blank=True, help_text=gettext_lazy("Its name at the endpoint.")
    )
    revision = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    system_prompt = models.TextField(blank=True)
    key_variable = models.CharField(
        max_length=100,
        blank=True,
        help_text=gettext_lazy(
            "The name of the environment variable that holds the key; never the key."
        ),
    )
    timeout_s = models.PositiveSmallIntegerField(
        gettext_lazy("timeout in seconds"), default=60, validators=[MinValueValidator(1)]
    )
    max_concurrent = models.PositiveSmallIntegerField(
        gettext_lazy("calls at once"), default=8, validators=[MinValueValidator(1)]
    )
    input_price = price_field(gettext_noop("US dollars for a million tokens that it reads."))
    output_price = price_field(gettext_noop("US dollars for a million tokens that it writes."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(F("name"), F("version"), name="one_chat_model_per_version"),
            models.CheckConstraint(condition=~Q(name=""), name="chat_model_has_name"),
            models.CheckConstraint(
                condition=Q(timeout_s__gt=0, max_concurrent__gt=0),
                name="chat_model_may_be_called",
            ),
            models.CheckConstraint(
                condition=Q(input_price__gte=0, output_price__gte=0), name="price_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(is_embedder=False) | ~Q(base_url=""), name="embedder_has_address"
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} (version {self.version})"


class Contestant(models.Model):
    """A chat model entered in a study. It may withdraw; it is never deleted."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="contestants")
    chat_model = models.ForeignKey(
        ChatModel,
        models.PROTECT,
        related_name="contestants",
        limit_choices_to={"is_embedder": False},
    )
    slug = models.SlugField(max_length=200)
    name = models.CharField(
        max_length=200, help_text=gettext_lazy("How boards name it. Raters never see it.")
    )
    entered_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["study", "slug"]
        constraints = [
            models.UniqueConstraint(F("study"), F("slug"), name="one_contestant_per_slug"),
            models.UniqueConstraint(F("study"), F("name"), name="one_contestant_per_name"),
            models.UniqueConstraint(F("study"), F("chat_model"), name="one_entry_per_chat_model"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | ~Q(withdrawal_reason=""),
                name="withdrawn_contestant_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name
