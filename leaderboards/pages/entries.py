"""What entries of a ledger say, in sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.exclusions import KIND_WORDS
from leaderboards.pages.words import listed
from studies.models import LedgerEntry

Kind = LedgerEntry.Kind
Facts = Mapping[str, Any]

# More rules are counted, where they are told in one sentence.
RULES_NAMED: Final = 3
ONE_OF: Final = {"participation": gettext_noop("one rater"), "battle": gettext_noop("one battle")}


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
        change = Change(_("Electorate"), value(entry.facts["before"]), value(entry.facts["name"]))
        return Changes(entry.at, (change,))
    changes = entry.facts["changes"]
    return Changes(
        entry.at,
        tuple(Change(each["what"], value(each["from"]), value(each["to"])) for each in changes),
    )


def value(given: object) -> str:
    """The value of a rule in words."""
    if isinstance(given, bool):
        return _("yes") if given else _("no")
    return f"{given:,}" if isinstance(given, int) else str(given or _("none"))


def _opened(facts: Facts) -> str:
    return (
        _("Opened with %(rules)s rules.") % {"rules": len(facts["rules"])}
        if "rules" in facts
        else _("Opened again.")
    )


def _entered(facts: Facts) -> str:
    name, developer, version = facts["name"], facts["developer"], facts["version"]
    if developer and version > 1:
        return _("%(name)s of %(developer)s, version %(version)s entered.") % {
            "name": name,
            "developer": developer,
            "version": version,
        }
    if developer:
        return _("%(name)s of %(developer)s entered.") % {"name": name, "developer": developer}
    return (
        _("%(name)s, version %(version)s entered.") % {"name": name, "version": version}
        if version > 1
        else _("%(name)s entered.") % {"name": name}
    )


def _changed(facts: Facts) -> str:
    names = [f"“{each['what']}”" for each in facts["changes"]]
    more = len(names) - RULES_NAMED
    told = [*names[:RULES_NAMED], _("%(more)s more") % {"more": more}] if more > 1 else names
    if len(names) == 1:
        return _("A rule changed: %(told)s.") % {"told": listed(told)}
    return _("%(names)s rules changed: %(told)s.") % {"names": len(names), "told": listed(told)}


def _left_out(facts: Facts) -> str:
    if facts["by"] == LedgerEntry.By.RATER:
        return _("A rater withdrew all that she had said: it is left out of boards for good.")
    subject, reason = _subject(facts), facts["reason"]
    if "verdicts" not in facts:
        return _("Left out of boards from now on: %(subject)s. %(reason)s") % {
            "subject": subject,
            "reason": reason,
        }
    return _("Left out of boards from now on: %(subject)s, %(verdicts)s answers. %(reason)s") % {
        "subject": subject,
        "verdicts": value(facts["verdicts"]),
        "reason": reason,
    }


def _subject(facts: Facts) -> str:
    one = ONE_OF.get(facts["of"])
    return _(one) if one else str(KIND_WORDS[facts["of"]])


def _taken(facts: Facts) -> str:
    if facts["supersedes"]:
        return _("A board was published, which supersedes the one before.")
    return _("A board was published.")


SENTENCES: Final[Mapping[Kind, Callable[[Facts], str]]] = {
    Kind.STUDY_OPENED: _opened,
    Kind.STUDY_PAUSED: lambda facts: (_("Paused. %(reason)s") % facts).strip(),
    Kind.STUDY_CLOSED: lambda _facts: _("Closed: no more verdicts come in."),
    Kind.STUDY_ARCHIVED: lambda _facts: _("Archived."),
    Kind.STUDY_ANSWERED: lambda _facts: _("All stopping rules are fulfilled."),
    Kind.CONTESTANT_ENTERED: _entered,
    Kind.CONTESTANT_WITHDRAWN: lambda facts: (
        _("%(name)s was withdrawn. %(reason)s") % {"name": facts["name"], "reason": facts["reason"]}
    ),
    Kind.ELECTORATE_GIVEN: lambda facts: (
        _("The study speaks for %(name)s.") % {"name": facts["name"]}
    ),
    Kind.RULES_CHANGED: _changed,
    Kind.EXCLUSION_MADE: _left_out,
    Kind.EXCLUSION_LIFTED: lambda facts: (
        _("Counts again: %(facts)s. %(reason)s")
        % {"facts": _subject(facts), "reason": facts["reason"]}
    ),
    Kind.BOARD_TAKEN: _taken,
    Kind.BOARD_WITHDRAWN: lambda facts: (
        _("A board was withdrawn. %(reason)s") % {"reason": facts["reason"]}
    ),
    Kind.DATA_SHARED: lambda facts: (
        _("Data were shared with: %(with)s. %(what)s")
        % {"with": facts["with"], "what": facts["what"]}
    ),
}
