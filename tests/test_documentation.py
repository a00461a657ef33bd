"""The documentation is served with the site, whole, and what it names is there."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from hustings.documentation import PAGES, folder, known_pages
from hustings.management.commands import serve
from tests.browser import NARROW, Visit

ROOT = Path(__file__).resolve().parents[1]


def page(client: Client, slug: str) -> str:
    response = client.get(reverse("documentation-page", args=[slug]))
    assert response.status_code == 200
    return response.content.decode()


def test_every_page_is_listed_and_served(client: Client) -> None:
    contents = client.get(reverse("documentation")).content.decode()
    assert known_pages().keys() == PAGES.keys()
    for slug, title in known_pages().items():
        assert title in contents
        assert "<h1" in page(client, slug)


@pytest.mark.django_db
@pytest.mark.one_database
def test_what_links_lead_to_is_there(client: Client) -> None:
    for slug in known_pages():
        # What lies around it is on every page.
        body = page(client, slug).split("<article")[1].split("</article>")[0]
        ids = set(re.findall(r'id="([^"]+)"', body))
        for target in re.findall(r'href="([^"]+)"', body):
            if target.startswith("#"):
                assert target[1:] in ids, (slug, target)
            elif target.startswith("/"):
                assert client.get(target.partition("#")[0]).status_code in {200, 302}, (
                    slug,
                    target,
                )
        for picture in re.findall(r'<img [^>]*src="([^"]+)"', body):
            response = client.get(picture)
            assert response["Content-Type"] == "image/png", (slug, picture)
            response.close()
        for image in re.findall(r"<img [^>]*>", body):
            assert re.search(r'alt="[^"]+"', image), (slug, image)


def test_a_page_that_is_none_is_not_found(client: Client) -> None:
    for path in ("/docs/nothing/", "/docs/images/nothing.png", "/docs/images/..%2F..%2Fsecret_key"):
        assert client.get(path).status_code == 404


def test_settings_that_are_documented_are_those_that_are_read() -> None:
    read = (ROOT / "platform/hustings/env.py").read_text()
    documented = set(re.findall(r"`([A-Z_]{6,})`", (folder() / "production.md").read_text()))
    known = set(re.findall(r'"([A-Z_]{6,})"', read))
    known -= {"ENGINE", "OPTIONS", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "KEY_PREFIX", "IMMEDIATE"}
    known -= {"BACKEND", "MIRROR"}
    assert known - documented == {"DEBUG"} & known
    assert documented <= known


def test_commands_that_are_documented_are_there() -> None:
    names = {path.stem for path in Path(serve.__file__).parent.glob("*.py")}
    django = {"migrate", "collectstatic", "createsuperuser"}
    for path in [*folder().glob("*.md"), ROOT / "README.md"]:
        for name in re.findall(
            r"(?:bin/|`|^    )hustings ([a-z_]+)", path.read_text(), re.MULTILINE
        ):
            assert name in names | django, (path.name, name)


@pytest.mark.one_database
def test_pages_are_accessible_and_fit_a_phone(
    browser: Browser, live_server: LiveServer, pictures: Path
) -> None:
    visit = Visit(browser, NARROW, "light")
    for slug in known_pages():
        visit.open(live_server.url + reverse("documentation-page", args=[slug]))
        visit.look(pictures / f"documentation-{slug}.png")
