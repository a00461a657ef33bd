"""A study's ranking under controls over REST, for whoever may see its live figures."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.errors import BoardError
from leaderboards.pages.controls import (
    ControlsPage,
    Place,
    Raw,
    Switch,
    effect_in_words,
    read_controls,
)
from leaderboards.ranking.controls import Effect
from leaderboards.ranking.errors import RankingError
from studies.api import OfLiveStudy


class _StandingOut(serializers.Serializer[Raw | Place]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    rank = serializers.IntegerField(source="standing.rank")
    rank_low = serializers.IntegerField(source="standing.rank_low")
    rank_high = serializers.IntegerField(source="standing.rank_high")
    skill = serializers.FloatField(source="standing.skill", help_text="In log-odds.")
    skill_low = serializers.FloatField(source="standing.low")
    skill_high = serializers.FloatField(source="standing.high")


class RawOut(_StandingOut):
    is_provisional = serializers.BooleanField()


class ControlledOut(_StandingOut):
    shift = serializers.IntegerField(help_text="By how many ranks it is lower than without.")
    is_warned = serializers.BooleanField(help_text="Whether it moves by more than 2 ranks.")


class EffectOut(serializers.Serializer[Effect]):
    key = serializers.CharField()
    words = serializers.SerializerMethodField()
    log_odds = serializers.FloatField(help_text="Of the step that the words name.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    moves = serializers.BooleanField(help_text="False where no two sides differ in it.")

    def get_words(self, effect: Effect) -> str:
        return effect_in_words(effect)


class ControlOut(serializers.Serializer[Switch]):
    key = serializers.CharField(
        help_text="`style`, `position`, `duplicates`, `capped` or `without_axis:` and an axis."
    )
    name = serializers.CharField()
    explanation = serializers.CharField(help_text="What it does, in a sentence.")
    finding = serializers.CharField(help_text="What comes out.")
    notes = serializers.ListField(child=serializers.CharField())
    refusal = serializers.CharField(help_text="Why it is not computed; empty where it is.")
    worth = serializers.FloatField(help_text="Verdicts of equal weight that its own are worth.")
    effects = EffectOut(many=True)
    places = ControlledOut(many=True)


class ControlsOut(serializers.Serializer[ControlsPage]):
    dimension = serializers.SlugField(source="dimension.key")
    verdicts = serializers.IntegerField()
    worth = serializers.FloatField(help_text="Verdicts of equal weight that they are worth.")
    answer = serializers.CharField(help_text="Whether the first place stands, in words.")
    warnings = serializers.ListField(child=serializers.CharField())
    unread = serializers.IntegerField(help_text="Battles whose replies are still to be counted.")
    raw = RawOut(many=True, help_text="Without any control: the same model, not the boards’ own.")
    controls = ControlOut(source="switches", many=True)


class ControlsDetail(OfLiveStudy):
    """Does the order hold if something else than merit is allowed for?"""

    @extend_schema(
        summary="Robustness of a study’s ranking",
        description="Each contestant's rank under each control beside its rank without any, all by "
        "one model, computed now: for whoever may see the study's live figures. Published boards "
        "are computed by another engine; this is a check beside them. It takes some seconds.",
        tags=["studies"],
        parameters=[
            OpenApiParameter("dimension", str, description="A dimension's key; else the overall.")
        ],
        responses=ControlsOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        try:
            page = read_controls(self.study, dimension=self.asked_dimension())
        except (BoardError, RankingError) as error:
            raise NotFound(str(error)) from error
        return Response(ControlsOut(page).data)
