"""A session that can't be saved: because the database is away, or because it is gone."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client

from tests.raters.live_study import open_study


@pytest.fixture
def client(db: None) -> Client:
    open_study()
    client = Client(raise_request_exception=False)
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    return client


def agree(client: Client) -> Any:
    return client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})


def test_a_database_that_goes_away_is_our_trouble_and_she_tries_again(client: Client) -> None:
    def cut_off(execute: Any, sql: str, *given: Any) -> Any:
        if sql.startswith('UPDATE "django_session"'):
            raise OperationalError("terminating connection due to administrator command")
        return execute(sql, *given)

    with connection.execute_wrapper(cut_off):
        failed = agree(client)
    assert failed.status_code == 500
    assert "It is not your doing" in failed.text
    assert agree(client).url == "/join/tea/about/age/"


def test_who_signed_out_in_another_tab_is_told_to_load_the_page_anew(client: Client) -> None:
    def sign_out_meanwhile(execute: Any, sql: str, *given: Any) -> Any:
        if sql.startswith('UPDATE "django_session"'):
            Session.objects.all().delete()
        return execute(sql, *given)

    with connection.execute_wrapper(sign_out_meanwhile):
        refused = agree(client)
    assert refused.status_code == 400
    assert "Go back, load that page anew" in refused.text
