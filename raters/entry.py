"""What a rater has said on her way in, kept in her session until a place is hers.

A session is a row of the database, and may know her account as well: an entry is sealed in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Self

from django.http import HttpRequest, QueryDict

from raters.errors import IdentityKeyError
from raters.identities import seal_text, unseal_text
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
        return cls(
            recruiting_id="" if is_unfilled else recruiting_id,
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

    `source` is who calls her by her id, one of `Participation.Source`; empty with no id.
    `releases_words`: she agreed as well that what she writes may be published.
    `groups` holds the key of her group for each axis that she has answered, or UNSAID; `full`
    what her groups are called that had no place left.
    """

    source: str = ""
    recruiting_id: str = ""
    recruiting_study: str = ""
    recruiting_session: str = ""
    consent_text_id: int | None = None
    releases_words: bool = False
    groups: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    participation_id: int | None = None
    full: tuple[str, ...] = ()

    @classmethod
    def parse(cls, sealed: Any) -> Self:
        """What was sealed; an empty entry if it is none, or if no key opens it any more."""
        try:
            stored = json.loads(unseal_text(sealed)) if isinstance(sealed, str) else None
        except IdentityKeyError:
            stored = None
        if stored is None:
            return cls()
        return cls(
            source=stored["source"],
            recruiting_id=stored["recruiting_id"],
            recruiting_study=stored["recruiting_study"],
            recruiting_session=stored["recruiting_session"],
            consent_text_id=stored["consent_text_id"],
            releases_words=stored["releases_words"],
            groups=MappingProxyType(stored["groups"]),
            participation_id=stored["participation_id"],
            full=tuple(stored["full"]),
        )

    def seal(self) -> str:
        """The entry as a session holds it."""
        return seal_text(
            json.dumps(
                {
                    "source": self.source,
                    "recruiting_id": self.recruiting_id,
                    "recruiting_study": self.recruiting_study,
                    "recruiting_session": self.recruiting_session,
                    "consent_text_id": self.consent_text_id,
                    "releases_words": self.releases_words,
                    "groups": dict(self.groups),
                    "participation_id": self.participation_id,
                    "full": self.full,
                },
                ensure_ascii=False,
            )
        )

    @property
    def who(self) -> tuple[str, str] | None:
        """Source and id of who comes in; None before that is known."""
        return (self.source, self.recruiting_id) if self.recruiting_id else None

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
    request.session[_key(study)] = entry.seal()


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
