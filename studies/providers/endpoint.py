"""What has to be known of a chat model to ask it, and what is said to it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from studies.providers.errors import EndpointError, MissingKeyError

# A study's admin names the variable and the address it goes to. Were any name allowed, that
# would read the server's other secrets (SECRET_KEY, DATABASE_URL) out to any address.
KEY_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")

# What the request says already, so that a parameter must not say otherwise.
OWN_PARAMETERS: Final = frozenset({"model", "messages", "stream", "n"})


class Role(StrEnum):
    """Who said something. The system prompt belongs to the endpoint, not to the conversation."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Message:
    """One thing that was said in a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Endpoint:
    """A chat model that can be asked.

    `base_url` ends before `/chat/completions`, or is `bot:NAME`. `parameters` go into each
    request as they are; one that is None takes out what would be sent by default.
    `key_variable` is the name of the environment variable that holds the key, "" if none is
    needed: the key itself is in no object and in no database. `timeout` is the longest
    silence that is waited out. Raises EndpointError for what cannot be asked.
    """

    base_url: str
    model_id: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    system_prompt: str = ""
    key_variable: str = ""
    timeout: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        if taken := sorted(OWN_PARAMETERS & self.parameters.keys()):
            raise EndpointError(f"{', '.join(taken)} can't be a parameter; the request sets it")
        if self.key_variable and not KEY_VARIABLE.fullmatch(self.key_variable):
            raise EndpointError(
                f"{self.key_variable} is no name for a key; use one such as OPENAI_API_KEY, in "
                "capitals and ending in _API_KEY, so that no other secret is ever sent"
            )
        if self.timeout <= timedelta(0):
            raise EndpointError(f"a timeout of {self.timeout} leaves no time")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def read_key(self) -> str:
        """The key from the environment, "" if none is needed; else MissingKeyError."""
        if not self.key_variable:
            return ""
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise MissingKeyError(
                f"the environment variable {self.key_variable} is not set; it should hold the key "
                f"for {self.base_url}"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise MissingKeyError(
                f"the environment variable {self.key_variable} holds something that is no key"
            )
        return key
