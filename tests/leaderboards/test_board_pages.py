"""Pages about the board that stands, through HTTP and in a browser: profiles, matrix, method."""

import csv
import gzip
import hashlib
import io
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django import DjangoAssertNumQueries
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import take_board, withdraw_board
from leaderboards.views_board import PLOT_STYLE
from raters.models import Outcome, Verdict
from studies.models import Contestant, Study
from studies.services import enter_contestant, withdraw_contestant
from tests.browser import DESKTOP, NARROW, Visit

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NAMES = ("contestant", "head-to-head", "method")


def address(study: Study, name: str) -> str:
    slugs = [study.slug]
    if name == "contestant":
        slugs.append(study.contestants.order_by("slug")[0].slug)
    return reverse(f"leaderboards:{name}", args=slugs)


def body(response: HttpResponse) -> str:
    """The page as text, with runs of white space as one space."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


def chart(page: Any, key: str) -> Any:
    return next(each for each in page.charts if each.key == key)


@pytest.fixture
def leader(board: Board) -> Contestant:
    """The first of the board's first table."""
    return BoardRow.objects.filter(section=board.sections.all()[0]).order_by("rank")[0].contestant


# Who may see, and what there is without a board


@pytest.mark.parametrize("name", NAMES)
def test_a_study_that_is_not_public_hides_its_pages(
    client: Client, board: Board, name: str
) -> None:
    path = address(board.study, name)
    assert client.get(path).status_code == 200
    Study.objects.filter(pk=board.study.pk).update(is_public=False)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_without_a_board_that_stands_a_page_says_so(
    client: Client, board: Board, admin_user: User, name: str
) -> None:
    withdraw_board(board, reason="A mistake.", by=admin_user, at=timezone.now())
    page = client.get(address(board.study, name))
    assert page.status_code == 200
    assert "No board of this study stands at present" in body(page)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_dimension_is_refused_and_the_known_ones_named(
    client: Client, board: Board, name: str
) -> None:
    page = client.get(address(board.study, name), {"dimension": "taste"})
    assert page.status_code == 404
    assert "This board has no dimension “taste”." in body(page)


def test_an_unknown_contestant_is_not_found(client: Client, board: Board) -> None:
    assert client.get(f"/studies/{board.study.slug}/contestants/none/").status_code == 404


# A contestant


def test_the_board_leads_to_every_contestant(client: Client, board: Board) -> None:
    page = body(client.get(reverse("leaderboards:study", args=[board.study.slug])))
    for contestant in board.study.contestants.all():
        path = reverse("leaderboards:contestant", args=[board.study.slug, contestant.slug])
        assert path in page
        assert client.get(path).status_code == 200


def test_a_profile_says_the_interval_that_the_board_says(
    client: Client, board: Board, leader: Contestant
) -> None:
    row = BoardRow.objects.get(section=board.sections.all()[0], contestant=leader)
    page = client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))
    ranks = (
        f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
    )
    assert f"{ranks} of 5 in the eyes of the whole electorate" in body(page)
    groups = chart(page.context["page"], "groups")
    assert len(groups.bars) == 5
    assert groups.bars[0].cells[2] == str(board.sections.filter(group_key="18-34")[0].raters)


def test_a_profile_counts_battles_as_they_were_fought(
    client: Client, board: Board, leader: Contestant
) -> None:
    page = client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))
    rivals = chart(page.context["page"], "rivals")
    key = page.context["page"].section.dimension_key
    verdicts = Verdict.objects.counting(board.study).filter(dimension__key=key)
    assert len(rivals.bars) == 4
    for bar in rivals.bars:
        as_a = verdicts.filter(battle__side_a=leader, battle__side_b__name=bar.name)
        as_b = verdicts.filter(battle__side_b=leader, battle__side_a__name=bar.name)
        won = as_a.filter(outcome=Outcome.A).count() + as_b.filter(outcome=Outcome.B).count()
        tied = sum(each.filter(outcome=Outcome.TIE).count() for each in (as_a, as_b))
        met = as_a.count() + as_b.count()
        assert bar.cells[2:] == tuple(map(str, (met, won, tied, met - won - tied)))


def test_a_profile_tells_its_history_over_boards(
    client: Client, board: Board, leader: Contestant, admin_user: User
) -> None:
    at = board.taken_at + timedelta(days=1)
    later = take_board(board.study, BoardParameters(seed=2), at=at)
    withdraw_board(board, reason="A mistake.", by=admin_user, at=at)
    path = reverse("leaderboards:contestant", args=[board.study.slug, leader.slug])
    history = chart(client.get(path).context["page"], "history")
    assert [bar.cells[-1] for bar in history.bars] == ["withdrawn", "stands"]
    assert [bar.is_doubtful for bar in history.bars] == [True, False]
    assert history.bars[-1].address.endswith(f"{later.pk}/")


def test_a_withdrawn_contestant_says_why(client: Client, board: Board, leader: Contestant) -> None:
    withdraw_contestant(leader, reason="Its makers took it back.", at=timezone.now())
    path = reverse("leaderboards:contestant", args=[board.study.slug, leader.slug])
    assert "Its makers took it back." in body(client.get(path))


def test_a_contestant_that_came_after_the_board_is_not_placed(client: Client, board: Board) -> None:
    Study.objects.filter(pk=board.study.pk).update(state=Study.State.DRAFT)
    board.study.refresh_from_db()
    late = enter_contestant(board.study, name="Latecomer")
    path = reverse("leaderboards:contestant", args=[board.study.slug, late.slug])
    Study.objects.filter(pk=board.study.pk).update(state=Study.State.CLOSED)
    assert "This board does not rank it here" in body(client.get(path))


def test_a_profile_asks_few_queries(
    client: Client,
    board: Board,
    leader: Contestant,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(10):
        client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))


def test_where_models_are_rated_singly_nobody_meets_anybody(
    client: Client, rating_board: Board
) -> None:
    profile = client.get(address(rating_board.study, "contestant"))
    assert "rivals" not in [each.key for each in profile.context["page"].charts]
    matrix = client.get(address(rating_board.study, "head-to-head"))
    assert "Nobody meets anybody here" in body(matrix)


def test_a_refused_board_ranks_nobody_and_says_why(client: Client, refused_board: Board) -> None:
    for name in NAMES:
        page = body(client.get(address(refused_board.study, name)))
        assert "The battles fall into 2 parts that never met" in page, name


# Head to head


def test_the_matrix_is_the_same_from_both_sides(client: Client, board: Board) -> None:
    lines = client.get(address(board.study, "head-to-head")).context["page"].lines
    assert len(lines) == 5
    for i, line in enumerate(lines):
        assert line.cells[i] is None
        for j, cell in enumerate(line.cells):
            mirror = lines[j].cells[i]
            assert (cell is None) == (mirror is None)
            if cell and mirror:
                assert cell.battles == mirror.battles
                assert cell.style.replace("up", "down") == mirror.style.replace("up", "down")
    assert [line.row.rank for line in lines] == [1, 2, 3, 4, 5]


# Method


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (
            Engine.DAVIDSON,
            ("P(tie) = ν / Z", "given Σ_groups share × u = 0", "Ties, ν = ", "Sides"),
        ),
        (Engine.TRUESKILL, ("performance_i ~ Normal(skill_i, β²)", "Two equal contestants tie in")),
    ],
)
def test_the_method_is_that_of_the_engine(
    client: Client, simulated_study: Study, engine: Engine, said: tuple[str, ...]
) -> None:
    take_board(simulated_study, BoardParameters(engine=engine, draws=100), at=timezone.now())
    page = body(client.get(address(simulated_study, "method")))
    for sentence in said:
        assert sentence in page


def test_the_method_of_ratings_names_its_spreads(client: Client, rating_board: Board) -> None:
    page = body(client.get(address(rating_board.study, "method")))
    assert "b_rater ~ Normal(0, ω²)" in page
    assert "Within a rater, σ = " in page


def test_the_method_states_this_boards_numbers(client: Client, board: Board) -> None:
    page = client.get(address(board.study, "method"))
    fit = board.sections.all()[0].fit
    assert f"Ties, ν = {fit['tie_propensity']:.2f}" in body(page)
    assert f"are worth as much as {fit['effective_battles']:,.0f}" in body(page)
    for axis, bar in zip(("age", "shore"), page.context["page"].shifts.bars, strict=True):
        assert bar.low == fit[f"rank_shift_low_{axis}"]
        assert bar.cells[2] == f"{fit[f'tau_{axis}']:.2f}"
    assert str(board.parameters["draws"]) in body(page).replace(",", "")


# Charts


@pytest.mark.parametrize(
    ("path", "licence", "version"),
    [
        ("hustings/vendor/plot/plot.umd.min.js", "Observable", "v0.6.17"),
        ("hustings/vendor/d3/d3.min.js", "Mike Bostock", "v7.9.2"),
    ],
)
def test_the_chart_library_comes_with_its_licence(path: str, licence: str, version: str) -> None:
    found = Path(str(finders.find(path)))
    assert version in found.read_text()[:200]
    text = found.with_name("LICENSE").read_text()
    assert licence in text
    assert "Permission to use, copy, modify, and/or distribute" in text


def test_only_pages_with_charts_allow_a_style_and_only_this_one(
    client: Client, board: Board
) -> None:
    for name in ("contestant", "method"):
        policy = client.get(address(board.study, name)).headers["Content-Security-Policy"]
        assert f"style-src 'self' {PLOT_STYLE}" in policy
        assert "unsafe" not in policy
    for name in ("head-to-head", "study"):
        policy = client.get(address(board.study, name)).headers["Content-Security-Policy"]
        assert "style-src" not in policy


@pytest.fixture
def profile(browser: Browser, live_server: LiveServer, board: Board, leader: Contestant) -> str:
    """The address of the leader's profile."""
    path = reverse("leaderboards:contestant", args=[board.study.slug, leader.slug])
    return f"{live_server.url}{path}"


def drawn(page: Page) -> Page:
    for figure in page.locator("figure.chart").all():
        figure.locator(".drawing svg").first.wait_for()
    return page


def test_every_chart_is_drawn_and_the_policy_let_its_style_through(
    profile: str, browser: Browser
) -> None:
    visit = Visit(browser, DESKTOP, "light")
    page = drawn(visit.open(profile))
    assert page.locator("figure.chart").count() == 4
    texts = page.locator(".drawing svg style").all_text_contents()
    digests = {b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    assert {f"'sha256-{each}'" for each in digests} == {PLOT_STYLE}
    assert page.evaluate("window.blocked") == []
    assert visit.complaints == []
    for figure in page.locator("figure.chart").all():
        bars = figure.locator("tr[data-low]").count()
        assert figure.locator("svg circle").count() == bars > 0
        assert figure.locator("details").get_attribute("open") is None


def test_without_scripts_the_tables_are_the_page(profile: str, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(profile)
    assert page.locator("figure.chart svg").count() == 0
    assert all(table.is_visible() for table in page.locator("figure.chart table").all())


@pytest.mark.parametrize(("kind", "begins"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_a_drawing_is_downloaded_as_a_picture_of_its_own(
    profile: str, browser: Browser, kind: str, begins: bytes
) -> None:
    visit = Visit(browser, DESKTOP, "dark")
    page = drawn(visit.open(profile))
    with page.expect_download() as waiting:
        page.locator("#groups button", has_text=kind).click()
    assert waiting.value.suggested_filename == f"groups.{kind.lower()}"
    content = Path(waiting.value.path()).read_bytes()
    assert content.startswith(begins)
    # Nothing in it leans on a stylesheet that is not there.
    assert b"var(--" not in content
    assert b"<style" not in content
    assert visit.complaints == []


def test_the_csv_of_a_chart_holds_its_table_and_no_formula(
    browser: Browser, live_server: LiveServer, simulated_study: Study
) -> None:
    evil = '=HYPERLINK("https://x.test";"you")'
    rival, of = simulated_study.contestants.order_by("slug")[:2]
    Contestant.objects.filter(pk=rival.pk).update(name=evil)
    take_board(simulated_study, BoardParameters(draws=100), at=timezone.now())
    path = reverse("leaderboards:contestant", args=[simulated_study.slug, of.slug])
    page = drawn(Visit(browser, DESKTOP, "light").open(f"{live_server.url}{path}"))
    with page.expect_download() as waiting:
        page.locator("#rivals button", has_text="CSV").click()
    text = Path(waiting.value.path()).read_text()
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head[0] == "Against"
    assert len(rows) == 4
    assert f"'{evil}" in [row[0] for row in rows]


@transaction.atomic
def publish_wide_board(study: Study) -> Board:
    """A board of made-up ranks in 22 groups; one group is refused, and one place provisional."""
    now = timezone.now()
    board = Board(
        study=study, engine="davidson", parameters={}, code_version="1", input_digest="0" * 64,
        document=b"", taken_at=now, raters=900, verdicts=900, exclusions=0,
        first_battle_at=now, last_battle_at=now,
    )  # fmt: skip
    places = [("electorate", "", "")]
    places += [("group", ("age", "party", "region")[g % 3], f"group-{g}") for g in range(22)]
    places.sort(key=lambda place: place[:2])
    sections = BoardSection.objects.bulk_create(
        BoardSection(
            board_id=board.pk, scope=scope, dimension_key="overall", dimension_name="Overall",
            axis_key=axis, axis_name=axis.capitalize(), group_key=group, group_name=group,
            raters=40, battles=80, fit={}, refusal="No battles yet." if group == "group-4" else "",
        )
        for scope, axis, group in places
    )  # fmt: skip
    contestants = list(study.contestants.order_by("slug"))
    for n, section in enumerate(sections):
        if section.refusal:
            continue
        shifted = contestants if n % 3 else contestants[::-1]
        BoardRow.objects.bulk_create(
            BoardRow(
                section=section, contestant=each, name=each.name, rank=rank,
                rank_low=max(1, rank - 1), rank_high=rank, score=-rank, score_low=-rank - 1,
                score_high=1 - rank, win_share=0.5, p_best=0.1, battles=1, wins=1, losses=0,
                ties=0, is_provisional=n == 2 and rank == 1,
            )
            for rank, each in enumerate(shifted, start=1)
        )  # fmt: skip
    board.save(force_insert=True)
    return board


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (NARROW, "dark")])
def test_a_wide_heat_map_scrolls_in_its_own_box_and_keeps_the_names_in_sight(
    browser: Browser,
    live_server: LiveServer,
    simulated_study: Study,
    pictures: Path,
    width: int,
    scheme: str,
) -> None:
    publish_wide_board(simulated_study)
    visit = Visit(browser, width, scheme)
    page = visit.open(f"{live_server.url}{address(simulated_study, 'study')}")
    visit.look(pictures / f"wide-{width}-{scheme}.png")
    box = page.locator("#groups .scroller")
    box.focus()
    page.keyboard.press("End")
    box.evaluate("box => box.scrollTo({left: box.scrollWidth, behavior: 'instant'})")
    assert box.evaluate("box => box.scrollLeft") > 0
    name = page.locator(".heat tbody th").first.bounding_box()
    assert name is not None
    assert 0 <= name["x"] < width / 4
    visit.look(pictures / f"wide-scrolled-{width}-{scheme}.png")
    thin = page.locator(".heat td.thin")
    assert thin.count() == 1 + simulated_study.contestants.count()
    looks = thin.first.evaluate("cell => getComputedStyle(cell).backgroundImage")
    assert looks.startswith("repeating-linear-gradient")


def test_a_wide_heat_map_fits_on_the_long_side_of_the_paper(
    browser: Browser, live_server: LiveServer, simulated_study: Study, pictures: Path
) -> None:
    publish_wide_board(simulated_study)
    page = Visit(browser, DESKTOP, "light").open(
        f"{live_server.url}{address(simulated_study, 'study')}"
    )
    page.emulate_media(media="print")
    a4_less_its_margins = 1030
    page.set_viewport_size({"width": a4_less_its_margins, "height": 720})
    page.locator("#groups").screenshot(path=pictures / "wide-print.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= a4_less_its_margins


def test_what_is_printed_in_the_dark_is_printed_in_light_colours(
    browser: Browser, live_server: LiveServer, simulated_study: Study
) -> None:
    publish_wide_board(simulated_study)
    page = Visit(browser, DESKTOP, "dark").open(
        f"{live_server.url}{address(simulated_study, 'study')}"
    )
    page.emulate_media(media="print", color_scheme="dark")
    cell = page.locator(".heat .up-2").first
    assert cell.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(198, 223, 240)"


def test_a_printed_profile_has_its_charts_and_nothing_to_press(
    profile: str, browser: Browser
) -> None:
    page = drawn(Visit(browser, DESKTOP, "light").open(profile))
    page.emulate_media(media="print")
    assert page.locator(".drawing svg").first.is_visible()
    assert not page.locator(".downloads").first.is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (NARROW, "dark")])
def test_the_pages_look_as_they_should(
    profile: str,
    browser: Browser,
    board: Board,
    pictures: Path,
    width: int,
    scheme: str,
) -> None:
    site = profile.split("/studies")[0]
    visit = Visit(browser, width, scheme)
    for name in ("study", *NAMES):
        page = drawn(visit.open(site + address(board.study, name)))
        visit.look(pictures / f"{name}-{width}-{scheme}.png")
        for details in page.locator("details").all():
            details.evaluate("each => each.open = true")
        visit.look(pictures / f"{name}-open-{width}-{scheme}.png")


def test_a_page_with_charts_stays_within_its_budget(
    client: Client, profile: str, browser: Browser
) -> None:
    page = Visit(browser, DESKTOP, "light").page
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(gzip.compress(response.body()))))
    page.goto(profile)
    page.wait_for_load_state("networkidle")
    assert len(sizes) >= 5
    assert sum(sizes) < 250_000
