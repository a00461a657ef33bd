"""Studies over REST: read-only, and of a chat model no more than boards show."""

from django.db.models import QuerySet, prefetch_related_objects
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from studies.api.guards import OfStudy, asker_of
from studies.api.parts import Linked, ListedFilter
from studies.ledger import export_ledger
from studies.models import (
    Axis,
    Contestant,
    Dimension,
    Electorate,
    Group,
    LedgerEntry,
    Source,
    Study,
    Task,
)


class StudyFilter(filters.FilterSet):
    """Studies by where they stand, and by whether their raters are simulated."""

    state = ListedFilter("state", values=Study.State.values)
    is_simulated = ListedFilter("is_simulated", values=("true", "false"), method="by_simulation")

    def by_simulation(self, queryset: QuerySet[Study], name: str, value: str) -> QuerySet[Study]:
        return queryset.filter(**{name: value == "true"})


class SourceOut(serializers.ModelSerializer[Source]):
    class Meta:
        model = Source
        fields = ["key", "title", "publisher", "table", "year", "licence", "url", "note"]


class GroupOut(serializers.ModelSerializer[Group]):
    source = serializers.SlugField(
        source="source.key", help_text="The key of one of the electorate's sources."
    )  # type: ignore[assignment]

    class Meta:
        model = Group
        fields = ["key", "name", "share", "source"]


class AxisOut(serializers.ModelSerializer[Axis]):
    groups = GroupOut(many=True)

    class Meta:
        model = Axis
        fields = ["key", "name", "groups"]


class ElectorateNameOut(serializers.ModelSerializer[Electorate]):
    class Meta:
        model = Electorate
        fields = ["slug", "name"]


class ElectorateOut(serializers.ModelSerializer[Electorate]):
    axes = AxisOut(many=True)
    sources = SourceOut(many=True)

    class Meta:
        model = Electorate
        fields = ["slug", "name", "description", "axes", "sources"]


class DimensionOut(serializers.ModelSerializer[Dimension]):
    class Meta:
        model = Dimension
        fields = ["key", "name", "question", "help", "weight", "is_overall"]


class TaskOut(serializers.ModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ["area", "category", "name", "text", "battles_wanted"]


class StudySummaryOut(Linked):
    language = serializers.CharField(
        help_text="In which its raters are spoken to, such as `de` or `en-us`; empty where each of "
        "them has her own."
    )
    electorate = ElectorateNameOut(allow_null=True)
    url = serializers.SerializerMethodField()
    contestants_url = serializers.SerializerMethodField()
    boards_url = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = [
            "slug",
            "title",
            "question",
            "language",
            "protocol",
            "state",
            "is_public",
            "is_simulated",
            "created_at",
            "electorate",
            "url",
            "contestants_url",
            "boards_url",
        ]

    @extend_schema_field(serializers.URLField)
    def get_url(self, study: Study) -> str:
        return self.link("study-detail", slug=study.slug)

    @extend_schema_field(serializers.URLField)
    def get_contestants_url(self, study: Study) -> str:
        return self.link("contestant-list", slug=study.slug)

    @extend_schema_field(serializers.URLField)
    def get_boards_url(self, study: Study) -> str:
        return self.link("board-list", slug=study.slug)


class StudyOut(StudySummaryOut):
    electorate = ElectorateOut(allow_null=True)  # type: ignore[assignment]
    dimensions = DimensionOut(many=True)
    tasks = TaskOut(many=True)

    class Meta(StudySummaryOut.Meta):
        fields = [*StudySummaryOut.Meta.fields, "dimensions", "task", "tasks"]


class ContestantOut(serializers.ModelSerializer[Contestant]):
    developer = serializers.CharField(source="chat_model.developer")

    class Meta:
        model = Contestant
        fields = [
            "slug",
            "name",
            "developer",
            "entered_at",
            "withdrawn_at",
            "withdrawal_reason",
        ]


@extend_schema_view(
    get=extend_schema(
        summary="Studies",
        description="Studies that are public, and those that the token's owner may see.",
    )
)
class StudyList(generics.ListAPIView[Study]):
    serializer_class = StudySummaryOut
    filterset_class = StudyFilter
    queryset = Study.objects.none()

    def get_queryset(self) -> QuerySet[Study]:
        return (
            asker_of(self.request)
            .studies()
            .select_related("electorate")
            .order_by("-created_at", "slug")
        )


@extend_schema_view(
    get=extend_schema(
        summary="One study",
        description="Its dimensions and tasks, and whom it speaks for: groups, shares and their "
        "sources.",
    )
)
class StudyDetail(OfStudy, generics.RetrieveAPIView[Study]):
    serializer_class = StudyOut
    queryset = Study.objects.none()
    lookup_field = "slug"

    def get_object(self) -> Study:
        prefetch_related_objects(
            [self.study],
            "dimensions",
            "tasks",
            "electorate__axes__groups__source",
            "electorate__sources",
        )
        return self.study


class LedgerEntryOut(serializers.ModelSerializer[LedgerEntry]):
    at = serializers.CharField(help_text="In UTC, spelt as the digest is taken of it.")
    facts = serializers.JSONField(help_text="What happened, and `by` whom in a word.")

    class Meta:
        model = LedgerEntry
        fields = ["number", "kind", "at", "facts", "previous", "digest"]


class LedgerOut(serializers.Serializer[Study]):
    format = serializers.CharField()
    study = serializers.SlugField()
    entries = LedgerEntryOut(many=True)


class LedgerDetail(OfStudy):
    """What happened to a study."""

    @extend_schema(
        summary="Ledger of a study",
        description="Every board, withdrawal, exclusion, change of rule, entry of a contestant "
        "and sharing of data, in a chain of digests: `hustings verify_ledger FILE`.",
        tags=["studies"],
        responses=LedgerOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        return Response(export_ledger(self.study))


@extend_schema_view(
    get=extend_schema(summary="Contestants of a study", description="By slug; withdrawn ones too.")
)
class ContestantList(OfStudy, generics.ListAPIView[Contestant]):
    serializer_class = ContestantOut
    queryset = Contestant.objects.none()

    def get_queryset(self) -> QuerySet[Contestant]:
        return self.study.contestants.select_related("chat_model").order_by("slug")
