"""A storage for exports as another machine's would be: no folder, and errors of its own."""

from typing import Any

from django.core.files.storage import InMemoryStorage


class BucketGoneError(Exception):
    """As the library of an object storage says it: no OSError."""


class Elsewhere(InMemoryStorage):
    """Keeps files in memory, under names that it chooses; `is_up` says whether it takes any."""

    def __init__(self, *, bucket_name: str, is_up: bool = True) -> None:
        super().__init__()
        self.bucket_name = bucket_name
        self.is_up = is_up

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return f"{self.bucket_name}/{name}"

    def _save(self, name: str, content: Any) -> str:
        if not self.is_up:
            raise BucketGoneError
        stored: str = super()._save(name, content)
        return stored

    def names(self) -> list[str]:
        """What lies in the bucket."""
        return self.listdir(self.bucket_name)[1] if self.exists(self.bucket_name) else []
