"""What raters said over REST, verdict by verdict, for whoever may see a study's live figures."""

from typing import Any

from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from raters.models import Exclusion, Outcome, Participation, Rating, Verdict
from raters.querysets import NAMED, is_left_out
from studies.access import Scope
from studies.api import ListedFilter, OfStudy
from studies.models import Study

Answers = QuerySet[Verdict] | QuerySet[Rating]
REASONS = (*NAMED, *Exclusion.Rule.values)
WITHDRAWN = Participation.State.WITHDRAWN


class ComparisonFilter(filters.FilterSet):
    """Comparisons by dimension, contestant and rater, and by whether boards count them."""

    dimension = ListedFilter("dimension__key", help_text="A dimension's key.")
    contestant = ListedFilter(
        "side", method="by_contestant", help_text="A contestant's slug, on either side."
    )
    rater = filters.CharFilter(
        "battle__participation__rater__code", method="by_rater", help_text="A rater's code."
    )
    counts = ListedFilter(
        "counts", values=("true", "false"), method="by_counts", help_text="Whether boards count it."
    )
    recorded_after = filters.IsoDateTimeFilter(field_name="recorded_at", lookup_expr="gt")
    recorded_before = filters.IsoDateTimeFilter(field_name="recorded_at", lookup_expr="lt")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        study = self.request.parser_context["view"].study
        self.filters["dimension"].allow(study.dimensions.values_list("key", flat=True))
        slugs = study.contestants.order_by("slug").values_list("slug", flat=True)
        self.filters["contestant"].allow(slugs)

    def by_contestant(self, queryset: Answers, _name: str, value: str) -> Answers:
        return queryset.filter(Q(battle__side_a__slug=value) | Q(battle__side_b__slug=value))

    def by_rater(self, queryset: Answers, name: str, value: str) -> Answers:
        # Whose a verdict was is not told of who has withdrawn, nor by asking for her.
        return queryset.filter(**{name: value}).exclude(battle__participation__state=WITHDRAWN)

    def by_counts(self, queryset: Answers, _name: str, value: str) -> Answers:
        counts = Q(excluded_by="", battle__attention_check=None)
        return queryset.filter(counts if value == "true" else ~counts)


class ComparisonOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    battle = serializers.IntegerField(source="battle_id")
    rater = serializers.SerializerMethodField(
        help_text="Her code, which names nobody; null once she has withdrawn."
    )
    dimension = serializers.SlugField(source="dimension.key")
    a = serializers.SlugField(source="battle.side_a.slug", help_text="Who was shown as side A.")
    b = serializers.SlugField(
        source="battle.side_b.slug",
        default=None,
        allow_null=True,
        help_text="Null where one model at a time is rated.",
    )
    outcome = serializers.SerializerMethodField(
        help_text="Who was better, by side; null on ratings, and once she has withdrawn."
    )
    score = serializers.SerializerMethodField(
        help_text="Her rating from 1 to 7; null on verdicts, and once she has withdrawn."
    )
    task = serializers.CharField(source="battle.task.name", default=None, allow_null=True)
    began_at = serializers.DateTimeField(source="battle.created_at")
    judged_at = serializers.DateTimeField(
        source="battle.judged_at", allow_null=True, help_text="Null of imported and simulated ones."
    )
    recorded_at = serializers.DateTimeField(help_text="When this database took it.")
    is_check = serializers.BooleanField(help_text="On an attention check: no board counts it.")
    excluded_by = serializers.CharField(
        help_text="Why boards leave it out: `participation`, `battle` or a rule; else empty."
    )
    is_withdrawn = serializers.SerializerMethodField(
        help_text="Whether its rater withdrew all she had said: then nothing of it is told."
    )

    def get_rater(self, answer: Verdict | Rating) -> str | None:
        code: str = answer.battle.participation.rater.code
        return None if self.get_is_withdrawn(answer) else code

    def get_outcome(self, answer: Verdict | Rating) -> Outcome | None:
        is_told = isinstance(answer, Verdict) and not self.get_is_withdrawn(answer)
        return Outcome(answer.outcome) if is_told else None  # type: ignore[union-attr]

    def get_score(self, answer: Verdict | Rating) -> int | None:
        is_told = isinstance(answer, Rating) and not self.get_is_withdrawn(answer)
        return answer.score if is_told else None  # type: ignore[union-attr]

    def get_is_withdrawn(self, answer: Verdict | Rating) -> bool:
        return answer.battle.participation.state == WITHDRAWN


@extend_schema_view(
    get=extend_schema(
        summary="Comparisons of a study",
        description="Every verdict or rating as it was given, in the order in which the database "
        "took them, with what leaves it out of boards. For whoever may see the study's live "
        "figures.",
        tags=["raters"],
    )
)
class ComparisonList(OfStudy, generics.ListAPIView[Any]):
    needs = Scope.LIVE_FIGURES
    serializer_class = ComparisonOut
    filterset_class = ComparisonFilter
    queryset = Verdict.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = answers_of(self.study).select_related(
            "dimension",
            "battle__side_a",
            "battle__side_b",
            "battle__task",
            "battle__participation__rater",
        )
        return found.order_by("pk")


def answers_of(study: Study) -> QuerySet[Any]:
    """A study's verdicts, or ratings, with what leaves them out and whether they are checks."""
    exclusions = study.exclusions.active()
    kinds = exclusions.kinds()
    left_out = [
        When(is_left_out(kind, exclusions), then=Value(kind)) for kind in REASONS if kind in kinds
    ]
    answers: QuerySet[Any] = (
        Rating.objects.of(study)
        if study.protocol == Study.Protocol.SINGLE
        else Verdict.objects.of(study)
    )
    found: QuerySet[Any] = answers.annotate(
        excluded_by=Case(*left_out, default=Value(""), output_field=CharField()),
        is_check=Case(When(battle__attention_check=None, then=Value(False)), default=Value(True)),  # noqa: FBT003
    )
    return found
