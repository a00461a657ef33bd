"""Conversations over REST: of raters who released their words, masked as on public pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from leaderboards.conversations import battles_with_words, read_conversations
from leaderboards.pages.said import UNQUOTED
from raters.judging.cases import Exchange
from raters.models import Battle
from raters.quality.identity import mask_identity
from raters.quality.personal import mask_personal
from raters.shown import names_to_hide
from studies.access import Scope
from studies.api import OfStudy
from studies.models import Study


@dataclass(frozen=True)
class Conversation:
    """What was said in a battle, and why its rater chose as she did; all of it masked."""

    battle: int
    a: str
    b: str
    task: str | None
    began_at: datetime
    turns: tuple[Exchange, ...]
    reason: str


class TurnOut(serializers.Serializer[Exchange]):
    message = serializers.CharField(help_text="The rater's.")
    replies = serializers.ListField(
        child=serializers.CharField(), help_text="Side A's, then side B's."
    )

    def to_representation(self, instance: Exchange) -> dict[str, object]:
        replies = [mask_personal(reply) for reply in instance.replies]
        return {"message": mask_personal(instance.message), "replies": replies}


class ConversationOut(serializers.Serializer[Conversation]):
    battle = serializers.IntegerField(help_text="As comparisons name it.")
    a = serializers.SlugField(help_text="Who was side A.")
    b = serializers.SlugField(help_text="Who was side B.")
    task = serializers.CharField(allow_null=True)
    began_at = serializers.DateTimeField()
    turns = TurnOut(many=True)
    reason = serializers.CharField(help_text="Why she chose so, in her words; empty without any.")


class ConversationFilter(filters.FilterSet):
    """Conversations by when they began."""

    began_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gt")
    began_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


@extend_schema_view(
    get=extend_schema(
        summary="Conversations of a study",
        description="Of raters who agreed that their words may be published, and have not taken "
        "that back; without those who were struck out, and what an admin has hidden. Names of "
        "models, addresses, links and long numbers are masked. Of studies that compare two "
        "models. A token needs the scope for it, and its user the permission.",
        tags=["raters"],
        responses=ConversationOut(many=True),
    )
)
class ConversationList(OfStudy, generics.ListAPIView[Battle]):
    needs = Scope.CONVERSATIONS
    serializer_class = ConversationOut  # type: ignore[assignment]  # of what is read of battles
    filterset_class = ConversationFilter
    queryset = Battle.objects.none()

    def get_queryset(self) -> QuerySet[Battle]:
        return released(self.study).order_by("pk")

    def get_serializer(self, battles: Sequence[Battle], *, many: bool) -> ConversationOut:  # type: ignore[override]
        told: Any = read(self.study, battles)
        return ConversationOut(told, many=many)


def released(study: Study) -> QuerySet[Battle]:
    """The battles whose conversations may be told."""
    found = battles_with_words(study).filter(
        participation__words_released_at__isnull=False, is_reason_hidden=False
    )
    return found.exclude(participation__state__in=UNQUOTED)


def read(study: Study, battles: Sequence[Battle]) -> list[Conversation]:
    """The conversations of these battles, in their order."""
    names = names_to_hide(study)
    slugs = dict(study.contestants.values_list("pk", "slug"))
    tasks = dict(study.tasks.values_list("pk", "name"))
    return [
        Conversation(
            battle=battle.pk,
            a=slugs[battle.side_a_id],
            # Only battles of two sides have been chosen.
            b=slugs[battle.side_b_id or 0],
            task=tasks.get(battle.task_id or 0),
            began_at=battle.created_at,
            turns=turns,
            reason=mask_identity(mask_personal(battle.reason), names)[0],
        )
        for battle, turns in read_conversations(study, [each.pk for each in battles])
    ]
