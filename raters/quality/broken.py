"""Replies broken on purpose, so that nobody who reads prefers them: one side of a gold battle."""

import re
from random import Random
from typing import Final

OFF_TOPIC: Final = "off_topic"
TRUNCATED: Final = "truncated"
SCRAMBLED: Final = "scrambled"

# Shorter ones look whole when cut, and may read well when shuffled.
WORDS_TO_BREAK: Final = 12
KEPT: Final = 1 / 3

# About nothing that anybody asks an assistant for, and about each other as little.
_OTHER_THINGS: Final = """
Lighthouses were painted in bands of two colours so that sailors could tell one from the next by
day. The keepers wrote down every ship that passed, the wind, and how much oil the lamp had used.
Most of these books are still kept in harbour offices, and nobody reads them.

The village band met on Thursdays in a room above the bakery. It had four clarinets, a drum and a
tuba that was older than any of the players. In summer the windows stood open, and people on the
square below could hear the same march eleven times in a row.

Snails cross a garden path in about a quarter of an hour. They prefer the night, when the stones
are damp, and go back along their own trail in the morning. A wooden board laid on the ground will
have a dozen of them under it within a week.

Before there were zips, a pair of boots could have thirty buttons, and a small hook hung beside
every door to close them with. The hooks were made of bone or steel. Children learnt to use them
before they learnt to tie a bow.

The tram from the old depot ran along the river as far as the brickworks. Its conductor knew all
stops by heart and called them in advance, also those that had been given up. On Sundays there was
a second carriage for the people who went to see the boats.

A field of flax is blue only in the morning, and only for a few weeks. The flowers open at sunrise
and have fallen by noon. From a distance it looks as if somebody had spread a sheet of water
between the hedges and taken it away again at lunch.

In the attic of the school stood a globe on which half of the sea was worn away, where hands had
turned it for sixty years. Whoever came up to fetch chalk gave it a push. It creaked on its axis
and came to rest, mostly, with the same ocean up.
"""
PARAGRAPHS: Final = tuple(" ".join(text.split()) for text in _OTHER_THINGS.split("\n\n"))


def spoil(text: str, fault: str, *, seed: int) -> str:
    """A reply with one of the faults; `seed` draws what chance decides.

    One too short to be recognised as cut or shuffled goes off the topic instead. ValueError for
    an unknown fault.
    """
    if fault not in {OFF_TOPIC, TRUNCATED, SCRAMBLED}:
        raise ValueError(f"A reply can't be broken in this way: {fault!r}.")
    if fault == OFF_TOPIC or len(text.split()) < WORDS_TO_BREAK:
        return off_topic(seed)
    return truncated(text) if fault == TRUNCATED else scrambled(text, seed=seed)


def off_topic(seed: int) -> str:
    """A calm paragraph about something else; seeds that follow each other give other ones."""
    return PARAGRAPHS[seed % len(PARAGRAPHS)]


def truncated(text: str) -> str:
    """About the first third of a text's words, cut off in the middle of a sentence."""
    words = list(re.finditer(r"\S+", text))
    last = max(1, round(len(words) * KEPT))
    # A cut after a sentence's end would look whole.
    return re.sub(r"[\s.!?:;,…)\]*_`\"'”’]+$", "", text[: words[last - 1].end()]) or words[0][0]


def scrambled(text: str, *, seed: int) -> str:
    """The words of a text in a random order, with its own spaces and line ends between them."""
    pieces = re.split(r"(\s+)", text.strip())
    words = pieces[::2]
    # No secrets hang on this: the same seed has to give the same text.
    Random(seed).shuffle(words)  # noqa: S311
    if words == pieces[::2]:
        words = words[1:] + words[:1]
    pieces[::2] = words
    return "".join(pieces)
