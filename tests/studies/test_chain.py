"""The chain of a ledger: its one spelling, and whatever somebody does to it."""

import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies import chain
from studies.errors import LedgerError

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
numbers = st.integers(-chain.LARGEST, chain.LARGEST)
facts = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ledger(*happened: str, study: str = "tea") -> Any:
    """An export with an entry for each thing that happened."""
    entries: list[chain.Entry] = []
    for number, what in enumerate(happened, start=1):
        said: dict[str, Any] = {
            "number": number,
            "kind": "rules_changed",
            "at": chain.instant(NOON + timedelta(minutes=number)),
            "facts": {"by": "admin", "what": what},
            "previous": entries[-1].digest if entries else "",
        }
        entries.append(chain.Entry(**said, digest=chain.digest_of(study, **said)))
    return chain.export(study, iter(entries))


def sign(entry: dict[str, Any], study: str = "tea") -> None:
    """Make an entry's digest right again, as a forger would."""
    said = {name: value for name, value in entry.items() if name != "digest"}
    entry["digest"] = chain.digest_of(study, **said)


# The spelling


@given(facts)
def test_a_spelling_is_read_back_as_what_was_spelt(value: Any) -> None:
    assert json.loads(chain.canonical(value)) == value


@given(st.dictionaries(names, facts, max_size=5))
def test_the_order_of_names_does_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert chain.canonical(turned) == chain.canonical(value)


@given(facts, facts)
def test_what_differs_is_spelt_otherwise(one: Any, other: Any) -> None:
    def spelt(value: Any) -> str:
        # Python holds 1 and True for the same, JSON does not.
        return json.dumps(value, sort_keys=True)

    assert (chain.canonical(one) == chain.canonical(other)) == (spelt(one) == spelt(other))


def test_the_spelling_is_that_of_the_standard() -> None:
    value = {"b": ["€", '"\\/\b\f\n\r\t\x0f\x7f', None, True, -7], "a": {}, "A": ""}
    assert chain.canonical(value).decode() == (
        '{"A":"","a":{},"b":["€","\\"\\\\/\\b\\f\\n\\r\\t\\u000f\x7f",null,true,-7]}'
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.5, "neither text nor whole number: 0.5"),
        (float("nan"), "neither text nor whole number: nan"),
        (b"bytes", "neither text nor whole number"),
        (2**53, "a number beyond"),
        ("\0", "a null character"),
        ("\ud800", "surrogates not allowed"),
        ({"é": 1}, "a name that is not in ASCII"),
        ({1: 2}, "a name that is not in ASCII"),
    ],
)
def test_what_other_languages_spell_otherwise_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chain.canonical([value])


def test_an_instant_is_spelt_alike_in_every_zone() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert chain.instant(elsewhere) == chain.instant(NOON) == "2026-03-01T12:00:00.000000+00:00"


def test_a_digest_is_what_any_program_computes_from_the_documented_spelling() -> None:
    (entry,) = ledger("tea")["entries"]
    spelt = (
        '{"at":"2026-03-01T12:01:00.000000+00:00","facts":{"by":"admin","what":"tea"},'
        '"kind":"rules_changed","number":1,"previous":"","study":"tea"}'
    )
    assert entry["digest"] == hashlib.sha256(spelt.encode()).hexdigest()


# Verifying


def test_an_untouched_ledger_is_verified_and_names_its_head() -> None:
    read = chain.read(json.loads(json.dumps(ledger("one", "two", "three"))))
    assert read.flaw == ""
    assert read.head is not None
    assert (read.head.number, read.head.facts["what"]) == (3, "three")
    assert chain.read(ledger()).head is None


@given(st.integers(0, 3), st.sampled_from(["number", "kind", "at", "facts", "previous", "digest"]))
def test_whatever_is_changed_is_noticed_there(place: int, field: str) -> None:
    document = ledger("one", "two", "three", "four")
    entry = document["entries"][place]
    entry[field] = {
        "number": 9,
        "kind": "data_shared",
        "at": chain.instant(NOON),
        "facts": {"by": "admin", "what": "something else"},
        "previous": "f" * 64,
        "digest": "f" * 64,
    }[field]
    assert f"entry {place + 1} " in chain.read(document).flaw


def test_a_changed_fact_whose_digest_was_forged_too_breaks_the_next_entry() -> None:
    document = ledger("one", "two", "three")
    document["entries"][1]["facts"]["what"] = "nothing"
    assert "entry 2 was changed" in chain.read(document).flaw
    sign(document["entries"][1])
    assert "entry 3 does not follow the one before it" in chain.read(document).flaw


def test_a_removed_entry_is_missing_also_once_the_rest_is_numbered_anew() -> None:
    document = ledger("one", "two", "three")
    del document["entries"][1]
    assert chain.read(document).flaw == "entry 2 is missing: in its place stands entry 3"
    document["entries"][1]["number"] = 2
    assert "entry 2 was changed" in chain.read(document).flaw
    sign(document["entries"][1])
    assert "entry 2 does not follow the one before it" in chain.read(document).flaw


def test_a_removed_first_entry_is_missed() -> None:
    document = ledger("one", "two")
    del document["entries"][0]
    assert "entry 1 is missing" in chain.read(document).flaw
    document["entries"][0]["number"] = 1
    sign(document["entries"][0])
    assert "entry 1 does not follow" in chain.read(document).flaw


def test_swapped_and_repeated_entries_are_out_of_order() -> None:
    document = ledger("one", "two", "three", "four")
    entries = document["entries"]
    entries[1], entries[2] = entries[2], entries[1]
    assert "in its place stands entry 3" in chain.read(document).flaw
    entries[1:3] = [entries[2], copy.deepcopy(entries[2])]
    assert chain.read(document).flaw == "entry 2 is out of order: it stands in place of entry 3"


def test_a_ledger_is_of_its_study_alone() -> None:
    document = ledger("one") | {"study": "coffee"}
    assert "entry 1 was changed" in chain.read(document).flaw


def test_a_fraction_that_came_in_by_hand_is_a_change() -> None:
    document = ledger("one")
    document["entries"][0]["facts"]["what"] = 0.5
    assert "entry 1 was changed" in chain.read(document).flaw


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "this is no ledger"),
        ({"format": "hustings-board/1"}, "this is no ledger"),
        ({"format": chain.FORMAT, "study": "tea"}, "lacks its study or its entries"),
        ({"format": chain.FORMAT, "study": "tea", "entries": [7]}, "damaged at place 1"),
        ({"format": chain.FORMAT, "study": "tea", "entries": [{}]}, "damaged at place 1"),
    ],
)
def test_what_is_no_ledger_is_refused(document: Any, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        chain.read(document)


@pytest.mark.parametrize("change", [{"more": "unsigned"}, {"number": True}, {"facts": "none"}])
def test_an_entry_has_no_room_for_what_is_not_in_its_digest(change: dict[str, Any]) -> None:
    document = ledger("one")
    document["entries"][0] |= change
    with pytest.raises(LedgerError, match="damaged at place 1"):
        chain.read(document)
