"""A server on loopback that embeds texts, well or badly, over real sockets.

What it knows of a text no count of words tells, so that whoever reads it from an embedding has
read the embedding.
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from tests.chat_server import ChatServer, Request, Script, Whole

NUMBERS = 8


def worth_of(text: str) -> float:
    """What a text is worth, from -1 to 1, by no rule that anybody sees."""
    return _drawn(text, 0)


def vector_of(text: str) -> list[float]:
    """A text's embedding: what it is worth, and further numbers that mean nothing."""
    return [worth_of(text), *(0.3 * _drawn(text, place) for place in range(1, NUMBERS))]


def _drawn(text: str, place: int) -> float:
    digest = sha256(f"{place} {text}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1


def answer_with(vectors: Sequence[Any], **more: Any) -> Whole:
    """An answer with these embeddings, in this order; `more` stands beside them."""
    data = [
        {"object": "embedding", "index": place, "embedding": vector}
        for place, vector in enumerate(vectors)
    ]
    return Whole(json.dumps({"object": "list", "data": data, **more}).encode())


class EmbeddingServer(ChatServer):
    """Embeds whatever it is sent, last text first, unless a script is to be played."""

    def __init__(self, *, embed: Callable[[str], list[float]] = vector_of) -> None:
        super().__init__()
        self.embed = embed

    def script_for(self, request: Request) -> Script:
        script = super().script_for(request)
        return self.answer(request) if script is self.default else script

    def answer(self, request: Request) -> Whole:
        """What a request is answered; a token is a word."""
        texts = request.body["input"]
        data = [
            {"object": "embedding", "index": place, "embedding": self.embed(text)}
            for place, text in enumerate(texts)
        ]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Whole(json.dumps({"object": "list", "data": data[::-1], "usage": usage}).encode())

    @property
    def embedded(self) -> list[str]:
        """Every text that it was sent, as often as it was."""
        return [text for request in self.requests for text in request.body["input"]]
