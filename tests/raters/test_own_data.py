"""What a rater sees and takes of what is stored of her."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from raters.models import Battle, CheckAnswer, Participation, Rating, Signal, Strike, Turn
from raters.own_data import read_own_data
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, lift_exclusion
from studies.models import AttentionCheck, Study, Task
from tests.cast import NOW, make_user
from tests.raters.live_study import SECRETS, open_study
from tests.raters.steps import begin, complete, judge

pytestmark = pytest.mark.one_database

LINK = "?PROLIFIC_PID=p-1&STUDY_ID=s-1&SESSION_ID=v-1"


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


def test_the_file_holds_where_she_came_from_and_what_she_agreed_to(
    study: Study, client: Client
) -> None:
    begin(client, LINK)
    data = client.get("/join/tea/my-data.json").json()
    assert data["recruiting_id"] == "p-1"
    assert data["recruiting_study"] == "s-1"
    assert data["recruiting_session"] == "v-1"
    assert data["account_email"] is None
    assert data["place_kept_until"] is not None
    assert data["consent"]["version"] == 1
    assert data["consent"]["given_at"] is not None
    assert "Not your name." in data["consent"]["text"]
    page = client.get("/join/tea/my-data/").text
    for words in ("p-1", "s-1", "v-1", "Not your name.", "The text of version 1"):
        assert words in page


@pytest.mark.every_database
def test_it_holds_every_battle_with_task_message_mark_verdict_and_reason(
    study: Study, client: Client
) -> None:
    begin(client, LINK)
    judge(client)
    task = Task.objects.create(study=study, area="Home", name="Oven", text="Ask about an oven.")
    Battle.objects.update(task=task)
    Turn.objects.update(is_identity_probe=True, pasted_signs=12, times_away=2)
    battle = client.get("/join/tea/my-data.json").json()["battles"][0]
    assert battle["task"] == "Home › Oven"
    assert battle["verdicts"] == {"Overall": "A", "Clarity": "tie"}
    assert battle["why"] == "It asked how dirty."
    message = battle["messages"][0]
    assert message["text"] == "How do I clean an oven?"
    assert message["asked_who_it_is"]
    assert (message["pasted_signs"], message["times_away"]) == (12, 2)
    assert set(message["replies"]) == {"A", "B"}
    page = client.get("/join/tea/my-data/").text
    assert "Marked: you asked a side who it is." in page
    assert "Home › Oven" in page


def test_a_single_study_shows_her_marks(study: Study, client: Client) -> None:
    begin(client, LINK)
    battle = Battle.objects.get()
    Battle.objects.update(side_b=None, judged_at=NOW)
    for dimension, score in zip(study.dimensions.order_by("position"), (7, 2), strict=True):
        Rating.objects.create(battle=battle, dimension=dimension, score=score, recorded_at=NOW)
    data = client.get("/join/tea/my-data.json").json()["battles"][0]
    assert data["ratings"] == {"Overall": 7, "Clarity": 2}
    assert "Your marks, 1 to 7" in client.get("/join/tea/my-data/").text


def test_it_holds_what_was_checked_and_noticed(study: Study, client: Client) -> None:
    ann = begin(client, LINK)
    check = AttentionCheck.objects.create(
        study=study, kind="instructed", question="Choose B here.", accepted="B"
    )
    CheckAnswer.objects.create(
        participation=ann, attention_check=check, answer="A", is_passed=False, answered_at=NOW
    )
    found = {"screen": "words", "screen_version": 1, "created_at": NOW, "participation": ann}
    Strike.objects.create(key="1", kind="low_effort", evidence="“asdf”", objection="No!", **found)
    Signal.objects.create(key="1", kind="pace", evidence="2 seconds a battle", **found)
    page = client.get("/join/tea/my-data/").text
    for words in ("Choose B here.", "“asdf”", "No!", "2 seconds a battle"):
        assert words in page
    data = read_own_data(ann)
    assert data["checks"][0]["is_passed"] is False
    assert data["strikes"][0]["decision"] == "not reviewed"
    withdraw_and_erase(ann, at=NOW)
    data = read_own_data(ann)
    assert data["checks"][0]["answer"] == data["strikes"][0]["evidence"] == ""


@pytest.mark.every_database
def test_it_holds_the_exclusions_that_concern_her_and_nobody_else_s(
    study: Study, client: Client
) -> None:
    ann, boss = begin(client, LINK), make_user("boss")
    bea = begin(Client(), "?PROLIFIC_PID=p-2")
    exclude(bea, reason="Bea's own.", by=boss, at=NOW)
    lift_exclusion(exclude(ann, reason="Too fast.", by=boss, at=NOW), by=boss, at=NOW)
    exclude(Battle.objects.get(participation=ann), reason="A leak.", by=boss, at=NOW)
    found = [(each["of"], each["reason"]) for each in read_own_data(ann)["exclusions"]]
    assert found == [("everything", "Too fast."), ("battle 1", "A leak.")]
    assert "(counted again since)" in client.get("/join/tea/my-data/").text


def test_of_somebody_with_an_account_it_holds_the_address(study: Study, client: Client) -> None:
    Study.objects.update(entrance=Study.Entrance.ACCOUNT)
    user = make_user("ann")
    user.email = "ann@example.org"
    user.save()
    client.force_login(user)
    begin(client, "")
    assert client.get("/join/tea/my-data.json").json()["account_email"] == "ann@example.org"
    assert "ann@example.org" in client.get("/join/tea/my-data/").text


@pytest.mark.parametrize("state", sorted(set(Participation.State.values) - {"withdrawn"}))
def test_her_data_is_hers_in_every_state(study: Study, client: Client, state: str) -> None:
    ann = begin(client, LINK)
    Participation.objects.update(state=state)
    ann.refresh_from_db()
    page = client.get("/join/tea/my-data/")
    assert page.status_code == 200
    assert "Withdraw and erase" in page.text
    assert client.get("/join/tea/my-data.json").json()["state"] == ann.get_state_display()


@pytest.mark.every_database
def test_after_withdrawing_only_facts_are_left(study: Study, client: Client) -> None:
    ann = complete(client, LINK)
    withdraw_and_erase(ann, at=NOW)
    data = read_own_data(Participation.objects.get())
    assert data["state"] == "withdrawn, and erased"
    assert (data["source"], data["recruiting_id"]) == ("erased", "")
    assert data["groups"] == {}
    assert data["consent"]["version"] == 1
    assert [each["reason"] for each in data["exclusions"]] == ["The rater withdrew."]
    for battle in data["battles"]:
        assert battle["verdicts"] == {"Overall": "A", "Clarity": "tie"}
        assert battle["why"] == ""
        assert [message["text"] for message in battle["messages"]] == [""]
        assert [message["replies"] for message in battle["messages"]] == [{}]


def test_no_model_is_named_and_more_battles_cost_no_more_queries(
    study: Study, client: Client
) -> None:
    ann = begin(client, LINK)
    judge(client)
    with CaptureQueriesContext(connection) as one:
        read_own_data(ann)
    judge(client, "And the windows?")
    with CaptureQueriesContext(connection) as two:
        data = read_own_data(ann)
    assert len(data["battles"]) == 2
    assert len(one) == len(two)
    assert [word for word in SECRETS if word in str(data)] == []
