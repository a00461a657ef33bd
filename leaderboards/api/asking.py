"""Asking for reports and boards over REST, which a worker computes, and how far they are."""

from decimal import Decimal
from typing import Any, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from leaderboards.combinations import kinds_of
from leaderboards.errors import BoardError
from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import COUNTING, runs_of
from leaderboards.models import Report
from leaderboards.reports import (
    BOARD,
    COMPARISON,
    KINDS,
    LABELS,
    MULTIVERSE,
    REPORT_CARD,
    ROBUSTNESS,
    ROUTING,
    SAFETY,
    TOPICS,
)
from leaderboards.routing import RoutingWanted
from leaderboards.safety import safety_dimension
from leaderboards.services.boards import TakenBoard
from leaderboards.services.controls import require_pairs
from leaderboards.services.multiverse import dimension_named, multiverse_subject
from leaderboards.services.reports import ReportStatus, ask_for_report
from raters.models import JudgeRun
from studies.access import Scope
from studies.api import Linked, ListedFilter, OfStudy, Writes
from studies.api.writes import user_of
from studies.models import Study

# Where the finished ones are read, by the name of the address. Others ask chat models, which costs
# money: those are asked for in the admin, which says how much.
ADDRESSES: Final = {
    ROBUSTNESS: "controls",
    MULTIVERSE: "multiverse",
    TOPICS: "topics",
    LABELS: "labels",
    SAFETY: "safety",
    COMPARISON: "machine-comparison",
    REPORT_CARD: "machine-card",
    ROUTING: "routing",
}


class ReportFilter(filters.FilterSet):
    """Reports by their kind, and by where they stand."""

    kind = ListedFilter("kind", values=list(KINDS))
    state = ListedFilter("state", values=Report.State.values)


class ReportOut(Linked):
    kind = serializers.CharField()
    subject = serializers.CharField(help_text="Of what it is, in its kind's own spelling.")
    error = serializers.CharField(help_text="Why it could not be made; empty where it could.")
    url = serializers.SerializerMethodField()
    result_url = serializers.SerializerMethodField(
        help_text="Where to read what came out; null before, and where the admin alone shows it."
    )

    class Meta:
        model = Report
        fields = [
            "id",
            "kind",
            "subject",
            "state",
            "asked_at",
            "finished_at",
            "error",
            "url",
            "result_url",
        ]

    @extend_schema_field(serializers.URLField)
    def get_url(self, report: Report) -> str:
        return self.link("report-detail", slug=report.study.slug, pk=report.pk)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_result_url(self, report: Report) -> str | None:
        slug = report.study.slug
        if report.state != Report.State.FINISHED:
            return None
        if report.kind == BOARD:
            taken = ReportStatus(report, None).facts(TakenBoard)
            return self.link("board-detail", slug=slug, board_id=taken.board) if taken else None
        if report.kind not in ADDRESSES:
            return None
        subject = report.subject
        if report.kind == ROUTING:
            return f"{self.link('routing', slug=slug)}?of={subject}"
        run, _, key = subject.rpartition(":") if report.kind == COMPARISON else ("", "", subject)
        if report.kind == REPORT_CARD:
            return self.link("machine-card", slug=slug, number=subject)
        kwargs = {"number": run} if run else {}
        return f"{self.link(ADDRESSES[report.kind], slug=slug, **kwargs)}?dimension={_key(key)}"


def _key(subject: str) -> str:
    """The dimension in a subject: that of a multiverse names kinds of exclusions besides."""
    return subject.partition(":")[0]


class AskIn(serializers.Serializer[dict[str, Any]]):
    """What is asked for; dimension and runs where the kind takes any."""

    kind = serializers.ChoiceField(sorted(ADDRESSES))
    dimension = serializers.SlugField(
        required=False, help_text="A dimension's key; else the overall, or that of trust."
    )
    runs = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=9_999),
        required=False,
        max_length=2,
        help_text="Judges' runs by number: one for a comparison or a report card; the cheap "
        "one and, in a cascade, the dear one for routing.",
    )
    person_cost = serializers.DecimalField(
        max_digits=8,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        required=False,
        help_text="For routing: US dollars of a person's verdict, where not what the study pays.",
    )


@extend_schema_view(
    get=extend_schema(
        summary="Reports of a study",
        description="What was asked for, the newest first. A newer one of the same kind and "
        "subject replaces the one before. For whoever may see the study's live figures.",
        tags=["reports"],
    ),
    post=extend_schema(
        summary="Ask for a report",
        description="A worker computes it; whoever asks for the same meanwhile joins. Ask its "
        "address how far it is, until there is a `result_url`.",
        tags=["reports"],
        request=AskIn,
        responses={202: ReportOut},
    ),
)
class ReportList(Writes, generics.ListAPIView[Report]):
    needs = Scope.LIVE_FIGURES
    permission = "studies.view_study"
    takes = AskIn
    refusals = (BoardError,)
    serializer_class = ReportOut
    filterset_class = ReportFilter
    queryset = Report.objects.none()

    def get_queryset(self) -> QuerySet[Report]:
        return reports_of(self.study).order_by("-asked_at", "-pk")

    def write(self, given: dict[str, Any]) -> Response:
        subject = subject_of(self.study, given)
        return _asked(self, given["kind"], subject)


@extend_schema_view(
    get=extend_schema(
        summary="One report",
        description="How far it is. Once it is finished, `result_url` is where to read it.",
        tags=["reports"],
    )
)
class ReportDetail(OfStudy, generics.RetrieveAPIView[Report]):
    needs = Scope.LIVE_FIGURES
    serializer_class = ReportOut
    queryset = Report.objects.none()

    def get_object(self) -> Report:
        return get_object_or_404(reports_of(self.study), pk=self.kwargs["pk"])


def ask_for_board(view: Writes, engine: str) -> Response:
    """Ask for a board by an engine, as the step in the admin does."""
    return _asked(view, BOARD, engine)


def reports_of(study: Study) -> QuerySet[Report]:
    """A study's reports, without what they say; but of boards, which one was taken."""
    return Report.objects.filter(study=study).select_related("study")


def subject_of(study: Study, given: dict[str, Any]) -> str:
    """How reports name what is asked for. Raises BoardError where it can't be computed."""
    kind, key = given["kind"], given.get("dimension", "")
    if key and not study.dimensions.filter(key=key).exists():
        raise ValidationError({"dimension": [f"The study has no dimension “{key}”."]})
    if kind == ROUTING:
        runs = tuple(run.number for run in _runs(study, given, most=2))
        return RoutingWanted.parse(RoutingWanted(runs, given.get("person_cost")).subject).subject
    if kind == REPORT_CARD:
        return card_subject(_runs(study, given, most=1)[0])
    if kind == COMPARISON:
        return comparison_subject(_runs(study, given, most=1)[0], dimension_named(study, key))
    if kind == MULTIVERSE:
        return multiverse_subject(dimension_named(study, key), kinds_of(study))
    require_pairs(study)
    return (safety_dimension if kind == SAFETY else dimension_named)(study, key).key


def _runs(study: Study, given: dict[str, Any], *, most: int) -> list[JudgeRun]:
    """The runs that are named. Raises ValidationError for none, too many, or one that is none."""
    numbers = given.get("runs", [])
    if not 1 <= len(numbers) <= most:
        raise ValidationError({"runs": [f"Name {'one run' if most == 1 else 'one or two runs'}."]})
    known = {run.number: run for run in runs_of(study) if run.state in COUNTING}
    for number in numbers:
        if number not in known:
            raise ValidationError(
                {"runs": [f"The study has no judge's run {number}, or none of it counts."]}
            )
    return [known[number] for number in numbers]


def _asked(view: Writes, kind: str, subject: str) -> Response:
    by = user_of(view.request)
    report = ask_for_report(view.study, kind, subject, by=by, at=timezone.now())
    return Response(ReportOut(report, context={"request": view.request}).data, status=202)
