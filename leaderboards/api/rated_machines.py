"""What REST says of judges in studies that rate one model at a time."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboards.api.machine_figures import FigureOut, NumberField, PriceOut, StandingOut
from leaderboards.comparison.rating_card import FamilyGap, LengthSlope, RatingGap, Repeated
from leaderboards.comparison.ratings import RatingAgreement, RatingOrder
from leaderboards.machines.documents import RatedMachine
from leaderboards.pages.rated_words import answer_of_ratings


class RatingAgreementOut(serializers.Serializer[RatingAgreement]):
    items = serializers.IntegerField(help_text="Conversations that both rated.")
    ratings = serializers.IntegerField(help_text="People's ratings of them.")
    pearson = FigureOut(help_text="Of the judge's score and people's mean, over conversations.")
    spearman = FigureOut()
    kendall = FigureOut()
    with_others = FigureOut(help_text="Spearman's with the mean of the ratings but one.")
    people_with_others = FigureOut(help_text="The rating left out with the same: the ceiling.")
    alpha = FigureOut(help_text="Krippendorff's for intervals, of judge and people's mean.")
    people_alpha = FigureOut(help_text="The same of people alone.")
    leniency = FigureOut(help_text="The judge's mean less people's, in points.")
    distance = FigureOut(help_text="How far the judge is from people's mean, in points.")


class RatingOrderOut(serializers.Serializer[RatingOrder]):
    spearman = FigureOut()
    kendall = FigureOut()
    ceiling = NumberField(help_text="What Spearman's would be with people asked anew.")


class LengthSlopeOut(serializers.Serializer[LengthSlope]):
    people = FigureOut(help_text="Points by which a rating rises with twice the words.")
    judge = FigureOut()
    beyond = FigureOut(help_text="The judge's less people's.")


class FamilyGapOut(serializers.Serializer[FamilyGap]):
    people = FigureOut(help_text="Points of its developer's contestants above the others.")
    judge = FigureOut()
    beyond = FigureOut(help_text="The judge's less people's.")


class RepeatedOut(serializers.Serializer[Repeated]):
    same = FigureOut(help_text="How often it gives the same score when asked again.")
    apart = FigureOut(help_text="How far its scores of one conversation lie apart.")


class RatingGapOut(serializers.Serializer[RatingGap]):
    axis = serializers.CharField(source="gap.axis")
    name = serializers.CharField(source="gap.name")
    people = serializers.FloatField(source="gap.people", help_text="Their mean, from 1 to 7.")
    judge = serializers.FloatField(source="gap.judge", help_text="On the same scale.")
    gap = serializers.FloatField(source="gap.gap")
    low = serializers.FloatField(source="gap.low")
    high = serializers.FloatField(source="gap.high")
    beyond = serializers.FloatField(
        source="beyond.gap", help_text="Less the judge's gap over all conversations."
    )
    beyond_low = serializers.FloatField(source="beyond.low")
    beyond_high = serializers.FloatField(source="beyond.high")
    items = serializers.IntegerField(source="gap.items")
    ratings = serializers.IntegerField(source="gap.votes")
    q_value = NumberField(source="beyond.q_value", help_text="Of nothing beyond.")
    is_found = serializers.BooleanField(help_text="Whether that is more than noise.")


class RatedMachineOut(serializers.Serializer[RatedMachine]):
    judge = serializers.CharField()
    run = serializers.IntegerField()
    dimension = serializers.CharField(help_text="Empty: all of them together.")
    computed_at = serializers.DateTimeField()
    answer = serializers.SerializerMethodField(help_text="How well its scores go with people's.")
    verdicts = serializers.IntegerField()
    abstained = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Conversations that could not be scored.")
    unreadable = serializers.IntegerField(help_text="Answers that said nothing.")
    agreement = RatingAgreementOut()
    order = RatingOrderOut()
    standings = StandingOut(many=True, help_text="Both boards, in people's order.")
    refusal = serializers.CharField(help_text="Why there are no standings.")
    length = LengthSlopeOut()
    developer = serializers.CharField(help_text="Who made the judge's chat models.")
    family = FamilyGapOut(allow_null=True)
    repeated = RepeatedOut()
    gaps = serializers.SerializerMethodField()
    gaps_found = serializers.IntegerField()
    canaries = FigureOut(help_text="Those that did not win.")
    price = PriceOut()

    def get_answer(self, machine: RatedMachine) -> str:
        return f"{answer_of_ratings(machine)}."

    @extend_schema_field(RatingGapOut(many=True))
    def get_gaps(self, machine: RatedMachine) -> Any:
        gaps: Any = machine.gaps
        return RatingGapOut(gaps, many=True).data
