"""Strikes: each counts once, the last one ends her part, and a person can take any of them back."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import User
from raters.errors import ObjectionRefusedError
from raters.models import Battle, Participation, Signal, Strike, Turn
from raters.quality.flaws import Flaw, FlawKind
from raters.quality.lenience import FORGIVEN
from raters.services.erasing import withdraw_and_erase
from raters.services.panel import complete_participation, reserve_place, return_place, start
from raters.services.strikes import (
    LONGEST_OBJECTION,
    confirm_strike,
    give_signal,
    give_strike,
    object_to_strike,
    overturn_strike,
    strike_or_forgive,
)
from raters.strike_cards import ADVICE
from studies.models import CompletionCode, Quota, ScreenRule, Study, WebhookEvent
from studies.planning import open_study as open_design
from tests.cast import NOW, complete_design, make_admin, make_study
from tests.raters.live import make_live_study, shared_database, take_part  # noqa: F401  a fixture
from tests.raters.live_study import make_replies, open_study
from tests.raters.steps import begin, say

State = Participation.State
HOUR = timedelta(hours=1)
FETCH = {"X-Requested-With": "fetch"}
WORDS = "<script>alert('oven')</script> how long is a snake?"
FLAW = Flaw(FlawKind.DRIFT, f"Your message “{WORDS}” leaves the topic.", "drift_of", is_strike=True)

pytestmark = pytest.mark.django_db


def strike(participation: Participation, n: int, flaw: Flaw = FLAW) -> Strike:
    """Her strike for turn n."""
    given = give_strike(participation, flaw, key=f"drift:turn:{n}", at=NOW)
    assert given is not None
    return given


def strike_out(participation: Participation) -> list[Strike]:
    strikes = [strike(participation, n) for n in range(3)]
    participation.refresh_from_db()
    assert participation.state == State.STRUCK_OUT
    return strikes


@pytest.fixture
def hers() -> Participation:
    """A rater in the middle of a study without quotas."""
    return take_part(make_live_study(), at=NOW)


@pytest.fixture
def reviewer() -> User:
    return make_admin("reviewer")


@pytest.fixture
def full_study() -> Study:
    """An open study for ten raters."""
    study = complete_design(make_study(raters=0, state="draft"), raters=10)
    open_design(study, at=NOW)
    return study


def come(study: Study, name: str = "ann") -> Participation:
    """A rater of a group that has four places."""
    consent_text = study.consent_texts.get()
    groups = {"age": "18-34", "sex": "female" if name < "m" else "male"}
    participation = reserve_place(
        study, recruiting_id=name, groups=groups, consent_text=consent_text, at=NOW
    )
    start(participation, at=NOW)
    return participation


# Given


def test_the_third_strike_ends_it_and_frees_the_place(hers: Participation) -> None:
    for n in range(2):
        strike(hers, n)
        hers.refresh_from_db()
        assert hers.state == State.ACTIVE
    strike(hers, 2)
    hers.refresh_from_db()
    assert (hers.state, hers.kept_until, hers.ended_at) == (State.STRUCK_OUT, None, NOW)
    told = WebhookEvent.objects.get(kind=WebhookEvent.Kind.REVIEW_WAITING)
    assert told.facts["rater"] == hers.rater.code


def test_how_many_strikes_end_it_is_the_studys_to_say(hers: Participation) -> None:
    Study.objects.update(strikes_allowed=1)
    strike(hers, 1)
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


def test_a_strike_given_twice_by_a_retried_task_counts_once(hers: Participation) -> None:
    first = strike(hers, 1)
    again = give_strike(hers, replace(FLAW, evidence="Other words."), key=first.key, at=NOW + HOUR)
    assert again is None
    assert Strike.objects.get().evidence == FLAW.evidence
    with pytest.raises(IntegrityError), transaction.atomic():
        Strike.objects.create(
            participation=hers, key=first.key, kind="drift", screen="x", screen_version=1,
            created_at=NOW,
        )  # fmt: skip


def test_a_strike_keeps_what_screen_found_it_and_when(hers: Participation) -> None:
    given = strike(hers, 1)
    given.refresh_from_db()
    kept = (given.kind, given.screen, given.screen_version, given.created_at, given.seen_at)
    assert kept == ("drift", "drift_of", FLAW.version, NOW, None)


def test_what_is_a_signal_never_becomes_a_strike(hers: Participation) -> None:
    signal = replace(FLAW, is_strike=False, figures={"probability": 0.9})
    with pytest.raises(ValueError, match="signal"):
        give_strike(hers, signal, key="drift:turn:1", at=NOW)
    for _ in range(2):
        give_signal(hers, signal, key="drift:turn:1", at=NOW)
    assert Signal.objects.get().figures == {"probability": 0.9}
    assert not Strike.objects.exists()


def test_who_has_completed_the_study_keeps_her_end(hers: Participation) -> None:
    complete_participation(hers, at=NOW)
    for n in range(3):
        strike(hers, n)
    hers.refresh_from_db()
    assert hers.state == State.COMPLETED


def test_strikes_that_come_after_she_has_left_count_when_she_comes_again(full_study: Study) -> None:
    ann = come(full_study)
    return_place(ann, at=NOW)
    for n in range(3):
        strike(ann, n)
    again = reserve_place(
        full_study,
        recruiting_id="ann",
        groups={"age": "18-34", "sex": "female"},
        consent_text=full_study.consent_texts.get(),
        at=NOW,
    )
    assert again.state == State.STRUCK_OUT


def test_nothing_is_found_any_more_in_what_was_withdrawn(hers: Participation) -> None:
    strike(hers, 1)
    withdraw_and_erase(hers, at=NOW)
    assert give_strike(hers, FLAW, key="drift:turn:2", at=NOW) is None
    assert give_signal(hers, FLAW, key="drift:turn:2", at=NOW) is None
    kept = Strike.objects.get()
    assert (kept.kind, kept.created_at, kept.evidence) == ("drift", NOW, "")


def test_what_may_be_a_slip_is_told_before_it_strikes(hers: Participation) -> None:
    def find(n: int) -> bool:
        return strike_or_forgive(hers, FLAW, key=f"drift:turn:{n}", at=NOW)

    forgiven = FORGIVEN[FlawKind.DRIFT]
    assert [find(n) for n in range(forgiven + 1)] == [False] * forgiven + [True]
    assert [find(n) for n in range(forgiven + 1)] == [False] * forgiven + [True], "Again."
    assert (Signal.objects.count(), Strike.objects.count()) == (forgiven, 1)
    mashed = replace(FLAW, kind=FlawKind.GIBBERISH)
    assert strike_or_forgive(hers, mashed, key="gibberish:turn:1", at=NOW), "Nobody slips so."


def together(work: Callable[[int], object], times: int) -> list[object]:
    """What several threads return that begin at once, or the errors they end with."""
    door = threading.Barrier(times)

    def run(n: int) -> object:
        try:
            connection.ensure_connection()
            door.wait(timeout=30)
            return work(n)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        ends = [threads.submit(run, n) for n in range(times)]
    return [end.exception() or end.result() for end in ends]


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_flaw_give_one_strike(shared_database: str) -> None:  # noqa: F811
    hers = take_part(make_live_study(), at=NOW)
    given = together(lambda _n: give_strike(hers, FLAW, key="drift:turn:1", at=NOW), 4)
    assert sorted(type(each).__name__ for each in given) == ["NoneType"] * 3 + ["Strike"]
    assert hers.strikes.count() == 1


@pytest.mark.django_db(transaction=True)
def test_three_workers_with_three_flaws_end_it(shared_database: str) -> None:  # noqa: F811
    hers = take_part(make_live_study(), at=NOW)
    given = together(lambda n: give_strike(hers, FLAW, key=f"drift:turn:{n}", at=NOW), 3)
    assert {type(each).__name__ for each in given} == {"Strike"}, given
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


# Objected to


def test_an_objection_is_kept_once_in_her_words(hers: Participation) -> None:
    given = strike(hers, 1)
    for text, message in ((" \n ", "in your own words"), ("x" * (LONGEST_OBJECTION + 1), "most")):
        with pytest.raises(ObjectionRefusedError, match=message):
            object_to_strike(given, text=text, at=NOW)
    for _ in range(2):
        object_to_strike(given, text="  A snake was\r\nin the oven. ", at=NOW)
    given.refresh_from_db()
    assert (given.objection, given.objected_at) == ("A snake was\nin the oven.", NOW)
    assert given.seen_at == NOW
    told = WebhookEvent.objects.get(kind=WebhookEvent.Kind.REVIEW_WAITING)
    assert told.facts["because"] == "objection"
    assert "snake" not in str(told.facts)
    with pytest.raises(ObjectionRefusedError, match="already"):
        object_to_strike(given, text="And another thing.", at=NOW)


def test_an_objection_after_a_decision_asks_for_another_one(
    hers: Participation, reviewer: User
) -> None:
    given = strike_out(hers)[0]
    for each in Strike.objects.all():
        confirm_strike(each, by=reviewer, at=NOW)
    assert not Participation.objects.awaiting_review().exists()
    object_to_strike(given, text="The oven is called Snake.", at=NOW + HOUR)
    assert list(Strike.objects.awaiting_review()) == [given]
    assert list(Participation.objects.awaiting_review()) == [hers]


def test_what_was_taken_back_is_not_objected_to(hers: Participation, reviewer: User) -> None:
    given = strike(hers, 1)
    overturn_strike(given, by=reviewer, at=NOW)
    with pytest.raises(ObjectionRefusedError, match="no more"):
        object_to_strike(given, text="Why?", at=NOW)


# Decided


def test_who_was_struck_out_waits_for_a_person_until_each_strike_is_decided(
    hers: Participation, reviewer: User
) -> None:
    strikes = strike_out(hers)
    for each in strikes:
        assert list(Participation.objects.awaiting_review()) == [hers]
        confirm_strike(each, by=reviewer, note="A snake is no oven.", at=NOW)
    assert not Participation.objects.awaiting_review().exists()
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


def test_overturning_brings_her_back_with_her_place_kept_anew(
    full_study: Study, reviewer: User
) -> None:
    ann = come(full_study)
    review = overturn_strike(strike_out(ann)[1], by=reviewer, note="Fair.", at=NOW + HOUR)
    assert review.is_back
    ann.refresh_from_db()
    keeping = timedelta(minutes=full_study.reservation_minutes)
    assert (ann.state, ann.ended_at) == (State.ACTIVE, None)
    assert ann.kept_until == NOW + HOUR + keeping


def test_a_strike_that_is_overturned_counts_no_more(hers: Participation, reviewer: User) -> None:
    overturn_strike(strike(hers, 1), by=reviewer, at=NOW)
    strike(hers, 2)
    strike(hers, 3)
    hers.refresh_from_db()
    assert hers.state == State.ACTIVE
    strike(hers, 4)
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


def test_enough_strikes_left_keep_her_out(hers: Participation, reviewer: User) -> None:
    Study.objects.update(strikes_allowed=2)
    first, _ = strike(hers, 1), strike(hers, 2)
    strike(hers, 3)
    review = overturn_strike(first, by=reviewer, at=NOW)
    assert not review.is_back
    assert not review.is_pay_due
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


def test_where_no_place_is_left_her_pay_is_due(full_study: Study, reviewer: User) -> None:
    ann = come(full_study)
    strikes = strike_out(ann)
    others = [come(full_study, name) for name in ("bea", "cat", "max", "ned")]
    assert {other.state for other in others} == {State.ACTIVE}
    review = overturn_strike(strikes[0], by=reviewer, at=NOW)
    assert review.is_pay_due
    assert "Age: 18-34" in review.words
    ann.refresh_from_db()
    assert ann.state == State.STRUCK_OUT


def test_where_the_study_is_over_her_pay_is_due(hers: Participation, reviewer: User) -> None:
    strikes = strike_out(hers)
    Study.objects.update(state=Study.State.CLOSED)
    review = overturn_strike(strikes[0], by=reviewer, at=NOW)
    assert (review.is_pay_due, review.is_back) == (True, False)
    assert "closed" in review.words


def test_a_decision_can_be_taken_back(hers: Participation, reviewer: User) -> None:
    strikes = strike_out(hers)
    assert overturn_strike(strikes[0], by=reviewer, at=NOW).is_back
    confirm_strike(strikes[0], by=reviewer, at=NOW)
    hers.refresh_from_db()
    assert hers.state == State.STRUCK_OUT


@pytest.mark.django_db(transaction=True)
def test_of_two_who_are_brought_back_at_once_one_has_the_last_place(
    shared_database: str,  # noqa: F811
) -> None:
    study = complete_design(make_study(raters=0, state="draft"), raters=10)
    open_design(study, at=NOW)
    reviewer = make_admin("reviewer")
    struck = [come(study, name) for name in ("ann", "max")]
    strikes = [strike_out(each)[0] for each in struck]
    for name in ("bea", "cat", "ned"):
        come(study, name)
    reviews = together(lambda n: overturn_strike(strikes[n], by=reviewer, at=NOW), 2)
    assert sorted(review.is_back for review in reviews) == [False, True], reviews  # type: ignore[attr-defined]
    young = Quota.objects.get(study=study, group__key="18-34")
    taken = study.participations.filter(state=State.ACTIVE, cell__groups=young.group).count()
    assert (young.target, taken) == (4, 4)


# Shown to her


@pytest.fixture
def ann(client: Client) -> Participation:
    """A rater in her first battle, by her browser."""
    study = open_study()
    CompletionCode.objects.create(study=study, outcome="struck_out", code="CODE-STRUCK")
    return begin(client)


def test_each_strike_is_shown_as_a_card_until_she_has_read_it(
    client: Any, ann: Participation
) -> None:
    assert "Strikes 0 of 3" in client.get("/join/tea/battle/").text
    strike(ann, 1)
    page = client.get("/join/tea/battle/").text
    assert "Strikes 1 of 3" in page
    assert "Strike 1: Away from the topic" in page
    assert "2 more strikes would end your part" in page
    assert "how long is a snake?" in page
    assert "<script>alert" not in page
    assert client.post("/join/tea/strikes/1/seen/").url == "/join/tea/battle/"
    page = client.get("/join/tea/battle/").text
    assert "Strikes 1 of 3" in page
    assert "Strike 1:" not in page


def test_a_page_that_is_open_is_told_of_a_strike(client: Any, ann: Participation) -> None:
    say(client)
    make_replies()
    key = Battle.objects.get().key
    page = client.get(f"/join/tea/battle/{key}/replies/", headers=FETCH).json()["page"]
    assert (page["strikes"], page["cards"].strip()) == ("Strikes 0 of 3", "")
    strike(ann, 1)
    page = client.get(f"/join/tea/battle/{key}/replies/", headers=FETCH).json()["page"]
    assert page["strikes"] == "Strikes 1 of 3"
    assert "Strike 1: Away from the topic" in page["cards"]
    assert "csrfmiddlewaretoken" in page["cards"]
    assert "<script>" not in page["cards"]


def test_she_objects_in_her_words_and_goes_on(client: Any, ann: Participation) -> None:
    given = strike(ann, 1)
    answer = client.post("/join/tea/strikes/1/", {"text": "It was <b>the oven</b>."})
    assert answer.url == "/join/tea/battle/"
    given.refresh_from_db()
    assert given.objection == "It was <b>the oven</b>."
    page = client.get("/join/tea/strikes/1/").text
    assert "It was &lt;b&gt;the oven&lt;/b&gt;." in page
    answer = client.post("/join/tea/strikes/1/", {"text": "Something else."})
    assert answer.status_code == 422
    assert "You have objected already" in answer.text


def test_a_refused_objection_keeps_what_she_typed(client: Any, ann: Participation) -> None:
    strike(ann, 1)
    typed = "word " * 500
    answer = client.post("/join/tea/strikes/1/", {"text": typed})
    assert answer.status_code == 422
    assert typed in answer.text


def test_nobody_reads_or_answers_anothers_strikes(client: Any, ann: Participation) -> None:
    strike(ann, 1)
    stranger: Any = Client()
    assert stranger.get("/join/tea/strikes/1/").url == "/join/tea/"
    begin(stranger, "?PROLIFIC_PID=p-2")
    assert stranger.get("/join/tea/strikes/1/").status_code == 404
    assert stranger.post("/join/tea/strikes/1/", {"text": "Mine."}).status_code == 404
    for number in (0, 2):
        assert client.get(f"/join/tea/strikes/{number}/").status_code == 404


def test_who_is_struck_out_in_one_tab_cant_talk_or_vote_in_another(
    client: Any, ann: Participation
) -> None:
    say(client)
    make_replies()
    key = Battle.objects.get().key
    strike_out(ann)
    assert say(client, "Go on.", number=2).url == "/join/tea/end/"
    outcomes = {"outcome-overall": "a", "outcome-clarity": "b"}
    assert client.post(f"/join/tea/battle/{key}/compare/", outcomes).url == "/join/tea/end/"
    answer: Any = client.post(
        f"/join/tea/battle/{key}/message/", {"text": "Go on.", "number": 2}, headers=FETCH
    )
    assert answer.status_code == 409
    assert answer.json()["go_to"] == "/join/tea/end/"
    assert "has ended" in answer.json()["error"]
    assert Turn.objects.count() == 1
    assert Battle.objects.get().judged_at is None


def test_the_end_says_why_and_that_a_person_decides(client: Any, ann: Participation) -> None:
    strike_out(ann)
    page = client.get("/join/tea/end/").text
    assert "your pay is not decided by a machine" in page
    assert page.count("how long is a snake?") == 3
    assert "CODE-STRUCK" in page
    assert client.post("/join/tea/strikes/2/", {"text": "It was."}).url == "/join/tea/end/"
    page = client.get("/join/tea/end/").text
    assert '<q class="stored-text">It was.</q>' in page
    assert page.count("I think this is wrong") == 2


def test_a_reviewers_note_reaches_her(client: Any, ann: Participation, reviewer: User) -> None:
    strikes = strike_out(ann)
    confirm_strike(strikes[0], by=reviewer, note="Snakes <i>are</i> no ovens.", at=NOW)
    page = client.get("/join/tea/end/").text
    assert "A person has looked at it and found that it is right." in page
    assert "Snakes &lt;i&gt;are&lt;/i&gt; no ovens." in page
    overturn_strike(strikes[1], by=reviewer, at=NOW)
    assert "Strikes 2 of 3" in client.get("/join/tea/battle/").text


def test_her_data_show_strikes(client: Any, ann: Participation) -> None:
    strike(ann, 1)
    shown = client.get("/join/tea/my-data.json").json()["strikes"]
    assert [(each["kind"], each["evidence"]) for each in shown] == [("drift", FLAW.evidence)]


def test_what_her_browser_tells_is_kept_with_the_message(client: Any, ann: Participation) -> None:
    key = Battle.objects.get().key
    told = {"text": "How do I clean an oven?", "number": 1, "pasted_signs": 12, "times_away": 3}
    client.post(f"/join/tea/battle/{key}/message/", told)
    turn = Turn.objects.get()
    assert (turn.pasted_signs, turn.times_away) == (12, 3)
    make_replies()
    say(client, "And the door?", number=2)
    turn = Turn.objects.get(number=2)
    assert (turn.pasted_signs, turn.times_away) == (None, None)


def test_every_kind_that_may_strike_has_its_advice() -> None:
    may_strike = {kind.value for kind in FlawKind} - ScreenRule.NEVER_A_STRIKE
    assert may_strike <= {str(kind) for kind in ADVICE}
