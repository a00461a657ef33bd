"""What a rater has said on her way in, kept in her session until a place is hers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from django.http import HttpRequest

from studies.models import Study

UNSAID = ""  # she would rather not say
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """One browser on its way into one study.

    `groups` holds the key of her group for each axis that she has answered, or UNSAID; `full`
    what her groups are called that had no place left.
    """

    recruiting_id: str = ""
    consent_text_id: int | None = None
    groups: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    participation_id: int | None = None
    full: tuple[str, ...] = ()

    @classmethod
    def parse(cls, stored: Any) -> Self:
        if not isinstance(stored, dict):
            return cls()
        return cls(
            recruiting_id=str(stored["recruiting_id"]),
            consent_text_id=stored["consent_text_id"],
            groups=MappingProxyType(dict(stored["groups"])),
            participation_id=stored["participation_id"],
            full=tuple(stored["full"]),
        )

    def answering(self, axis_key: str, group_key: str) -> Self:
        return replace(self, groups=MappingProxyType({**self.groups, axis_key: group_key}))


def _key(study: Study) -> str:
    return f"rater-in-{study.pk}"


def read_entry(request: HttpRequest, study: Study) -> Entry:
    """What this browser's session holds of the study; an empty entry if nothing."""
    return Entry.parse(request.session.get(_key(study)))


def write_entry(request: HttpRequest, study: Study, entry: Entry) -> None:
    """Keep an entry in the session. A place is bound to a session with a fresh key."""
    if entry.participation_id is not None:
        request.session.cycle_key()
    stored = {
        "recruiting_id": entry.recruiting_id,
        "consent_text_id": entry.consent_text_id,
        "groups": dict(entry.groups),
        "participation_id": entry.participation_id,
        "full": list(entry.full),
    }
    request.session[_key(study)] = stored


def forget_entry(request: HttpRequest, study: Study) -> None:
    """Forget what she said: she has left before a place was hers."""
    request.session.pop(_key(study), None)
