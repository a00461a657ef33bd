"""Everything that is said is marked for translation, and catalogues say all they should."""

import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation

from tests.catalogues import (
    AMERICAN,
    BREAK,
    BRITISH,
    CATALOGUES,
    GERMAN,
    PLACE,
    Entry,
    as_compiled,
    compiled,
    read_catalogue,
)
from tests.marked import unmarked_in

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
SOURCES = (
    "platform/accounts", "platform/hustings", "studies", "raters", "leaderboards", "templates",
)  # fmt: skip
# What nobody reads but in English, as `make messages` leaves it out of German.
ENGLISH_ONLY = re.search(
    r"^ENGLISH_ONLY := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.M
)

Marked = Callable[..., list[Entry]]


@pytest.fixture
def marked(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Marked:
    """Finds every string that is marked, but those in files of patterns that are named."""
    if shutil.which("xgettext") is None:
        line = "xgettext was not found: whether every string is in a catalogue was not looked at"
        if "gettext" in os.environ.get("HUSTINGS_REQUIRE", "").split(","):
            pytest.fail(f"{line}; HUSTINGS_REQUIRE names gettext: this is a failure")
        pytest.skip(line)
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("static"))
    (tmp_path / "locale").mkdir()
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    monkeypatch.chdir(tmp_path)

    def find(*patterns: str) -> list[Entry]:
        options: dict[str, Any] = {"no_location": True, "ignore_patterns": [*patterns]}
        call_command("makemessages", locale=["de"], verbosity=0, **options)
        return read_catalogue(tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po")

    return find


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


def test_german_has_every_string_that_a_rater_may_meet(marked: Marked) -> None:
    assert ENGLISH_ONLY is not None
    patterns = shlex.split(ENGLISH_ONLY[1].replace("\\\n", " "))
    assert {entry.key for entry in marked(*patterns)} == {entry.key for entry in GERMAN}


def test_american_is_all_that_is_spelt_otherwise_and_only_what_differs(marked: Marked) -> None:
    said = {entry.key: " ".join(entry.said) for entry in AMERICAN}
    found = {entry.key for entry in marked()}
    assert said.keys() <= found
    british = {key for key in found if BRITISH.search(" ".join(key[1]))}
    assert [key for key in british if BRITISH.search(said.get(key, " ".join(key[1])))] == []
    assert [entry.sources for entry in AMERICAN if entry.said == entry.sources] == []


def test_nobody_elses_catalogue_says_our_english_otherwise(marked: Marked) -> None:
    american = {entry.key: entry.said[0] for entry in AMERICAN}
    for entry in marked():
        with translation.override("en-gb"):
            assert _say(entry) == entry.sources[0]
        with translation.override("en-us"):
            assert _say(entry) == american.get(entry.key, entry.sources[0])


def _say(entry: Entry) -> str:
    if len(entry.sources) == 2:
        return translation.npgettext(entry.context, *entry.sources, 1)
    if entry.context:
        return translation.pgettext(entry.context, entry.sources[0])
    return translation.gettext(entry.sources[0])


@pytest.mark.parametrize(
    "path",
    [path for path in TEMPLATES.rglob("*.*") if path.is_file()],
    ids=lambda path: str(path.relative_to(TEMPLATES)),
)
def test_no_template_says_anything_unmarked(path: Path) -> None:
    assert unmarked_in(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "unmarked"),
    [
        ("<p>Left out</p>", ["Left out"]),
        ('<p>{% translate "Left out" %}</p>', []),
        ("{% blocktranslate %}Left <b>out</b>{% endblocktranslate %} of it", ["of it"]),
        ('<input placeholder="Your code" name="code">', ["Your code"]),
        ("""{{ page.verdict|default:"None yet" }}""", ["None yet"]),
        ("""{{ page.verdict|default:_("None yet") }}""", []),
        ("""{% include "table.html" with title="Ranks" %}""", ["Ranks"]),
        ("<th>A</th><td>χ²</td><td>CSV</td>", []),
        ("<pre>skill</pre><code>hustings demo</code>{# A comment #}{{ page.rank }}", []),
    ],
)
def test_what_is_not_marked_is_found(template: str, unmarked: list[str]) -> None:
    assert unmarked_in(template) == unmarked


def test_no_source_is_broken_into_pieces_for_others_to_glue() -> None:
    """A string with nothing but a place, or that begins in the middle, can't be translated."""
    for entry in GERMAN:
        if entry.context != "money":
            assert any(part.strip() for part in BREAK.split(entry.sources[0])), entry.sources
