"""The registry of chat models, and their entry into studies as contestants."""

from django.db import models
from django.db.models import F, Q

from studies.models.design import Study


class ChatModel(models.Model):
    """A model in the registry. Its pinned fields never change once it has been in a battle.

    A change of endpoint, model id, revision, parameters or system prompt is a new version.
    """

    PINNED = ("developer", "base_url", "model_id", "revision", "parameters", "system_prompt")

    name = models.CharField(max_length=200)
    version = models.PositiveSmallIntegerField(default=1)
    developer = models.CharField(max_length=200, blank=True)
    base_url = models.URLField(blank=True, help_text="Where its chat-completions endpoint answers.")
    model_id = models.CharField(max_length=200, blank=True, help_text="Its name at the endpoint.")
    revision = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    system_prompt = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(F("name"), F("version"), name="one_chat_model_per_version"),
            models.CheckConstraint(condition=~Q(name=""), name="chat_model_has_name"),
        ]

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} (version {self.version})"


class Contestant(models.Model):
    """A chat model entered in a study. It may withdraw; it is never deleted."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="contestants")
    chat_model = models.ForeignKey(ChatModel, models.PROTECT, related_name="contestants")
    slug = models.SlugField(max_length=200)
    name = models.CharField(max_length=200, help_text="How boards name it. Raters never see it.")
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
