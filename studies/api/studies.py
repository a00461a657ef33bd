"""Studies over REST: read-only, and of a chat model no more than boards show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet, prefetch_related_objects
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from studies.access import get_study_for, may_see_live_figures
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


class ListedFilter(filters.ChoiceFilter):
    """A filter on one of some values; any other is an error that lists them."""

    def __init__(self, field_name: str, *, values: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(field_name=field_name, **kwargs)
        if values := tuple(values):
            self.allow(values)

    def allow(self, values: Iterable[str]) -> None:
        """Say what the values are, where it is known only once somebody asks."""
        known = list(dict.fromkeys(values))
        listed = ", ".join(known).replace("%", "%%") or "none"
        self.extra["choices"] = [(value, value) for value in known]
        self.extra["error_messages"] = {
            "invalid_choice": f"“%(value)s” is not known here; known are: {listed}."
        }


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


class Linked(serializers.ModelSerializer[Any]):
    """A serializer that links to other addresses of this interface, by their names."""

    def link(self, name: str, **kwargs: object) -> str:
        return reverse(f"api:{name}", kwargs=kwargs, request=self.context.get("request"))


class StudySummaryOut(Linked):
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


class OfStudy:
    """A view at an address under one study, which the person who asks may see."""

    request: Any
    kwargs: Mapping[str, Any]

    @cached_property
    def study(self) -> Study:
        return get_study_for(self.request.user, self.kwargs["slug"])


class OfLiveStudy(OfStudy, APIView):
    """A view of one study's live figures, for whoever may see them."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # What is not found is not found, whoever asks.
        _ = self.study
        if not may_see_live_figures(request.user):
            self.permission_denied(request, "Only who may see the live figures of studies sees it.")

    def asked(self, name: str, known: Sequence[str]) -> str:
        """A parameter's value, one of those that are known; empty where it is not given."""
        value = str(self.request.query_params.get(name, ""))
        if value and value not in known:
            listed = ", ".join(known) or "none"
            raise ValidationError({name: [f"“{value}” is not known here; known are: {listed}."]})
        return value

    def asked_dimension(self) -> str:
        """The dimension that is asked for, by its key."""
        return self.asked("dimension", list(self.study.dimensions.values_list("key", flat=True)))


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
        return Study.objects.visible_to(self.request.user).select_related("electorate")


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


class LedgerDetail(OfStudy, APIView):
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
