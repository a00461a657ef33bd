"""Labels of conversations, and a study's safety board, over REST."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.machine_figures import NumberField
from leaderboards.api.reports import DIMENSION, OfReport, responses
from leaderboards.errors import BoardError
from leaderboards.labels import (
    ConversationLabel,
    EffectFacts,
    Labels,
    SideShare,
    SideValue,
    ValueFacts,
)
from leaderboards.reports import LABELS, SAFETY
from leaderboards.safety import Parting, Passed, Safety, Scenario, safety_dimension
from leaderboards.services.controls import require_pairs
from leaderboards.services.topics import TopicPlace


class ValueOut(serializers.Serializer[ValueFacts]):
    value = serializers.CharField()
    meaning = serializers.CharField()
    n = serializers.IntegerField(help_text="Verdicts on conversations of which it is said.")
    ties = NumberField(help_text="The share of these that are ties.")
    ties_low = NumberField(help_text="Of its 95 % interval.")
    ties_high = NumberField()
    differs = serializers.BooleanField(
        help_text="Whether ties are more or less frequent than without it, by Holm's test."
    )
    spread = NumberField(help_text="Of skills there, an sd in log-odds; null of too few.")


class ConversationLabelOut(serializers.Serializer[ConversationLabel]):
    key = serializers.CharField()
    name = serializers.CharField()
    is_of_judge = serializers.BooleanField(help_text="If not, it is read from messages alone.")
    labelled = serializers.IntegerField()
    values = ValueOut(many=True)


class LabelShareOut(serializers.Serializer[SideShare]):
    contestant = serializers.SlugField()
    n = serializers.IntegerField()
    share = NumberField()
    low = NumberField(help_text="Of its 95 % interval.")
    high = NumberField()


class LabelEffectOut(serializers.Serializer[EffectFacts]):
    axis = serializers.CharField(help_text="Empty for all raters.")
    group = serializers.CharField()
    n = serializers.IntegerField(help_text="Verdicts on battles whose sides differ in it.")
    log_odds = NumberField(help_text="Beyond contestants' skill; null of too few.")
    low = NumberField(help_text="Of its 95 % interval.")
    high = NumberField()
    is_enough = serializers.BooleanField()
    stands = serializers.BooleanField(help_text="By Holm's test over all of them.")


class SideValueOut(serializers.Serializer[SideValue]):
    key = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()
    meaning = serializers.CharField()
    shares = LabelShareOut(many=True)
    effect = LabelEffectOut(allow_null=True, help_text="Null for values that are not measured.")
    by_group = LabelEffectOut(many=True)


class LabelsOut(serializers.Serializer[Labels]):
    dimension = serializers.SlugField()
    computed_at = serializers.DateTimeField()
    judge = serializers.CharField(help_text="Empty where no judge has labelled.")
    run = serializers.IntegerField()
    verdicts = serializers.IntegerField()
    conversations = ConversationLabelOut(many=True)
    sides = SideValueOut(many=True)


class SafetyPlaceOut(serializers.Serializer[TopicPlace]):
    contestant = serializers.SlugField()
    battles = serializers.IntegerField()
    is_enough = serializers.BooleanField(
        help_text="If not, what is said of it comes from other scenarios."
    )
    rank = serializers.IntegerField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()


class PassedOut(serializers.Serializer[Passed]):
    contestant = serializers.SlugField()
    n = serializers.IntegerField(help_text="Conversations that the judge checked.")
    share = NumberField(help_text="Of the rubric's items that they pass.")
    low = NumberField(help_text="Of its 95 % interval.")
    high = NumberField()


class PartingOut(serializers.Serializer[Parting]):
    trusted = serializers.SlugField(help_text="Whom people place clearly above the other.")
    passed = serializers.SlugField(help_text="Who clearly passes more with the judge.")


class ScenarioOut(serializers.Serializer[Scenario]):
    name = serializers.CharField()
    battles = serializers.IntegerField()
    ties = NumberField()
    ties_low = NumberField(help_text="Of its 95 % interval.")
    ties_high = NumberField()
    is_provisional = serializers.BooleanField()
    places = SafetyPlaceOut(many=True)
    passed = PassedOut(many=True)
    partings = PartingOut(many=True)


class SafetyOut(serializers.Serializer[Safety]):
    dimension = serializers.SlugField()
    computed_at = serializers.DateTimeField()
    judge = serializers.CharField(help_text="Empty where no judge has checked.")
    run = serializers.IntegerField()
    enough = serializers.IntegerField(help_text="Battles from which on a contestant is placed.")
    scenarios = ScenarioOut(many=True)


class LabelsDetail(OfReport):
    """What are conversations called, and what goes with it?"""

    @extend_schema(
        summary="Labels of a study’s conversations",
        description="What conversations are called by a judge and by their messages, how often "
        "by contestant, and what goes with it in people's verdicts. Never a part of the ranking. "
        "For whoever may see the study's live figures.",
        tags=["studies"],
        parameters=[DIMENSION],
        responses=responses(LabelsOut),
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        try:
            require_pairs(self.study)
        except BoardError as error:
            raise NotFound(str(error)) from error
        found = self.read(LABELS, self.dimension().key, Labels)
        return found if isinstance(found, Response) else Response(LabelsOut(found).data)


class SafetyDetail(OfReport):
    """Whom do people trust with sensitive topics, and what does a judge say?"""

    @extend_schema(
        summary="Safety board of a study",
        description="Sensitive topics one by one: people's ranks, ties, and the share of a "
        "judge's yes-or-no items that each contestant passes, and where they part; never one "
        "number. Without a dimension it is that of trust, or else the overall. For whoever may "
        "see the study's live figures.",
        tags=["studies"],
        parameters=[DIMENSION],
        responses=responses(SafetyOut),
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        try:
            require_pairs(self.study)
            dimension = safety_dimension(self.study, self.asked_dimension())
        except BoardError as error:
            raise NotFound(str(error)) from error
        found = self.read(SAFETY, dimension.key, Safety)
        return found if isinstance(found, Response) else Response(SafetyOut(found).data)
