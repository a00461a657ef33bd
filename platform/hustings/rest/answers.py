"""What every answer says besides its body: what is left, who may keep it, whether it changed."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers

from hustings.rest.limits import tell_allowance
from hustings.rest.problems import with_words

View = Callable[..., HttpResponseBase]


def finished(view: View) -> View:
    """The view with these headers on its answers; of an answer that the client has, a 304."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        _tell_who_may_keep(request, response)
        if request.method in {"GET", "HEAD"} and response.status_code == HTTPStatus.OK:
            response = _unless_unchanged(request, response)
        response = with_words(request, response)
        tell_allowance(request, response)
        return response

    return answer


def _tell_who_may_keep(request: HttpRequest, response: HttpResponseBase) -> None:
    """Anybody's caches may keep what anybody may see, and ask each time whether it holds."""
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    if response.has_header("Cache-Control"):
        return
    is_public = not request.user.is_authenticated and request.method in {"GET", "HEAD"}
    if response.status_code >= HTTPStatus.BAD_REQUEST or not is_public:
        patch_cache_control(response, private=True, no_cache=True)
    else:
        patch_cache_control(response, public=True, no_cache=True)


def _unless_unchanged(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer, or a 304. One without a validator of its own has the hash of its body."""
    if not isinstance(response, HttpResponse):
        # It streams, and so does a file that is fetched in parts.
        return response
    if not response.has_header("ETag"):
        # Weak: what counts is what it says, not how a proxy packs it.
        response["ETag"] = f'W/"{sha256(response.content).hexdigest()[:32]}"'
    return get_conditional_response(request, etag=response["ETag"], response=response) or response
