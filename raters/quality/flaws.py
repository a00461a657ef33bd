"""What a screen found: the common result of all screens, in words for the rater."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# Goes up with any change of a screen or threshold, so that every strike says what it was
# judged by.
SCREEN_VERSION: Final = 1
QUOTED_SIGNS: Final = 80


class FlawKind(StrEnum):
    """What is wrong."""

    SINGLE_WORD = "single_word"
    TOO_SHORT = "too_short"
    REPEATED = "repeated"
    GIBBERISH = "gibberish"
    COPIED_TASK = "copied_task"
    IDENTITY_PROBE = "identity_probe"
    DRIFT = "drift"
    PASTED = "pasted"
    SPEEDING = "speeding"
    STRAIGHT_LINING = "straight_lining"
    ONE_SIDED = "one_sided"
    AWAY = "away"
    UNLIKELY_VOTES = "unlikely_votes"
    SHARED_TEXT = "shared_text"
    SHARED_ID = "shared_id"
    SHARED_ADDRESS = "shared_address"
    SHARED_DEVICE = "shared_device"
    FAILED_CHECK = "failed_check"
    INCONSISTENT = "inconsistent"


@dataclass(frozen=True)
class Flaw:
    """One flaw in a message, a battle or a participation.

    `evidence` is for the rater, in plain words that quote hers or give her figures. With
    `is_strike` it is a candidate for a strike; without, a signal for a reviewer, which must
    never become a strike by itself. `screen` names the function that found it, `figures` the
    numbers that it went by.
    """

    kind: FlawKind
    evidence: str
    screen: str
    is_strike: bool
    figures: Mapping[str, float] = field(default_factory=dict, hash=False)
    version: int = SCREEN_VERSION


def quote(text: str) -> str:
    """The rater's words in quotation marks, on one line and not too long."""
    line = " ".join(text.split())
    if len(line) > QUOTED_SIGNS:
        line = f"{line[: QUOTED_SIGNS - 1].rstrip()}…"
    return f"“{line}”"
