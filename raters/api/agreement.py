"""How far raters agree, over REST, for whoever may see a study's live figures."""

from math import isfinite
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from raters.agreement_report import (
    AgreementReport,
    AlphaLine,
    ConsistencyLine,
    RaterLine,
    read_agreement,
)
from raters.quality.agreement import Alpha, Share
from studies.api import OfLiveStudy


class Figure(serializers.FloatField):
    """A number; null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: float) -> float | None:  # type: ignore[override]
        return float(value) if isfinite(value) else None


class AlphaOut(serializers.Serializer[Alpha]):
    alpha = Figure(help_text="Krippendorff's α; null where nothing varies.")
    low = Figure(help_text="The 95 % interval's lower end.")
    high = Figure()
    units = serializers.IntegerField(help_text="Units that at least two raters answered.")
    values = serializers.IntegerField(help_text="Answers on them.")


class ShareOut(serializers.Serializer[Share]):
    share = Figure(help_text="Null where there is nothing to count.")
    low = Figure(help_text="Wilson's 95 % interval's lower end.")
    high = Figure()
    count = serializers.IntegerField()
    n = serializers.IntegerField()


class AlphaLineOut(serializers.Serializer[AlphaLine]):
    dimension = serializers.SlugField(source="dimension.key")
    axis = serializers.CharField(source="group.axis.key", default="")
    group = serializers.CharField(source="group.key", default="", help_text="Empty: everybody.")
    raters = serializers.IntegerField()
    agreement = AlphaOut(
        source="alpha", allow_null=True, help_text="Null where fewer than five raters answered."
    )


class ConsistencyLineOut(serializers.Serializer[ConsistencyLine]):
    dimension = serializers.SlugField(source="dimension.key")
    same = ShareOut(source="share")


class RaterLineOut(serializers.Serializer[RaterLine]):
    rater = serializers.CharField(source="code", help_text="Her public code.")
    answers = serializers.IntegerField(source="labels")
    agrees = ShareOut(
        source="agreement", help_text="How often she says what most others say, hers left out."
    )
    reliability = Figure(
        help_text="The expected share of true answers, by the model of Dawid and Skene."
    )


class AgreementOut(serializers.Serializer[AgreementReport]):
    unit = serializers.CharField(help_text="What raters overlap on.")
    alphas = AlphaLineOut(many=True, help_text="Everybody first, then group by group.")
    consistency = ConsistencyLineOut(
        many=True, help_text="Answers to battles that came again with their sides swapped."
    )
    raters = RaterLineOut(
        many=True, help_text="On the overall dimension, those first who surely agree least."
    )


class AgreementDetail(OfLiveStudy):
    """How far raters agree."""

    @extend_schema(
        summary="Agreement of a study's raters",
        description="No two raters judge the same conversation: what overlaps is the pair of "
        "contestants and the task. For whoever may see a study's live figures.",
        tags=["raters"],
        responses=AgreementOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        return Response(AgreementOut(read_agreement(self.study)).data)
