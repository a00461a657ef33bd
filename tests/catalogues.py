"""What pages say in another language: catalogues read as they are written, and as compiled."""

import gettext
import re
from ast import literal_eval
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

LOCALE = Path(__file__).parents[1] / "platform" / "hustings" / "locale"
FIELD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (\".*\")$")
PLACE = re.compile(r"%\(\w+\)[sd]|%%|%[sd]")
# Where a sentence stands in parts on a page: at its tags and its places.
BREAK = re.compile(rf"<[^>]+>|{PLACE.pattern}")
SPOKEN = ("aria-label", "placeholder", "title", "alt", "content")
# What is spelt, or called, otherwise in the US.
BRITISH = re.compile(
    r"\b(?:cancel|label|model|travel)l(?:ed|ing)\b|\b\w*(?:colour|favour|behaviour|honour|labour|neighbour)|"
    r"\b(?:grey|judgements?|programmes?|centres?|catalogues?|licences?|fulfil|fulfils|towards|upwards)\b|"
    r"\b(?:organ|recogn|summar|real|weight|harmon)is(?:e|ed|es|ing|ation|ations)\b|"
    r"\be-mail|\buser name|\btelephone|\bmobile network|\bany more\b",
    re.IGNORECASE,
)
STOPS = " .,;:!?()…·“”„▸"


@dataclass(frozen=True)
class Entry:
    """One string of a catalogue: its source, with the plural if it has one, and what is said."""

    context: str
    sources: tuple[str, ...]
    said: tuple[str, ...]
    is_fuzzy: bool

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        return self.context, self.sources


def read_catalogue(path: Path) -> list[Entry]:
    """The entries of a .po file, without its header."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [entry for block in blocks if (entry := _entry(block)).sources != ("",)]


def _entry(block: str) -> Entry:
    fields: dict[str, str] = {}
    last, is_fuzzy = "", False
    for line in block.strip().splitlines():
        if line.startswith("#"):
            is_fuzzy |= line.startswith("#,") and "fuzzy" in line
        elif found := FIELD.match(line):
            last = found[1]
            fields[last] = literal_eval(found[2])
        else:
            fields[last] += literal_eval(line)
    sources = (fields[name] for name in ("msgid", "msgid_plural") if name in fields)
    said = (text for name, text in fields.items() if name.startswith("msgstr"))
    return Entry(fields.get("msgctxt", ""), tuple(sources), tuple(said), is_fuzzy)


def as_compiled(entries: Iterable[Entry]) -> dict[object, str]:
    """What a compiled catalogue holds of these entries, as the standard library reads it."""
    held: dict[object, str] = {}
    for entry in entries:
        key = f"{entry.context}\x04{entry.sources[0]}" if entry.context else entry.sources[0]
        if len(entry.sources) == 1:
            held[key] = entry.said[0]
        else:
            held |= {(key, number): said for number, said in enumerate(entry.said)}
    return held


def compiled(path: Path) -> dict[object, str]:
    """What a .mo file holds, without its header."""
    with path.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: said for key, said in catalogue.items() if key != ""}


class _Words(HTMLParser):
    """Every text of a page that somebody reads or hears, also from the script."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._is_hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_hidden = tag in {"script", "style"}
        for name, value in attrs:
            is_for_script = name.startswith(("data-words", "data-answered", "data-unanswered"))
            if value and (name in SPOKEN or is_for_script or name == "data-step"):
                self.said.append(value)

    def handle_data(self, data: str) -> None:
        if not self._is_hidden:
            self.said.append(data)


def words_on(page: str) -> list[str]:
    """The texts of a page, each in one line."""
    reader = _Words()
    reader.feed(page)
    lines = (" ".join(text.split()).strip(STOPS) for text in reader.said)
    return [line for line in lines if line]


def english_on(page: str, catalogue: Iterable[Entry]) -> set[str]:
    """What stands on a page, or in a mail, of the sources that the catalogue says otherwise.

    Of three words or more a part of a sentence is enough; less has to be the whole of a text.
    """
    texts = words_on(page)
    whole = " ".join(texts)
    found = set()
    for entry in catalogue:
        for part in BREAK.split("\n".join(entry.sources)):
            for line in (line.strip(STOPS) for line in part.splitlines()):
                is_said_so = any(line in said for said in entry.said)
                place = whole if len(line.split()) > 2 else texts
                if line and not is_said_so and line in place:
                    found.add(line)
    return found


CATALOGUES = {name: LOCALE / name / "LC_MESSAGES" / "django.po" for name in ("de", "en_US")}
GERMAN = read_catalogue(CATALOGUES["de"])
AMERICAN = read_catalogue(CATALOGUES["en_US"])
