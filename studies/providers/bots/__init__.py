"""Chat models that are a few rules, so that a study can be tried without a key.

They are as good or bad as they are on purpose, and visibly so: a board of them has an order
that anyone can check by talking to them. An answer depends on the seed and the conversation
only. They are reached as `bot:NAME`, with the parameters `seed` and `pace_ms` (the pause
before each word, 0 if not given). Nothing that they say gives their name away.

`bot:judge` is none of them: it rates what others said.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final, Protocol

from studies.providers.bots import eliza, helper, judge, mirrors, rambler
from studies.providers.endpoint import Message, Role
from studies.providers.errors import EndpointError

BOT_SCHEME: Final = "bot:"
LONGEST_PACE: Final = timedelta(seconds=10)
EVERY_BOTS: Final = ("seed", "pace_ms")


class Answerer(Protocol):
    """Answers the last message of a rater; `said` are all her messages, the last one last."""

    def __call__(self, said: Sequence[str], chance: Random, /) -> str:
        """The answer, never empty."""


@dataclass(frozen=True)
class Bot:
    """A built-in chat model: the name it is reached by, and what an admin should know of it.

    `parameters` are those that it knows.
    """

    name: str
    description: str
    answer: Answerer
    parameters: tuple[str, ...] = EVERY_BOTS

    @property
    def base_url(self) -> str:
        """The address that stands for it."""
        return f"{BOT_SCHEME}{self.name}"


BOTS: Final = (
    Bot("helper", "Knows useful steps for everyday topics; careful with health.", helper.answer),
    Bot("summariser", "Sums up what it was told and asks a good question.", mirrors.summarise),
    Bot("eliza", "Turns statements into questions, after Weizenbaum (1966).", eliza.answer),
    Bot("terse", "The right first step in a few words, and nothing more.", helper.answer_tersely),
    Bot("rambler", "Many words around the topic, hardly any on it.", rambler.answer),
    Bot("echo", "Says again what it was told.", mirrors.echo),
)
JUDGE: Final = Bot(
    "judge",
    "Rates replies by the words that they take up, and their length. Nobody can talk with it.",
    judge.tuned({}),
    (*EVERY_BOTS, *judge.PARAMETERS),
)


def list_bots() -> tuple[Bot, ...]:
    """Every built-in bot that a rater can talk with, the most useful first."""
    return BOTS


def list_judges() -> tuple[Bot, ...]:
    """Every built-in bot that judges."""
    return (JUDGE,)


def find_bot(base_url: str) -> Bot:
    """The bot that `bot:NAME` stands for; else EndpointError, which lists them."""
    bots = (*BOTS, JUDGE)
    for bot in bots:
        if bot.base_url == base_url:
            return bot
    known = ", ".join(bot.base_url for bot in bots)
    raise EndpointError(f"there is no bot {base_url}; known are {known}")


def reply_of(bot: Bot, messages: Sequence[Message], *, seed: int) -> str:
    """What a bot answers to a conversation, whose last message must be the rater's."""
    if not messages or messages[-1].role is not Role.USER:
        raise EndpointError("there is no message to answer")
    said = [message.content for message in messages if message.role is Role.USER]
    # Seeded by the words too: raters who say different things hear different things.
    chance = Random(f"{seed}:{bot.name}:{len(said)}:{said[-1]}")  # noqa: S311
    return bot.answer(said, chance)


def stream_bot(
    base_url: str, messages: Sequence[Message], parameters: Mapping[str, object]
) -> Iterator[str]:
    """A bot's answer word by word. EndpointError for a bot or a parameter that there isn't."""
    bot = find_bot(base_url)
    if unknown := sorted(parameters.keys() - set(bot.parameters)):
        known = " and ".join(bot.parameters)
        raise EndpointError(f"a bot has no parameter {', '.join(unknown)}; {known} it has")
    if bot is JUDGE:
        bot = replace(bot, answer=judge.tuned(parameters))
    seed = _whole_number(parameters, "seed")
    pace = timedelta(milliseconds=_whole_number(parameters, "pace_ms"))
    if not timedelta(0) <= pace <= LONGEST_PACE:
        raise EndpointError(f"pace_ms is from 0 to {LONGEST_PACE // timedelta(milliseconds=1)}")
    for word in re.findall(r"\s*\S+", reply_of(bot, messages, seed=seed)):
        if pace:
            time.sleep(pace.total_seconds())
        yield word


def _whole_number(parameters: Mapping[str, object], name: str) -> int:
    value = parameters.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
        raise EndpointError(f"{name} is a whole number, not {value!r}")
    return value
