"""Pages of studies and boards, through HTTP."""

import csv
import gzip
import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from leaderboards import document
from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.ranking.boards import BoardParameters, Scope
from leaderboards.services.boards import take_board, withdraw_board
from studies.models import Study
from studies.services import withdraw_contestant

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SIMULATED = "Simulated raters: not a finding about real people or models"


@pytest.fixture
def member(simulated_study: Study) -> User:
    """Somebody of the study's team, who is not staff."""
    user = User.objects.create_user("member", password="a long enough secret")
    simulated_study.team.add(user)
    return user


def body(response: HttpResponse) -> str:
    """The page as text, with runs of white space as one space."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


def study_page(client: Client, study: Study, **query: str) -> Any:
    return client.get(reverse("leaderboards:study", args=[study.slug]), query)


def board_page(client: Client, board: Board, name: str = "board", **query: Any) -> Any:
    path = reverse(f"leaderboards:{name}", args=[board.study.slug, board.pk])
    return client.get(path, query.pop("query", {}), **query)


def hide(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_public=False)


# Home


def test_the_home_page_says_how_to_begin_while_no_study_is_public(client: Client) -> None:
    page = body(client.get("/"))
    assert "No study is public yet" in page
    assert "hustings demo" in page
    assert reverse("account_login") in page


def test_staff_are_led_to_the_admin_while_there_is_no_study(admin_client: Client) -> None:
    assert reverse("admin:index") in body(admin_client.get("/"))


def test_the_home_page_shows_a_study_with_its_verdict(client: Client, board: Board) -> None:
    page = body(client.get("/"))
    assert board.study.question in page
    assert board.study.electorate is not None
    assert board.study.electorate.name in page
    assert "60 raters" in page
    assert "probability" in page
    assert SIMULATED in page


def test_the_home_page_shows_studies_without_a_board_or_a_ranking(
    client: Client, simulated_study: Study, refused_board: Board
) -> None:
    page = body(client.get("/"))
    assert "No board yet." in page
    assert "The battles fall into 2 parts that never met" in page


def test_the_home_page_asks_the_same_few_queries_of_any_number_of_studies(
    client: Client,
    board: Board,
    refused_board: Board,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(5):
        client.get("/")


# Who may see


def test_a_study_that_is_not_public_looks_like_one_that_does_not_exist(
    client: Client, board: Board
) -> None:
    hide(board.study)
    hidden = study_page(client, board.study)
    missing = client.get("/studies/none/")
    assert hidden.status_code == missing.status_code == 404
    assert body(hidden).replace(board.study.slug, "none") == body(missing)
    for name in ("board", "board-export", "board-table"):
        assert board_page(client, board, name).status_code == 404
    assert board.study.question not in body(client.get("/"))


def test_its_team_sees_a_study_that_is_not_public(
    client: Client, board: Board, member: User
) -> None:
    hide(board.study)
    client.force_login(member)
    assert study_page(client, board.study).status_code == 200
    assert board.study.question in body(client.get("/"))


def test_a_board_is_found_under_its_own_study_only(
    client: Client, board: Board, refused_board: Board
) -> None:
    for path in ("/", ".json", ".csv"):
        assert client.get(f"/studies/parted/boards/{board.pk}{path}").status_code == 404
        assert client.get(f"/studies/parted/boards/{uuid.uuid4()}{path}").status_code == 404


# The board's page


def test_the_page_shows_who_was_asked_and_every_contestant(client: Client, board: Board) -> None:
    page = body(study_page(client, board.study))
    assert "60 raters answered" in page
    assert "weighted to the electorate: The Island, adults." in page
    for name in board.study.contestants.values_list("name", flat=True):
        assert name in page
    assert SIMULATED in page


def test_each_row_says_its_score_and_interval_in_words(client: Client, board: Board) -> None:
    row = BoardRow.objects.filter(section=board.sections.all()[0]).order_by("rank")[0]
    minus = "\N{MINUS SIGN}"
    low, high = (f"{v:.2f}".replace("-", minus) for v in (row.score_low, row.score_high))
    assert f"95 % interval {low} to {high}" in body(study_page(client, board.study))


def test_the_address_chooses_dimension_and_group(client: Client, board: Board) -> None:
    page = study_page(client, board.study, dimension="trust", group="age=55-plus")
    section = board.sections.get(dimension_key="trust", group_key="55-plus")
    assert page.context["page"].section == section
    assert "Trust · Age: 55+" in body(page)
    assert f"{section.raters} raters, {section.battles} battles" in body(page)
    assert '<option value="age=55-plus" selected>' in page.content.decode()


def test_the_raters_as_they_came_can_be_seen_and_are_said_to_be_unweighted(
    client: Client, board: Board
) -> None:
    page = study_page(client, board.study, group="sample")
    assert page.context["page"].section.scope == Scope.SAMPLE
    assert "are not weighted" in body(page)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dimension": "wit"}, "This board has no dimension “wit”."),
        ({"group": "age=9-12"}, "This board has no group “age=9-12”."),
        ({"group": "<script>"}, "This board has no group “&lt;script&gt;”."),
        ({"axis": "creed"}, "This board has no axis “creed”."),
    ],
)
def test_an_unknown_choice_is_a_404_that_lists_the_known_ones(
    client: Client, board: Board, query: dict[str, str], message: str
) -> None:
    page = study_page(client, board.study, **query)
    assert page.status_code == 404
    assert message in body(page)
    assert "?dimension=trust&amp;group=electorate" in body(page)
    assert "group=shore%3Dnorth" in body(page)


def test_an_axis_shows_its_groups_beside_the_whole(client: Client, board: Board) -> None:
    page = study_page(client, board.study, axis="shore").context["page"]
    (axis,) = page.heat_map.axes
    assert [column.name for column in axis.columns] == ["North", "South"]
    assert len(page.heat_map.rows) == 5
    page = study_page(client, board.study, group="shore=south").context["page"]
    assert [axis.name for axis in page.heat_map.axes] == ["Age", "Shore"]
    current = [c.name for axis in page.heat_map.axes for c in axis.columns if c.is_current]
    assert current == ["South"]


def test_a_refusal_is_shown_instead_of_a_table(client: Client, refused_board: Board) -> None:
    page = body(study_page(client, refused_board.study))
    assert "No ranking can be made here" in page
    assert "The battles fall into 2 parts that never met" in page
    assert "<tbody" not in page


def test_without_an_electorate_the_page_speaks_for_its_raters_only(
    client: Client, refused_board: Board
) -> None:
    page = body(study_page(client, refused_board.study))
    assert "this board speaks for its raters only" in page
    assert study_page(client, refused_board.study, group="electorate").status_code == 404


def test_a_withdrawn_contestant_is_marked_with_the_reason(client: Client, board: Board) -> None:
    contestant = board.study.contestants.get(name="Elm")
    withdraw_contestant(contestant, reason="Its endpoint was closed.", at=timezone.now())
    page = body(study_page(client, board.study))
    assert '<span class="mark">withdrawn</span>' in page
    assert "Its endpoint was closed." in page


def test_the_numbers_lead_to_downloads_and_sources(client: Client, board: Board) -> None:
    page = body(study_page(client, board.study, dimension="trust", group="age=18-34"))
    table = reverse("leaderboards:board-table", args=[board.study.slug, board.pk])
    assert f"{table}?dimension=trust&amp;group=age%3D18-34" in page
    assert reverse("leaderboards:board-export", args=[board.study.slug, board.pk]) in page
    assert "/api/v1/studies/harbour/boards/" in page
    assert board.input_digest in page
    assert "Census of the island" in page
    assert "30.0 %" in page


def test_a_study_without_a_board_says_so(client: Client, simulated_study: Study) -> None:
    page = study_page(client, simulated_study)
    assert page.status_code == 200
    assert "No board has been published yet" in body(page)
    assert SIMULATED in body(page)


def test_a_superseded_board_leads_to_the_one_that_stands(client: Client, board: Board) -> None:
    newer = take_board(board.study, BoardParameters(), at=board.taken_at + timedelta(seconds=1))
    old = body(board_page(client, board))
    assert "was superseded" in old
    assert "See the board that stands now" in old
    present = study_page(client, board.study).context["page"]
    assert present.board == newer
    assert [entry.is_standing for entry in present.past] == [True, False]


def test_a_withdrawn_board_says_why_and_no_board_takes_its_place(
    client: Client, board: Board, admin_user: User
) -> None:
    newer = take_board(board.study, BoardParameters(), at=board.taken_at + timedelta(seconds=1))
    withdraw_board(newer, reason="A quota was wrong.", by=admin_user, at=timezone.now())
    withdrawn = body(board_page(client, newer))
    assert "This board was withdrawn" in withdrawn
    assert "A quota was wrong." in withdrawn
    assert admin_user.username not in withdrawn
    page = body(study_page(client, board.study))
    assert "No board of this study stands at present" in page
    assert "withdrawn: A quota was wrong." in page


def test_a_large_board_needs_few_queries_and_not_its_export(
    client: Client,
    simulated_study: Study,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    board = make_large_board(simulated_study)
    with django_assert_max_num_queries(10) as asked:
        page = study_page(client, simulated_study, group="axis-1=group-2")
    assert page.status_code == 200
    assert len(page.context["page"].contents.sections) == 5 * (2 + 19)
    assert len(page.context["page"].table.rows) == 12
    assert not any('"document"' in query["sql"] for query in asked.captured_queries)
    assert "document" in page.context["page"].board.get_deferred_fields()
    assert page.context["page"].board == board


def make_large_board(study: Study) -> Board:
    """A board of 12 contestants, 5 dimensions and 19 groups, with made-up numbers."""
    from studies.services import enter_contestant

    for k in range(7):
        enter_contestant(study, name=f"Newcomer {k}")
    contestants = list(study.contestants.all())
    now = timezone.now()
    board = Board(
        study=study, engine="davidson", parameters={}, code_version="1", input_digest="0" * 64,
        document=b"", taken_at=now, raters=1, verdicts=1, exclusions=0,
        first_battle_at=now, last_battle_at=now,
    )  # fmt: skip
    places = [("electorate", "", ""), ("sample", "", "")]
    places += [("group", f"axis-{g % 4}", f"group-{g // 4}") for g in range(19)]
    sections = BoardSection.objects.bulk_create(
        BoardSection(
            board_id=board.pk, scope=scope, dimension_key=f"d{d}", dimension_name=f"D {d}",
            axis_key=axis, axis_name=axis, group_key=group, group_name=group,
            raters=1, battles=1, fit={},
        )
        for d in range(5)
        for scope, axis, group in places
    )  # fmt: skip
    BoardRow.objects.bulk_create(
        BoardRow(
            section=section, contestant=contestant, name=contestant.name, rank=rank,
            rank_low=1, rank_high=12, score=-rank, score_low=-rank - 1, score_high=-rank + 1,
            win_share=0.5, p_best=0.1, battles=1, wins=1, losses=0, ties=0, is_provisional=False,
        )
        for section in sections
        for rank, contestant in enumerate(contestants, start=1)
    )  # fmt: skip
    board.save(force_insert=True)
    return board


# Downloads


def test_the_export_is_the_published_document_whoever_asks(client: Client, board: Board) -> None:
    plain = board_page(client, board, "board-export")
    assert plain["Content-Type"] == "application/json"
    assert "Content-Encoding" not in plain
    assert plain.content == gzip.decompress(bytes(board.document))
    packed = board_page(client, board, "board-export", headers={"accept-encoding": "br, gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert packed.content == bytes(board.document)
    assert "Accept-Encoding" in packed["Vary"]
    refused = board_page(client, board, "board-export", headers={"accept-encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused
    assert document.verify(json.loads(plain.content)).differences == ()


def test_the_export_is_a_download_with_a_name(client: Client, board: Board) -> None:
    disposition = board_page(client, board, "board-export")["Content-Disposition"]
    assert disposition == f'attachment; filename="harbour-board-{board.taken_at:%Y-%m-%d}.json"'


def test_a_public_export_never_changes_and_is_not_sent_twice(client: Client, board: Board) -> None:
    first = board_page(client, board, "board-export")
    assert "immutable" in first["Cache-Control"]
    assert "public" in first["Cache-Control"]
    assert board.input_digest in first["ETag"]
    again = board_page(client, board, "board-export", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert "immutable" in again["Cache-Control"]


def test_an_export_that_is_not_public_is_kept_by_no_shared_cache(
    client: Client, board: Board, member: User
) -> None:
    hide(board.study)
    client.force_login(member)
    control = board_page(client, board, "board-export")["Cache-Control"]
    assert "private" in control
    assert "immutable" not in control


def test_the_csv_is_the_table_that_was_asked_for(client: Client, board: Board) -> None:
    query = {"dimension": "trust", "group": "shore=north"}
    response = board_page(client, board, "board-table", query=query)
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"].endswith('-trust-shore-north.csv"')
    read = list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))
    section = board.sections.get(dimension_key="trust", group_key="north")
    rows = section.rows.order_by("rank")
    assert [row["name"] for row in read] == [row.name for row in rows]
    assert [float(row["score"]) for row in read] == [row.score for row in rows]


def test_a_csv_of_an_unknown_table_is_a_404(client: Client, board: Board) -> None:
    response = board_page(client, board, "board-table", query={"group": "age=9-12"})
    assert response.status_code == 404
    assert "This board has no group “age=9-12”." in body(response)


# The site's own pages


def test_an_unknown_address_says_what_to_do_next(client: Client) -> None:
    page = client.get("/nowhere/")
    assert page.status_code == 404
    assert "There is nothing at this address" in body(page)
    assert "Resolver404" not in body(page)


def test_a_failure_has_a_page_that_needs_nothing_of_the_request(client: Client) -> None:
    from django.test import RequestFactory
    from django.views.defaults import permission_denied, server_error

    failed = server_error(RequestFactory().get("/"))
    assert failed.status_code == 500
    assert "Try again in a minute" in body(failed)
    denied = permission_denied(RequestFactory().get("/"), PermissionError())
    assert denied.status_code == 403
    assert "ask an admin of the study" in body(denied)


def test_a_form_without_its_token_gets_our_page() -> None:
    page = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "x"})
    assert page.status_code == 403
    assert "The form was not accepted" in body(page)


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_pages_of_sign_in_look_like_the_others(client: Client, name: str) -> None:
    page = client.get(reverse(name))
    assert page.status_code == 200
    assert "hustings/style.css" in body(page)
    assert 'class="wordmark"' in body(page)


def test_pages_of_the_second_factor_look_like_the_others(admin_client: Client) -> None:
    page = body(admin_client.get(reverse("mfa_index")))
    assert 'class="wordmark"' in page
    assert '<section class="panel">' in page


def test_no_page_holds_a_style_or_a_script_inline(
    client: Client, board: Board, refused_board: Board
) -> None:
    for path in ("/", "/studies/harbour/", "/studies/parted/", "/accounts/login/", "/nowhere/"):
        page = client.get(path)
        assert "default-src 'self'" in page["Content-Security-Policy"]
        assert " style=" not in body(page)
        assert "<style" not in body(page)
        assert " onclick=" not in body(page)


def test_a_board_says_when_its_raters_answered(client: Client, board: Board) -> None:
    assert board.first_battle_at < board.last_battle_at <= board.taken_at
    ended = date_format(board.last_battle_at, "DATE_FORMAT")
    assert ended in body(study_page(client, board.study))
