"""Topic drift: whether a message leaves both the task and the conversation's own thread.

Trained on chats in English, and judges nothing else: a message that is not in English has no
probability, and says so. `drift_training` made the model; nothing here needs a service.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from raters.quality.drift_features import (
    MAX_SIGNS,
    MAX_TURNS,
    Turn,
    is_empty_word,
    new_stems,
    read_turn,
    stem,
    themes_of,
    unrelated,
)
from raters.quality.drift_model import STRIKE_SPAN, leaves_everything, shipped_model

# Of a message in another language, fewer of its words than this are known.
MIN_KNOWN_PART: Final = 0.4
MIN_WORDS_TO_DOUBT: Final = 4
# A message is about the task if this part of its words goes with it.
MIN_TASK_PART: Final = 0.5
MAX_NEW_WORDS: Final = 12
_PIECE: Final = re.compile(r"[^\W\d_]+")


class Unjudged(StrEnum):
    """Why a message has no probability."""

    FIRST = "Nothing was said before it."
    EMPTY = "It has no words."
    OTHER_LANGUAGE = "It is not in English, the one language that the model knows."


@dataclass(frozen=True)
class Drift:
    """Whether a message drifts; `probability` is None where it was not judged.

    The evidence: `departs_from` is what was said before it (for a rater, her own last message),
    `new_words` are those of its words that go with nothing in the last four turns.
    """

    probability: float | None
    is_shift: bool = False
    is_strike: bool = False
    is_about_task: bool = False
    unjudged: Unjudged | None = None
    departs_from: str = ""
    new_words: tuple[str, ...] = ()


def shift_probabilities(turns: Sequence[str]) -> tuple[float, ...]:
    """For each turn of a conversation the probability that it starts a new topic.

    It looks at the turns before, never ahead. 0 for the first turn, and for a turn that cannot
    be judged: one without words, or not in English.
    """
    return tuple(drift.probability or 0.0 for drift in drifts(turns))


def drifts(turns: Sequence[str]) -> tuple[Drift, ...]:
    """Each turn of a conversation judged against the turns before it."""
    thread = [read_turn(text) for text in turns]
    return tuple(
        replace(_judge(text, thread[: i + 1]), departs_from=turns[i - 1] if i else "")
        for i, text in enumerate(turns)
    )


def drift_of(messages: Sequence[str], replies: Sequence[Sequence[str]], topic: str = "") -> Drift:
    """The rater's last message judged against her earlier ones, their replies and the task.

    `replies` holds, for each earlier message, what the sides replied, always in the same order
    of sides; an empty text is a reply that never came. She may follow up any side, so of their
    threads the one that it drifts from least counts. A message about the task's `topic` is
    neither shift nor strike. ValueError if there is no message, or not a reply's place for each
    earlier one.
    """
    if not messages or len(replies) != len(messages) - 1:
        raise ValueError(f"{len(messages)} messages do not go with {len(replies)} replies.")
    read = [read_turn(text) for text in messages[-MAX_TURNS:]]
    sides = max((len(each) for each in replies), default=0)
    found = min(
        (
            _judge(messages[-1], _thread(read, replies[-MAX_TURNS + 1 :], side))
            for side in range(max(1, sides))
        ),
        key=lambda drift: (drift.is_strike, drift.probability or 0.0),
    )
    found = replace(found, departs_from=messages[-2] if len(messages) > 1 else "")
    if _is_about(read[-1], read_turn(topic)):
        found = replace(found, is_shift=False, is_strike=False, is_about_task=True)
    return found


def _thread(messages: Sequence[Turn], replies: Sequence[Sequence[str]], side: int) -> list[Turn]:
    """The messages, and between them what one side replied."""
    thread = []
    for message, said in zip(messages, replies, strict=False):
        thread.append(message)
        if side < len(said) and said[side]:
            thread.append(read_turn(said[side]))
    return [*thread, messages[-1]][-MAX_TURNS - 1 :]


def _judge(text: str, thread: Sequence[Turn]) -> Drift:
    """The last turn of a thread, of which `text` is the text."""
    if reason := _why_unjudged(text, thread):
        return Drift(probability=None, unjudged=reason)
    model, last = shipped_model(), len(thread) - 1
    probability = model.probability(thread, last)
    new = new_stems(thread, last, STRIKE_SPAN)
    words = dict.fromkeys(
        word for word in thread[last].words if not is_empty_word(word) and stem(word) in new
    )
    return Drift(
        probability=probability,
        is_shift=probability >= model.shift_at,
        is_strike=probability >= model.strike_at and leaves_everything(thread, last),
        new_words=tuple(words)[:MAX_NEW_WORDS],
    )


def _why_unjudged(text: str, thread: Sequence[Turn]) -> Unjudged | None:
    words = _PIECE.findall(text[:MAX_SIGNS].lower())
    if not words:
        return Unjudged.EMPTY
    signs = "".join(words)
    if sum(sign.isascii() for sign in signs) < len(signs) / 2:
        return Unjudged.OTHER_LANGUAGE
    known = sum(map(_is_known, words))
    if len(words) >= MIN_WORDS_TO_DOUBT and known < MIN_KNOWN_PART * len(words):
        return Unjudged.OTHER_LANGUAGE
    return Unjudged.FIRST if len(thread) < 2 else None


def _is_known(word: str) -> bool:
    root = stem(word)
    return is_empty_word(word) or root in shipped_model().rarities or bool(themes_of((root,)))


def _is_about(message: Turn, task: Turn) -> bool:
    """Whether a word of the message stands in the task, or most of it is of its themes."""
    if message.stems & task.stems:
        return True
    strange = unrelated(message.stems, task.stems, task.themes)
    return bool(message.stems) and len(strange) <= MIN_TASK_PART * len(message.stems)
