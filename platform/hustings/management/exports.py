"""Public exports as files: JSON, as it is or in gzip."""

import gzip
import json
from pathlib import Path

from django.core.management.base import CommandError

GZIP_MAGIC = b"\x1f\x8b"


def read_export(path: Path) -> object:
    """What the file holds; CommandError where it can't be read, or is no JSON."""
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        document: object = json.loads(content)
    except OSError as error:
        raise CommandError(f"{path}: it cannot be read: {error.strerror or error}") from error
    except (EOFError, ValueError) as error:
        raise CommandError(f"{path}: it is not JSON: {error}") from error
    return document
