"""A study's routing over REST: whose verdicts to rely on, and what people should look at next."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.machine_figures import FigureOut, NumberField
from leaderboards.api.machines import CurveOut
from leaderboards.api.reports import RETRY_AFTER_SECONDS, UnderWayOut, responses
from leaderboards.comparison.cascade import Cascade, Point
from leaderboards.comparison.routing_curve import Reached
from leaderboards.errors import RoutingError
from leaderboards.reports import ROUTING
from leaderboards.routing import Next, Pair, Relied, Routing, RoutingWanted, newest_subject
from leaderboards.services.reports import report_status
from studies.api import OfLiveStudy


class RelianceOut(serializers.Serializer[Relied]):
    run = serializers.IntegerField()
    judge = serializers.CharField()
    battles = serializers.ListField(child=serializers.IntegerField())
    reliability = serializers.ListField(
        child=serializers.FloatField(),
        help_text="The chance that a person would say the same, of each of the battles.",
    )
    curve = CurveOut()
    area = NumberField(help_text="½ where it tells nothing.")
    brier_gain = NumberField()
    n = serializers.IntegerField(help_text="Verdicts that people's stand beside.")
    cost = NumberField(help_text="US dollars of a verdict.")


class CascadePointOut(serializers.Serializer[Point]):
    budget = serializers.FloatField(help_text="Mean US dollars of a verdict, at most.")
    cost = serializers.FloatField()
    accuracy = FigureOut(help_text="How often a person says the same.")
    shares = serializers.ListField(
        child=serializers.FloatField(), help_text="What stays with each judge, and with a person."
    )
    thresholds = serializers.ListField(
        child=NumberField(), help_text="Of each judge; null where it is never relied on."
    )


class CascadeOut(serializers.Serializer[Cascade]):
    curve = CascadePointOut(many=True)
    alone = CascadePointOut(many=True, help_text="Each judge alone, and a person.")
    n = serializers.IntegerField()


class PairWorthOut(serializers.Serializer[Pair]):
    a = serializers.SlugField()
    b = serializers.SlugField()
    worth = serializers.FloatField(help_text="Of one more verdict of a person, in no unit.")
    steer = NumberField(
        help_text="What a new battle teaches whom judges have told, by what it teaches others."
    )


class NextOut(serializers.Serializer[Next]):
    battle = serializers.IntegerField()
    a = serializers.SlugField()
    b = serializers.SlugField()
    worth = serializers.FloatField()
    votes = serializers.IntegerField(help_text="People's that are there.")
    reliability = serializers.ListField(
        child=NumberField(), help_text="Of each run; null where it said nothing."
    )


class ReachedOut(serializers.Serializer[Reached]):
    share = serializers.FloatField(help_text="Of people's verdicts, asked for.")
    routed = FigureOut(help_text="Spearman's with the order of all of them.")
    random = FigureOut()
    people_only = FigureOut()


class RoutingOut(serializers.Serializer[Routing]):
    dimension = serializers.SlugField()
    computed_at = serializers.DateTimeField()
    contestants = serializers.ListField(child=serializers.SlugField())
    person_cost = serializers.FloatField(help_text="US dollars of a person's verdict.")
    runs = RelianceOut(many=True)
    cascade = CascadeOut()
    thresholds = serializers.ListField(child=serializers.FloatField())
    pairs = PairWorthOut(many=True)
    battles = NextOut(many=True, help_text="What people should look at next, in order.")
    left_to_people = serializers.SerializerMethodField()
    reached = ReachedOut(many=True)

    def get_left_to_people(self, routing: Routing) -> list[int]:
        return list(routing.left_to_people(routing.thresholds))


class RoutingDetail(OfLiveStudy):
    """Which verdicts of judges to rely on, and whom to ask."""

    parameters = ("of",)

    @extend_schema(
        summary="Routing of a study",
        description="How far each verdict of a judge is relied on, what a cascade of judges and "
        "people costs and how often it is right, and which battles people should look at next: "
        "what the newest report says, for whoever may see the study's live figures. Reports are "
        "asked for in the admin.",
        tags=["studies"],
        parameters=[
            OpenApiParameter(
                "of",
                str,
                description="Runs by number, as 3 or 3+5, with what a person's verdict costs where "
                "that was said, as 3@0.40; else what was asked for last.",
            )
        ],
        responses=responses(RoutingOut),
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        asked = request.query_params.get("of", "")
        try:
            subject = RoutingWanted.parse(asked).subject if asked else newest_subject(self.study)
        except RoutingError as error:
            raise ValidationError({"of": [str(error)]}) from error
        status = report_status(self.study, ROUTING, subject)
        found = status.facts(Routing)
        if found is not None:
            return Response(RoutingOut(found).data)
        if not status.is_under_way:
            raise NotFound(status.error or "Nobody has asked for this report yet.")
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return Response(UnderWayOut(status.later).data, status=202, headers=headers)
