"""How REST behaves everywhere: tokens, pages, and query parameters that nobody knows."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, QuerySet
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

if TYPE_CHECKING:
    # At run time rest_framework.views imports this module, for the settings name its classes.
    from rest_framework.views import APIView

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`. The database knows a token by its hash only, and when it ends."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        try:
            user_and_token: tuple[Any, Any] = super().authenticate_credentials(token)
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid token.") from error
        return user_and_token


class Pages(LimitOffsetPagination):
    """`?limit=` and `?offset=`; what is no number, or out of range, is an error."""

    default_limit = 100
    max_limit = 1000

    def get_limit(self, request: Request) -> int:
        given = request.query_params.get(self.limit_query_param, str(self.default_limit))
        return _number(given, self.limit_query_param, least=1, most=self.max_limit)

    def get_offset(self, request: Request) -> int:
        given = request.query_params.get(self.offset_query_param, "0")
        return _number(given, self.offset_query_param, least=0, most=10**9)


def _number(given: str, name: str, *, least: int, most: int) -> int:
    # At most ten digits: Python's own limit on longer ones is an error of another kind.
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= 10 else -1
    if not least <= number <= most:
        raise ValidationError({name: [f"“{given}” is no whole number from {least} to {most}."]})
    return number


class KnownParameters(BaseFilterBackend):
    """Refuses a query parameter that a list does not know: a misspelt filter filters nothing."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[M, Row], view: "APIView"
    ) -> QuerySet[M, Row]:
        filterset = getattr(view, "filterset_class", None)
        known = {"format", Pages.limit_query_param, Pages.offset_query_param}
        known |= set(filterset.base_filters) if filterset else set()
        errors = {}
        for name, values in request.query_params.lists():
            if name not in known:
                errors[name] = [
                    f"There is no such parameter; there are: {', '.join(sorted(known))}."
                ]
            elif len(values) > 1:
                errors[name] = ["Give it once."]
        if errors:
            raise ValidationError(errors)
        return queryset

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:  # noqa: ARG002
        return []
