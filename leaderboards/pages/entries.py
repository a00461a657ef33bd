"""What entries of a ledger say, in sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from leaderboards.exclusions import KIND_WORDS
from leaderboards.pages.words import listed
from studies.models import LedgerEntry

Kind = LedgerEntry.Kind
Facts = Mapping[str, Any]

# More rules are counted, where they are told in one sentence.
RULES_NAMED: Final = 3
ONE_OF: Final = {"participation": "one rater", "battle": "one battle"}


@dataclass(frozen=True)
class EntryLine:
    """An entry: what it says, and who did it. Nobody is named."""

    entry: LedgerEntry
    sentence: str
    by: str


@dataclass(frozen=True)
class Change:
    """A rule before and after, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """What of a study's rules changed at one moment."""

    at: datetime
    changes: tuple[Change, ...]


def entry_line(entry: LedgerEntry) -> EntryLine:
    """An entry in a sentence."""
    by = LedgerEntry.By(entry.facts["by"])
    return EntryLine(entry, SENTENCES[Kind(entry.kind)](entry.facts), str(by.label))


def changes_of(entry: LedgerEntry) -> Changes:
    """The rules that an entry changed: one of changed rules, or of an electorate."""
    if entry.kind == Kind.ELECTORATE_GIVEN:
        change = Change("Electorate", value(entry.facts["before"]), value(entry.facts["name"]))
        return Changes(entry.at, (change,))
    changes = entry.facts["changes"]
    return Changes(
        entry.at,
        tuple(Change(each["what"], value(each["from"]), value(each["to"])) for each in changes),
    )


def value(given: object) -> str:
    """The value of a rule in words."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    return f"{given:,}" if isinstance(given, int) else str(given or "none")


def _opened(facts: Facts) -> str:
    return f"Opened with {len(facts['rules'])} rules." if "rules" in facts else "Opened again."


def _entered(facts: Facts) -> str:
    of = f" of {facts['developer']}" if facts["developer"] else ""
    version = f", version {facts['version']}" if facts["version"] > 1 else ""
    return f"{facts['name']}{of}{version} entered."


def _changed(facts: Facts) -> str:
    names = [f"“{each['what']}”" for each in facts["changes"]]
    more = len(names) - RULES_NAMED
    told = [*names[:RULES_NAMED], f"{more} more"] if more > 1 else names
    return f"{'A rule' if len(names) == 1 else f'{len(names)} rules'} changed: {listed(told)}."


def _left_out(facts: Facts) -> str:
    if facts["by"] == LedgerEntry.By.RATER:
        return "A rater withdrew all that she had said: it is left out of boards for good."
    verdicts = f", {value(facts['verdicts'])} answers" if "verdicts" in facts else ""
    return f"Left out of boards from now on: {_subject(facts)}{verdicts}. {facts['reason']}"


def _subject(facts: Facts) -> str:
    return ONE_OF.get(facts["of"]) or KIND_WORDS[facts["of"]]


def _taken(facts: Facts) -> str:
    more = ", which supersedes the one before" if facts["supersedes"] else ""
    return f"A board was published{more}."


SENTENCES: Final[Mapping[Kind, Callable[[Facts], str]]] = {
    Kind.STUDY_OPENED: _opened,
    Kind.STUDY_PAUSED: lambda facts: f"Paused. {facts['reason']}".strip(),
    Kind.STUDY_CLOSED: lambda _facts: "Closed: no more verdicts come in.",
    Kind.STUDY_ARCHIVED: lambda _facts: "Archived.",
    Kind.STUDY_ANSWERED: lambda _facts: "All stopping rules are fulfilled.",
    Kind.CONTESTANT_ENTERED: _entered,
    Kind.CONTESTANT_WITHDRAWN: lambda facts: f"{facts['name']} was withdrawn. {facts['reason']}",
    Kind.ELECTORATE_GIVEN: lambda facts: f"The study speaks for {facts['name']}.",
    Kind.RULES_CHANGED: _changed,
    Kind.EXCLUSION_MADE: _left_out,
    Kind.EXCLUSION_LIFTED: lambda facts: f"Counts again: {_subject(facts)}. {facts['reason']}",
    Kind.BOARD_TAKEN: _taken,
    Kind.BOARD_WITHDRAWN: lambda facts: f"A board was withdrawn. {facts['reason']}",
    Kind.DATA_SHARED: lambda facts: f"Data were shared with: {facts['with']}. {facts['what']}",
}
