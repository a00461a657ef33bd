"""Who gets in where: every address of the site and of REST, asked by everybody.

`access.toml` says what each is answered. The addresses come from the URL table itself: one that is
not listed fails, and so does one that is listed and gone.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse
from django.test import Client

from tests.security.every_address import PLACES, Everybody, Place, arguments_of, ask, written
from tests.security.every_address import everybody as everybody  # a fixture

TABLE = Path(__file__).with_name("access.toml")
SIGN_IN = ("/accounts/login/", "/admin/login/")

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def said(response: HttpResponse) -> str:
    """An answer in a word: its status, and of one that leads elsewhere to which door."""
    to = str(response.headers.get("Location", ""))
    if to.startswith(SIGN_IN):
        return "login"
    return "entrance" if to == "/join/tea/" else str(response.status_code)


def row(everybody: Everybody, place: Place, method: str) -> str:
    """What an address says to each of those who ask."""
    asking = everybody.asking_for(place).values()
    return " ".join(said(ask(everybody, place, method, client)) for client in asking)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everybody_is_answered_as_it_is_listed(
    everybody: Everybody, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    # Who gets in is decided by then. That pages can be written, test_pages.py looks at: written
    # for everybody here, they take most of the time.
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    listed: dict[str, str] = tomllib.loads(TABLE.read_text())[method]
    answered = {name: row(everybody, place, method) for name, place in PLACES.items()}
    wrong = [f"'{name}' = '{said}'" for name, said in answered.items() if listed.get(name) != said]
    gone = sorted(listed.keys() - PLACES.keys())
    assert not wrong, "\n".join(
        [f"Not answered as [{method}] of access.toml lists it. Where that is meant, list:", *wrong]
    )
    assert not gone, f"Take out of [{method}] what is no longer there: {', '.join(gone)}"


def test_no_page_takes_a_form_from_elsewhere(everybody: Everybody) -> None:
    session = everybody.people["superuser"].cookies[django_settings.SESSION_COOKIE_NAME].value
    elsewhere = Client(enforce_csrf_checks=True, raise_request_exception=False)
    elsewhere.cookies[django_settings.SESSION_COOKIE_NAME] = session
    taken = {}
    for name, place in PLACES.items():
        response = elsewhere.post(written(place.route, arguments_of(place, everybody.rich)))
        if response.status_code != 403:
            taken[name] = response.status_code
    # What is no form at all: 405 says so.
    assert set(taken.values()) <= {405}, taken
    assert all(PLACES[name].is_rest for name in taken), taken


def test_rest_takes_no_other_method(everybody: Everybody) -> None:
    manages = everybody.programs["manages"]
    for place in PLACES.values():
        for method in ("PUT", "PATCH", "DELETE"):
            if place.is_rest and not place.name.startswith("api:docs"):
                assert said(ask(everybody, place, method, manages)) in {"405", "403"}, place.name


def test_staff_without_a_second_factor_see_no_page_of_the_admin(
    everybody: Everybody, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    study_admin = everybody.people["study-admin"]
    doors = {"admin:login", "admin:logout", "admin/(?P<url>.*)$"}
    for place in PLACES.values():
        if place.route.startswith("admin/") and place.name not in doors:
            response = ask(everybody, place, "GET", study_admin)
            assert response.headers.get("Location") == "/accounts/2fa/", place.name
