"""Judges of a study and their runs over REST: report cards, and comparisons with people."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.machine_figures import FigureOut, NumberField, PriceOut, StandingOut
from leaderboards.api.rated_machines import RatedMachineOut
from leaderboards.api.reports import RETRY_AFTER_SECONDS, UnderWayOut, responses
from leaderboards.comparison.agreement import Agreement
from leaderboards.comparison.biases import Length, Position, SelfFamily
from leaderboards.comparison.certainty import Bin, Certainty, Curve
from leaderboards.comparison.consistency import Consistency
from leaderboards.comparison.domains import Domain
from leaderboards.comparison.scenarios import Gap
from leaderboards.comparison.similarity import Mirror
from leaderboards.errors import NothingToRankError
from leaderboards.machines.documents import Machine, Order, RatedMachine, Reliability
from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import COUNTING, developer_of, runs_of
from leaderboards.models import Board
from leaderboards.pages.machine_words import answer_of
from leaderboards.reports import COMPARISON, REPORT_CARD
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.reports import report_status
from raters.models import JudgeRun
from raters.quality.agreement import Alpha
from studies.access import Scope
from studies.api import OfStudy
from studies.models import Study


class MachineAlphaOut(serializers.Serializer[Alpha]):
    alpha = NumberField()
    low = NumberField()
    high = NumberField()
    units = serializers.IntegerField()


class MachineAgreementOut(serializers.Serializer[Agreement]):
    items = serializers.IntegerField(help_text="Conversations that both compared.")
    votes = serializers.IntegerField(help_text="People's votes on them.")
    without_majority = serializers.IntegerField()
    with_majority = FigureOut(help_text="Accuracy against the majority.")
    kappa = FigureOut(help_text="Cohen's, against the majority.")
    on_sides = FigureOut(help_text="Where both name a side.")
    with_individuals = FigureOut(help_text="Against single votes.")
    with_others = FigureOut(help_text="Against what leads among the votes but one.")
    people_with_others = FigureOut(help_text="The vote left out against the same: the ceiling.")
    people_with_individuals = FigureOut(help_text="One vote against another.")
    alpha = MachineAlphaOut(help_text="Krippendorff's, of judge and majority.")
    people_alpha = MachineAlphaOut(help_text="Krippendorff's, of people alone.")


class OrderOut(serializers.Serializer[Order]):
    spearman = FigureOut()
    kendall = FigureOut()
    ceiling = NumberField(help_text="What Spearman's would be with people asked anew.")


class PositionOut(serializers.Serializer[Position]):
    first = FigureOut(help_text="Decided verdicts for the side shown first.")
    first_of_all = FigureOut(help_text="The same of all verdicts, ties among them.")
    swayed_to_first = FigureOut(help_text="In both orders for whoever stood first.")
    swayed_to_last = FigureOut(help_text="In both orders for whoever stood last.")


class LengthOut(serializers.Serializer[Length]):
    judge = FigureOut(help_text="Decided verdicts for the longer replies.")
    people = FigureOut(help_text="People's, on the same conversations.")
    log_odds = FigureOut(help_text="By how much the judge's log-odds are above people's.")
    verbosity = FigureOut()


class FamilyOut(serializers.Serializer[SelfFamily]):
    judge = FigureOut(help_text="Points that its own developer's contestants win with it.")
    people = FigureOut()
    beyond = FigureOut(help_text="The difference.")


class ConsistencyOut(serializers.Serializer[Consistency]):
    order = FigureOut(help_text="The same with the sides exchanged.")
    repeat = FigureOut(help_text="The same when asked again.")


class BinOut(serializers.Serializer[Bin]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    mean = serializers.FloatField()
    right = FigureOut()


class CurveOut(serializers.Serializer[Curve]):
    bins = BinOut(many=True)
    error = NumberField(help_text="Expected calibration error.")
    brier = NumberField()
    n = serializers.IntegerField()


class CertaintyOut(serializers.Serializer[Certainty]):
    stated = CurveOut()
    platt = CurveOut(help_text="After learning what its word means, as a line in log-odds.")
    isotonic = CurveOut(help_text="The same, as any rising steps.")


class ReliabilityOut(serializers.Serializer[Reliability]):
    curve = CurveOut()
    area = NumberField(help_text="½ where its doubt tells nothing.")
    brier_gain = NumberField()
    n = serializers.IntegerField()


class MirrorOut(serializers.Serializer[Mirror]):
    group = serializers.CharField()
    raters = serializers.IntegerField()
    votes = serializers.IntegerField()
    similarity = FigureOut(help_text="Spearman's, of who beats whom.")
    ceiling = NumberField()
    agreement = FigureOut()
    against_rest = FigureOut(help_text="By how much more than with all others.")
    q_value = NumberField()
    is_mirrored = serializers.BooleanField()
    is_missed = serializers.BooleanField()


class DomainOut(serializers.Serializer[Domain]):
    axis = serializers.CharField()
    name = serializers.CharField()
    agreement = FigureOut()
    against_elsewhere = FigureOut()
    people = FigureOut(help_text="How often people say there what other people say.")
    q_value = NumberField()
    is_worse = serializers.BooleanField()


class GapOut(serializers.Serializer[Gap]):
    axis = serializers.CharField()
    name = serializers.CharField()
    contestant = serializers.SerializerMethodField()
    people = serializers.FloatField(help_text="Its share of points with people.")
    judge = serializers.FloatField()
    gap = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    items = serializers.IntegerField()
    votes = serializers.IntegerField()
    p_value = NumberField()
    q_value = NumberField()
    is_found = serializers.BooleanField(help_text="Whether it is more than noise.")

    def get_contestant(self, gap: Gap) -> str:
        return "" if gap.contestant is None else str(self.context["contestants"][gap.contestant])


class MachineOut(serializers.Serializer[Machine]):
    judge = serializers.CharField()
    run = serializers.IntegerField()
    dimension = serializers.CharField(help_text="Empty: all of them together.")
    computed_at = serializers.DateTimeField()
    answer = serializers.SerializerMethodField(help_text="How often it says what people say.")
    verdicts = serializers.IntegerField()
    abstained = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Conversations that could not be judged.")
    unreadable = serializers.IntegerField(help_text="Answers that said nothing.")
    learned_from = serializers.IntegerField(
        help_text="Conversations that it was tuned on, and that are in no figure but standings."
    )
    agreement = MachineAgreementOut()
    order = OrderOut()
    standings = StandingOut(many=True, help_text="Both boards, in people's order.")
    refusal = serializers.CharField(help_text="Why there are no standings.")
    position = PositionOut(allow_null=True)
    length = LengthOut()
    developer = serializers.CharField(help_text="Who made the judge's chat models.")
    family = FamilyOut(allow_null=True)
    consistency = ConsistencyOut()
    certainty = CertaintyOut(allow_null=True)
    reliability = ReliabilityOut()
    mirrors = MirrorOut(many=True)
    domains = DomainOut(many=True)
    gaps = serializers.SerializerMethodField()
    gaps_found = serializers.IntegerField()
    canaries = FigureOut(help_text="Those that did not win.")
    price = PriceOut()

    def get_answer(self, machine: Machine) -> str:
        return f"{answer_of(machine)}."

    @extend_schema_field(GapOut(many=True))
    def get_gaps(self, machine: Machine) -> Any:
        context = {"contestants": machine.contestants}
        gaps: Any = machine.gaps
        return GapOut(gaps, many=True, context=context).data


class JudgeRunOut(serializers.Serializer[JudgeRun]):
    number = serializers.IntegerField()
    judge = serializers.CharField(source="judge.name")
    version = serializers.IntegerField(source="judge.version")
    protocol = serializers.CharField(source="judge.protocol")
    developer = serializers.SerializerMethodField()
    state = serializers.ChoiceField(JudgeRun.State.choices)
    counts = serializers.SerializerMethodField(
        help_text="False where a canary won, or it failed otherwise."
    )
    selection = serializers.CharField(help_text="Which battles it judges.")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_developer(self, run: JudgeRun) -> str:
        return developer_of(run.judge)

    def get_counts(self, run: JudgeRun) -> bool:
        return run.state in COUNTING


# By what a study's raters are asked for: which of two is better, or how good one is.
REPORTS = responses(
    PolymorphicProxySerializer(
        component_name="JudgeReport",
        serializers=[MachineOut, RatedMachineOut],
        resource_type_field_name=None,
    )
)


class _OfMachines(OfStudy):
    """A view of a study's judges: public once the study has a board, as their pages are."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        has_board = Board.objects.standing().filter(study=self.study).exists()
        if not has_board and not self.asker.may(Scope.LIVE_FIGURES, self.study):
            raise NotFound("This study has no board yet.")

    def run_of(self, number: int) -> JudgeRun:
        run = runs_of(self.study).filter(number=number).first()
        if run is None:
            raise NotFound(f"The study has no judge's run {number}.")
        return run

    def report(self, kind: str, subject: str, run: JudgeRun) -> Response:
        """What a report says; a 202 while it is computed, NotFound where there is none."""
        if run.state not in COUNTING:
            raise NotFound("This run has failed: none of its verdicts counts.")
        status = report_status(self.study, kind, subject)
        if self.study.protocol == Study.Protocol.SINGLE:
            rated = status.facts(RatedMachine)
            said = None if rated is None else RatedMachineOut(rated).data
        else:
            found = status.facts(Machine)
            said = None if found is None else MachineOut(found).data
        if said is not None:
            return Response(said)
        if not status.is_under_way:
            raise NotFound(status.error or "It has not been compared with people yet.")
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return Response(UnderWayOut(status.later).data, status=202, headers=headers)


@extend_schema_view(
    get=extend_schema(
        summary="Judges of a study",
        description="Runs of machines that rated the study's conversations, the newest first. What "
        "they say counts on no board of people.",
        tags=["studies"],
    )
)
class JudgeRunList(_OfMachines, generics.ListAPIView[JudgeRun]):
    """Which judges rated a study."""

    serializer_class = JudgeRunOut
    queryset = JudgeRun.objects.none()

    def get_queryset(self) -> QuerySet[JudgeRun]:
        return runs_of(self.study).order_by("-number")


class JudgeRunDetail(_OfMachines):
    """One run of a judge."""

    @extend_schema(
        summary="One run of a judge",
        description="Whose it is and what became of it.",
        tags=["studies"],
        responses=JudgeRunOut,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        return Response(JudgeRunOut(self.run_of(number)).data)


class MachineComparison(_OfMachines):
    """A judge beside people on one dimension."""

    parameters = ("dimension",)

    @extend_schema(
        summary="A judge beside people",
        description="Agreement with people's own ceiling, both orders, gaps by scenario, whom it "
        "mirrors, and what its certainty is worth, on one dimension. People's figures are of the "
        "verdicts that counted as it was computed.",
        tags=["studies"],
        parameters=[
            OpenApiParameter("dimension", str, description="A dimension's key; else the overall.")
        ],
        responses=REPORTS,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        run = self.run_of(number)
        try:
            dimension = dimension_named(self.study, request.query_params.get("dimension", ""))
        except NothingToRankError as error:
            raise NotFound(str(error)) from error
        return self.report(COMPARISON, comparison_subject(run, dimension), run)


class MachineCard(_OfMachines):
    """A judge's report card."""

    @extend_schema(
        summary="A judge's report card",
        description="The same figures over all dimensions together: what sways the judge, whether "
        "it repeats itself, where it is not at home, and what it costs.",
        tags=["studies"],
        responses=REPORTS,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        run = self.run_of(number)
        return self.report(REPORT_CARD, card_subject(run), run)
