"""How large the public pages of a large board are, and when they are seen.

The site runs as it does in production, on loopback, and Chromium visits every page with nothing
in its cache. The paint is the largest contentful one, from the click on.
"""

import gzip
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from hustings.benchmarks.browsing import WrongAnswerError
from hustings.benchmarks.scratch import scratch_database
from hustings.benchmarks.serving import serve_site
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from raters.simulation import Population, simulate_raters
from studies.census.specification import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
from studies.models import Study
from studies.services import (
    add_dimension,
    choose_overall_dimension,
    create_electorate,
    enter_contestant,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

CONTESTANTS: Final = 28
DIMENSIONS: Final = 5
# 22 groups of six axes.
GROUPS_OF_AXES: Final = (5, 4, 4, 3, 3, 3)
BATTLES_EACH: Final = 6
BOARDS: Final = 2
VISITS: Final = 3
WIDTH, HEIGHT = 1280, 900
# Compressed bytes of a page with all that it loads, and when its largest part is painted.
BUDGET_KB: Final = 250
BUDGET_PAINT_MS: Final = 1000
PAGES: Final = (
    "study", "groups", "head-to-head", "dimensions", "history", "contestant", "method", "wall",
    "sampling", "integrity",
)  # fmt: skip
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
# Resolves with the last candidate once the page has come to rest.
LARGEST_PAINT: Final = """
() => new Promise(resolve => {
  let at = 0;
  new PerformanceObserver(list => { for (const each of list.getEntries()) at = each.startTime; })
    .observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => resolve(at), 300);
})
"""


@dataclass(frozen=True)
class PageFigures:
    """A page: itself and with all that it loads, in kB of gzip, and its median largest paint."""

    html_kb: float
    kb: float
    largest_paint_ms: float


@dataclass(frozen=True)
class PagesSpeed:
    """The public pages of a board of 28 contestants, 22 groups and five dimensions."""

    contestants: int
    groups: int
    dimensions: int
    raters: int
    database: str
    pages: Mapping[str, PageFigures]
    largest_kb: float
    slowest_paint_ms: float
    is_within_budget: bool


def run(n: int = 4_000) -> PagesSpeed:
    """Visit every public page of a study with `n` raters. Needs playwright and Chromium."""
    with scratch_database() as environment:
        study = large_study()
        publish(study, raters=n, boards=BOARDS)
        # A worker would compute them while pages are timed.
        study.reports.all().delete()
        addresses = {name: address(study, name) for name in PAGES}
        connection.close()
        with serve_site(environment, web_processes=1) as site, _chromium() as browser:
            pages = {name: _visit(browser, site.address + path) for name, path in addresses.items()}
        largest = max(page.kb for page in pages.values())
        slowest = max(page.largest_paint_ms for page in pages.values())
        return PagesSpeed(
            contestants=CONTESTANTS,
            groups=sum(GROUPS_OF_AXES),
            dimensions=DIMENSIONS,
            raters=n,
            database=connection.vendor,
            pages=pages,
            largest_kb=largest,
            slowest_paint_ms=slowest,
            is_within_budget=largest < BUDGET_KB and slowest < BUDGET_PAINT_MS,
        )


def large_study() -> Study:
    """A public study of that size, without raters."""
    axes = tuple(
        AxisSpec(
            f"axis-{x}",
            f"Axis {x}",
            tuple(GroupSpec(f"group-{g}", f"Group {x}{g}", 1 / size, "even") for g in range(size)),
        )
        for x, size in enumerate(GROUPS_OF_AXES)
    )
    source = SourceSpec("even", "Equal shares, for the benchmark")
    spec = ElectorateSpec("bench", "Bench", "", axes, None, (source,))
    study = Study.objects.create(
        slug="bench",
        title="Bench",
        question="Which of many contestants serves everybody best?",
        is_simulated=True,
        is_public=True,
        electorate=create_electorate(spec),
    )
    for k in range(CONTESTANTS):
        enter_contestant(study, name=f"Contestant number {k}", developer=f"Developer {k // 3}")
    for d in range(DIMENSIONS):
        add_dimension(study, key=f"dimension-{d}")
    choose_overall_dimension(study)
    Study.objects.filter(pk=study.pk).update(state=Study.State.CLOSED)
    study.refresh_from_db()
    return study


def publish(
    study: Study, *, raters: int, boards: int, parameters: BoardParameters | None = None
) -> None:
    """Simulate raters, and publish so many boards of them, each after its part of the raters."""
    for seed in range(boards):
        simulate_raters(
            study,
            raters=raters // boards,
            battles_each=BATTLES_EACH,
            seed=seed,
            population=Population(skill_sd=0.4),
            at=timezone.now(),
        )
        take_board(study, parameters, at=timezone.now())


def address(study: Study, name: str) -> str:
    """Where a page of the study is; of the contestants, the first by name."""
    slugs = [study.slug]
    if name == "contestant":
        slugs.append(study.contestants.order_by("slug")[0].slug)
    return reverse(f"leaderboards:{name}", args=slugs)


@contextmanager
def _chromium() -> "Iterator[Browser]":
    """Debian's Chromium, or what playwright has downloaded."""
    # A tool of development: the other benchmarks do without.
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        ) as browser,
    ):
        yield browser


def _visit(browser: "Browser", address: str) -> PageFigures:
    visits = [_visit_once(browser, address) for _ in range(VISITS)]
    sizes, _ = visits[-1]
    return PageFigures(
        html_kb=round(sizes[address] / 1000, 1),
        kb=round(sum(sizes.values()) / 1000, 1),
        largest_paint_ms=round(median(paint for _, paint in visits), 1),
    )


def _visit_once(browser: "Browser", address: str) -> tuple[dict[str, int], float]:
    """Compressed bytes by address of a page and all that it loads, and its largest paint in ms."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    answers: list[Response] = []
    # Playwright writes on what it calls: no method of a list lets it.
    page.on("response", lambda each: answers.append(each))
    page.goto(address, wait_until="networkidle")
    wrong = [f"{each.status} at {each.url}" for each in answers if not each.ok]
    if wrong:
        raise WrongAnswerError(", ".join(wrong))
    paint = page.evaluate(LARGEST_PAINT)
    sizes = {each.url: len(gzip.compress(each.body())) for each in answers}
    context.close()
    return sizes, float(paint)
