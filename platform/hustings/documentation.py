"""The documentation, served with the site it is about: the files of docs/ as pages."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from hustings.env import CHECKOUT

PAGES: Final = {
    "admins": "Your first study in ten minutes",
    "raters": "For raters: your words, your data, and strikes",
    "methods": "Methods",
    "api": "REST",
    "client": "Boards as data frames",
    "webhooks": "Webhooks",
    "production": "In production",
    "security": "Security",
    "accessibility": "Accessibility",
    "scale": "Scale",
}
PICTURE: Final = re.compile(r"[a-z0-9-]+\.png")


@dataclass(frozen=True)
class Page:
    """One page of the documentation; `body` is HTML of our own text."""

    slug: str
    title: str
    body: str


def folder() -> Path:
    """Where the files are: in a checkout beside the code, in an installed package inside it."""
    in_checkout = CHECKOUT / "docs"
    return in_checkout if in_checkout.is_dir() else Path(__file__).parent / "docs"


def known_pages() -> dict[str, str]:
    """Titles of the pages that there are, by slug, in the order in which they are listed."""
    return {slug: title for slug, title in PAGES.items() if (folder() / f"{slug}.md").is_file()}


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """What there is to read."""
    return render(request, "documentation/contents.html", {"pages": known_pages()})


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """One page."""
    if slug not in known_pages():
        raise Http404(_("There is no page “%(slug)s” in the documentation.") % {"slug": slug})
    context = {"page": read_page(slug), "pages": known_pages()}
    return render(request, "documentation/page.html", context)


@require_safe
def picture(_request: HttpRequest, name: str) -> FileResponse:
    """A screenshot that a page shows."""
    path = folder() / "images" / name
    if not PICTURE.fullmatch(name) or not path.is_file():
        raise Http404(_("There is no picture “%(name)s” in the documentation.") % {"name": name})
    return FileResponse(path.open("rb"), content_type="image/png")


@cache
def read_page(slug: str) -> Page:
    """A page as HTML: headings can be linked to, and links between files lead between pages."""
    text = (folder() / f"{slug}.md").read_text()
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slugify(tokens[place + 1].content))
        for child in token.children or ():
            _lead(child)
        if token.type == "table_open":
            token.attrSet("tabindex", "0")
    body = parser.renderer.render(tokens, parser.options, {})
    # What scrolls sideways on a phone has to be reached by the keyboard.
    return Page(slug, PAGES[slug], body.replace("<pre>", '<pre tabindex="0">'))


def _lead(token: Token) -> None:
    """Let links and pictures lead where they do on the site."""
    if token.type == "image":
        name = str(token.attrGet("src") or "").removeprefix("images/")
        token.attrSet("src", reverse("documentation-picture", args=[name]))
        token.attrSet("loading", "lazy")
    if token.type != "link_open":
        return
    target, hash_sign, part = str(token.attrGet("href") or "").partition("#")
    if target.endswith(".md") and "/" not in target:
        address = reverse("documentation-page", args=[target.removesuffix(".md")])
        token.attrSet("href", f"{address}{hash_sign}{part}")
    elif target == "openapi.yaml":
        token.attrSet("href", reverse("api:schema"))
