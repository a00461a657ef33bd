"""Errors as problems, all of one shape: `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

PROBLEM_JSON: Final = "application/problem+json"
API: Final = "/api/"
SAID_BY_HEADERS: Final = {
    412: "What stands here is not what If-Match names: ask for it without.",
    416: "The file has no such range: Content-Range says how long it is.",
}
# A body that is no object has no field to blame.
BODY: Final = "body"


def answer_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """What is answered to an error that a client can do something about; None to any other."""
    response = exception_handler(error, context)
    if response is None:
        return None
    errors = _errors_of(error)
    detail = _detail_of(response.data) if not errors else _joined(errors)
    response.data = problem(
        response.status_code, detail, path=context["request"].path, errors=errors
    )
    response.content_type = PROBLEM_JSON
    # Whatever else the address would answer in, as YAML, this is JSON.
    context["request"].accepted_renderer = JSONRenderer()
    context["request"].accepted_media_type = JSONRenderer.media_type
    return response


def problem(
    status: int, detail: str, *, path: str, errors: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """A problem's members. `errors` are sentences by the parameter, field or header to blame."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "errors": dict(errors or {}),
    }


def server_error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """What the site answers when it broke off: over REST a problem, else a page."""
    if not request.path.startswith(API):
        return defaults.server_error(request, *args, **kwargs)
    detail = "It broke off unexpectedly, and nothing was done. The server's log has more."
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def bad_request(request: HttpRequest, exception: Exception, *args: Any) -> HttpResponse:
    """What the site answers to a request that makes no sense to Django itself."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception, *args)
    return _answer(request, HTTPStatus.BAD_REQUEST, "This request can't be understood.")


def with_words(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A refusal by which Django says no more than its number, as a problem; else the answer."""
    detail = SAID_BY_HEADERS.get(response.status_code)
    if detail is None:
        return response
    told = _answer(request, response.status_code, detail)
    for name in ("ETag", "Content-Range"):
        if response.has_header(name):
            told[name] = response[name]
    return told


def _answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    told = problem(status, detail, path=request.path)
    return JsonResponse(told, status=status, content_type=PROBLEM_JSON)


def _errors_of(error: Exception) -> dict[str, list[str]]:
    if isinstance(error, ValidationError):
        return _flat(error.detail)
    reasons: tuple[str, ...] = getattr(error, "reasons", ())
    return {"study": list(reasons)} if isinstance(error, APIException) and reasons else {}


def _flat(detail: Any, name: str = "") -> dict[str, list[str]]:
    """Sentences by field; fields within others are told by their path: `runs.0`."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            at = "" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            found |= _flat(value, ".".join(filter(None, [name, at])))
        return found
    if isinstance(detail, list) and any(not isinstance(each, ErrorDetail) for each in detail):
        return _flat({str(place): each for place, each in enumerate(detail) if each}, name)
    said = detail if isinstance(detail, list) else [detail]
    return {name or BODY: [str(each) for each in said]}


def _joined(errors: Mapping[str, list[str]]) -> str:
    return " ".join(f"{name}: {' '.join(said)}" for name, said in errors.items())


def _detail_of(data: Any) -> str:
    return str(data.get("detail", "")) if isinstance(data, Mapping) else str(data)
