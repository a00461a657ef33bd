"""Rows of boards over REST: contestants in every section, with what their intervals leave open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from leaderboards.api.boards import OfBoard, state_of
from leaderboards.models import Board, BoardRow
from leaderboards.models.boards import SCOPE_NAMES
from leaderboards.pages.board import read_rows
from leaderboards.pages.words import tiers
from leaderboards.ranking.boards import Scope
from studies.api import ListedFilter
from studies.api.conditional import Conditional


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


@extend_schema_view(
    get=extend_schema(
        summary="Rows of a board",
        description="Contestants in every section, section by section, by rank.",
        tags=["boards"],
    )
)
class RowList(Conditional, OfBoard, generics.ListAPIView[BoardRow]):
    serializer_class = RowOut
    filterset_class = RowFilter
    queryset = BoardRow.objects.none()

    def state(self) -> str:
        return state_of(self.board)

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
