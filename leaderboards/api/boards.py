"""Boards over REST: what was published, from where, and whether it still stands."""

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
from rest_framework.response import Response

from leaderboards.api.asking import ReportOut, ask_for_board
from leaderboards.errors import BoardError
from leaderboards.exclusions import LeftOut, left_out_of
from leaderboards.models import Board, BoardSection, BoardWithdrawal
from leaderboards.models.boards import ENGINE_NAMES
from leaderboards.ranking.boards import Engine
from leaderboards.services.boards import engine_for
from leaderboards.views import board_export
from raters.models import Exclusion
from studies.api import Linked, ListedFilter, OfStudy, Writes
from studies.api.conditional import Conditional


class BoardFilter(filters.FilterSet):
    """Boards by engine, and by when they were taken."""

    engine = ListedFilter("engine", values=list(Engine))
    taken_after = filters.IsoDateTimeFilter(
        field_name="taken_at", lookup_expr="gt", help_text="Taken later than this instant."
    )
    taken_before = filters.IsoDateTimeFilter(
        field_name="taken_at", lookup_expr="lt", help_text="Taken earlier than this instant."
    )


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


class OfBoard(OfStudy):
    """A view at an address under one board of one study."""

    @cached_property
    def board(self) -> Board:
        return get_object_or_404(boards(), pk=self.kwargs["board_id"], study=self.study)


def state_of(board: Board) -> str:
    """All of a board that can change: whether it was withdrawn, and what supersedes it."""
    is_withdrawn = hasattr(board, "withdrawal")
    return f"{board.pk} {is_withdrawn} {board.successor}"  # type: ignore[attr-defined]


def boards() -> QuerySet[Board]:
    """Boards with what lists show of them, and without their documents, which are large."""
    return (
        Board.objects.select_related("study", "withdrawal")
        .annotate(successor=F("superseded_by"))
        .defer("document")
    )


class TakeIn(serializers.Serializer[dict[str, Any]]):
    """How to take a board."""

    engine = serializers.ChoiceField(
        list(ENGINE_NAMES.items()),
        required=False,
        help_text="One that can rank what the study gathers; else the study's first.",
    )
    supersedes = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="The board that stands, null for none, so that none is superseded unseen: "
        "where another one stands by now, nothing is asked for.",
    )


@extend_schema_view(
    get=extend_schema(
        summary="Boards of a study",
        description="Newest first; none ever goes away.",
        tags=["boards"],
    ),
    post=extend_schema(
        summary="Take a board",
        description="All dimensions and groups are computed by a worker, and published: nobody "
        "can change it afterwards. The report that is answered says when it stands.",
        tags=["boards"],
        request=TakeIn,
        responses={202: ReportOut},
    ),
)
class BoardList(Writes, generics.ListAPIView[Board]):
    permission = "leaderboards.add_board"
    takes = TakeIn
    refusals = (BoardError,)
    serializer_class = BoardSummaryOut
    filterset_class = BoardFilter
    queryset = Board.objects.none()

    def get_queryset(self) -> QuerySet[Board]:
        found = boards().filter(study=self.study).defer("document", "parameters")
        return found.order_by("-taken_at", "-pk")

    def write(self, given: dict[str, Any]) -> Response:
        engine = engine_for(self.study, given.get("engine"))
        if "supersedes" in given:
            standing = Board.objects.standing().filter(study=self.study).order_by("-taken_at")
            stands = standing.values_list("pk", flat=True).first()
            if stands != given["supersedes"]:
                raise BoardError(f"The board that stands is {stands or 'none'}.")
        return ask_for_board(self, engine)


@extend_schema_view(
    get=extend_schema(
        summary="One board",
        description="With its parameters and sections; the rows have an address of their own.",
        tags=["boards"],
    )
)
class BoardDetail(Conditional, OfBoard, generics.RetrieveAPIView[Board]):
    serializer_class = BoardOut
    queryset = Board.objects.none()

    def get_object(self) -> Board:
        return self.board

    def state(self) -> str:
        return state_of(self.board)


class BoardExport(OfStudy):
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
