"""How far a study is over REST, for whoever may see its live figures."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from raters.models import Participation
from raters.progress import (
    BattleCount,
    Calls,
    ContestantLine,
    Division,
    EndpointLine,
    Forecast,
    Hour,
    Latency,
    Progress,
    read_progress,
)
from raters.quotas import QuotaFill
from studies.api import OfLiveStudy
from studies.models import Study


class QuotaOut(serializers.Serializer[QuotaFill]):
    group = serializers.CharField(source="quota.group.key", default="", help_text="Or else a cell.")
    cell = serializers.CharField(source="quota.cell.key", default="")
    target = serializers.IntegerField()
    reserved = serializers.IntegerField()
    active = serializers.IntegerField()
    completed = serializers.IntegerField()


class DivisionOut(serializers.Serializer[Division]):
    name = serializers.CharField(help_text="An axis, or `Cells`.")
    quotas = QuotaOut(source="fills", many=True)
    to_complete = serializers.IntegerField()


class BattleCountOut(serializers.Serializer[BattleCount]):
    judged = serializers.IntegerField()
    under_way = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Those that never will be judged.")


class ContestantLineOut(serializers.Serializer[ContestantLine]):
    contestant = serializers.SlugField(source="contestant.slug")
    battles = BattleCountOut()
    asked_who = serializers.IntegerField(help_text="Battles in which it was asked who it is.")
    gave_away = serializers.IntegerField(help_text="Battles in which it gave that away; masked.")


class CallsOut(serializers.Serializer[Calls]):
    finished = serializers.IntegerField()
    failed = serializers.IntegerField()
    being_asked = serializers.IntegerField()
    waiting = serializers.IntegerField()
    retries = serializers.IntegerField(help_text="Attempts after the first.")


class LatencyOut(serializers.Serializer[Latency]):
    median = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)


class EndpointOut(serializers.Serializer[EndpointLine]):
    chat_model = serializers.CharField(source="chat_model.name")
    calls = CallsOut()
    first_piece_ms = LatencyOut(source="first_piece")
    whole_ms = LatencyOut(source="whole")
    error_kinds = serializers.SerializerMethodField(help_text="Of those that stand now, counted.")
    cost = serializers.DecimalField(
        source="spending.cost", max_digits=None, decimal_places=6, help_text="US dollars."
    )
    prompt_tokens = serializers.IntegerField(source="spending.prompt_tokens")
    completion_tokens = serializers.IntegerField(source="spending.completion_tokens")

    def get_error_kinds(self, line: EndpointLine) -> dict[str, int]:
        return dict(line.errors)


class HourOut(serializers.Serializer[Hour]):
    begins_at = serializers.DateTimeField()
    battles = serializers.IntegerField()
    raters = serializers.IntegerField()


class ForecastOut(serializers.Serializer[Forecast]):
    to_complete = serializers.IntegerField(
        allow_null=True, help_text="Raters who have still to; null if nobody said how many."
    )
    an_hour = serializers.FloatField(help_text="Raters who completed it in an hour, of late.")
    seconds_left = serializers.SerializerMethodField(help_text="Null where there is no telling.")

    def get_seconds_left(self, forecast: Forecast) -> float | None:
        left = forecast.time_left
        return None if left is None else left.total_seconds()


class ProgressOut(serializers.Serializer[Progress]):
    state = serializers.ChoiceField(Study.State.choices, source="study.state")
    at = serializers.DateTimeField()
    participations = serializers.DictField(
        child=serializers.IntegerField(),
        help_text=f"Raters by state: {', '.join(Participation.State.values)}.",
    )
    divisions = DivisionOut(many=True, help_text="How far quotas are filled.")
    battles = BattleCountOut()
    marked = serializers.IntegerField(
        help_text="Battles in which a model may not have stayed hidden."
    )
    contestants = ContestantLineOut(many=True)
    endpoints = EndpointOut(many=True)
    hours = HourOut(many=True)
    forecast = ForecastOut()
    cost = serializers.DecimalField(
        source="spending.cost", max_digits=None, decimal_places=6, help_text="US dollars."
    )
    budget_share = serializers.FloatField(allow_null=True, help_text="Null without a budget.")


class ProgressDetail(OfLiveStudy):
    """How far is it?"""

    @extend_schema(
        summary="Progress of a study",
        description="Quotas, battles, calls of chat models, cost and pace, counted now: for "
        "whoever may see the study's live figures.",
        tags=["studies"],
        responses=ProgressOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        return Response(ProgressOut(read_progress(self.study, at=timezone.now())).data)
