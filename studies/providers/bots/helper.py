"""A bot that knows useful steps for everyday topics, and how to find the topic."""

from collections.abc import Sequence
from random import Random
from typing import Final

from studies.providers.bots.topics import Topic, load_knowledge
from studies.providers.bots.words import subjects_of, words_of

GREETINGS: Final = frozenset({"hello", "hi", "hey", "morning", "evening", "afternoon"})
THANKS: Final = frozenset({"thanks", "thank", "cheers"})
# How many steps are told at once; who wants more asks on.
STEPS_AT_ONCE: Final = 4

LEADS: Final = (
    "Here is a way to go about it:",
    "These steps usually help:",
    "I would do it in this order:",
)
MORE_LEADS: Final = ("A few things more:", "Going on from there:")
SHRUGS: Final = ("Depends.", "Hard to say.", "Yes and no.", "Be more specific.")


def answer(said: Sequence[str], chance: Random) -> str:
    """Steps for the topic of the last message, or of the one before it that had a topic.

    Asked again about the same topic it tells the next steps; at their end it says so.
    """
    if _is_emergency(said[-1]):
        return load_knowledge().emergency
    topic = find_topic(said)
    is_thanks = bool(THANKS & set(words_of(said[-1]))) and find_topic(said[-1:]) is None
    if topic is None or is_thanks:
        return _without_topic(said[-1])
    times_told = sum(find_topic(said[:end]) is topic for end in range(1, len(said)))
    told = STEPS_AT_ONCE * times_told
    steps = topic.steps[told : told + STEPS_AT_ONCE]
    if not steps:
        return f"That is what I know about {topic.name} in general. {topic.question}"
    lead = chance.choice(MORE_LEADS) if told else f"{topic.opening} {chance.choice(LEADS)}"
    numbered = "\n".join(f"{place}. {step}" for place, step in enumerate(steps, start=told + 1))
    caution = f"\n\n**Please note:** {topic.caution}" if topic.caution and not told else ""
    return f"{lead}\n\n{numbered}{caution}\n\n{topic.question}"


def answer_tersely(said: Sequence[str], chance: Random) -> str:
    """One step for the topic, in its first sentence, and no more."""
    if _is_emergency(said[-1]):
        return "Call your emergency number now."
    topic = find_topic(said[-1:])
    if topic is None:
        return chance.choice(SHRUGS)
    step = topic.steps[(len(said) - 1) % len(topic.steps)]
    return step.split(":")[0].split(". ")[0].rstrip(".") + "."


def find_topic(said: Sequence[str]) -> Topic | None:
    """The topic of the latest message that has one; of several, the one with most of its words."""
    for text in reversed(said):
        words = set(words_of(text))
        topic = max(load_knowledge().topics, key=lambda topic: len(words & topic.words))
        if words & topic.words:
            return topic
    return None


def _is_emergency(text: str) -> bool:
    spoken = f" {' '.join(words_of(text))} "
    return any(f" {phrase} " in spoken for phrase in load_knowledge().emergency_phrases)


def _without_topic(text: str) -> str:
    words = words_of(text)
    if THANKS & set(words):
        return "You're welcome. Is there anything else that I can help with?"
    if GREETINGS & set(words) and len(words) < 6:
        return "Hello! What can I help you with today?"
    known = ", ".join(topic.name for topic in load_knowledge().topics)
    subjects = " and ".join(subjects_of(text, 2)) or "that"
    return (
        f"I don't know enough about {subjects} to give advice that I could stand behind. What I "
        f"do know something about: {known}. If it has to do with one of these, tell me how; "
        "otherwise a library or a professional will serve you better than a guess of mine."
    )
