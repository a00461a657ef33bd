"""The chain of a study's ledger: its one spelling, its digests, and what does not fit. Pure.

An entry's digest is taken of all it says and of the digest before it, so that nobody can change,
remove, insert or move an entry without changing every digest after it. The spelling is that of
RFC 8785 (JSON Canonicalization Scheme) for what entries may hold: texts, whole numbers, true,
false, null, lists, and objects with ASCII names. Programs in any language come to the same one;
of fractions they would not.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from studies.errors import LedgerError

FORMAT: Final = "hustings-ledger/1"
# What the first entry follows.
NOTHING: Final = ""
# Beyond it not every language knows whole numbers.
LARGEST: Final = 2**53 - 1

Json = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry: `number` from 1, `at` in UTC as text, and the digest of the one before it."""

    number: int
    kind: str
    at: str
    facts: Json
    previous: str
    digest: str


@dataclass(frozen=True)
class Chain:
    """A ledger that was read: its entries in order, and the first that does not fit, in words."""

    study: str
    entries: tuple[Entry, ...]
    flaw: str

    @property
    def head(self) -> Entry | None:
        """The last entry, if there is one."""
        return self.entries[-1] if self.entries else None


def digest_of(
    study: str, *, number: int, kind: str, at: str, facts: Mapping[str, Any], previous: str
) -> str:
    """SHA-256 of an entry in its canonical spelling, which names the study by its slug.

    Raises ValueError for facts that no entry may hold.
    """
    said = {
        "study": study,
        "number": number,
        "kind": kind,
        "at": at,
        "facts": facts,
        "previous": previous,
    }
    return hashlib.sha256(canonical(said)).hexdigest()


def canonical(value: object) -> bytes:
    """A value as UTF-8 in its one spelling. Raises ValueError for what no entry may hold."""
    _require_plain(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def instant(at: datetime) -> str:
    """An instant as entries spell it: in UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def export(study: str, entries: Iterator[Entry]) -> Json:
    """A ledger as JSON, from which anybody can verify it."""
    return {"format": FORMAT, "study": study, "entries": [asdict(entry) for entry in entries]}


def read(document: object) -> Chain:
    """Recompute a chain from its export alone.

    Raises LedgerError where the document is none of ours, or an entry lacks a part or has too
    many: what has no place in an entry is not in its digest.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LedgerError(f'this is no ledger: its "format" is not "{FORMAT}"')
    study, listed = document.get("study"), document.get("entries")
    if not isinstance(study, str) or not isinstance(listed, list):
        raise LedgerError("the ledger is damaged: it lacks its study or its entries")
    entries = tuple(_entry(place, each) for place, each in enumerate(listed, start=1))
    return Chain(study, entries, next(_flaws(study, entries), ""))


def _entry(place: int, given: object) -> Entry:
    types: dict[str, type] = dict.fromkeys(Entry.__annotations__, str)
    types |= {"number": int, "facts": dict}
    if not isinstance(given, dict) or given.keys() != types.keys():
        raise LedgerError(f"the ledger is damaged at place {place}: an entry has {list(types)}")
    for name, kind in types.items():
        # Not isinstance: true is no number here.
        if type(given[name]) is not kind:
            raise LedgerError(f'the ledger is damaged at place {place}: its "{name}"')
    return Entry(**given)


def _flaws(study: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    """What does not fit, in order: after the first nothing can be said for sure."""
    previous = NOTHING
    for number, entry in enumerate(entries, start=1):
        if entry.number > number:
            yield f"entry {number} is missing: in its place stands entry {entry.number}"
        if entry.number < number:
            yield f"entry {entry.number} is out of order: it stands in place of entry {number}"
        computed = _computed(study, entry)
        if computed != entry.digest:
            yield f"entry {number} was changed: its digest is {entry.digest}, not {computed}"
        if entry.previous != previous:
            yield (
                f"entry {number} does not follow the one before it: that has the digest "
                f"{previous or 'of none'}, and it names {entry.previous or 'none'}"
            )
        previous = entry.digest


def _computed(study: str, entry: Entry) -> str:
    said = asdict(entry)
    del said["digest"]
    try:
        return digest_of(study, **said)
    except ValueError as error:
        return f"any ({error})"


def _require_plain(value: object) -> None:
    match value:
        case None | bool():
            pass
        case str():
            # Half a character, which is no UTF-8; and what PostgreSQL does not store.
            value.encode()
            if "\0" in value:
                raise ValueError("a text with a null character")
        case int():
            if abs(value) > LARGEST:
                raise ValueError(f"a number beyond {LARGEST}")
        case list() | tuple():
            for each in value:
                _require_plain(each)
        case dict():
            for name, each in value.items():
                if not isinstance(name, str) or not name.isascii():
                    raise ValueError(f"a name that is not in ASCII: {name!r}")
                _require_plain(name)
                _require_plain(each)
        case _:
            raise ValueError(f"neither text nor whole number: {value!r}")
