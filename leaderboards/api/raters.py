"""Raters' groups over REST: pseudonymous, and never so narrow that they tell who somebody is."""

from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from leaderboards.pages.said import Crowd
from raters.models import Battle, Participation
from raters.quality.personal import FEWEST_ALIKE
from studies.access import Scope
from studies.api import OfStudy


class RaterOut(serializers.ModelSerializer[Participation]):
    rater = serializers.CharField(source="rater.code", help_text="Her code, which names nobody.")
    state = serializers.ChoiceField(Participation.State.choices)
    groups = serializers.SerializerMethodField(
        help_text=f"Her groups by axis; null where fewer than {FEWEST_ALIKE} raters share all "
        "that is told of her."
    )

    class Meta:
        model = Participation
        fields = ["rater", "state", "groups"]

    def get_groups(self, participation: Participation) -> dict[str, str | None]:
        crowd: Crowd = self.context["crowd"]
        told: dict[str, str | None] = {group.axis.key: None for group in crowd.frame.groups}
        for place in crowd.named(participation.cell_id, participation.pk):
            group = crowd.frame.groups[place]
            told[group.axis.key] = group.key
        return told


@extend_schema_view(
    get=extend_schema(
        summary="Raters of a study",
        description="Each rater with a battle, and the groups that she is in. A group is told "
        f"only as far as {FEWEST_ALIKE} raters or more share all the groups that are told of her. "
        "Who has withdrawn is left out. A token needs the scope for conversations, and its user "
        "the permission.",
        tags=["raters"],
    )
)
class RaterList(OfStudy, generics.ListAPIView[Participation]):
    needs = Scope.CONVERSATIONS
    serializer_class = RaterOut
    queryset = Participation.objects.none()

    @cached_property
    def crowd(self) -> Crowd:
        return Crowd.of(self.study)

    def get_queryset(self) -> QuerySet[Participation]:
        has_battle = Exists(Battle.objects.filter(participation=OuterRef("pk")))
        found = Participation.objects.filter(has_battle, study=self.study)
        found = found.exclude(state=Participation.State.WITHDRAWN)
        return found.select_related("rater").order_by("pk")

    def get_serializer_context(self) -> dict[str, Any]:
        # The schema is made of a view that no study stands behind.
        crowd = None if getattr(self, "swagger_fake_view", False) else self.crowd
        return {**super().get_serializer_context(), "crowd": crowd}
