"""Writes over REST: by whom, once for each key, and refused with reasons."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client
from django.utils import timezone

from leaderboards.models import Board, Report
from leaderboards.services.reports import write_report
from studies.errors import WriteUnderWayError
from studies.models import Study, WrittenRequest
from studies.written import (
    Answered,
    begin_write,
    clear_written,
    finish_write,
    freed_if_not_done,
)
from tests.cast import make_admin, make_board, make_study, make_user
from tests.raters.live import shared_database  # noqa: F401  a fixture
from tests.raters.test_strikes import together
from tests.studies.test_api import bearer

pytestmark = pytest.mark.django_db

STEPS = "/api/v1/studies/tea/steps/"
BOARDS = "/api/v1/studies/tea/boards/"
REPORTS = "/api/v1/studies/tea/reports/"
PERMISSIONS = ("studies.view_study", "studies.change_study", "leaderboards.add_board")


def post(client, address, body, headers=None, key=None):
    sent = {"Idempotency-Key": key or str(uuid4())} | (headers or {})
    return client.post(address, body, content_type="application/json", headers=sent)


@pytest.fixture
def study():
    return make_study(raters=0, state="open")


@pytest.fixture
def manager():
    return make_user("manager", *PERMISSIONS, is_staff=True)


@pytest.fixture
def headers(manager):
    return bearer(manager, may_manage=True)


def test_a_study_is_paused_and_closed_and_its_history_says_by_whom(client, study, headers, manager):
    answer = post(client, STEPS, {"step": "pause"}, headers)
    assert (answer.status_code, answer.json()["state"]) == (200, "paused")
    assert answer["Location"] == "http://testserver/api/v1/studies/tea/"
    assert post(client, STEPS, {"step": "close"}, headers).json()["state"] == "closed"
    said = LogEntry.objects.filter(user=manager).values_list("change_message", flat=True)
    assert set(said) == {
        "The study is paused now. (over REST)",
        "The study is closed now. (over REST)",
    }


def test_a_step_that_the_life_cycle_does_not_allow_is_409(client, study, headers):
    answer = post(client, STEPS, {"step": "archive"}, headers)
    assert answer.status_code == 409
    assert answer.json()["errors"]["study"] == [
        "A study that is open can become: closed, paused. Not archived."
    ]


def test_a_study_that_is_not_ready_says_what_is_missing_and_stays(client, headers):
    study = make_study("draft", raters=0, state="draft")
    answer = post(client, "/api/v1/studies/draft/steps/", {"step": "open"}, headers)
    assert answer.status_code == 409
    assert "Write the consent text that raters agree to." in answer.json()["errors"]["study"]
    study.refresh_from_db()
    assert study.state == "draft"


def test_a_request_sent_again_is_answered_alike_and_done_once(client, study, headers):
    key = str(uuid4())
    first = post(client, REPORTS, {"kind": "robustness"}, headers, key)
    assert first.status_code == 202
    assert "Idempotent-Replayed" not in first
    Report.objects.update(state="finished", document={}, finished_at=timezone.now())
    again = post(client, REPORTS, {"kind": "robustness"}, headers, f'"{key}"')
    assert (again.status_code, again.json()) == (202, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Report.objects.count() == 1
    post(client, REPORTS, {"kind": "robustness"}, headers)
    assert Report.objects.count() == 2


def test_a_key_that_comes_with_another_request_is_422(client, study, headers):
    key = str(uuid4())
    post(client, STEPS, {"step": "pause"}, headers, key)
    for address, body in ((STEPS, {"step": "close"}), (REPORTS, {"kind": "robustness"})):
        answer = post(client, address, body, headers, key)
        assert answer.status_code == 422
        assert "another request" in answer.json()["detail"]
    study.refresh_from_db()
    assert study.state == "paused"


def test_the_same_key_of_somebody_else_is_another_one(client, study, headers):
    key = str(uuid4())
    post(client, STEPS, {"step": "pause"}, headers, key)
    answer = post(client, STEPS, {"step": "close"}, bearer(make_admin(), may_manage=True), key)
    assert answer.status_code == 200


def test_a_request_under_way_is_409_and_after_its_server_died_it_is_done(
    client, study, headers, manager
):
    now = timezone.now()
    key = str(uuid4())
    post(client, STEPS, {"step": "pause"}, headers, key)
    WrittenRequest.objects.update(status=None, document=None)
    Study.objects.update(state="open")
    assert post(client, STEPS, {"step": "pause"}, headers, key).status_code == 409
    with time_machine.travel(now + timedelta(minutes=11), tick=False):
        assert post(client, STEPS, {"step": "pause"}, headers, key).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a" * 201, "two words", "é"])
def test_without_a_key_that_can_be_kept_nothing_is_written(client, study, headers, key):
    answer = client.post(
        STEPS,
        {"step": "pause"},
        content_type="application/json",
        headers=headers | ({"Idempotency-Key": key} if key else {}),
    )
    assert answer.status_code == 400
    assert "visible ASCII" in answer.json()["errors"]["Idempotency-Key"][0]
    study.refresh_from_db()
    assert study.state == "open"


def test_what_was_refused_leaves_its_key_free(client, study, headers):
    key = str(uuid4())
    assert post(client, STEPS, {"step": "archive"}, headers, key).status_code == 409
    Study.objects.update(state="closed")
    assert post(client, STEPS, {"step": "archive"}, headers, key).status_code == 200


def test_what_broke_off_leaves_its_key_free_and_what_was_answered_does_not(manager):
    now = timezone.now()
    with pytest.raises(ZeroDivisionError), freed_if_not_done(begin(manager, now)):
        raise ZeroDivisionError
    claim = begin(manager, now)
    finish_write(claim, Answered(200, {"done": True}))
    with pytest.raises(ZeroDivisionError), freed_if_not_done(claim):
        raise ZeroDivisionError
    assert begin(manager, now) == Answered(200, {"done": True})


def test_who_has_lost_a_claim_can_t_answer_and_what_she_did_does_not_stand(manager):
    now = timezone.now()
    lost = begin(manager, now)
    with pytest.raises(WriteUnderWayError):
        begin(manager, now + timedelta(minutes=9))
    claim = begin(manager, now + timedelta(minutes=10))
    with pytest.raises(WriteUnderWayError):
        make_study_and_answer(lost)
    assert not Study.objects.filter(slug="lost").exists()
    finish_write(claim, Answered(200, {}))


@transaction.atomic
def make_study_and_answer(claim):
    make_study("lost", raters=0)
    finish_write(claim, Answered(200, {}))


def begin(user, at):
    return begin_write(user, "the-same", "digest", at=at)


def test_answers_are_forgotten_after_a_day(client, study, headers, manager):
    now = timezone.now()
    begin_write(manager, "old", "x", at=now - timedelta(days=1, seconds=1))
    begin_write(manager, "new", "x", at=now - timedelta(hours=23))
    assert clear_written(at=now) == 1
    assert WrittenRequest.objects.get().key == "new"
    begin_write(manager, "new", "of another request", at=now + timedelta(hours=2))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "step"),
        ({"step": "reopen"}, "step"),
        ([], "body"),
        ('"open"', "body"),
    ],
)
def test_a_body_that_makes_no_sense_is_400_and_says_where(client, study, headers, body, field):
    answer = post(client, STEPS, body, headers)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["errors"]
    assert not WrittenRequest.objects.exists()


def test_a_body_that_is_not_json_is_415_or_400(client, study, headers):
    sent = headers | {"Idempotency-Key": "one"}
    form = client.post(STEPS, {"step": "pause"}, headers=sent)
    assert (form.status_code, form["Content-Type"]) == (415, "application/problem+json")
    broken = client.post(STEPS, "{", content_type="application/json", headers=sent)
    assert broken.status_code == 400


def test_a_board_is_asked_for_and_stands_once_a_worker_has_taken_it(client, headers, manager):
    study = make_study()
    first = make_board(study)
    unseen = post(client, BOARDS, {"supersedes": str(uuid4())}, headers)
    assert unseen.status_code == 409
    assert str(first.pk) in unseen.json()["detail"]
    assert post(client, BOARDS, {"engine": "ratings"}, headers).status_code == 409
    asked = post(client, BOARDS, {"supersedes": str(first.pk)}, headers)
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    write_report(asked.json()["id"], at=timezone.now())
    report = client.get(asked["Location"], headers=headers).json()
    assert report["state"] == "finished"
    told = client.get(report["result_url"]).json()
    assert (told["supersedes"], told["engine"]) == (str(first.pk), "davidson")
    assert Board.objects.get(pk=told["id"]).taken_by == manager


def test_a_report_names_what_it_is_of(client, study, headers):
    study.dimensions.filter(key="warmth").update(weight=2)
    asked = post(client, REPORTS, {"kind": "robustness", "dimension": "warmth"}, headers).json()
    assert (asked["kind"], asked["subject"], asked["result_url"]) == ("robustness", "warmth", None)
    listed = client.get(REPORTS, {"kind": "robustness"}, headers=headers).json()["results"]
    assert [report["id"] for report in listed] == [asked["id"]]
    unknown = post(client, REPORTS, {"kind": "robustness", "dimension": "speed"}, headers)
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["dimension"])
    no_run = post(client, REPORTS, {"kind": "comparison", "runs": [7]}, headers)
    assert (no_run.status_code, list(no_run.json()["errors"])) == (400, ["runs"])


@pytest.mark.django_db(transaction=True)
def test_a_request_that_comes_many_times_at_once_is_done_once(shared_database):  # noqa: F811
    make_study(raters=0, state="open")
    headers = bearer(make_user("manager", *PERMISSIONS, is_staff=True), may_manage=True)
    body = {"kind": "robustness"}
    answers = together(lambda _n: post(Client(), REPORTS, body, headers, "the-same"), 8)
    done = [answer for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}, answers
    assert len([answer for answer in done if "Idempotent-Replayed" not in answer]) == 1
    assert all(answer.json() == done[0].json() for answer in done)
    assert Report.objects.count() == WrittenRequest.objects.count() == 1
