"""Withdrawing: what is erased, what stays, and that nobody comes too late."""

import asyncio
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.core import serializers
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import User
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import take_board
from leaderboards.services.standings import fold_standings
from raters.errors import ExclusionError, RaterError
from raters.identities import Identity, fields_for
from raters.models import (
    Battle,
    Exclusion,
    Participation,
    Reply,
    Signal,
    Strike,
    Turn,
    Verdict,
)
from raters.quotas import places
from raters.services.battles import send_message
from raters.services.erasing import erase_after_retention, withdraw_and_erase
from raters.services.exclusions import exclude, lift_exclusion
from raters.services.identities import note_visit
from raters.services.panel import keep_place, reserve_place
from raters.services.replies import claim_reply, finish_reply, make_reply
from studies.models import Study
from studies.providers import Reply as Answer
from tests.cast import NOW, make_user
from tests.raters.live import make_live_study, open_battle, say
from tests.raters.live_study import make_replies, open_study
from tests.raters.steps import begin, complete, judge
from tests.raters.steps import say as say_on_page

LINK = "?PROLIFIC_PID=p-1&STUDY_ID=s-1&SESSION_ID=v-1"
HERS = ("How do I clean an oven?", "It asked how dirty.", "p-1", "s-1", "v-1")


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


def stored_of(participation: Participation) -> str:
    """Every row that belongs to a participation, as the database has it, and what it seals."""
    hers = Participation.objects.get(pk=participation.pk)
    rows: list[Any] = [hers]
    rows += participation.battles.all()
    rows += Turn.objects.filter(battle__participation=participation)
    rows += Reply.objects.filter(turn__battle__participation=participation)
    rows += [*participation.strikes.all(), *participation.signals.all()]
    return serializers.serialize("json", rows) + json.dumps(asdict(hers.identity))


# What is erased, and what stays


def test_whoever_has_completed_leaves_no_word_no_group_and_no_id(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    before = stored_of(ann)
    assert [word for word in HERS if f'"{word}"' not in before] == []
    answers = set(Reply.objects.values_list("text", flat=True))
    withdraw_and_erase(ann, at=NOW)
    after = stored_of(ann)
    assert [word for word in (*HERS, *answers) if f'"{word}"' in after] == []
    assert (ann.state, ann.cell, ann.kept_until, ann.ended_at) == ("withdrawn", None, None, NOW)
    assert (ann.source, ann.identity_mark, ann.identity_sealed) == ("erased", None, "")
    assert set(Reply.objects.values_list("state", "error")) == {("erased", "")}
    assert not Turn.objects.filter(is_erased=False).exists()


def test_that_she_agreed_and_what_answers_cost_is_kept(study: Study, client: Client) -> None:
    ann = complete(client, LINK)
    Reply.objects.update(prompt_tokens=7, first_piece_ms=20)
    consented_at = ann.consented_at
    withdraw_and_erase(ann, at=NOW)
    assert ann.consent_text == study.consent_texts.get()
    assert ann.consented_at == consented_at
    assert set(Reply.objects.values_list("prompt_tokens", "first_piece_ms")) == {(7, 20)}
    assert Verdict.objects.count() == 4


def test_what_was_found_in_her_words_goes_and_that_it_was_found_stays(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    found = {"screen": "words", "screen_version": 1, "created_at": NOW, "evidence": "oven?"}
    strike = Strike.objects.create(
        participation=ann, key="1", kind="low_effort", objection="But my oven!", **found
    )
    Signal.objects.create(participation=ann, key="1", kind="pace", figures={"s": 1}, **found)
    Participation.objects.filter(pk=ann.pk).update(address_hash="a" * 64, device_hash="d" * 64)
    withdraw_and_erase(ann, at=NOW)
    after = stored_of(ann)
    assert [word for word in ("oven", "aaaa", "dddd", '"s": 1') if word in after] == []
    strike.refresh_from_db()
    assert strike.kind == "low_effort"


@pytest.mark.parametrize("state", sorted(set(Participation.State.values) - {"withdrawn"}))
def test_a_rater_in_any_state_may_withdraw_and_her_place_is_free(
    study: Study, client: Client, state: str
) -> None:
    ann = begin(client, LINK)
    say_on_page(client)
    Participation.objects.filter(pk=ann.pk).update(state=state)
    withdraw_and_erase(ann, at=NOW)
    assert ann.state == "withdrawn"
    assert {fill.taken for fill in places(study)} == {0}
    with pytest.raises(RaterError):
        keep_place(ann, at=NOW)
    with pytest.raises(RaterError):
        send_message(Battle.objects.get(), text="One more", number=2, at=NOW)


def test_withdrawing_twice_changes_nothing_more(study: Study, client: Client) -> None:
    ann = complete(client, LINK)
    other_tab = Participation.objects.get(pk=ann.pk)
    withdraw_and_erase(ann, at=NOW)
    before = stored_of(ann)
    withdraw_and_erase(other_tab, at=timezone.now())
    assert stored_of(ann) == before
    assert other_tab.state == "withdrawn"
    assert Exclusion.objects.count() == 1


def test_nothing_of_her_next_visit_is_written_to_what_she_has_withdrawn(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    stale = Participation.objects.get(pk=ann.pk)
    withdraw_and_erase(ann, at=NOW)
    note_visit(stale, study="s-2", session="v-2")
    assert '"v-2"' not in stored_of(ann)


def test_her_id_is_free_and_nobody_is_known_by_it(transactional_db: None) -> None:
    study = open_study()
    groups = {"age": "18-34", "sex": "female"}
    text = study.consent_texts.get()

    def come() -> Participation:
        return reserve_place(
            study, recruiting_id="p-1", groups=groups, consent_text=text, at=timezone.now()
        )

    first = come()
    withdraw_and_erase(first, at=timezone.now())
    assert come() != first


def test_a_preview_leaves_no_exclusion_behind_that_nobody_could_remove(
    study: Study, client: Client
) -> None:
    ann = begin(client)
    original = open_study("other")
    Study.objects.filter(pk=study.pk).update(preview_of=original)
    withdraw_and_erase(ann, at=NOW)
    assert ann.state == "withdrawn"
    assert not Exclusion.objects.exists()


# While a reply streams


@pytest.mark.django_db
def test_a_worker_that_is_writing_finds_its_claim_gone_and_writes_nothing() -> None:
    turn = say(open_battle(make_live_study()))
    reply = turn.replies.get(side="a")
    claim = claim_reply(reply.pk, at=timezone.now())
    assert claim is not None
    Reply.objects.filter(pk=reply.pk).update(text="Boil")
    withdraw_and_erase(turn.battle.participation, at=timezone.now())
    answer = Answer("Boil it.", "stop", None, None, first_piece_ms=1, total_ms=2)
    assert not finish_reply(claim, answer, at=timezone.now())
    make_reply(turn.replies.get(side="b").pk)
    assert set(Reply.objects.values_list("state", "text", "claim")) == {("erased", "", None)}


def test_a_page_that_watches_is_told_that_it_is_over(transactional_db: None) -> None:
    open_study()
    client = Client()
    ann = begin(client)
    say_on_page(client)

    async def listen() -> str:
        watcher = AsyncClient()
        watcher.cookies = client.cookies
        response = await watcher.get("/join/tea/battle/1/stream/")
        await sync_to_async(withdraw_and_erase)(ann, at=timezone.now())
        received = [part async for part in response.streaming_content]
        await sync_to_async(connections.close_all)()
        return b"".join(received).decode()

    text = asyncio.run(asyncio.wait_for(listen(), 20))
    assert text.endswith("event: done\ndata: {}\n\n")
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert {event["html"] for event in events if event} <= {""}


# Boards


def test_her_exclusion_is_nobody_s_to_lift(study: Study, client: Client) -> None:
    ann, boss = complete(client), make_user("boss")
    earlier = exclude(ann, reason="Too fast.", by=boss, at=NOW)
    withdraw_and_erase(ann, at=NOW)
    hers = Exclusion.objects.get(actor=None)
    assert (hers.reason, hers.participation) == ("The rater withdrew.", ann)
    with pytest.raises(ExclusionError, match="stays out for good"):
        lift_exclusion(hers, by=boss, at=NOW)
    lift_exclusion(earlier, by=boss, at=NOW)
    assert not Verdict.objects.counting(study).exists()


@pytest.mark.parametrize("engine", [Engine.DAVIDSON, Engine.TRUESKILL])
def test_standings_and_boards_go_on_without_her_and_published_ones_stay(
    simulated_study: Study, engine: Engine
) -> None:
    study = simulated_study
    fold_standings(study)
    parameters = BoardParameters(engine=engine, draws=50)
    published = take_board(study, parameters, at=NOW)
    digest = published.input_digest
    all_of_them = Verdict.objects.of(study).count()
    ann = study.participations.first()
    assert ann is not None
    hers = Verdict.objects.filter(battle__participation=ann).count()
    withdraw_and_erase(ann, at=NOW)
    assert fold_standings(study) == all_of_them - hers, "everything is folded anew"
    again = take_board(study, parameters, at=timezone.now())
    assert again.input_digest != digest
    published.refresh_from_db()
    assert published.input_digest == digest
    assert Verdict.objects.of(study).count() == all_of_them


# Her pages


def test_withdrawing_is_explained_asked_once_more_and_then_done(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    assert "/join/tea/withdraw/" in client.get("/join/tea/my-data/").text
    page = client.get("/join/tea/withdraw/").text
    for words in ("What is erased", "What stays", "can’t be undone", "CODE-COMPLETED"):
        assert words in page
    assert Participation.objects.get().state == "completed", "looking changes nothing"
    assert client.post("/join/tea/withdraw/").url == "/join/tea/withdrawn/"
    done = client.get("/join/tea/withdrawn/").text
    assert "It is done" in done
    assert "CODE-COMPLETED" in done
    assert "https://recruiting.example/back?cc=CODE-COMPLETED" in done
    ann.refresh_from_db()
    assert ann.state == "withdrawn"


def test_her_browser_forgets_her(study: Study, client: Client) -> None:
    ann = complete(client, LINK)
    client.post("/join/tea/withdraw/")
    for path in ("battle/", "my-data/", "my-data.json", "end/"):
        assert client.get(f"/join/tea/{path}").url == "/join/tea/", path
    assert client.get("/join/tea/").status_code == 200
    stored = [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    assert [word for word in ("p-1", "v-1", ann.rater.code) if word in "".join(stored)] == []


def test_a_second_tab_sees_that_it_is_done(study: Study, client: Client) -> None:
    begin(client, LINK)
    client.post("/join/tea/withdraw/")
    assert client.post("/join/tea/withdraw/").url == "/join/tea/withdrawn/"
    assert client.get("/join/tea/withdraw/").url == "/join/tea/withdrawn/"
    answered = say_on_page(client, "What I wrote for long")
    assert answered.status_code == 401
    assert "What I wrote for long" in answered.text
    assert Client().get("/join/tea/withdrawn/").url == "/join/tea/"


def test_another_browser_of_hers_is_led_to_the_entrance(study: Study, client: Client) -> None:
    begin(client, LINK)
    phone = Client()
    phone.post(f"/join/tea/{LINK}")
    assert phone.get("/join/tea/battle/").status_code == 200
    client.post("/join/tea/withdraw/")
    assert phone.get("/join/tea/battle/").url == "/join/tea/"
    assert phone.get("/join/tea/").status_code == 200


def test_who_withdraws_before_the_end_is_told_on_whom_her_pay_depends(
    study: Study, client: Client
) -> None:
    begin(client, LINK)
    judge(client)
    page = client.get("/join/tea/withdraw/").text
    assert "Whether you are paid" in page
    assert "CODE-" not in page
    client.post("/join/tea/withdraw/")
    done = client.get("/join/tea/withdrawn/").text
    assert "CODE-RETURNED" in done
    assert "CODE-COMPLETED" not in done


def test_no_worker_answers_somebody_who_has_withdrawn(study: Study, client: Client) -> None:
    begin(client, LINK)
    say_on_page(client)
    client.post("/join/tea/withdraw/")
    make_replies()
    assert set(Reply.objects.values_list("state", flat=True)) == {"erased"}


# Her account


def by_account(client: Client) -> User:
    Study.objects.update(entrance=Study.Entrance.ACCOUNT)
    user = make_user("ann")
    client.force_login(user)
    begin(client, "")
    return user


def test_her_account_goes_with_it_if_she_wants(study: Study, client: Client) -> None:
    by_account(client)
    assert "Delete my account here as well" in client.get("/join/tea/withdraw/").text
    client.post("/join/tea/withdraw/", {"delete_account": "on"})
    assert not User.objects.exists()
    assert "_auth_user_id" not in client.session
    assert "It is done" in client.get("/join/tea/withdrawn/").text


def test_her_account_stays_unless_she_says_so(study: Study, client: Client) -> None:
    by_account(client)
    client.post("/join/tea/withdraw/")
    assert User.objects.count() == 1
    assert client.get("/join/tea/").status_code == 200


@pytest.mark.parametrize("reason", ["another study", "staff", "a team"])
def test_an_account_that_is_needed_elsewhere_is_not_offered_and_not_deleted(
    study: Study, client: Client, reason: str
) -> None:
    user = by_account(client)
    if reason == "another study":
        other = open_study("other")
        Participation.objects.create(
            study=other,
            rater=Participation.objects.get().rater,
            **fields_for(other.pk, Identity(str(user.pk)), source="account"),
            state="completed",
            created_at=NOW,
        )
    elif reason == "staff":
        User.objects.update(is_staff=True)
    else:
        study.team.add(user)
    assert "Delete my account" not in client.get("/join/tea/withdraw/").text
    client.post("/join/tea/withdraw/", {"delete_account": "on"})
    assert User.objects.count() == 1


# Retention


def close(study: Study, *, days_ago: int) -> None:
    Study.objects.filter(pk=study.pk).update(
        state=Study.State.CLOSED, closed_at=NOW - timedelta(days=days_ago), retention_days=30
    )


def test_who_raters_were_is_erased_so_long_after_the_study_closed(
    study: Study, client: Client
) -> None:
    begin(client, LINK)
    say_on_page(client, HERS[0])
    hers = Participation.objects.get()
    cell = hers.cell
    close(study, days_ago=29)
    assert erase_after_retention(at=NOW) == []
    close(study, days_ago=30)
    assert erase_after_retention(at=NOW) == [study]
    stored = stored_of(hers)
    for part in HERS:
        assert part not in stored
    hers.refresh_from_db()
    assert hers.cell == cell, "Her groups stay, for boards are weighted by them."
    assert (hers.address_hash, hers.device_hash) == ("", "")
    assert erase_after_retention(at=NOW) == [], "It is done once."


def test_words_that_a_rater_released_outlive_her_name(study: Study, client: Client) -> None:
    begin(client, LINK)
    say_on_page(client, HERS[0])
    Participation.objects.update(words_released_at=NOW)
    close(study, days_ago=31)
    erase_after_retention(at=NOW)
    stored = stored_of(Participation.objects.get())
    assert HERS[0] in stored
    for part in HERS[2:]:
        assert part not in stored


def test_an_open_study_and_a_preview_keep_what_they_need(study: Study, client: Client) -> None:
    begin(client, LINK)
    assert erase_after_retention(at=NOW + timedelta(days=4000)) == []
    assert Participation.objects.get().identity.recruiting_id == "p-1"
