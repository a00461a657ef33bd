"""Pages of lists: from where one ends the next goes on, whatever has come or gone meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:
    # At run time rest_framework.views imports this module, for the settings name its classes.
    from rest_framework.views import APIView

M = TypeVar("M", bound=Model)

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
LIMIT: Final = "limit"
CURSOR: Final = "cursor"


@dataclass(frozen=True)
class Cursor:
    """The place beside a row, by the values that the list is ordered by, and in which direction."""

    values: tuple[Any, ...]
    is_backward: bool


class Pages(BasePagination):
    """`?limit=` and `?cursor=`; what is no number or out of range, or no cursor, is an error.

    The list's own order decides: it has to be given, and no two rows may share their place in it.
    """

    def paginate_queryset(  # type: ignore[override]  # lists here are of the database
        self,
        queryset: QuerySet[M],
        request: Request,
        view: "APIView | None" = None,  # noqa: ARG002
    ) -> list[M]:
        self.request = request
        self.order = _order_of(queryset)
        limit = _limit_of(request)
        cursor = self._read_cursor()
        found = queryset.filter(_beyond(self.order, cursor)) if cursor else queryset
        is_backward = cursor is not None and cursor.is_backward
        rows = list((found.reverse() if is_backward else found)[: limit + 1])
        has_more = len(rows) > limit
        rows = rows[:limit]
        if is_backward:
            rows.reverse()
        self.next = rows[-1] if rows and (is_backward or has_more) else None
        self.previous = rows[0] if rows and (has_more if is_backward else cursor) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._link(self.next, is_backward=False),
                "previous": self._link(self.previous, is_backward=True),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link | {"description": "The next page; null on the last one."},
                "previous": link | {"description": "The page before; null on the first one."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:  # noqa: ARG002
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            _parameter(LIMIT, "How many a page holds.", limit),
            _parameter(
                CURSOR,
                "Where to go on: opaque, of a page's `next` or `previous`.",
                {"type": "string"},
            ),
        ]

    @property
    def _salt(self) -> str:
        """A cursor is good for one list alone, in one order."""
        return f"{self.request.path} {self.order}"

    def _link(self, row: Model | None, *, is_backward: bool) -> str | None:
        if row is None:
            return None
        values = [_plain(_value(row, field)) for field, _ in self.order]
        cursor = signing.dumps([values, is_backward], salt=self._salt)
        return str(replace_query_param(self.request.build_absolute_uri(), CURSOR, cursor))

    def _read_cursor(self) -> Cursor | None:
        given = self.request.query_params.get(CURSOR)
        if given is None:
            return None
        try:
            values, is_backward = signing.loads(given, salt=self._salt)
        except signing.BadSignature as error:
            said = "This is no cursor of this list: take it from a page's `next` or `previous`."
            raise ValidationError({CURSOR: [said]}) from error
        return Cursor(tuple(values), is_backward)


def _order_of(queryset: QuerySet[M]) -> tuple[tuple[str, bool], ...]:
    """What a list is ordered by: fields, and whether they fall."""
    order = queryset.query.order_by
    if not order:
        raise TypeError(f"A list of {queryset.model.__name__} comes in pages, but has no order.")
    return tuple((str(field).removeprefix("-"), str(field).startswith("-")) for field in order)


def _beyond(order: Sequence[tuple[str, bool]], cursor: Cursor) -> Q:
    """What comes after the cursor in its direction: equal in some first fields, beyond in one."""
    beyond, equal = Q(), Q()
    for (field, is_falling), value in zip(order, cursor.values, strict=True):
        step = "lt" if is_falling != cursor.is_backward else "gt"
        beyond |= equal & Q(**{f"{field}__{step}": value})
        equal &= Q(**{field: value})
    return beyond


def _value(row: Any, field: str) -> Any:
    for name in field.split("__"):
        row = getattr(row, name)
    return row


def _plain(value: Any) -> Any:
    """A value as JSON has it, to its last digit."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _limit_of(request: Request) -> int:
    given = request.query_params.get(LIMIT, str(DEFAULT_LIMIT))
    # At most ten digits: Python's own limit on longer ones is an error of another kind.
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= 10 else -1
    if not 1 <= number <= MAX_LIMIT:
        said = f"“{given}” is no whole number from 1 to {MAX_LIMIT}."
        raise ValidationError({LIMIT: [said]})
    return number


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
