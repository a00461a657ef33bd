"""Who raters are is kept under a key that is not in the database."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from raters.errors import IdentityKeyError
from raters.identities import Identity, fields_for, mark_of, seal, unseal
from raters.models import Participation
from raters.quality.flaws import Flaw, FlawKind
from raters.services.erasing import erase_after_retention, withdraw_and_erase
from raters.services.identities import ids_of, note_visit, renew_identities
from raters.services.strikes import confirm_strike, give_strike
from studies.models import Study
from tests.cast import NOW, make_admin, make_user
from tests.raters.live import make_live_study
from tests.raters.live_study import open_study
from tests.raters.steps import agree_and_answer, begin, judge
from tests.raters.steps import say as say_on_page

HERS = ("PID-5f3a9c", "STUDY-77e0", "VISIT-88b1")
LINK = "?PROLIFIC_PID=PID-5f3a9c&STUDY_ID=STUDY-77e0&SESSION_ID=VISIT-88b1"
FLAW = Flaw(FlawKind.DRIFT, "Your message leaves the topic.", "drift_of", is_strike=True)
ANOTHER_KEY = "another-key-of-fifty-characters-or-more-0123456789-0123"

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


def everything_stored() -> str:
    """Each row of each table, and what sessions hold once they are unpacked."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    assert rows
    sessions = [session.get_decoded() for session in Session.objects.all()]
    return repr(rows) + repr(sessions)


def change_key(settings: Any, *, keeps_former: bool) -> None:
    former = [settings.IDENTITY_KEY] if keeps_former else []
    settings.IDENTITY_KEY, settings.IDENTITY_KEY_FALLBACKS = ANOTHER_KEY, former


# What a copy of the database tells


def test_a_copy_of_the_database_says_of_nobody_who_she_is(study: Study, client: Client) -> None:
    client.post(f"/join/tea/{LINK}")
    assert Session.objects.exists()
    assert [part for part in HERS if part in everything_stored()] == []
    agree_and_answer(client)
    client.post("/join/tea/how/")
    ann = Participation.objects.get()
    given = give_strike(ann, FLAW, key="drift:turn:1", at=NOW)
    assert given is not None
    appeal = {"text": "I did ask about my oven."}
    assert client.post("/join/tea/strikes/1/", appeal).status_code == 302
    confirm_strike(given, by=make_admin(), note="You did not.", at=NOW)
    judge(client)
    judge(client, "And the windows?")
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    ann.refresh_from_db()
    assert (ann.state, ann.identity) == ("completed", Identity(*HERS))
    stored = everything_stored()
    assert "I did ask about my oven." in stored
    assert [part for part in HERS if part in stored] == []
    if connection.vendor == "sqlite":
        whole: bytes = connection.connection.serialize()
        assert b"I did ask about my oven." in whole
        assert [part for part in HERS if part.encode() in whole] == []


def test_nothing_stored_leads_from_an_account_to_her_place(client: Client) -> None:
    Study.objects.filter(pk=open_study().pk).update(entrance=Study.Entrance.ACCOUNT)
    client.force_login(make_user("ann"))
    client.post("/join/tea/")
    agree_and_answer(client)
    ann = Participation.objects.get()
    assert (ann.source, ann.identity.recruiting_id) == ("account", client.session["_auth_user_id"])
    held = Session.objects.get().get_decoded()
    sealed = held.pop(f"rater-in-{ann.study_id}")
    assert "participation" not in json.dumps(held)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(sealed)


def test_the_same_id_has_a_mark_in_each_study_that_only_the_key_connects(study: Study) -> None:
    marks = {mark_of(pk, "p-1", source=source) for pk in (1, 2) for source in ("recruited", "own")}
    assert len(marks) == 4
    assert all(len(mark) == 32 for mark in marks)
    assert seal(Identity("p-1")) != seal(Identity("p-1"))


def test_the_database_keeps_mark_and_seal_together_and_nobody_twice(study: Study) -> None:
    ann = begin(Client(), LINK)
    hers = Participation.objects.filter(pk=ann.pk)
    for wrong in (
        {"identity_mark": None},
        {"identity_sealed": ""},
        {"source": "erased"},
        {"source": "hearsay"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            hers.update(**wrong)
    ann.pk, ann.state = None, "completed"
    with pytest.raises(IntegrityError), transaction.atomic():
        ann.save(force_insert=True)


# A new key


def test_she_comes_back_to_her_place_while_the_former_key_still_counts(
    study: Study, client: Client, settings: Any
) -> None:
    ann = begin(client, LINK)
    change_key(settings, keeps_former=True)
    assert client.get("/join/tea/battle/").status_code == 200, "her session opens"
    assert Client().post(f"/join/tea/{LINK}").url == "/join/tea/battle/"
    assert Participation.objects.get() == ann


def test_once_renewed_the_former_key_opens_nothing_and_is_not_needed(
    study: Study, client: Client, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, gone = begin(client, LINK), begin(Client(), "?PROLIFIC_PID=p-2")
    bea = begin(Client(), "?PROLIFIC_PID=p-3")
    withdraw_and_erase(gone, at=NOW)
    first_key = settings.IDENTITY_KEY
    change_key(settings, keeps_former=True)
    note_visit(bea, study="", session="VISIT-new")
    assert bea.identity_mark == mark_of(study.pk, "p-3"), "by a visit she is renewed already"
    call_command("renew_identities")
    assert capsys.readouterr().out == "Kept under the newest key now: 1 participation.\n"
    assert renew_identities() == 0
    settings.IDENTITY_KEY_FALLBACKS = []
    assert Client().post(f"/join/tea/{LINK}").url == "/join/tea/battle/"
    assert Client().post("/join/tea/?PROLIFIC_PID=p-3").url == "/join/tea/battle/"
    ann.refresh_from_db()
    gone.refresh_from_db()
    assert (ann.identity, ann.identity_mark) == (Identity(*HERS), mark_of(study.pk, HERS[0]))
    assert gone.identity_mark is None
    settings.IDENTITY_KEY = first_key
    with pytest.raises(IdentityKeyError):
        unseal(ann.identity_sealed)


def test_a_file_imported_again_under_a_new_key_adds_nobody(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv"
    path.write_text("rater,model_a,model_b,outcome\nann,Cedar,Elm,a\nbob,Elm,Cedar,b\n")
    call_command("import_comparisons", str(path), "--study", "s", "--create")
    change_key(settings, keeps_former=True)
    call_command("import_comparisons", str(path), "--study", "s")
    assert sorted(ids_of(Study.objects.get()).values()) == ["ann", "bob"]
    settings.IDENTITY_KEY_FALLBACKS = []
    call_command("import_comparisons", str(path), "--study", "s")
    settings.IDENTITY_KEY = "a-key-that-never-was-the-database-s"
    with pytest.raises(CommandError, match="sealed under another key"):
        call_command("import_comparisons", str(path), "--study", "s")
    assert Participation.objects.count() == 2


# A wrong key


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What the log says of keys."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("hustings.identity_key")
    logger.addHandler(handler)
    yield said
    logger.removeHandler(handler)


def test_under_a_wrong_key_nobody_gets_a_second_place_and_the_log_says_why(
    study: Study, client: Client, settings: Any, heard: list[str]
) -> None:
    begin(client, LINK)
    change_key(settings, keeps_former=False)
    assert client.get("/join/tea/battle/").url == "/join/tea/", "as after a session's end"
    page = client.post(f"/join/tea/{LINK}")
    assert page.status_code == 503
    assert "Something failed on our side" in page.text
    assert "Traceback" not in page.text
    assert len(heard) == 1
    assert "IDENTITY_KEY" in heard[0]
    assert Participation.objects.count() == 1
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["identities"] == "sealed under another key"


def test_pages_that_would_tell_who_she_is_say_so_kindly_too(
    study: Study, client: Client, settings: Any, heard: list[str]
) -> None:
    ann = begin(client, LINK)
    client.force_login(make_admin())
    change_key(settings, keeps_former=False)
    page = client.get(reverse("admin:raters_participation_change", args=[ann.pk]))
    assert page.status_code == 503
    assert len(heard) == 1


def test_a_site_is_ready_whose_newest_raters_are_erased(study: Study, client: Client) -> None:
    begin(client, LINK)
    withdraw_and_erase(begin(Client(), "?PROLIFIC_PID=p-2"), at=NOW)
    assert client.get("/readyz").json()["identities"] == "ok"


# Erasing


def test_a_visit_that_was_read_before_she_was_erased_brings_nothing_back(
    study: Study, client: Client
) -> None:
    ann = begin(client, LINK)
    Study.objects.update(state="closed", closed_at=NOW - timedelta(days=4000))
    assert erase_after_retention(at=NOW) == [study]
    note_visit(ann, study="STUDY-new", session="VISIT-new")
    ann.refresh_from_db()
    assert (ann.source, ann.identity, ann.identity_sealed) == ("erased", Identity(), "")
    assert client.get("/join/tea/my-data/").status_code == 302, "the session leads to nobody"


# Who may look


def test_an_admin_finds_her_by_the_whole_id_and_by_no_part_of_it(
    study: Study, client: Client
) -> None:
    ann = begin(Client(), LINK)
    other = make_live_study(slug="other", contestants=0)
    Participation.objects.create(
        study=other,
        rater=ann.rater,
        state="completed",
        created_at=NOW,
        **fields_for(other.pk, Identity(HERS[0])),
    )
    begin(Client(), "?PROLIFIC_PID=p-2")
    client.force_login(make_admin())
    for name, found in (("participation", 2), ("rater", 1)):
        register = reverse(f"admin:raters_{name}_changelist")
        for asked, number in ((HERS[0], found), (HERS[0][:-1], 0), ("", found + 1)):
            page = client.get(register, {"q": asked})
            assert len(page.context["cl"].result_list) == number, (name, asked)
    assert HERS[0] in client.get(reverse("admin:raters_participation_changelist")).text
    page = client.get(reverse("admin:raters_participation_change", args=[ann.pk])).text
    assert [part for part in HERS if part not in page] == []


def test_who_may_not_see_participations_is_told_no_id(study: Study, client: Client) -> None:
    ann = begin(Client(), LINK)
    say_on_page(Client(), "Nothing.")
    give_strike(ann, FLAW, key="drift:turn:1", at=NOW)
    may = ("studies.view_study", "raters.view_strike", "raters.change_strike", "raters.view_rater")
    client.force_login(make_user("reviewer", *may, is_staff=True))
    register = reverse("admin:raters_participation_changelist")
    assert client.get(register, {"q": HERS[0]}).status_code == 403
    page = client.get(reverse("admin:raters_rater_changelist"), {"q": ann.rater.code})
    assert page.status_code == 200
    assert ann.rater.code in page.text
    assert HERS[0] not in page.text
