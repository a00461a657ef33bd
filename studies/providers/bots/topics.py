"""What the helper knows, read once from topics.toml into frozen objects."""

from dataclasses import dataclass
from functools import cache

from studies.providers.bots.words import read_script


@dataclass(frozen=True)
class Topic:
    """An everyday topic: the words it is known by, its steps in order, and what to ask next."""

    name: str
    words: frozenset[str]
    opening: str
    steps: tuple[str, ...]
    question: str
    caution: str


@dataclass(frozen=True)
class Knowledge:
    """Topics, and what is said instead of any of them when a phrase sounds like an emergency."""

    topics: tuple[Topic, ...]
    emergency_phrases: tuple[str, ...]
    emergency: str


@cache
def load_knowledge() -> Knowledge:
    """The helper's knowledge, in the order of the file."""
    script = read_script("topics")
    topics = tuple(
        Topic(
            name=entry["name"],
            words=frozenset(entry["words"].split()),
            opening=entry["opening"],
            steps=tuple(entry["steps"]),
            question=entry["question"],
            caution=entry.get("caution", ""),
        )
        for entry in script["topic"]
    )
    return Knowledge(topics, tuple(script["emergency_phrases"]), script["emergency"])
