"""What an order hangs on: the report that comes with a board, its page, and a line beside it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from leaderboards.errors import NothingToRankError
from leaderboards.facts import as_json
from leaderboards.models import Board, BoardRow, Report
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.reports import BOARD, ROBUSTNESS
from leaderboards.services.boards import take_board, withdraw_board
from leaderboards.services.reports import (
    ask_for_report,
    claim_report,
    finish_report,
    report_status,
)
from leaderboards.services.robustness import (
    Robustness,
    ask_for_missing_checks,
    compute_robustness,
)
from leaderboards.tasks import ring_due_reports
from raters.models import Battle, Rater, Verdict
from raters.services.exclusions import exclude
from raters.simulation import Population, simulate_raters
from studies.models import ChatModel, Study
from studies.services import enter_contestant
from tests.browser import DESKTOP, NARROW, Visit
from tests.cast import NOW, make_admin, make_board, make_study, make_user
from tests.desk import OF_THE_THEME
from tests.kept import kept
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.test_controls import make_swayed_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study() -> Study:
    return kept(make_study, raters=40)


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def page_of(client: Client, study: Study, **query: str) -> str:
    return text_of(client.get(reverse("leaderboards:robustness", args=[study.slug]), query))


# The report


@pytest.mark.every_database
def test_each_dimension_is_checked_once_a_board_is_taken(study: Study) -> None:
    board = make_board(study)
    asked = Report.objects.filter(study=study, kind=ROBUSTNESS)
    assert sorted(asked.values_list("subject", "state")) == [
        ("overall", "waiting"), ("warmth", "waiting"),
    ]  # fmt: skip
    write_due_reports()
    found = report_status(study, ROBUSTNESS, "warmth").facts(Robustness)
    assert found is not None
    assert found.dimension == "warmth"
    assert found.board is not None
    assert (found.board.id, found.board.input_digest) == (str(board.pk), board.input_digest)
    assert (found.board.verdicts, found.board.is_same_input) == (160, True)


def test_nothing_is_asked_for_where_a_board_of_ratings_is_taken(rating_board: Board) -> None:
    assert not Report.objects.filter(kind=ROBUSTNESS).exists()


@pytest.mark.parametrize("engine", [Engine.DAVIDSON, Engine.TRUESKILL])
def test_a_report_says_whether_it_rests_on_the_board_s_verdicts(
    study: Study, engine: Engine
) -> None:
    take_board(study, BoardParameters(engine=engine, draws=100), at=NOW)
    same = compute_robustness(study, at=NOW).board
    assert same is not None
    assert same.is_same_input
    gone = study.participations.order_by("pk")[3]
    exclude(gone, reason="Fraud.", by=make_admin(), at=NOW)
    found = compute_robustness(study, at=NOW)
    assert found.board is not None
    assert (found.board.is_same_input, found.board.verdicts) == (False, 160)
    assert found.controls.verdicts == 156


def test_as_many_verdicts_that_are_others_are_not_the_same_input(study: Study) -> None:
    make_board(study)
    dimension = study.dimensions.get(is_overall=True)
    first = Verdict.objects.filter(dimension=dimension).earliest("pk")
    participation = study.participations.order_by("pk")[0]
    exclude(participation, reason="Fraud.", by=make_admin(), at=NOW)
    late = study.participations.order_by("pk").last()
    assert late is not None
    for key in range(4):
        battle = Battle.objects.create(
            participation=late, key=f"late-{key}", side_a=first.battle.side_a,
            side_b=first.battle.side_b, created_at=NOW,
        )  # fmt: skip
        Verdict.objects.create(battle=battle, dimension=dimension, outcome="a", recorded_at=NOW)
    found = compute_robustness(study, at=NOW).board
    assert found is not None
    assert found.verdicts == 160 == compute_robustness(study, at=NOW).controls.verdicts
    assert not found.is_same_input


def test_without_a_board_a_report_belongs_to_none(study: Study) -> None:
    assert compute_robustness(study, at=NOW).board is None
    board = make_board(study)
    withdraw_board(board, reason="Wrong.", by=make_admin(), at=NOW)
    assert compute_robustness(study, at=NOW).board is None


def test_few_verdicts_or_raters_that_go_make_another_first(study: Study) -> None:
    found = compute_robustness(study, at=NOW)
    assert found.verdicts is not None
    assert found.raters is not None
    assert (found.verdicts.among, found.raters.among) == (160, 40)
    assert 0 < found.raters.count <= found.verdicts.count
    assert found.verdicts.leader != found.verdicts.new_leader
    first = next(s for s, place in zip(found.controls.contestants, found.controls.controls[1]
        .standings, strict=True) if place.rank == 1)  # fmt: skip
    assert found.verdicts.leader == first


def test_developers_are_counted_with_all_that_they_entered(study: Study) -> None:
    copse = ChatModel.objects.create(
        name="Elder", developer="Copse", base_url="bot:echo", model_id="x"
    )
    enter_contestant(study, name="Elder", chat_model=copse)
    for name in ("Fern", "Gorse"):
        nobody_s = ChatModel.objects.create(name=name, base_url="bot:echo", model_id=name)
        enter_contestant(study, name=name, chat_model=nobody_s)
    variants = compute_robustness(study, at=NOW).variants
    assert [(each.developer, each.tried) for each in variants] == [("Copse", 3), ("Spinney", 2)]
    for each in variants:
        assert each.corrected < each.skill
        assert each.low < each.corrected < each.high
        assert each.by_chance > 0
        assert each.corrected_rank >= each.rank


def test_contestants_of_nobody_known_are_no_family() -> None:
    study = make_study(raters=0)
    ChatModel.objects.filter(contestants__study=study).update(developer="")
    simulate_raters(study, raters=20, battles_each=4, seed=1, population=Population(), at=NOW)
    variants = compute_robustness(study, at=NOW).variants
    assert [(each.developer, each.tried) for each in variants] == [("", 1)] * 4
    assert all(each.corrected == pytest.approx(each.skill) for each in variants)


def test_a_report_names_no_rater_and_no_battle(study: Study) -> None:
    make_board(study)
    write_due_reports()
    document = str(Report.objects.get(subject="overall").document)
    assert not any(code in document for code in Rater.objects.values_list("code", flat=True))
    assert "dropped" not in document


def test_what_earlier_code_wrote_is_no_report(client: Client, study: Study) -> None:
    make_board(study)
    write_due_reports()
    Report.objects.filter(subject="overall").update(document={"controls": []})
    assert report_status(study, ROBUSTNESS, "overall").facts(Robustness) is None
    assert "has not been checked yet" in page_of(client, study)


@pytest.mark.every_database
def test_a_board_that_was_taken_while_the_one_before_was_checked_is_checked_too(
    study: Study,
) -> None:
    make_board(study)
    write_due_reports()
    assert ask_for_missing_checks(at=NOW) == 0
    report = ask_for_report(study, ROBUSTNESS, "overall", at=NOW)
    claim = claim_report(report.pk, at=NOW)
    before = as_json(compute_robustness(study, at=NOW))
    newer = take_board(study, BoardParameters(draws=100), at=NOW + timedelta(days=1))
    assert claim is not None
    assert finish_report(claim, before, at=NOW)
    # On warmth nothing was under way.
    assert ask_for_missing_checks(at=NOW) == 1
    write_due_reports()
    found = report_status(study, ROBUSTNESS, "overall").facts(Robustness)
    assert found is not None
    assert found.board is not None
    assert found.board.id == str(newer.pk)
    assert ask_for_missing_checks(at=NOW) == 0


@pytest.mark.every_database
def test_a_board_from_before_there_were_checks_is_checked_and_ratings_never_are(
    study: Study, rating_board: Board, refused_board: Board
) -> None:
    make_board(study)
    Report.objects.all().delete()
    ring_due_reports()
    asked = Report.objects.filter(kind=ROBUSTNESS)
    assert sorted(asked.values_list("study__slug", "subject")) == [
        ("parted", "overall"), ("tea", "overall"), ("tea", "warmth"),
    ]  # fmt: skip
    write_due_reports()
    # Of the study whose contestants never met it failed, and stays so.
    assert ask_for_missing_checks(at=NOW) == 0


# Its page


def test_the_page_has_the_board_s_order_and_a_column_for_each_control(
    client: Client, study: Study
) -> None:
    board = make_board(study)
    write_due_reports()
    page = page_of(client, study)
    rows = BoardRow.objects.filter(section__board=board, section__dimension_key="overall")
    order = list(rows.filter(section__scope="electorate").order_by("rank"))
    places = [page.index(f">{row.name}</a>") for row in order]
    assert places == sorted(places)
    for name in ("Position", "Raters capped", "Without Age", "Without Sex"):
        assert f'<th scope="col">{name}</th>' in page
    # What can't be computed has no column, and says why.
    assert '<th scope="col">Style</th>' not in page
    assert "The replies of this study are not here, only its verdicts." in page
    assert "Takes out whatever advantage there is in being shown as side A." in page
    assert "Another would be first without as few as" in page
    assert "circles (p = " in page
    assert "Copse and Spinney entered 2 variants each" in page
    assert "It rests on the same 160 verdicts as the board." in page
    assert "<script" not in page.split("<main")[1]


def test_the_page_takes_another_dimension_and_refuses_one_that_is_not(
    client: Client, study: Study
) -> None:
    make_board(study)
    write_due_reports()
    assert '<p class="kicker">Warmth</p>' in page_of(client, study, dimension="warmth")
    address = reverse("leaderboards:robustness", args=[study.slug])
    unknown = client.get(address, {"dimension": "charm"})
    assert unknown.status_code == 404
    assert "This board has no dimension “charm”." in text_of(unknown)


def test_who_is_moved_far_is_told_in_words(client: Client) -> None:
    study = make_swayed_study()
    make_board(study)
    write_due_reports()
    page = page_of(client, study)
    assert "Dogwood is first without a control, Ash with “Style”." in page
    assert "“Style” moves Dogwood down 3 ranks." in page
    assert "<strong>down 3: far</strong>" in page


def test_the_page_waits_fails_and_says_when_nobody_asked(client: Client, study: Study) -> None:
    address = reverse("leaderboards:robustness", args=[study.slug])
    assert "No board has been published yet" in page_of(client, study)
    make_board(study)
    waits = client.get(address)
    assert "This board is being checked" in text_of(waits)
    assert waits["Refresh"] == "5"
    Report.objects.filter(subject="overall").update(state="failed", error="No way to rank.")
    failed = client.get(address)
    assert "This board could not be checked" in text_of(failed)
    assert "No way to rank." in text_of(failed)
    assert "Refresh" not in failed
    Report.objects.all().delete()
    assert "This board has not been checked yet" in page_of(client, study)


def test_a_report_of_the_board_before_is_not_shown_as_this_one_s(
    client: Client, study: Study
) -> None:
    make_board(study)
    write_due_reports()
    take_board(study, BoardParameters(draws=100), at=NOW + timedelta(days=1))
    assert "This board is being checked" in page_of(client, study)
    assert "Allow for" not in text_of(client.get(reverse("leaderboards:study", args=["tea"])))
    write_due_reports()
    assert "same 160 verdicts" in page_of(client, study)


def test_a_report_asked_for_by_hand_says_how_many_verdicts_the_board_had(
    client: Client, study: Study
) -> None:
    make_board(study)
    gone = study.participations.order_by("pk")[3]
    exclude(gone, reason="Fraud.", by=make_admin(), at=NOW)
    write_due_reports()
    assert "on the 156 verdicts that counted by then; the board on 160." in page_of(client, study)


def test_ratings_and_rankings_that_are_none_have_nothing_to_check(
    client: Client, rating_board: Board, refused_board: Board
) -> None:
    assert "There are no sides to allow for" in page_of(client, rating_board.study)
    write_due_reports()
    parted = page_of(client, refused_board.study)
    assert "No ranking can be made here" in parted
    assert "2 parts that never met" in parted


def test_the_page_is_for_those_who_see_the_study(client: Client) -> None:
    hidden = make_study("hidden", raters=8, is_public=False)
    make_board(hidden)
    address = reverse("leaderboards:robustness", args=["hidden"])
    assert client.get(address).status_code == 404
    client.force_login(make_admin())
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405


# Beside the board


def board_of(client: Client, study: Study, **query: str) -> Any:
    return client.get(reverse("leaderboards:study", args=[study.slug]), query)


def test_a_control_orders_the_board_s_table_and_says_that_it_is_no_board(client: Client) -> None:
    study = make_swayed_study()
    make_board(study)
    assert "What could change this order" in text_of(board_of(client, study))
    write_due_reports()
    published = text_of(board_of(client, study))
    assert "Dogwood is first without a control, Ash with “Style”." in published
    assert '<option value="style">Style</option>' in published
    assert "no board" not in published
    page = text_of(board_of(client, study, dimension="overall", control="style"))
    assert "This is a check beside the board, and no board." in page
    assert "who would rank where if they all looked alike." in page
    assert '<option value="style" selected>Style</option>' in page
    table = page.split('<table class="ranks">')[1].split("</table>")[0]
    places = [table.index(f">{name}</a>") for name in ("Ash", "Birch", "Cherry", "Dogwood")]
    assert places == sorted(places)
    assert "<strong>down 3: far</strong>" in table


def test_a_control_that_is_not_there_is_not_found(
    client: Client, study: Study, rating_board: Board
) -> None:
    board = make_board(study)
    write_due_reports()
    for query in (
        {"control": "charm"},
        {"control": "style"},
        {"control": "position", "group": "age=18-34"},
        {"control": "position", "group": "sample"},
    ):
        refused = board_of(client, study, **query)
        assert refused.status_code == 404
        assert "control" in text_of(refused)
    assert board_of(client, rating_board.study, control="position").status_code == 404
    take_board(study, BoardParameters(draws=100), at=NOW + timedelta(days=1))
    older = reverse("leaderboards:board", args=[study.slug, board.pk])
    assert client.get(older, {"control": "position"}).status_code == 404
    assert "What could change" not in text_of(client.get(older)).split("</table>")[0]


# REST


def test_rest_has_drop_k_circles_variants_and_the_board(client: Client, study: Study) -> None:
    board = make_board(study)
    write_due_reports()
    client.force_login(make_user("looker", "studies.view_study"))
    told = client.get("/api/v1/studies/tea/controls/").json()
    assert told["board"] == {
        "id": str(board.pk), "input_digest": board.input_digest,
        "verdicts": 160, "is_same_input": True,
    }  # fmt: skip
    assert told["fewest_verdicts"]["among"] == 160
    assert told["fewest_raters"]["among"] == 40
    assert told["fewest_raters"]["leader"] != told["fewest_raters"]["new_leader"]
    assert told["cycles"]["degrees"] == 3
    assert 0 < told["cycles"]["p_value"] <= 1
    assert len(told["cycles"]["triads"]) == 4
    assert set(told["cycles"]["triads"][0]["contestants"]) < {"ash", "birch", "cherry", "dogwood"}
    assert [each["tried"] for each in told["variants"]] == [2, 2]


def test_rest_says_why_there_is_none_and_tries_again_a_minute_later(
    client: Client, refused_board: Board
) -> None:
    client.force_login(make_admin())
    address = f"/api/v1/studies/{refused_board.study.slug}/controls/"
    assert client.get(address).status_code == 202
    write_due_reports()
    refused = client.get(address)
    assert refused.status_code == 404
    assert "2 parts that never met" in refused.json()["detail"]
    report = Report.objects.get(study=refused_board.study, kind=ROBUSTNESS)
    Report.objects.filter(pk=report.pk).update(finished_at=NOW)
    assert client.get(address).status_code == 202
    assert Report.objects.filter(state="waiting").count() == 1


def test_a_dimension_that_is_not_has_no_report(study: Study) -> None:
    with pytest.raises(NothingToRankError, match='no dimension "charm"'):
        compute_robustness(study, "charm", at=NOW)
    report = ask_for_report(study, ROBUSTNESS, "charm", at=NOW)
    write_due_reports()
    report.refresh_from_db()
    assert report.state == Report.State.FAILED
    assert 'no dimension "charm"' in report.error


# In a browser


@pytest.mark.one_database
@pytest.mark.parametrize("size", [DESKTOP, NARROW])
def test_the_pages_are_accessible_and_fit(
    transactional_db: None, browser: Browser, live_server: LiveServer, pictures: Path, size: Any
) -> None:
    study = make_swayed_study()
    make_board(study)
    name = "wide" if size == DESKTOP else "narrow"
    visit = Visit(browser, size, "light")
    there = f"{live_server.url}{reverse('leaderboards:robustness', args=[study.slug])}"
    page = visit.open(there)
    expect(page.get_by_text("This board is being checked")).to_be_visible()
    visit.look(pictures / f"robustness-waits-{name}.png")
    write_due_reports()
    page = visit.open(there)
    expect(page.get_by_text("“Style” moves Dogwood down 3 ranks.")).to_be_visible()
    visit.look(pictures / f"robustness-{name}.png")
    page = visit.open(f"{live_server.url}{reverse('leaderboards:study', args=[study.slug])}")
    page.get_by_label("Allow for").select_option("Style")
    page.locator("form", has_text="Allow for").get_by_role("button", name="Show").click()
    expect(page.get_by_text("This is a check beside the board, and no board.")).to_be_visible()
    visit.look(pictures / f"board-style-{name}.png")


@pytest.mark.one_database
def test_the_admin_s_page_of_a_board_that_is_taken_is_accessible(
    transactional_db: None,
    browser: Browser,
    live_server: LiveServer,
    client: Client,
    pictures: Path,
) -> None:
    study = make_study(raters=8)
    client.force_login(make_admin())
    visit = Visit(browser, DESKTOP, "light")
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    visit.page.context.add_cookies([{**cookie, "url": live_server.url}])
    ask_for_report(study, BOARD, "davidson", at=NOW)
    there = reverse("admin:leaderboards_board_taking", args=[study.pk, "davidson"])
    page = visit.open(f"{live_server.url}{there}")
    expect(page.get_by_text("a board is being taken")).to_be_visible()
    visit.look(pictures / "board-taking.png", but=OF_THE_THEME)
    Report.objects.update(state="failed", error="The study has no verdict that counts.")
    page = visit.open(f"{live_server.url}{there}")
    expect(page.get_by_text("no board was taken")).to_be_visible()
    visit.look(pictures / "board-not-taken.png", but=OF_THE_THEME)
