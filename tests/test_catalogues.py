"""The catalogues of languages hold every string that raters meet, and are compiled."""

import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.catalogues import (
    AMERICAN,
    BREAK,
    CATALOGUES,
    GERMAN,
    PLACE,
    as_compiled,
    compiled,
    read_catalogue,
    words_on,
)

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
# Where raters' words are; boards and the admin are in English.
SOURCES = ("platform/accounts", "platform/hustings", "raters", "studies", "templates")


@pytest.mark.parametrize("path", CATALOGUES.values(), ids=CATALOGUES)
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    assert compiled(path.with_suffix(".mo")) == as_compiled(read_catalogue(path))


@pytest.mark.parametrize("entries", [GERMAN, AMERICAN], ids=CATALOGUES)
def test_every_string_is_said_with_the_same_places_and_tags(entries: list[Any]) -> None:
    assert entries
    for entry in entries:
        assert all(entry.said), entry.sources
        assert not entry.is_fuzzy, entry.sources
        assert len(entry.said) == len(entry.sources), entry.sources
        for source, said in zip(entry.sources, entry.said, strict=True):
            for parts in (PLACE, re.compile("<[^>]+>")):
                assert Counter(parts.findall(said)) == Counter(parts.findall(source)), source


def test_american_is_only_what_differs() -> None:
    assert {entry.key for entry in AMERICAN} <= {entry.key for entry in GERMAN}
    assert [entry.sources for entry in AMERICAN if entry.said == entry.sources] == []


def test_the_catalogue_has_every_string_that_is_marked(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("xgettext") is None:
        line = "xgettext was not found: whether every string is in the catalogue was not looked at"
        if "gettext" in os.environ.get("HUSTINGS_REQUIRE", "").split(","):
            pytest.fail(f"{line}; HUSTINGS_REQUIRE names gettext: this is a failure")
        pytest.skip(line)
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("static"))
    (tmp_path / "locale").mkdir()
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    monkeypatch.chdir(tmp_path)
    call_command("makemessages", locale=["de"], no_location=True, verbosity=0)
    found = read_catalogue(tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po")
    assert {entry.key for entry in found} == {entry.key for entry in GERMAN}


def templates_of_raters() -> list[Path]:
    folders = (TEMPLATES / name for name in ("raters", "account", "allauth"))
    return [*TEMPLATES.glob("*.html"), *(path for each in folders for path in each.rglob("*.*"))]


@pytest.mark.parametrize("path", templates_of_raters(), ids=lambda path: path.name)
def test_no_template_says_anything_unmarked(path: Path) -> None:
    text = re.sub(r"{% blocktranslate.*?endblocktranslate %}", "", path.read_text(), flags=re.S)
    text = re.sub(r"{% comment.*?endcomment %}|{%.*?%}|{{.*?}}", "", text, flags=re.S)
    words = {word for said in words_on(text) for word in re.findall(r"[^\W\d_]{2,}", said)}
    # The project's name, and what tells a phone and a search engine how to treat the page.
    technical = {"Hustings", "width", "device", "initial", "scale", "light", "dark", "noindex"}
    assert words - technical == set()


def test_no_source_is_broken_into_pieces_for_others_to_glue() -> None:
    """A string with nothing but a place, or that begins in the middle, can't be translated."""
    for entry in GERMAN:
        if entry.context != "money":
            assert any(part.strip() for part in BREAK.split(entry.sources[0])), entry.sources
