"""What a protocol wants to ask a chat model, and what came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raters.judging.answers import Schema, read_answer
from raters.judging.errors import UnreadableAnswerError
from studies.providers import Message, TokenLogprob

# The most that the protocol allows; a value beyond them has next to no weight.
TOP_LOGPROBS = 20


@dataclass(frozen=True)
class Answer:
    """What a chat model answered, with its tokens' log-probabilities if the endpoint gave them."""

    text: str
    token_logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True)
class Call:
    """One thing to ask. `key` names it within the judgement, such as "order:ab/sample:1".

    The same judgement with the same seed and answers has the same calls under the same keys, so
    that an answer stored by key is never paid for twice.
    """

    key: str
    messages: tuple[Message, ...]
    schema: Schema
    temperature: float
    wants_logprobs: bool

    @property
    def parameters(self) -> Mapping[str, object]:
        """What the request carries besides the messages; the endpoint's own come after these."""
        asked: dict[str, object] = {
            "temperature": self.temperature,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "judgement", "strict": True, "schema": self.schema},
            },
        }
        if self.wants_logprobs:
            asked |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return asked

    def read(self, answer: Answer) -> dict[str, Any]:
        """The object that was asked for, exactly; else UnreadableAnswerError with this key."""
        try:
            read: dict[str, Any] = read_answer(answer.text, self.schema)
        except ValueError as error:
            raise UnreadableAnswerError(self.key, f"{error}.") from error
        return read
