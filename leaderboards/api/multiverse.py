"""A study's multiverse over REST, for whoever may see its live figures."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.reports import DIMENSION, OfReport, responses
from leaderboards.combinations import kinds_of
from leaderboards.models.boards import SCOPE_NAMES
from leaderboards.pages.multiverse import (
    CombinationLine,
    Kind,
    MultiversePage,
    Place,
    Spread,
    multiverse_page,
)
from leaderboards.reports import MULTIVERSE
from leaderboards.services.multiverse import MultiverseReport, multiverse_subject


class KindOut(serializers.Serializer[Kind]):
    key = serializers.CharField(help_text="A rule, or `participation` or `battle`.")
    words = serializers.CharField(help_text="What is left out.")
    changes = serializers.IntegerField(
        help_text="How many pairs of combinations that differ in this kind alone differ in who "
        "is first."
    )
    pairs = serializers.IntegerField(help_text="How many such pairs there are.")


class PlaceOut(serializers.Serializer[Place]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    rank = serializers.IntegerField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    score = serializers.FloatField()
    score_low = serializers.FloatField()
    score_high = serializers.FloatField()
    is_provisional = serializers.BooleanField()


class CombinationOut(serializers.Serializer[CombinationLine]):
    left_out = serializers.SerializerMethodField(help_text="The keys of the kinds left out.")
    raters = serializers.IntegerField()
    battles = serializers.IntegerField(help_text="Ratings, where one model at a time is rated.")
    refusal = serializers.CharField(help_text="Why nobody is ranked; empty where somebody is.")
    places = PlaceOut(many=True)

    def get_left_out(self, line: CombinationLine) -> list[str]:
        return [kind.key for kind in line.left_out]


class SpreadOut(serializers.Serializer[Spread]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    firsts = serializers.IntegerField(help_text="In how many combinations it is first.")
    best = serializers.IntegerField()
    worst = serializers.IntegerField()
    rank_low = serializers.IntegerField(help_text="The best end of all its rank intervals.")
    rank_high = serializers.IntegerField(help_text="The worst end of all its rank intervals.")
    score_lowest = serializers.FloatField(help_text="The lowest end of all its intervals.")
    score_highest = serializers.FloatField(help_text="The highest end of all its intervals.")


class MultiverseOut(serializers.Serializer[MultiversePage]):
    dimension = serializers.SlugField(source="dimension.key")
    computed_at = serializers.DateTimeField()
    scope = serializers.ChoiceField(list(SCOPE_NAMES.items()))
    answer = serializers.CharField(help_text="Whether the first place depends on it, in words.")
    kinds = KindOut(many=True)
    combinations = CombinationOut(
        source="lines", many=True, help_text="The first is what a board would say now."
    )
    spreads = SpreadOut(many=True, help_text="How far contestants move over all of them.")


class MultiverseDetail(OfReport):
    """Does the winner depend on who was thrown out?"""

    @extend_schema(
        summary="Multiverse of a study",
        description="Each contestant's rank, score and intervals under every combination of the "
        "study's active exclusions: for whoever may see its live figures. All participations that "
        "exclusions name are one kind together, and so are battles. Whoever is the first to ask "
        "after another kind has come, or one has gone, waits for some seconds.",
        tags=["studies"],
        parameters=[DIMENSION],
        responses=responses(MultiverseOut),
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        dimension = self.dimension()
        subject = multiverse_subject(dimension, kinds_of(self.study))
        found = self.read(MULTIVERSE, subject, MultiverseReport)
        if isinstance(found, Response):
            return found
        return Response(MultiverseOut(multiverse_page(self.study, dimension, found)).data)
