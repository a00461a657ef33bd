"""Boards against the ledger of their study: what is recorded of them, and what they vouch for.

A board's document names the ledger's head at the moment in which it was taken, so that nobody can
cut or rewrite a ledger without contradicting every board that was published meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from leaderboards import document
from leaderboards.document import Json
from leaderboards.errors import BoardMismatchError
from studies.chain import Chain, Entry
from studies.models import LedgerEntry

TAKEN = LedgerEntry.Kind.BOARD_TAKEN.value


@dataclass(frozen=True)
class BoardCheck:
    """What a ledger says of a board's export: the number of its entry, and what does not fit.

    Without entry and differences it was taken before the ledger began.
    """

    entry: int | None
    differences: tuple[str, ...]


def check_board(exported: object, chain: Chain) -> BoardCheck:
    """Compare a board's export with the ledger. Raises BoardMismatchError if it is no export."""
    if not isinstance(exported, dict) or not is_board(exported):
        raise BoardMismatchError(
            f'this is no board export: its "format" is not "{document.FORMAT}"'
        )
    try:
        board, study = str(exported["id"]), exported["study"]["slug"]
        if study != chain.study:
            return BoardCheck(None, (f"it is of the study {study}, not {chain.study}",))
        anchor = exported.get("ledger")
        entry = next((e for e in chain.entries if _is_of(e, board)), None)
        found = [*_differences_of_anchor(anchor, chain, entry)]
        found += _differences_of_entry(exported, anchor, entry)
    except (KeyError, TypeError, ValueError) as error:
        raise BoardMismatchError(f"the export is damaged: {error!r}") from error
    return BoardCheck(None if entry is None else entry.number, tuple(found))


def is_board(exported: object) -> bool:
    """Whether this is a board's export, also an old one: its digest needs no model of it."""
    formats = {document.FORMAT, document.FORMAT_BEFORE}
    return isinstance(exported, dict) and exported.get("format") in formats


def _is_of(entry: Entry, board: str) -> bool:
    return entry.kind == TAKEN and entry.facts.get("board") == board


def _differences_of_entry(
    exported: Json, anchor: Json | None, entry: Entry | None
) -> Iterator[str]:
    if entry is None:
        if anchor is not None:
            yield "the ledger has no entry of it"
        return
    for name, digest in (
        ("document", document.digest(exported)),
        ("input_digest", document.digest(exported["input"])),
    ):
        if entry.facts.get(name) != digest:
            said = entry.facts.get(name)
            yield f"entry {entry.number} recorded the {name} {said}, and this one has {digest}"


def _differences_of_anchor(anchor: Json | None, chain: Chain, entry: Entry | None) -> Iterator[str]:
    if anchor is None:
        return
    number, digest = int(anchor["number"]), str(anchor["digest"])
    if not 0 < number <= len(chain.entries):
        yield f"it names entry {number}, and the ledger has {len(chain.entries)}: some are missing"
    elif chain.entries[number - 1].digest != digest:
        yield f"it names entry {number} by the digest {digest}, and the ledger has another one"
    if entry is not None and entry.number <= number:
        yield f"it names entry {number}, and is entry {entry.number} itself"
