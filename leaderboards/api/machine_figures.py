"""Figures of judges as REST says them, whatever people are asked for."""

from math import isfinite
from typing import Any

from rest_framework import serializers

from leaderboards.comparison.figures import Figure
from leaderboards.comparison.report_card import Price
from leaderboards.machines.documents import Place, Standing


class NumberField(serializers.FloatField):
    """A number, or null where it is not known."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})

    def to_representation(self, value: float) -> float | None:  # type: ignore[override]
        """Null stands for a number that is none, which JSON has no word for."""
        return value if isfinite(value) else None


class FigureOut(serializers.Serializer[Figure]):
    value = NumberField(help_text="Null where there is nothing that it could be of.")
    low = NumberField(help_text="Of its 95 % interval.")
    high = NumberField()
    n = serializers.IntegerField(help_text="Of how many.")


class JudgePlaceOut(serializers.Serializer[Place]):
    rank = serializers.IntegerField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    score = serializers.FloatField(help_text="In log-odds, or points where ratings are ranked.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    battles = serializers.IntegerField()
    is_provisional = serializers.BooleanField()


class StandingOut(serializers.Serializer[Standing]):
    contestant = serializers.SlugField()
    people = JudgePlaceOut(allow_null=True)
    judge = JudgePlaceOut(allow_null=True)


class PriceOut(serializers.Serializer[Price]):
    cost = NumberField(help_text="Mean US dollars of an answer.")
    seconds = NumberField(help_text="Median.")
    priced = serializers.IntegerField()
    timed = serializers.IntegerField()
