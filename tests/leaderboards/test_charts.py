"""Charts of the board's pages: drawn from tables, downloaded, printed, and within their budget."""

import csv
import gzip
import hashlib
import io
from base64 import b64encode
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from leaderboards.views_board import PLOT_STYLE
from studies.models import Contestant, Study
from tests.browser import DESKTOP, NARROW, Visit
from tests.leaderboards.test_board_pages import NAMES, address

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


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
