"""Who raters are to the outside, kept under a key that is not in the database.

What a recruiting platform, a file or an account calls a rater stands in the database in two forms,
and is readable in neither. Its *mark* finds her again in one study; marks of two studies have
nothing in common. *Sealed*, it opens for those who may read it. Whoever takes the database learns
the groups of pseudonyms, and not whose they are.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from raters.errors import IdentityKeyError

# Who gives the id where nothing else is said: a recruiting platform, or the file of an import.
RECRUITED: Final = "recruited"
MARK_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """What a rater, the study and her last visit are called by who sent her."""

    recruiting_id: str = ""
    recruiting_study: str = ""
    recruiting_session: str = ""


def mark_of(study_id: int, recruiting_id: str, *, source: str = RECRUITED) -> str:
    """What finds a rater in one study: 128 bits of HMAC-SHA256 under the first key, in hex.

    `source` is one of `Participation.Source`: ids of two sources are never the same person's.
    """
    return _mark(settings.IDENTITY_KEY, study_id, recruiting_id, source)


def marks_of(study_id: int, recruiting_id: str, *, source: str = RECRUITED) -> list[str]:
    """Her marks under each key that still counts, the first key's first."""
    return [_mark(key, study_id, recruiting_id, source) for key in _keys()]


def fields_for(study_id: int, identity: Identity, *, source: str = RECRUITED) -> dict[str, str]:
    """What a participation in this study holds of who she is."""
    return {
        "source": source,
        "identity_mark": mark_of(study_id, identity.recruiting_id, source=source),
        "identity_sealed": seal(identity),
    }


def seal(identity: Identity) -> str:
    """An identity as it is stored: encrypted and authenticated, under the first key."""
    return seal_text(json.dumps(asdict(identity), ensure_ascii=False))


def unseal(sealed: str) -> Identity:
    """What was sealed, by any key that counts; of nobody, once it is erased and `sealed` empty.

    Raises IdentityKeyError if no key opens it.
    """
    return Identity(**json.loads(unseal_text(sealed))) if sealed else Identity()


def seal_text(text: str) -> str:
    """Any text, sealed likewise."""
    return _sealer(_keys()).encrypt(text.encode()).decode()


def unseal_text(sealed: str) -> str:
    """The text that was sealed. Raises IdentityKeyError if no key opens it."""
    try:
        return _sealer(_keys()).decrypt(sealed).decode()
    except InvalidToken as error:
        raise IdentityKeyError from error


def _keys() -> tuple[str, ...]:
    return (settings.IDENTITY_KEY, *settings.IDENTITY_KEY_FALLBACKS)


def _mark(key: str, study_id: int, recruiting_id: str, source: str) -> str:
    message = f"{study_id}:{source}:{recruiting_id}".encode()
    return hmac.digest(_derived(key, "mark"), message, "sha256").hex()[:MARK_LENGTH]


@lru_cache(maxsize=32)
def _derived(key: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, so that a mark says nothing about a seal."""
    return hmac.digest(key.encode(), f"raters.identities:{purpose}".encode(), "sha256")


@lru_cache(maxsize=8)
def _sealer(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(_derived(key, "seal"))) for key in keys])
