"""The site's addresses, and bare views that return the bytes of its own answers."""

import os
from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import path

from hustings.urls import handler400, handler500
from hustings.urls import urlpatterns as of_the_site

# Names where the bytes lie.
BARE_FOLDER: Final = "HUSTINGS_BARE_FOLDER"
__all__ = ("handler400", "handler500", "urlpatterns")


def bare(_request: HttpRequest, name: str) -> HttpResponse:
    """What was read once at another address: as little as a view of Django can do."""
    return HttpResponse(_content(name), content_type="application/json")


@cache
def _content(name: str) -> bytes:
    return Path(os.environ[BARE_FOLDER], name).read_bytes()


urlpatterns = [path("bare/<slug:name>", bare, name="bare"), *of_the_site]
