"""What a rater has said on her way in, kept in her session until a place is hers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Self

from django.http import HttpRequest, QueryDict

from raters.services.panel import ACCOUNT_ID, ERASED_ID, OWN_ID
from studies.models import Study

UNSAID = ""  # she would rather not say
NOTHING: Mapping[str, str] = MappingProxyType({})

LONGEST_ID: Final = 200
# What platforms fill in before they send somebody: {{%PROLIFIC_PID%}}, ${id}, [%id%], %id%.
PLACEHOLDER: Final = re.compile(r"[{}]|^\[.*\]$|^%.*%$")


@dataclass(frozen=True, slots=True)
class Link:
    """What the recruiting platform's link says: its ids of the rater, the study and her visit.

    `is_unfilled`: where the rater's id should be there is only the name of it.
    """

    recruiting_id: str
    recruiting_study: str
    recruiting_session: str
    is_unfilled: bool

    @classmethod
    def parse(cls, study: Study, parameters: QueryDict, posted_id: str = "") -> Self:
        """By the study's own names of the parameters; one without a name is not read.

        `posted_id` is the id that the entrance's form carried, where the link has none.
        """

        def sent(name: str) -> str:
            return _clean(parameters.get(name, "")) if name else ""

        recruiting_id = sent(study.recruiting_parameter) or _clean(posted_id)
        is_unfilled = _is_placeholder(recruiting_id)
        # Ids that we give ourselves bring back whoever has them: no link may name one.
        is_ours = recruiting_id.startswith((OWN_ID, ACCOUNT_ID, ERASED_ID))
        return cls(
            recruiting_id="" if is_unfilled or is_ours else recruiting_id,
            recruiting_study=_filled(sent(study.study_parameter)),
            recruiting_session=_filled(sent(study.session_parameter)),
            is_unfilled=is_unfilled,
        )


def _clean(value: str) -> str:
    """An id as it is stored: printable signs only, and not too many."""
    return "".join(filter(str.isprintable, value)).strip()[:LONGEST_ID]


def _is_placeholder(value: str) -> bool:
    return PLACEHOLDER.search(value) is not None


def _filled(value: str) -> str:
    return "" if _is_placeholder(value) else value


@dataclass(frozen=True, slots=True)
class Entry:
    """One browser on its way into one study.

    `releases_words`: she agreed as well that what she writes may be published.
    `groups` holds the key of her group for each axis that she has answered, or UNSAID; `full`
    what her groups are called that had no place left.
    """

    recruiting_id: str = ""
    recruiting_study: str = ""
    recruiting_session: str = ""
    consent_text_id: int | None = None
    releases_words: bool = False
    groups: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    participation_id: int | None = None
    full: tuple[str, ...] = ()

    @classmethod
    def parse(cls, stored: Any) -> Self:
        if not isinstance(stored, dict):
            return cls()
        return cls(
            recruiting_id=str(stored["recruiting_id"]),
            recruiting_study=str(stored.get("recruiting_study", "")),
            recruiting_session=str(stored.get("recruiting_session", "")),
            consent_text_id=stored["consent_text_id"],
            releases_words=bool(stored.get("releases_words", False)),
            groups=MappingProxyType(dict(stored["groups"])),
            participation_id=stored["participation_id"],
            full=tuple(stored["full"]),
        )

    def answering(self, axis_key: str, group_key: str) -> Self:
        return replace(self, groups=MappingProxyType({**self.groups, axis_key: group_key}))

    def coming_by(self, link: Link) -> Self:
        """With what the link says of the study and her visit; the latest stands."""
        return replace(
            self,
            recruiting_study=link.recruiting_study or self.recruiting_study,
            recruiting_session=link.recruiting_session or self.recruiting_session,
        )


def _key(study: Study) -> str:
    return f"rater-in-{study.pk}"


def _farewell_key(study: Study) -> str:
    return f"withdrew-from-{study.pk}"


def read_entry(request: HttpRequest, study: Study) -> Entry:
    """What this browser's session holds of the study; an empty entry if nothing."""
    return Entry.parse(request.session.get(_key(study)))


def begin_entry(request: HttpRequest, study: Study, entry: Entry) -> None:
    """Keep the entry of somebody who comes in, in a session with a fresh key.

    So nobody has planted the session that her place will be bound to. The old key is gone with
    it: here she has a form to send again if the answer gets lost, and later she would have none.
    """
    request.session.cycle_key()
    write_entry(request, study, entry)


def write_entry(request: HttpRequest, study: Study, entry: Entry) -> None:
    """Keep an entry in the session."""
    stored = {
        "recruiting_id": entry.recruiting_id,
        "recruiting_study": entry.recruiting_study,
        "recruiting_session": entry.recruiting_session,
        "consent_text_id": entry.consent_text_id,
        "releases_words": entry.releases_words,
        "groups": dict(entry.groups),
        "participation_id": entry.participation_id,
        "full": list(entry.full),
    }
    request.session[_key(study)] = stored


def forget_entry(request: HttpRequest, study: Study) -> None:
    """Forget what she said: she has left before a place was hers, or withdrawn."""
    request.session.pop(_key(study), None)


def write_farewell(request: HttpRequest, study: Study, outcome: str) -> None:
    """Remember, of somebody who has withdrawn, only how far she had come: nothing leads to her."""
    request.session[_farewell_key(study)] = outcome


def read_farewell(request: HttpRequest, study: Study) -> str | None:
    """How far somebody had come who has withdrawn in this browser; None if nobody has."""
    outcome = request.session.get(_farewell_key(study))
    return outcome if isinstance(outcome, str) else None
