"""Whether a rater's words may be published: her own free choice, and what an admin hides."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from raters.models import Battle, Participation
from raters.own_data import read_own_data
from raters.services.erasing import withdraw_and_erase
from raters.services.panel import return_place
from raters.services.previews import end_preview, start_preview
from raters.services.quoting import give_simulated_reasons, release_words, take_words_back
from studies.errors import StateError
from studies.models import ConsentText, LedgerEntry, Study
from studies.planning import open_study as open_study_for_good
from tests.cast import NOW, complete_design, make_admin, make_study, make_user
from tests.raters.live_study import open_study
from tests.raters.steps import begin, complete, judge
from tests.test_admin_design import untouched

LINK = "?PROLIFIC_PID=p-1"
QUESTION = "What I write may be published, without my name"


@pytest.fixture
def study(db: None) -> Study:
    """An open study that asks raters for their words."""
    study = open_study()
    Study.objects.filter(pk=study.pk).update(asks_to_quote=True)
    study.refresh_from_db()
    return study


def agree(client: Client, **answers: str) -> Any:
    """From the entrance to the questions about her."""
    client.post(f"/join/tea/{LINK}")
    return client.post("/join/tea/consent/", {"version": 1, "answer": "agree"} | answers)


def come_in(client: Client, **answers: str) -> Participation:
    """From the entrance to a place."""
    agree(client, **answers)
    client.post("/join/tea/about/age/", {"group": "18-34"})
    client.post("/join/tea/about/sex/", {"group": "female"})
    return Participation.objects.get()


# She is asked


def test_she_is_asked_beside_her_consent_and_the_box_is_not_ticked(
    study: Study, client: Client
) -> None:
    client.post(f"/join/tea/{LINK}")
    page = client.get("/join/tea/consent/").text
    assert QUESTION in page
    assert "checked" not in page
    assert "taking part does not depend on it, and neither does your pay" in page
    assert "at least 10 people" in page


def test_a_study_that_does_not_ask_shows_no_box_and_takes_no_answer(
    study: Study, client: Client
) -> None:
    Study.objects.update(asks_to_quote=False)
    client.post(f"/join/tea/{LINK}")
    assert QUESTION not in client.get("/join/tea/consent/").text
    assert come_in(client, releases_words="on").words_released_at is None
    assert "Whether your words may be published" not in client.get("/join/tea/my-data/").text


@pytest.mark.parametrize("answers", [{}, {"releases_words": "on"}])
def test_taking_part_does_not_depend_on_it_and_the_time_is_kept(
    study: Study, client: Client, answers: dict[str, str]
) -> None:
    ann = come_in(client, **answers)
    assert ann.state == Participation.State.RESERVED
    assert ann.words_released_at == (ann.consented_at if answers else None)


def test_declining_the_study_keeps_nothing_even_with_the_box_ticked(
    study: Study, client: Client
) -> None:
    agree(client, answer="decline", releases_words="on")
    assert not Participation.objects.exists()
    assert come_in(client).words_released_at is None


def test_a_tick_outlasts_a_text_that_changed_meanwhile(study: Study, client: Client) -> None:
    client.post(f"/join/tea/{LINK}")
    ConsentText.objects.create(study=study, version=2, summary="New.", text="New.")
    page = client.post(
        "/join/tea/consent/", {"version": 1, "answer": "agree", "releases_words": "on"}
    ).text
    assert "The text has changed" in page
    assert 'aria-describedby="words" checked' in page


def test_the_answer_she_gave_last_stands_when_she_comes_back(study: Study, client: Client) -> None:
    ann = come_in(client, releases_words="on")
    return_place(ann, at=NOW)
    client.post(f"/join/tea/{LINK}", {"again": "1"})
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    ann.refresh_from_db()
    assert ann.state == Participation.State.RESERVED
    assert ann.words_released_at is None


def test_what_another_in_the_same_browser_agreed_to_is_not_hers(
    study: Study, client: Client
) -> None:
    agree(client, releases_words="on")
    client.post("/join/tea/?PROLIFIC_PID=p-2")
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    client.post("/join/tea/about/age/", {"group": "18-34"})
    client.post("/join/tea/about/sex/", {"group": "female"})
    assert Participation.objects.named(study, "p-2").get().words_released_at is None


# My data


def test_she_takes_her_words_back_and_gives_them_again_at_any_time(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    page = client.get("/join/tea/my-data/").text
    assert "What you write is not published." in page
    response = client.post("/join/tea/my-data/words/", {"answer": "release"})
    assert response.url == "/join/tea/my-data/#words"
    ann.refresh_from_db()
    released_at = ann.words_released_at
    assert released_at is not None
    client.post("/join/tea/my-data/words/", {"answer": "release"})
    ann.refresh_from_db()
    assert ann.words_released_at == released_at
    assert "You agreed, on " in client.get("/join/tea/my-data/").text
    told = client.get("/join/tea/my-data.json").json()["consent"]["words_released_at"]
    assert told == released_at.isoformat(timespec="seconds")
    client.post("/join/tea/my-data/words/", {"answer": "take-back"})
    ann.refresh_from_db()
    assert ann.words_released_at is None
    assert read_own_data(ann)["consent"]["words_released_at"] is None


def test_she_takes_them_back_also_where_the_study_asks_no_more(
    study: Study, client: Client
) -> None:
    ann = come_in(client, releases_words="on")
    Study.objects.update(asks_to_quote=False)
    assert "Publish nothing of it any more" in client.get("/join/tea/my-data/").text
    client.post("/join/tea/my-data/words/", {"answer": "take-back"})
    client.post("/join/tea/my-data/words/", {"answer": "release"})
    ann.refresh_from_db()
    assert ann.words_released_at is None


def test_an_odd_answer_changes_nothing_and_a_stranger_changes_nobody_s(
    study: Study, client: Client
) -> None:
    ann = come_in(client, releases_words="on")
    client.post("/join/tea/my-data/words/", {"answer": "perhaps"})
    assert client.get("/join/tea/my-data/words/").status_code == 405
    Client().post("/join/tea/my-data/words/", {"answer": "take-back"})
    ann.refresh_from_db()
    assert ann.words_released_at is not None


def test_erasing_takes_it_away_and_nobody_can_give_it_again(study: Study, client: Client) -> None:
    ann = begin(client, LINK)
    judge(client)
    release_words(ann, at=NOW)
    withdraw_and_erase(ann, at=NOW)
    ann.refresh_from_db()
    assert ann.words_released_at is None
    release_words(ann, at=NOW)
    assert ann.words_released_at is None
    take_words_back(ann)
    assert ann.words_released_at is None


def test_a_preview_asks_as_well(study: Study, client: Client) -> None:
    boss = make_admin()
    client.force_login(boss)
    preview = start_preview(study, by=boss, at=NOW)
    client.post(f"/join/{preview.slug}/")
    assert QUESTION in client.get(f"/join/{preview.slug}/consent/").text
    end_preview(preview)


# The admin


def change_page(battle: Battle) -> str:
    return reverse("admin:raters_battle_change", args=[battle.pk])


def test_an_admin_reads_a_reason_and_hides_it_and_the_log_says_who_did(
    study: Study, client: Client
) -> None:
    ann = begin(client, LINK)
    judge(client)
    battle = Battle.objects.earliest("pk")
    boss = make_admin("boss")
    client.force_login(boss)
    page = client.get(change_page(battle)).text
    assert "It asked how dirty." in page
    assert "Never: she has not agreed that her words may be published." in page
    release_words(ann, at=NOW)
    page = client.get(change_page(battle)).text
    assert "It may stand there, under no name" in page
    hide, show = (reverse(f"admin:raters_battle_{step}", args=[battle.pk]) for step in STEPS)
    assert hide in page
    assert show not in page
    assert "Hide the reason from public pages?" in client.get(hide).text
    battle.refresh_from_db()
    assert not battle.is_reason_hidden
    client.post(hide)
    battle.refresh_from_db()
    assert battle.is_reason_hidden
    entry = LogEntry.objects.latest("pk")
    assert (entry.user, entry.object_id) == (boss, str(battle.pk))
    assert "The reason is hidden from public pages." in entry.change_message
    page = client.get(change_page(battle)).text
    assert "Hidden by an admin" in page
    assert hide not in page
    client.post(show)
    battle.refresh_from_db()
    assert not battle.is_reason_hidden


STEPS = ("hide", "show")


@pytest.mark.parametrize("step", STEPS)
def test_only_who_may_exclude_may_hide_and_only_in_studies_that_she_sees(
    study: Study, client: Client, step: str
) -> None:
    begin(client, LINK)
    judge(client)
    battle = Battle.objects.earliest("pk")
    Battle.objects.update(is_reason_hidden=step == "show")
    Study.objects.update(is_public=False)
    reader = make_user("reader", "raters.view_battle", "studies.view_study", is_staff=True)
    outsider = make_user("outsider", "raters.view_battle", "raters.add_exclusion", is_staff=True)
    path = reverse(f"admin:raters_battle_{step}", args=[battle.pk])
    for user, status in ((reader, 403), (outsider, 404)):
        client.force_login(user)
        assert client.post(path).status_code == status
    battle.refresh_from_db()
    assert battle.is_reason_hidden == (step == "show")


def test_a_battle_without_a_reason_has_nothing_to_hide(study: Study, client: Client) -> None:
    begin(client, LINK)
    battle = Battle.objects.get()
    client.force_login(make_admin())
    page = client.get(change_page(battle)).text
    assert "She gave no reason." in page
    for step in STEPS:
        assert reverse(f"admin:raters_battle_{step}", args=[battle.pk]) not in page


def test_admins_find_the_reasons_that_may_be_public_and_those_that_are_hidden(
    study: Study, client: Client
) -> None:
    ann = complete(client, LINK)
    release_words(ann, at=NOW)
    first, second = ann.battles.order_by("pk")
    Battle.objects.filter(pk=second.pk).update(is_reason_hidden=True)
    client.force_login(make_admin())
    for value, shown, other in (("released", first, second), ("hidden", second, first)):
        page = client.get(reverse("admin:raters_battle_changelist"), {"reason": value}).text
        assert change_page(shown) in page
        assert change_page(other) not in page


def test_that_a_study_begins_to_ask_is_a_change_of_rule_on_its_ledger(
    client: Client, db: None
) -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    open_study_for_good(complete_design(study), at=NOW)
    client.force_login(make_admin())
    address = reverse("admin:studies_study_change", args=[study.pk])
    form = untouched(client, address) | {"asks_to_quote": "on"}
    assert client.post(address, form).status_code == 302
    entry = LedgerEntry.objects.filter(study=study).latest("pk")
    label = "Asks whether words may be published"
    assert entry.facts["changes"] == [{"what": label, "from": False, "to": True}]


# Simulated raters


def test_nobody_puts_words_into_a_person_s_mouth(study: Study, client: Client) -> None:
    begin(client, LINK)
    battle = Battle.objects.get()
    with pytest.raises(StateError):
        give_simulated_reasons(study, {battle.pk: "So good."}, at=NOW)
    battle.refresh_from_db()
    assert battle.reason == ""
