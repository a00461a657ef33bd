"""Boards over REST: what was published, from where, and whether it still stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from leaderboards.exclusions import LeftOut, left_out_of
from leaderboards.models import Board, BoardRow, BoardSection, BoardWithdrawal
from leaderboards.models.boards import SCOPE_NAMES
from leaderboards.pages.board import read_rows
from leaderboards.pages.words import tiers
from leaderboards.ranking.boards import Engine, Scope
from leaderboards.views import board_export
from raters.models import Exclusion
from studies.api import Linked, ListedFilter, OfStudy


class BoardFilter(filters.FilterSet):
    """Boards by engine."""

    engine = ListedFilter("engine", values=list(Engine))


class RowFilter(filters.FilterSet):
    """Rows of one board. Only what this board has can be asked for."""

    dimension = ListedFilter("section__dimension_key", help_text="A dimension's key.")
    scope = ListedFilter("section__scope", values=list(Scope))
    axis = ListedFilter("section__axis_key", help_text="An axis's key.")
    group = ListedFilter("section__group_key", help_text="A group's key, of `axis` where given.")
    contestant = ListedFilter("contestant__slug", help_text="A contestant's slug.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        board: Board = self.request.parser_context["view"].board
        sections = list(board.sections.values_list("dimension_key", "axis_key", "group_key"))
        axis = self.data.get("axis")
        self.filters["dimension"].allow(dimension for dimension, _, _ in sections)
        self.filters["axis"].allow(axis for _, axis, _ in sections if axis)
        self.filters["group"].allow(
            group for _, its_axis, group in sections if group and axis in {None, "", its_axis}
        )
        slugs = board.study.contestants.order_by("slug").values_list("slug", flat=True)
        self.filters["contestant"].allow(slugs)


class WithdrawalOut(serializers.ModelSerializer[BoardWithdrawal]):
    class Meta:
        model = BoardWithdrawal
        fields = ["reason", "withdrawn_at"]


class SectionOut(serializers.ModelSerializer[BoardSection]):
    class Meta:
        model = BoardSection
        fields = [
            "dimension_key",
            "dimension_name",
            "scope",
            "axis_key",
            "axis_name",
            "group_key",
            "group_name",
            "raters",
            "battles",
            "fit",
            "refusal",
        ]


class BoardSummaryOut(Linked):
    study = serializers.SlugField(source="study.slug")
    verdicts = serializers.IntegerField(
        help_text="How many verdicts it ranks; ratings, where the engine is `ratings`."
    )
    exclusions = serializers.IntegerField(help_text="How many exclusions applied.")
    supersedes = serializers.UUIDField(source="supersedes_id", allow_null=True)
    superseded_by = serializers.UUIDField(source="successor", allow_null=True)
    withdrawal = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    rows_url = serializers.SerializerMethodField()
    export_url = serializers.SerializerMethodField()

    class Meta:
        model = Board
        fields = [
            "id",
            "study",
            "taken_at",
            "engine",
            "code_version",
            "input_digest",
            "raters",
            "verdicts",
            "first_battle_at",
            "last_battle_at",
            "exclusions",
            "supersedes",
            "superseded_by",
            "withdrawal",
            "url",
            "rows_url",
            "export_url",
        ]

    @extend_schema_field(WithdrawalOut(allow_null=True))
    def get_withdrawal(self, board: Board) -> dict[str, Any] | None:
        withdrawal = getattr(board, "withdrawal", None)
        return None if withdrawal is None else dict(WithdrawalOut(withdrawal).data)

    @extend_schema_field(serializers.URLField)
    def get_url(self, board: Board) -> str:
        return self._link("board-detail", board)

    @extend_schema_field(serializers.URLField)
    def get_rows_url(self, board: Board) -> str:
        return self._link("row-list", board)

    @extend_schema_field(serializers.URLField)
    def get_export_url(self, board: Board) -> str:
        return self._link("board-export", board)

    def _link(self, name: str, board: Board) -> str:
        return self.link(name, slug=board.study.slug, board_id=board.pk)


class LeftOutOut(serializers.Serializer[LeftOut]):
    kind = serializers.ChoiceField(["participation", "battle", "rule"])
    rule = serializers.ChoiceField(
        Exclusion.Rule.choices, allow_blank=True, help_text="Which rule; empty if it is none."
    )
    of = serializers.CharField(help_text="What was left out, in words.")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    verdicts = serializers.IntegerField(
        allow_null=True,
        help_text="How many verdicts, or ratings, it left out by itself as the board was taken; "
        "null on boards from before they were counted.",
    )
    participations = serializers.IntegerField(allow_null=True, help_text="How many raters’.")


class BoardOut(BoardSummaryOut):
    parameters = serializers.JSONField(help_text="What its numbers depend on besides verdicts.")
    exclusions_applied = serializers.SerializerMethodField(
        help_text="The exclusions that applied, oldest first. None names a rater or a battle."
    )
    sections = SectionOut(many=True)

    class Meta(BoardSummaryOut.Meta):
        fields = [
            *BoardSummaryOut.Meta.fields,
            "parameters",
            "exclusions_applied",
            "sections",
        ]

    @extend_schema_field(LeftOutOut(many=True))
    def get_exclusions_applied(self, board: Board) -> list[dict[str, Any]]:
        return [dict(LeftOutOut(each).data) for each in left_out_of(board)]


@dataclass(frozen=True)
class Company:
    """Where its rank interval leaves a row: its tier, 1 the first, and whose intervals it meets."""

    tier: int
    not_separated_from: tuple[str, ...]


def companies(rows: Sequence[BoardRow]) -> dict[int, Company]:
    """Each row's company in its section, by the row's key; rows of one section, in order of rank.

    Tiers are those of the board's page.
    """
    return {
        row.pk: Company(
            tier=number,
            # Across tiers no two intervals meet.
            not_separated_from=tuple(
                other.contestant.slug
                for other in tier
                if other is not row
                and other.rank_low <= row.rank_high
                and other.rank_high >= row.rank_low
            ),
        )
        for number, tier in enumerate(tiers(rows), start=1)
        for row in tier
    }


class RowOut(serializers.ModelSerializer[BoardRow]):
    dimension = serializers.SlugField(source="section.dimension_key")
    scope = serializers.ChoiceField(list(SCOPE_NAMES.items()), source="section.scope")
    axis = serializers.CharField(source="section.axis_key")
    group = serializers.CharField(source="section.group_key")
    contestant = serializers.SlugField(source="contestant.slug")
    score = serializers.FloatField(
        help_text="Skill in the engine's unit; the mean rating from 1 to 7 on boards of ratings."
    )
    battles = serializers.IntegerField(
        help_text="How many battles it was in; how many ratings it has, on boards of ratings."
    )
    tier = serializers.SerializerMethodField(
        help_text="1 is the first; no rank interval of one tier meets one of the next."
    )
    not_separated_from = serializers.SerializerMethodField(
        help_text="The contestants whose rank intervals meet this one's."
    )
    wins = serializers.IntegerField(allow_null=True, help_text="Null on boards of ratings.")
    losses = serializers.IntegerField(allow_null=True, help_text="Null on boards of ratings.")
    ties = serializers.IntegerField(allow_null=True, help_text="Null on boards of ratings.")

    class Meta:
        model = BoardRow
        fields = [
            "dimension",
            "scope",
            "axis",
            "group",
            "contestant",
            "name",
            "developer",
            "rank",
            "rank_low",
            "rank_high",
            "tier",
            "not_separated_from",
            "score",
            "score_low",
            "score_high",
            "win_share",
            "p_best",
            "battles",
            "wins",
            "losses",
            "ties",
            "is_provisional",
        ]

    def get_tier(self, row: BoardRow) -> int:
        return self._company(row).tier

    def get_not_separated_from(self, row: BoardRow) -> list[str]:
        return list(self._company(row).not_separated_from)

    def _company(self, row: BoardRow) -> Company:
        found: Company = self.context["companies"][row.pk]
        return found


class OfBoard(OfStudy):
    """A view at an address under one board of one study."""

    @cached_property
    def board(self) -> Board:
        return get_object_or_404(boards(), pk=self.kwargs["board_id"], study=self.study)


def boards() -> QuerySet[Board]:
    """Boards with what lists show of them, and without their documents, which are large."""
    return (
        Board.objects.select_related("study", "withdrawal")
        .annotate(successor=F("superseded_by"))
        .defer("document")
    )


@extend_schema_view(
    get=extend_schema(
        summary="Boards of a study",
        description="Newest first; none ever goes away.",
        tags=["boards"],
    )
)
class BoardList(OfStudy, generics.ListAPIView[Board]):
    serializer_class = BoardSummaryOut
    filterset_class = BoardFilter
    queryset = Board.objects.none()

    def get_queryset(self) -> QuerySet[Board]:
        return boards().filter(study=self.study).defer("document", "parameters")


@extend_schema_view(
    get=extend_schema(
        summary="One board",
        description="With its parameters and sections; the rows have an address of their own.",
        tags=["boards"],
    )
)
class BoardDetail(OfBoard, generics.RetrieveAPIView[Board]):
    serializer_class = BoardOut
    queryset = Board.objects.none()

    def get_object(self) -> Board:
        return self.board


@extend_schema_view(
    get=extend_schema(
        summary="Rows of a board",
        description="Contestants in every section, section by section, by rank.",
        tags=["boards"],
    )
)
class RowList(OfBoard, generics.ListAPIView[BoardRow]):
    serializer_class = RowOut
    filterset_class = RowFilter
    queryset = BoardRow.objects.none()

    def get_queryset(self) -> QuerySet[BoardRow]:
        return (
            BoardRow.objects.filter(section__board=self.board)
            .select_related("section", "contestant")
            .order_by("section_id", "rank", "pk")
        )

    def paginate_queryset(self, queryset: QuerySet[BoardRow]) -> list[BoardRow] | None:  # type: ignore[override]
        page = super().paginate_queryset(queryset)
        # Whom a row is not separated from may be on another page, or filtered out.
        sections = {row.section_id: row.section for row in page or ()}
        for rows in read_rows(list(sections.values())).values():
            self.companies |= companies(rows)
        return page

    @cached_property
    def companies(self) -> dict[int, Company]:
        """The company of each row of this page, by the row's key."""
        return {}

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "companies": self.companies}


class BoardExport(APIView):
    """The document from which a board can be computed again."""

    @extend_schema(
        summary="Export of a board",
        description="All that is needed to compute it again: `hustings verify_board FILE`.",
        tags=["boards"],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, slug: str, board_id: UUID) -> HttpResponse:
        # The same document as the page's: Django's request carries the token's owner by now.
        return board_export(request._request, slug, board_id)  # noqa: SLF001
