"""Every address of the site and of REST, taken from the URL table, and everybody who may ask."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLResolver, get_resolver
from django.views.generic import RedirectView
from pytest_django.plugin import DjangoDbBlocker

from tests.security.rich_study import RichStudy, make_people, make_programs, make_rich_study

API = "api/v1/"
# `<slug:slug>` of a path, `(?P<key>[a-z]+)` of an expression.
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^()]*\)")
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"


@dataclass(frozen=True)
class Place:
    """One pattern of the URL table: what it is called, and its route."""

    name: str
    route: str

    @property
    def is_rest(self) -> bool:
        return self.route.startswith(API)


def walk(resolver: URLResolver, prefix: str = "", space: str = "") -> Iterator[Place]:
    """Every pattern, but those of old addresses that only lead on; without a name, by its route."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from walk(pattern, route, inner)
        elif getattr(pattern.callback, "view_class", None) is not RedirectView:
            yield Place(space + pattern.name if pattern.name else route, route)


def written(route: str, arguments: Mapping[str, Any]) -> str:
    """The address of a route, with these arguments in it; KeyError names one that is not known."""
    parts = ARGUMENT.sub(lambda found: str(arguments[found[1] or found[2]]), route)
    return "/" + parts.replace("^", "").removesuffix("$")


PLACES = {place.name: place for place in walk(get_resolver())}


@contextmanager
def taken_back() -> Iterator[None]:
    """A transaction of which nothing stays; within it others may be durable, as in any test."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True)
class Everybody:
    """The rich study, and who asks: people at every address, programs over REST besides."""

    rich: RichStudy
    people: Mapping[str, Client]
    programs: Mapping[str, Client]

    def asking_for(self, place: Place) -> dict[str, Client]:
        return {**self.people, **(self.programs if place.is_rest else {})}


@pytest.fixture(scope="module")
def everybody(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Everybody]:
    """Made once for all addresses; whatever a request writes is taken back after it."""
    static = {"staticfiles": {"BACKEND": PLAIN}}
    # As every single test has them; this comes before.
    quickly = override_settings(PASSWORD_HASHERS=QUICK, STORAGES=settings.STORAGES | static)
    with django_db_blocker.unblock(), quickly, taken_back():
        rater, other_rater = Client(), Client()
        rich = make_rich_study(rater, other_rater)
        yield Everybody(rich, make_people(rich, rater, other_rater), make_programs(rich))


def arguments_of(place: Place, rich: RichStudy) -> dict[str, Any]:
    """What stands in an address for each argument of its route."""
    known: dict[str, Any] = {
        "slug": rich.study.slug,
        "study_id": rich.study.pk,
        "board_id": rich.board.pk,
        "export_id": rich.export.pk,
        "strike_id": rich.strike.pk,
        "participation_id": rich.battle.participation_id,
        "key": rich.battle.key,
        "number": 1,
        "pk": rich.report.pk,
        "id": rich.boss.pk,
        "axis_key": "age",
        "contestant_slug": "ash",
        "engine": "davidson",
        "name": "board.png",
        "app_label": "studies",
        "url": "nothing-here/",
        "uidb36": "1",
        "content_type_id": 1,
        "object_id": 1,
    }
    if place.name == "documentation-page":
        known["slug"] = "production"
    if place.name == "api:electorate-detail":
        known["slug"] = "town"
    if register := re.match(r"admin/(\w+)/(\w+)/.*<path:object_id>", place.route):
        known["object_id"] = rich.one_of(apps.get_model(*register.groups())).pk
    return known


def ask(everybody: Everybody, place: Place, method: str, client: Client) -> HttpResponse:
    """The answer of an address to somebody; what it wrote is taken back."""
    client.raise_request_exception = False
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    address = written(place.route, arguments_of(place, everybody.rich))
    with taken_back():
        response = _whole(client.generic(method, address))
    # Signing out takes a cookie away, and coming in changes it.
    client.cookies.clear()
    client.cookies.load(cookies)
    return response


def _whole(response: Any) -> HttpResponse:
    """The answer with all of its content; at its end the client closes a file.

    To close it once more would close the connection to the database within our transaction.
    """
    if not response.streaming:
        return response
    content = b"".join(response.streaming_content)
    return HttpResponse(content, status=response.status_code, headers=dict(response.headers))
