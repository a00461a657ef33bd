"""The public ledger and the page about it, through HTTP; and `hustings verify_ledger`."""

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from hustings.management.command import BAD_INPUT
from leaderboards.ledger import check_board
from leaderboards.models import Board
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board, withdraw_board
from raters.models import Exclusion
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, exclude_by_rule, lift_exclusion
from studies import chain
from studies.ledger import export_ledger, head, record_sharing
from studies.life_cycle import move_study
from studies.models import Study
from studies.planning import allocate_quotas, open_study
from studies.services import withdraw_contestant
from tests.cast import NOW, complete_design, make_admin, make_board, make_study
from tests.kept import kept

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SIMULATED = "Simulated raters: not a finding about real people or models"
DAY = timedelta(days=1)


@pytest.fixture
def study() -> Study:
    return kept(make_study)


@pytest.fixture
def eventful(study: Study) -> Study:
    """A study in which everything happened that a ledger tells."""
    boss = make_admin()
    ann, bea, cis, *_ = study.participations.order_by("pk")
    exclude(ann, reason="Too fast.", by=boss, at=NOW)
    exclude(bea, reason="Too fast.", by=boss, at=NOW)
    rule = exclude_by_rule(study, Exclusion.Rule.LEAKS, reason="Not hidden.", by=boss, at=NOW)
    lift_exclusion(rule, by=boss, at=NOW)
    withdraw_and_erase(cis, at=NOW)
    make_board(study)
    withdraw_contestant(named(study, "Dogwood"), reason="Its endpoint was closed.", at=NOW + DAY)
    record_sharing(
        study, recipient="A university", what="All verdicts.", shared_on=date(2026, 3, 1), at=NOW
    )
    return study


def named(study: Study, name: str) -> Any:
    return study.contestants.get(name=name)


def day(at: datetime) -> str:
    return date_format(at, "DATE_FORMAT")


def page_of(client: Client, study: Study) -> str:
    response = client.get(reverse("leaderboards:integrity", args=[study.slug]))
    assert response.status_code == 200
    return " ".join(response.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def text_of(client: Client, study: Study) -> str:
    """The page without its tags."""
    return " ".join(strip_tags(page_of(client, study)).split())


# The export


def test_the_export_is_a_whole_chain_and_the_same_over_rest(
    client: Client, eventful: Study
) -> None:
    response = client.get(reverse("leaderboards:ledger", args=[eventful.slug]))
    assert response["Content-Disposition"] == 'attachment; filename="tea-ledger.json"'
    document = response.json()
    read = chain.read(document)
    assert read.flaw == ""
    assert (read.study, len(read.entries)) == ("tea", 12)
    assert client.get("/api/v1/studies/tea/ledger/").json() == document
    assert "secret" not in response.text


def test_a_ledger_is_seen_by_whoever_sees_the_study(client: Client, study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_public=False)
    addresses = [reverse(f"leaderboards:{name}", args=["tea"]) for name in ("integrity", "ledger")]
    addresses.append("/api/v1/studies/tea/ledger/")
    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]
    client.force_login(make_admin())
    assert [client.get(address).status_code for address in addresses[:2]] == [200, 200]


def test_a_board_names_the_ledger_s_head_at_its_time_and_is_recorded_after(study: Study) -> None:
    before = head(study)
    assert before is not None
    board = make_board(study)
    exported = export_of(board)
    assert exported["ledger"] == {"number": before.number, "digest": before.digest}
    check = check_board(exported, chain.read(export_ledger(study)))
    assert (check.entry, check.differences) == (before.number + 1, ())


# The page


def test_a_study_says_who_was_tested_left_and_what_happened(
    client: Client, eventful: Study
) -> None:
    page = text_of(client, eventful)
    for words in (
        SIMULATED,
        "4 contestants of 2 developers were tested; 1 has withdrawn.",
        "SpinneyCherry, Dogwood 2 2 1",
        f"Withdrawn on {day(NOW + DAY)}. Its endpoint was closed.",
        "Raters named one by one Too fast. 2 0",
        "Battles in which a model gave its name away Not hidden. 0 1",
        "Raters who withdrew all they had said The rater withdrew. 1 0",
        "No rule has changed that is on record.",
        f"A university, {day(NOW)} All verdicts.",
        "by an admin Data were shared with: A university. All verdicts.",
        "by a rater A rater withdrew all that she had said",
        "Left out of boards from now on: one rater, 8 answers. Too fast.",
        "Counts again: battles in which a model gave its name away. Not hidden.",
        "A board was published.",
        "hustings verify_ledger tea-ledger.json --boards FOLDER",
    ):
        assert words in page, words
    last = head(eventful)
    assert last is not None
    assert last.digest in page
    assert "secret" not in page


def test_a_withdrawn_contestant_keeps_its_last_standing_on_a_board_that_is_stood_by(
    client: Client, study: Study
) -> None:
    assert "None has withdrawn." in text_of(client, study)
    first = make_board(study)
    second = take_board(study, BoardParameters(draws=200), at=NOW + DAY)
    withdraw_contestant(named(study, "Ash"), reason="Retired.", at=NOW)
    assert f"/studies/tea/boards/{second.pk}/" in page_of(client, study)
    withdraw_board(second, reason="A wrong share.", by=make_admin(), at=NOW)
    page = page_of(client, study)
    row = first.sections.get(scope="electorate", dimension_key="overall").rows.get(name="Ash")
    rank = f"{row.rank_low}–{row.rank_high}" if row.rank_low < row.rank_high else row.rank_low
    score = f"{row.score:.2f}".replace("-", "\N{MINUS SIGN}")
    assert f"Last standing, overall: place {rank} of 4, score {score} (" in page
    assert f"/studies/tea/boards/{first.pk}/" in page
    assert f"/studies/tea/boards/{second.pk}/" not in page
    withdraw_board(first, reason="Wrong too.", by=make_admin("eve"), at=NOW)
    page = text_of(client, study)
    assert "It was on no board that is stood by." in page
    assert "No board stands at present." in page


def test_changed_rules_are_shown_before_and_after_beside_those_at_the_opening(
    client: Client,
) -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    open_study(complete_design(study), at=NOW)
    allocate_quotas(study, raters=2000, at=NOW + DAY)
    page = text_of(client, study)
    assert "Raters wanted20 →now 2,000" in page
    assert "5 rules changed: “Raters wanted”" in page
    assert "The rules with which it opened" in page
    assert "Cap of a day&#x27;s battles0.5" in page
    assert "Opened with" in page


def test_a_study_from_before_begins_its_ledger_with_the_next_fact(client: Client) -> None:
    study = Study.objects.create(
        slug="old", title="Old", is_public=True, state=Study.State.OPEN, opened_at=NOW
    )
    page = text_of(client, study)
    assert "The ledger has no entry yet" in page
    assert "No contestant has entered yet." in page
    assert "Nothing was ever left out: every answer counts." in page
    move_study(study, to="paused", at=NOW)
    page = text_of(client, study)
    assert f"All entries 1 · {day(NOW)}, 12:00 UTC · by an admin Paused." in page


def test_the_page_is_linked_from_the_study_s_and_takes_few_queries(
    client: Client, eventful: Study, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    address = reverse("leaderboards:integrity", args=["tea"])
    assert address in client.get("/studies/tea/").text
    bare = Study.objects.create(slug="bare", title="Bare", is_public=True, state="open")
    assert reverse("leaderboards:integrity", args=["bare"]) in client.get("/studies/bare/").text
    assert bare.contestants.count() == 0
    with django_assert_max_num_queries(16):
        client.get(address)


def test_what_people_write_is_shown_as_text(client: Client, study: Study) -> None:
    withdraw_contestant(named(study, "Ash"), reason="<script>x</script>", at=NOW)
    assert "<script>x" not in page_of(client, study)


# The command


@pytest.fixture
def folder(eventful: Study, tmp_path: Path) -> Path:
    """The ledger as `ledger.json`, and two boards in `boards`, one of them in gzip."""
    (tmp_path / "boards").mkdir()
    make_board(eventful)
    older = eventful.boards.get(supersedes=None)
    newer = eventful.boards.get(supersedes=older)
    (tmp_path / "boards" / "older.json").write_text(json.dumps(export_of(older), indent=2))
    (tmp_path / "boards" / "newer.json.gz").write_bytes(bytes(newer.document))
    (tmp_path / "boards" / "notes.json").write_text('{"format": "notes"}')
    (tmp_path / "ledger.json").write_text(json.dumps(export_ledger(eventful)))
    return tmp_path


def export_of(board: Board) -> dict[str, Any]:
    exported: dict[str, Any] = json.loads(gzip.decompress(bytes(board.document)))
    return exported


def verify(folder: Path, *boards: str) -> int:
    """Run the command on a folder's ledger; returns its exit status."""
    given = ["--boards", *(str(folder / name) for name in boards)] if boards else []
    try:
        call_command("verify_ledger", str(folder / "ledger.json"), *given)
    except SystemExit as left:
        return int(str(left.code))
    return 0


def tamper(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_an_untouched_ledger_and_its_boards_are_verified(
    folder: Path, eventful: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(folder, "boards") == 0
    said, _ = capsys.readouterr()
    last = head(eventful)
    assert last is not None
    assert "ledger.json: verified. Ledger of tea: entries 13; head: entry 13 of 2026-03" in said
    assert f"digest {last.digest}." in said
    assert "older.json: as recorded in entry 10." in said
    assert "newer.json.gz: as recorded in entry 13." in said
    assert "notes" not in said


def test_a_ledger_that_was_changed_is_told_with_its_first_wrong_entry(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(document: Any) -> None:
        document["entries"][4]["facts"]["reason"] = "Too slow."

    tamper(folder / "ledger.json", change)
    assert verify(folder) == BAD_INPUT
    assert "ledger.json: NOT verified: entry 5 was changed" in capsys.readouterr().err


def test_a_ledger_cut_short_contradicts_the_boards(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(document: Any) -> None:
        del document["entries"][7:]

    tamper(folder / "ledger.json", cut)
    assert verify(folder) == 0, "alone it is a whole chain"
    assert verify(folder, "boards/older.json") == BAD_INPUT
    said = capsys.readouterr().err
    assert "it names entry 9, and the ledger has 7: some are missing" in said
    assert "the ledger has no entry of it" in said


def test_a_ledger_written_anew_contradicts_the_boards(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rewrite(document: Any) -> None:
        document["entries"][4]["facts"]["reason"] = "Too slow."
        previous = ""
        for entry in document["entries"]:
            entry["previous"] = previous
            said = {name: value for name, value in entry.items() if name != "digest"}
            previous = entry["digest"] = chain.digest_of("tea", **said)

    tamper(folder / "ledger.json", rewrite)
    assert verify(folder) == 0, "alone it is a whole chain"
    assert verify(folder, "boards") == BAD_INPUT
    assert "older.json: NOT as recorded: it names entry 9 by the digest" in capsys.readouterr().err


def test_a_changed_board_contradicts_the_ledger(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(document: Any) -> None:
        document["sections"][0]["rows"][0]["win_share"] = 0.999

    tamper(folder / "boards" / "older.json", change)
    assert verify(folder, "boards/older.json") == BAD_INPUT
    assert "entry 10 recorded the document" in capsys.readouterr().err


def test_a_board_of_another_study_or_from_before_the_ledger_is_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def move(document: Any) -> None:
        document["study"]["slug"] = "coffee"

    def age(document: Any) -> None:
        document["id"] = "00000000-0000-0000-0000-000000000000"
        del document["ledger"]

    older = folder / "boards" / "older.json"
    tamper(older, age)
    assert verify(folder, "boards/older.json") == 0
    assert "older.json: taken before the ledger began." in capsys.readouterr().out
    tamper(older, move)
    assert verify(folder, "boards/older.json") == BAD_INPUT
    assert "it is of the study coffee, not tea" in capsys.readouterr().err


def test_a_board_from_before_the_ledger_verifies_as_it_did(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(folder / "boards" / "older.json", lambda document: document.pop("ledger"))
    call_command("verify_board", str(folder / "boards" / "older.json"))
    assert "older.json: verified." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ledger.json", "{}", "this is no ledger"),
        ("ledger.json", "x", "it is not JSON"),
        ("boards/older.json", "{}", "this is no board export"),
        ("boards/older.json", '{"format": "hustings-board/2"}', "the export is damaged"),
    ],
)
def test_what_cannot_be_read_is_bad_input(
    folder: Path, name: str, content: str, message: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(CommandError, match=message):
        verify(folder, "boards/older.json")


def test_a_folder_without_a_board_is_bad_input(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(CommandError, match="no file in it is the export of a board"):
        verify(folder, "empty")
