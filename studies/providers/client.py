"""Asking a chat model, and passing its answer on as it comes."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from studies.providers.addresses import CHAT_PATH, STRICT, AddressRules
from studies.providers.bots import BOT_SCHEME, stream_bot
from studies.providers.call import call, kind_of
from studies.providers.countdown import Countdown
from studies.providers.endpoint import Endpoint, Message
from studies.providers.errors import (
    EmptyAnswerError,
    MalformedAnswerError,
    OversizedAnswerError,
    ProviderTimeoutError,
    StreamCutError,
)
from studies.providers.protocol import (
    Chunk,
    FinishReason,
    TokenLogprob,
    build_request,
    parse_chunk,
    quote,
)

if TYPE_CHECKING:
    import httpx2

# Some 50,000 tokens: more than a person reads in one battle, and less than hurts a page.
CHARACTER_LIMIT: Final = 200_000


@dataclass(frozen=True)
class Reply:
    """An answer that came to its end.

    Token counts are the endpoint's own, None if it gave none. Latencies in milliseconds, from
    the call to the first piece of text and to the end. `token_logprobs` are the tokens of the
    whole text if the endpoint's parameters ask for them by `logprobs` and it gave them all.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None
    completion_tokens: int | None
    first_piece_ms: int
    total_ms: int
    token_logprobs: tuple[TokenLogprob, ...] | None = None


class ReplyStream(Iterator[str]):
    """The pieces of an answer as they come; when they have ended, `reply` is the whole.

    Iterating raises a ProviderError when the call fails, and the pieces before it are then
    no answer. Used as a context, it closes the connection when it is left early.
    """

    def __init__(self, pieces: Generator[str, None, Reply]) -> None:
        self._pieces = pieces
        self._reply: Reply | None = None

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except StopIteration as end:
            # A second look past the end finds an exhausted generator, which returns None.
            self._reply = self._reply or end.value
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def reply(self) -> Reply:
        """The whole answer; ValueError before the last piece, and after a failure."""
        if self._reply is None:
            raise ValueError("there is no reply before the stream has come to its end")
        return self._reply

    def close(self) -> None:
        """Hang up. What has come until now is not a reply."""
        self._pieces.close()


def stream_reply(
    endpoint: Endpoint,
    messages: Sequence[Message],
    *,
    deadline: datetime,
    rules: AddressRules = STRICT,
) -> ReplyStream:
    """Ask a chat model to answer the last of `messages`, once.

    Nothing is sent before the first piece is asked for. The whole call, from the look-up of
    the name to the last byte, is over by the `deadline`, and its silences are no longer than
    the endpoint's timeout. Every failure is a ProviderError, see `errors.py`; whether to try
    again is `retries.retry_delay`'s to say.
    """
    countdown = Countdown(deadline)
    if endpoint.base_url.startswith(BOT_SCHEME):
        chunks = _chunks_of_bot(endpoint, messages, countdown)
    else:
        chunks = _chunks_over_http(endpoint, messages, countdown, rules)
    asks_logprobs = endpoint.parameters.get("logprobs") is True
    return ReplyStream(_pieces(chunks, countdown, _Tokens() if asks_logprobs else None))


def _pieces(
    chunks: Generator[Chunk, None, None], countdown: Countdown, tokens: "_Tokens | None"
) -> Generator[str, None, Reply]:
    """The text of chunks, piece by piece; returns the reply that they add up to."""
    mender = _TextMender()
    text = ""
    first_piece_ms: int | None = None
    end = Chunk()
    try:
        for chunk in _until_cut_after_end(chunks):
            end = _merged(end, chunk)
            if tokens is not None:
                tokens.take(chunk)
            if piece := mender.mend(chunk.text):
                if first_piece_ms is None:
                    first_piece_ms = countdown.elapsed_ms
                text += piece
                if len(text) > CHARACTER_LIMIT:
                    raise OversizedAnswerError(
                        f"the answer is longer than {CHARACTER_LIMIT:,} characters"
                    )
                yield piece
    finally:
        chunks.close()
    if end.finish_reason is None:
        raise StreamCutError("the answer ended without saying that it was finished")
    if first_piece_ms is None or not text.strip():
        raise EmptyAnswerError(f"the answer has no text ({end.finish_reason})")
    return Reply(
        text=text,
        finish_reason=end.finish_reason,
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        first_piece_ms=first_piece_ms,
        total_ms=countdown.elapsed_ms,
        token_logprobs=tokens.whole if tokens is not None else None,
    )


def _until_cut_after_end(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The chunks; once one has finished the answer, a lost line loses no more than token counts."""
    is_finished = False
    try:
        for chunk in chunks:
            is_finished = is_finished or chunk.finish_reason is not None
            yield chunk
    except (StreamCutError, ProviderTimeoutError):
        if not is_finished:
            raise


def _merged(before: Chunk, chunk: Chunk) -> Chunk:
    """What is known after a chunk: the first finish reason, the latest counts."""
    prompt, completion = chunk.prompt_tokens, chunk.completion_tokens
    return Chunk(
        finish_reason=before.finish_reason or chunk.finish_reason,
        prompt_tokens=before.prompt_tokens if prompt is None else prompt,
        completion_tokens=before.completion_tokens if completion is None else completion,
    )


def _chunks_of_bot(
    endpoint: Endpoint, messages: Sequence[Message], countdown: Countdown
) -> Generator[Chunk, None, None]:
    count = 0
    for piece in stream_bot(endpoint.base_url, messages, endpoint.parameters):
        countdown.check()
        count += 1
        yield Chunk(text=piece)
    words = sum(len(message.content.split()) for message in messages)
    yield Chunk(finish_reason=FinishReason.STOP, prompt_tokens=words, completion_tokens=count)


def _chunks_over_http(
    endpoint: Endpoint, messages: Sequence[Message], countdown: Countdown, rules: AddressRules
) -> Generator[Chunk, None, None]:
    with call(
        endpoint,
        CHAT_PATH,
        build_request(endpoint, messages),
        accept="text/event-stream, application/json",
        countdown=countdown,
        rules=rules,
    ) as response:
        yield from _chunks_of_response(response)


def _chunks_of_response(response: "httpx2.Response") -> Iterator[Chunk]:
    import httpx2

    kind = kind_of(response)
    if kind == "application/json":
        # Asked for a stream, but answered in one piece: slower for the rater, and whole.
        yield parse_chunk(b"".join(response.iter_raw()))
    elif kind == "text/event-stream":
        for event in httpx2.EventSource(response):
            if event.data.strip() == "[DONE]":
                return
            if event.data:
                yield parse_chunk(event.data)
    else:
        raise MalformedAnswerError(f"the answer is {quote(kind) or 'of no type'}, not a stream")


class _Tokens:
    """Gathers tokens; they are whole if no piece of text came without its own."""

    def __init__(self) -> None:
        self._tokens: list[TokenLogprob] = []
        self._is_whole = True

    def take(self, chunk: Chunk) -> None:
        if chunk.token_logprobs is not None:
            self._tokens += chunk.token_logprobs
        elif chunk.text:
            self._is_whole = False

    @property
    def whole(self) -> tuple[TokenLogprob, ...] | None:
        return tuple(self._tokens) if self._is_whole and self._tokens else None


class _TextMender:
    """Makes pieces of text that a database takes and a page shows.

    JSON can say NUL, which PostgreSQL refuses, and half of a sign beyond U+FFFF, which UTF-8
    refuses; some servers send the two halves of an emoji in two events.
    """

    def __init__(self) -> None:
        self._half = ""

    def mend(self, piece: str) -> str:
        piece = self._half + piece.replace("\0", "")
        self._half = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
