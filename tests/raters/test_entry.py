"""The three entrances of a study: what its link says, who gets in, and who comes back."""

import copy
import re
from dataclasses import astuple
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from raters.identities import Identity, fields_for
from raters.models import Participation, Rater
from studies.models import Study
from tests.cast import make_user
from tests.raters.live_study import open_study
from tests.raters.steps import agree_and_answer, begin, go_to_battle

pytestmark = pytest.mark.one_database

LINK = "?PROLIFIC_PID=p-1&STUDY_ID=s-1&SESSION_ID=v-1"


@pytest.fixture(autouse=True)
def _nobody_has_asked_for_codes() -> None:
    cache.clear()


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


def ids_of(participation: Participation) -> tuple[str, str, str]:
    participation.refresh_from_db()
    return astuple(participation.identity)


# What the link says


@pytest.mark.every_database
def test_all_three_parameters_are_kept_with_the_place(study: Study, client: Client) -> None:
    assert ids_of(begin(client, LINK)) == ("p-1", "s-1", "v-1")


def test_the_latest_visit_stands_when_she_comes_back(study: Study, client: Client) -> None:
    ann = begin(client, LINK)
    assert client.get("/join/tea/?PROLIFIC_PID=p-1&SESSION_ID=v-2").url == "/join/tea/battle/"
    assert ids_of(ann) == ("p-1", "s-1", "v-2")
    other = Client()
    other.post("/join/tea/?PROLIFIC_PID=p-1&STUDY_ID=s-2&SESSION_ID=v-3")
    assert ids_of(ann) == ("p-1", "s-2", "v-3")
    client.get("/join/tea/")
    assert ids_of(ann) == ("p-1", "s-2", "v-3"), "an old tab says nothing new"


def test_the_names_of_the_parameters_are_the_study_s_own(study: Study, client: Client) -> None:
    Study.objects.update(
        recruiting_parameter="workerId", study_parameter="hit", session_parameter=""
    )
    link = "?workerId=w-1&hit=h-1&SESSION_ID=v-1&PROLIFIC_PID=p-1&=x"
    assert ids_of(begin(client, link)) == ("w-1", "h-1", "")


@pytest.mark.every_database
def test_odd_and_long_values_are_cleaned_and_never_an_error(study: Study, client: Client) -> None:
    long = "x" * 500
    ann = begin(client, f"?PROLIFIC_PID=%20p%00-%0A1%20&STUDY_ID={long}&SESSION_ID=%FF")
    recruiting_id, recruiting_study, _ = ids_of(ann)
    assert recruiting_id == "p-1"
    assert recruiting_study == "x" * 200
    assert ids_of(begin(Client(), f"?PROLIFIC_PID={long}"))[0] == "x" * 200


@pytest.mark.parametrize(
    "unfilled", ["{{%PROLIFIC_PID%}}", "{{PROLIFIC_PID}}", "${workerId}", "[%id%]", "%id%"]
)
def test_a_link_that_the_platform_did_not_fill_in_lets_nobody_in_and_says_why(
    study: Study, client: Client, unfilled: str
) -> None:
    for response in (
        client.get("/join/tea/", {"PROLIFIC_PID": unfilled}),
        client.post("/join/tea/", query_params={"PROLIFIC_PID": unfilled}),
    ):
        assert response.status_code == 200
        assert "Your link is not complete" in response.text
        assert "open it with the button there" in response.text
    assert not Session.objects.exists()


def test_an_unfilled_study_or_visit_is_only_left_out(study: Study, client: Client) -> None:
    link = "?PROLIFIC_PID=p-1&STUDY_ID={{%25STUDY_ID%25}}&SESSION_ID={{%25SESSION_ID%25}}"
    assert ids_of(begin(client, link)) == ("p-1", "", "")


@pytest.mark.parametrize("source", ["own", "account"])
def test_no_link_brings_anybody_to_a_place_by_an_id_of_our_own(
    study: Study, client: Client, source: str
) -> None:
    ann = begin(client)
    hers = fields_for(study.pk, Identity("1"), source=source)
    Participation.objects.filter(pk=ann.pk).update(**hers)
    stranger = Client()
    stranger.post("/join/tea/?PROLIFIC_PID=1")
    stranger.post("/join/tea/", {"recruiting_id": "1"})
    assert stranger.get("/join/tea/battle/").url == "/join/tea/"


def send_twice(client: Client, address: str, given: dict[str, Any]) -> Any:
    """Send a form whose first answer is lost, with the cookies that came in it."""
    before = copy.copy(client.cookies)
    client.post(address, given)
    client.cookies = before
    return client.post(address, given)


@pytest.mark.every_database
def test_a_lost_answer_costs_her_nothing_on_her_way_in(study: Study, client: Client) -> None:
    send_twice(client, f"/join/tea/{LINK}", {})
    send_twice(client, "/join/tea/consent/", {"version": 1, "answer": "agree"})
    send_twice(client, "/join/tea/about/age/", {"group": "18-34"})
    answer = send_twice(client, "/join/tea/about/sex/", {"group": "female"})
    assert client.get(answer.url).url == "/join/tea/how/"
    send_twice(client, "/join/tea/how/", {})
    assert client.get("/join/tea/battle/").status_code == 200
    assert Participation.objects.count() == 1


def test_her_place_is_bound_to_no_session_that_somebody_planted(
    study: Study, client: Client
) -> None:
    thief = Client()
    thief.post("/join/tea/?PROLIFIC_PID=thief")
    client.cookies["sessionid"] = thief.cookies["sessionid"].value
    begin(client, LINK)
    assert client.get("/join/tea/battle/").status_code == 200
    assert thief.get("/join/tea/battle/").status_code == 302


def test_what_she_answered_is_not_asked_again_if_she_comes_in_once_more(
    study: Study, client: Client
) -> None:
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    client.post("/join/tea/about/age/", {"group": "18-34"})
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    response = client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    assert response.url == "/join/tea/about/sex/"
    client.post("/join/tea/?PROLIFIC_PID=p-2")
    response = client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    assert response.url == "/join/tea/about/age/", "what another said is not hers"


@pytest.mark.parametrize("path", ["message", "compare"])
def test_nothing_that_she_typed_is_lost_when_her_session_has_ended(
    study: Study, client: Client, path: str
) -> None:
    begin(client)
    Session.objects.all().delete()
    typed = {"text": "", "reason": "It asked <how> dirty."}
    if path == "message":
        typed = {"text": typed["reason"], "number": "1"}
    page = client.post(f"/join/tea/battle/1/{path}/", typed)
    assert page.status_code == 401
    assert "It asked &lt;how&gt; dirty." in page.text


# Only recruited people


@pytest.fixture
def recruited(study: Study) -> Study:
    Study.objects.update(entrance=Study.Entrance.RECRUITED)
    return study


def test_a_study_for_recruited_people_lets_nobody_in_without_an_id(
    recruited: Study, client: Client
) -> None:
    for response in (client.get("/join/tea/"), client.post("/join/tea/")):
        assert response.status_code == 200
        assert "come in from where you found the study" in response.text
    assert client.get("/join/tea/consent/").url == "/join/tea/"
    assert not Session.objects.exists()


def test_a_recruited_rater_comes_in_and_back_by_the_bare_link_too(
    recruited: Study, client: Client
) -> None:
    client.post(f"/join/tea/{LINK}")
    assert client.get("/join/tea/").status_code == 200, "her id stands in her session"
    go_to_battle(client)
    assert client.get("/join/tea/").url == "/join/tea/battle/"
    assert ids_of(Participation.objects.get()) == ("p-1", "s-1", "v-1")


def test_who_came_before_the_study_asked_for_ids_keeps_her_place(
    study: Study, client: Client
) -> None:
    begin(client, "")
    Study.objects.update(entrance=Study.Entrance.RECRUITED)
    assert client.get("/join/tea/").url == "/join/tea/battle/"
    fresh = Client()
    assert "come in from where you found" in fresh.post("/join/tea/").text


# By an account


@pytest.fixture
def with_accounts(study: Study) -> Study:
    Study.objects.update(entrance=Study.Entrance.ACCOUNT)
    return study


def ask_for_code(client: Client, address: str = "ann@example.org") -> str:
    """From the entrance to the code that was sent."""
    entrance = client.post("/join/tea/?STUDY_ID=s-1&SESSION_ID=v-1")
    assert entrance.url.startswith("/accounts/login/code/?next=")
    response = client.post(entrance.url, {"email": address, "next": "/join/tea/signed-in/"})
    assert response.url.startswith("/accounts/login/code/confirm/")
    found = re.search(r"^ +(\d{6})$", mail.outbox[-1].body, re.MULTILINE)
    assert found is not None, mail.outbox[-1].body
    return found[1]


def sign_in(client: Client, address: str = "ann@example.org") -> Any:
    code = ask_for_code(client, address)
    page = "/accounts/login/code/confirm/"
    response = client.post(page, {"code": code, "next": "/join/tea/signed-in/"})
    assert response.url == "/join/tea/signed-in/"
    return client.get(response.url)


def test_signing_up_takes_an_address_and_a_code_and_leads_on_where_she_was(
    with_accounts: Study, client: Client
) -> None:
    assert client.get("/join/tea/").status_code == 200
    assert not Session.objects.exists(), "a link's preview creates nothing"
    assert sign_in(client).url == "/join/tea/consent/"
    ann = go_to_battle(client)
    user = User.objects.get()
    assert ids_of(ann) == (str(user.pk), "s-1", "v-1")
    assert ann.source == "account"
    assert client.get("/join/tea/").url == "/join/tea/battle/"


@pytest.mark.every_database
def test_an_account_comes_back_to_the_same_place_from_another_device(
    with_accounts: Study, client: Client
) -> None:
    sign_in(client)
    go_to_battle(client)
    phone = Client()
    assert sign_in(phone, "Ann@Example.org").url == "/join/tea/battle/"
    assert phone.get("/join/tea/battle/").status_code == 200
    assert Participation.objects.count() == User.objects.count() == Rater.objects.count() == 1


def test_without_the_code_nobody_gets_in(with_accounts: Study, client: Client) -> None:
    ask_for_code(client)
    assert client.get("/join/tea/signed-in/").url == "/join/tea/"
    assert client.get("/join/tea/consent/").url == "/join/tea/"
    page = client.post("/accounts/login/code/confirm/", {"code": "000000"})
    assert "That is not the code we sent" in page.text
    assert client.get("/join/tea/signed-in/").url == "/join/tea/"


def test_an_id_in_the_link_is_nobody_s_account(with_accounts: Study, client: Client) -> None:
    sign_in(client)
    ann = go_to_battle(client)
    other = Client()
    for link in ("?PROLIFIC_PID=p-1", f"?PROLIFIC_PID={ann.identity.recruiting_id}"):
        assert other.post(f"/join/tea/{link}").url.startswith("/accounts/login/code/")
    assert other.get("/join/tea/battle/").url == "/join/tea/"


def test_signing_out_closes_the_way_back_in_this_browser(
    with_accounts: Study, client: Client
) -> None:
    sign_in(client)
    go_to_battle(client)
    client.post("/accounts/logout/")
    assert client.get("/join/tea/battle/").url == "/join/tea/"
    assert client.post("/join/tea/").url.startswith("/accounts/login/code/")


def test_staff_who_follow_the_link_take_part_as_they_are_signed_in(
    with_accounts: Study, client: Client
) -> None:
    boss = make_user("boss", is_staff=True)
    client.force_login(boss)
    assert client.post("/join/tea/").url == "/join/tea/consent/"
    assert agree_and_answer(client).url == "/join/tea/how/"
    assert ids_of(Participation.objects.get())[0] == str(boss.pk)


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_study_that_is_not_open_lets_back_in_but_makes_no_account(
    with_accounts: Study, client: Client, state: str
) -> None:
    sign_in(client)
    go_to_battle(client)
    Study.objects.update(state=state)
    back = Client()
    assert "I have a place in this study" in back.get("/join/tea/").text
    assert sign_in(back).url == "/join/tea/battle/"
    stranger = Client()
    stranger.post("/join/tea/")
    stranger.post("/accounts/login/code/", {"email": "new@example.org"})
    assert "There is no account here" in mail.outbox[-1].body
    assert User.objects.count() == 1
