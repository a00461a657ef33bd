"""Everything that is said is marked for translation, and catalogues say all they should."""

import os
import re
import shlex
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site
from django.core.management import call_command
from django.forms import BaseForm, Form
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
from tests.marked import shadowed_in, unmarked_in, untold_by

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
SOURCES = (
    "platform/accounts", "platform/hustings", "studies", "raters", "leaderboards", "templates",
)  # fmt: skip
# What nobody reads but in English, as `make messages` leaves it out of German.
ENGLISH_ONLY = re.search(
    r"^ENGLISH_ONLY := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.M
)
# The packages that know no Django, and so no gettext, as import-linter is told.
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PURE = tuple(
    f"{package.replace('.', '/')}/"
    for contract in CONTRACTS["contracts"]
    for package in contract.get("source_modules", ())
)
# English by design, for programs and the command line.
NOT_PAGES = {"api", "imports", "management", "rest"}
OF_PAGES = re.compile(
    r"/(admin|models|pages|templatetags|views)/|/(admin_site|forms|pages|views\w*)\.py$"
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


def test_no_module_says_anything_unmarked() -> None:
    untold = {}
    for path in (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        module = path.relative_to(ROOT)
        if NOT_PAGES & set(module.parts) or f"{module.with_suffix('')}/".startswith(PURE):
            continue
        is_of_pages = OF_PAGES.search(str(path)) is not None
        if found := untold_by(path.read_text(), is_of_pages=is_of_pages):
            untold[str(module)] = found
    assert untold == {}


@pytest.mark.parametrize(
    ("told", "untold"),
    [
        ('StateError("It is closed.")', ["It is closed."]),
        ('StateError(f"{study} is closed.")', ["… is closed."]),
        ('StateError(_("%(study)s is closed.") % {"study": study})', []),
        ('StateError(_(f"{study} is closed."))', ["… is closed."]),
        ('StateError(_("It is %s." % state))', ["It is %s."]),
        ('ValueError("It is closed.")', []),
        ('messages.info(request, "It is closed.")', ["It is closed."]),
        ('messages.info(request, ngettext("%(n)s is left.", "%(n)s are left.", n))', []),
        ('TOLD = "It is closed now."', []),
    ],
)
def test_what_a_module_tells_unmarked_is_found(told: str, untold: list[str]) -> None:
    module = f"from studies.errors import StateError\n{told}"
    assert untold_by(module, is_of_pages=False) == untold


@pytest.mark.parametrize(
    ("said", "untold"),
    [
        ('"""A sentence of docs."""', []),
        ('TOLD = "It is closed now."', ["It is closed now."]),
        ('TOLD = gettext_noop("It is closed now.")', []),
        ('display(description="Weight")', ["Weight"]),
        ('display(description=gettext_lazy("Weight"))', []),
    ],
)
def test_what_a_module_of_pages_says_unmarked_is_found(said: str, untold: list[str]) -> None:
    assert untold_by(said, is_of_pages=True) == untold


def test_no_field_of_a_form_in_the_admin_is_called_by_its_name_in_the_code() -> None:
    """Django makes a label of the name where there is none, and in English alone."""
    assert list(site.urls)
    forms = list(forms_below(Form))
    assert {each.__name__ for each in forms} >= {"ReasonForm", "StrongerForm", "TokenForm"}
    unnamed = {
        f"{form.__name__}.{name}"
        for form in forms
        if "admin" in form.__module__ and not form.__module__.startswith(("django.", "unfold."))
        for name, field in form.base_fields.items()
        if field.label is None and not field.widget.is_hidden
    }
    assert unnamed == set()


def forms_below(form: type[BaseForm]) -> Iterator[type[BaseForm]]:
    for each in form.__subclasses__():
        yield each
        yield from forms_below(each)


def test_no_plural_in_a_template_says_another_number() -> None:
    found = {path.name: shadowed_in(path.read_text()) for path in TEMPLATES.rglob("*.html")}
    assert {name: blocks for name, blocks in found.items() if blocks} == {}


@pytest.mark.parametrize(
    ("counted", "is_shadowed"),
    [
        ("count n=battles with battles=battles|intcomma", True),
        ("asvar said count n=page.battles with page=page.name", True),
        ("with n=battles|intcomma count n=battles", True),
        ("count n=page.battles with battles=page.battles|intcomma", False),
        ("count n=battles", False),
    ],
)
def test_a_plural_that_says_another_number_is_found(counted: str, is_shadowed: bool) -> None:
    template = f"{{% blocktranslate {counted} %}}One{{% plural %}}Many{{% endblocktranslate %}}"
    assert bool(shadowed_in(template)) is is_shadowed


def test_no_source_is_broken_into_pieces_for_others_to_glue() -> None:
    """A string with nothing but a place, or that begins in the middle, can't be translated."""
    for entry in GERMAN:
        if entry.context != "money":
            assert any(part.strip() for part in BREAK.split(entry.sources[0])), entry.sources
