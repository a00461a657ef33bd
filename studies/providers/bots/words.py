"""Words of a message, and the scripts beside this file: what several bots need."""

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Any, Final

WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, with straight apostrophes."""
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


def weighty_words_of(text: str) -> list[str]:
    """The words that say what a text is about, in its order: no short ones, no common ones."""
    return [word for word in words_of(text) if len(word) > 3 and word not in _common_words()]


def subjects_of(text: str, limit: int) -> list[str]:
    """Up to `limit` words that a text is about: the most frequent first, then the earliest."""
    return [word for word, _ in Counter(weighty_words_of(text)).most_common(limit)]


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, without their last full stop."""
    parts = re.split(r"(?<=[.!?])\s+|\n+", text.strip())
    return [part.rstrip(".").strip() for part in parts if part.strip(" .")]


def read_script(name: str) -> dict[str, Any]:
    """What a bot can say, from the TOML file of this name beside this one."""
    return tomllib.loads(_read(f"{name}.toml"))


@cache
def _common_words() -> frozenset[str]:
    """Words that say how, not what; "help" and "want" are in nearly every message."""
    return frozenset(_read("common_words.txt").split())


def _read(name: str) -> str:
    return (files("studies.providers.bots") / name).read_text(encoding="utf-8")
