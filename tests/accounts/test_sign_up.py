"""Accounts of raters: an address and a code, only on the way into a study; staff as before."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.sign_up import delete_account
from studies.models import Study
from tests.cast import make_user
from tests.raters.live_study import open_study

ADDRESS_PAGE, CODE_PAGE = "/accounts/login/code/", "/accounts/login/code/confirm/"


@pytest.fixture(autouse=True)
def _nobody_has_asked_for_codes() -> None:
    cache.clear()


@pytest.fixture
def way_in(db: None, client: Client) -> Client:
    """A browser on its way into a study that asks for an account."""
    Study.objects.filter(pk=open_study().pk).update(entrance=Study.Entrance.ACCOUNT)
    client.post("/join/tea/")
    return client


def code_sent() -> str:
    found = re.search(r"^ +(\d{6})$", mail.outbox[-1].body, re.MULTILINE)
    assert found is not None, mail.outbox[-1].body
    return found[1]


def test_the_account_holds_the_address_and_neither_a_password_nor_a_right(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "Ann@Example.org"})
    assert not EmailAddress.objects.get().verified
    way_in.post(CODE_PAGE, {"code": code_sent()})
    user = User.objects.get()
    assert user.email == "ann@example.org"
    assert EmailAddress.objects.get().verified
    assert "ann" not in user.username
    assert not user.has_usable_password()
    assert not user.is_staff
    assert way_in.get("/admin/").status_code == 302
    assert "/admin/login/" in way_in.get("/admin/").url


def test_the_e_mail_says_in_plain_words_what_to_do(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    sent = mail.outbox[0]
    assert sent.to == ["ann@example.org"]
    assert sent.subject == f"{code_sent()} is your code for Hustings"
    assert "Type them on the page that is still open." in sent.body
    assert "&" not in sent.body


def test_after_the_code_she_goes_on_also_where_the_address_says_nothing(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    assert way_in.post(CODE_PAGE, {"code": code_sent()}).url == "/join/tea/signed-in/"


def test_three_wrong_codes_lead_back_to_the_address(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    good = code_sent()
    for _ in range(2):
        assert way_in.post(CODE_PAGE, {"code": "12345"}).status_code == 200
    assert way_in.post(CODE_PAGE, {"code": "12345"}).url == ADDRESS_PAGE
    assert "too many tries" in way_in.get(ADDRESS_PAGE).text
    assert way_in.post(CODE_PAGE, {"code": good}).url == ADDRESS_PAGE
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    assert way_in.post(CODE_PAGE, {"code": code_sent()}).url == "/join/tea/signed-in/"


def test_new_digits_are_sent_and_the_old_ones_are_good_no_more(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    first = code_sent()
    way_in.post(CODE_PAGE, {"action": "resend"})
    assert len(mail.outbox) == 2
    assert code_sent() != first
    assert way_in.post(CODE_PAGE, {"code": first}).status_code == 200
    assert way_in.post(CODE_PAGE, {"code": code_sent()}).status_code == 302


def test_an_address_that_was_mistyped_can_be_changed(way_in: Client) -> None:
    way_in.post(ADDRESS_PAGE, {"email": "amn@example.org"})
    page = f"{ADDRESS_PAGE}?next=/join/tea/signed-in/"
    assert way_in.post("/accounts/logout/", {"next": page}).url == page
    assert way_in.get(page).status_code == 200
    way_in.post(page, {"email": "ann@example.org"})
    way_in.post(CODE_PAGE, {"code": code_sent()})
    assert way_in.get("/join/tea/signed-in/").url == "/join/tea/consent/"


def test_an_address_is_sent_only_so_many_codes(way_in: Client) -> None:
    for _ in range(3):
        assert Client().post(ADDRESS_PAGE, {"email": "ann@example.org"}).status_code == 302
    refused = Client().post(ADDRESS_PAGE, {"email": "ann@example.org"})
    assert "Please wait some minutes" in refused.text
    assert len(mail.outbox) == 3


# Who gets no account, and no code


@pytest.mark.django_db
def test_nobody_signs_up_who_was_not_led_there(client: Client) -> None:
    assert client.get(ADDRESS_PAGE).status_code == 200
    assert client.post(ADDRESS_PAGE, {"email": "ann@example.org"}).status_code == 302
    assert not User.objects.exists()
    assert "There is no account here" in mail.outbox[0].body


@pytest.mark.django_db
def test_the_library_s_own_form_stays_closed_also_on_the_way_in(way_in: Client) -> None:
    assert "There is no sign-up here" in way_in.get("/accounts/signup/").text
    way_in.post("/accounts/signup/", {"email": "ann@example.org", "username": "ann"})
    assert not User.objects.exists()


def test_the_way_in_closes_after_an_hour(way_in: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    assert not User.objects.exists()


def test_staff_are_sent_no_code_and_sign_in_as_before(way_in: Client) -> None:
    boss = make_user("boss", is_staff=True)
    User.objects.filter(pk=boss.pk).update(email="Boss@example.org")
    way_in.post(ADDRESS_PAGE, {"email": "boss@example.org"})
    assert "sign in with your user name and password" in mail.outbox[0].body
    assert User.objects.count() == 1
    client = Client()
    form = {"login": "boss", "password": "a long sentence", "next": "/join/tea/signed-in/"}
    assert client.post("/accounts/login/", form).url == "/join/tea/signed-in/"


def test_a_closed_account_is_sent_no_code_and_replaced_by_no_other(way_in: Client) -> None:
    ann = make_user("ann")
    User.objects.filter(pk=ann.pk).update(email="ann@example.org", is_active=False)
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    assert "There is no account here" in mail.outbox[0].body
    assert User.objects.count() == 1


def test_an_address_that_only_looks_the_same_opens_no_other_s_account(way_in: Client) -> None:
    mike = make_user("mike")
    User.objects.filter(pk=mike.pk).update(email="mike@example.org")
    way_in.post(ADDRESS_PAGE, {"email": "mıke@example.org"})
    way_in.post(CODE_PAGE, {"code": code_sent()})
    assert int(way_in.session["_auth_user_id"]) != mike.pk


def test_an_address_that_another_has_confirmed_opens_her_account(way_in: Client) -> None:
    ann, other = make_user("ann"), make_user("other")
    User.objects.filter(pk=other.pk).update(email="ann@example.org")
    EmailAddress.objects.create(user=ann, email="ann@example.org", verified=True)
    way_in.post(ADDRESS_PAGE, {"email": "ann@example.org"})
    way_in.post(CODE_PAGE, {"code": code_sent()})
    assert int(way_in.session["_auth_user_id"]) == ann.pk


@pytest.mark.django_db
def test_only_raters_accounts_are_deleted() -> None:
    delete_account(make_user("ann"))
    assert not User.objects.exists()
    with pytest.raises(ValueError, match="boss is staff"):
        delete_account(make_user("boss", is_staff=True))
