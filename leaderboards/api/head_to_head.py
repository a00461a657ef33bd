"""Who met whom on a board, and how it ended, over REST."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.boards import OfBoard, state_of
from leaderboards.pages.head_to_head import Battles, Record, read_battles
from studies.api.conditional import Conditional


@dataclass(frozen=True)
class Duel:
    """Two contestants that met, and how the first fared."""

    first: str
    second: str
    record: Record


@dataclass(frozen=True)
class HeadToHead:
    """All duels of a board on one dimension, of everybody or of one group."""

    dimension: str
    axis: str
    group: str
    contestants: tuple[str, ...]
    duels: tuple[Duel, ...]


class DuelOut(serializers.Serializer[Duel]):
    first = serializers.SlugField()
    second = serializers.SlugField()
    wins = serializers.IntegerField(source="record.wins", help_text="Battles that the first won.")
    ties = serializers.IntegerField(source="record.ties")
    losses = serializers.IntegerField(source="record.losses")
    share = serializers.FloatField(
        source="record.share.share", help_text="The first's share of points; a tie counts half."
    )
    share_low = serializers.FloatField(
        source="record.share.low", help_text="Wilson's 95 % interval's lower end."
    )
    share_high = serializers.FloatField(source="record.share.high")


class HeadToHeadOut(serializers.Serializer[HeadToHead]):
    dimension = serializers.SlugField()
    axis = serializers.CharField(help_text="Empty: everybody.")
    group = serializers.CharField()
    contestants = serializers.ListField(child=serializers.SlugField(), help_text="By slug.")
    duels = DuelOut(many=True, help_text="Pairs that met, once each, by slug.")


class HeadToHeadDetail(Conditional, OfBoard):
    """Who has the better of whom?"""

    parameters = ("dimension", "axis", "group")

    @extend_schema(
        summary="Head-to-heads of a board",
        description="How often each pair of contestants met in the battles that the board was "
        "computed from, and how that ended: counted, and weighed by nothing.",
        tags=["boards"],
        parameters=[
            OpenApiParameter("dimension", str, description="A dimension's key; else the first."),
            OpenApiParameter("axis", str, description="An axis's key; with `group`."),
            OpenApiParameter("group", str, description="A group's key; else everybody."),
        ],
        responses=HeadToHeadOut,
    )
    def get(self, request: Request, slug: str, board_id: UUID) -> Response:  # noqa: ARG002
        return Response(HeadToHeadOut(self._found()).data)

    def state(self) -> str:
        return state_of(self.board)

    def _found(self) -> HeadToHead:
        board = self.board
        if board.is_of_ratings:
            raise NotFound("This board rates one model at a time: nobody met anybody.")
        columns = ("dimension_key", "axis_key", "group_key")
        sections = list(board.sections.order_by("pk").values_list(*columns))
        known = list(dict.fromkeys(dimension for dimension, _axis, _group in sections))
        dimension = self.asked("dimension", known) or known[0]
        places = {(axis, group) for each, axis, group in sections if each == dimension}
        axis = self.asked("axis", sorted({axis for axis, _group in places if axis}))
        group = self.asked("group", sorted({key for its, key in places if axis and its == axis}))
        if bool(axis) != bool(group):
            raise ValidationError({"group": ["Give `axis` and `group`, or neither."]})
        battles = read_battles(board, dimension, axis=axis, group=group)
        if battles is None:
            raise NotFound("The board counts no battles there.")
        duels = tuple(_duels(battles))
        return HeadToHead(dimension, axis, group, battles.contestants, duels)


def _duels(battles: Battles) -> Iterator[Duel]:
    for first, second in combinations(sorted(battles.contestants), 2):
        record = battles.between(first, second)
        if record.battles:
            yield Duel(first, second, record)
