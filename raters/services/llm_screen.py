"""A chat model reads a conversation for topic drift; what it reads is data, never an instruction.

What a rater writes reaches the screener inside a fence drawn anew for each question, see
`raters.judging.fence`. What comes back is one JSON object, or an error.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib import resources
from string import Template
from typing import Any, Final, Self

from raters.errors import UnreadableScreenError
from raters.judging.answers import load_json
from raters.judging.fence import check_fence, write_lines
from studies.providers import Endpoint, Message, Role, stream_reply
from studies.registry import address_rules

PROMPT: Final = "llm_screen_prompt.txt"
LONGEST_REASON: Final = 500
# What came long before is no thread to leave; a longer text is cut.
MOST_MESSAGES: Final = 8
LONGEST_TEXT: Final = 2_000

# For endpoints that hold answers to a schema. A chat model whose endpoint refuses it takes it out
# by a parameter of the same name that is null.
RESPONSE_FORMAT: Final[Mapping[str, Any]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "drift",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "drifted": {"type": "boolean"},
                "reason": {"type": "string"},
                "confidence": {"type": "number"},
            },
            "required": ["drifted", "reason", "confidence"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True)
class Said:
    """One thing said in a conversation: by the rater, or by a side."""

    who: str
    text: str


@dataclass(frozen=True)
class Finding:
    """What the screener found: whether she drifted, why in its words, and how sure it is (0–1)."""

    has_drifted: bool
    reason: str
    confidence: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """From an answer that is one JSON object of exactly these three; UnreadableScreenError."""
        try:
            answer = load_json(text)
        except ValueError as error:
            raise UnreadableScreenError("The answer is not one JSON object.") from error
        if not isinstance(answer, dict) or answer.keys() != {"drifted", "reason", "confidence"}:
            raise UnreadableScreenError("The answer has other fields than it was asked for.")
        drifted, reason, confidence = answer["drifted"], answer["reason"], answer["confidence"]
        if not isinstance(drifted, bool):
            raise UnreadableScreenError("Whether she drifted is neither true nor false.")
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise UnreadableScreenError("The reason is no sentence, or too long a one.")
        is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
        if not is_number or not 0 <= confidence <= 1:
            raise UnreadableScreenError("The confidence is no number from 0 to 1.")
        return cls(drifted, reason.strip().replace("\0", ""), float(confidence))


def build_question(conversation: Sequence[Said], *, topic: str, fence: str) -> str:
    """What the screener is asked about the last message of a conversation.

    ValueError if the fence stands in the conversation.
    """
    lines = [{"who": "task", "text": topic[:LONGEST_TEXT]}] if topic else []
    lines += [{"who": said.who, "text": said.text[:LONGEST_TEXT]} for said in conversation]
    data = write_lines(lines)
    check_fence(data, fence=fence)
    return _prompt().substitute(fence=fence, conversation=data)


def ask_screener(
    endpoint: Endpoint, conversation: Sequence[Said], *, topic: str, deadline: datetime
) -> Finding:
    """What a chat model says of the last message of a conversation; no transaction may be open.

    Raises ProviderError, and UnreadableScreenError for an answer that is not what was asked for.
    """
    question = build_question(
        conversation[-MOST_MESSAGES:], topic=topic, fence=secrets.token_hex(16)
    )
    asked = replace(
        endpoint, parameters={"response_format": RESPONSE_FORMAT, **endpoint.parameters}
    )
    said = [Message(Role.USER, question)]
    with stream_reply(asked, said, deadline=deadline, rules=address_rules()) as stream:
        for _ in stream:
            pass
        return Finding.parse(stream.reply.text)


@cache
def _prompt() -> Template:
    text = resources.files("raters.services").joinpath(PROMPT).read_text(encoding="utf-8")
    return Template(text)
