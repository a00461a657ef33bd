"""What Django's system check looks at besides its own: settings that would fail only when used."""

from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

# What a storage's class says of a missing library, and of options that it doesn't know or like.
CANT_BE_MADE: Final = (ImproperlyConfigured, ImportError, OSError, TypeError, ValueError)
# Caches that a process has for itself, or that keep nothing.
UNSHARED: Final = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)


@register
def exports_have_a_storage(**_kwargs: Any) -> list[CheckMessage]:
    """Whether the storage of exports can be made: its class imported, with the options given."""
    try:
        storages["exports"]
    except CANT_BE_MADE as error:
        said = f"{type(error).__name__}: {error}"
        return [
            Error(
                f"The storage of exports can't be made: {said}",
                hint="EXPORTS_STORAGE is the dotted path of a storage backend that is installed "
                "here, and EXPORTS_STORAGE_OPTIONS what it is made with, as a JSON object.",
                id="hustings.E001",
            )
        ]
    return []


@register(deploy=True)
def web_processes_share_a_cache(**_kwargs: Any) -> list[CheckMessage]:
    """Whether a limit counts once for all; embedded, one process has nobody to share with."""
    if settings.IS_EMBEDDED or settings.CACHES["default"]["BACKEND"] not in UNSHARED:
        return []
    return [
        checks.Warning(
            "Web processes share no cache, so that each counts and keeps for itself: clients may "
            "ask, and guess at sign-in codes, as many times more often as there are processes.",
            hint="Set CACHE_URL to a Redis or Memcached that all of them reach, such as "
            "redis://127.0.0.1:6379/1. Where a single process serves, `hustings serve --workers "
            "1`, nothing is wrong.",
            id="hustings.W001",
        )
    ]
