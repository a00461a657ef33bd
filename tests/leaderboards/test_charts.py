"""Charts of the board's pages: drawn from tables, downloaded, printed, and within their budget."""

import csv
import gzip
import hashlib
import io
import re
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.contrib.staticfiles import finders
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from hustings.benchmarks.pages import BUDGET_KB, PAGES, large_study, publish
from leaderboards.models import Board, BoardRow, BoardSection
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import take_board
from leaderboards.views_board import PLOT_STYLE
from studies.models import Contestant, Study
from tests.browser import DESKTOP, NARROW, Visit, keep
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
    for name in ("contestant", "method", "groups", "dimensions", "history"):
        policy = client.get(address(board.study, name)).headers["Content-Security-Policy"]
        assert f"style-src 'self' {PLOT_STYLE}" in policy
        assert "unsafe" not in policy
    for name in ("head-to-head", "study", "wall"):
        policy = client.get(address(board.study, name)).headers["Content-Security-Policy"]
        assert "style-src" not in policy


@pytest.fixture
def site(live_server: LiveServer, board: Board) -> str:
    """The address of the study of the board."""
    return f"{live_server.url}{address(board.study, 'study')}"


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
        page.locator("#groups").get_by_role("button", name=f"{kind}: download this chart").click()
    assert waiting.value.suggested_filename == f"groups.{kind.lower()}"
    content = Path(waiting.value.path()).read_bytes()
    assert content.startswith(begins)
    # Nothing in it leans on a stylesheet that is not there.
    assert b"var(--" not in content
    assert b"<style" not in content
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("path", "name"), [("", "ranks-by-group"), ("head-to-head/", "head-to-head")]
)
def test_a_coloured_table_is_downloaded_as_a_picture_of_what_is_seen(
    site: str, browser: Browser, path: str, name: str
) -> None:
    visit = Visit(browser, DESKTOP, "light")
    page = visit.open(site + path)
    sheet = page.locator(f"#{name}")
    with page.expect_download() as waiting:
        sheet.get_by_role("button", name="SVG: download this table").click()
    assert waiting.value.suggested_filename == f"{name}.svg"
    svg = ET.fromstring(Path(waiting.value.path()).read_text())
    space = "{http://www.w3.org/2000/svg}"
    texts = [each.text or "" for each in svg.iter(f"{space}text")]
    assert {"Cedar", "Rowan"} <= set(texts)
    # What is for screen readers alone is not in the picture.
    assert not any("provisional" in text or "not enough data" in text for text in texts)
    fills = {each.get("fill") for each in svg.iter(f"{space}rect")}
    colours = sheet.locator("[class*=up-], [class*=down-]").all()
    assert colours or name == "ranks-by-group"
    for cell in colours:
        assert cell.evaluate("each => getComputedStyle(each).backgroundColor") in fills
    with page.expect_download() as waiting:
        sheet.get_by_role("button", name="PNG").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as waiting:
        sheet.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename.endswith("-overall.csv")
    assert visit.complaints == []
    assert page.evaluate("window.blocked") == []


def test_two_dimensions_are_drawn_as_a_cross_for_each_contestant(
    site: str, browser: Browser
) -> None:
    page = drawn(Visit(browser, DESKTOP, "light").open(f"{site}dimensions/"))
    assert page.locator("#scores circle").count() == 5
    assert page.locator("#scores g[stroke-linecap=round] line").count() == 10
    page.locator("#dimension").select_option("trust")
    page.locator("#against").select_option("overall")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**dimension=trust&against=overall**")
    assert drawn(page).locator("#scores").get_attribute("data-up") == "Overall"


def test_history_is_a_panel_for_each_contestant_and_no_line_crosses_engines(
    site: str, board: Board, browser: Browser
) -> None:
    for days, engine in enumerate((Engine.TRUESKILL, Engine.DAVIDSON, Engine.DAVIDSON), start=1):
        parameters = BoardParameters(engine=engine, draws=100)
        take_board(board.study, parameters, at=board.taken_at + timedelta(days=days))
    page = drawn(Visit(browser, DESKTOP, "light").open(f"{site}history/"))
    assert page.locator("#history circle").count() == 5 * 4
    lines = page.locator("#history g[aria-hidden] path, #history path").all()
    # One from the third board to the fourth in each panel: what is alone has no length.
    lengths = [each.evaluate("path => path.getTotalLength()") for each in lines]
    assert sum(length > 0 for length in lengths) == 5


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


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160), (1080, 1920)])
def test_a_wall_shows_its_whole_table_in_type_to_be_read_from_afar(
    site: str, browser: Browser, pictures: Path, width: int, height: int
) -> None:
    visit = Visit(browser, width, "dark")
    visit.page.set_viewport_size({"width": width, "height": height})
    page = visit.open(f"{site}wall/")
    visit.look(pictures / f"wall-{width}.png")
    assert page.evaluate("document.documentElement.scrollHeight") == height
    foot = page.locator("footer").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] <= height
    name = page.locator("tbody th").first
    size = name.evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
    assert size >= min(width, height) / 80


@pytest.mark.parametrize("path", ["groups/", "dimensions/", "history/", "head-to-head/", ""])
def test_what_is_printed_fits_the_paper_and_has_nothing_to_press(
    site: str, board: Board, browser: Browser, path: str
) -> None:
    take_board(board.study, BoardParameters(draws=100), at=timezone.now() + timedelta(days=1))
    page = Visit(browser, DESKTOP, "light").open(site + path)
    a4_less_its_margins = 718
    page.set_viewport_size({"width": a4_less_its_margins, "height": 1000})
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= a4_less_its_margins
    for each in page.locator("button, select, .related, .closer").all():
        assert not each.is_visible()


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
        keep(page, pictures / f"{name}-{width}-{scheme}.png")
        # With all that can be unfolded, there is nothing less to see.
        for details in page.locator("details").all():
            details.evaluate("each => each.open = true")
        visit.look(pictures / f"{name}-open-{width}-{scheme}.png")


def test_every_page_of_a_large_board_stays_within_its_budget(client: Client, db: None) -> None:
    study = large_study()
    # The engine that is quickest: it is the pages that are weighed.
    quickest = BoardParameters(engine=Engine.TRUESKILL, draws=50)
    publish(study, raters=100, boards=2, parameters=quickest)
    for name in PAGES:
        page = client.get(address(study, name))
        assert page.status_code == 200, name
        html = page.content
        files = set(re.findall(rb'(?:src|href)="/static/([^"]+)"', html))
        sizes = [len(gzip.compress(html))]
        sizes += [
            len(gzip.compress(Path(str(finders.find(each.decode()))).read_bytes()))
            for each in files
        ]
        assert len(files) >= 2, name
        assert sum(sizes) < BUDGET_KB * 1000, name
