"""Answers that a client may have already: it is told so before anything is read for them."""

from abc import ABC, abstractmethod
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from django.utils.cache import get_conditional_response
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from studies.api.guards import OfStudy


class Unchanged(Exception):  # noqa: N818  no error
    """The client has the answer already."""


class Conditional(OfStudy, ABC):
    """A view whose answer hangs on little: `state` tells one answer at its address from another."""

    etag: str = ""

    @abstractmethod
    def state(self) -> str:
        """What the answer hangs on besides its address, in few queries."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in SAFE_METHODS:
            hung_on = f"{_code()} {self.state()}"
            self.etag = f'"{sha256(hung_on.encode()).hexdigest()[:32]}"'
            found = get_conditional_response(request._request, etag=self.etag)  # noqa: SLF001
            if found is not None and found.status_code == HTTPStatus.NOT_MODIFIED:
                raise Unchanged

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Unchanged):
            return Response(status=HTTPStatus.NOT_MODIFIED)
        return super().handle_exception(exc)

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        if self.etag and response.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            response["ETag"] = self.etag
        return response


@cache
def _code() -> str:
    """Another version may tell the same in other words."""
    return version("hustings")
