"""What every page says to the browser, and that nobody's words become a part of a page."""

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse

from hustings.urls import handler400, handler500, urlpatterns
from studies.spreadsheets import FORMULA_SIGNS
from tests.security.every_address import PLACES, Everybody, Place, ask
from tests.security.every_address import everybody as everybody  # a fixture
from tests.security.rich_study import NASTY

# The admin's theme evaluates expressions in attributes; Swagger UI writes styles.
RELAXED = {"admin": {"script-src", "style-src"}, "api:docs": {"style-src"}}
NO_SCRIPT = {"application/json", "application/ld+json", "text/plain", "importmap"}

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


class Markup(HTMLParser):
    """What of a page would need `unsafe-inline`, and what of it somebody's words have made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.made: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_script = tag == "script" and "src" not in given and given.get("type") not in NO_SCRIPT
        if is_script or tag == "style":
            self.inline.append(tag)
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        links = [str(given.get(name)) for name in ("href", "src", "action", "formaction")]
        if any(re.match(r"\s*(javascript|data|vbscript):", link, re.IGNORECASE) for link in links):
            self.made.append(f"{tag} of {links}")
        if tag == "x-nasty" or "x-nasty" in given or "evil.example" in str(given.get("src")):
            self.made.append(f"{tag} {given}")


@pytest.fixture(scope="module")
def shown(everybody: Everybody) -> list[tuple[Place, str, HttpResponse]]:
    """Whatever these three are shown."""
    return [
        (place, who, ask(everybody, place, "GET", everybody.people[who]))
        for place in PLACES.values()
        for who in ("anonymous", "rater", "superuser")
    ]


def text_of(response: HttpResponse) -> str:
    return response.content.decode(errors="replace")


def policy_of(response: HttpResponse) -> dict[str, set[str]]:
    """Sources by directive."""
    parts = response.headers.get("Content-Security-Policy", "").split(";")
    return {name: set(sources) for name, *sources in (part.split() for part in parts if part)}


def flaws_of(place: Place, response: HttpResponse) -> Iterator[str]:
    """What is wrong with a page's headers and markup."""
    relaxed = RELAXED.get(place.name, RELAXED["admin"] if place.name.startswith("admin") else set())
    policy = policy_of(response)
    unsafe = {name for name, sources in policy.items() if any("unsafe" in each for each in sources)}
    if unsafe - relaxed:
        yield f"unsafe: {unsafe}"
    if policy.get("default-src") != {"'self'"} or policy.get("object-src") != {"'none'"}:
        yield f"policy: {policy}"
    for name, wanted in {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }.items():
        if response.headers.get(name) != wanted:
            yield f"{name}: {response.headers.get(name)}"
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return
    markup = Markup(text_of(response))
    if markup.inline and not relaxed:
        yield f"inline: {markup.inline}"
    if markup.made:
        yield f"made of somebody's words: {markup.made}"


@pytest.mark.every_database
def test_every_page_has_a_strict_policy_and_nothing_of_it_is_made_of_words(
    shown: list[tuple[Place, str, HttpResponse]],
) -> None:
    flaws = [
        f"{place.name} for {who} ({response.status_code}): {flaw}"
        for place, who, response in shown
        for flaw in flaws_of(place, response)
    ]
    assert not flaws, "\n".join(flaws)
    assert [place.name for place, _, response in shown if response.status_code >= 500] == []
    # Otherwise it would say nothing.
    told = {place.name for place, _, response in shown if "onmouseover" in text_of(response)}
    assert {
        "raters:battle", "raters:my-data", "raters:strike", "admin:raters_strike_change",
        "admin:raters_review",
    } <= told  # fmt: skip


@pytest.mark.parametrize(
    "page",
    [
        f"<p>{NASTY}</p>",
        f'<input value="{NASTY}">',
        '<a href=" javascript:alert(1)">a</a>',
        '<img src="https://evil.example/b.png">',
    ],
)
def test_words_that_were_let_through_would_be_seen(page: str) -> None:
    assert Markup(page).made


def test_a_reason_in_the_admin_is_text(everybody: Everybody) -> None:
    judged = everybody.rich.battle.participation.battles.exclude(reason="").get()
    address = reverse("admin:raters_battle_change", args=[judged.pk])
    response = everybody.people["superuser"].get(address)
    assert "x-nasty" in text_of(response)
    assert Markup(text_of(response)).made == []


def test_no_cell_of_a_table_to_take_along_is_a_formula(
    shown: list[tuple[Place, str, HttpResponse]],
) -> None:
    tables = {
        place.name: text_of(response)
        for place, who, response in shown
        if who == "superuser" and response.headers.get("Content-Type", "").startswith("text/csv")
    }
    assert {"leaderboards:board-table", "leaderboards:board-groups"} <= tables.keys()
    for name, table in tables.items():
        for cell in (cell for line in csv.reader(io.StringIO(table, newline="")) for cell in line):
            is_number = re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
            assert is_number or not cell.lstrip(" ").startswith(tuple(FORMULA_SIGNS)), name


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(request.GET["words"])


# Of a site with one page more.
urlpatterns = [path("breaks/", breaks), *urlpatterns]
__all__ = ["handler400", "handler500", "urlpatterns"]


@pytest.mark.parametrize(
    ("address", "status"), [("/nowhere/", 404), ("/breaks/", 500), ("/join/tea/%00/", 404)]
)
def test_pages_of_errors_are_as_strict(settings: Any, address: str, status: int) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False)
    response = client.get(address, {"words": NASTY})
    assert response.status_code == status
    assert list(flaws_of(Place("error", ""), response)) == []
    assert "RuntimeError" not in text_of(response)
