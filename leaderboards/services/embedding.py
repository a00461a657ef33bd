"""Asks an embedder of the registry for embeddings of texts, none of them twice."""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zlib import crc32

from django.utils.translation import gettext as _

from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.features import Vectors
from leaderboards.scorer_card import Embedded
from studies.models import ChatModel
from studies.providers import (
    MOST_TEXTS,
    Embeddings,
    EndpointError,
    MalformedAnswerError,
    ProviderError,
    ProviderTimeoutError,
    embed,
    retry_delay,
)
from studies.registry import address_rules, charge, embedder_of, pinned_digest

# Of a longer text, what is embedded: most endpoints refuse more than 8,192 tokens, and a sign is
# hardly ever more than one.
MOST_SIGNS: Final = 8_000
# What is left of a report's lease is for training.
TIME_LIMIT: Final = timedelta(minutes=6)
CALL_LIMIT: Final = timedelta(seconds=60)
# If so many calls in a row end in an error, the rest are not paid for.
MOST_FAILED: Final = 3


class Embedder:
    """Asks one embedder, as many calls at once as its endpoint takes, until the time is up.

    A call that fails for good costs its own texts alone, and whoever asks goes on without them.
    `numbers` is how long an embedding is, None until one has come; `tokens` is what was read, as
    far as it was counted; `failure` is why texts were not embedded, the last time.
    """

    def __init__(
        self, chat_model: ChatModel, *, limit: timedelta, numbers: int | None = None
    ) -> None:
        """An embedding that is not of so many `numbers`, if given, is an error.

        Raises ScorerError for a chat model that can't be asked for embeddings.
        """
        try:
            self._endpoint = embedder_of(chat_model)
        except EndpointError as error:
            raise ScorerError(f"{error}.") from error
        self.chat_model, self.numbers = chat_model, numbers
        self.tokens = 0
        self.failure: ProviderError | None = None
        self._rules = address_rules()
        self._until = time.monotonic() + limit.total_seconds()
        self._known: dict[str, Vectors | None] = {}
        self._failed_in_a_row = 0
        self._is_given_up = threading.Event()

    def fetch(self, texts: Iterable[str]) -> None:
        """Ask for the embeddings of texts that were not asked for yet."""
        wanted = dict.fromkeys(text[:MOST_SIGNS] for text in texts if text.strip())
        new = [text for text in wanted if text not in self._known]
        parts = [new[start : start + MOST_TEXTS] for start in range(0, len(new), MOST_TEXTS)]
        with ThreadPoolExecutor(max(self.chat_model.max_concurrent, 1)) as pool:
            for part, answer in zip(parts, pool.map(self._ask, parts), strict=True):
                self._take(part, answer)

    def embedding_of(self, text: str) -> Vectors | None:
        """A text's embedding (E,), if it came."""
        return self._known.get(text[:MOST_SIGNS])

    @property
    def texts(self) -> int:
        """How many different texts were embedded."""
        return len(self._known) - self.failed

    @property
    def failed(self) -> int:
        """How many different texts were not."""
        return sum(each is None for each in self._known.values())

    @property
    def cost(self) -> Decimal:
        """What it has cost in US dollars, as far as tokens were counted."""
        return charge(self.chat_model, prompt_tokens=self.tokens, completion_tokens=0)

    def _ask(self, part: Sequence[str]) -> Embeddings | ProviderError | None:
        """What comes of a part after all attempts, in a thread that knows no database.

        None where nobody was asked, since all was given up.
        """
        attempt = 0
        while not self._is_given_up.is_set():
            attempt += 1
            left = self._until - time.monotonic()
            if left <= 0:
                return ProviderTimeoutError("the time for all of it is up")
            deadline = datetime.now(UTC) + min(CALL_LIMIT, timedelta(seconds=left))
            try:
                return embed(self._endpoint, part, deadline=deadline, rules=self._rules)
            except ProviderError as error:
                delay = retry_delay(error, attempt, seed=crc32(part[0].encode()))
                if delay is None:
                    return error
                self._is_given_up.wait(delay.total_seconds())
        return None

    def _take(self, part: Sequence[str], answer: Embeddings | ProviderError | None) -> None:
        """Keep what came of a part, or that nothing did."""
        if isinstance(answer, Embeddings):
            self.tokens += answer.tokens or 0
            found = answer.vectors.shape[1]
            self.numbers = self.numbers or found
            if found == self.numbers:
                self._known |= zip(part, answer.vectors, strict=True)
                self._failed_in_a_row = 0
                return
            answer = MalformedAnswerError(
                f"an embedding has {found:,} numbers, and others have {self.numbers:,}"
            )
        self._known |= dict.fromkeys(part)
        if answer is None:
            return
        self.failure = answer
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MOST_FAILED or isinstance(answer, EndpointError):
            self._is_given_up.set()


def embedder_for(number: int | None, *, as_trained: Embedded | None = None) -> Embedder:
    """The embedder that is the chat model of this id, with as much time as a report has for it.

    Raises ScorerError for a chat model that embeds nothing, or not as it did in training.
    """
    chat_model = None if number is None else ChatModel.objects.filter(pk=number).first()
    if chat_model is None:
        raise ScorerError(_("Choose an embedder of the registry."))
    if as_trained is not None and pinned_digest(chat_model) != as_trained.pinned:
        raise ScorerError(
            _(
                "%(chat_model)s is asked in another way than when the scorer was trained, and may "
                "embed otherwise: train it anew."
            )
            % {"chat_model": chat_model}
        )
    numbers = as_trained.numbers if as_trained else None
    return Embedder(chat_model, limit=TIME_LIMIT, numbers=numbers)


def expense_of(embedder: Embedder, *, left_out: int) -> Embedded:
    """What an embedder was asked. Raises ScorerError where it has embedded nothing."""
    if embedder.numbers is None or not embedder.texts:
        failure = embedder.failure
        why = f"{type(failure).__name__}: {failure}" if failure else _("there was no reply")
        words = _("%(chat_model)s embedded nothing (%(why)s).")
        raise ScorerError(words % {"chat_model": embedder.chat_model, "why": why})
    return Embedded(
        chat_model=str(embedder.chat_model),
        chat_model_id=embedder.chat_model.pk,
        pinned=pinned_digest(embedder.chat_model),
        numbers=embedder.numbers,
        texts=embedder.texts,
        failed=embedder.failed,
        battles_left_out=left_out,
        tokens=embedder.tokens,
        cost=float(embedder.cost),
        # Not its words: they may name the endpoint, and cards are shown around.
        error=type(embedder.failure).__name__ if embedder.failure else "",
    )
