"""A rater's way through a study, at the HTTP level."""

import asyncio
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone

from raters.markdown import render_markdown
from raters.models import Battle, Participation, Rater, Rating, Reply, Turn, Verdict
from raters.pages import ReplyView
from raters.services.panel import return_place
from studies.models import CompletionCode, ConsentText, Quota, Study, Task
from tests.raters.live_study import SECRETS, add_tasks, make_replies, open_study

pytestmark = pytest.mark.one_database

LINK = "/join/tea/?PROLIFIC_PID=p-1"
FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


def come_in(client: Client, recruiting_id: str = "p-1", slug: str = "tea") -> Any:
    """To the first question about her."""
    client.post(f"/join/{slug}/", {"recruiting_id": recruiting_id})
    return client.post(f"/join/{slug}/consent/", {"version": 1, "answer": "agree"})


def answer(client: Client, age: str = "18-34", sex: str = "female") -> Any:
    client.post("/join/tea/about/age/", {"group": age})
    return client.post("/join/tea/about/sex/", {"group": sex})


def begin(client: Client, recruiting_id: str = "p-1") -> Participation:
    """To her first battle."""
    come_in(client, recruiting_id)
    answer(client)
    client.post("/join/tea/how/")
    assert client.get("/join/tea/battle/").status_code == 200
    return Participation.objects.named_anywhere(recruiting_id).get()


def say(client: Client, text: str = "How do I clean an oven?", number: int = 1, **more: Any) -> Any:
    key = Battle.objects.latest("pk").key
    data = {"text": text, "number": number}
    return client.post(f"/join/tea/battle/{key}/message/", data, **more)


def compare(client: Client, **outcomes: str) -> Any:
    key = Battle.objects.latest("pk").key
    data = {f"outcome-{dimension}": outcome for dimension, outcome in outcomes.items()}
    return client.post(f"/join/tea/battle/{key}/compare/", data | {"reason": "It asked back."})


# Coming in


def test_looking_at_the_link_creates_nothing(study: Study, client: Client) -> None:
    page = client.get(LINK)
    assert "Which assistant helps people best" in page.text
    assert "About 20 minutes, £3.00" in page.text
    assert not Session.objects.exists()
    assert not Rater.objects.exists()
    assert not page.cookies.get("sessionid")


@pytest.mark.every_database
def test_agreeing_and_answering_takes_a_place_in_her_cell(study: Study, client: Client) -> None:
    assert come_in(client).url == "/join/tea/about/age/"
    assert not Participation.objects.exists()
    assert answer(client).url == "/join/tea/how/"
    participation = Participation.objects.get()
    assert participation.state == Participation.State.RESERVED
    assert participation.identity.recruiting_id == "p-1"
    assert participation.cell is not None
    assert participation.cell.key == "18-34|female"
    assert participation.consent_text == ConsentText.objects.get()
    assert "A place is yours" in client.get("/join/tea/how/").text


def test_the_session_cookie_is_for_no_script(study: Study, client: Client) -> None:
    response = client.post("/join/tea/", {"recruiting_id": "p-1"})
    assert response.cookies["sessionid"]["httponly"]


def test_without_consent_there_are_no_questions(study: Study, client: Client) -> None:
    assert client.get("/join/tea/about/age/").url == "/join/tea/"
    assert client.post("/join/tea/about/age/", {"group": "18-34"}).url == "/join/tea/"


def test_who_does_not_agree_gets_the_code_for_leaving_and_leaves_nothing(
    study: Study, client: Client
) -> None:
    client.post("/join/tea/", {"recruiting_id": "p-1"})
    page = client.post("/join/tea/consent/", {"version": 1, "answer": "decline"})
    assert "CODE-RETURNED" in page.text
    assert not Rater.objects.exists()


def test_consent_to_a_text_that_has_changed_is_asked_once_more(
    study: Study, client: Client
) -> None:
    client.post("/join/tea/", {"recruiting_id": "p-1"})
    ConsentText.objects.create(study=study, version=2, summary="New words.", text="New text.")
    page = client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    assert "The text has changed" in page.text
    assert "New words." in page.text


def test_a_question_left_open_is_asked_again(study: Study, client: Client) -> None:
    come_in(client)
    page = client.post("/join/tea/about/age/", {})
    assert "Choose one answer" in page.text
    assert "Choose one answer" not in client.get("/join/tea/about/age/").text
    assert client.post("/join/tea/about/age/", {"group": "99"}).status_code == 200
    assert client.get("/join/tea/about/").url == "/join/tea/about/age/"


def test_who_would_rather_not_say_is_told_what_it_means_and_may_answer_after_all(
    study: Study, client: Client
) -> None:
    come_in(client)
    assert "without an answer we can’t tell" in client.get("/join/tea/about/age/").text
    response = answer(client, age="rather-not-say")
    assert response.url == "/join/tea/no-place/"
    page = client.get("/join/tea/no-place/").text
    assert "You would rather not say: Age." in page
    assert not Participation.objects.exists()
    assert client.post("/join/tea/about/age/", {"group": "18-34"}).url == "/join/tea/how/"


def test_who_leaves_instead_of_answering_leaves_nothing(study: Study, client: Client) -> None:
    come_in(client)
    answer(client, age="rather-not-say")
    assert "CODE-RETURNED" in client.post("/join/tea/no-place/").text
    assert not Rater.objects.exists()


def test_a_full_group_is_told_kindly_with_its_code_and_reason(study: Study, client: Client) -> None:
    Quota.objects.filter(group__key="18-34").update(target=0)
    come_in(client)
    assert answer(client).url == "/join/tea/end/"
    page = client.get("/join/tea/end/").text
    assert "Your group is full" in page
    assert "All places are taken for Age: 18-34." in page
    assert "CODE-SCREENED_OUT" in page
    assert "https://recruiting.example/back?cc=CODE-SCREENED_OUT" in page


def test_who_was_turned_away_may_ask_again_and_is_asked_nothing_twice(
    study: Study, client: Client
) -> None:
    Quota.objects.filter(group__key="18-34").update(target=0)
    come_in(client)
    answer(client)
    Quota.objects.filter(group__key="18-34").update(target=5)
    assert client.post("/join/tea/", {"again": "yes"}).url == "/join/tea/consent/"
    response = client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    assert response.url == "/join/tea/how/"
    assert Participation.objects.get().state == Participation.State.RESERVED


@pytest.mark.every_database
def test_the_same_id_in_another_browser_comes_back_to_the_same_place(
    study: Study, client: Client
) -> None:
    begin(client)
    other = Client()
    assert other.get(LINK).status_code == 200
    assert other.post("/join/tea/", {"recruiting_id": "p-1"}).url == "/join/tea/battle/"
    assert other.get("/join/tea/battle/").status_code == 200
    assert Participation.objects.count() == 1
    assert Battle.objects.count() == 1


def test_the_same_browser_comes_back_to_the_same_place_by_the_bare_link(
    study: Study, client: Client
) -> None:
    begin(client)
    assert client.get("/join/tea/").url == "/join/tea/battle/"
    assert client.get(LINK).url == "/join/tea/battle/"


def test_another_id_in_the_same_browser_is_another_rater(study: Study, client: Client) -> None:
    begin(client)
    assert client.get("/join/tea/?PROLIFIC_PID=p-2").status_code == 200
    begin(client, "p-2")
    assert Participation.objects.count() == 2


def test_without_an_id_she_is_given_one_of_her_own(study: Study, client: Client) -> None:
    come_in(client, recruiting_id="")
    answer(client)
    participation = Participation.objects.get()
    assert participation.source == "own"
    assert len(participation.identity.recruiting_id) > 20
    assert client.get("/join/tea/").url == "/join/tea/how/"


def test_the_name_of_the_parameter_is_the_study_s_own(study: Study, client: Client) -> None:
    Study.objects.update(recruiting_parameter="panel_id")
    assert 'value="x-9"' in client.get("/join/tea/?panel_id=x-9").text
    assert 'value="x-9"' not in client.get("/join/tea/?PROLIFIC_PID=x-9").text


@pytest.mark.parametrize(
    ("state", "words"),
    [("paused", "taking a break"), ("closed", "has ended"), ("archived", "has ended")],
)
def test_a_study_that_is_not_open_says_so_kindly(
    study: Study, client: Client, state: str, words: str
) -> None:
    Study.objects.update(state=state)
    page = client.get(LINK)
    assert page.status_code == 200
    assert words in page.text
    assert client.post("/join/tea/", {"recruiting_id": "p-1"}).url == "/join/tea/"
    assert not Rater.objects.exists()


def test_a_draft_and_an_unknown_study_do_not_exist(study: Study, client: Client) -> None:
    Study.objects.update(state="draft")
    assert client.get(LINK).status_code == 404
    assert client.get("/join/coffee/").status_code == 404


# Battles


def test_a_stranger_is_led_to_the_entrance(study: Study, client: Client) -> None:
    for path in ("how", "battle", "battle/1/compare", "end", "my-data", "leave"):
        assert client.get(f"/join/tea/{path}/").url == "/join/tea/", path
    assert client.get("/join/tea/my-data.json").url == "/join/tea/"


def test_nobody_sees_another_rater_s_battle(study: Study, client: Client) -> None:
    begin(client)
    say(client, "My secret question")
    other = Client()
    begin(other, "p-2")
    page = other.get("/join/tea/battle/1/replies/", headers=FETCH)
    assert page.json()["replies"] == []
    assert "My secret question" not in other.get("/join/tea/battle/").text
    assert other.get("/join/tea/battle/2/replies/").status_code == 404


def test_a_message_without_script_comes_back_with_both_replies(
    study: Study, client: Client
) -> None:
    begin(client)
    assert say(client).url == "/join/tea/battle/"
    waiting = client.get("/join/tea/battle/").text
    assert "Show replies" in waiting
    assert waiting.count('data-state="writing"') == 2
    make_replies()
    page = client.get("/join/tea/battle/").text
    assert page.count(">How do I clean an oven?</span>") == 1  # once, above both
    assert page.count('data-state="finished"') == 2
    assert "1 of at most 3 messages" in page


@pytest.mark.every_database
def test_a_repeated_message_is_one_turn(study: Study, client: Client) -> None:
    begin(client)
    first = say(client, headers=FETCH).json()
    again = say(client, headers=FETCH).json()
    assert first["number"] == again["number"] == 1
    assert first["page"]["is_writing"]
    assert Turn.objects.count() == 1


def test_another_message_under_a_number_that_stands_is_refused_and_kept(
    study: Study, client: Client
) -> None:
    begin(client)
    say(client, "From one window")
    refused = say(client, "From another", headers=FETCH)
    assert refused.status_code == 422
    assert refused.json()["go_to"] == "/join/tea/battle/"
    assert ">From another</textarea>" in say(client, "From another").text


def test_writing_keeps_the_place_longer(study: Study, client: Client) -> None:
    participation = begin(client)
    Participation.objects.update(kept_until=timezone.now())
    say(client, headers=FETCH)
    participation.refresh_from_db()
    assert participation.kept_until is not None
    assert participation.kept_until > timezone.now() + timedelta(minutes=50)


def test_a_refused_message_comes_back_into_the_box(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    page = say(client, "Too early for this", number=2)
    assert page.status_code == 422
    assert "Please wait until your last message is answered." in page.text
    assert ">Too early for this</textarea>" in page.text
    refused = say(client, "", number=2, headers=FETCH)
    assert refused.json() == {"error": "Write a message first."}


def test_a_message_after_the_session_ended_is_shown_and_not_lost(
    study: Study, client: Client
) -> None:
    begin(client)
    Session.objects.all().delete()
    page = say(client, "What I wrote for long")
    assert page.status_code == 401
    assert "What I wrote for long" in page.text
    answered = say(client, headers=FETCH)
    assert answered.status_code == 401
    assert answered.json()["go_to"] == "/join/tea/"


def test_neither_side_is_shown_before_both_are_through(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    a = Reply.objects.get(side="a")
    Reply.objects.filter(pk=a.pk).update(state="finished", text="Quick!", finished_at=a.due_at)
    for page in ("/join/tea/battle/", "/join/tea/battle/1/replies/"):
        assert "Quick!" not in client.get(page).text
    Reply.objects.filter(side="b").update(state="finished", text="Slow.", finished_at=a.due_at)
    page = client.get("/join/tea/battle/").text
    assert "Quick!" in page
    assert "Slow." in page


def test_a_side_that_failed_may_be_tried_again_alone_and_its_error_is_not_shown(
    study: Study, client: Client
) -> None:
    begin(client)
    say(client)
    make_replies()
    b = Reply.objects.get(side="b")
    Reply.objects.filter(pk=b.pk).update(state="failed", text="", error="Cedar answered 500")
    page = client.get("/join/tea/battle/").text
    assert "This side could not answer" in page
    assert "Cedar" not in page
    retried = client.post(
        "/join/tea/battle/1/retry/", {"number": 1, "side": "b"}, headers=FETCH
    ).json()
    assert [reply["state"] for reply in retried["replies"]] == ["writing", "writing"]
    assert Reply.objects.get(side="a").state == Reply.State.FINISHED
    make_replies()
    assert client.get("/join/tea/battle/").text.count('data-state="finished"') == 2


def test_a_pair_that_keeps_failing_may_be_left(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    Reply.objects.update(state="failed", error="down")
    assert client.post("/join/tea/battle/1/replace/").url == "/join/tea/battle/"
    page = client.get("/join/tea/battle/").text
    assert "Battle 1 of 2" in page
    assert 'data-key="2"' in page


def test_a_sensitive_topic_may_be_had_another_for_without_a_reason(
    study: Study, client: Client
) -> None:
    Task.objects.create(study=study, area=Task.SENSITIVE, name="Grief", text="Talk about a loss.")
    begin(client)
    page = client.get("/join/tea/battle/").text
    assert "Talk about a loss." in page
    assert "Another topic" in page
    Task.objects.create(study=study, area="Home", name="Cooking", text="Talk about rice.")
    assert client.get("/join/tea/battle/1/another-topic/").status_code == 405
    assert client.post("/join/tea/battle/1/another-topic/").url == "/join/tea/battle/"
    page = client.get("/join/tea/battle/").text
    assert "Talk about rice." in page
    assert "Battle 1 of 2" in page
    assert "Another topic" not in page
    assert "can&#x27;t be put away" in client.post("/join/tea/battle/2/another-topic/").text
    assert Battle.objects.put_away().count() == 1


def test_comparing_waits_for_the_minimum(study: Study, client: Client) -> None:
    begin(client)
    assert client.get("/join/tea/battle/1/compare/").url == "/join/tea/battle/"
    say(client)
    make_replies()
    assert client.get("/join/tea/battle/1/compare/").status_code == 200


def test_a_missing_answer_is_asked_for_and_the_others_stay(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    page = compare(client, overall="a")
    assert page.status_code == 422
    assert "An answer is missing: Clarity." in page.text
    assert 'value="a" required checked' in page.text
    assert "It asked back." in page.text
    assert compare(client, overall="a", clarity="A").status_code == 422
    assert not Verdict.objects.exists()


@pytest.mark.every_database
def test_two_battles_lead_to_the_completion_code_and_the_way_back(
    study: Study, client: Client
) -> None:
    participation = begin(client)
    for number in (1, 2):
        assert f"Battle {number} of 2" in client.get("/join/tea/battle/").text
        say(client)
        make_replies()
        assert compare(client, overall="b", clarity="tie").url == "/join/tea/battle/"
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    page = client.get("/join/tea/end/").text
    assert "CODE-COMPLETED" in page
    assert "https://recruiting.example/back?cc=CODE-COMPLETED" in page
    participation.refresh_from_db()
    assert participation.state == Participation.State.COMPLETED
    assert Verdict.objects.count() == 4
    assert Battle.objects.filter(reason="It asked back.").count() == 2


@pytest.mark.every_database
def test_verdicts_given_twice_stay_as_first_given(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    compare(client, overall="a", clarity="a")
    data = {"outcome-overall": "b", "outcome-clarity": "b"}
    assert client.post("/join/tea/battle/1/compare/", data).url == "/join/tea/battle/"
    assert set(Verdict.objects.values_list("outcome", flat=True)) == {"a"}


def test_a_pause_keeps_what_she_has_begun(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    Study.objects.update(state="paused")
    page = client.get("/join/tea/battle/").text
    assert "taking a break" in page
    assert "/join/tea/battle/1/compare/" in page


def test_the_battle_s_task_comes_after_the_study_s_and_is_only_text(
    study: Study, client: Client
) -> None:
    add_tasks(study)
    begin(client)
    say(client)
    make_replies()
    task = Battle.objects.get().task
    assert task is not None
    Battle.objects.update(task=study.tasks.get(category="Repairs"))
    for path in ("battle/", "battle/1/compare/"):
        page = client.get(f"/join/tea/{path}").text
        card = page[page.index("Your task") : page.index("</section>")]
        words = (
            "Ask for help",
            "At home › Repairs",
            "It &lt;b&gt;broke&lt;/b&gt;",
            "Think of your",
        )
        places = [card.index(each) for each in words]
        assert places == sorted(places), path
        assert "<b>broke" not in page


def test_without_any_task_there_is_no_card(study: Study, client: Client) -> None:
    Study.objects.update(task="")
    begin(client)
    assert "Your task" not in client.get("/join/tea/battle/").text


# One model at a time


@pytest.fixture
def single(db: None) -> Study:
    return open_study(protocol=Study.Protocol.SINGLE)


def rate(client: Client, **scores: object) -> Any:
    key = Battle.objects.latest("pk").key
    data = {f"score-{dimension}": score for dimension, score in scores.items()}
    return client.post(f"/join/tea/battle/{key}/compare/", data | {"reason": "It asked back."})


def test_one_assistant_after_the_other_is_rated_and_never_named(
    single: Study, client: Client
) -> None:
    received = [client.get(LINK).text]
    participation = begin(client)
    Participation.objects.update(state=Participation.State.RESERVED)
    received.append(client.get("/join/tea/how/").text)
    Participation.objects.update(state=Participation.State.ACTIVE)
    for number in (1, 2):
        assert f"Conversation {number} of 2" in client.get("/join/tea/battle/").text
        say(client)
        make_replies()
        Reply.objects.update(text="I am Cedar, made by Timberworks, secret-model-cedar.")
        paths = ("battle/", f"battle/{number}/replies/", f"battle/{number}/compare/")
        received += [client.get(f"/join/tea/{path}").text for path in paths]
        received.append(rate(client, overall=9, clarity=2).text)
        assert rate(client, overall=7, clarity=2).url == "/join/tea/battle/"
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.COMPLETED
    assert sorted(Rating.objects.values_list("score", flat=True)) == [2, 2, 7, 7]
    assert not Verdict.objects.exists()
    assert Battle.objects.values("side_a").distinct().count() == 2
    assert Battle.objects.filter(reason="It asked back.").count() == 2
    for page in received:
        assert [word for word in SECRETS if word in page] == []


def test_nothing_speaks_of_two_where_one_assistant_answers(single: Study, client: Client) -> None:
    pages = [client.get(LINK).text]
    begin(client)
    say(client)
    make_replies()
    pages += [client.get(f"/join/tea/{path}").text for path in ("battle/", "battle/1/compare/")]
    Reply.objects.update(state="failed", text="", error="Cedar answered 500")
    pages.append(client.get("/join/tea/battle/").text)
    refused = say(client, "And then?", number=2, headers=FETCH).json()
    Study.objects.update(state="paused")
    pages += [client.get("/join/tea/battle/").text, refused["error"]]
    Participation.objects.update(state=Participation.State.RESERVED)
    pages.append(client.get("/join/tea/how/").text)
    for page in pages:
        words = re.sub(r"<script.*?</script>|<[^>]*>", " ", page, flags=re.DOTALL)
        of_two = r"(?i:\b(both|sides?|pair|compare|two assistants|battles?)\b)|\b[AB] is writing"
        assert re.findall(of_two, words) == [], words
    assert pages[1].count('data-state="finished"') == 1
    assert "side-switch" not in pages[1]
    assert "Give me another assistant" in pages[3]


def test_a_rating_that_is_missing_is_asked_for_and_the_others_stay(
    single: Study, client: Client
) -> None:
    begin(client)
    say(client)
    make_replies()
    page = rate(client, overall=5)
    assert page.status_code == 422
    assert "An answer is missing: Clarity." in page.text
    assert 'name="score-overall" value="5" required checked' in page.text
    assert page.text.count(" checked") == 1
    assert not Rating.objects.exists()


@pytest.mark.every_database
def test_ratings_given_twice_stay_as_first_given(single: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    rate(client, overall=5, clarity=5)
    data = {"score-overall": 1, "score-clarity": 1}
    assert client.post("/join/tea/battle/1/compare/", data).url == "/join/tea/battle/"
    assert set(Rating.objects.values_list("score", flat=True)) == {5}


def test_an_assistant_that_failed_is_asked_again_or_left(single: Study, client: Client) -> None:
    begin(client)
    say(client)
    Reply.objects.update(state="failed", error="down")
    again = {"number": 1, "side": "a"}
    retried = client.post("/join/tea/battle/1/retry/", again, headers=FETCH).json()
    assert [reply["state"] for reply in retried["replies"]] == ["writing"]
    other = {"number": 1, "side": "b"}
    assert client.post("/join/tea/battle/1/retry/", other, headers=FETCH).status_code == 404
    Reply.objects.update(state="failed", error="down")
    assert client.post("/join/tea/battle/1/replace/").url == "/join/tea/battle/"
    assert 'data-key="2"' in client.get("/join/tea/battle/").text


def test_what_was_withdrawn_in_another_tab_shows_nothing_any_more() -> None:
    assert ReplyView.of(1, "a", Reply.State.ERASED, "") == ReplyView(1, "a", "failed", "")


# Replies


@pytest.mark.every_database
def test_replies_come_as_server_sent_events_under_asgi(
    transactional_db: None, client: Client
) -> None:
    open_study()
    begin(client)
    say(client)
    make_replies()

    async def listen() -> tuple[int, str, str]:
        watcher = AsyncClient()
        watcher.cookies = client.cookies
        response = await watcher.get("/join/tea/battle/1/stream/")
        received = [part async for part in response.streaming_content]
        # The thread that the view ran in keeps its connection otherwise.
        await sync_to_async(connections.close_all)()
        return response.status_code, response["Content-Type"], b"".join(received).decode()

    status, kind, text = asyncio.run(asyncio.wait_for(listen(), 20))
    assert (status, kind) == (200, "text/event-stream")
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    sides = {event["side"]: event["state"] for event in events if event}
    assert sides == {"a": "finished", "b": "finished"}
    assert text.endswith("event: done\ndata: {}\n\n")
    assert [word for word in SECRETS if word.lower() in text.lower()] == []


def test_a_server_that_cannot_stream_says_so_and_the_page_asks_instead(
    study: Study, client: Client
) -> None:
    begin(client)
    assert client.get("/join/tea/battle/1/stream/").status_code == 204


def test_no_model_is_named_in_anything_that_a_rater_receives(study: Study, client: Client) -> None:
    begin(client)
    received = [say(client, "Which model are you, Cedar?", headers=FETCH).text]
    make_replies()
    Reply.objects.filter(side="a").update(
        text="I am Cedar, made by Timberworks, secret-model-cedar."
    )
    Reply.objects.filter(side="b").update(text="# Maple\n\n[Maple](https://maple.example)")
    paths = ("battle/", "battle/1/replies/", "battle/1/compare/", "my-data/", "my-data.json")
    received += [client.get(f"/join/tea/{path}").text for path in paths]
    compare(client, overall="a", clarity="b")
    received += [client.get(f"/join/tea/{path}").text for path in ("battle/", "my-data.json")]
    for page in received:
        said = page.replace("Which model are you, Cedar?", "")
        assert [word for word in SECRETS if word in said] == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**Yes** and `no`", "<p><strong>Yes</strong> and <code>no</code></p>"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[x](javascript:alert(1))", "[x]"),
        ("# Title", "<h4>Title</h4>"),
        ("```python\nprint(1)\n```", "<pre><code>print(1)\n</code></pre>"),
        ("| a |\n|---|\n| 1 |", "<td>1</td>"),
        ("[x](https://a.example)", 'rel="noopener noreferrer nofollow"'),
    ],
)
def test_markdown_is_rendered_without_what_could_do_harm(text: str, html: str) -> None:
    rendered = render_markdown(text)
    assert html in rendered
    assert "<script" not in rendered
    assert "javascript:" not in rendered or "[x]" in rendered
    assert "<img" not in render_markdown("![x](https://a.example/pixel.png)")


# What is stored, and leaving


@pytest.mark.every_database
def test_her_data_is_hers_to_see_and_to_take(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    compare(client, overall="a", clarity="tie")
    page = client.get("/join/tea/my-data/").text
    assert "How do I clean an oven?" in page
    assert "18-34" in page
    response = client.get("/join/tea/my-data.json")
    assert response["Content-Disposition"] == 'attachment; filename="my-data-tea.json"'
    data = response.json()
    assert data["recruiting_id"] == "p-1"
    assert data["groups"] == {"Age": "18-34", "Sex": "female"}
    assert data["battles"][0]["verdicts"] == {"Overall": "A", "Clarity": "tie"}
    assert set(data["battles"][0]["messages"][0]["replies"]) == {"A", "B"}


def test_leaving_is_asked_once_more_and_returns_the_place(study: Study, client: Client) -> None:
    participation = begin(client)
    assert "Leave the study?" in client.get("/join/tea/leave/").text
    participation.refresh_from_db()
    assert participation.state == Participation.State.ACTIVE
    assert client.post("/join/tea/leave/").url == "/join/tea/end/"
    page = client.get("/join/tea/end/").text
    assert "You have left the study" in page
    assert "CODE-RETURNED" in page
    participation.refresh_from_db()
    assert participation.state == Participation.State.RETURNED


def test_a_place_lost_in_another_window_leads_to_the_end(study: Study, client: Client) -> None:
    participation = begin(client)
    return_place(participation, at=timezone.now())
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    answered = say(client, headers=FETCH)
    assert answered.status_code == 409
    assert answered.json()["go_to"] == "/join/tea/end/"


def test_an_end_without_a_code_says_that_nothing_is_left_to_do(
    study: Study, client: Client
) -> None:
    CompletionCode.objects.all().delete()
    begin(client)
    client.post("/join/tea/leave/")
    assert "nothing more to do" in client.get("/join/tea/end/").text
