"""Ways around signing in: guessing, addresses that lead elsewhere, another's session or form."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.cast import make_admin, make_study, make_user
from tests.studies.test_api import bearer
from tests.studies.test_writes import post

LOGIN = "/accounts/login/"
GOOD = {"login": "boss", "password": "a long sentence"}
WRONG = {"login": "boss", "password": "another sentence"}
ELSEWHERE = (
    "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
    "https:evil.example", "http:///evil.example", "///evil.example", "javascript:alert(1)",
    "\thttps://evil.example", "https://testserver@evil.example/", "https://testserver.evil.example",
)  # fmt: skip
EACH_ELSEWHERE = pytest.mark.parametrize("target", ELSEWHERE)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def boss() -> User:
    user = make_admin("boss")
    user.email = "boss@example.org"
    user.save()
    return user


def without_token(response: HttpResponse) -> str:
    """The page, but for what is drawn anew each time."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


# Guessing


def test_after_five_wrong_passwords_the_right_one_is_refused_too(boss: User) -> None:
    for _ in range(5):
        assert Client().post(LOGIN, WRONG).status_code == 200
    refused = Client().post(LOGIN, GOOD)
    assert refused.status_code == 200
    assert "too many tries" in refused.content.decode()


def test_who_tries_many_names_is_refused_by_her_address(boss: User) -> None:
    for n in range(10):
        Client().post(LOGIN, WRONG | {"login": f"user-{n}"})
    assert "too many tries" in Client().post(LOGIN, GOOD).content.decode()
    assert Client(REMOTE_ADDR="10.0.0.9").post(LOGIN, GOOD).status_code == 302


def test_the_admin_has_no_other_way_in(boss: User) -> None:
    response = Client().post("/admin/login/", GOOD)
    assert response.status_code == 302
    assert response["Location"].startswith(LOGIN)


def test_an_unknown_name_is_answered_like_a_wrong_password(boss: User) -> None:
    asked = []
    for given in (WRONG, WRONG | {"login": "nobody"}):
        with CaptureQueriesContext(connection) as queries:
            response = Client().post(LOGIN, given)
        asked.append((response.status_code, without_token(response).replace(given["login"], "")))
        assert queries
    assert asked[0] == asked[1]


def test_a_password_for_an_unknown_address_is_answered_like_one_for_a_known(boss: User) -> None:
    said = [
        Client().post("/accounts/password/reset/", {"email": f"{name}@example.org"})
        for name in ("boss", "nobody")
    ]
    assert said[0].status_code == said[1].status_code == 302
    assert said[0]["Location"] == said[1]["Location"]


def code_at(secret: str, at: float) -> str:
    return str(format_hotp_value(hotp_value(secret, int(at) // 30)))


def test_after_five_wrong_codes_of_a_second_factor_the_right_one_is_refused_too(boss: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(boss, secret)
    client = Client()
    assert client.post(LOGIN, GOOD)["Location"].startswith("/accounts/2fa/authenticate/")
    for _ in range(5):
        assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    right = client.post("/accounts/2fa/authenticate/", {"code": code_at(secret, time.time())})
    assert right.status_code != 302
    assert "_auth_user_id" not in client.session


def test_a_code_of_a_second_factor_is_good_once(boss: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(boss, secret)
    code = {"code": code_at(secret, time.time())}
    for client, is_in in ((Client(), True), (Client(), False)):
        client.post(LOGIN, GOOD)
        client.post("/accounts/2fa/authenticate/", code)
        assert ("_auth_user_id" in client.session) is is_in


# Led elsewhere


def follow(client: Client, response: HttpResponse) -> Iterator[str]:
    """Where somebody is led, one address after the other, as long as it is here."""
    for _ in range(5):
        if response.status_code not in {301, 302, 303, 307}:
            return
        yield response["Location"]
        if "evil" in response["Location"] or not response["Location"].startswith("/"):
            return
        response = client.get(response["Location"])


@EACH_ELSEWHERE
@pytest.mark.parametrize(
    ("address", "data"),
    [
        (LOGIN, GOOD),
        ("/accounts/logout/", {}),
        ("/language/", {"language": "en-us"}),
        ("/accounts/login/code/", {"email": "boss@example.org"}),
    ],
)
def test_next_leads_nowhere_else(
    boss: User, target: str, address: str, data: dict[str, str]
) -> None:
    for given in (
        {"data": data | {"next": target}},
        {"data": data, "query_params": {"next": target}},
    ):
        client = Client()
        client.get(LOGIN)
        if "login" not in address:
            client.force_login(boss)
        response = client.post(address, **given)
        for place in follow(client, response):
            path = place.partition("?")[0]
            assert "evil" not in path, place
            assert re.match(r"/(?![/\\])|http://testserver/", place), place


def test_next_leads_on_within_the_site(boss: User) -> None:
    assert Client().post(LOGIN, GOOD | {"next": "/docs/"})["Location"] == "/docs/"


@EACH_ELSEWHERE
def test_next_at_the_admin_s_door_leads_nowhere_else(boss: User, target: str) -> None:
    client = Client()
    at_door = client.get("/admin/login/", {"next": target})
    response = client.post(at_door["Location"], GOOD)
    assert all("evil" not in place.partition("?")[0] for place in follow(client, response))


# Another's session


def test_signing_in_begins_a_session_with_another_key(boss: User) -> None:
    client = Client()
    planted = client.session
    planted["left"] = "by another"
    planted.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = planted.session_key
    client.post(LOGIN, GOOD)
    assert client.session.session_key != planted.session_key
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = planted.session_key
    assert thief.get("/admin/").status_code == 302


def test_after_signing_out_an_old_cookie_is_good_for_nothing(boss: User) -> None:
    client = Client()
    client.post(LOGIN, GOOD)
    assert client.get("/admin/").status_code == 200
    kept = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    client.post("/accounts/logout/")
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = kept
    assert thief.get("/admin/").status_code == 302


def test_another_password_ends_every_other_session(boss: User) -> None:
    client = Client()
    client.post(LOGIN, GOOD)
    boss.set_password("yet another sentence")
    boss.save()
    assert client.get("/admin/").status_code == 302


def test_cookies_are_for_no_script_and_no_other_site(boss: User) -> None:
    client = Client()
    client.post(LOGIN, GOOD)
    client.get(LOGIN)
    session = client.cookies[django_settings.SESSION_COOKIE_NAME]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")
    assert Client().get(LOGIN).cookies["csrftoken"]["samesite"] == "Lax"


# Another's form


def test_a_token_needs_no_form_s_token_and_a_session_does_over_rest(settings: Any) -> None:
    make_study(raters=0, state="open")
    boss = make_user("ann", "studies.view_study", "studies.change_study", is_staff=True)
    headers = bearer(boss, may_manage=True)
    strict = Client(enforce_csrf_checks=True)
    steps = "/api/v1/studies/tea/steps/"
    assert post(strict, steps, {"step": "pause"}, headers).status_code == 200
    strict.force_login(boss)
    refused = post(strict, steps, {"step": "open"})
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


# Another host


def test_a_mail_names_no_host_that_the_asker_made_up(boss: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["hustings.example.org"]
    reset, data = "/accounts/password/reset/", {"email": "boss@example.org"}
    for headers in ({"Host": "evil.example"}, {"Host": "hustings.example.org:evil"}):
        assert Client().post(reset, data, headers=headers).status_code == 400
    assert mail.outbox == []
    headers = {"Host": "hustings.example.org", "X-Forwarded-Host": "evil.example"}
    assert Client().post(reset, data, headers=headers).status_code == 302
    assert "//hustings.example.org/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body
