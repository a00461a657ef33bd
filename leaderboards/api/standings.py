"""Standings as they are now over REST, for whoever may see a study's live figures."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from leaderboards.models import Standing
from studies.access import Scope
from studies.api import ListedFilter, OfStudy

EVERYBODY = "everybody"


class StandingFilter(filters.FilterSet):
    """Standings by their tournament, and by contestant."""

    dimension = ListedFilter("tournament__dimension__key", help_text="A dimension's key.")
    axis = ListedFilter(
        "tournament__group__axis__key",
        method="by_axis",
        help_text="An axis's key, or `everybody`, who are in no group.",
    )
    group = ListedFilter("tournament__group__key", help_text="A group's key.")
    contestant = ListedFilter("contestant__slug", help_text="A contestant's slug.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        study = self.request.parser_context["view"].study
        groups = study.tournaments.filter(group__isnull=False).order_by(
            "group__axis__position", "group__position"
        )
        self.filters["dimension"].allow(study.dimensions.values_list("key", flat=True))
        self.filters["axis"].allow([EVERYBODY, *groups.values_list("group__axis__key", flat=True)])
        self.filters["group"].allow(groups.values_list("group__key", flat=True))
        slugs = study.contestants.order_by("slug").values_list("slug", flat=True)
        self.filters["contestant"].allow(slugs)

    def by_axis(self, queryset: QuerySet[Standing], name: str, value: str) -> QuerySet[Standing]:
        of = Q(tournament__group=None) if value == EVERYBODY else Q(**{name: value})
        return queryset.filter(of)


class LiveStandingOut(serializers.ModelSerializer[Standing]):
    dimension = serializers.SlugField(source="tournament.dimension.key")
    axis = serializers.CharField(
        source="tournament.group.axis.key", default="", help_text="Empty: everybody."
    )
    group = serializers.CharField(source="tournament.group.key", default="")
    contestant = serializers.SlugField(source="contestant.slug")
    mu = serializers.FloatField(help_text="Mean of its skill, by TrueSkill.")
    sigma = serializers.FloatField(help_text="Standard deviation of its skill.")
    battles = serializers.IntegerField()

    class Meta:
        model = Standing
        fields = [
            "dimension",
            "axis",
            "group",
            "contestant",
            "mu",
            "sigma",
            "battles",
            "wins",
            "losses",
            "ties",
        ]


@extend_schema_view(
    get=extend_schema(
        summary="Standings as they are now",
        description="Each contestant's skill in each tournament, as verdicts were folded last: "
        "what decides who meets next, and no board. Tournament by tournament, the best first; "
        "empty where raters rate one model at a time. For whoever may see the study's live "
        "figures.",
        tags=["boards"],
    )
)
class StandingList(OfStudy, generics.ListAPIView[Standing]):
    needs = Scope.LIVE_FIGURES
    serializer_class = LiveStandingOut
    filterset_class = StandingFilter
    queryset = Standing.objects.none()

    def get_queryset(self) -> QuerySet[Standing]:
        found = Standing.objects.filter(tournament__study=self.study)
        found = found.select_related("tournament__dimension", "tournament__group__axis")
        return found.select_related("contestant").order_by("tournament_id", "-mu", "pk")
