"""Query parameters that nobody knows are refused: a misspelt filter filters nothing."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from hustings.rest.pages import CURSOR, LIMIT
from studies.api.guards import require_known

if TYPE_CHECKING:
    # At run time rest_framework.views imports this module, for the settings name its classes.
    from rest_framework.views import APIView

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")


class KnownParameters(BaseFilterBackend):
    """Refuses a query parameter that a list does not know, and one that is given twice.

    Besides those of its filter, a view may name its own in `parameters`.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[M, Row], view: "APIView"
    ) -> QuerySet[M, Row]:
        filterset = getattr(view, "filterset_class", None)
        filters = filterset.base_filters if filterset else ()
        require_known(request, {LIMIT, CURSOR, *filters, *getattr(view, "parameters", ())})
        return queryset

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:  # noqa: ARG002
        return []
